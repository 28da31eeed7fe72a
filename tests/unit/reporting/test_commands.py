"""The commands that a report shows: right for what is wrong, and safe to copy."""

import shlex

import pytest
from typer.main import get_command

from reconciler.cli.main import app
from reconciler.domain.table import ALL_RULES
from reconciler.domain.verdict import Classification, Severity
from reconciler.reporting import render_html, render_terminal, render_text
from reconciler.reporting.commands import COMMANDS, commands, how_to_act
from tests.unit.reporting import sample
from tests.unit.reporting.page import Page

C = Classification


def shown(classification=C.MISSING, cause=None, severity=Severity.URGENT, **fields):
    """Return the commands of one finding as a person would copy them."""
    finding = sample.finding(17, **fields)
    group = sample.group(finding, classification=classification, cause=cause, severity=severity)
    return [str(command) for command in commands(group, finding)]


def parses(line: str) -> bool:
    """Say whether the program takes a line as it is, up to doing it."""
    command, words = get_command(app), shlex.split(line)[1:]
    while hasattr(command, "resolve_command"):
        context = command.make_context("reconciler", [], resilient_parsing=True)
        _, command, words = command.resolve_command(context, words)
    command.make_context("reconciler", list(words))
    return True


def test_a_missing_order_is_sent_or_linked():
    """The channel is named, as another shop may have the same number; the reason is left to the person."""
    assert shown() == [
        'reconciler queue set-ready 17 --channel rosebud-web --reason "..."',
        'reconciler queue adopt 17 --as "..." --channel rosebud-web --reason "..."',
    ]


def test_a_hand_keyed_order_is_linked_to_the_ticket_that_was_found():
    """The ticket's number is filled in: nobody has to look for it."""
    assert shown(C.PROBABLE_REKEY, facts={"pos_id": "T-778"})[0] == (
        'reconciler queue adopt 17 --as T-778 --channel rosebud-web --reason "..."'
    )


def test_what_repairs_itself_needs_no_command():
    """Nobody is led to send what is being sent."""
    assert shown(severity=Severity.INFO) == []


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.id)
def test_the_program_takes_every_command(rule):
    """Each can be copied as it is; what asks for Set Ready or the channel file in words has its command."""
    lines = shown(rule.classification, rule.cause)
    assert all(map(parses, lines))
    asked = any(word in rule.next_step.lower() for word in ("set the order ready", "set it ready", "adopt"))
    assert not asked or any("set-ready" in line for line in lines)
    assert "channel file" not in rule.next_step or "reconciler apply FILE" in lines


def test_every_entry_belongs_to_a_rule():
    """No class or cause in the table is misspelt."""
    assert set(COMMANDS) <= {rule.cause or rule.classification for rule in ALL_RULES} | {C.ORPHAN_IN_POS}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("$(reboot) `x`; y", "set-ready '$(reboot) `x`; y' --channel"),
        ("-rf", '--reason "..." -- -rf'),
    ],
)
def test_an_order_number_is_never_read_by_a_shell(reference, expected):
    """Whoever copies a command runs nothing that a customer wrote."""
    line = shown(reference=reference)[0]
    assert expected in line
    assert reference in shlex.split(line)
    assert parses(line)


def test_findings_have_the_number_that_the_commands_take():
    """In the terminal and on the page, with how to say that somebody is at it."""
    report = sample.report(sample.section(groups=(sample.group(sample.finding(17)),)))
    text, page = render_text(report), Page(render_html(report))
    assert "    17  m17 | 63.13 USD" in text
    assert 'Send it: reconciler queue set-ready 17 --channel rosebud-web --reason "..."\n' in text
    assert 'reconciler mismatches acknowledge m17 --reason "..."' in text
    assert "m17" in [span.text for span in page.all("span", class_="sub")]
    assert 'queue set-ready 17 --channel rosebud-web --reason "..."' in page.one("main").text
    assert "reconciler mismatches show m17" in page.one("footer").text
    assert how_to_act((sample.section(),)) == ()


def test_a_command_that_the_group_shares_is_shown_once():
    """Twenty unmapped articles ask for one change of the channel file."""
    findings = [sample.finding(number, next_step="Map them.") for number in range(20)]
    group = sample.group(*findings, classification=C.UNMAPPED_SKU)
    report = sample.report(sample.section(groups=(group,)))
    assert render_text(report).count("reconciler apply FILE") == 1
    assert Page(render_html(report)).one("main").text.count("reconciler apply FILE") == 1


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_breaks_a_command_as_a_shell_does(width):
    """Copied over several lines it is still one command; and a rule stays one line."""
    report = sample.report(sample.section(groups=(sample.group(sample.finding(17)),)))
    text = render_terminal(report, width=width, colour=False)
    start = text.index("Send it:") + len("Send it:")
    joined = text[start:].replace("\\\n", "").splitlines()[0]
    assert shlex.split(joined) == shlex.split(shown()[0])
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if set(line) == {"="}] == ["=" * min(width, 41)]
