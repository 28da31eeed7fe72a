"""``reconciler connections``: the accounts at vendors, and the keys of their credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.options import Merchant
from reconciler.cli.output import AsJson, DryRun, open_app, print_json, print_table, reading, say
from reconciler.domain.errors import AuthError, NotFoundError, ReconcilerError, VendorError

if TYPE_CHECKING:
    from reconciler.bootstrap import App
    from reconciler.ports import ConnectionInfo, ConnectionState

app = typer.Typer(help="List and test the accounts at vendors; make and change keys.", no_args_is_help=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came of asking a vendor who we are."""

    connection: str
    ok: bool
    said: str
    exit_code: int = 0


@app.command("list")
def list_(merchant: Merchant = None, as_json: AsJson = False) -> None:
    """List connections, without their credentials.

    Example: reconciler connections list --merchant rosebud
    """
    with open_app() as wired:
        found = known(wired, merchant)
    if as_json:
        print_json([{**_plain(each), "has_credentials": each.credentials is not None} for each in found])
        return
    columns = ("connection", "merchant", "side", "vendor", "state", "credentials", "address")
    print_table(
        columns,
        [
            (c.name, c.merchant, c.side, c.vendor, c.state, "stored" if c.credentials else "none", c.base_url)
            for c in found
        ],
    )


def _plain(connection: ConnectionInfo) -> dict[str, object]:
    names = ("name", "merchant", "side", "vendor", "base_url", "options", "state")
    return {name: getattr(connection, name) for name in names}


def known(wired: App, merchant: str | None = None) -> Sequence[ConnectionInfo]:
    """Return the connections that there are."""
    from reconciler.persistence.queries.reading import require_known

    with reading(wired) as connection:
        require_known(connection, merchant)
    with wired.open_unit() as unit:
        return unit.channels.list_connections(merchant)


@app.command("test")
def ask_vendors(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="CONNECTION", help="Which ones; all when left out.")
    ] = None,
    merchant: Merchant = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Ask each vendor who we are, and note the answer as the connection's state.

    The exit code is 7 when a vendor refuses us or does not answer.

    Example: reconciler connections test rosebud-cart
    """
    with open_app() as wired:
        chosen = _chosen(known(wired, merchant), names or [])
        results = [_test(wired, each, dry_run=dry_run) for each in chosen]
    if as_json:
        print_json([{"connection": r.connection, "ok": r.ok, "said": r.said} for r in results])
    else:
        print_table(("connection", "result", "detail"), [(r.connection, _word(r), r.said) for r in results])
    raise typer.Exit(max((result.exit_code for result in results), default=0))


def _word(result: Probe) -> str:
    return "ok" if result.ok else "FAILED"


def _chosen(found: Sequence[ConnectionInfo], names: Sequence[str]) -> Sequence[ConnectionInfo]:
    by_name = {connection.name: connection for connection in found}
    for name in names:
        if name not in by_name:
            raise NotFoundError(
                f"there is no connection {name!r}", next_step="see: reconciler connections list"
            )
    return [by_name[name] for name in names] or found


def _test(wired: App, connection: ConnectionInfo, *, dry_run: bool) -> Probe:
    from reconciler.ports import ConnectionState

    result, state = ask(wired, connection)
    if dry_run or connection.state is ConnectionState.PAUSED or state is None:
        return result
    with wired.open_unit() as unit:
        unit.channels.set_state(connection.id, state, "" if result.ok else result.said, wired.clock())
        unit.commit()
    return result


def ask(wired: App, connection: ConnectionInfo) -> tuple[Probe, ConnectionState | None]:
    """Probe a connection; return what came of it and the state that this means."""
    from reconciler.ports import ConnectionState, Side

    make = wired.vendors.cart if connection.side is Side.CART else wired.vendors.pos
    try:
        said = make(connection).probe()
    except ReconcilerError as error:
        failed = Probe(connection=connection.name, ok=False, said=str(error), exit_code=error.exit_code)
        if not isinstance(error, VendorError):
            return failed, None
        refused = isinstance(error, AuthError)
        return failed, ConnectionState.AUTH_FAILED if refused else ConnectionState.UNREACHABLE
    return Probe(connection=connection.name, ok=True, said=said), ConnectionState.OK


@app.command("new-key")
def new_key(as_json: AsJson = False) -> None:
    """Print a fresh key for RECONCILER_SECRET_KEYS.

    It is stored nowhere: keep it away from the database, because it opens what is encrypted there.

    Example: reconciler connections new-key
    """
    from reconciler.secrets import new_key as make

    key = make()
    if as_json:
        print_json({"key": key})
        return
    typer.echo(key)


@app.command("rotate-keys")
def rotate_keys(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Encrypt all stored credentials again, with the first of the keys.

    To change the key: put a new one before the old one in RECONCILER_SECRET_KEYS, run this, then take the old
    one out.

    Example: reconciler connections rotate-keys
    """
    from reconciler.persistence.credentials import rotate_credentials
    from reconciler.secrets import SecretBox

    with open_app() as wired:
        box = SecretBox(wired.settings.require_secret_keys())
        with wired.engine.connect() as connection:
            names = rotate_credentials(connection, box.rotate)
            if not dry_run:
                connection.commit()
    if as_json:
        print_json({"dry_run": dry_run, "connections": names})
        return
    say(f"{'would encrypt' if dry_run else 'encrypted'} the credentials of {len(names)} connections again")


def troubled(wired: App) -> Iterator[Probe]:
    """Probe every connection; yield those that fail."""
    for connection in known(wired):
        result, _ = ask(wired, connection)
        if not result.ok:
            yield result
