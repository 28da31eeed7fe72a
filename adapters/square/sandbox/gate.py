"""Who may come in: tokens, scopes, versions, how many calls a second, and who is banned."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adapters.sandbox import Faults, Request
from adapters.square.sandbox.refusal import RefusedCall

#: What a token may do at first.
SCOPES: Final = (
    "ITEMS_READ", "ITEMS_WRITE", "MERCHANT_PROFILE_READ", "ORDERS_READ", "ORDERS_WRITE", "PAYMENTS_READ",
    "PAYMENTS_WRITE",
)  # fmt: skip
_VERSION: Final = re.compile(r"20\d\d-\d\d-\d\d")


@dataclass
class Throttle:
    """A limit that is not told, and no ``Retry-After``: whoever is turned away has to slow down by itself."""

    rate: float = 25.0
    burst: float = 25.0
    #: Calls turned away in a row, each within ``rest`` seconds of the last, until the ban. None: no ban.
    offences_allowed: int | None = 8
    rest: float = 0.25
    accepted: int = 0
    turned_away: int = 0
    offences: int = 0
    banned: bool = False
    _left: float = field(default=-1.0, repr=False)
    _at: datetime | None = field(default=None, repr=False)
    _last_refusal: datetime | None = field(default=None, repr=False)

    def admit(self, now: datetime) -> bool:
        """Count a call; say whether it is let in."""
        passed = (now - self._at).total_seconds() if self._at else 0.0
        self._left = self.burst if self._at is None else min(self.burst, self._left + passed * self.rate)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            self.accepted += 1
            self.offences = 0
            return True
        self.refuse(now)
        return False

    def refuse(self, now: datetime) -> None:
        """Count a call that was turned away."""
        self.turned_away += 1
        last = self._last_refusal
        soon = last is not None and (now - last).total_seconds() < self.rest
        self.offences = self.offences + 1 if soon else 1
        self._last_refusal = now
        if self.offences_allowed is not None and self.offences > self.offences_allowed:
            self.banned = True


@dataclass
class Gate:
    """Stands before every address."""

    faults: Faults
    token: str
    throttle: Throttle = field(default_factory=Throttle)
    scopes: tuple[str, ...] = SCOPES

    def check(self, request: Request, scope: str | None, now: datetime) -> None:
        """Let a call in, or refuse it."""
        if self.throttle.banned:
            raise RefusedCall("FORBIDDEN", "This client is blocked: it ignored RATE_LIMITED.", status=403)
        struck = self.faults.strike("throttle")
        if struck:
            self.throttle.refuse(now)
        if struck or not self.throttle.admit(now):
            detail = "The number of requests is exceeding your limit. Please try again later."
            raise RefusedCall("RATE_LIMITED", detail, status=429)
        self._token(request)
        self._version(request)
        if scope is not None and scope not in self.granted:
            detail = (
                "The merchant has not given your application sufficient permissions to do that. The merchant "
                f"must authorize your application for the following scopes: {scope}"
            )
            raise RefusedCall("INSUFFICIENT_SCOPES", detail, status=403)

    @property
    def granted(self) -> list[str]:
        """What the token may do now."""
        lost = self.faults.on("lost_scope")
        gone = lost.settings.get("scope", "ORDERS_WRITE") if lost else None
        return [scope for scope in self.scopes if scope != gone]

    def _token(self, request: Request) -> None:
        if self.faults.on("expired_token"):
            raise RefusedCall("ACCESS_TOKEN_EXPIRED", "The provided access token has expired.", status=401)
        if self.faults.on("revoked_token"):
            raise RefusedCall(
                "ACCESS_TOKEN_REVOKED", "The provided access token has been revoked.", status=401
            )
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusedCall("UNAUTHORIZED", "This request could not be authorized.", status=401)

    def _version(self, request: Request) -> None:
        version = request.headers.get("square-version")
        if version is not None and not _VERSION.fullmatch(version):
            raise RefusedCall("INVALID_SQUARE_VERSION_FORMAT", f"`{version}` is no version.", status=400)
        if self.faults.on("gone_version"):
            raise RefusedCall("API_VERSION_INCOMPATIBLE", "This version is not served any more.", status=400)


def retry_after(faults: Faults) -> dict[str, Any]:
    """Return the header that Square does not send, for those who want to see it obeyed."""
    fault = faults.on("retry_after")
    return {"retry-after": fault.settings.get("seconds", "2")} if fault else {}
