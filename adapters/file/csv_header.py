"""The first row of a CSV file: the delimiter, the columns, and where the orders begin."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO, Final

from adapters.file.csv_rows import AnyRow, Row, rows
from adapters.file.records import KEPT, Broken, skip_bom
from reconciler.domain.errors import MalformedError

DELIMITERS: Final = (",", ";")
#: What makes a file incomplete that has a header, or part of one, and no more.
BROKEN_HEADER: Final = Broken(0, 1, b"", "the file breaks off in its header", rows=0)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, trimmed and in lower case, and what is needed to read on."""

    delimiter: str
    columns: tuple[str, ...]
    #: Where the first row of orders begins, and the number of the line before.
    offset: int
    line: int
    #: The header's line has an end; a file that breaks off in its header has not.
    ended: bool

    def mend(self, row: AnyRow) -> Row | Broken | None:
        """Return a row that has a cell for each column, or why it has not; None for one that is blank."""
        if isinstance(row, Broken) or len(row.cells) == len(self.columns):
            return row if isinstance(row, Broken) or not (row.blank and row.ended) else None
        if row.blank and row.ended:
            return None
        extra = row.cells[len(self.columns) :]
        if extra and not any(extra):
            return row._replace(cells=row.cells[: len(self.columns)])
        reason = f"it has {len(row.cells)} cells, the header has {len(self.columns)}"
        return Broken(row.offset, row.line, row.raw[:KEPT], reason)


def read_header(file: BinaryIO, known: Collection[str]) -> Header | None:
    """Return the header, under the delimiter that makes more of its columns known; None without any text."""
    start = skip_bom(file)
    found = [header for delimiter in DELIMITERS if (header := _header(file, start, delimiter))]
    return max(found, key=lambda header: len(set(header.columns) & set(known)), default=None)


def _header(file: BinaryIO, start: int, delimiter: str) -> Header | None:
    for row in rows(file, start, delimiter):
        if isinstance(row, Broken):
            # A name in another encoding need not be one that we look for.
            cells = row.raw.decode("utf-8", "replace").strip().split(delimiter)
            row = Row(row.offset, row.line, row.raw, cells)  # noqa: PLW2901
        if not row.blank:
            columns = tuple(cell.strip().lower() for cell in row.cells)
            line = row.line + row.raw.count(b"\n") - row.ended
            return Header(delimiter, columns, row.offset + len(row.raw), line, row.ended)
    return None


def require(name: str, header: Header, needed: Collection[str]) -> None:
    """Raise MalformedError when a file lacks columns that every order needs, or has one twice."""
    missing = [column for column in needed if column not in header.columns]
    if missing:
        raise MalformedError(
            f"the header of {name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
            next_step="export it again with these columns, or correct base_url",
        )
    twice = sorted({column for column in header.columns if column and header.columns.count(column) > 1})
    if twice:
        raise MalformedError(
            f"the header of {name} has {', '.join(twice)} more than once", next_step="export each column once"
        )
