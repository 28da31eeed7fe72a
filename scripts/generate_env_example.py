"""Write .env.example from the settings class, or with --check fail when it has drifted."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap
from typing import Any

from reconciler.settings import Settings

FILE = Path(__file__).resolve().parent.parent / ".env.example"
HEADER = """\
# Every setting of Reconciler, with its default. Written by scripts/generate_env_example.py from the code.
# The program reads its environment only. A platform or a Procfile runner loads a copy of this file; a shell:
#   cp .env.example .env && set -a && . ./.env && set +a
"""
FOOTER = """
# A channel file names the variable of each credential, which is read by `reconciler apply`, for example:
# RECONCILER_SECRET_ROSEBUD_POS=
"""


def text() -> str:
    """Return the whole file: each setting commented out, so that a copy changes nothing until edited."""
    return HEADER + "".join(_setting(field) for field in Settings.model_fields.values()) + FOOTER


def _setting(field: Any) -> str:
    comment = "\n".join(f"# {line}" for line in wrap(field.description, 108))
    return f"\n{comment}\n# {field.alias}={_default(field.default)}\n"


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)


def main(arguments: list[str]) -> int:
    """Write the file, or say that it is stale."""
    current = FILE.read_text("utf-8") if FILE.is_file() else ""
    if current == text():
        return 0
    if "--check" in arguments:
        print(".env.example has drifted; run: python scripts/generate_env_example.py", file=sys.stderr)
        return 1
    FILE.write_text(text(), "utf-8")
    print("wrote .env.example")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
