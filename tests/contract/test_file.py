"""Order files keep the contracts of a cart and of a POS, in every format."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.file.sandbox.faults import TillFaults
from adapters.file.sandbox.till import Till
from reconciler.domain.orders import CartOrder, PosOrder
from tests.builders import NOW
from tests.contract.cart_contract import CartContract
from tests.contract.pos_contract import PosContract
from tests.unit.adapters_file.files import Row, csv_text, file_cart, file_pos, json_lines, row_of


class Files:
    """A folder with one order file, exported at NOW."""

    def __init__(self, folder: Path, name: str, write: Callable[[list[Row]], str]) -> None:
        self.folder = folder
        self.path = folder / name
        self.rows: dict[str, Row] = {}
        self._write = write

    def put(self, *orders: CartOrder | PosOrder) -> None:
        """Export again, with these orders."""
        for order in orders:
            key = order.reference if isinstance(order, CartOrder) else order.pos_id
            self.rows[key] = row_of(order)
        self._export(self._write(list(self.rows.values())))

    def _export(self, text: str) -> None:
        self.path.write_text(text, "utf-8", newline="")
        os.utime(self.path, (NOW.timestamp(), NOW.timestamp()))

    def put_garbage(self) -> None:
        """Append a line that is no order."""
        self._export(self.path.read_text("utf-8") + "oops\n")

    def break_off(self) -> None:
        """Lose the end of the file, in the middle of a row."""
        text = self.path.read_text("utf-8")
        self._export(text[: len(text) - 30])

    def vanish(self) -> None:
        """Unmount the share that the files are on."""
        shutil.rmtree(self.folder)


class CartFile(Files):
    """A shop that exports a file."""

    def __init__(self, folder: Path, name: str, write: Callable[[list[Row]], str]) -> None:
        super().__init__(folder, name, write)
        self.cart = file_cart(self.path)


class PosFile(Files):
    """A store whose till exports a file and takes orders from an outbox."""

    def __init__(self, folder: Path, name: str, write: Callable[[list[Row]], str]) -> None:
        super().__init__(folder, name, write)
        self.pos = file_pos(self.path)
        self._till = Till(self.path, self.path.with_name("outbox.jsonl"), 1, TillFaults(), lambda: NOW)

    def work(self) -> None:
        """Do a round at the till."""
        self._till.step()


def semicolons(rows: list[Row]) -> str:
    """Write CSV as spreadsheets do where the comma is the decimal point."""
    return csv_text(rows, ";")


FORMATS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "json lines": ("orders.jsonl", json_lines),
    "csv": ("orders.csv", csv_text),
    "semicolons": ("o.csv", semicolons),
}


class TestFileCart(CartContract):
    """A cart whose orders are in a file."""

    @pytest.fixture(params=FORMATS)
    def stage(self, tmp_path, request) -> CartFile:
        """An empty shop."""
        (tmp_path / "shop").mkdir()
        return CartFile(tmp_path / "shop", *FORMATS[request.param])


class TestFilePos(PosContract):
    """A POS whose records are in a file, with a till behind it."""

    @pytest.fixture
    def stage(self, tmp_path) -> PosFile:
        """A store without records."""
        (tmp_path / "store").mkdir()
        return PosFile(tmp_path / "store", "pos.jsonl", json_lines)
