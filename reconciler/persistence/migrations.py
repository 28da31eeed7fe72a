"""Bringing a database to the version of the program, out of a checkout or an installed wheel alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from reconciler.domain.errors import UnavailableError
from reconciler.persistence.engine import make_engine
from reconciler.persistence.failures import as_unavailable

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_PACKAGE: Final = Path(__file__).resolve().parent.parent


def upgrade(url: str, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrate up to ``revision``; return the revisions before and after. Safe to run twice, and at once."""
    return _run("upgrade", url, revision)


def downgrade(url: str, revision: str) -> tuple[str | None, str | None]:
    """Migrate down to ``revision`` (``base``: nothing is left); return the revisions before and after."""
    return _run("downgrade", url, revision)


def current(url: str) -> str | None:
    """Return the revision of the database; None when it has no tables of ours."""
    with _connect(url) as connection:
        return _revision(connection)


def head() -> str:
    """Return the revision that this program needs."""
    found = _scripts().get_current_head()
    assert found is not None  # noqa: S101 - a program without migrations cannot have been built
    return found


def check(url: str) -> None:
    """Raise UnavailableError, with the remedy, when the database is not at the program's revision."""
    found, needed = current(url), head()
    if found == needed:
        return
    if found is None:
        raise UnavailableError(
            "the database has no tables of ours yet", next_step="run: reconciler db upgrade"
        )
    known = {script.revision for script in _scripts().walk_revisions()}
    if found in known:
        raise UnavailableError(
            f"the database is at revision {found}, this program needs {needed}",
            next_step="run: reconciler db upgrade",
        )
    raise UnavailableError(
        f"the database is at revision {found}, which this program does not know: it is newer",
        next_step="install the release that migrated it",
    )


def folder() -> Path:
    """Return where the migrations are: packaged in a wheel, beside the package in a checkout."""
    packaged = _PACKAGE / "_migrations"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "alembic"


def config() -> Config:
    """Return Alembic's configuration, without a database."""
    from alembic.config import Config  # noqa: PLC0415 - slow to load, and needed by few commands

    return Config(folder() / "alembic.ini")


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    return ScriptDirectory.from_config(config())


def _run(command: str, url: str, revision: str) -> tuple[str | None, str | None]:
    from alembic import command as commands  # noqa: PLC0415 - see above

    with _connect(url) as connection:
        before = _revision(connection)
        connection.rollback()
        settings = config()
        settings.attributes["connection"] = connection
        getattr(commands, command)(settings, revision)
        connection.commit()
        return before, _revision(connection)


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise as_unavailable(error) or error from None
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext  # noqa: PLC0415 - see above

    return MigrationContext.configure(connection).get_current_revision()
