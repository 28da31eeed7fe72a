"""The failure report for a person, a program or a spreadsheet: pure functions from a Report to text."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.ports.reports import Renderer
from reconciler.reporting.as_csv import render_csv
from reconciler.reporting.as_json import render_json
from reconciler.reporting.html.page import render_html
from reconciler.reporting.terminal import render_terminal, render_text

#: The files of a scheduled report, by their extension.
RENDERERS: Final[Mapping[str, Renderer]] = MappingProxyType(
    {"html": render_html, "json": render_json, "csv": render_csv}
)

__all__ = ["RENDERERS", "render_csv", "render_html", "render_json", "render_terminal", "render_text"]
