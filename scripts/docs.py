"""Write the reference pages from the code, or with --check fail when one has drifted from it.

A page is a file under docs/reference and the function that returns its text: one line in PAGES.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code; edit the code instead. -->"
#: What --help must not take from the terminal of whoever writes the pages.
TERMINAL = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}


def main(arguments: list[str]) -> int:
    """Write every page, or say which ones `make docs` would change."""
    pages = {FOLDER / name: f"{NOTE}\n\n{text().strip()}\n" for name, text in PAGES.items()}
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"docs/reference/{path.name} has drifted from the code; run: make docs", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(pages[path], "utf-8")
        print(f"wrote docs/reference/{path.name}")
    return 0


def commands() -> str:
    """Return the help of every command, as `reconciler COMMAND --help` prints it."""
    from typer.main import get_command

    from reconciler.cli.main import app

    sections = ["# Commands"]
    for words in _walk(get_command(app), ()):
        name = " ".join(("reconciler", *words))
        sections.append(f"{'##' if len(words) < 2 else '###'} {name}\n\n```text\n{_help(app, words)}\n```")
    return "\n\n".join(sections)


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            yield from _walk(child, (*words, name))


def _help(app: Any, words: tuple[str, ...]) -> str:
    from typer.testing import CliRunner

    result = CliRunner().invoke(app, [*words, "--help"], prog_name="reconciler", env=TERMINAL)
    if result.exit_code:
        message = f"reconciler {' '.join(words)} --help failed: {result.output}"
        raise RuntimeError(message) from result.exception
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def settings() -> str:
    """Return a table of the environment variables that the program reads."""
    from reconciler.settings import Settings

    prefix = Settings.model_config.get("env_prefix", "")
    rows = ["# Settings", "", "| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = field.alias or (prefix + name)
        default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)}`"
        rows.append(f"| `{variable.upper()}` | {default} | {_cell(field.description)} |")
    return "\n".join(rows)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


PAGES = {"commands.md": commands, "settings.md": settings}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
