"""The things one can do with the services of a data directory."""

from __future__ import annotations

from pathlib import Path

from reconciler.embedded import postgres, valkey
from reconciler.embedded.asking import State
from reconciler.embedded.errors import one_line
from reconciler.embedded.locks import exclusive
from reconciler.embedded.places import (
    claim_data_dir,
    every_place,
    forsaken_places,
    refuse_foreign,
    release,
    resolve_data_dir,
)
from reconciler.embedded.service import SERVICES, Service, ensure_running, main_pid, stop
from reconciler.embedded.site import Site, existing_site, ready_site, remove_parts
from reconciler.embedded.sockets import forget_sockets, recorded_sockets, socket_folder
from reconciler.embedded.values import ServiceStatus, ServiceUrls
from reconciler.embedded.wheels import require_linux

#: Longest to wait for another command that starts or stops the same services.
_TURN_SECONDS = 400


def up(data_dir: Path) -> ServiceUrls:
    """Start what does not run, reuse what does, and return the addresses once both servers answer.

    Safe to call by several processes at once. Raises `EmbeddedError` with one clear line otherwise.
    """
    if running := urls(data_dir):
        return running
    with one_line(data_dir):
        for place in forsaken_places(data_dir):
            _stop_all(place)
        root = claim_data_dir(data_dir)
        with exclusive(root / "services.lock", wait_seconds=_TURN_SECONDS):
            return _start_all(root)


def down(data_dir: Path) -> None:
    """Stop both servers and wait until they are gone; it is no error when none runs."""
    _end(data_dir, gently=True)


def discard(data_dir: Path) -> None:
    """Stop both servers and remove their data, for tests and demonstrations. There is no way back."""
    _end(data_dir, gently=False)
    with one_line(data_dir):
        for place in every_place(data_dir):
            remove_parts(place)
        release(data_dir)


def _end(data_dir: Path, *, gently: bool) -> None:
    require_linux()
    with one_line(data_dir):
        for place in (resolve_data_dir(data_dir), *forsaken_places(data_dir)):
            _stop_all(place, gently=gently)


def status(data_dir: Path) -> tuple[ServiceStatus, ...]:
    """Return the state of each server, changing nothing."""
    require_linux()
    with one_line(data_dir):
        root = resolve_data_dir(data_dir)
        site = existing_site(root)
        if site is None:
            never = f"never started in {data_dir}"
            return tuple(
                ServiceStatus(service.name, running=False, pid=None, detail=never) for service in SERVICES
            )
        return tuple(_status(service, site) for service in SERVICES)


def urls(data_dir: Path) -> ServiceUrls | None:
    """Return the addresses if both servers run there and answer, else None; start nothing."""
    require_linux()
    with one_line(data_dir):
        root = resolve_data_dir(data_dir)
        site, sockets = existing_site(root), recorded_sockets(root)
        if site is None or sockets is None:
            return None
        ready = all(service.ask(site, sockets).state is State.READY for service in SERVICES)
        return _urls(sockets) if ready else None


def _start_all(root: Path) -> ServiceUrls:
    site, programs = ready_site(root)
    site.make_logs()
    sockets = socket_folder(root, site.account)
    for service in SERVICES:
        ensure_running(service, site, programs, sockets)
    return _urls(sockets)


def _stop_all(root: Path, *, gently: bool = True) -> None:
    site = existing_site(root)
    if site is None:
        return
    refuse_foreign(root)
    with exclusive(root / "services.lock", wait_seconds=_TURN_SECONDS):
        for service in reversed(SERVICES):
            stop(service, site, gently=gently)
        forget_sockets(root, site.account)


def _status(service: Service, site: Site) -> ServiceStatus:
    sockets = recorded_sockets(site.root)
    answer = service.ask(site, sockets) if sockets else None
    if answer is not None and answer.state is State.READY:
        return ServiceStatus(service.name, running=True, pid=answer.pid, detail=f"answers in {sockets}")
    pid = main_pid(service, site)
    if pid is None:
        return ServiceStatus(service.name, running=False, pid=None, detail="not running")
    said = answer.text if answer and answer.text else "no answer"
    detail = f"not ready: {said}; its log is {service.log(site)}"
    return ServiceStatus(service.name, running=False, pid=pid, detail=detail)


def _urls(sockets: Path) -> ServiceUrls:
    return ServiceUrls(
        database_url=f"postgresql+psycopg://{postgres.ROLE}@/{postgres.DATABASE}?host={sockets}&port={postgres.PORT}",
        redis_url=f"unix://{sockets / valkey.SOCKET}?db=0",
    )
