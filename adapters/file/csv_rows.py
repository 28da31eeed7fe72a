"""A CSV file cut into rows of cells, each with its place, however broken the file is.

A row that cannot be cut is given up line by line: what follows its first line is tried again, so that one
stray quote does not swallow the rest of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from adapters.file.records import KEPT, MAX_LINE, Broken

#: A row of more text (bytes) than this is no order.
MAX_ROW: Final = MAX_LINE


class Row(NamedTuple):
    """The cells of one row; ``offset`` is where in the file it begins, ``line`` counts from 1."""

    offset: int
    line: int
    raw: bytes
    cells: list[str]

    @property
    def blank(self) -> bool:
        """Say whether the row holds nothing at all."""
        return not any(cell.strip() for cell in self.cells)

    @property
    def ended(self) -> bool:
        """Say whether its last line has an end, which a file that broke off may lack."""
        return self.raw.endswith((b"\n", b"\r"))


AnyRow: TypeAlias = Row | Broken


class _Lines(Iterator[str]):
    """The lines of a file as text, remembering what the present row is made of."""

    def __init__(self, file: BinaryIO, offset: int, line: int) -> None:
        self._file = file
        self.line = line
        self.start_row(offset)

    def start_row(self, offset: int) -> None:
        """Begin a row at an offset."""
        self.offset = self.position = offset
        self.first_line, self.first_end = self.line + 1, offset
        self.parts: list[bytes] = []
        self.trouble = ""

    def give_up(self) -> Broken:
        """Return the first line of the present row as broken, and go on behind it."""
        raw, reason, line = self.parts[0], self.trouble, self.first_line
        broken = Broken(self.offset, line, raw[:KEPT], reason)
        self.line = self.first_line
        self._file.seek(self.first_end)
        self.start_row(self.first_end)
        return broken

    def __next__(self) -> str:
        text = self._file.readline(MAX_LINE)
        if not text:
            raise StopIteration
        start, self.position = self.position, self.position + len(text)
        self.line += 1
        if not self.parts:
            self.first_end = self.position
        self.parts.append(text)
        if self.position - self.offset >= MAX_ROW:
            raise csv.Error(f"it is longer than {MAX_ROW} bytes")
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            place = start + error.start + 1
            value = text[error.start]
            self.trouble = f"byte {place} of the file (0x{value:02x}) is not UTF-8; export it as UTF-8"
            return text.decode(errors="replace")


def rows(file: BinaryIO, offset: int, delimiter: str, line: int = 0) -> Iterator[AnyRow]:
    """Yield the rows from ``offset`` on; ``line`` is the number of the line before it."""
    file.seek(offset)
    lines = _Lines(file, offset, line)
    while True:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                yield _row(lines, cells)
                lines.start_row(lines.position)
            return
        except csv.Error as error:
            lines.trouble = lines.trouble or f"it is not valid CSV: {error}"
            yield lines.give_up()


def _row(lines: _Lines, cells: list[str]) -> AnyRow:
    raw = lines.parts[0] if len(lines.parts) == 1 else b"".join(lines.parts)
    if lines.trouble:
        return Broken(lines.offset, lines.first_line, raw[:KEPT], lines.trouble)
    return Row(lines.offset, lines.first_line, raw, cells)
