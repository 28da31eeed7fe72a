"""What Square says when it says no: credentials, a scope, an article, a tax, or something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.http import Answer, clip, refusal
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError, VendorError
from reconciler.domain.evidence import FailureCause

#: The token is of no use any more, for anything.
REVOKED: Final = {
    "UNAUTHORIZED": "is not accepted",
    "ACCESS_TOKEN_EXPIRED": "has expired",
    "ACCESS_TOKEN_REVOKED": "was revoked",
    "CLIENT_DISABLED": "belongs to an application that was disabled",
    "APPLICATION_DISABLED": "belongs to an application that was disabled",
}
#: The token is good, but not for this.
FORBIDDEN: Final = frozenset({"INSUFFICIENT_SCOPES", "FORBIDDEN", "INSUFFICIENT_PERMISSIONS"})
_VERSION: Final = frozenset({"API_VERSION_INCOMPATIBLE", "INVALID_SQUARE_VERSION_FORMAT"})
_SCOPES: Final = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*_(?:READ|WRITE)\b")
_LINE: Final = re.compile(r"line_items\[(\d+)\]")
_ARTICLE: Final = re.compile(r"line_items\[\d+\]\.catalog_object_id\Z")
#: What a refusal may be told about is never a person: addresses and numbers of any length to dial.
_PERSONAL: Final = re.compile(r"[^\s@`'\"]+@[^\s@`'\"]+|\+?\d[\d\s().-]{5,}\d")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One entry of an answer's ``errors``."""

    code: str
    category: str = ""
    detail: str = ""
    field: str = ""

    @property
    def scopes(self) -> list[str]:
        """The scopes that it names."""
        return _SCOPES.findall(self.detail)

    @property
    def line(self) -> int | None:
        """The line item that it is about, by its place in the request."""
        match = _LINE.search(self.field)
        return int(match[1]) if match else None


def complaints(payload: object) -> tuple[Complaint, ...]:
    """Return what an answer complains about, in either of the shapes that Square uses."""
    if not isinstance(payload, Mapping):
        return ()
    errors = payload.get("errors")
    if isinstance(errors, list):
        return tuple(_complaint(error) for error in errors if isinstance(error, Mapping))
    if "message" in payload and "type" in payload:
        # The addresses under /oauth2 still answer in the old shape at times.
        code = str(payload["type"]).replace(".", "_").upper()
        return (
            Complaint("UNAUTHORIZED" if "UNAUTHORIZED" in code else code, detail=str(payload["message"])),
        )
    return ()


def _complaint(error: Mapping[str, object]) -> Complaint:
    words = [str(error.get(key) or "") for key in ("code", "category", "detail", "field")]
    return Complaint(*words)


def words_of(found: Iterable[Complaint], secret: Iterable[str] = ()) -> str:
    """Return Square's words on one line, without ``secret`` texts, addresses and telephone numbers."""
    sayings = []
    for complaint in found:
        where = f" ({complaint.field})" if complaint.field else ""
        said = f": {complaint.detail}" if complaint.detail else ""
        sayings.append(f"{complaint.code}{where}{said}")
    text = "; ".join(sayings)
    for part in sorted(set(filter(None, secret)), key=len, reverse=True):
        text = text.replace(part, "[personal]")
    return clip(_PERSONAL.sub("[personal]", text))


def auth_error(found: Iterable[Complaint], site: str) -> AuthError | None:
    """Return what the complaints say against our credentials, or None; a lost scope is told by its name."""
    for complaint in found:
        if complaint.code in REVOKED:
            return AuthError(
                f"the access token for {site} {REVOKED[complaint.code]} ({complaint.code})",
                next_step="the merchant has to authorise the connection again; then renew its access_token",
            )
        if complaint.code in FORBIDDEN:
            return lost_scope(site, complaint.scopes, complaint.code)
    return None


def lost_scope(site: str, scopes: Iterable[str], code: str = "INSUFFICIENT_SCOPES") -> AuthError:
    """Return the error of a token that is good, and not for this."""
    named = ", ".join(dict.fromkeys(scopes))
    lacks = f"lacks the scope {named}" if named else "may not do this"
    return AuthError(
        f"the access token for {site} is good but {lacks} ({code})",
        next_step=f"the merchant has to authorise the application for {named or 'the scope that is missing'}",
    )


def read_error(answer: Answer, site: str, found: tuple[Complaint, ...]) -> VendorError:
    """Return what a refused read means."""
    auth = auth_error(found, site)
    if auth is not None:
        return auth
    words = words_of(found)
    if any(complaint.code in _VERSION for complaint in found):
        return MalformedError(
            f"{site} does not know the version that we speak: {words}",
            next_step="set options.square_version to one that the application may use",
        )
    if answer.status in {401, 403}:
        # Only Square's own code tells that it is the token: a proxy or a shop that is closed says 401 too.
        return UnreachableError(
            f"{site} refused the call without saying why (status {answer.status}){words and f': {words}'}",
            next_step="check base_url; it is tried again by itself",
        )
    return refusal(answer, site, words)


def create_cause(found: tuple[Complaint, ...]) -> FailureCause:
    """Return why an order was refused for certain."""
    about = " ".join(f"{complaint.field} {complaint.detail}".lower() for complaint in found)
    if any(complaint.code in FORBIDDEN for complaint in found):
        return FailureCause.PERMISSIONS
    if any(complaint.code == "NOT_FOUND" and _ARTICLE.search(complaint.field) for complaint in found):
        return FailureCause.UNMAPPED_SKU
    if re.search(r"catalog|modifier|variation", about):
        return FailureCause.MENU_SETUP
    if re.search(r"\btax(es|ed)?\b|\btaxes\[", about):
        return FailureCause.TAX_SETUP
    return FailureCause.REJECTED


def create_codes(found: tuple[Complaint, ...], skus: list[str]) -> tuple[str, ...]:
    """Return what a refusal is about: SKUs where it names lines, scopes where it names some, or its codes."""
    lines = [skus[c.line] for c in found if c.line is not None and c.line < len(skus)]
    scopes = [scope for complaint in found for scope in complaint.scopes]
    return tuple(dict.fromkeys(lines or scopes or [complaint.code for complaint in found]))
