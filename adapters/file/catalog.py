"""The POS catalog: a JSON file that says what the POS can take."""

from __future__ import annotations

from pathlib import Path

import msgspec

from adapters.file.source import printable, unreachable
from reconciler.domain.errors import MalformedError
from reconciler.domain.evidence import Catalog

EXAMPLE = '{"skus": ["ROSE-12"], "shipping_methods": ["Courier"]}'


class CatalogFile(msgspec.Struct):
    """The file's content. A list that is absent says nothing about its subject."""

    skus: list[str] | None = None
    shipping_methods: list[str] | None = None


def read_catalog(path: Path | None) -> Catalog:
    """Return what the POS can take; nothing is known without a file.

    Raises UnreachableError when the file is absent, MalformedError naming the place when it is broken.
    """
    if path is None:
        return Catalog()
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=CatalogFile)
    except OSError as error:
        raise unreachable(path, error) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise MalformedError(
            f"the catalog {printable(str(path))} cannot be read: {error}", next_step=f"write it as {EXAMPLE}"
        ) from None
    return Catalog(_known(content.skus), _known(content.shipping_methods))


def _known(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(map(str.strip, names))
