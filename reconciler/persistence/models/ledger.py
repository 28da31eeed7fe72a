"""Runs, what they really read, and what could not be understood."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reconciler.persistence.models.base import Base, ChannelKey, Key, check, one_of
from reconciler.ports.configuration import Side
from reconciler.ports.store import RunOutcome


class RunRow(Base):
    """One reconciliation of one channel. ``outcome`` is NULL while it runs, or when it died."""

    __tablename__ = "runs"

    channel_id: Mapped[ChannelKey] = mapped_column(ForeignKey("channels.id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    full: Mapped[bool]
    trigger: Mapped[str]
    outcome: Mapped[str | None]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    durations: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    notes: Mapped[list[Any]] = mapped_column(server_default="[]")

    __table_args__ = (
        one_of("outcome", RunOutcome),
        check("finished_with_outcome", "(outcome IS NULL) = (finished_at IS NULL)"),
        Index("ix_runs_sweeps", "channel_id", "started_at", "outcome", postgresql_where=text('"full"')),
    )


class CoverageRow(Base):
    """What one read really read. Append-only."""

    __tablename__ = "coverage"

    channel_id: Mapped[ChannelKey] = mapped_column(ForeignKey("channels.id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[int]
    side: Mapped[str]
    covers_from: Mapped[datetime]
    covers_to: Mapped[datetime]
    complete: Mapped[bool]
    absence_trusted: Mapped[bool]
    reason: Mapped[str]
    #: How far the vendor's clock was ahead of ours, as far as it was told.
    clock_offset: Mapped[timedelta] = mapped_column(server_default="0")
    read_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (
        one_of("side", Side),
        check("forward", "covers_from <= covers_to"),
        Index("ix_coverage_latest", "channel_id", "side", text("id DESC")),
    )


class CoveredRow(Base):
    """The union of a side's complete reads, as disjoint intervals, so that proof never reads the ledger."""

    __tablename__ = "covered"

    channel_id: Mapped[ChannelKey] = mapped_column(ForeignKey("channels.id"))
    side: Mapped[Key]
    covers_from: Mapped[datetime] = mapped_column(primary_key=True)
    covers_to: Mapped[datetime]

    __table_args__ = (one_of("side", Side), check("forward", "covers_from <= covers_to"))


class QuarantineRow(Base):
    """Something that could not be understood as an order, whole. Seen again, it moves ``last_seen_at``."""

    __tablename__ = "quarantine"

    channel_id: Mapped[ChannelKey] = mapped_column(ForeignKey("channels.id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    side: Mapped[str]
    source: Mapped[str]
    position: Mapped[int]
    reason: Mapped[str]
    raw: Mapped[str]
    digest: Mapped[bytes]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]

    __table_args__ = (one_of("side", Side), UniqueConstraint("channel_id", "side", "digest"))
