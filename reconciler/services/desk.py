"""Where one channel's orders are sent from: who can be asked about them, and what keeps one from going."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from reconciler.domain.case import inside_rule
from reconciler.domain.errors import AuthError
from reconciler.domain.evidence import Catalog
from reconciler.domain.facts import Facts
from reconciler.domain.look import NextStep, Step, lookup_schedule
from reconciler.domain.orders import CartOrder, FulfillmentStatus, cart_reference
from reconciler.domain.policy import Delivery, Send
from reconciler.domain.verdict import Classification
from reconciler.ports import (
    Cart,
    Channel,
    Claim,
    ConnectionInfo,
    ConnectionState,
    Lookup,
    Page,
    Pos,
    Trigger,
)
from reconciler.services.context import Context
from reconciler.services.release import channel_facts
from reconciler.services.reread import as_read

#: How long an order waits at most when a look did not allow a decision.
LOOK_AGAIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """One channel's submissions: who to ask and where to write. What asks a vendor raises VendorError."""

    context: Context
    channel: Channel
    cart: Cart
    pos: Pos
    #: When the lease ends, by a clock that goes on while this process is frozen.
    lease_ends: float = math.inf
    #: What the POS can take, asked for once a turn and only when something is sent.
    catalogs: list[Catalog] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The time, by the database's clock."""
        return self.context.clock()

    @property
    def later(self) -> datetime:
        """When to try again what cannot be decided now: at the next read, and soon."""
        return self.now + min(LOOK_AGAIN, self.channel.policy.poll_interval)

    @property
    def schedule(self) -> tuple[timedelta, ...]:
        """When to look for what was sent, counted from the send."""
        by_read = self.pos.capabilities.confirms_by_read
        return lookup_schedule(self.channel.policy, confirms_by_read=by_read)

    def pos_reference(self, claim: Claim) -> str:
        """Return what the POS calls the order."""
        return f"{self.channel.policy.reference_prefix}{claim.reference}"

    def facts(self, order: CartOrder) -> Facts:
        """Return what an attempt's outcome may hang on."""
        if not self.catalogs:
            with self._asking(self.channel.pos):
                self.catalogs.append(self.pos.catalog())
        return channel_facts(self.channel, order, self.catalogs[0])

    def reread(self, order: CartOrder) -> CartOrder | None:
        """Read the cart order as it is now; by its own id where it has one, because a search may lag."""
        ids = {order.reference: order.vendor_id} if order.vendor_id else None
        with self._asking(self.channel.cart):
            present = self.cart.fetch([order.reference], ids).get(order.reference)
        return present and self.context.unit.orders.as_kept(present)

    def keep(self, order: CartOrder) -> None:
        """Store an order as it was read again, so that it is judged as it is now.

        Its stamp need not have moved, and then no later read would bring it.
        """
        page = Page([as_read(order)])
        self.context.unit.orders.ingest_cart(self.channel, self.channel.compared_run, page, self.now)

    def look(self, claim: Claim) -> Lookup:
        """Search the POS, and keep what is found: it is as good as a read."""
        with self._asking(self.channel.pos):
            look = self.pos.find(self.pos_reference(claim), self.now)
        if look.records:
            run_id = self.channel.compared_run
            self.context.unit.orders.ingest_pos(self.channel, run_id, Page(look.records), self.now)
        return look

    def named_for_us(self, claim: Claim) -> bool:
        """Say whether what the POS would call the order is read as this order, by the rules of reading."""
        policy = self.channel.policy
        told = cart_reference(
            self.pos_reference(claim), policy.reference_prefix, self.channel.sibling_prefixes
        )
        return told == claim.reference

    def held(self, claim: Claim) -> bool:
        """Say whether sending was switched off since the order was queued; a person's word stands."""
        return claim.trigger is not Trigger.ADMIN and self.channel.policy.send is not Send.AUTO

    def blocked(self, order: CartOrder) -> NextStep | None:
        """Say what keeps an order from going by itself, found out since it entered the queue."""
        channel = self.channel
        if channel.policy.delivery is Delivery.OURS and not inside_rule(order, channel.policy):
            if order.fulfillment_status is FulfillmentStatus.ON_HOLD and not order.archived:
                return NextStep(Step.WAIT, "the shop holds it back")
            return NextStep(Step.WITHDRAW, "it has left the channel's download rule since it was queued")
        if self.context.unit.orders.get_verdict(channel.id, order.reference) is Classification.PROBABLE_REKEY:
            reason = "a POS ticket looks like it, keyed in by hand: a person has to answer first"
            return NextStep(Step.WITHDRAW, reason)
        return None

    @contextmanager
    def _asking(self, connection: ConnectionInfo) -> Iterator[None]:
        """Pause a connection at the first word that we are not let in."""
        try:
            yield
        except AuthError as error:
            state = ConnectionState.AUTH_FAILED
            self.context.unit.channels.set_state(connection.id, state, str(error), self.now)
            raise
