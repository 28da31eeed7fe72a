"""Sends a plan: the order, then its payment. Each has a key, so that the same bytes can go again.

create --refused--> REFUSED          nothing is there
  |  `--later-----> DEFERRED         likewise
  |  `--no answer-> UNKNOWN
  |--> other total -> cancelled there -> REFUSED, or UNKNOWN when that is not certain
  `--> pay --> ACCEPTED
         `--anything else--> UNKNOWN: the order is there, and no till shows it before it is paid
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from adapters.http import Tools, clip
from adapters.square.api import Sent, SquareApi
from adapters.square.errors import REVOKED, create_cause, create_codes, words_of
from adapters.square.payload import Order, UntranslatableError, order_of
from adapters.square.plan import Plan, decode
from adapters.square.translate import amount_due
from reconciler.domain.errors import VendorError
from reconciler.domain.evidence import FailureCause
from reconciler.domain.money import format_minor
from reconciler.ports import Outcome, OutcomeKind, Submission

#: How often a payment is sent while Square asks to come later; by then the order is there.
TRIES: Final = 4
#: Seconds within which a call has failed at once: then there is time to send the same bytes again.
AT_ONCE: Final = 5.0
#: A payment in one of these states is made.
PAID: Final = frozenset({"COMPLETED", "APPROVED"})


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends prepared orders to one account."""

    api: SquareApi
    tools: Tools

    def submit(self, submission: Submission, now: datetime) -> Outcome:
        """Create the order and record its payment. Never raises for what Square or the network does."""
        try:
            plan = decode(submission.body)
        except ValueError:
            return _unknown("these bytes are of another version of this program, which may have sent them")
        if plan.refusal is not None:
            refusal = plan.refusal
            words = refusal.words
            return replace(_refused(refusal.failure, tuple(refusal.codes), words), untried=True)
        made = self._create(plan, now)
        return self._pay(plan, made) if isinstance(made, Order) else made

    def _create(self, plan: Plan, now: datetime) -> Order | Outcome:
        sent = self._send("/v2/orders", msgspec.json.encode(plan.order))
        if sent.kind is not OutcomeKind.ACCEPTED:
            return self._not_made(plan, sent, now)
        try:
            order = order_of(sent.payload.get("order"))
        except UntranslatableError as error:
            return _unknown(f"Square took the order, and its answer cannot be understood: {error.message}")
        if order.state == "CANCELED":
            return _unknown(f"order {order.id}, which this key made, was cancelled in Square")
        found = order.total_money.amount if order.total_money else None
        return order if found == plan.total else self._undo(plan, order, found)

    def _not_made(self, plan: Plan, sent: Sent, now: datetime) -> Outcome:
        found, words = sent.complaints, self._words(plan, sent)
        if sent.kind is OutcomeKind.DEFERRED:
            wait = sent.written.wait
            return _deferred(words, now + timedelta(seconds=wait) if wait else None)
        if sent.kind is OutcomeKind.UNKNOWN:
            return _unknown(words)
        if any(complaint.code in REVOKED for complaint in found) or _bare(sent):
            # Nothing was acted on, and nothing is wrong with the order: it waits for the credentials.
            return _deferred(words, None)
        if any(complaint.code == "IDEMPOTENCY_KEY_REUSED" for complaint in found):
            # Something was made under this key before: that is what has to be looked for.
            return _unknown(words)
        return _refused(create_cause(found), create_codes(found, plan.skus), words)

    def _undo(self, plan: Plan, order: Order, found: int | None) -> Outcome:
        """Cancel an order that Square reckons otherwise than the shop, before anybody sees it."""
        request = plan.order or {}
        currency = order.total_money.currency if order.total_money else None
        shown = format_minor(found, currency or "") if found is not None else "nothing"
        said = (
            f"Square comes to {shown} instead of {format_minor(plan.total, currency or '')} {currency or ''}"
        )
        parts = [{"uid": part.uid, "state": "CANCELED"} for part in order.fulfillments or () if part.uid]
        body = {
            "idempotency_key": f"{request.get('idempotency_key', '')}-undo"[-192:],
            "order": {
                "location_id": order.location_id,
                "version": order.version,
                "state": "CANCELED",
                "fulfillments": parts,
            },
        }
        sent = self.api.send(f"/v2/orders/{order.id}", msgspec.json.encode(body), "PUT")
        state = (sent.payload.get("order") or {}).get("state")
        if sent.kind is OutcomeKind.ACCEPTED and state == "CANCELED":
            taxed = bool(request.get("order", {}).get("taxes"))
            cause = FailureCause.TAX_SETUP if taxed else FailureCause.REJECTED
            return _refused(cause, ("TOTAL_MISMATCH",), f"{said}; order {order.id} was cancelled there")
        return _unknown(f"{said}; order {order.id} is there unpaid: cancel it in Square", order.id)

    def _pay(self, plan: Plan, order: Order) -> Outcome:
        for attempt in range(TRIES):
            sent = self._send_payment(plan, order)
            if sent.kind is not OutcomeKind.DEFERRED:
                break
            if attempt + 1 < TRIES:
                pause = self.api.http.backoff.pause(attempt, self.tools.random)
                self.tools.sleep(sent.written.wait or pause)
        if sent.kind is OutcomeKind.ACCEPTED and (plan.free or _status(sent.payload) in PAID):
            return Outcome(kind=OutcomeKind.ACCEPTED, pos_id=order.id)
        if self._is_paid(order.id):
            return Outcome(kind=OutcomeKind.ACCEPTED, pos_id=order.id, words="its payment was there already")
        words = self._words(plan, sent) or f"the payment is {_status(sent.payload) or 'not told'}"
        return _unknown(f"order {order.id} was made, and its payment was not recorded: {words}", order.id)

    def _send_payment(self, plan: Plan, order: Order) -> Sent:
        if plan.free:
            return self._send(f"/v2/orders/{order.id}/pay", msgspec.json.encode(plan.payment))
        payment = {**(plan.payment or {}), "order_id": order.id}
        return self._send("/v2/payments", msgspec.json.encode(payment))

    def _send(self, path: str, body: bytes) -> Sent:
        """Send a call that has a key; once more when it broke off at once: no order is to stay half made.

        Whatever keeps the second call out says nothing of the first, which may have been acted on.
        """
        started = self.tools.clock()
        sent = self.api.send(path, body)
        if sent.kind is OutcomeKind.UNKNOWN and (self.tools.clock() - started).total_seconds() < AT_ONCE:
            self.tools.sleep(self.api.http.backoff.pause(0, self.tools.random))
            again = self.api.send(path, body)
            return again if again.kind is OutcomeKind.ACCEPTED else sent
        return sent

    def _is_paid(self, order_id: str) -> bool:
        """Ask whether nothing is owed on the order, whatever the payment's own answer was."""
        try:
            order = order_of(self.api.get(f"/v2/orders/{order_id}").get("order"))
        except VendorError:
            return False
        return order.state != "CANCELED" and bool(order.tenders) and amount_due(order) == 0

    def _words(self, plan: Plan, sent: Sent) -> str:
        said = words_of(sent.complaints, _personal(plan.order or {}))
        return self.api.http.safe(clip("; ".join(filter(None, (sent.written.words, said)))))


def _status(payload: Mapping[str, Any]) -> str:
    payment = payload.get("payment")
    return str(payment.get("status") or "") if isinstance(payment, Mapping) else ""


def _bare(sent: Sent) -> bool:
    """Say whether a refusal of the credentials does not come from Square: a proxy's, or a login page."""
    answer = sent.written.answer
    return answer is not None and answer.status in {401, 403, 407} and not sent.complaints


def _personal(request: Mapping[str, Any]) -> Iterator[str]:
    for part in request.get("order", {}).get("fulfillments", ()):
        details = part.get("pickup_details", {})
        yield from details.get("recipient", {}).values()
        yield details.get("note", "")


def _refused(cause: FailureCause, codes: tuple[str, ...], words: str) -> Outcome:
    return Outcome(kind=OutcomeKind.REFUSED, cause=cause, codes=codes, words=words)


def _unknown(words: str, pos_id: str | None = None) -> Outcome:
    return Outcome(kind=OutcomeKind.UNKNOWN, pos_id=pos_id, words=words)


def _deferred(words: str, retry_at: datetime | None) -> Outcome:
    return Outcome(kind=OutcomeKind.DEFERRED, cause=FailureCause.OUTAGE, words=words, retry_at=retry_at)
