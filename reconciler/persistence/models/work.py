"""The queue and the mismatches, each with its append-only history."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reconciler.domain.evidence import FailureCause
from reconciler.domain.queue import QueueStatus
from reconciler.domain.verdict import Classification, Severity, Who
from reconciler.persistence.models.base import Base, ChannelKey, Key, check, one_of
from reconciler.ports.queue import Trigger
from reconciler.ports.store import Closer, MismatchState
from reconciler.ports.vendors import OutcomeKind


class QueueEntryRow(Base):
    """An order's one permanent row on its way into the POS. Leases run on the database's clock."""

    __tablename__ = "queue_entries"

    channel_id: Mapped[ChannelKey] = mapped_column(ForeignKey("channels.id"))
    reference: Mapped[Key]
    status: Mapped[str]
    #: When it came into this state, by the database's clock; a turn that leaves it there restarts nothing.
    since: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    #: The state in which the claim found it.
    claimed_from: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    #: Grows with every claim; a write under an older one is refused.
    token: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    #: Automatic attempts that spent budget.
    spent: Mapped[int] = mapped_column(server_default="0")
    flagged: Mapped[bool] = mapped_column(server_default=text("false"))
    #: The POS's id of the record that answers the order.
    object_id: Mapped[str | None]
    #: The POS had the record without an attempt of ours being answered.
    adopted: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Why and by whom the next attempt is made, and through which door that came.
    trigger: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    origin: Mapped[str] = mapped_column(server_default="")
    not_before: Mapped[datetime | None]
    next_lookup_at: Mapped[datetime | None]
    last_lookup_at: Mapped[datetime | None]
    lookups: Mapped[int] = mapped_column(server_default="0")
    #: Idempotency key and exact bytes of the last attempt, kept while its outcome is unknown.
    key: Mapped[str | None]
    body: Mapped[bytes | None]
    sent_at: Mapped[datetime | None]
    cart_digest: Mapped[bytes | None]
    #: Fingerprints of what the last attempt's outcome may hang on.
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    #: How the last attempt failed, in the vendor's codes and words.
    failure: Mapped[str | None]
    codes: Mapped[list[str]] = mapped_column(server_default="{}")
    vendor_words: Mapped[str | None]
    #: What came of it last, in our words.
    note: Mapped[str] = mapped_column(server_default="")
    #: Earliest delivery goes first.
    deliver_on: Mapped[date | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        one_of("status", QueueStatus),
        one_of("claimed_from", QueueStatus),
        one_of("trigger", Trigger),
        one_of("failure", FailureCause),
        check(
            "lease_while_processing",
            "(status = 'processing') = (lease_until IS NOT NULL)"
            " AND (status = 'processing') = (claimed_from IS NOT NULL)",
        ),
        check("success_names_object", "status <> 'success' OR object_id IS NOT NULL"),
        check("doubt_is_looked_up", "(status = 'in_doubt') = (next_lookup_at IS NOT NULL)"),
        check("doubt_follows_attempt", "status <> 'in_doubt' OR (attempts > 0 AND body IS NOT NULL)"),
        check("only_failures_flagged", "NOT flagged OR status = 'failed'"),
        check("counts", "attempts >= 0 AND spent BETWEEN 0 AND attempts AND lookups >= 0 AND token >= 0"),
        check("admin_gives_reason", "trigger <> 'admin' OR (actor <> '' AND reason <> '')"),
        Index(
            "ix_queue_entries_claimable",
            "channel_id",
            text("deliver_on NULLS LAST"),
            "created_at",
            "reference",
            postgresql_where=text("status IN ('created', 'ready', 'in_doubt')"),
        ),
        Index("ix_queue_entries_lease", "lease_until", postgresql_where=text("status = 'processing'")),
        Index(
            "ix_queue_entries_unsettled",
            "channel_id",
            "reference",
            postgresql_where=text("status <> 'success'"),
        ),
        Index(
            "ix_queue_entries_object",
            "channel_id",
            "object_id",
            postgresql_where=text("object_id IS NOT NULL"),
        ),
    )


class AttemptRow(Base):
    """One submission. Never deleted; its outcome is written once, nothing else ever changes."""

    __tablename__ = "attempts"

    channel_id: Mapped[ChannelKey]
    reference: Mapped[Key]
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    trigger: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    origin: Mapped[str]
    idempotency_key: Mapped[str]
    body: Mapped[bytes]
    #: It counts against the automatic budget: no person's, no repeat under its key, and acted on.
    spends: Mapped[bool] = mapped_column(server_default=text("false"))
    started_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    pos_id: Mapped[str | None]
    error_cause: Mapped[str | None]
    codes: Mapped[list[str] | None]
    vendor_words: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["channel_id", "reference"], ["queue_entries.channel_id", "queue_entries.reference"]
        ),
        one_of("trigger", Trigger),
        one_of("outcome", OutcomeKind),
        one_of("error_cause", FailureCause),
        check("finished_with_outcome", "(outcome IS NULL) = (finished_at IS NULL)"),
        check("admin_is_named", "trigger <> 'admin' OR (actor <> '' AND reason <> '')"),
    )


class MismatchRow(Base):
    """A classified disagreement: one row per subject and class, opened again when it comes back."""

    __tablename__ = "mismatches"

    channel_id: Mapped[ChannelKey] = mapped_column(ForeignKey("channels.id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    #: A cart reference, ``pos:ID``, ``connection:NAME`` or ``channel:...``.
    subject: Mapped[str]
    classification: Mapped[str]
    rule: Mapped[str]
    cause: Mapped[str | None]
    also: Mapped[list[str]]
    since: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]]
    sentence: Mapped[str]
    next_step: Mapped[str]
    who: Mapped[str]
    resend: Mapped[str]
    severity: Mapped[str]
    escalates_at: Mapped[datetime | None]
    state: Mapped[str]
    #: Who took it out of ``open``. What a person decided binds to ``digest``: new evidence opens it again.
    closed_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    actor: Mapped[str | None]
    reason: Mapped[str | None]
    #: Of the rule and its facts.
    digest: Mapped[bytes]
    run_id: Mapped[int]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("channel_id", "subject", "classification"),
        one_of("classification", Classification),
        one_of("severity", Severity),
        one_of("who", Who),
        one_of("state", MismatchState),
        one_of("closed_by", Closer),
        check(
            "closed_by_someone",
            "(state = 'open') = (closed_by IS NULL) AND (state = 'open') = (closed_at IS NULL)",
        ),
        check("system_only_resolves", "closed_by IS DISTINCT FROM 'system' OR state = 'resolved'"),
        check(
            "person_is_named",
            "closed_by IS DISTINCT FROM 'person' OR coalesce(actor <> '' AND reason <> '', false)",
        ),
        Index(
            "ix_mismatches_open",
            "channel_id",
            "classification",
            postgresql_where=text("state IN ('open', 'acknowledged')"),
        ),
        Index(
            "ix_mismatches_closed", "channel_id", "closed_at", postgresql_where=text("closed_at IS NOT NULL")
        ),
    )


class MismatchEventRow(Base):
    """What happened to a mismatch. Written by a trigger, never changed."""

    __tablename__ = "mismatch_events"

    channel_id: Mapped[ChannelKey]
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    mismatch_id: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    state: Mapped[str]
    rule: Mapped[str]
    facts: Mapped[dict[str, Any]]
    run_id: Mapped[int]
    actor: Mapped[str | None]
    reason: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["channel_id", "mismatch_id"], ["mismatches.channel_id", "mismatches.id"]),
        one_of("kind", ("opened", "changed", "reopened", "acknowledged", "resolved", "ignored")),
        one_of("state", MismatchState),
        Index(None, "channel_id", "mismatch_id"),
    )
