"""What Shopify's refusals mean: one clear line each, with who has to do what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.http import Answer, TooLargeError, clip, looks_like_html, refusal
from adapters.shopify.documents import VERSION
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError, VendorError

THROTTLED: Final = "THROTTLED"
#: Shopify's own troubles, which pass.
PASSING: Final = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"})
_TOO_DEAR: Final = "MAX_COST_EXCEEDED"
_DENIED: Final = "ACCESS_DENIED"
_SCOPE: Final = re.compile(r"\b(?:read|write)_[a-z_]+")
_REPORT: Final = "if it lasts, report it with the kept answer"


class DeniedError(AuthError):
    """The token is good, but some fields are closed to it. ``fields`` names them."""

    def __init__(self, message: str, *, next_step: str, fields: frozenset[str]) -> None:
        super().__init__(message, next_step=next_step)
        self.fields = fields


def codes(errors: Any) -> list[str]:
    """Return the codes of a GraphQL answer's errors."""
    return [str(_extensions(error).get("code", "")) for error in _many(errors)]


def refused(answer: Answer, site: str, payload: Any) -> VendorError:
    """Return what an answer without success means. A 401 is judged by the caller, who can probe."""
    words = _words(payload)
    match answer.status:
        case 402:
            return UnreachableError(f"{site} is frozen: its Shopify plan is not paid", next_step=_OWNER)
        case 403 if scopes := _scopes(words):
            return lost_scope(site, scopes)
        case 404:
            return UnreachableError(
                f"{site} is no Shopify shop, or its Admin API has no version {VERSION}",
                next_step="check base_url (https://SHOP.myshopify.com); if it is right, update reconciler",
            )
        case 423:
            return UnreachableError(f"{site} is locked by Shopify", next_step=_OWNER)
        case 430:
            return UnreachableError(
                f"{site} takes our requests for an attack (status 430)",
                next_step="pause the connection for an hour, then look for other programs with this token",
            )
        case _:
            return refusal(answer, site, words)


_OWNER: Final = "the shop's owner has to settle it with Shopify"


def revoked(site: str) -> AuthError:
    """Return the error for a token that is good no more."""
    return AuthError(
        f"{site} refuses the access token: it was revoked, or belongs to another shop",
        next_step="install the app again, put its new token in place, and apply the channel file",
    )


def lost_scope(site: str, scopes: Sequence[str]) -> AuthError:
    """Return the error for a token that is good but may not do what we need."""
    named = " and ".join(sorted(set(scopes)))
    return AuthError(
        f"{site} knows the access token, but it lacks the scope {named}",
        next_step=f"grant {named} to the app and authorise it again",
    )


def gone_version(site: str, answered: str) -> MalformedError:
    """Return the error for an API version that Shopify serves no more."""
    return MalformedError(
        f"{site} answered as Admin API version {clip(answered, 20)}, because {VERSION} is gone",
        next_step="update reconciler to a release for that version",
    )


def graphql_error(site: str, payload: Mapping[str, Any]) -> VendorError | None:
    """Return what the errors and warnings in an answer mean; None when it is good and whole."""
    errors = _many(payload.get("errors"))
    if not errors:
        return _search_error(site, payload) or _without_data(site, payload)
    found = codes(errors)
    if _DENIED in found:
        return _denied(site, [error for error in errors if _extensions(error).get("code") == _DENIED])
    if _TOO_DEAR in found:
        return TooLargeError(f"{site} finds the query too dear", next_step="ask for less at once")
    if any(code in PASSING or code == THROTTLED for code in found):
        return UnreachableError(f"{site} could not answer now ({found[0]})", next_step="it is tried again")
    code = next(filter(None, found), "no code")
    return MalformedError(f"{site} refuses the query ({code}): {clip(_words(payload))}", next_step=_REPORT)


def _search_error(site: str, payload: Mapping[str, Any]) -> VendorError | None:
    """A search that was not understood answers with everything, or nothing, and a warning in small print."""
    for search in _many(_extensions(payload).get("search")):
        for warning in _many(search.get("warnings")) if isinstance(search, Mapping) else ():
            said = clip(str(warning.get("message", "") if isinstance(warning, Mapping) else warning))
            return MalformedError(f"{site} did not understand the search: {said}", next_step=_REPORT)
    return None


def _without_data(site: str, payload: Mapping[str, Any]) -> VendorError | None:
    if isinstance(payload.get("data"), Mapping):
        return None
    return MalformedError(f"{site} sent an answer without data", next_step=_REPORT)


def _denied(site: str, errors: Sequence[Any]) -> VendorError:
    fields = frozenset(str(path[-1]) for error in errors if (path := error.get("path")))
    scopes = _scopes(" ".join(str(_extensions(error).get("requiredAccess", "")) for error in errors))
    scopes = scopes or _scopes(" ".join(str(error.get("message", "")) for error in errors))
    if scopes:
        error = lost_scope(site, scopes)
        return DeniedError(error.message, next_step=error.next_step, fields=fields)
    what, said = ", ".join(sorted(fields)) or "the orders", str(errors[0].get("message", ""))
    return DeniedError(
        f"{site} knows the access token, but denies it {clip(what)}: {clip(said)}",
        next_step="grant the app access to it (protected customer data counts too) and authorise it again",
        fields=fields,
    )


def payload_of_refusal(answer: Answer) -> bool:
    """Say whether a refusal has words worth reading."""
    return not looks_like_html(answer) and bool(answer.body.strip())


def _words(payload: Any) -> str:
    """Return the words of Shopify's errors: a text, a list, an object, or just ``true``."""
    if not isinstance(payload, Mapping):
        return ""
    told = payload.get("errors", payload.get("error", ""))
    if isinstance(told, Mapping):
        told = [f"{key}: {value}" for key, value in told.items()]
    parts = [str(part.get("message", "")) if isinstance(part, Mapping) else str(part) for part in _many(told)]
    return "; ".join(part for part in parts if part and part != "True")


def _scopes(text: str) -> list[str]:
    return _SCOPE.findall(text)


def _extensions(thing: Any) -> Mapping[str, Any]:
    found = thing.get("extensions") if isinstance(thing, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _many(value: Any) -> list[Any]:
    if value is None or value is False or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
