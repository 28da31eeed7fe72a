"""Are the promises kept? Asked of the POS's ledger and of the books, never of what the code says it did."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from tests.chaos.stage import Stage
from tests.chaos.street import Street
from tests.chaos.world import Customers, Row, Shop, World, read_ledger

Key = tuple[str, str]

#: Where every order stands: the books' own view, order by order, with the queue beside it.
_WHERE: Final = """
SELECT h.name AS shop, s.reference, s.state, s.verdict, s.class, q.status, q.flagged, q.spent, q.attempts,
    q.next_lookup_at > clock_timestamp() AS scheduled
FROM order_standing s JOIN channels h ON h.id = s.channel_id
LEFT JOIN queue_entries q ON q.channel_id = s.channel_id AND q.reference = s.reference
"""
_ATTEMPTS: Final = """
SELECT h.name AS shop, a.reference, a.number, a.trigger, a.outcome, a.idempotency_key, a.started_at,
    a.finished_at, a.vendor_words
FROM attempts a JOIN channels h ON h.id = a.channel_id
WHERE %(reference)s::text IS NULL OR (h.name = %(shop)s AND a.reference = %(reference)s)
ORDER BY h.name, a.reference, a.number
"""
_HISTORY: Final = {
    "order": "SELECT verdict, check_at, changed_run, cancelled_at FROM cart_orders WHERE reference = %(r)s",
    "queue": "SELECT q.*, NULL AS body FROM queue_entries q WHERE reference = %(r)s",
    "mismatches": "SELECT classification, state, since, facts FROM mismatches WHERE subject = %(r)s",
    "records": "SELECT pos_id, live, changed_run FROM pos_orders WHERE family_key = %(r)s",
}
#: In these an order is on its way, and must not stay.
_MOVING: Final = {"in_grace", "unjudged", "undecided"}
_OVER: Final = {"agreed", "open", "closed"}


@dataclass
class Judgement:
    """What was found wrong, order by order."""

    lost: list[Key] = field(default_factory=list)
    duplicated: list[Key] = field(default_factory=list)
    unexplained: dict[Key, str] = field(default_factory=dict)
    over_budget: list[Key] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def broken(self) -> set[Key]:
        """The orders of which a promise was broken."""
        return {*self.lost, *self.duplicated, *self.unexplained, *self.over_budget}


@dataclass(frozen=True)
class Judge:
    """Asks the database and the ledger."""

    stage: Stage
    world: World
    street: Street
    customers: Customers

    def standing(self) -> dict[Key, dict[str, Any]]:
        """Return where every order stands."""
        with self.stage.engine.connect() as connection:
            rows = connection.exec_driver_sql(_WHERE).mappings()
            return {(row["shop"], row["reference"]): dict(row) for row in rows}

    def unsettled(self) -> list[Key]:
        """Return the orders that are neither final nor in doubt with their look-up scheduled."""
        standing = self.standing()
        return [key for key in self.customers.placed if not _settled(standing.get(key))]

    def why_unsettled(self) -> str:
        """Count the unsettled orders by where they stand."""
        standing = self.standing()
        rows = [(key[0], standing.get(key)) for key in self.unsettled()]
        counts = Counter(
            f"{shop}:{row['state']}/{row['verdict']}/{row['status']}" if row else f"{shop}:unread"
            for shop, row in rows
        )
        return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))

    def in_doubt(self) -> list[Key]:
        """Return the orders that are still looked up, just now or later."""
        looked_up = {"in_doubt", "processing"}
        return [key for key, row in self.standing().items() if row["status"] in looked_up]

    def judge(self) -> Judgement:
        """Hold every order ever placed against the promises."""
        standing, found = self.standing(), Judgement()
        told = self._told()
        attempts = self._attempts()
        for key in self.customers.placed:
            row = standing.get(key)
            found.states[f"{row['state']}/{row['status']}" if row else "unread"] += 1
            if row is None or row["state"] in {"nowhere", "twice"}:
                found.lost.append(key)
            elif reason := self._unexplained(key, row, self._live(key, told[key]), attempts.get(key, [])):
                found.unexplained[key] = reason
            if told[key]["accepted"] > 1 or told[key]["paid"] > 1:
                found.duplicated.append(key)
            if self._over_budget(key, attempts.get(key, [])):
                found.over_budget.append(key)
        return found

    def _over_budget(self, key: Key, attempts: list[Row]) -> bool:
        """Say whether more was tried by itself than may be.

        A try is a new key. The same bytes under the same key are no other try: where the POS knows keys
        they may go once more, when nobody knows what became of them.
        """
        shop = self._shop(key)
        spent = [a for a in attempts if a["outcome"] != "deferred" and a["trigger"] != "admin"]
        sent = Counter(a["idempotency_key"] for a in spent)
        repeats = max(sent.values(), default=0)
        return len(sent) > (1 if shop.theirs else 2) or repeats > (2 if shop.keys else 1)

    def _shop(self, key: Key) -> Shop | Street:
        return self.street if key[0] == self.street.name else self.world.shops[key[0]]

    def _ledger(self) -> list[Row]:
        """Return what every POS says that it accepted."""
        return [*read_ledger(self.stage.ledger), *self.street.ledger()]

    def _told(self) -> defaultdict[Key, Counter[str]]:
        told: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        for line in self._ledger():
            told[line["shop"], line["reference"]][line["event"]] += 1
        return told

    def _live(self, key: Key, told: Counter[str]) -> bool:
        """Say whether a POS shows an order: Square shows none before it is paid."""
        return bool(told["paid"] if key[0] == self.street.name else told["accepted"] + told["theirs"])

    def _unexplained(self, key: Key, row: Row, live: bool, attempts: list[Any]) -> str:
        if key in self.customers.cancelled:
            return ""
        if row["state"] == "agreed":
            return "" if live else "it counts as agreed, and the POS never took it"
        if live:
            return f"the POS has it, and it stands as {row['state']}"
        unclear = {a["outcome"] for a in attempts} & {"unknown", "accepted", None}
        if row["status"] == "failed" and row["flagged"] and unclear:
            return ""
        return f"it is not in the POS, and nothing says why: {row['status']}"

    def _attempts(self, key: Key | None = None) -> dict[Key, list[Row]]:
        told = {"shop": key and key[0], "reference": key and key[1]}
        attempts: dict[Key, list[Row]] = {}
        with self.stage.engine.connect() as connection:
            for row in connection.exec_driver_sql(_ATTEMPTS, told).mappings():
                attempts.setdefault((row["shop"], row["reference"]), []).append(dict(row))
        return attempts

    def history(self, key: Key) -> str:
        """Tell everything that is known of an order."""
        with self.stage.engine.connect() as connection:
            lines = [f"history of {key[0]} {key[1]}:", *self._rows(connection, key)]
        lines += [f"  attempt: {_text(row)}" for row in self._attempts(key).get(key, [])]
        lines += [
            f"  ledger: {_text(line)}" for line in self._ledger() if (line["shop"], line["reference"]) == key
        ]
        return "\n".join(lines)

    def _rows(self, connection: Connection, key: Key) -> Iterator[str]:
        for name, statement in _HISTORY.items():
            for row in connection.exec_driver_sql(statement, {"r": key[1]}).mappings():
                told = {column: value for column, value in row.items() if value not in (None, "", [])}
                yield f"  {name}: {_text(told)}"


def _settled(row: dict[str, Any] | None) -> bool:
    if row is None:
        return False
    if row["status"] == "in_doubt":
        return bool(row["scheduled"])
    if row["verdict"] == "missing" and row["status"] is None:
        return False
    return row["state"] in _OVER and row["status"] in {None, "success", "failed"}


def _text(row: Any) -> str:
    return json.dumps(dict(row), default=str)
