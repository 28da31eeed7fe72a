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


def channel_file() -> str:
    """Return what a channel file may say: merchants, their connections, their channels."""
    from adapters.registry import Registry
    from reconciler import channel_file as merchants
    from reconciler.channel_file import channels, connections

    parts = ["# The channel file", CHANNEL_FILE]
    for header, keys in (
        ("merchant", merchants.MERCHANT_KEYS),
        ("merchant.connection", connections.KEYS),
        ("merchant.channel", channels.KEYS),
    ):
        rows = [f"| `{key}` | {_cell(meaning)} |" for key, meaning in keys.items()]
        parts.append("\n".join((f"## [[{header}]]", "", "| Key | Meaning; default |", "|---|---|", *rows)))
    parts.append("## Vendors")
    for name, info in sorted(Registry().info().items()):
        sides = " or ".join(sorted(info.sides))
        needs = ", ".join(f"`{each}`" for each in sorted(info.credentials)) or "none"
        rows = [f"| `{key}` | {kind} | {_cell(OPTIONS[key])} |" for key, kind in info.options.items()]
        head = (f"### {name}", "", f"A {sides}. Credentials: {needs}.", "")
        parts.append("\n".join((*head, "| Option | Holds | Meaning; default |", "|---|---|---|", *rows)))
    return "\n\n".join(parts)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


CHANNEL_FILE = """\
It says whose carts feed which POS, in TOML; `reconciler apply FILE` makes the database say the same. Applying
it twice changes nothing, and what it does not name is left alone. Lengths of time are written `90s`, `15m`,
`1h`, `2d`; moments as `2026-11-01T00:00:00Z`. The README shows a whole one."""
#: What the options of the vendors mean. One that is missing here ends the writing.
OPTIONS = {
    "timeout_seconds": "the longest silence before a call counts as broken off; 30",
    "tries": "how often a read is tried; 8",
    "page_size": "orders asked for at once; what the vendor's limits allow",
    "delivery_date_attribute": "the order attribute that holds the day of delivery; none is read",
    "location_ids": "the locations that are read, with commas between; all",
    "square_version": "the release of the vendor's API; the one that this program was made for",
    "source_name": "what staff see as the origin of our orders; `Online shop`",
    "calls_per_second": "how many calls we make at most; 10",
    "history_days": "how far back a first read and a full one go; 90",
    "lookup_days": "how far back an order is looked for by its number; 30",
    "covers_from": "from when on the file is complete; its earliest order",
    "as_of": "until when it is complete; when the file was changed",
    "trust_absence": "the merchant vouches for its completeness, so that a re-send may rest on it; `false`",
    "catalog": "the POS's articles and delivery methods; any article is taken",
    "outbox": "where orders are sent to; `outbox.jsonl` beside the orders",
}
PAGES = {"channel-file.md": channel_file, "commands.md": commands, "settings.md": settings}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
