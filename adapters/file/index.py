"""Where in a file an order stands: two numbers an order and word, so that large files stay out of memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from adapters.file.proof import Tally
from adapters.file.source import Fingerprint, Opened
from reconciler.ports import Side

#: Indexes are kept up to this size together (bytes), per process; the one used last in any case.
KEPT_BYTES: Final = 32 * 1024 * 1024
#: A file that changed within this time (ns) before it was opened may change again under the same time stamp:
#: the clocks of file systems tick some hundred times a second, those of old ones once in two.
RACY: Final = 100_000_000
RACY_COARSE: Final = 2_000_000_000
#: Roughly what an index takes beside its numbers (bytes).
OVERHEAD: Final = 2048


@dataclass(frozen=True, slots=True)
class Index:
    """The words of one file, as hashes in ascending order, with the offsets at which they stand."""

    hashes: array[int]
    offsets: array[int]
    tally: Tally

    @property
    def size(self) -> int:
        """The memory it takes, in bytes."""
        return 2 * self.hashes.itemsize * len(self.hashes) + OVERHEAD

    def offsets_of(self, word: str) -> Iterator[int]:
        """Yield where a word may stand, in the order of the file; another word may have the same hash."""
        wanted = hash(word)
        position = bisect_left(self.hashes, wanted)
        while position < len(self.hashes) and self.hashes[position] == wanted:
            yield self.offsets[position]
            position += 1


@dataclass(slots=True)
class Listing:
    """An index in the making."""

    tally: Tally
    hashes: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q"))

    def add(self, words: Iterable[str], offset: int) -> None:
        """Note that words stand at an offset; offsets come in ascending order."""
        for word in words:
            self.hashes.append(hash(word))
            self.offsets.append(offset)

    def index(self) -> Index:
        """Return the finished index of a file that was read to its end."""
        order = sorted(range(len(self.hashes)), key=self.hashes.__getitem__)
        hashes = array("q", (self.hashes[i] for i in order))
        return Index(hashes, array("q", (self.offsets[i] for i in order)), self.tally)


class Indexes:
    """The indexes of files read lately, each good for as long as its file does not change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Side, Path], tuple[Fingerprint, Index]] = OrderedDict()
        self._lock = Lock()

    def keep(self, side: Side, source: Opened, index: Index) -> None:
        """Keep the index of a file that was just read, unless the file is too young to be sure of it."""
        if source.settled is False or _may_still_change(source):
            return
        with self._lock:
            self._kept[side, source.path] = source.fingerprint, index
            self._kept.move_to_end((side, source.path))
            size = sum(kept.size for _, kept in self._kept.values())
            while size > KEPT_BYTES and len(self._kept) > 1:
                size -= self._kept.popitem(last=False)[1][1].size

    def get(self, side: Side, path: Path, fingerprint: Fingerprint) -> Index | None:
        """Return the index of a file that is still the same."""
        with self._lock:
            known, index = self._kept.get((side, path), (None, None))
            if index is not None:
                self._kept.move_to_end((side, path))
        return index if known == fingerprint else None


def _may_still_change(source: Opened) -> bool:
    changed = source.fingerprint.changed
    tick = RACY if changed % 1_000_000_000 else RACY_COARSE
    return source.opened_at - changed < tick


INDEXES: Final = Indexes()
