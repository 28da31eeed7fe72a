"""Credentials at rest: encrypted under the newest key, readable under any, compared by keyed digest.

The keys come from RECONCILER_SECRET_KEYS and live nowhere near the data. No error here says anything about a
key or a secret but whether it is there and whether it fits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from reconciler.domain.errors import ConfigError

VARIABLE: Final = "RECONCILER_SECRET_KEYS"
_DIGEST_CONTEXT: Final = b"reconciler credentials digest"


class SecretBox:
    """Opens and closes credentials. The first key is the newest: it encrypts; all of them decrypt."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigError(f"{VARIABLE} holds no key", next_step=_MAKE_ONE)
        fernets = [_fernet(position, key) for position, key in enumerate(keys, start=1)]
        self._fernet = MultiFernet(fernets)
        self._digest_keys = [_digest_key(key) for key in keys]

    def __repr__(self) -> str:
        return f"<SecretBox of {len(self._digest_keys)} keys>"

    def encrypt(self, secrets: Mapping[str, str]) -> bytes:
        """Return ``secrets`` encrypted under the newest key."""
        return self._fernet.encrypt(_canonical(secrets))

    def decrypt(self, token: bytes) -> dict[str, str]:
        """Return what `encrypt` was given; raise ConfigError when none of the keys fits."""
        try:
            found = json.loads(self._fernet.decrypt(token))
        except (InvalidToken, ValueError):
            raise _no_key_fits() from None
        return {str(name): str(secret) for name, secret in found.items()}

    def digest(self, secrets: Mapping[str, str]) -> bytes:
        """Return a digest that only who has the newest key can make, to see whether secrets changed."""
        return hmac.digest(self._digest_keys[0], _canonical(secrets), hashlib.sha256)

    def seal(self, secrets: Mapping[str, str]) -> tuple[bytes, bytes]:
        """Return ``secrets`` encrypted, and their digest."""
        return self.encrypt(secrets), self.digest(secrets)

    def rotate(self, token: bytes) -> tuple[bytes, bytes]:
        """Return the same secrets under the newest key, and their new digest."""
        return self.seal(self.decrypt(token))


def new_key() -> str:
    """Return a fresh key for RECONCILER_SECRET_KEYS."""
    return Fernet.generate_key().decode("ascii")


_MAKE_ONE: Final = "make one with: reconciler connections new-key"


def _no_key_fits() -> ConfigError:
    return ConfigError(
        f"no key in {VARIABLE} opens the stored credentials",
        next_step="add the key they were encrypted with, or apply the channel file again",
    )


def _fernet(position: int, key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise ConfigError(f"key number {position} in {VARIABLE} is not a key", next_step=_MAKE_ONE) from None


def _digest_key(key: str) -> bytes:
    """Derive a key of its own for digests, so that no key serves two purposes."""
    return hmac.digest(base64.urlsafe_b64decode(key), _DIGEST_CONTEXT, hashlib.sha256)


def _canonical(secrets: Mapping[str, str]) -> bytes:
    return json.dumps(dict(secrets), sort_keys=True, separators=(",", ":")).encode()
