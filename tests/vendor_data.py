"""The vendors' own data, which lies beside the repository: published schemas and recorded answers.

It judges adapters and sandboxes, and is no part of the project. Without it the tests that need it are
skipped, but not on the build machine, where they must run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "RECONCILER_VENDOR_DATA"
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "vendor"


def vendor_data(vendor: str) -> Path:
    """Return the folder of a vendor's data; skip the test, or on the build machine fail it, without one."""
    folder = Path(os.environ.get(VARIABLE) or BESIDE) / vendor
    if folder.is_dir():
        return folder
    words = f"no data of {vendor} at {folder}; set {VARIABLE}"
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)


def recorded(folder: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every JSON file below a folder with what it holds, in a fixed order."""
    for path in sorted(folder.rglob("*.json")):
        yield path, json.loads(path.read_text("utf-8"))
