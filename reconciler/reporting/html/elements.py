"""Markup from Python values. What is not ``Html`` already is text, and is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeAlias

from reconciler.reporting.clean import plain

_VOID: Final = frozenset({"br", "col", "meta"})
#: Inside a picture an element without content is closed by itself.
_CLOSED: Final = frozenset({"line", "rect", "use"})


class Html(str):
    """Markup that is safe already."""

    __slots__ = ()


Child: TypeAlias = Html | str | None


def text(value: str) -> Html:
    """Escape text."""
    return Html(escape(plain(value)))


def join(parts: Iterable[Child], between: str = "") -> Html:
    """Put markup and text one after another."""
    return Html(between.join(part if isinstance(part, Html) else text(part) for part in parts if part))


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """Make an element.

    >>> tag("p", "1 < 2", class_="note", hidden=True, title=None)
    '<p class="note" hidden>1 &lt; 2</p>'
    """
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    if name in _VOID or name in _CLOSED:
        return Html(f"{start}>" if name in _VOID else f"{start}/>")
    return Html(f"{start}>{join(children)}</{name}>")


def _attribute(key: str, value: str | float | bool | None) -> str:  # noqa: FBT001 - an attribute's value
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(plain(str(value)))}"'


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. ``kind`` is a class: number, nowrap."""

    title: str
    kind: str | None = None


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Child]], kind: str = "") -> Html:
    """Make a table whose first column names its rows. On a narrow screen it scrolls by itself."""
    head = join(tag("th", column.title, scope="col", class_=column.kind) for column in columns)
    body = join(table_row(columns, row) for row in rows)
    whole = tag(
        "table",
        tag("caption", caption),
        tag("colgroup", *(tag("col") for _ in columns)),
        tag("thead", tag("tr", head)),
        tag("tbody", body),
        class_=kind or None,
    )
    return scrolling(whole, caption)


def scrolling(content: Html, name: str) -> Html:
    """Let what is wider than the screen scroll by itself, with the keyboard too."""
    return tag("div", content, class_="scroll", role="region", aria_label=name, tabindex="0")


def table_row(columns: Sequence[Column], cells: Sequence[Child]) -> Html:
    """Make one row; each cell also carries its column's title, for narrow screens."""
    first, *rest = zip(columns, cells, strict=True)
    head = tag("th", first[1], scope="row", class_=first[0].kind)
    return tag("tr", head, *(tag("td", cell, class_=c.kind, data_label=c.title) for c, cell in rest))


def icon(name: str) -> Html:
    """Draw one of the page's shapes; the words beside it say the same."""
    return tag("svg", tag("use", href=f"#i-{name}"), class_="icon", aria_hidden="true")


def heading(level: int, content: Child, id_: str | None = None) -> Html:
    """Make a heading."""
    return tag(f"h{level}", content, id=id_)
