"""Merchants, their connections, their channels, and the jobs that are due by the clock."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Identity, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reconciler.persistence.models.base import Base, check, one_of
from reconciler.ports.configuration import ConnectionState, Side


class MerchantRow(Base):
    """A business whose orders are guarded."""

    __tablename__ = "merchants"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    timezone: Mapped[str]
    day_cutoff: Mapped[time]


class ConnectionRow(Base):
    """One account at one vendor. ``credentials`` are encrypted; their digest is keyed."""

    __tablename__ = "connections"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchants.id"))
    name: Mapped[str] = mapped_column(unique=True)
    side: Mapped[str]
    vendor: Mapped[str]
    base_url: Mapped[str]
    options: Mapped[dict[str, Any]]
    credentials: Mapped[bytes | None]
    credentials_digest: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(server_default="ok")
    state_reason: Mapped[str] = mapped_column(server_default="")
    state_since: Mapped[datetime]

    __table_args__ = (
        one_of("side", Side),
        one_of("state", ConnectionState),
        check("credentials_have_digest", "(credentials IS NULL) = (credentials_digest IS NULL)"),
        # What channels refer to, so that none can join two merchants.
        UniqueConstraint("merchant_id", "id"),
    )


class ChannelRow(Base):
    """One cart feeding one POS. ``mapping_version`` counts the changes of its mappings."""

    __tablename__ = "channels"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(unique=True)
    cart_connection_id: Mapped[int] = mapped_column(Integer)
    pos_connection_id: Mapped[int] = mapped_column(Integer)
    policy: Mapped[dict[str, Any]]
    mapping_version: Mapped[int] = mapped_column(Integer, server_default="1")
    live_from: Mapped[datetime]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    next_run_at: Mapped[datetime]
    #: The run up to which changes were compared.
    compared_run: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "cart_connection_id"], ["connections.merchant_id", "connections.id"]
        ),
        ForeignKeyConstraint(
            ["merchant_id", "pos_connection_id"], ["connections.merchant_id", "connections.id"]
        ),
        check("two_sides", "cart_connection_id <> pos_connection_id"),
        Index("ix_channels_due", "next_run_at", postgresql_where=text("enabled")),
        Index(None, "pos_connection_id"),
        Index(None, "cart_connection_id"),
    )


class JobRow(Base):
    """Something that is due by the clock, whoever asks first."""

    __tablename__ = "jobs"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
