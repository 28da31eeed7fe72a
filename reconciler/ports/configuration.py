"""Merchants, connections and channels: as a channel file wants them, and as services see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Protocol

from reconciler.domain.policy import Policy


class Side(StrEnum):
    """Which end of a channel."""

    CART = "cart"
    POS = "pos"


class ConnectionState(StrEnum):
    """Whether a connection may be used."""

    OK = "ok"
    AUTH_FAILED = "auth_failed"
    UNREACHABLE = "unreachable"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionInfo:
    """One account at one vendor. ``credentials`` are still encrypted; only the factory opens them."""

    id: int
    name: str
    merchant: str
    side: Side
    vendor: str
    base_url: str
    options: Mapping[str, object]
    credentials: bytes | None = field(default=None, repr=False)
    state: ConnectionState = ConnectionState.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One cart feeding one POS, with its policy."""

    id: int
    name: str
    merchant: str
    merchant_name: str
    policy: Policy
    cart: ConnectionInfo
    pos: ConnectionInfo
    #: Reference prefixes of all channels on this POS, this one's included.
    sibling_prefixes: tuple[str, ...] = ("",)
    #: The run up to which changes were compared.
    compared_run: int = 0
    next_run_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantSpec:
    """A merchant as a channel file wants it."""

    code: str
    name: str
    timezone: str = "UTC"
    #: When the business day ends, local time.
    day_cutoff: time = time(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSpec:
    """A connection as a channel file wants it. ``credentials`` are already encrypted."""

    merchant: str
    name: str
    side: Side
    vendor: str
    base_url: str
    options: Mapping[str, object] = field(default_factory=dict)
    credentials: bytes | None = field(default=None, repr=False)
    #: A keyed digest of the credentials in clear, so that applying the same file twice changes nothing.
    credentials_digest: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    """A channel as a channel file wants it. Without ``live_from`` the moment of the first apply counts."""

    merchant: str
    name: str
    cart: str
    pos: str
    policy: Policy
    live_from: datetime | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ConfigurationSpec:
    """All that one channel file says."""

    merchants: tuple[MerchantSpec, ...]
    connections: tuple[ConnectionSpec, ...]
    channels: tuple[ChannelSpec, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference that applying a channel file makes."""

    action: str  #: created, changed, unchanged
    kind: str  #: merchant, connection, channel
    name: str
    fields: tuple[str, ...] = ()


class Configuration(Protocol):
    """Writes what channel files say."""

    def apply(self, spec: ConfigurationSpec, now: datetime) -> Sequence[Change]:
        """Make the database say what ``spec`` says; what it does not name is left alone."""
        ...
