"""One request and what came of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.domain.errors import MalformedError, UnreachableError, VendorError

#: An answer's headers; names are in lower case.
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to a vendor, without the credentials: the client adds them. ``path`` counts from the site."""

    method: str = "GET"
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    #: What it costs by the vendor's reckoning, at most.
    cost: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer, of whatever status."""

    status: int
    headers: Headers = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    received_at: datetime

    @property
    def ok(self) -> bool:
        """Say whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class TooLargeError(MalformedError):
    """The answer is larger than we read: ask for less at once."""


@dataclass(frozen=True, slots=True)
class Failure:
    """No whole answer came."""

    #: What happened, for a person; without credentials.
    words: str
    next_step: str
    #: The vendor may have acted on the request: bytes of it left.
    sent: bool
    #: The same request may fare better in a moment.
    passing: bool = True
    #: What it means for a read.
    means: type[VendorError] = UnreachableError


#: The statuses that say "later": the request was not acted on, or, for a read, asking again does no harm.
LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
