"""The failure report: put together from one snapshot of the database, and written where ops staff find it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from reconciler import __version__
from reconciler.domain.errors import UnavailableError
from reconciler.ports.reports import (
    ChannelCoverage,
    Group,
    Hour,
    MerchantInfo,
    MerchantReport,
    Renderer,
    Report,
    Reports,
    ReportUnit,
    Scope,
    SideCoverage,
)
from reconciler.services.context import Context

#: How many repairs and quarantined lines a report names; the counts are exact.
LISTED: Final = 1000
#: The picture shows this many hours at most.
HOURS: Final = 48
HOUR: Final = timedelta(hours=1)
#: A side that was not read completely for this many times the grace is stale.
STALE_AFTER: Final = 2


def build_report(unit: ReportUnit, scope: Scope, now: datetime) -> Report:
    """Return the report as of ``now``; raise NotFoundError for a merchant or channel that does not exist."""
    now = now.astimezone(UTC)
    merchants = unit.reports.merchants(scope.merchant, scope.channel)
    sections = tuple(_section(unit.reports, merchant, scope, now) for merchant in merchants)
    return Report(generated_at=now, version=__version__, merchants=sections)


def _section(reports: Reports, merchant: MerchantInfo, scope: Scope, now: datetime) -> MerchantReport:
    zone = ZoneInfo(merchant.timezone)
    today = business_day(now, zone, merchant.day_cutoff)
    since = scope.since or day_start(today - timedelta(days=1), zone, merchant.day_cutoff)
    channels = [channel.id for channel in merchant.channels]
    groups = reports.findings(merchant, now, scope.rows)
    repairs, repaired = reports.repairs(channels, since, LISTED)
    books = reports.books(channels)
    waiting = reports.waiting(merchant, now)
    return MerchantReport(
        merchant=merchant,
        since=since,
        business_day=today,
        connections=_about(groups, connections=True),
        groups=_about(groups, connections=False),
        repairs=tuple(repairs),
        repaired=repaired,
        waiting=replace(waiting, in_grace=books.in_grace, undecided=books.undecided),
        coverage=_judged(reports.coverage(channels), merchant, now),
        tie_outs=tuple(reports.tie_outs(merchant, since, now)),
        quarantine=reports.quarantine(channels, LISTED),
        books=books,
        hours=_hours(reports, channels, since, now, zone),
    )


def _about(groups: Iterable[Group], *, connections: bool) -> tuple[Group, ...]:
    return tuple(group for group in groups if group.about_connection is connections)


def business_day(moment: datetime, zone: ZoneInfo, cutoff: time) -> date:
    """Return the business day of a moment: before the cut-off it is still the day before.

    >>> business_day(datetime(2026, 11, 20, 8, 30, tzinfo=UTC), ZoneInfo("Europe/Vienna"), time(10))
    datetime.date(2026, 11, 19)
    """
    local = moment.astimezone(zone).replace(tzinfo=None)
    return (local - timedelta(hours=cutoff.hour, minutes=cutoff.minute)).date()


def day_start(day: date, zone: ZoneInfo, cutoff: time) -> datetime:
    """Return when a business day begins, in UTC."""
    return datetime.combine(day, cutoff, zone).astimezone(UTC)


def _judged(
    coverage: Iterable[ChannelCoverage], merchant: MerchantInfo, now: datetime
) -> tuple[ChannelCoverage, ...]:
    """Mark what was not read completely for too long."""
    patience = {channel.name: STALE_AFTER * channel.grace for channel in merchant.channels}

    def side(read: SideCoverage, channel: str) -> SideCoverage:
        stale = read.covers_to is None or now - read.covers_to > patience[channel]
        return replace(read, stale=stale)

    return tuple(
        replace(one, cart=side(one.cart, one.channel), pos=side(one.pos, one.channel)) for one in coverage
    )


def _hours(
    reports: Reports, channels: Sequence[int], since: datetime, now: datetime, zone: ZoneInfo
) -> tuple[Hour, ...]:
    """Return every hour of the picture, also those without an order."""
    last = whole_hour(now, zone)
    start = max(whole_hour(since, zone), last - (HOURS - 1) * HOUR)
    known = {hour.start: hour for hour in reports.hours(channels, start, last + HOUR, now)}
    count = (last - start) // HOUR + 1
    moments = (start + number * HOUR for number in range(count))
    return tuple(known.get(moment) or Hour(moment, {}) for moment in moments)


def whole_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when the hour on the merchant's clock began; not every zone is whole hours away from UTC."""
    local = moment.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return moment.astimezone(UTC) - into


def write_due_reports(
    context: Context,
    unit: ReportUnit,
    directory: Path,
    every: timedelta,
    renderers: Mapping[str, Renderer],
) -> list[Path]:
    """Write the reports if the schedule says so; of all who ask at once, one writes.

    The claim is committed first: nobody waits while files are written, and a directory that cannot be written
    is one error an interval, not one a tick.
    """
    if not context.unit.runs.take_due_job("report", every):
        return []
    context.unit.commit()
    return write_reports(unit, directory, context.clock(), renderers)


def write_reports(
    unit: ReportUnit, directory: Path, now: datetime, renderers: Mapping[str, Renderer]
) -> list[Path]:
    """Write each merchant's report in every format, and ``latest.html`` over all; return what was written.

    A file is complete or not there: it is written beside its place and then renamed into it. Raises
    UnavailableError, in one line, when the directory cannot be written or the disk is full.
    """
    whole = build_report(unit, Scope(), now)
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for section in whole.merchants:
            alone = replace(whole, merchants=(section,))
            stem = f"{file_name(section.merchant.code)}-{section.business_day.isoformat()}"
            for extension, render in renderers.items():
                text = as_file(render(alone), extension)
                written.append(_write(directory / f"{stem}.{extension}", text))
        if page := renderers.get("html"):
            written.append(_write(directory / "latest.html", page(whole)))
    except OSError as error:
        raise _unwritable(directory, error) from error
    return written


def file_name(code: str) -> str:
    """Return a merchant's code as part of a file's name.

    >>> file_name("rose/../bud")
    'rose_.._bud'
    """
    return (
        "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in code).lstrip(".") or "_"
    )


def as_file(text: str, form: str) -> str:
    """Return a report as a file of its format: a spreadsheet takes one without the mark for no UTF-8."""
    return f"\ufeff{text}" if form == "csv" else text


def write_file(path: Path, text: str) -> Path:
    """Write one report; raise UnavailableError, in one line, when that is not possible."""
    try:
        return _write(path, text) if path.is_file() or not path.exists() else _pour(path, text)
    except OSError as error:
        raise _unwritable(path, error) from error


def _pour(path: Path, text: str) -> Path:
    """Write to a pipe or a device, which must not be replaced by a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path


def _write(path: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    return path


def _unwritable(path: Path, error: OSError) -> UnavailableError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    reason = "the disk is full" if full else (error.strerror or type(error).__name__).lower()
    return UnavailableError(
        f"the report cannot be written to {path}: {reason}",
        next_step="free some space there" if full else "name a place that can be written",
    )
