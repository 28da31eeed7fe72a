"""Putting the report together, and writing it where ops staff find it."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reconciler.domain.errors import UnavailableError
from reconciler.ports.reports import (
    Books,
    ChannelCoverage,
    Fate,
    Group,
    Hour,
    MerchantInfo,
    Quarantine,
    Repair,
    Scope,
    TieOut,
    Waiting,
)
from reconciler.reporting import RENDERERS
from reconciler.services.report import (
    as_file,
    build_report,
    business_day,
    day_start,
    file_name,
    whole_hour,
    write_file,
    write_reports,
)
from tests.unit.reporting import sample

DENVER = ZoneInfo("America/Denver")


@dataclass
class Answers:
    """A database that answers what it was given, and remembers what it was asked."""

    known: Sequence[MerchantInfo] = field(default_factory=lambda: [sample.merchant()])
    read: Sequence[ChannelCoverage] = ()
    asked: dict[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def reports(self) -> "Answers":
        """Serve as its own unit of work."""
        return self

    def merchants(self, merchant: str | None, channel: str | None) -> Sequence[MerchantInfo]:
        """Return the merchants."""
        self.asked["merchants"] = (merchant, channel)
        return self.known

    def findings(self, merchant: MerchantInfo, now: datetime, rows: int) -> Sequence[Group]:
        """Return one finding about a connection and one about an order."""
        about = sample.group(sample.finding(7), about_connection=True)
        return [about, sample.group(sample.finding())]

    def repairs(self, channels: Sequence[int], since: datetime, rows: int) -> tuple[Sequence[Repair], int]:
        """Return none."""
        self.asked["repairs"] = (since,)
        return [], 0

    def waiting(self, merchant: MerchantInfo, now: datetime) -> Waiting:
        """Return what the books do not know."""
        return Waiting(unpaid=4)

    def coverage(self, channels: Sequence[int]) -> Sequence[ChannelCoverage]:
        """Return what was read."""
        return self.read

    def tie_outs(self, merchant: MerchantInfo, since: datetime, now: datetime) -> Sequence[TieOut]:
        """Return none."""
        return []

    def quarantine(self, channels: Sequence[int], rows: int) -> Quarantine:
        """Return nothing."""
        return Quarantine()

    def books(self, channels: Sequence[int]) -> Books:
        """Return a few."""
        return Books(agreed=5, in_grace=2, open_mismatch=3, undecided=1)

    def hours(self, channels: Sequence[int], start: datetime, end: datetime, now: datetime) -> Sequence[Hour]:
        """Return one hour in which there were orders."""
        self.asked["hours"] = (start, end)
        return [Hour(start + timedelta(hours=3), {Fate.AGREED: 9})]


def built(answers: Answers, **scope):
    """Build the report of the one merchant."""
    return build_report(answers, Scope(**scope), sample.NOW).merchants[0]


@pytest.mark.parametrize(
    ("moment", "cutoff", "day"),
    [
        (datetime(2026, 11, 20, 10, 59, tzinfo=UTC), time(4), date(2026, 11, 19)),
        (datetime(2026, 11, 20, 11, 0, tzinfo=UTC), time(4), date(2026, 11, 20)),
        (datetime(2026, 11, 20, 6, 59, tzinfo=UTC), time(0), date(2026, 11, 19)),
    ],
)
def test_the_small_hours_belong_to_the_day_before(moment, cutoff, day):
    """A bar's Friday ends on Saturday at four."""
    assert business_day(moment, DENVER, cutoff) == day


def test_a_day_begins_where_the_one_before_ends():
    """Also on the days on which clocks change."""
    for offset in range(400):
        day = date(2026, 1, 1) + timedelta(days=offset)
        start = day_start(day, DENVER, time(4))
        assert business_day(start, DENVER, time(4)) == day
        assert business_day(start - timedelta(seconds=1), DENVER, time(4)) == day - timedelta(days=1)


def test_the_period_begins_with_yesterdays_business_day():
    """Unless somebody asks for another one."""
    assert built(Answers()).since == datetime(2026, 11, 19, 7, tzinfo=UTC)
    late = sample.merchant(day_cutoff=time(15))
    assert built(Answers([late])).since == datetime(2026, 11, 18, 22, tzinfo=UTC)
    week = datetime(2026, 11, 13, tzinfo=UTC)
    assert built(Answers(), since=week).since == week


def test_findings_about_connections_stand_apart():
    """They are judged first: while they last, other findings may be late."""
    section = built(Answers())
    assert [group.findings[0].id for group in section.connections] == [7]
    assert [group.findings[0].id for group in section.groups] == [101023]


def test_what_is_waiting_is_what_the_books_say():
    """Two counts of one thing must not differ."""
    assert built(Answers()).waiting == Waiting(in_grace=2, unpaid=4, undecided=1)


@pytest.mark.parametrize(("hours", "stale"), [(3.9, False), (4.1, True)])
def test_a_side_is_stale_after_twice_the_grace(hours, stale):
    """Whatever the last read said of itself."""
    answers = Answers(read=[sample.coverage(covers_to=sample.ago(hours=hours))])
    (channel,) = built(answers).coverage
    assert channel.pos.stale is stale
    assert not channel.cart.stale


def test_the_picture_has_every_hour():
    """From the period's beginning to now, also the hours without an order."""
    section = built(Answers())
    assert len(section.hours) == 39
    assert [hour.total for hour in section.hours[:5]] == [0, 0, 0, 9, 0]
    assert section.hours[-1].start == datetime(2026, 11, 20, 21, tzinfo=UTC)


def test_the_picture_shows_two_days_at_most():
    """A month's hours would be hair, not bars."""
    assert len(built(Answers(), since=datetime(2026, 10, 20, tzinfo=UTC)).hours) == 48


def test_hours_begin_on_the_merchants_clock():
    """Half past, in UTC, where the zone is half an hour off."""
    moment = datetime(2026, 11, 20, 21, 7, 3, tzinfo=UTC)
    assert whole_hour(moment, ZoneInfo("Asia/Kolkata")) == datetime(2026, 11, 20, 20, 30, tzinfo=UTC)


def test_scope_is_handed_on():
    """The database decides what exists."""
    answers = Answers()
    built(answers, merchant="rosebud", channel="rosebud-web")
    assert answers.asked["merchants"] == ("rosebud", "rosebud-web")


def test_every_format_is_written_for_every_merchant(tmp_path):
    """Named by merchant and business day; one page over all is always the latest."""
    known = [sample.merchant(), sample.merchant(code="../evil", name="Evil")]
    written = write_reports(Answers(known), tmp_path / "new" / "reports", sample.NOW, RENDERERS)
    names = sorted(path.name for path in (tmp_path / "new" / "reports").iterdir())
    assert names == [
        "_evil-2026-11-20.csv",
        "_evil-2026-11-20.html",
        "_evil-2026-11-20.json",
        "latest.html",
        "rosebud-2026-11-20.csv",
        "rosebud-2026-11-20.html",
        "rosebud-2026-11-20.json",
    ]
    assert sorted(path.name for path in written) == names


def test_a_spreadsheet_knows_the_letters(tmp_path):
    """The CSV on disk begins with the mark by which Excel knows UTF-8; its lines end as written."""
    write_reports(Answers(), tmp_path, sample.NOW, RENDERERS)
    raw = (tmp_path / "rosebud-2026-11-20.csv").read_bytes()
    assert raw.startswith(b'\xef\xbb\xbf"merchant"')
    assert raw.count(b"\r\n") == raw.count(b"\n") == 3


@pytest.mark.parametrize(("form", "begins"), [("csv", "\ufeffx"), ("json", "x"), ("html", "x")])
def test_only_what_a_spreadsheet_opens_bears_its_mark(form, begins):
    """Whatever the file is called: JSON that begins with it is none."""
    assert as_file("x", form) == begins


def test_a_report_is_whole_or_not_there(tmp_path, monkeypatch):
    """When the disk fills up, the last good report stays and no half one is left beside it."""
    target = tmp_path / "report.html"
    target.write_text("good")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("reconciler.services.report.os.fsync", full)
    with pytest.raises(UnavailableError, match=r"report\.html: the disk is full; free some space there"):
        write_file(target, "new")
    assert target.read_text() == "good"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    """A file where the directory should be."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UnavailableError, match=r"cannot be written to .*file: .*; name a place that can"):
        write_reports(Answers(), blocked, sample.NOW, RENDERERS)


def test_a_pipe_or_a_device_stays_one(tmp_path):
    """Replacing /dev/null by a file is nobody's wish."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        write_file(pipe, "poured")
        assert os.read(end, 99).decode("utf-8-sig") == "poured"
    finally:
        os.close(end)
    assert pipe.is_fifo()


def test_written_reports_can_be_read_by_others(tmp_path):
    """A web server or a colleague reads them; temporary files begin private."""
    path = write_file(tmp_path / "r.html", "x")
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("code", ["..", ".hidden", "a/b", "a\\b", "", "\x00"])
def test_no_merchant_code_leaves_the_directory(code):
    """Whatever a channel file calls a merchant."""
    name = file_name(code)
    assert name == Path(name).name
    assert name.strip(".")
    assert not name.startswith(".")


def test_the_report_says_when_it_was_made_in_utc():
    """Also when asked in another zone."""
    local = sample.NOW.astimezone(DENVER)
    report = build_report(Answers(), Scope(), local)
    assert report.generated_at.tzinfo is UTC
    assert replace(report, merchants=()).generated_at == sample.NOW
