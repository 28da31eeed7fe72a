"""The commands behind a finding's next step, ready to be copied: what a person does with this program."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from reconciler.domain.verdict import Classification, Severity
from reconciler.ports.reports import Finding, Group, MerchantReport

C = Classification

#: What a person has to fill in. Left as it is, it is refused.
GAP: Final = "..."


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it is for, in two words or three, and its words as they are."""

    purpose: str
    words: tuple[str, ...]

    @property
    def pieces(self) -> tuple[str, ...]:
        """The words as a shell needs them."""
        return tuple(_quoted(word) for word in self.words)

    def __str__(self) -> str:
        return " ".join(self.pieces)


Maker: TypeAlias = Callable[[Finding], Command]


def _queue(purpose: str, verb: str, finding: Finding, *more: str) -> Command:
    """Name the channel, since two shops may have the same number; keep a number from being an option."""
    options = (*more, "--channel", finding.channel, "--reason", GAP)
    dashed = finding.reference.startswith("-")
    order = (*options, "--", finding.reference) if dashed else (finding.reference, *options)
    return Command(purpose, ("reconciler", "queue", verb, *order))


def _send(purpose: str) -> Maker:
    return lambda finding: _queue(purpose, "set-ready", finding)


def _link(purpose: str) -> Maker:
    return lambda finding: _queue(purpose, "adopt", finding, "--as", str(finding.facts.get("pos_id") or GAP))


def _close(finding: Finding) -> Command:
    return _queue("Close it", "give-up", finding)


def _apply(_finding: Finding) -> Command:
    return Command("Apply it", ("reconciler", "apply", "FILE"))


def _test(finding: Finding) -> Command:
    return Command("Test it", ("reconciler", "connections", "test", finding.reference))


def _ignore(finding: Finding) -> Command:
    return Command("Ignore it", ("reconciler", "mismatches", "ignore", number(finding), "--reason", GAP))


def _list(finding: Finding) -> Command:
    listing = ("reconciler", "mismatches", "list", "--class", C.MISSING.value, "--channel", finding.channel)
    return Command("See them", listing)


#: By cause where there is one, else by class. What is put right in the cart or in the POS needs none.
COMMANDS: Final[Mapping[str, Sequence[Maker]]] = MappingProxyType(
    {
        C.AUTH_FAILURE: (_apply, _test),
        C.CANNOT_TELL: (_test,),
        "brake": (_list,),
        C.VOIDED_IN_POS: (_send("Send it"),),
        C.HIDDEN_IN_POS: (_apply,),
        C.ORPHAN_IN_POS: (_ignore,),
        C.STATUS_MISMATCH: (_send("Send it"), _close),
        C.PROBABLE_REKEY: (_link("If it is"), _send("If not")),
        C.IN_DOUBT: (_link("If found"), _send("If not")),
        C.UNMAPPED_SKU: (_apply,),
        C.UNMAPPED_SHIPPING: (_apply,),
        C.UNMAPPED_PAYMENT: (_apply,),
        C.UNMAPPED_TAX: (_apply,),
        "menu_setup": (_send("Send it"),),
        "permissions": (_apply,),
        "tax_setup": (_send("Send it"),),
        "rejected": (_link("If keyed in"), _send("Send it")),
        C.MISSING: (_send("Send it"), _link("If keyed in")),
    }
)


def number(finding: Finding) -> str:
    """Return a finding's number as the ``mismatches`` commands take it."""
    return f"m{finding.id}"


def commands(group: Group, finding: Finding) -> tuple[Command, ...]:
    """Return what a person may run about a finding; nothing while it is being repaired by itself."""
    if group.severity is Severity.INFO and not group.about_connection:
        return ()
    return tuple(make(finding) for make in COMMANDS.get(group.cause or group.classification, ()))


def common_commands(group: Group) -> tuple[Command, ...] | None:
    """Return the commands that all findings of a group share, where they do; None where they differ."""
    shared = {commands(group, finding) for finding in group.findings}
    return shared.pop() if len(shared) == 1 else None


def how_to_act(sections: Sequence[MerchantReport]) -> tuple[str, ...]:
    """Say what the findings' numbers are for, with one of them; nothing where there is no finding."""
    groups = [group for one in sections for group in (*one.connections, *one.groups)]
    findings = [finding for group in groups for finding in group.findings]
    if not findings:
        return ()
    name = number(findings[0])
    return (
        f"Each finding has a number, such as {name}. All its evidence: reconciler mismatches show {name}",
        f'When you work on it: reconciler mismatches acknowledge {name} --reason "..."',
    )


def _quoted(word: str) -> str:
    """Quote what a shell would read; the place to fill in has the quotes that a person's words need.

    >>> _quoted("1001"), _quoted("..."), _quoted("$(id)")
    ('1001', '"..."', "'$(id)'")
    """
    return f'"{word}"' if word == GAP else shlex.quote(word)
