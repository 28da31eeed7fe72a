"""The vendor of the proving ground: a cart and a POS over HTTP, with and without idempotency keys.

It sends through the same client as every networked vendor, so that what a broken call means is decided there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from adapters.http import Bucket, Call, HttpClient, Limits, LocalLimiter, Site, Tools, make_session
from reconciler.domain.errors import AuthError, MalformedError, VendorError
from reconciler.domain.evidence import Catalog, FailureCause
from reconciler.domain.orders import CartOrder, Line, PaymentStatus, PosOrder, PosStatus
from reconciler.domain.policy import Policy
from reconciler.ports import (
    Capabilities,
    ConnectionInfo,
    Coverage,
    Lookup,
    Outcome,
    OutcomeKind,
    Page,
    Side,
    Snapshot,
    Submission,
)
from reconciler.ports.vendor_info import OptionKind, VendorInfo

NAME: Final = "proving-ground"
READ_SECONDS: Final = "RECONCILER_CHAOS_READ_SECONDS"
LIMITS: Final = Limits(
    connect_seconds=1,
    read_seconds=float(os.environ.get(READ_SECONDS, "1.5")),
    tries=2,
    patience_seconds=3,
)
BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)


@cache
def _tools() -> Tools:
    """One pool a process: workers are forked before they ask for anything."""
    return Tools(
        session=make_session(), clock=lambda: datetime.now(UTC), limiter=LocalLimiter(time.monotonic)
    )


def _client(connection: ConnectionInfo) -> HttpClient:
    site = Site(base_url=connection.base_url, key=connection.name, bucket=Bucket(1000, 1000))
    return HttpClient(site, _tools(), {}, LIMITS)


def _ask(http: HttpClient, **params: str) -> Any:
    answer = http.read(Call(path="orders", params=params))
    if answer.status == 401:
        raise AuthError("the token was revoked", next_step="authorise again")
    return http.json(http.checked(answer))


def _pages(http: HttpClient, since: datetime | None) -> Iterator[Sequence[Mapping[str, Any]]]:
    page: str | None = "0"
    while page is not None:
        found = _ask(http, page=page, since=since.isoformat() if since else "")
        yield found["orders"]
        page = found["next"]


def _covered(since: datetime | None, now: datetime) -> Coverage:
    return Coverage(covers_from=since or BEGINNING, covers_to=now, complete=True)


class ProvingCart:
    """The cart."""

    capabilities = Capabilities()

    def __init__(self, connection: ConnectionInfo) -> None:
        self._http = _client(connection)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[CartOrder] | Coverage]:
        """Yield the orders that changed since then."""
        for rows in _pages(self._http, since):
            yield Page([_snapshot(row, _cart_order(row)) for row in rows])
        yield _covered(since, now)

    def probe(self) -> str:
        """Return who we are."""
        return "the proving ground"

    def fetch(self, references: Sequence[str], ids: Mapping[str, str] | None = None) -> dict[str, CartOrder]:
        """Read orders again."""
        found = _ask(self._http, references=",".join(references))["orders"]
        return {row["reference"]: _cart_order(row) for row in found}


class ProvingPos:
    """The POS."""

    def __init__(self, connection: ConnectionInfo) -> None:
        self.capabilities = Capabilities(idempotency_keys=bool(connection.options.get("keys")))
        self._http = _client(connection)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[PosOrder] | Coverage]:
        """Yield the records that changed since then."""
        for rows in _pages(self._http, since):
            yield Page([_snapshot(row, _record(row)) for row in rows])
        yield _covered(since, now)

    def probe(self) -> str:
        """Return who we are."""
        return "the proving ground"

    def find(self, reference: str, now: datetime) -> Lookup:
        """Search for a reference."""
        try:
            rows = _ask(self._http, references=reference)["orders"]
        except VendorError as error:
            return Lookup((), conclusive=False, reason=str(error))
        return Lookup([_snapshot(row, _record(row)) for row in rows], conclusive=True)

    def handed_over(self) -> dict[str, datetime]:
        """Return nothing: it shows what it took."""
        return {}

    def catalog(self) -> Catalog:
        """Return that everything can be sold."""
        return Catalog()

    def prepare(self, order: CartOrder, policy: Policy, key: str) -> Submission:
        """Write an order down."""
        body = {"reference": order.reference, "total": order.total, "lines": _lines(order)}
        return Submission(order.reference, key, msgspec.json.encode(body))

    def submit(self, submission: Submission, now: datetime) -> Outcome:
        """Send the bytes once."""
        headers = {"idempotency-key": submission.key, "content-type": "application/json"}
        sent = self._http.write(Call(method="POST", path="orders", headers=headers, body=submission.body))
        kind, status = sent.kind, sent.answer.status if sent.answer else 0
        if status in {401, 403}:
            kind = OutcomeKind.DEFERRED
        if kind is not OutcomeKind.ACCEPTED:
            refused = kind is OutcomeKind.REFUSED
            cause = FailureCause.REJECTED if refused else FailureCause.OUTAGE
            return Outcome(kind=kind, cause=cause, words=sent.words)
        try:
            assert sent.answer
            return Outcome(kind=kind, pos_id=self._http.json(sent.answer)["pos_id"])
        except (MalformedError, KeyError):
            return Outcome(kind=OutcomeKind.UNKNOWN, words="its answer cannot be understood")


def _snapshot(row: Mapping[str, Any], order: Any) -> Snapshot[Any]:
    return Snapshot(order, msgspec.json.encode(row).decode())


def _lines(order: CartOrder) -> list[dict[str, str]]:
    return [{"sku": line.sku or "", "quantity": str(line.quantity)} for line in order.lines]


def _read_lines(row: Mapping[str, Any]) -> tuple[Line, ...]:
    return tuple(Line(line["sku"], line["sku"], Decimal(line["quantity"])) for line in row["lines"])


def _moment(row: Mapping[str, Any], key: str) -> datetime | None:
    return datetime.fromisoformat(row[key]) if row.get(key) else None


def _cart_order(row: Mapping[str, Any]) -> CartOrder:
    placed_at = datetime.fromisoformat(row["placed_at"])
    return CartOrder(
        reference=row["reference"],
        placed_at=placed_at,
        paid_at=placed_at,
        updated_at=_moment(row, "updated_at"),
        cancelled_at=_moment(row, "cancelled_at"),
        currency="USD",
        total=row["total"],
        payment_status=PaymentStatus.PAID,
        captured=row["total"],
        lines=_read_lines(row),
    )


def _record(row: Mapping[str, Any]) -> PosOrder:
    return PosOrder(
        pos_id=row["pos_id"],
        reference=row["reference"],
        created_at=datetime.fromisoformat(row["created_at"]),
        currency="USD",
        total=row["total"],
        status=PosStatus(row["status"]),
        lines=_read_lines(row),
    )


INFO: Final = VendorInfo(sides=frozenset(Side), options={"keys": OptionKind.FLAG})


def make_cart(connection: ConnectionInfo, _credentials: Mapping[str, str], _tools: object) -> ProvingCart:
    """Return the cart adapter of a connection."""
    return ProvingCart(connection)


def make_pos(connection: ConnectionInfo, _credentials: Mapping[str, str], _tools: object) -> ProvingPos:
    """Return the POS adapter of a connection."""
    return ProvingPos(connection)
