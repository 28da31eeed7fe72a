"""A folder's worth of order files for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.builders import NOW
from tests.unit.adapters_file.files import Row, json_lines


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an order file, exported at NOW: rows as JSON Lines, text, or bytes."""

    def write(name: str, content: Iterable[Row] | str | bytes, count: int | str | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        if not isinstance(content, (str, bytes)):
            content = json_lines(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        if count is not None:
            path.with_name(path.name + ".count").write_text(f"{count}\n")
        return path

    return write
