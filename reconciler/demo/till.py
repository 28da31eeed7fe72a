"""A store that runs by itself: the till behind a POS file, and what another integration brings to it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, Final

import structlog

from adapters.file.sandbox.faults import TillFaults
from adapters.file.sandbox.pos_file import PosFile
from adapters.file.sandbox.till import Till
from reconciler.domain.errors import InputError

_NAMES: Final = tuple(field.name for field in fields(TillFaults))
#: How many rounds pass between two exports of the shop.
EXPORT_ROUNDS: Final = 5
_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One store: its files, its till's habits, and seconds between two rounds."""

    pos: Path
    outbox: Path
    #: Records that another integration brings, one a line; None: there is no other.
    arrivals: Path | None
    #: The shop's own export, which is made anew every few rounds; None: not by this store.
    export: Path | None = None
    seed: int
    faults: TillFaults
    interval: float

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        stop = Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        for number in _ENDINGS:
            signal.signal(number, end)
        till = Till(self.pos, self.outbox, self.seed, self.faults, _now)
        for turn in count():
            if stop.is_set():
                break
            if self.export is not None and turn % EXPORT_ROUNDS == 0:
                renew(self.export)
            self._round(till)
            stop.wait(self.interval)

    def _round(self, till: Till) -> None:
        """Let the other integration and the till work one after the other: the POS file has one writer."""
        try:
            if self.arrivals is not None:
                bring(self.arrivals, self.pos)
            till.step()
        except OSError as error:
            log.warning("till_round_failed", error=error.strerror)


def renew(export: Path) -> None:
    """Let an export be as of now: what it shows is still true, and nothing was added."""
    with suppress(OSError):
        os.utime(export)


def bring(arrivals: Path, pos: Path) -> int:
    """Add the records of a file to the POS file, each once; return how many were new."""
    try:
        lines = arrivals.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return 0
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    file = PosFile(pos)
    file.load()
    fresh = [record for record in records if record["pos_id"] not in file]
    for record in fresh:
        file.put(record)
    if fresh:
        file.save(_now())
    return len(fresh)


def read_faults(words: Sequence[str]) -> TillFaults:
    """Return the faults that ``name=chance`` words and JSON files name; raise InputError for any other."""
    given: dict[str, Any] = {}
    for word in words:
        given |= _chance(word) if "=" in word else _listed(Path(word))
    for name in given:
        if name not in _NAMES:
            raise InputError(f"{name!r} is no fault of a till", next_step=f"known are {', '.join(_NAMES)}")
    return TillFaults(**given)


def _chance(word: str) -> Mapping[str, float]:
    name, _, text = word.partition("=")
    try:
        chance = int(text) if name == "delay_rounds" else float(text)
    except ValueError:
        chance = -1
    if chance < 0 or (chance > 1 and name != "delay_rounds"):
        raise InputError(f"{word!r} is no chance", next_step="write name=0.1, between 0 and 1")
    return {name: chance}


def _listed(path: Path) -> Mapping[str, Any]:
    """Read orders by fault: ``{"refuse": ["1001"], "delayed": ["1002"], "delay_rounds": 3}``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as JSON", next_step="name a file, or write name=0.1"
        ) from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no object", next_step='write {"refuse": ["1001"]}')
    return found


def _now() -> datetime:
    return datetime.now(UTC)
