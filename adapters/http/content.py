"""Read an answer's content, or say in one line why it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from adapters.http.exchange import Answer
from adapters.http.failures import CHECK_URL
from adapters.http.retry import retry_after
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError, VendorError

#: How much of a vendor's words is passed on.
WORDS: Final = 300


def json_of(answer: Answer, site: str) -> Any:
    """Return the answer's JSON, decimals kept exact; None for an answer that is empty by design (204)."""
    if answer.status == 204:
        return None
    if not answer.body.strip():
        raise MalformedError(f"{site} sent an empty answer (status {answer.status})", next_step=_ODD)
    if looks_like_html(answer):
        raise MalformedError(
            f"{site} answered with a web page instead of JSON (status {answer.status})",
            next_step=f"{CHECK_URL}: it must be the API's address, not a login or a shop page",
        )
    body = answer.body.removeprefix(b"\xef\xbb\xbf")
    try:
        return _DECODER.decode(_mended(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = answer.media_type or "no content type"
        raise MalformedError(
            f"{site} sent something that is no JSON ({kind}, {len(answer.body)} bytes)", next_step=_ODD
        ) from None


_ODD: Final = f"{CHECK_URL}; if it lasts, send the kept answer to the vendor"
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
#: Escapes, whole surrogate pairs among them, and the halves that texts cut too short end with.
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)


def _mended(body: bytes) -> bytes:
    """Replace halves of characters: one of them in a customer's note must not cost the whole page."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPES.sub(lambda found: rb"\ufffd" if len(found[0]) == 6 else found[0], body)


def looks_like_html(answer: Answer) -> bool:
    """Say whether an answer is a web page, whatever its content type says."""
    start = answer.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<!--", b"<title"))


def clip(text: str, length: int = WORDS) -> str:
    """Return one line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * length]).split())
    return line if len(line) <= length else f"{line[:length]}..."


def refusal(answer: Answer, site: str, words: str = "") -> VendorError:
    """Return the error that an answer without success means for a read, unless the vendor knows better."""
    said = f": {clip(words)}" if words else ""
    status = answer.status
    if 300 <= status < 400:
        return UnreachableError(f"{site} redirects to {redirect(answer)}", next_step=_FOLLOW)
    if status in {401, 403}:
        return AuthError(f"{site} refuses the credentials (status {status}){said}", next_step=_RENEW)
    if status in {404, 410}:
        return UnreachableError(f"{site} has no such address (status {status}){said}", next_step=CHECK_URL)
    if status == 429 or status >= 500:
        pause = retry_after(answer)
        said += f", and asks for {pause:.0f} s of rest" if pause else ""
        return UnreachableError(f"{site} is not available (status {status}){said}", next_step=_WAIT)
    return MalformedError(f"{site} refuses the request (status {status}){said}", next_step=_ODD)


_RENEW: Final = "renew the connection's credentials"
_WAIT: Final = "it is tried again by itself; if it lasts, see the vendor's status page"
_FOLLOW: Final = "if that is the shop's new address, set base_url to it; credentials never follow a redirect"


def redirect(answer: Answer) -> str:
    """Return where a redirect points, without what may be secret in it."""
    try:
        target = urlsplit(answer.headers.get("location", ""))
        place = f"{target.hostname or ''}{f':{target.port}' if target.port else ''}{target.path}"
    except ValueError:
        place = ""
    return clip(f"{target.scheme}://{place}" if place and target.scheme else place, 200) or "nowhere"


#: Says how long to wait before asking again; None: the answer stands.
Again = Callable[[Answer], float | None]
