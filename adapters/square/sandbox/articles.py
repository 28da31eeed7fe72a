"""The catalog's addresses: list, search, retrieve, and what a seller does to fill it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from adapters.square.sandbox.paging import cut
from adapters.square.sandbox.refusal import RefusedCall, invalid, missing, not_found
from adapters.square.sandbox.store import Row, Store, moment_of

#: Objects on a page of the list.
LISTED: Final = 100
SEARCHED: Final = 1000


def list_objects(store: Store, query: Mapping[str, str]) -> Row:
    """Answer ListCatalog: what was not deleted, of some types."""
    types = {kind.strip().upper() for kind in query.get("types", "").split(",")} - {""}
    found = [row for row in _objects(store, types) if not row.get("is_deleted")]
    page, cursor = cut(found, query.get("cursor"), LISTED, sorted(types))
    return _answer(page, cursor)


def search_objects(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer SearchCatalogObjects: by type, time of change, and a text of one attribute."""
    types = set(body.get("object_types") or ())
    found = list(_objects(store, types))
    if not body.get("include_deleted_objects"):
        found = [row for row in found if not row.get("is_deleted")]
    if body.get("begin_time"):
        begin = moment_of(body["begin_time"], "begin_time")
        found = [row for row in found if moment_of(row["updated_at"]) > begin]
    found = [row for row in found if _matches(row, body.get("query") or {})]
    limit = body.get("limit") or 100
    limit = limit if 0 < limit <= SEARCHED else 100
    asked = {name: value for name, value in body.items() if name != "cursor"}
    page, cursor = cut(found, body.get("cursor"), limit, asked)
    return _answer(page, cursor) | {"latest_time": store.now()}


def _objects(store: Store, types: set[str]) -> Iterator[Row]:
    for row in store.catalog.values():
        if not types or row["type"] in types:
            yield _nested(store, row)


def _nested(store: Store, row: Row) -> Row:
    """Return an item with its variations inside, as Square shows it."""
    shown: Row = json.loads(json.dumps(row))
    if row["type"] == "ITEM":
        shown["item_data"]["variations"] = [
            json.loads(json.dumps(other))
            for other in store.catalog.values()
            if other["type"] == "ITEM_VARIATION"
            and other["item_variation_data"].get("item_id") == row["id"]
            and not other.get("is_deleted")
        ]
    return shown


def _matches(row: Row, query: Mapping[str, Any]) -> bool:
    for kind in ("exact_query", "set_query"):
        asked = query.get(kind)
        if not asked:
            continue
        values = asked.get("attribute_values") or [asked.get("attribute_value")]
        found = (row.get(f"{row['type'].lower()}_data") or {}).get(asked.get("attribute_name"))
        if str(found).lower() not in {str(value).lower() for value in values}:
            return False
    return True


def _answer(page: list[Row], cursor: str | None) -> Row:
    return ({"objects": page} if page else {}) | ({"cursor": cursor} if cursor else {})


def retrieve_objects(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer BatchRetrieveCatalogObjects: unknown ids are left out."""
    ids = body.get("object_ids")
    if not ids:
        raise missing("object_ids")
    deleted = bool(body.get("include_deleted_objects"))
    found = [_nested(store, row) for row_id in ids if (row := store.catalog.get(str(row_id)))]
    return _answer([row for row in found if deleted or not row.get("is_deleted")], None)


def retrieve_object(store: Store, object_id: str) -> Row:
    """Answer RetrieveCatalogObject."""
    row = store.catalog.get(object_id)
    if row is None or row.get("is_deleted"):
        raise not_found(f"Catalog object with ID `{object_id}` not found.")
    return {"object": _nested(store, row)}


def upsert_object(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer UpsertCatalogObject."""
    if not body.get("object"):
        raise missing("object")

    def make() -> Row:
        kept, mappings = keep(store, [body["object"]])
        return {"catalog_object": _nested(store, kept[0]), "id_mappings": mappings}

    return store.once("catalog", body.get("idempotency_key"), body, make)


def upsert_objects(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer BatchUpsertCatalogObjects."""
    if not body.get("batches"):
        raise missing("batches")

    def make() -> Row:
        objects = [found for batch in body["batches"] for found in batch.get("objects") or ()]
        kept, mappings = keep(store, objects)
        shown = [_nested(store, row) for row in kept]
        return {"objects": shown, "updated_at": store.now(), "id_mappings": mappings}

    return store.once("catalog", body.get("idempotency_key"), body, make)


def delete_object(store: Store, object_id: str) -> Row:
    """Answer DeleteCatalogObject: an item takes its variations with it."""
    row = store.catalog.get(object_id)
    if row is None or row.get("is_deleted"):
        raise not_found(f"Catalog object with ID `{object_id}` not found.")
    nested = (_nested(store, row).get("item_data") or {}).get("variations") or []
    ids = [object_id, *(found["id"] for found in nested)]
    for found in ids:
        store.catalog[found] |= {"is_deleted": True, "updated_at": store.now()}
    return {"deleted_object_ids": ids, "deleted_at": store.now()}


def keep(store: Store, objects: list[Any]) -> tuple[list[Row], list[Row]]:
    """Insert or replace objects; return the outermost as kept, and new ids by the temporary ones."""
    ids: dict[str, str] = {}
    flat = [row for found in objects for row in _flat(found)]
    for row in flat:
        if not isinstance(row.get("id"), str) or not row.get("type"):
            raise invalid("object.id", "An object needs an id and a type.")
        if row["id"].startswith("#"):
            ids[row["id"]] = store.new_id("catalog")
    kept = []
    for row in flat:
        row["id"] = ids.get(row["id"], row["id"])
        data = row.get("item_variation_data") or row.get("modifier_data") or {}
        for name in ("item_id", "modifier_list_id"):
            if name in data:
                data[name] = ids.get(data[name], data[name])
        version = int(store.clock().timestamp() * 1000)
        row |= {"is_deleted": False, "updated_at": store.now(), "version": version}
        row.setdefault("present_at_all_locations", True)
        store.catalog[row["id"]] = row
        kept.append(row)
    outer = {ids.get(found["id"], found["id"]) for found in objects}
    mappings = [{"client_object_id": old, "object_id": new} for old, new in ids.items()]
    return [row for row in kept if row["id"] in outer], mappings


def _flat(found: Any) -> Iterator[Row]:
    row: Row = json.loads(json.dumps(found))
    inner = (row.get("item_data") or {}).pop("variations", None) or []
    yield row
    for part in inner:
        part["item_variation_data"]["item_id"] = row["id"]
        yield part


def variation(store: Store, object_id: str, location_id: str, field: str) -> tuple[Row, Row]:
    """Return a variation that is sold at a location, with its item; refuse any other id."""
    found = store.catalog.get(object_id)
    if found is None or found["type"] != "ITEM_VARIATION" or found.get("is_deleted"):
        raise not_found(f"Catalog object with ID `{object_id}` not found.", field, 400)
    item = store.catalog.get(found["item_variation_data"].get("item_id", ""))
    if item is None or item.get("is_deleted"):
        raise not_found(f"Catalog object with ID `{object_id}` not found.", field, 400)
    if not (_is_at(found, location_id) and _is_at(item, location_id)):
        detail = f"Catalog object with ID `{object_id}` is not available at location `{location_id}`."
        raise RefusedCall("INVALID_VALUE", detail, field)
    return item, found


def _is_at(row: Row, location_id: str) -> bool:
    if location_id in (row.get("absent_at_location_ids") or ()):
        return False
    everywhere = row.get("present_at_all_locations", True)
    return bool(everywhere) or location_id in (row.get("present_at_location_ids") or ())
