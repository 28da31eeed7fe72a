"""The front door: help at once, and every ending one line with a code of its kind."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
import typer

from reconciler import __version__
from reconciler.cli import lazy
from reconciler.cli.errors import EXIT_CODES, ending_of
from reconciler.cli.lazy import COMMANDS, Entry, load
from reconciler.cli.main import run
from reconciler.domain.errors import ConfigError, ReconcilerError, RefusedError, UnavailableError

PROGRAM = Path(sys.executable).with_name("reconciler")


@pytest.fixture
def command(monkeypatch):
    """Return a way to put a command `probe` that does something into the program, and run it."""

    def put(action, *arguments):
        probe = typer.Typer()
        probe.command("probe")(action)
        entry = Entry("tests.probe", "A probe.")
        monkeypatch.setitem(sys.modules, "tests.probe", type("module", (), {"app": probe}))
        monkeypatch.setitem(lazy.COMMANDS, "probe", entry)
        return run(["probe", *arguments])

    yield put
    structlog.reset_defaults()


def fails_with(error):
    """Return an action that raises ``error``."""

    def action() -> None:
        raise error

    return action


def test_help_lists_every_command_and_exit_code(capsys):
    """Who has never seen the program learns from --help what there is."""
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert [meaning for _, meaning in EXIT_CODES if meaning not in shown] == []


def test_every_error_class_has_its_exit_code_listed():
    """A new kind of error must not end with a code that nobody can look up."""

    def classes(base):
        for child in base.__subclasses__():
            yield child
            yield from classes(child)

    ours = {kind.exit_code for kind in classes(ReconcilerError) if kind.__module__.startswith("reconciler")}
    assert ours <= {code for code, _ in EXIT_CODES}


#: What help may load: the command line's own library, and what that one loads by itself.
LIGHT = {
    *("reconciler", "typer", "shellingham", "annotated_doc", "typing_extensions"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_inspection"),
}
#: Prints what a command line loaded that a bare interpreter had not, by top-level name.
LOADED = """
import sys
before = set(sys.modules)
from reconciler.cli.main import run
run(sys.argv[1:])
names = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print("loaded", *sorted(name for name in names if not name.startswith("_")))
"""


@pytest.mark.parametrize("arguments", [("--help",), ("queue", "--help"), ("--version",)])
def test_help_loads_nothing_heavy(arguments):
    """What makes help slow is imports; this names the one that slipped in. `make bench` has the time."""
    command = [sys.executable, "-c", LOADED, *arguments]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert set(lines[-1].split()) - {"loaded"} <= LIGHT


def test_the_version_is_told(capsys):
    """--version prints one line."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"reconciler {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["quue"], "error: No such command 'quue'. Did you mean 'queue'?; see: reconciler --help"),
        (["--bos"], "error: No such option: --bos; see: reconciler --help"),
        (
            ["apply"],
            "error: Missing argument 'FILE': the channel file (TOML); see: reconciler apply --help",
        ),
        (
            ["sandbox", "rehearsal"],
            (
                "error: Missing argument 'FOLDER': an empty or new folder; "
                "see: reconciler sandbox rehearsal --help"
            ),
        ),
        (
            ["queue", "set-ready", "1001"],
            (
                "error: Missing option '--reason': why; kept in the history; "
                "see: reconciler queue set-ready --help"
            ),
        ),
        (["apply", "a", "b"], "error: Got unexpected extra argument(s) (b); see: reconciler apply --help"),
    ],
)
def test_a_wrong_command_line_is_one_line(capsys, arguments, line):
    """The line names what is wrong and where the right usage stands; the code is 2."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{line}\n")


def test_nothing_asked_is_answered_with_help(capsys):
    """A bare `reconciler` shows what there is, and counts as a mistake all the same."""
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("the key is wrong", next_step="make one"), 3, "error: the key is wrong; make one"),
        (RefusedError("it is closed"), 5, "error: it is closed"),
        (UnavailableError("two\nlines\x1b[31m"), 6, "error: two lines [31m"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            6,
            "error: the disk is full; free some space, then run the command again",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            2,
            "error: /x: Permission denied; check the path and its rights",
        ),
    ],
)
def test_a_known_error_is_one_line_and_its_code(command, capsys, error, code, line):
    """What a person can act on is said in one line, whatever the message holds."""
    assert command(fails_with(error)) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{line}\n")


def test_a_fault_of_the_program_is_an_incident(command, capsys, monkeypatch):
    """No traceback: one line with a number, and a log entry under the same number, without the words."""
    monkeypatch.delenv("RECONCILER_DEBUG", raising=False)
    assert command(fails_with(ValueError("Ann Droid"))) == 70
    log, line = capsys.readouterr().err.splitlines()
    incident = line.partition("incident ")[2][:8]
    assert line == (
        f"error: a fault of the program (ValueError, incident {incident}); "
        "look for that number in the log, or run again with RECONCILER_DEBUG=1"
    )
    assert incident in log
    assert "unexpected_error" in log
    assert "Ann" not in log


def test_a_developer_may_ask_for_the_traceback(command, capsys, monkeypatch):
    """RECONCILER_DEBUG=1 shows where it happened."""
    monkeypatch.setenv("RECONCILER_DEBUG", "1")
    assert command(fails_with(ValueError("Ann Droid"))) == 70
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_quiet(command, capsys):
    """Who interrupts knows that he did."""
    assert command(fails_with(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_went_away_is_no_error(command, capsys):
    """`reconciler queue list | head` ends quietly."""
    assert command(fails_with(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))) == 141
    assert capsys.readouterr().err == ""


def test_a_closed_pipe_is_quiet_at_the_very_end_too():
    """What is held back until the process ends goes nowhere, without a complaint from Python."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([PROGRAM, "--help"], check=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_the_output_is_one_line():
    """Output that could not be written is an error, not a success."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([PROGRAM, "--help"], check=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 6
    assert done.stderr == b"error: the disk is full; free some space, then run the command again\n"


def test_a_closed_output_is_quiet():
    """Some jobs run with nothing behind stdout at all."""
    closing = ["sh", "-c", 'exec "$0" --help >&-', str(PROGRAM)]
    done = subprocess.run(closing, check=False, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_wrong_setting_does_not_keep_logging_from_being_set_up(command, capsys, monkeypatch):
    """The command itself reports the setting, if it needs it at all."""
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "soon")
    assert command(lambda: typer.echo("done")) == 0
    assert capsys.readouterr().out == "done\n"


def test_a_command_that_is_not_installed_says_so():
    """A missing module is one line; a module that fails to import something else is a fault of ours."""
    with pytest.raises(UnavailableError) as caught:
        load("x", Entry("reconciler.cli.x", ""), lambda: None)
    assert (
        str(caught.value) == "this installation has no command 'x'; install a version with reconciler.cli.x"
    )


def test_an_unforeseen_error_never_shows_its_words():
    """Words of foreign exceptions may quote an order; the line names the type only."""
    assert "Ann" not in ending_of(KeyError("Ann Droid")).line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help(name):
    """Each leaf of the command tree shows how it is called."""

    def leaves(words, found):
        children = getattr(found, "commands", {})
        if not children:
            yield words, found
        for child_name, child in children.items():
            yield from leaves(f"{words} {child_name}", child)

    try:
        top = load(name, COMMANDS[name], lambda: None)
    except UnavailableError:
        pytest.skip("not there yet")
    without = [
        words for words, leaf in leaves(name, top) if f"Example: reconciler {words}" not in (leaf.help or "")
    ]
    assert without == []


def test_output_that_a_disk_takes_in_part_is_an_error_though_nothing_is_buffered(tmp_path):
    """PYTHONUNBUFFERED, as containers set it, must not make half an answer a success."""
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [PROGRAM, "--help"],
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            check=False,
            stdout=out,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (6, 1)
    assert b"the disk is full" in done.stderr
