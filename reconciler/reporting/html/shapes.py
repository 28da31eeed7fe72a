"""Shapes used again and again: signs beside words, and patterns that tell fates apart without colour."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from reconciler.reporting.html.elements import Html


def asset(name: str) -> str:
    """Return a file that travels with this package."""
    return files("reconciler.reporting.html").joinpath(name).read_text("utf-8")


@cache
def shapes() -> Html:
    """Return the definitions. They are not display:none, which would take the patterns away with it."""
    return Html(asset("shapes.svg").replace("\n", ""))
