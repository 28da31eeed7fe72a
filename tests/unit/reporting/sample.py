"""Reports to look at and to test with: quiet defaults, one keyword for each thing that differs."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from reconciler.domain.queue import QueueStatus
from reconciler.domain.verdict import Classification, Severity, Who
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
    MerchantReport,
    Quarantine,
    QuarantinedItem,
    QueueState,
    Repair,
    Report,
    SideCoverage,
    TieOut,
    Waiting,
)

C = Classification
NOW = datetime(2026, 11, 20, 21, 7, tzinfo=UTC)
HOSTILE = '=HYPERLINK("http://evil.test","click")<script>alert(1)</script>\u202egnp.exe\x1b[31m[red]'


def ago(**units: float) -> datetime:
    """Return a moment before the report."""
    return NOW - timedelta(**units)


def finding(number: int = 101023, **fields: Any) -> Finding:
    """Make a finding; a missing order unless said otherwise."""
    values: dict[str, Any] = {
        "id": number,
        "channel": "rosebud-web",
        "reference": str(number),
        "rule": "D.missing",
        "sentence": "The order is paid (63.13 USD) and the POS does not have it.",
        "next_step": "It is sent once by itself where that is safe; otherwise key it in, or set it ready.",
        "since": ago(hours=5, minutes=20),
        "facts": {"paid_at": "2026-11-20T15:47:00+00:00", "total": "63.13 USD", "attempts": 2},
        "resend": "once",
        "total": Amount(6313, "USD"),
    }
    return Finding(**{**values, **fields})


def group(*findings: Finding, **fields: Any) -> Group:
    """Make a group; of missing orders that are urgent for ops unless said otherwise."""
    values: dict[str, Any] = {
        "severity": Severity.URGENT,
        "who": Who.OPS,
        "classification": C.MISSING,
        "count": len(findings),
        "findings": findings,
    }
    return Group(**{**values, **fields})


def merchant(**fields: Any) -> MerchantInfo:
    """Make a florist in Denver."""
    values: dict[str, Any] = {
        "code": "rosebud",
        "name": "Rosebud Florist",
        "timezone": "America/Denver",
        "channels": (ChannelInfo(1, "rosebud-web", timedelta(hours=2)),),
    }
    return MerchantInfo(**{**values, **fields})


def section(**fields: Any) -> MerchantReport:
    """Make a merchant's report in which nothing is wrong."""
    values: dict[str, Any] = {
        "merchant": merchant(),
        "since": datetime(2026, 11, 19, 7, tzinfo=UTC),
        "business_day": date(2026, 11, 20),
        "coverage": (coverage(),),
        "books": Books(agreed=1248),
    }
    return MerchantReport(**{**values, **fields})


def report(*sections: MerchantReport) -> Report:
    """Make a report; of one quiet merchant unless sections are given."""
    return Report(generated_at=NOW, version="0.1.0", merchants=sections or (section(),))


def coverage(channel: str = "rosebud-web", **pos: Any) -> ChannelCoverage:
    """Make a channel that was just read completely; keywords change its POS side."""
    side = SideCoverage(side=Side.CART, covers_to=ago(minutes=2), read_at=ago(minutes=2), complete=True)
    values: dict[str, Any] = {
        "side": Side.POS,
        "covers_to": ago(minutes=7),
        "read_at": ago(minutes=2),
        "complete": True,
    }
    return ChannelCoverage(channel=channel, cart=side, pos=SideCoverage(**{**values, **pos}))


def hours(count: int = 39, peak: int = 30, seed: int = 7) -> tuple[Hour, ...]:
    """Make two days of orders, few at night, with a rush hour in which things go wrong."""
    spread = random.Random(seed)
    start = datetime(2026, 11, 19, 7, tzinfo=UTC)
    return tuple(_hour(start + timedelta(hours=n), n, count, peak, spread) for n in range(count))


def _hour(start: datetime, number: int, count: int, peak: int, spread: random.Random) -> Hour:
    daylight = max(0.0, math.sin((number % 24 - 6) / 15 * math.pi)) if number % 24 >= 6 else 0.04
    total = round(peak * daylight * spread.uniform(0.7, 1.15))
    rush = number in {14, 15, 16, 33, 34}
    counts = {
        Fate.REPAIRED: spread.randint(1, 4) if rush and number < 20 else 0,
        Fate.WAITING: spread.randint(2, 6) if count - number <= 2 else int(spread.random() < 0.15),
        Fate.OPEN: spread.randint(0, 2) if total > 5 else 0,
        Fate.URGENT: {33: 3, 34: 2}.get(number, 0) if peak == 30 else 0,
    }
    return Hour(start, {Fate.AGREED: total, **{fate: n for fate, n in counts.items() if n}})


def rich_report() -> Report:
    """Make a report in which everything there is occurs."""
    return report(_florist(), _cafe(), _resort())


def _florist() -> MerchantReport:
    return section(
        connections=_connections(),
        groups=_groups(),
        repairs=_repairs(),
        repaired=23,
        waiting=Waiting(in_grace=9, grace_ends=NOW + timedelta(hours=1, minutes=49), unpaid=14, undecided=3),
        coverage=(
            coverage(
                covers_to=ago(hours=3, minutes=7),
                complete=False,
                reason="till-export.csv breaks off in line 2318",
                stale=True,
            ),
        ),
        tie_outs=_tie_outs(),
        quarantine=_quarantine(),
        books=Books(
            agreed=1204,
            in_grace=9,
            queued=2,
            open_mismatch=22,
            undecided=3,
            closed=17,
            closed_reasons=(("cancelled before it was sent", 12), ("ignored by a person", 5)),
        ),
        hours=hours(),
    )


def _connections() -> tuple[Group, ...]:
    facts = {"connection": "rosebud-pos", "reason": "till-export.csv breaks off in line 2318", "orders": 3}
    facts["references"] = ["101097", "101098", "101099"]
    broken = finding(
        7,
        reference="rosebud-pos",
        rule="A.cannot_tell",
        sentence="rosebud-pos could not be read completely (till-export.csv breaks off in line 2318), "
        "so 3 orders cannot be judged.",
        next_step="It is read again by itself; if it lasts, check the source named here.",
        since=ago(hours=3),
        facts=facts,
        total=None,
    )
    return (group(broken, severity=Severity.NORMAL, classification=C.CANNOT_TELL),)


def _groups() -> tuple[Group, ...]:
    return (*_urgent_groups(), *_normal_groups())


def _urgent_groups() -> tuple[Group, ...]:
    flagged = QueueState(status=QueueStatus.FAILED, flagged=True, attempts=2)
    duplicate = finding(
        101020,
        rule="C.duplicate_in_pos",
        sentence="The POS holds this order 2 times, so it may be prepared more than once.",
        next_step="Void all but one of the POS records.",
        facts={"pos_ids": ["P771", "P772"], "count": 2, "locations": ["main"]},
        since=ago(hours=2, minutes=12),
        total=Amount(21181, "USD"),
    )
    refused = finding(
        101060,
        rule="D.pos_error.rejected",
        sentence=f"The POS refused the order: NAME_TOO_ODD ({HOSTILE}).",
        next_step="Key it in by hand as paid, or put right what the POS names.",
        facts={"codes": ["NAME_TOO_ODD"], "vendor_words": HOSTILE, "attempts": 1},
        since=ago(minutes=41),
        queue=flagged,
    )
    missing = (
        finding(101023, deliver_on=date(2026, 11, 20), queue=flagged),
        finding(
            101024,
            since=ago(hours=4, minutes=2),
            total=Amount(4890, "USD"),
            sentence="The order is paid (48.90 USD) and the POS does not have it.",
            facts={"not_sent_because": "send = ask: a person releases every order of this channel"},
            acknowledged=True,
        ),
    )
    return (
        group(duplicate, classification=C.DUPLICATE_IN_POS),
        group(refused, classification=C.POS_ERROR, cause="rejected"),
        group(*missing),
        group(
            finding(
                101021,
                rule="C.placeholder_in_pos",
                sentence="The POS has only an empty shell of this order (0.00 USD); "
                "its content did not arrive.",
                next_step="Open the POS record and complete it from the cart's order.",
                facts={"pos_ids": ["P803"], "attention_required": True, "pos_total": "0.00 USD"},
                since=ago(hours=1, minutes=5),
            ),
            who=Who.STAFF,
            classification=C.PLACEHOLDER_IN_POS,
        ),
    )


def _normal_groups() -> tuple[Group, ...]:
    amount = finding(
        101031,
        rule="C.amount_mismatch",
        sentence="The customer's order is 85.10 USD, the POS shows 84.60 USD.",
        next_step="Compare the two and correct the POS record; the difference is split in the evidence.",
        facts={
            "cart_total": "85.10 USD",
            "pos_total": "84.60 USD",
            "difference": "-0.50 USD",
            "split": {"tax": "0.20", "goods": "-0.70"},
            "pos_ids": ["P590"],
            "over_alarm_share": False,
        },
        since=ago(hours=20),
        total=Amount(8510, "USD"),
    )
    unmapped = tuple(
        finding(
            101100 + number,
            rule="D.unmapped_sku",
            sentence=f"The POS does not know these articles: SPRUCE-{number}, CARD-XL.",
            next_step="Add them to the POS catalog, or map them in the channel file.",
            facts={"codes": [f"SPRUCE-{number}", "CARD-XL"]},
            since=ago(hours=6 + number),
            deliver_on=date(2026, 11, 20) + timedelta(days=number % 4),
            queue=QueueState(status=QueueStatus.FAILED, attempts=1),
            total=Amount(9715 + 350 * number, "USD"),
        )
        for number in range(1, 9)
    )
    rekey = finding(
        101022,
        rule="D.probable_rekey",
        also=("D.missing",),
        sentence="The POS lacks this order number, but ticket P411 looks like it, keyed in by hand (80/100).",
        next_step="Look at the ticket: if it is this order, adopt it; if not, set the order ready.",
        facts={"pos_id": "P411", "score": 80, "agrees": ["phone", "name", "time"], "differs": ["lines"]},
        since=ago(hours=9),
    )
    return (
        group(amount, severity=Severity.NORMAL, classification=C.AMOUNT_MISMATCH),
        group(rekey, severity=Severity.NORMAL, classification=C.PROBABLE_REKEY),
        group(*unmapped, severity=Severity.NORMAL, who=Who.MERCHANT, classification=C.UNMAPPED_SKU, count=12),
    )


def _repairs() -> tuple[Repair, ...]:
    return tuple(
        Repair(
            channel="rosebud-web",
            reference=str(100900 + number),
            how=list(Mending)[number % 3],
            missing_since=ago(hours=24 + number),
            repaired_at=ago(hours=23 + number, minutes=11 * number),
            total=Amount(4550 + 731 * number, "USD"),
        )
        for number in range(6)
    )


def _tie_outs() -> tuple[TieOut, ...]:
    today = (
        Contribution(reason="missing", orders=2, minor=11203),
        Contribution(reason="duplicate_in_pos", orders=1, minor=-21181),
        Contribution(reason="amount_mismatch", orders=1, minor=50),
        Contribution(reason="in grace", orders=9, minor=73412),
    )
    return (
        TieOut(
            channel="rosebud-web", day=date(2026, 11, 20), currency="USD", orders=402, cart=3312089,
            pos=3248602, explained=today, rounding=3,
        ),
        TieOut(
            channel="rosebud-web", day=date(2026, 11, 19), currency="USD", orders=391, cart=3107466,
            pos=3107468, rounding=-2,
        ),
    )  # fmt: skip


def _quarantine() -> Quarantine:
    reasons = ("total: '12,50' is not a decimal amount", "not valid JSON: line breaks off", HOSTILE)
    return Quarantine(
        41,
        tuple(
            QuarantinedItem(
                channel="rosebud-web",
                side=Side.POS,
                source="till-export.csv",
                position=2316 + number,
                reason=reason,
                seen_at=ago(hours=3),
            )
            for number, reason in enumerate(reasons)
        ),
    )


def _cafe() -> MerchantReport:
    info = merchant(
        code="cafe-blau",
        name="Café Blau & Söhne",
        timezone="Europe/Vienna",
        day_cutoff=time(4, 0),
        channels=(ChannelInfo(2, "blau-web", timedelta(minutes=2)),),
    )
    day = TieOut(
        channel="blau-web", day=date(2026, 11, 20), currency="EUR", orders=88, cart=201450, pos=199210,
        explained=(Contribution(reason="hidden_in_pos", orders=1, minor=1840),),
    )  # fmt: skip
    broken = Books(agreed=86, open_mismatch=1, nowhere=1, twice=1, astray=("B-77", "B-81"))
    hidden = finding(
        31,
        channel="blau-web",
        reference="B-80",
        rule="C.hidden_in_pos",
        sentence="The order is in the POS, but at a location this channel does not look at: garden.",
        next_step="Move the record to main, or widen the channel's filter.",
        facts={"locations": ["garden"], "expected_location": "main"},
        total=Amount(1840, "EUR"),
    )
    return section(
        merchant=info,
        groups=(group(hidden, severity=Severity.NORMAL, who=Who.MERCHANT, classification=C.HIDDEN_IN_POS),),
        business_day=date(2026, 11, 20),
        coverage=(coverage("blau-web"),),
        books=broken,
        tie_outs=(day,),
        hours=hours(42, peak=9, seed=3),
    )


def _resort() -> MerchantReport:
    info = merchant(code="snowline", name="Snowline Ski Resort", timezone="America/Vancouver")
    info = MerchantInfo(
        code=info.code,
        name=info.name,
        timezone=info.timezone,
        channels=tuple(
            ChannelInfo(n, name, timedelta(hours=2)) for n, name in ((3, "passes"), (4, "rentals"))
        ),
    )
    return section(
        merchant=info,
        waiting=Waiting(in_grace=2, grace_ends=NOW + timedelta(minutes=31)),
        coverage=(coverage("passes"), coverage("rentals", covers_to=None, read_at=None, complete=False)),
        hours=hours(40, peak=140, seed=5),
        books=Books(agreed=2811, in_grace=2),
    )


def large_report(count: int = 10_000) -> Report:
    """Make a report of very many findings."""
    found = tuple(finding(200_000 + number) for number in range(count))
    return report(section(groups=(group(*found, severity=Severity.NORMAL),), hours=hours()))
