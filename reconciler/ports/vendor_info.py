"""What a channel file may say about a vendor's connections: declared by its adapter, checked on apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.ports.configuration import Side


class OptionKind(StrEnum):
    """What an option holds. Applied options are plain JSON: paths absolute, times ISO 8601 in UTC."""

    PATH = "a path"
    TIME = "a time with an offset, for example 2026-11-20T15:00:00Z"
    FLAG = "true or false"
    NUMBER = "a whole number"
    TEXT = "a text"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorInfo:
    """A vendor as a channel file may use it."""

    sides: frozenset[Side]
    #: ``base_url`` is a file or folder, relative to the channel file; otherwise it is an http(s) address.
    base_url_is_path: bool = False
    options: Mapping[str, OptionKind] = field(default_factory=dict)
    #: Names that ``credentials`` must have, no more and no fewer; where it needs none, any are kept.
    credentials: frozenset[str] = frozenset()
