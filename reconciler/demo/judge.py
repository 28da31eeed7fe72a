"""Truth against findings: which faults were found, which came to their end, and what was reported beside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.demo.store import Key, Store
from reconciler.demo.truth import End, Label
from reconciler.demo.watch import Look, Subject
from reconciler.domain.verdict import Classification

C = Classification
_PREFIX: Final = {"order": "", "pos": "pos:", "connection": "connection:"}
#: What an order may be called on its way to its end, beside what it is.
_IN_PASSING: Final = frozenset({C.SYNC_DELAY, C.CANNOT_TELL})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge by at one moment."""

    look: Look
    seen: Mapping[Subject, set[Classification]]
    store: Store
    before: Mapping[Key, int]
    #: Faults of the sandboxes that struck, and were noticed where they have to be.
    met: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Score:
    """How the findings stand against the truth."""

    injected: int
    found: int
    by_end: Mapping[End, int]
    #: Labels not met, with what is wrong.
    unmet: Sequence[tuple[Label, str]]
    #: What was reported and is none: subject and class.
    false_alarms: Sequence[tuple[Subject, Classification]]
    duplicates: Sequence[Key]
    by_class: Mapping[Classification | None, tuple[int, int]] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Say whether every label was met: only time can undo that, and only time can mend the rest."""
        return not self.unmet

    @property
    def perfect(self) -> bool:
        """Say whether every label was met and nothing else was reported or done."""
        return not (self.unmet or self.false_alarms or self.duplicates)

    @property
    def sentence(self) -> str:
        """Return the score in one line."""
        ends = self.by_end
        return (
            f"{self.injected} injected, {self.found} found, {ends[End.REPAIRED]} repaired, "
            f"{ends[End.FLAGGED]} flagged, {ends[End.WAITING]} need nobody, "
            f"{ends[End.WEATHERED]} weathered, "
            f"{_count(self.duplicates, 'duplicate')}, {_count(self.false_alarms, 'false alarm')}"
        )


def judge(labels: Sequence[Label], evidence: Evidence) -> Score:
    """Hold all labels against what there is now."""
    faults = [label for label in labels if label.injected]
    troubles = [(label, trouble) for label in labels if (trouble := trouble_with(label, evidence))]
    unmet = {id(label) for label, _ in troubles}
    found = [label for label in faults if not _not_found(label, evidence)]
    ends = Counter(label.end for label in faults if id(label) not in unmet)
    return Score(
        injected=len(faults),
        found=len(found),
        by_end={end: ends[end] for end in End},
        unmet=troubles,
        false_alarms=false_alarms(labels, evidence),
        duplicates=evidence.store.duplicates(evidence.before),
        by_class=_by_class(faults, found),
    )


def trouble_with(label: Label, evidence: Evidence) -> str:
    """Return what keeps a label from being met; nothing when it is."""
    troubles = (_not_found(label, evidence), _not_ended(label, evidence), _sent_wrongly(label, evidence))
    return "; ".join(filter(None, troubles))


def false_alarms(labels: Sequence[Label], evidence: Evidence) -> list[tuple[Subject, Classification]]:
    """Return what was ever reported of an order and is not its truth."""
    truth: dict[Subject, set[Classification]] = defaultdict(set)
    for label in labels:
        truth[subject_of(label)] |= {C.AGREED, *label.classes} | _on_the_way(label)
    said: list[tuple[Subject, Classification]] = []
    for reported in (evidence.look.ever, evidence.seen):
        said += [(subject, name) for subject, names in reported.items() for name in names]
    return sorted(
        {(subject, name) for subject, name in said if name not in truth.get(subject, _quiet(subject))}
    )


def subject_of(label: Label) -> Subject:
    """Return under which name findings of a label are kept."""
    return label.channel, f"{_PREFIX[label.kind]}{label.subject}"


def _quiet(subject: Subject) -> frozenset[Classification]:
    """Return what may be said of a subject without a label: an order agrees, once it can be told."""
    about_an_order = ":" not in subject[1]
    return _IN_PASSING | {C.AGREED} if about_an_order else frozenset()


def _on_the_way(label: Label) -> set[Classification]:
    """Return what an order may be called before it is called what it is.

    What we sent is in doubt until the till's next export shows it; what nobody paid is merely unpaid until
    its POS record is read.
    """
    passing = set(_IN_PASSING) if label.kind == "order" else set()
    if label.sends:
        passing.add(C.IN_DOUBT)
    if C.UNPAID_IN_POS in label.classes:
        passing.add(C.UNPAID)
    return passing


def _not_found(label: Label, evidence: Evidence) -> str:
    subject = subject_of(label)
    names = evidence.seen.get(subject, set()) | evidence.look.ever.get(subject, frozenset())
    absent = [name for name in label.classes if name not in names and label.injected]
    if absent:
        return f"never called {', '.join(absent)}"
    return f"{label.fault} was not met" if label.fault and label.fault not in evidence.met else ""


def _not_ended(label: Label, evidence: Evidence) -> str:
    subject, look = subject_of(label), evidence.look
    is_open = look.open.get(subject, frozenset())
    now = look.verdicts.get(subject)
    match label.end:
        case End.WEATHERED:
            return ""
        case End.FLAGGED:
            return "" if label.classes[-1] in is_open else "nobody is told of it now"
        case End.WAITING:
            return "" if now in label.classes else f"it is called {now or 'agreed'} now"
        case End.REPAIRED | End.AGREED:
            left = sorted({*is_open, *([now] if now else [])})
            absent = label.kind == "order" and evidence.store.records.get(subject, 0) == 0
            if left:
                return f"still called {', '.join(left)}"
            return "the till does not have it" if absent and label.end is End.REPAIRED else ""


def _sent_wrongly(label: Label, evidence: Evidence) -> str:
    if label.kind != "order":
        return ""
    sent = evidence.store.handed_over.get(subject_of(label), 0)
    return "" if sent == label.sends else f"handed to the till {sent} times, not {label.sends}"


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _by_class(
    faults: Sequence[Label], found: Sequence[Label]
) -> dict[Classification | None, tuple[int, int]]:
    injected, known = Counter(f.first for f in faults), Counter(f.first for f in found)
    return {name: (injected[name], known[name]) for name in (*Classification, None) if injected[name]}
