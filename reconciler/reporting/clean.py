"""Text from shops and tills, made harmless: shown as it is written, never obeyed."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Cc steers terminals, Cf reverses or hides text, Cs cannot be encoded, Zl and Zp break lines.
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Joiners that scripts and emoji need in order to be written at all.
_NEEDED: Final = frozenset("\u200c\u200d")
_BLANK: Final = re.compile(r"[\t\r\n\v\f]+")

#: What a spreadsheet takes for the start of a formula, full-width forms included.
_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
#: Such a sign at the start of a cell, or after anything that some program takes for the end of one.
_FORMULA_START: Final = re.compile(rf"""(^|["'\u2018\u2019\u201c\u201d,;|])(\s*)(?=[{_FORMULA}])""")


def plain(text: str) -> str:
    r"""Return ``text`` on one line, with every character visible that would steer its reader.

    >>> plain("Rose\n\x1b[31m \u202ered")
    'Rose \\x1b[31m \\u202ered'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, _BLANK.sub(" ", text)))


def _visible(character: str) -> str:
    if character in _NEEDED or unicodedata.category(character) not in _STEERING:
        return character
    return character.encode("unicode_escape").decode("ascii")


def cell(text: str) -> str:
    """Return ``text`` for a spreadsheet's cell: an apostrophe keeps each would-be formula from running.

    >>> cell("=1+1"), cell("2 x ROSE-12, 49.20 USD")
    ("'=1+1", '2 x ROSE-12, 49.20 USD')
    >>> print(cell('"@SUM(A1)'))
    "'@SUM(A1)
    """
    return _FORMULA_START.sub(r"\1\2'", plain(text))
