"""What the failure report asks of the database, in one consistent snapshot that only reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from reconciler.domain.queue import QueueStatus
from reconciler.domain.verdict import Classification, Severity, Who
from reconciler.persistence.failures import as_unavailable
from reconciler.persistence.policies import policy_from_json
from reconciler.persistence.queries import report_sql as sql
from reconciler.persistence.queries.reading import require_known
from reconciler.ports.configuration import Side
from reconciler.ports.reports import (
    Amount,
    Books,
    ChannelCoverage,
    ChannelInfo,
    Contribution,
    Fate,
    Finding,
    Group,
    Hour,
    Mending,
    MerchantInfo,
    Quarantine,
    QuarantinedItem,
    QueueState,
    Repair,
    SideCoverage,
    TieOut,
    Waiting,
)

#: PostgreSQL's bounds of time, well within.
BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 1, 1, tzinfo=UTC)

_SEVERITIES: Final = (Severity.URGENT, Severity.NORMAL, Severity.INFO)
_PARTIES: Final = (Who.OPS, Who.OPS_VENDOR, Who.STAFF, Who.STORE, Who.MERCHANT_ADMIN, Who.MERCHANT)
_CLASSES: Final = tuple(Classification)
_MENDINGS: Final = {how.name.lower(): how for how in Mending}

Row = Mapping[str, Any]


class SqlReportUnit:
    """A connection on which every question of one report sees the same moment."""

    reports: SqlReports

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Self:
        """Connect; raise UnavailableError when the database does not answer."""
        try:
            self._connection = self._engine.connect()
            self._connection = self._connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        except SQLAlchemyError as error:
            raise as_unavailable(error) or error from None
        self.reports = SqlReports(self._connection)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Let go of the snapshot."""
        self._connection.close()
        if error is not None and (unavailable := as_unavailable(error)) is not None:
            raise unavailable from None


class SqlReports:
    """The failure report's questions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def merchants(self, merchant: str | None, channel: str | None) -> Sequence[MerchantInfo]:
        """Return the merchants in scope by code; raise NotFoundError for a name that does not exist."""
        rows = self._rows(sql.MERCHANTS, merchant=merchant, channel=channel)
        if not rows:
            require_known(self._connection, merchant, channel)
        return [_merchant(list(own)) for _, own in groupby(rows, key=lambda row: row["code"])]

    def findings(self, merchant: MerchantInfo, now: datetime, rows: int) -> Sequence[Group]:
        """Return what is open and needs somebody, the most urgent first."""
        found = self._rows(sql.FINDINGS, **_graces(merchant), now=now, rows=rows)
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in found:
            groups.setdefault(_group_key(row), []).append(row)
        return [_group(groups[key]) for key in sorted(groups, key=_group_order)]

    def repairs(self, channels: Sequence[int], since: datetime, rows: int) -> tuple[Sequence[Repair], int]:
        """Return the newest repairs since then, and how many there are."""
        found = self._rows(sql.REPAIRS, channels=list(channels), start=since, rows=rows)
        return [_repair(row) for row in found], _of_all(found)

    def waiting(self, merchant: MerchantInfo, now: datetime) -> Waiting:
        """Count the unpaid and what is being sent, and when the last grace ends; the rest is in the books."""
        channels = _ids(merchant)
        unpaid = self._connection.exec_driver_sql(sql.UNPAID, {"channels": channels}).scalar_one()
        asked = {**_graces(merchant), "now": now}
        sending = self._connection.exec_driver_sql(sql.SENDING, asked).scalar_one()
        grace = {channel.id: channel.grace for channel in merchant.channels}
        paid = self._connection.exec_driver_sql(sql.GRACE, {"channels": channels})
        ends = [since + grace[channel] for channel, since in paid if since is not None]
        return Waiting(grace_ends=max(ends, default=None), sending=sending, unpaid=unpaid)

    def coverage(self, channels: Sequence[int]) -> Sequence[ChannelCoverage]:
        """Return how far each side was read, channel by channel."""
        rows = self._rows(sql.COVERAGE, channels=list(channels))
        return [
            ChannelCoverage(channel=name, **{row["side"]: _side(row) for row in sides})
            for name, sides in groupby(rows, key=lambda row: row["channel"])
        ]

    def tie_outs(self, merchant: MerchantInfo, since: datetime, now: datetime) -> Sequence[TieOut]:
        """Return the money of each channel and business day from ``since`` on, the newest day first."""
        rows = self._rows(
            sql.TIE_OUTS,
            channels=_ids(merchant),
            start=since,
            end=END,
            now=now,
            zone=merchant.timezone,
            cutoff=merchant.day_cutoff,
        )
        days = groupby(rows, key=lambda row: (row["channel"], row["day"], row["currency"]))
        return [_tie_out(channel, day, currency, list(lines)) for (channel, day, currency), lines in days]

    def quarantine(self, channels: Sequence[int], rows: int) -> Quarantine:
        """Return what is set aside."""
        found = self._rows(sql.QUARANTINE, channels=list(channels), rows=rows)
        return Quarantine(_of_all(found), tuple(_quarantined(row) for row in found))

    def books(self, channels: Sequence[int]) -> Books:
        """Place every paid order."""
        return _books(self._rows(sql.BOOKS, channels=list(channels)))

    def hours(self, channels: Sequence[int], start: datetime, end: datetime, now: datetime) -> Sequence[Hour]:
        """Return the orders of each whole hour from ``start`` on in which there were any."""
        rows = self._rows(sql.HOURS, channels=list(channels), start=start, end=end, now=now)
        return [
            Hour(hour.astimezone(UTC), {Fate(row["fate"]): row["orders"] for row in fates})
            for hour, fates in groupby(rows, key=lambda row: row["hour"])
        ]

    def _rows(self, statement: str, **parameters: object) -> Sequence[Row]:
        return [dict(row) for row in self._connection.exec_driver_sql(statement, parameters).mappings()]


def _ids(merchant: MerchantInfo) -> list[int]:
    return [channel.id for channel in merchant.channels]


def _graces(merchant: MerchantInfo) -> dict[str, Any]:
    """Return each channel and its grace, as parameters of a statement."""
    return {"channels": _ids(merchant), "graces": [channel.grace for channel in merchant.channels]}


def _of_all(rows: Sequence[Row]) -> int:
    return rows[0]["of_all"] if rows else 0


def _merchant(rows: Sequence[Row]) -> MerchantInfo:
    first = rows[0]
    return MerchantInfo(
        code=first["code"],
        name=first["name"],
        timezone=first["timezone"],
        day_cutoff=first["day_cutoff"],
        channels=tuple(
            ChannelInfo(
                row["channel_id"], row["channel"], policy_from_json(row["policy"], row["live_from"]).grace
            )
            for row in rows
            if row["channel_id"] is not None
        ),
    )


def _group_key(row: Row) -> tuple[Any, ...]:
    return row["about_connection"], row["urgency"], row["who"], row["classification"], row["cause"]


def _group_order(key: tuple[Any, ...]) -> tuple[object, ...]:
    """Findings about connections first; then by urgency, by who acts, and in the decision table's order."""
    about_connection, urgency, who, classification, cause = key
    return (
        not about_connection,
        _SEVERITIES.index(Severity(urgency)),
        _PARTIES.index(Who(who)),
        _CLASSES.index(Classification(classification)),
        cause or "",
    )


def _group(rows: Sequence[Row]) -> Group:
    first = rows[0]
    return Group(
        severity=Severity(first["urgency"]),
        who=Who(first["who"]),
        classification=Classification(first["classification"]),
        cause=first["cause"],
        about_connection=first["about_connection"],
        count=first["of_group"],
        findings=tuple(map(_finding, rows)),
    )


def _finding(row: Row) -> Finding:
    return Finding(
        id=row["id"],
        channel=row["channel"],
        reference=_reference(row),
        rule=row["rule"],
        also=tuple(row["also"]),
        sentence=row["sentence"],
        next_step=row["next_step"],
        since=row["since"],
        facts=row["facts"],
        resend=row["resend"],
        acknowledged=row["state"] == "acknowledged",
        escalates_at=row["escalates_at"],
        total=_amount(row),
        deliver_on=row["deliver_on"],
        queue=_queue(row),
    )


def _reference(row: Row) -> str:
    """Return what a finding is about: an order's reference, a POS id, a connection, or the whole channel."""
    subject: str = row["subject"]
    if subject.startswith("channel:"):
        return str(row["channel"])
    if row["about_connection"] or row["classification"] == Classification.ORPHAN_IN_POS:
        return subject.partition(":")[2]
    return subject


def _amount(row: Row) -> Amount | None:
    return None if row["total"] is None else Amount(row["total"], row["currency"])


def _queue(row: Row) -> QueueState | None:
    if row["queue_status"] is None:
        return None
    return QueueState(
        status=QueueStatus(row["queue_status"]), flagged=row["flagged"], attempts=row["attempts"]
    )


def _repair(row: Row) -> Repair:
    return Repair(
        channel=row["channel"],
        reference=row["reference"],
        how=_MENDINGS[row["how"]],
        missing_since=row["missing_since"],
        repaired_at=row["repaired_at"],
        total=_amount(row),
    )


def _side(row: Row) -> SideCoverage:
    return SideCoverage(
        side=Side(row["side"]),
        covers_to=row["covers_to"],
        read_at=row["read_at"],
        complete=bool(row["complete"]),
        reason=row["reason"] or "",
    )


def _quarantined(row: Row) -> QuarantinedItem:
    return QuarantinedItem(
        channel=row["channel"],
        side=Side(row["side"]),
        source=row["source"],
        position=row["position"],
        reason=row["reason"],
        seen_at=row["seen_at"],
    )


def _tie_out(channel: str, day: date, currency: str, lines: Iterable[Row]) -> TieOut:
    lines = list(lines)
    known = [line for line in lines if line["reason"] not in {None, "", "rounding"}]
    return TieOut(
        channel=channel,
        day=day,
        currency=currency,
        orders=sum(line["orders"] for line in lines),
        cart=sum(line["cart"] for line in lines),
        pos=sum(line["pos"] for line in lines),
        explained=tuple(
            Contribution(reason=line["reason"], orders=line["orders"], minor=line["cart"] - line["pos"])
            for line in known
        ),
        rounding=sum(line["cart"] - line["pos"] for line in lines if line["reason"] == "rounding"),
    )


def _books(rows: Sequence[Row]) -> Books:
    def count(*states: str) -> int:
        return sum(row["orders"] for row in rows if row["state"] in states)

    return Books(
        agreed=count("agreed"),
        in_grace=count("in_grace", "unjudged"),
        queued=count("queued"),
        open_mismatch=count("open", "undecided", "twice"),
        undecided=count("undecided"),
        closed=count("closed"),
        closed_reasons=tuple((row["reason"], row["orders"]) for row in rows if row["state"] == "closed"),
        nowhere=count("nowhere"),
        twice=count("twice"),
        astray=tuple(reference for row in rows for reference in row["astray"] or ())[:20],
    )
