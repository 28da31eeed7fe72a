"""Keep credentials out of everything that is shown or stored, and keep what was exchanged as evidence."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, quote_plus, urlencode

from adapters.http.exchange import Answer, Call, Failure, Headers

REDACTED: Final = "[redacted]"
#: How much of a body is kept as evidence.
KEPT: Final = 64 * 1024
#: Shorter values than this stand in too many innocent texts.
_SHORTEST: Final = 4
_TELLING: Final = ("authorization", "cookie", "key", "password", "secret", "token")


class Redactor:
    """Replaces known secrets, in every spelling that they travel in."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {text for secret in secrets for text in _spellings(secret) if len(text) >= _SHORTEST}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._spellings)} spellings>"

    def text(self, text: str) -> str:
        """Return ``text`` without any of the secrets."""
        for spelling in self._spellings:
            text = text.replace(spelling, REDACTED)
        return text

    def headers(self, headers: Headers) -> dict[str, str]:
        """Return headers in which every one that may carry a credential has lost its value."""
        return {name: REDACTED if telling(name) else self.text(value) for name, value in headers.items()}

    def body(self, body: bytes) -> str:
        """Return the beginning of a body as text."""
        return self.text(body[:KEPT].decode("utf-8", "replace"))


def telling(name: str) -> bool:
    """Say whether a header of this name may carry a credential."""
    return any(word in name.lower() for word in _TELLING)


def _spellings(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A request and its answer without credentials. Bodies hold personal data: never for a log."""

    at: datetime
    method: str
    url: str
    request_headers: Headers = field(repr=False)
    request_body: str = field(repr=False)
    status: int | None
    answer_headers: Headers = field(repr=False)
    answer_body: str = field(repr=False)
    #: Why there is no answer.
    failure: str = ""


def evidence(redactor: Redactor, url: str, call: Call, result: Answer | Failure, at: datetime) -> Evidence:
    """Write an exchange down."""
    answer = result if isinstance(result, Answer) else None
    return Evidence(
        at=at,
        method=call.method,
        url=redactor.text(f"{url}?{urlencode(call.params)}" if call.params else url),
        request_headers=redactor.headers(call.headers),
        request_body=redactor.body(call.body),
        status=answer.status if answer else None,
        answer_headers=redactor.headers(answer.headers) if answer else {},
        answer_body=redactor.body(answer.body) if answer else "",
        failure=result.words if isinstance(result, Failure) else "",
    )
