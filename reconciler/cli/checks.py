"""The checks behind ``reconciler doctor``. Each tells one thing; a failure in one never hides the others."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from reconciler import embedded
from reconciler.bootstrap import App, build
from reconciler.cli.connections import known, troubled
from reconciler.cli.errors import as_known
from reconciler.cli.output import reading, roughly, span
from reconciler.domain.errors import ConfigError, ReconcilerError
from reconciler.persistence import migrations
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.persistence.queries.runs import Watched, list_watched
from reconciler.ports import ConnectionState
from reconciler.ports.reports import Books
from reconciler.secrets import SecretBox
from reconciler.settings import Settings, default_data_dir, load_settings

#: What the program's statements need.
OLDEST_POSTGRES: Final = 14
#: Workers answer within this, or count as absent.
PING_SECONDS: Final = 2.0
#: A channel may be due for so long before somebody should have taken it.
PATIENCE: Final = timedelta(minutes=1)
UNGUARDED: Final = "there is no channel, so nothing is guarded"
DESCRIBE: Final = "describe one: reconciler apply FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    what: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    remedy: str = ""


Check: TypeAlias = Callable[[App], Iterator[Finding]]


def everything(*, probe: bool) -> list[Finding]:
    """Run every check that can be run."""
    findings = list(_guarded("settings", lambda: _settings(load_settings())))
    if findings[-1].state == "failed":
        return findings
    findings += _guarded("data directory", lambda: _data_dir(load_settings()))
    with ExitStack() as stack:
        wired, found = _wire(stack)
        findings += found
        if wired is not None:
            for name, check in CHECKS.items():
                findings += _guarded(name, lambda check=check: check(wired))  # type: ignore[misc]
            findings += _guarded("vendors", lambda: _probes(wired)) if probe else []
    return findings


def staleness() -> list[Finding]:
    """Check only that each enabled channel has a fresh complete run; errors end the command."""
    wired = build()
    try:
        found = list(_freshness(wired))
        return found or [Finding(what="runs", state="failed", detail=UNGUARDED, remedy=DESCRIBE)]
    finally:
        wired.close()


def books() -> list[tuple[str, Books]]:
    """Return, channel by channel, where every paid order stands; errors end the command."""
    wired = build()
    try:
        with SqlReportUnit(wired.engine) as unit:
            merchants = unit.reports.merchants(None, None)
            channels = [channel for merchant in merchants for channel in merchant.channels]
            return [(channel.name, unit.reports.books([channel.id])) for channel in channels]
    finally:
        wired.close()


def _wire(stack: ExitStack) -> tuple[App | None, list[Finding]]:
    try:
        wired = build()
    except ReconcilerError as error:
        return None, [_failure("services", error)]
    stack.callback(wired.close)
    return wired, []


def _guarded(what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run a check; an error in it is its finding."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - whatever one check runs into, the others still run
        yield _failure(what, as_known(error) or ReconcilerError(f"unexpected {type(error).__name__}"))


def _failure(what: str, error: ReconcilerError) -> Finding:
    return Finding(what=what, state="failed", detail=error.message, remedy=error.next_step)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding(what="settings", state="ok", detail="every variable is understood")
    if settings.debug:
        yield Finding(
            what="settings",
            state="warning",
            detail="RECONCILER_DEBUG shows tracebacks, which may quote data",
            remedy="unset it in production",
        )
    if settings.report_dir is not None:
        yield _writable("report folder", settings.report_dir)


def _writable(what: str, folder: Path) -> Finding:
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding(what=what, state="ok", detail=f"{folder} can be written to")
    return Finding(
        what=what,
        state="failed",
        detail=f"{folder} is no folder that can be written to",
        remedy=f"make it and give it to the user of the workers: mkdir -p {folder}",
    )


def _data_dir(settings: Settings) -> Iterator[Finding]:
    """Check the built-in services, where they are what is used."""
    given = settings.data_dir
    if given is None and settings.database_url is None and embedded.urls(default_data_dir()):
        given = default_data_dir()
    if given is None:
        return
    place = embedded.resolve_data_dir(given)
    if place.is_dir():
        mode = stat.S_IMODE(place.stat().st_mode)
        open_to_others = bool(mode & 0o022)
        yield Finding(
            what="data directory",
            state="failed" if open_to_others else "ok",
            detail=f"{place} has mode {mode:04o}",
            remedy=f"run: chmod go-w '{place}'" if open_to_others else "",
        )
    for service in embedded.status(given):
        state: Literal["ok", "failed"] = "ok" if service.running else "failed"
        remedy = "" if service.running else "run: reconciler services up"
        yield Finding(what=f"built-in {service.name}", state=state, detail=service.detail, remedy=remedy)


def _database(wired: App) -> Iterator[Finding]:
    with reading(wired) as connection:
        row = connection.exec_driver_sql(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
            " current_setting('fsync')"
        ).one()
    number, version, fsync = row
    old = number < OLDEST_POSTGRES * 10_000
    yield Finding(
        what="PostgreSQL",
        state="failed" if old else "ok",
        detail=f"version {version} answers",
        remedy=f"move to version {OLDEST_POSTGRES} or newer" if old else "",
    )
    if fsync != "on":
        yield Finding(
            what="PostgreSQL",
            state="warning",
            detail="fsync is off: a power cut can lose what was committed",
            remedy="set fsync = on",
        )
    migrations.check(wired.settings.require_database_url())
    yield Finding(what="tables", state="ok", detail=f"up to date at {migrations.head()}")


def _broker(wired: App) -> Iterator[Finding]:
    import redis

    if wired.settings.redis_url is None:
        yield Finding(
            what="Valkey",
            state="warning",
            detail="REDIS_URL is not set, so there are no workers and no schedule",
            remedy="set it, or let a timer call: reconciler run",
        )
        return
    client = redis.Redis.from_url(
        wired.settings.require_redis_url(), socket_timeout=5, socket_connect_timeout=5, decode_responses=True
    )
    with client:
        info: dict[str, Any] = client.info()
        yield Finding(what="Valkey", state="ok", detail=f"version {_version(info)} answers")
        yield from _durability(info)


def _version(info: dict[str, Any]) -> str:
    return str(info.get("valkey_version") or info.get("redis_version", "unknown"))


def _durability(info: dict[str, Any]) -> Iterator[Finding]:
    """Messages are hints, so losing them costs a tick; evicting them at random would cost it all the time."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    evicts = policy != "noeviction"
    yield Finding(
        what="Valkey eviction",
        state="failed" if evicts else "ok",
        detail=f"maxmemory-policy is {policy}",
        remedy="set maxmemory-policy noeviction" if evicts else "",
    )
    kept = bool(info.get("aof_enabled"))
    yield Finding(
        what="Valkey persistence",
        state="ok" if kept else "warning",
        detail="append-only file is on" if kept else "no append-only file: a restart forgets the messages",
        remedy="" if kept else "set appendonly yes; without it the next tick finds the work again",
    )


def _keys(wired: App) -> Iterator[Finding]:
    stored = [connection for connection in known(wired) if connection.credentials is not None]
    try:
        box = SecretBox(wired.settings.require_secret_keys())
    except ConfigError as error:
        needed = bool(stored) or wired.settings.secret_keys is not None
        if needed:
            yield _failure("secret key", error)
        else:
            yield Finding(what="secret key", state="ok", detail="none is set, and no connection needs one")
        return
    for connection in stored:
        box.decrypt(connection.credentials or b"")
    yield Finding(what="secret key", state="ok", detail=f"opens the credentials of {len(stored)} connections")


def _workers(wired: App) -> Iterator[Finding]:
    if wired.settings.redis_url is None:
        return
    from workers.app import app as celery

    answers = celery.control.ping(timeout=PING_SECONDS) or []
    names = sorted(name for answer in answers for name in answer)
    if names:
        yield Finding(what="workers", state="ok", detail=f"{len(names)} answer: {', '.join(names)}")
        return
    yield Finding(
        what="workers",
        state="warning",
        detail="no worker answers; nothing runs on schedule",
        remedy="start the worker and beat of the Procfile, or let a timer call: reconciler run",
    )


def _schedule(wired: App) -> Iterator[Finding]:
    with reading(wired) as connection:
        channels = [each for each in list_watched(connection) if each.enabled]
    patience = max(PATIENCE, timedelta(seconds=3 * wired.settings.tick_seconds))
    late = [each for each in channels if each.overdue > patience]
    for each in late:
        yield Finding(
            what=f"schedule of {each.channel}",
            state="failed",
            detail=f"its run has been due for {roughly(each.overdue)} and nobody takes it",
            remedy="see that beat and a worker run (Procfile), or call: reconciler run",
        )
    if not channels:
        yield Finding(what="schedule", state="warning", detail=UNGUARDED, remedy=DESCRIBE)
    elif not late:
        yield Finding(what="schedule", state="ok", detail=f"no run of {len(channels)} channels is overdue")


def _freshness(wired: App) -> Iterator[Finding]:
    with reading(wired) as connection:
        channels = [each for each in list_watched(connection) if each.enabled]
    yield from map(_fresh, channels)


def _fresh(each: Watched) -> Finding:
    limit = f"2G is {span(2 * each.grace)}"
    if each.last_complete_at is None:
        detail = f"no complete run yet; {limit}"
    else:
        detail = (
            f"the last complete run ended {roughly(each.checked_at - each.last_complete_at)} ago; {limit}"
        )
    return Finding(
        what=f"runs of {each.channel}",
        state="failed" if each.stale else "ok",
        detail=detail,
        remedy=f"see why: reconciler run --channel {each.channel}" if each.stale else "",
    )


def _states(wired: App) -> Iterator[Finding]:
    connections = known(wired)
    troubled_ones = [each for each in connections if each.state is not ConnectionState.OK]
    for each in troubled_ones:
        yield Finding(
            what=f"connection {each.name}",
            state="warning" if each.state is ConnectionState.PAUSED else "failed",
            detail=f"is {each.state}",
            remedy=f"run: reconciler connections test {each.name}",
        )
    if not troubled_ones:
        yield Finding(what="connections", state="ok", detail=f"all {len(connections)} are ok")


def _probes(wired: App) -> Iterator[Finding]:
    failed = list(troubled(wired))
    for result in failed:
        yield Finding(what=f"vendor of {result.connection}", state="failed", detail=result.said)
    if not failed:
        yield Finding(what="vendors", state="ok", detail="every connection answers")


#: In this order: each needs what stands before it.
CHECKS: Final[dict[str, Check]] = {
    "PostgreSQL": _database,
    "Valkey": _broker,
    "secret key": _keys,
    "connections": _states,
    "workers": _workers,
    "schedule": _schedule,
    "runs": _freshness,
}
