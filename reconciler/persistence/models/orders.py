"""Order snapshots. Column names are the domain's field names, so that rows become domain values by name.

Neither table refers to ``channels``: the check would run for each of millions of rows, and a channel is
never deleted.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Computed, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus, Source
from reconciler.domain.verdict import Classification
from reconciler.persistence.models.base import Base, ChannelKey, Key, Minor, check, one_of


class CartOrderRow(Base):
    """The cart's latest snapshot of an order, and the latest verdict on it."""

    __tablename__ = "cart_orders"

    channel_id: Mapped[ChannelKey]
    reference: Mapped[Key]
    placed_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    currency: Mapped[str]
    total: Mapped[Minor]
    tax: Mapped[Minor | None]
    shipping: Mapped[Minor | None]
    discount: Mapped[Minor | None]
    tip: Mapped[Minor | None]
    captured: Mapped[Minor]
    refunded: Mapped[Minor]
    payment_status: Mapped[str]
    fulfillment_status: Mapped[str]
    cancelled_at: Mapped[datetime | None]
    edited_at: Mapped[datetime | None]
    archived: Mapped[bool]
    test: Mapped[bool]
    draft: Mapped[bool]
    customer: Mapped[dict[str, Any]]
    shipping_method: Mapped[str | None]
    deliver_on: Mapped[date | None]
    lines: Mapped[list[Any]]
    shipments: Mapped[list[Any]]
    vendor_id: Mapped[str | None]
    line_count: Mapped[int]
    #: Of the units per POS article under the channel's mapping; NULL when the order has no lines.
    lines_digest: Mapped[bytes | None]
    #: False when the mapping of one of its articles changed since ``lines_digest`` was made.
    mapped: Mapped[bool]
    #: No parcel lacks courier or tracking id.
    traceable: Mapped[bool]
    digest: Mapped[bytes]
    #: The payload as it came. Text, not jsonb: evidence stays verbatim, and no payload can be refused.
    raw: Mapped[str]
    first_seen_at: Mapped[datetime]
    #: When it was first read in a state that the channel's download rule takes.
    rule_seen_at: Mapped[datetime | None]
    #: The earliest change under which it was read as paid, for carts that do not tell when that was.
    known_paid_at: Mapped[datetime | None]
    changed_run: Mapped[int]
    #: NULL once compared means that both sides agree.
    verdict: Mapped[str | None]
    verdict_rule: Mapped[str | None]
    verdict_since: Mapped[datetime | None]
    #: When a second look is due although nothing changed; year 1 stands for every run.
    check_at: Mapped[datetime | None]
    #: Nothing about the order itself keeps it from agreeing: a sweep reads this one bit.
    plain: Mapped[bool] = mapped_column(
        Computed(
            "payment_status = 'paid' AND refunded = 0 AND cancelled_at IS NULL AND NOT test AND NOT draft"
            " AND (total <> 0 OR line_count <> 0) AND mapped AND verdict IS NULL AND check_at IS NULL",
            persisted=True,
        )
    )

    __table_args__ = (
        one_of("payment_status", PaymentStatus),
        one_of("fulfillment_status", FulfillmentStatus),
        one_of("verdict", Classification),
        check("reference_not_empty", "reference <> ''"),
        check("verdict_with_rule", "(verdict IS NULL) = (verdict_rule IS NULL)"),
        Index("ix_cart_orders_changed", "channel_id", "changed_run"),
        Index(
            "ix_cart_orders_check", "channel_id", "check_at", postgresql_where=text("check_at IS NOT NULL")
        ),
        Index(
            "ix_cart_orders_verdict", "channel_id", "verdict", postgresql_where=text("verdict IS NOT NULL")
        ),
        Index("ix_cart_orders_placed", "channel_id", "placed_at"),
        # All that a sweep needs: the rows themselves, with their payloads, are ten times as much.
        Index(
            "ix_cart_orders_compared",
            "channel_id",
            "reference",
            postgresql_include=[
                "currency",
                "total",
                "line_count",
                "lines_digest",
                "plain",
                "traceable",
                "test",
                "draft",
                "cancelled_at",
                "edited_at",
                "fulfillment_status",
                "verdict",
                "check_at",
            ],
        ),
    )


class PosOrderRow(Base):
    """The POS's latest record of an order or a sale. A channel keeps its own copy of what it reads."""

    __tablename__ = "pos_orders"

    channel_id: Mapped[ChannelKey]
    pos_id: Mapped[Key]
    created_at: Mapped[datetime]
    currency: Mapped[str]
    total: Mapped[Minor]
    reference: Mapped[str | None]
    source: Mapped[str]
    status: Mapped[str]
    updated_at: Mapped[datetime | None]
    location: Mapped[str | None]
    received_at: Mapped[datetime | None]
    register_known: Mapped[bool]
    created_by: Mapped[str | None]
    tax: Mapped[Minor | None]
    shipping: Mapped[Minor | None]
    discount: Mapped[Minor | None]
    tip: Mapped[Minor | None]
    customer: Mapped[dict[str, Any]]
    lines: Mapped[list[Any] | None]
    shipments: Mapped[list[Any]]
    #: The cart reference that it names; NULL when it names none of this channel's.
    ref_key: Mapped[str | None]
    #: The cart order it stands for: ``ref_key`` without edit suffixes, unless the cart has that very name.
    family_key: Mapped[str | None]
    #: It carries the prefix of another channel on the same POS.
    foreign_prefix: Mapped[bool]
    live: Mapped[bool]
    #: There are parcels, and each has courier and tracking id.
    traceable: Mapped[bool]
    #: Of the units per article; NULL where the POS does not tell lines.
    lines_digest: Mapped[bytes | None]
    line_count: Mapped[int | None]
    #: Words of the customer's name and last digits of the phone, for live tickets without a reference only.
    name_key: Mapped[str | None]
    phone_key: Mapped[str | None]
    digest: Mapped[bytes]
    raw: Mapped[str]
    first_seen_at: Mapped[datetime]
    changed_run: Mapped[int]
    #: Nothing about the record itself keeps it from agreeing.
    plain: Mapped[bool] = mapped_column(
        Computed(
            "status <> 'attention_required' AND total <> 0"
            " AND (received_at IS NOT NULL OR NOT register_known)",
            persisted=True,
        )
    )

    __table_args__ = (
        one_of("source", Source),
        one_of("status", PosStatus),
        check("pos_id_not_empty", "pos_id <> ''"),
        check("live", "live = (status <> 'voided')"),
        check("family_of_reference", "(ref_key IS NULL) = (family_key IS NULL)"),
        Index(
            "ix_pos_orders_compared",
            "channel_id",
            "family_key",
            # A sweep, and families with several live records, are answered by the index alone.
            postgresql_include=[
                "pos_id",
                "currency",
                "total",
                "line_count",
                "lines_digest",
                "plain",
                "traceable",
                "live",
                "status",
                "location",
                "created_at",
                "updated_at",
            ],
            postgresql_where=text("family_key IS NOT NULL"),
        ),
        Index("ix_pos_orders_changed", "channel_id", "changed_run"),
        Index(
            "ix_pos_orders_ticket",
            "channel_id",
            "total",
            "currency",
            postgresql_where=text("name_key IS NOT NULL OR phone_key IS NOT NULL"),
        ),
    )
