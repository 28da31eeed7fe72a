"""An order file cut into records: JSON objects still undecoded, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple, Protocol, TypeAlias

#: A longer line (bytes) is no order; it is set aside unread, so that one such line cannot fill the memory.
MAX_LINE: Final = 4 * 1024 * 1024
#: How much of what cannot be read is kept, in bytes.
KEPT: Final = 64 * 1024
BOM: Final = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """One order's JSON. ``offset`` is where in the file its text begins, ``line`` counts from 1."""

    offset: int
    line: int
    raw: bytes
    #: How many rows of the file it stands for.
    rows: int = 1


class Broken(NamedTuple):
    """A stretch of a file that is no record."""

    offset: int
    line: int
    raw: bytes
    reason: str
    rows: int = 1


Item: TypeAlias = Record | Broken


class Format(Protocol):
    """A way to write orders into a file."""

    def records(self, file: BinaryIO, offset: int | None = None) -> Iterator[Item]:
        """Yield the records from the beginning or from a record's ``offset``, lines counted from there."""
        ...


class JsonLines:
    """One JSON object a line."""

    def records(self, file: BinaryIO, offset: int | None = None) -> Iterator[Item]:
        """Yield what lines hold; blank ones hold nothing."""
        position = skip_bom(file) if offset is None else offset
        file.seek(position)
        line = 0
        while text := file.readline(MAX_LINE):
            line += 1
            start, position = position, position + len(text)
            if len(text) >= MAX_LINE and not text.endswith(b"\n"):
                position += skip_line(file)
                yield Broken(start, line, text[:KEPT], f"it is longer than {MAX_LINE} bytes")
            elif text := text.strip():
                yield Record(start, line, text)


def skip_bom(file: BinaryIO) -> int:
    """Return where a file's text begins."""
    file.seek(0)
    return len(BOM) if file.read(len(BOM)) == BOM else 0


def skip_line(file: BinaryIO) -> int:
    """Go to the end of the line; return how many bytes that was."""
    skipped = 0
    while text := file.readline(MAX_LINE):
        skipped += len(text)
        if text.endswith(b"\n"):
            break
    return skipped
