"""The cases: our time or rate and its anchor's, from the same run, the fastest of some rounds."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from benchmarks.ground import NOW, Ground, cart_pages, pos_pages
from reconciler.domain.orders import CartOrder
from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.rows import CART_COLUMNS, CartRows
from reconciler.ports import Channel, Page

#: The bare statement of a full comparison: one join, one CASE, one insert of what differs.
BARE_COMPARE: Final = """
CREATE TEMP TABLE found ON COMMIT DROP AS
SELECT coalesce(c.reference, p.ref_key) AS reference, CASE
    WHEN p.pos_id IS NULL THEN 'missing' WHEN c.reference IS NULL THEN 'orphan' ELSE 'amount' END AS class
FROM (SELECT * FROM cart_orders WHERE channel_id = %(channel)s) c
FULL JOIN (SELECT * FROM pos_orders WHERE channel_id = %(channel)s) p ON p.ref_key = c.reference
WHERE p.pos_id IS NULL OR c.reference IS NULL OR p.total <> c.total
"""
#: The same columns with a primary key and nothing else, and the rows made beforehand.
BARE_TABLE: Final = """
CREATE TABLE bare AS SELECT {columns} FROM cart_orders LIMIT 0;
ALTER TABLE bare ADD PRIMARY KEY (reference)
"""
BARE_UPSERT: Final = """
INSERT INTO bare ({columns}) SELECT {columns} FROM incoming
ON CONFLICT (reference) DO UPDATE SET {assignments}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    name: str
    ours: float
    anchor: float | None
    unit: str
    words: str


def compare_full(ground: Ground, orders: int, rounds: int) -> Result:
    """Find the suspects among all orders."""
    channel = ground.filled("compare", orders)
    ours = fastest(rounds, lambda: _suspects(ground, channel, full=True))
    anchor = fastest(rounds, lambda: _bare_compare(ground, channel))
    return Result(
        "compare, full", ours, anchor, "s", f"all of {orders:,} against the bare statement (<= 1.3)"
    )


def compare_changed(ground: Ground, orders: int, rounds: int) -> Result:
    """Find the suspects among one changed order in a hundred."""
    channel = ground.filled("compare", orders)
    mark = (
        "UPDATE cart_orders SET changed_run = %(run)s "
        "WHERE channel_id = %(channel)s AND right(reference, 2) = '07'"
    )
    with ground.engine.begin() as connection:
        parameters = {"run": channel.compared_run + 1, "channel": channel.id}
        changed = connection.exec_driver_sql(mark, parameters).rowcount
    ours = fastest(rounds, lambda: _suspects(ground, channel, full=False))
    anchor = fastest(rounds, lambda: _bare_compare(ground, channel))
    return Result(
        "compare, changes only", ours, anchor, "s", f"{changed:,} changed, against the bare full one"
    )


def ingest(ground: Ground, orders: int, rounds: int) -> Result:
    """Store pages of orders, then the same again with another total: half are conflicts."""
    channel = ground.channel("ingest")
    orders = min(orders, 20_000)
    pages = [*cart_pages(orders // 2), *cart_pages(orders // 2, extra=1)]
    rows = [_bare_rows(channel, page) for page in pages]
    ours = sum(map(len, rows)) / fastest(rounds, lambda: _store(ground, channel, pages))
    anchor = sum(map(len, rows)) / fastest(rounds, lambda: _bare_ingest(ground, rows))
    words = "orders a second, against bare COPY and upsert of the same columns (>= 0.8)"
    return Result("ingest", ours, anchor, "/s", words)


def worker_cpu(ground: Ground, orders: int, rounds: int) -> Result:
    """CPU seconds of this process to store a thousand orders and their records, and to compare them."""
    channel = ground.channel("cpu")
    orders = min(orders, 20_000)
    pages, records = list(cart_pages(orders)), list(pos_pages(orders))

    def work() -> None:
        with SqlUnitOfWork(ground.engine) as unit:
            for table in ("cart_orders", "pos_orders"):
                statement = f"DELETE FROM {table} WHERE channel_id = %(c)s"
                unit.connection.exec_driver_sql(statement, {"c": channel.id})
            run = unit.runs.start(channel.id, full=False, trigger="bench", now=NOW)
            for page, told in zip(pages, records, strict=True):
                unit.orders.ingest_cart(channel, run, page, NOW)
                unit.orders.ingest_pos(channel, run, told, NOW)
                unit.commit()
        _suspects(ground, channel, full=False)

    best = min(_cpu(work) for _ in range(rounds)) / orders * 1000
    words = "stored with their records, and compared (<= 100, with pull)"
    return Result("CPU a thousand orders", best * 1000, None, "ms", words)


def claims(ground: Ground, orders: int, rounds: int) -> Result:
    """Claim queue entries in batches of fifty; a channel a round, because entries are for ever."""
    wanted = min(orders, 10_000)
    rate = max(wanted / _seconds(_claimer(ground, f"claims-{turn}", wanted)) for turn in range(rounds))
    return Result("claims", rate, None, "/s", "leases a second in batches of 50 (>= 10,000)")


def program_help(_ground: Ground, _orders: int, rounds: int) -> Result:
    """Print the help of a group of commands, in a new process."""
    program = Path(sys.executable).with_name("reconciler")
    ours = fastest(rounds, lambda: _process(program, "queue", "--help"))
    anchor = fastest(rounds, lambda: _process(sys.executable, "-c", "import typer, typer._adapters"))
    return Result("help", ours, anchor, "s", "a new process, against one that only imports its library")


def _process(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _claimer(ground: Ground, name: str, wanted: int) -> Callable[[], None]:
    channel = ground.channel(name)
    _store(ground, channel, list(cart_pages(wanted)))
    with SqlUnitOfWork(ground.engine) as unit:
        unit.queue.enqueue(channel.id, [str(number) for number in range(wanted)], NOW)
        unit.commit()

    def claim() -> None:
        with SqlUnitOfWork(ground.engine) as unit:
            while unit.queue.claim(channel.id, limit=50, lease=timedelta(seconds=60)):
                unit.commit()

    return claim


def fastest(rounds: int, work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some rounds."""
    return min(_seconds(work) for _ in range(rounds))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _cpu(work: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _suspects(ground: Ground, channel: Channel, *, full: bool) -> int:
    with SqlUnitOfWork(ground.engine, rehearsal=True) as unit:
        return sum(len(chunk) for chunk in unit.orders.suspects(channel, full=full, now=NOW))


def _bare_compare(ground: Ground, channel: Channel) -> None:
    with ground.engine.begin() as connection:
        connection.exec_driver_sql(BARE_COMPARE, {"channel": channel.id})


def _store(ground: Ground, channel: Channel, pages: list[Page[CartOrder]]) -> None:
    with SqlUnitOfWork(ground.engine) as unit:
        unit.connection.exec_driver_sql("DELETE FROM cart_orders WHERE channel_id = %(c)s", {"c": channel.id})
        run = unit.runs.start(channel.id, full=False, trigger="bench", now=NOW)
        for page in pages:
            unit.orders.ingest_cart(channel, run, page, NOW)
            unit.commit()


def _bare_rows(channel: Channel, page: Page[CartOrder]) -> list[tuple[object, ...]]:
    """Return a page as rows, without what is no column."""
    make = CartRows(channel)
    inside = CART_COLUMNS.index("inside")
    rows = [make.row(make.prepare(snapshot)) for snapshot in page.snapshots]
    return [(*row[:inside], *row[inside + 1 :]) for row in rows]


def _bare_ingest(ground: Ground, pages: list[list[tuple[object, ...]]]) -> None:
    names = [name for name in CART_COLUMNS if name != "inside"]
    columns = ", ".join(names)
    assignments = ", ".join(f"{name} = EXCLUDED.{name}" for name in names if name != "reference")
    with ground.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS bare")
        for statement in BARE_TABLE.format(columns=columns).split(";"):
            connection.exec_driver_sql(statement)
        cursor = connection.connection.cursor()
        cursor.execute("CREATE TEMP TABLE incoming (LIKE bare) ON COMMIT DROP")
        for rows in pages:
            with cursor.copy(f"COPY incoming ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(BARE_UPSERT.format(columns=columns, assignments=assignments))
            cursor.execute("TRUNCATE incoming")


CASES: Final[Mapping[str, Callable[[Ground, int, int], Result]]] = {
    "compare": compare_full,
    "changes": compare_changed,
    "ingest": ingest,
    "cpu": worker_cpu,
    "claims": claims,
    "help": program_help,
}
