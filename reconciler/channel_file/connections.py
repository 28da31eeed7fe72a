"""Connections in the channel file: vendor, address, options, and credentials by reference only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from reconciler.channel_file.table import Table, suggestion
from reconciler.ports.configuration import ConnectionSpec, Side
from reconciler.ports.vendor_info import OptionKind, VendorInfo

#: What a connection may say, and what it means.
KEYS: Final[Mapping[str, str]] = {
    "name": "what the connection is called everywhere; no two have one name",
    "kind": "`cart` or `pos`",
    "vendor": "whose it is, see below",
    "base_url": "the account's address; for files a file or folder, relative to the channel file",
    "options": "what else the vendor's adapter may be told, see below",
    "credentials": 'names of variables that hold them, `{ access_token = "env:RECONCILER_SECRET_..." }`; '
    "stored encrypted",
}
REFERENCE: Final = "env:RECONCILER_SECRET_"
_REFERENCE: Final = re.compile(re.escape(REFERENCE) + r"[A-Z0-9_]{1,100}\Z")
#: The program's own keys go by the same prefix, and must never reach a vendor.
RESERVED: Final = "env:RECONCILER_SECRET_KEYS"

#: Encrypts credentials; returns them with a keyed digest of their clear text.
Seal: TypeAlias = Callable[[Mapping[str, str]], tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a channel file is read against."""

    folder: Path
    vendors: Mapping[str, VendorInfo]
    environ: Mapping[str, str]
    seal: Seal


def connection_spec(table: Table, merchant: str, around: Surroundings) -> ConnectionSpec:
    """Return what one ``[[merchant.connection]]`` says."""
    table = table.named("connection", "name")
    table.allow(KEYS)
    table.text("kind")
    side = table.choice("kind", Side, Side.CART)
    vendor, info = _vendor(table, side, around.vendors)
    credentials = _credentials(table, vendor, info, around.environ)
    sealed, digest = around.seal(credentials) if credentials else (None, None)
    return ConnectionSpec(
        merchant=merchant,
        name=table.text("name"),
        side=side,
        vendor=vendor,
        base_url=_base_url(table, info, around.folder),
        options=_options(table, info, around.folder),
        credentials=sealed,
        credentials_digest=digest,
    )


def _vendor(table: Table, side: Side, vendors: Mapping[str, VendorInfo]) -> tuple[str, VendorInfo]:
    name = table.text("vendor")
    if name not in vendors:
        table.fail("vendor", f"unknown vendor {name!r}", suggestion(name, sorted(vendors), are="known are"))
    if side not in vendors[name].sides:
        table.fail("kind", f"vendor {name!r} has no {side} side", f"use another vendor for this {side}")
    return name, vendors[name]


def _base_url(table: Table, info: VendorInfo, folder: Path) -> str:
    value = table.text("base_url")
    if info.base_url_is_path:
        return absolute(folder, value)
    try:
        url = urlsplit(value)
        host, secret = url.hostname, url.username is not None or url.password is not None
    except ValueError:
        url, host, secret = urlsplit(""), None, False
    if secret:
        table.fail("base_url", "base_url holds a user or a password", "move them to credentials")
    if url.scheme not in {"https", "http"} or not host:
        table.fail("base_url", "base_url must be an address such as https://shop.example")
    return value


def absolute(folder: Path, value: str) -> str:
    """Return a path of the channel file, which counts from the file's own folder."""
    return os.path.abspath(folder / value)  # noqa: PTH100 - resolve() would follow links that may move


def _options(table: Table, info: VendorInfo, folder: Path) -> dict[str, object]:
    options = table.table("options")
    options.allow(sorted(info.options))
    return {key: _option(options, key, info.options[key], folder) for key in options.values}


def _option(options: Table, key: str, kind: OptionKind, folder: Path) -> object:
    match kind:
        case OptionKind.PATH:
            return absolute(folder, options.text(key))
        case OptionKind.TIME:
            moment = options.moment(key)
            return moment.isoformat() if moment else None
        case OptionKind.FLAG:
            return options.flag(key, default=False)
        case OptionKind.NUMBER:
            return options.number(key, 0, most=1_000_000_000)
        case OptionKind.TEXT:
            return options.text(key)


def _credentials(
    table: Table, vendor: str, info: VendorInfo, environ: Mapping[str, str]
) -> dict[str, str] | None:
    credentials = table.table("credentials")
    if info.credentials:
        credentials.allow(sorted(info.credentials))
        for key in sorted(info.credentials - set(credentials.values)):
            example = f'credentials = {{ {key} = "{REFERENCE}..." }}'
            table.fail(None, f"vendor {vendor!r} needs the credential {key}", f"add: {example}")
    return {key: _secret(credentials, key, environ) for key in credentials.values} or None


def _secret(credentials: Table, key: str, environ: Mapping[str, str]) -> str:
    """Look a credential up. What stands in the file is never repeated: it may be the secret itself."""
    value = credentials.values[key]
    if not isinstance(value, str) or not _REFERENCE.match(value) or value == RESERVED:
        credentials.fail(
            key,
            "a credential must name a variable, and secrets are never written into this file",
            f'write "{REFERENCE}..." and put the secret into that variable',
        )
    variable = value.removeprefix("env:")
    secret = environ.get(variable, "").strip()
    if not secret:
        credentials.fail(key, f"the variable {variable} is not set", f"set {variable}, then apply again")
    return secret
