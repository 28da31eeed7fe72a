"""The stored credentials, for whoever changes the keys they are encrypted with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

_STORED: Final = (
    "SELECT id, name, credentials FROM connections WHERE credentials IS NOT NULL ORDER BY id FOR UPDATE"
)
_REPLACE: Final = """
UPDATE connections SET credentials = %(credentials)s, credentials_digest = %(digest)s WHERE id = %(id)s
"""


def rotate_credentials(connection: Connection, rotate: Callable[[bytes], tuple[bytes, bytes]]) -> list[str]:
    """Encrypt every connection's credentials again with ``rotate``; return the connections' names."""
    rows = connection.exec_driver_sql(_STORED).all()
    for id_, _, token in rows:
        credentials, digest = rotate(bytes(token))
        parameters = {"id": id_, "credentials": credentials, "digest": digest}
        connection.exec_driver_sql(_REPLACE, parameters)
    return [name for _, name, _ in rows]
