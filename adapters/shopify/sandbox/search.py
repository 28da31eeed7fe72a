"""Shopify's search language as the Admin API reads it, its unforgiving spots included.

What it does not know it ignores: the search then finds everything, and only a warning beside the data tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

TIMES: Final = {"updated_at": "updatedAt", "created_at": "createdAt", "processed_at": "processedAt"}
TEXTS: Final = {
    "name": "name",
    "email": "email",
    "source_name": "sourceName",
    "source_identifier": "sourceIdentifier",
    "po_number": "poNumber",
    "confirmation_number": "confirmationNumber",
}
FINANCIAL: Final = frozenset(
    "paid pending authorized partially_paid partially_refunded refunded voided expired".split()
)
FULFILLMENT: Final = frozenset(
    "unshipped shipped fulfilled partial scheduled on_hold unfulfilled request_declined".split()
)
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<field>-?[\w.]+):(?P<op>>=|<=|>|<)?\s*
    (?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s():]+)?|(?P<word>'[^']*'|"[^"]*"|[^\s():]+)|(?P<stray>:))""",
    re.VERBOSE,
)
_PLAIN: Final[Mapping[str, Callable[[Row, str], bool]]] = {
    "tag": lambda row, value: value.casefold() in {str(tag).casefold() for tag in row.get("tags") or ()},
    "test": lambda row, value: bool(row.get("test")) is (value == "true"),
    "sku": lambda row, value: any(line.get("sku") == value for line in row.get("lineItems") or ()),
}
_OPERATIONS: Final = {">=": "range_gte", "<=": "range_lte", ">": "range_gt", "<": "range_lt"}


@dataclass(slots=True)
class Search:
    """A search that was understood as far as it goes."""

    query: str
    test: Test
    parsed: Any
    warnings: list[dict[str, str]] = field(default_factory=list)

    def small_print(self, path: str) -> dict[str, Any]:
        """Return what stands under ``extensions.search``."""
        entry: dict[str, Any] = {"path": [path], "query": self.query, "parsed": self.parsed}
        return {**entry, "warnings": self.warnings} if self.warnings else entry


def parse(query: str | None, zone: tzinfo = UTC) -> Search:
    """Read a search; nothing at all finds everything. Times that name no zone are in the shop's."""
    if not query or not query.strip():
        return Search(query or "", lambda _: True, {})
    reader = _Reader(query, zone)
    test, parsed = reader.any_of()
    return Search(query, test, parsed, reader.warnings)


class _Reader:
    def __init__(self, query: str, zone: tzinfo) -> None:
        self._zone = zone
        self.warnings: list[dict[str, str]] = []
        self._tokens = [match for match in _TOKEN.finditer(query) if match[0].strip()]
        self._at = 0

    def any_of(self) -> tuple[Test, Any]:
        branches = [self._all_of()]
        while (token := self._peek()) and token["word"] == "OR":
            self._at += 1
            branches.append(self._all_of())
        if len(branches) == 1:
            return branches[0]
        tests = [test for test, _ in branches]
        return lambda row: any(test(row) for test in tests), {"or": [parsed for _, parsed in branches]}

    def _all_of(self) -> tuple[Test, Any]:
        found: list[tuple[Test, Any]] = []
        while (token := self._peek()) and token["word"] != "OR" and not token["close"]:
            self._at += 1
            if token["word"] == "AND" or token["stray"]:
                continue
            if token["open"]:
                found.append(self.any_of())
                self._at += 1
            elif token["field"]:
                found.append(self._term(token["field"], token["op"] or "", token["value"] or ""))
            else:
                found.append(_default(_unquoted(token["word"])))
        if len(found) == 1:
            return found[0]
        tests = [test for test, _ in found]
        return lambda row: all(test(row) for test in tests), {"and": [parsed for _, parsed in found]}

    def _term(self, name: str, operation: str, raw: str) -> tuple[Test, Any]:
        negated, name = name.startswith("-"), name.removeprefix("-")
        value = _unquoted(raw)
        parsed = {"field": name, _OPERATIONS.get(operation, "match_all"): value}
        test = self._test(name, operation, value)
        return (lambda row: not test(row)) if negated else test, parsed

    def _test(self, name: str, operation: str, value: str) -> Test:
        if name in TIMES:
            return self._time(name, operation, value)
        if name in TEXTS:
            wanted = _words(value)
            return lambda row: wanted <= _words(str(row.get(TEXTS[name]) or ""))
        if name in _PLAIN:
            return lambda row: _PLAIN[name](row, value)
        match name:
            case "id":
                return self._number(operation, value)
            case "status":
                return self._status(value)
            case "financial_status" | "fulfillment_status":
                return self._display(name, value)
        self._warn(name, "Invalid search field for this query.", "invalid_field")
        return lambda _: True

    def _time(self, name: str, operation: str, value: str) -> Test:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self._warn(name, f"Input `{value}` is not an accepted value.", "invalid_value")
            return lambda _: False
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        compare = _comparison(operation)
        return lambda row: compare(datetime.fromisoformat(row[TIMES[name]]), moment)

    def _number(self, operation: str, value: str) -> Test:
        digits = value.rpartition("/")[2]
        if not digits.isdigit():
            self._warn("id", f"Input `{value}` is not an accepted value.", "invalid_value")
            return lambda _: False
        compare = _comparison(operation)
        return lambda row: compare(int(str(row["id"]).rpartition("/")[2]), int(digits))

    def _status(self, value: str) -> Test:
        match value:
            case "open":
                return lambda row: not row.get("closedAt") and not row.get("cancelledAt")
            case "closed":
                return lambda row: bool(row.get("closedAt"))
            case "cancelled":
                return lambda row: bool(row.get("cancelledAt"))
            case "any" | "not_closed":
                return lambda row: value == "any" or not row.get("closedAt")
        self._warn("status", f"Input `{value}` is not an accepted value.", "invalid_value")
        return lambda _: False

    def _display(self, name: str, value: str) -> Test:
        known, key = (
            (FINANCIAL, "displayFinancialStatus")
            if name == "financial_status"
            else (FULFILLMENT, "displayFulfillmentStatus")
        )
        if value not in known:
            self._warn(name, f"Input `{value}` is not an accepted value.", "invalid_value")
            return lambda _: False
        wanted = {"unshipped": "unfulfilled", "shipped": "fulfilled", "partial": "partially_fulfilled"}.get(
            value, value
        )
        return lambda row: str(row.get(key) or "").lower() == wanted

    def _warn(self, name: str, message: str, code: str) -> None:
        self.warnings.append({"field": name, "message": message, "code": code})

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None


def _default(text: str) -> tuple[Test, Any]:
    wanted = _words(text)
    return (
        lambda row: wanted <= _words(f"{row.get('name') or ''} {row.get('email') or ''}"),
        {"field": "default", "match_all": text},
    )


def _comparison(operation: str) -> Callable[[Any, Any], bool]:
    match operation:
        case ">=":
            return lambda found, value: found >= value
        case "<=":
            return lambda found, value: found <= value
        case ">":
            return lambda found, value: found > value
        case "<":
            return lambda found, value: found < value
    return lambda found, value: found == value


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _words(text: str) -> frozenset[str]:
    """Names are searched by their words: "1001" finds "#1001" and "1001-A" alike."""
    return frozenset(re.findall(r"\w+", text.casefold()))
