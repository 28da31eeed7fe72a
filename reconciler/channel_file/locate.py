"""Find the line on which each key of a TOML text stands.

`tomllib` gives lines for syntax errors only; a wrong value deserves its line too. The text was accepted by
`tomllib` before it comes here, so this is a walk over well-formed text, not a second parser: it needs to
know where keys, strings and brackets are, and nothing about what values mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

#: Keys and list positions from the top of the document.
KeyPath: TypeAlias = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*'|\#[^\n]*|\n|[][{}=,.]|[^][{}=,.\s"'#]+''',
    re.DOTALL,
)
_SIMPLE_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r'\\(?:([btnfr"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))')


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """Return the line of every key, table header and list item; the first where one is named repeatedly."""
    walk = _Walk(text)
    try:
        walk.document()
    except (IndexError, RecursionError, StopIteration):  # pragma: no cover - not well-formed after all
        return walk.lines
    return walk.lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of ``path``, or of the nearest thing around it that has one."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Walk:
    """A walk over tokens, with a note of the line of each key that it passes."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.lists: dict[KeyPath, int] = {}
        self.tokens = list(_tokens(text))
        self.at = 0

    def document(self) -> None:
        table: KeyPath = ()
        while self.at < len(self.tokens):
            if self.peek() == "\n":
                self.at += 1
            elif self.peek() == "[":
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> KeyPath:
        line = self.line()
        repeated = self.peek(1) == "[" and self.adjacent()
        self.at += 2 if repeated else 1
        keys = self.keys()
        self.at += 2 if repeated else 1
        path = self.inside(keys[:-1])
        path = (*path, keys[-1])
        self.lines.setdefault(path, line)
        path = self.append(path) if repeated else self.last(path)
        self.lines.setdefault(path, line)
        return path

    def adjacent(self) -> bool:
        return self.tokens[self.at][2] + 1 == self.tokens[self.at + 1][2]

    def inside(self, keys: list[str]) -> KeyPath:
        path: KeyPath = ()
        for key in keys:
            path = self.last((*path, key))
        return path

    def append(self, path: KeyPath) -> KeyPath:
        self.lists[path] = self.lists.get(path, -1) + 1
        return (*path, self.lists[path])

    def last(self, path: KeyPath) -> KeyPath:
        return (*path, self.lists[path]) if path in self.lists else path

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = table
        for key in self.keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self.value(path)

    def keys(self) -> list[str]:
        names = [_name(self.take())]
        while self.peek() == ".":
            self.at += 1
            names.append(_name(self.take()))
        return names

    def value(self, path: KeyPath) -> None:
        match self.peek():
            case "[":
                self.items(path)
            case "{":
                self.inline(path)
            case _:
                self.scalar()

    def scalar(self) -> None:
        while self.at < len(self.tokens) and self.peek() not in {"\n", ",", "]", "}"}:
            self.at += 1

    def items(self, path: KeyPath) -> None:
        self.at += 1
        position = 0
        while (token := self.peek()) != "]":
            if token in {"\n", ","}:
                self.at += 1
                continue
            self.lines.setdefault((*path, position), self.line())
            self.value((*path, position))
            position += 1
        self.at += 1

    def inline(self, path: KeyPath) -> None:
        self.at += 1
        while (token := self.peek()) != "}":
            if token in {"\n", ","}:
                self.at += 1
            else:
                self.pair(path)
        self.at += 1

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][0] if self.at + ahead < len(self.tokens) else ""

    def line(self) -> int:
        return self.tokens[self.at][1]

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][0]


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if not token.startswith("#"):
            yield token, line, match.start()
        line += token.count("\n")


def _name(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1]
    if token.startswith('"'):
        return _ESCAPE.sub(_unescaped, token[1:-1])
    return token


def _unescaped(match: re.Match[str]) -> str:
    simple, short, long = match.groups()
    return _SIMPLE_ESCAPES[simple] if simple else chr(int(short or long, 16))
