"""Pages and cursors. A cursor counts rows, so that whoever trusts it while rows move loses some."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from adapters.square.sandbox.refusal import RefusedCall
from adapters.square.sandbox.store import Row


def cut(
    rows: Sequence[Row], cursor: str | None, limit: int, query: Any, fixed: str = ""
) -> tuple[list[Row], str | None]:
    """Return a page and the cursor of the next; a cursor belongs to one query."""
    digest = sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]
    offset = 0
    if cursor:
        kept = opened(cursor)
        if kept["query"] != digest:
            raise RefusedCall("INVALID_CURSOR", "The cursor belongs to another query.", "cursor")
        offset = int(kept["offset"])
    page = list(rows[offset : offset + limit])
    if offset + limit >= len(rows):
        return page, None
    following = {"query": digest, "offset": offset + limit, "fixed": fixed}
    return page, base64.urlsafe_b64encode(json.dumps(following).encode()).decode()


def opened(cursor: str) -> Row:
    """Return what a cursor holds; refuse one that is not ours."""
    try:
        kept = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return {"query": str(kept["query"]), "offset": int(kept["offset"]), "fixed": str(kept["fixed"])}
    except (ValueError, KeyError, TypeError):
        raise RefusedCall("INVALID_CURSOR", "Invalid cursor.", "cursor") from None
