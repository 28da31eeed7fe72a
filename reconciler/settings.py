"""Every setting of the program, from the environment: name, unit, default and meaning in one place.

``.env.example`` and the reference page are written from this class. What it holds that is secret is a
``SecretStr``: it never shows in a ``repr``, a log or an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from reconciler.domain.errors import ConfigError

#: What may stand before a PostgreSQL address; all of them are read with the driver that we ship.
POSTGRES_SCHEMES: Final = ("postgresql+psycopg://", "postgresql://", "postgres://")
REDIS_SCHEMES: Final = ("redis://", "rediss://", "unix://")
SET_ONE: Final = "set it, or RECONCILER_DATA_DIR to use the built-in services"


class Settings(BaseSettings):
    """The program's settings. Make them with `load_settings`, whose errors are one line."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True, hide_input_in_errors=True
    )

    database_url: SecretStr | None = Field(
        default=None,
        alias="DATABASE_URL",
        description="Address of PostgreSQL 14 or newer, postgresql://USER:PASSWORD@HOST/NAME. "
        "Needed unless RECONCILER_DATA_DIR is set.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        alias="REDIS_URL",
        description="Address of Valkey or Redis, redis://HOST:6379/0, which carries the workers' messages. "
        "Needed by workers and beat unless RECONCILER_DATA_DIR is set.",
    )
    data_dir: Path | None = Field(
        default=None,
        alias="RECONCILER_DATA_DIR",
        description="Folder of the built-in PostgreSQL and Valkey, in place of DATABASE_URL and REDIS_URL.",
    )
    secret_keys: SecretStr | None = Field(
        default=None,
        alias="RECONCILER_SECRET_KEYS",
        description="Keys that encrypt the connections' credentials, comma-separated, newest first; "
        "make one with: reconciler connections new-key. Needed only where a connection has credentials.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", alias="RECONCILER_LOG_LEVEL", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        alias="RECONCILER_LOG_FORMAT",
        description="console, json, or auto: console on a terminal, otherwise json.",
    )
    tick_seconds: int = Field(
        default=5,
        alias="RECONCILER_TICK_SECONDS",
        ge=1,
        le=3600,
        description="Seconds between two looks of beat at what is due.",
    )
    lease_seconds: int = Field(
        default=60,
        alias="RECONCILER_LEASE_SECONDS",
        ge=5,
        le=3600,
        description="Seconds a worker may hold a queue entry before it counts as dead.",
    )
    report_dir: Path | None = Field(
        default=None,
        alias="RECONCILER_REPORT_DIR",
        description="Folder of the scheduled failure report; unset: none is written on schedule.",
    )
    report_interval_minutes: int = Field(
        default=60,
        alias="RECONCILER_REPORT_INTERVAL_MINUTES",
        ge=1,
        le=7 * 24 * 60,
        description="Minutes between two scheduled reports.",
    )
    worker_concurrency: int = Field(
        default=4,
        alias="WORKER_CONCURRENCY",
        ge=1,
        le=256,
        description="Processes of one worker; read by the Procfile.",
    )
    debug: bool = Field(
        default=False,
        alias="RECONCILER_DEBUG",
        description="1 shows the traceback of an unexpected error. It may quote data: not for production.",
    )

    def require_database_url(self) -> str:
        """Return PostgreSQL's address for SQLAlchemy; raise ConfigError when there is none."""
        if self.database_url is None:
            raise ConfigError(
                "DATABASE_URL is not set",
                next_step="set it, or RECONCILER_DATA_DIR to use the built-in services",
            )
        return _postgres(self.database_url.get_secret_value())

    def require_redis_url(self) -> str:
        """Return the broker's address; raise ConfigError when there is none."""
        if self.redis_url is None:
            raise ConfigError(
                "REDIS_URL is not set",
                next_step="set it, or RECONCILER_DATA_DIR to use the built-in services",
            )
        url = self.redis_url.get_secret_value()
        if not url.startswith(REDIS_SCHEMES):
            raise ConfigError("REDIS_URL is not an address of Valkey", next_step="write redis://HOST:6379/0")
        return url

    def require_secret_keys(self) -> tuple[str, ...]:
        """Return the encryption keys, newest first; raise ConfigError when there are none."""
        text = self.secret_keys.get_secret_value() if self.secret_keys else ""
        keys = tuple(key for part in text.split(",") if (key := part.strip()))
        if not keys:
            raise ConfigError(
                "RECONCILER_SECRET_KEYS is not set, and credentials are stored encrypted only",
                next_step="make a key with: reconciler connections new-key",
            )
        return keys


def default_data_dir() -> Path:
    """Return where the built-in services keep their data when nobody says; root has a place of its own."""
    return Path("/var/lib/reconciler") if os.geteuid() == 0 else Path(".reconciler")


class Urls(Protocol):
    """Addresses of both servers, as the embedded services tell them."""

    @property
    def database_url(self) -> str:
        """Address for SQLAlchemy."""
        ...

    @property
    def redis_url(self) -> str:
        """Address for Celery."""
        ...


#: Tells the addresses of what runs in a data directory, or None.
Running = Callable[[Path], Urls | None]
#: Starts what does not run in a data directory.
Start = Callable[[Path], Urls]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where both servers are."""

    database_url: SecretStr
    redis_url: SecretStr | None
    #: The data directory when they are the built-in ones.
    data_dir: Path | None = None


def load_settings() -> Settings:
    """Read the environment; raise ConfigError, in one line and without the value, when it is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigError(
            f"{first['loc'][0]} is not usable: {first['msg']}", next_step="see .env.example for every setting"
        ) from None


def with_addresses(settings: Settings, running: Running, start: Start | None = None) -> Settings:
    """Return settings in which both addresses stand: the environment's, or those of the built-in services."""
    found = find_addresses(settings, running, start)
    known = {"database_url": found.database_url, "redis_url": found.redis_url, "data_dir": None}
    return settings.model_copy(update=known)


def find_addresses(settings: Settings, running: Running, start: Start | None = None) -> Addresses:
    """Say which PostgreSQL and Valkey to use: those the environment names, or the built-in ones.

    The built-in ones count when RECONCILER_DATA_DIR names them (``start`` then starts them where given) or
    when they run in the default place. Two truths are refused.
    """
    if settings.data_dir is not None:
        return _named_data_dir(settings, settings.data_dir, running, start)
    if settings.database_url is not None:
        return Addresses(SecretStr(settings.require_database_url()), settings.redis_url)
    default = default_data_dir()
    if settings.redis_url is None and default.is_dir() and (urls := running(default)):
        return _addresses(urls, default)
    settings.require_database_url()
    raise AssertionError  # pragma: no cover - the line above raises


def _named_data_dir(settings: Settings, data_dir: Path, running: Running, start: Start | None) -> Addresses:
    for name, url in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        if url is not None:
            raise ConfigError(
                f"{name} and RECONCILER_DATA_DIR are both set, and they name two places for one thing",
                next_step="unset one of them",
            )
    urls = start(data_dir) if start else running(data_dir)
    if urls is None:
        raise ConfigError(
            f"the services in {data_dir} do not run", next_step="start them with: reconciler services up"
        )
    return _addresses(urls, data_dir)


def _addresses(urls: Urls, data_dir: Path) -> Addresses:
    return Addresses(SecretStr(urls.database_url), SecretStr(urls.redis_url), data_dir)


def _postgres(url: str) -> str:
    for scheme in POSTGRES_SCHEMES:
        if url.startswith(scheme):
            return POSTGRES_SCHEMES[0] + url.removeprefix(scheme)
    raise ConfigError(
        "DATABASE_URL is not an address of PostgreSQL", next_step="write postgresql://USER:PASSWORD@HOST/NAME"
    )
