"""What is really the matter with each order of a generated world: labels to hold findings against."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reconciler.domain.verdict import Classification


class End(StrEnum):
    """How the story of a labelled order must end."""

    #: In the POS, without a person: by our one re-send, or late by itself.
    REPAIRED = "repaired"
    #: A person has been told, and nothing was done without one.
    FLAGGED = "flagged"
    #: Known and explained; nobody has to act.
    WAITING = "waiting"
    #: A call that went wrong was made again, or made up for: nobody had to be told.
    WEATHERED = "weathered"
    #: Looks odd and is right: it must never be reported.
    AGREED = "agreed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The truth about one order, POS record or connection."""

    merchant: str
    channel: str
    #: The order's number, trimmed; for an orphan its POS id, for a connection its name.
    subject: str
    kind: str = "order"  #: order, pos or connection
    #: What it must be called, each of these at some time; the last one for good if it is flagged.
    classes: tuple[Classification, ...]
    end: End
    note: str = ""
    #: The sandbox's fault behind it, which must have struck: ``shopify html``.
    fault: str = ""
    #: How often we may have handed it to the POS; None: not looked at.
    sends: int = 0

    @property
    def first(self) -> Classification | None:
        """What it is called when it is first judged; None: it must pass without a word."""
        return self.classes[0] if self.classes else None

    @property
    def injected(self) -> bool:
        """Say whether it is a fault, and not a trap that must stay silent."""
        return self.end is not End.AGREED

    def row(self) -> dict[str, object]:
        """Return the label as a line of ``truth.jsonl``."""
        key = {"order": "reference", "pos": "pos_id", "connection": "connection"}[self.kind]
        return {
            "merchant": self.merchant,
            "channel": self.channel,
            key: self.subject,
            "classes": [str(name) for name in self.classes],
            "end": str(self.end),
            "sends": self.sends,
            "note": self.note,
            **({"fault": self.fault} if self.fault else {}),
        }


def write_truth(path: Path, labels: Iterable[Label]) -> None:
    """Write one label a line."""
    lines = (json.dumps(label.row(), ensure_ascii=False) for label in labels)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
