"""The till: the store behind a POS file. It takes orders from the outbox and rings them up, well or badly."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from adapters.file.sandbox.faults import TillFaults
from adapters.file.sandbox.pos_file import PosFile, replace
from adapters.file.sandbox.sale import Sale, is_order
from reconciler.ports import Clock

#: How long (seconds) the till sleeps at most before it looks whether it shall stop.
NAP: Final = 0.1

log = structlog.get_logger()


class Memory(msgspec.Struct):
    """What the till must know again when it starts: its place in the outbox, and what is still to be done."""

    offset: int = 0
    #: Which file that was.
    inode: int = 0
    round: int = 0
    #: Lines that wait for their round.
    waiting: list[tuple[int, str]] = []
    #: Records that are voided in their round.
    voids: list[tuple[int, str]] = []


class Till:
    """Serves one POS file from one outbox; there must be no second till for either.

    Killed at any moment, it starts again without ringing an order up twice or losing one: a record's id
    follows from its outbox line, and the place in the outbox moves on only when the POS file is written.
    """

    def __init__(self, pos_file: Path, outbox: Path, seed: int, faults: TillFaults, clock: Clock) -> None:
        self._pos = PosFile(pos_file)
        self._outbox = outbox
        self._seed = seed
        self._faults = faults
        self._clock = clock
        self._memory_path = pos_file.with_name(f".{pos_file.name}.till")

    def step(self) -> int:
        """Do one round; return how many records came into the POS file. OSError: try again."""
        now, memory = self._clock(), self._remember()
        memory.round += 1
        self._pos.load()
        taken = self._take(memory)
        added, voided = self._ring_up(memory, now), self._void(memory, now)
        if added or voided or not self._pos.whole:
            self._pos.save(now)
        else:
            self._pos.touch(now)
        if taken or added or voided or memory.waiting or memory.voids:
            replace(self._memory_path, msgspec.json.encode(memory))
        return added

    def run(self, stop: Callable[[], bool], interval: float) -> None:
        """Do a round every ``interval`` seconds until ``stop`` says so, whatever the disk does."""
        while not stop():
            try:
                self.step()
            except OSError as error:
                log.warning("till_round_failed", error=error.strerror)
            self._rest(stop, interval)

    def _rest(self, stop: Callable[[], bool], interval: float) -> None:
        until = time.monotonic() + interval
        while not stop() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, NAP))

    def _remember(self) -> Memory:
        """Return what was known last; without it the ids in the POS file tell what was done."""
        try:
            return msgspec.json.decode(self._memory_path.read_bytes(), type=Memory)
        except (FileNotFoundError, msgspec.MsgspecError, ValueError):
            return Memory()

    def _take(self, memory: Memory) -> int:
        """Take the new lines from the outbox that have their end; return how many."""
        try:
            with self._outbox.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != memory.inode or status.st_size < memory.offset:
                    # A new outbox, or one that somebody cut. The ids tell what of it is rung up already.
                    memory.inode, memory.offset = status.st_ino, 0
                file.seek(memory.offset)
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return 0
        memory.offset += sum(len(line) + 1 for line in lines)
        for line in lines:
            if sale := self._sale(line.decode(errors="replace")):
                wait = self._faults.rounds(sale.reference, self._seed)
                memory.waiting.append((memory.round + wait, sale.line))
        return len(lines)

    def _sale(self, line: str) -> Sale | None:
        """Return the order of a line; a line that is none is passed over, as a real till does."""
        try:
            order = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError):
            return None
        return Sale(line, order, self._seed, self._faults) if is_order(order) else None

    def _ring_up(self, memory: Memory, now: datetime) -> int:
        due = [line for when, line in memory.waiting if when <= memory.round]
        memory.waiting = [entry for entry in memory.waiting if entry[0] > memory.round]
        added = 0
        for sale in filter(None, map(self._sale, due)):
            for record in sale.records(now):
                if record["pos_id"] not in self._pos:
                    self._pos.put(record)
                    added += 1
                if sale.has("void"):
                    memory.voids.append((memory.round + 1, record["pos_id"]))
        return added

    def _void(self, memory: Memory, now: datetime) -> int:
        due = [pos_id for when, pos_id in memory.voids if when <= memory.round]
        memory.voids = [entry for entry in memory.voids if entry[0] > memory.round]
        voided = 0
        for pos_id in due:
            record = self._pos.get(pos_id)
            if record is not None and record["status"] != "voided":
                self._pos.put({**record, "status": "voided", "updated_at": now.isoformat()})
                voided += 1
        return voided
