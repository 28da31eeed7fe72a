"""Write docs/reference/decision-table.md from the rules, or with --check fail when the two have drifted."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from inspect import getdoc
from pathlib import Path
from typing import Final

from reconciler.domain import policy
from reconciler.domain.policy import Policy
from reconciler.domain.table import (
    BLOCK_B,
    BLOCK_C,
    BLOCK_D_CART,
    BLOCK_D_PROVEN,
    CONNECTION_RULES,
    MISSING,
    ORPHAN,
    SYNC_DELAY,
    Escalation,
    Rule,
)

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference" / "decision-table.md"
NOTE: Final = "<!-- Written by `make docs` from the code; edit the code instead. -->"

INTRODUCTION: Final = """\
# The decision table

Every paid order is compared with what the point of sale (POS) shows. Where the two do not agree, this table
says what the disagreement is called, when it is reported, whether the order may be sent again, who acts, and
what they are told.

The blocks are tried in this order, and inside a block the rules from top to bottom: **the first rule that
holds gives the class**; later ones that hold as well are kept with the finding as facts. What the POS shows
picks the class. Time only delays the report: until its grace ends, an order that the POS has counts as
agreed, and one that it lacks is `sync_delay`.

* **Grace**: how long a disagreement may last before it is reported. **G** is two minutes where orders are
  pushed, and twice the poll interval where they are fetched (fetched every hour: two hours).
* **Re-send**: whether the program may send the order to the POS again by itself.
* **Urgent**: when a finding moves to the top of the report, counted from the end of its grace.
* What stands in _italics_ is filled in from the order."""

BLOCKS: Final[tuple[tuple[str, str, tuple[Rule, ...]], ...]] = (
    (
        "A. About a connection, not an order",
        "One finding for each connection, never one for each order.",
        CONNECTION_RULES,
    ),
    ("B. Not our business", "Nobody acts, and nothing is sent.", BLOCK_B),
    (
        "C. The POS has a record of it",
        "Sending again cannot mend a record that is there.",
        (*BLOCK_C, ORPHAN),
    ),
    (
        "D. The POS has no record of it",
        "The cart alone decides the first three; the others need a complete read that covers the order.",
        (*BLOCK_D_CART, *BLOCK_D_PROVEN, SYNC_DELAY, MISSING),
    ),
)


def main(arguments: list[str]) -> int:
    """Write the page, or say that it would change."""
    text = f"{NOTE}\n\n{page()}\n"
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    if "--check" in arguments:
        print(
            f"docs/reference/{PAGE.name} has drifted from the code; run: python {sys.argv[0]}",
            file=sys.stderr,
        )
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, "utf-8")
    print(f"wrote docs/reference/{PAGE.name}")
    return 0


def page() -> str:
    """Return the page's text."""
    sections = [INTRODUCTION]
    for title, remark, rules in BLOCKS:
        sections += [f"## {title}", remark, overview(rules), *map(details, rules)]
    return "\n\n".join([*sections, *numbers()])


def overview(rules: Iterable[Rule]) -> str:
    """Return a block's rules at a glance, in their order."""
    heads = ("Class", "Grace", "Re-send", "Who acts", "Urgent")
    rows = [(f"[`{name(r)}`](#{anchor(r)})", grace(r), r.resend.value, r.who.value, urgent(r)) for r in rules]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ("---",) * len(heads), *rows))


def details(rule: Rule) -> str:
    """Return when one rule holds, and what people are told."""
    told = f"> {plain(rule.sentence)}\n>\n> **Next:** {plain(rule.next_step)}"
    return f"### {name(rule)}\n\n{sentences(getdoc(rule.holds))}\n\n{told}"


def name(rule: Rule) -> str:
    """Name a rule as findings do: the class, and its cause where it has several."""
    return ": ".join(filter(None, (rule.classification.value, rule.cause)))


def anchor(rule: Rule) -> str:
    """Return the place of a rule's heading in the page."""
    return name(rule).replace(": ", "-")


def grace(rule: Rule) -> str:
    """Say how long a disagreement is not reported."""
    return duration(rule.grace.value) if isinstance(rule.grace.value, timedelta) else str(rule.grace.value)


def urgent(rule: Rule) -> str:
    """Say when a finding becomes urgent."""
    reasons = [f"when {reason.value}" for reason in sorted(rule.escalation.at_once, key=lambda r: r.value)]
    return "; ".join([*_waits(rule.escalation), *reasons]) or "never"


def _waits(escalation: Escalation) -> Iterator[str]:
    if escalation.graces:
        yield f"after {escalation.graces} x G"
    if escalation.after is not None:
        yield f"after {duration(escalation.after)}" if escalation.after else "at once"


def sentences(text: str | None) -> str:
    """Return a docstring as running text."""
    return " ".join((text or "").split())


def plain(template: str) -> str:
    """Show what is filled in as words."""
    return re.sub(r"{(\w+)}", lambda found: f"_{found[1].replace('_', ' ')}_", template)


def numbers() -> Iterator[str]:
    """Yield what the numbers are, and what each means, as the code says beside them."""
    yield "## The numbers\n\nFor every channel:"
    source = Path(policy.__file__).read_text("utf-8")
    lines = []
    for comment, names in re.findall(r"((?:^#: .*\n)+)((?:^[A-Z_]+: Final.*\n)+)", source, re.MULTILINE):
        values = [
            written(getattr(policy, constant)) for constant in re.findall(r"^[A-Z_]+", names, re.MULTILINE)
        ]
        if all(values):
            lines.append(f"* {sentences(comment.replace('#:', ' '))} **{', '.join(filter(None, values))}**")
    yield "\n".join(lines)
    yield "A channel's own settings come first; without them:"
    yield settings(Policy())


def settings(usual: Policy) -> str:
    """Say what a channel may set for itself, and what counts where it does not."""
    pushed = duration(Policy(push=True).grace)
    interval, usually, earliest = map(duration, (usual.poll_interval, usual.grace, usual.resend_after))
    unit = usual.tolerance_per_line
    return f"""\
* Orders are fetched every **{interval}**, so that G is **{usually}**; where pushed, G is **{pushed}**.
* Totals may differ by **{unit}** of the currency's smallest unit a line.
* A re-send comes **{earliest}** after the payment or later: G, or `retry_horizon` where that is longer."""


def written(value: object) -> str | None:
    """Write a number for a reader; None where it is no number that a reader needs."""
    match value:
        case timedelta():
            return duration(value)
        case Decimal():
            return f"{(value * 100).normalize():f}%"
        case int():
            return str(value)
        case tuple():
            return ", ".join(map(duration, value))
        case Mapping():
            return ", ".join(f"{key} {number}" for key, number in value.items())
        case _:
            return None


def duration(span: timedelta) -> str:
    """Write a time span in the largest unit that fits.

    >>> duration(timedelta(hours=2)), duration(timedelta(minutes=1)), duration(timedelta(seconds=90))
    ('2 hours', '1 minute', '90 seconds')
    """
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(span.total_seconds(), length)
        if count and not rest:
            return f"{count:.0f} {unit}{'s' * (count != 1)}"
    return "0 seconds"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
