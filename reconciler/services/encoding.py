"""Findings as plain JSON values, with stable keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from reconciler.ports import Judgement
from reconciler.services.findings import BRAKED, CONNECTION, ORPHAN


def plain(value: object) -> Any:
    """Turn a fact into what JSON can hold; times in UTC."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _:
            return value


def finding(judgement: Judgement) -> dict[str, Any]:
    """Write a finding with the keys that rehearsals and exports promise."""
    verdict, reference, pos_id = judgement.verdict, judgement.subject, _pos_id(judgement)
    if reference.startswith(ORPHAN):
        pos_id = reference.removeprefix(ORPHAN)
    about_order = not reference.startswith((ORPHAN, CONNECTION, BRAKED))
    return {
        "reference": reference if about_order else None,
        "pos_id": pos_id,
        "classification": verdict.classification.value,
        "cause": verdict.cause,
        "rule": verdict.rule,
        "also": list(verdict.also),
        "since": plain(verdict.since),
        "facts": plain(verdict.facts),
        "sentence": verdict.sentence,
        "next_step": verdict.next_step,
        "who": verdict.who.value,
        "resend": verdict.resend.value,
        "severity": verdict.severity.value,
    }


def _pos_id(judgement: Judgement) -> str | None:
    facts = judgement.verdict.facts
    found = facts.get("pos_id") or next(iter(_many(facts.get("pos_ids"))), None)
    return str(found) if found is not None else None


def _many(value: object) -> list[object]:
    return value if isinstance(value, list) else []
