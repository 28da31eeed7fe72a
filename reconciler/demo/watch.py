"""What the program has found so far, read from its database: current verdicts, and all that was ever said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sqlalchemy import Engine, text

from reconciler.domain.verdict import Classification

#: An order of a channel, an orphan (``pos:ID``) or a connection (``connection:NAME``).
Subject = tuple[str, str]
T = TypeVar("T")

_VERDICTS: Final = text("""
SELECT h.name, o.reference, o.verdict FROM cart_orders o JOIN channels h ON h.id = o.channel_id
WHERE o.verdict IS NOT NULL
""")
_FINDINGS: Final = text("""
SELECT h.name, m.subject, m.classification, m.state IN ('open', 'acknowledged')
FROM mismatches m JOIN channels h ON h.id = m.channel_id
""")
_TOLD: Final = text("""
SELECT DISTINCT h.name, m.subject, m.classification, e.facts ->> 'reason'
FROM mismatch_events e JOIN mismatches m ON (m.channel_id, m.id) = (e.channel_id, e.mismatch_id)
JOIN channels h ON h.id = m.channel_id WHERE starts_with(m.subject, 'connection:')
""")
_QUEUE: Final = text("""
SELECT h.name, q.reference, q.status FROM queue_entries q JOIN channels h ON h.id = q.channel_id
""")
_READ: Final = text("""
SELECT h.name, count(o.reference), count(o.reference) FILTER (WHERE o.verdict IS NULL)
FROM channels h LEFT JOIN cart_orders o ON o.channel_id = h.id AND h.compared_run > 0
GROUP BY h.name
""")


@dataclass(frozen=True, slots=True)
class Look:
    """The database at one moment."""

    #: Orders read and compared, and how many of them agree, by channel.
    read: Mapping[str, int]
    agreed: Mapping[str, int]
    #: The class an order has now.
    verdicts: Mapping[Subject, Classification]
    open: Mapping[Subject, frozenset[Classification]]
    ever: Mapping[Subject, frozenset[Classification]]
    queue: Mapping[Subject, str]
    #: What was ever said of connections, each with its reason.
    told: Mapping[Subject, frozenset[tuple[Classification, str]]]


@dataclass(slots=True)
class Watcher:
    """Looks again and again, and remembers verdicts that were there for a moment only."""

    engine: Engine
    seen: dict[Subject, set[Classification]] = field(default_factory=lambda: defaultdict(set))

    def look(self) -> Look:
        """Read the database, and add what it says to what was ever seen."""
        with self.engine.connect() as connection:
            verdicts = {(row[0], row[1]): Classification(row[2]) for row in connection.execute(_VERDICTS)}
            findings = [
                (row[0], row[1], Classification(row[2]), row[3]) for row in connection.execute(_FINDINGS)
            ]
            queue = {(row[0], row[1]): str(row[2]) for row in connection.execute(_QUEUE)}
            read = [tuple(row) for row in connection.execute(_READ)]
            told = [((row[0], row[1]), (Classification(row[2]), row[3])) for row in connection.execute(_TOLD)]
        for subject, name in verdicts.items():
            self.seen[subject].add(name)
        return Look(
            read={name: count for name, count, _ in read},
            agreed={name: count for name, _, count in read},
            verdicts=verdicts,
            open=_by_subject((c, s, n) for c, s, n, is_open in findings if is_open),
            ever=_by_subject((c, s, n) for c, s, n, _ in findings),
            queue=queue,
            told=_grouped(told),
        )


def _by_subject(
    findings: Iterable[tuple[str, str, Classification]],
) -> dict[Subject, frozenset[Classification]]:
    return _grouped(((channel, subject), name) for channel, subject, name in findings)


def _grouped(pairs: Iterable[tuple[Subject, T]]) -> dict[Subject, frozenset[T]]:
    grouped: dict[Subject, set[T]] = defaultdict(set)
    for subject, value in pairs:
        grouped[subject].add(value)
    return {subject: frozenset(values) for subject, values in grouped.items()}
