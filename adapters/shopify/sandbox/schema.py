"""The schema that the sandbox answers by: a part of the published one, or all of it where it is at hand."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from graphql import GraphQLSchema, build_schema


@cache
def shipped_schema() -> GraphQLSchema:
    """Return the part of the Admin API that comes with the sandbox: orders and what belongs to them."""
    return build_schema(files(__package__).joinpath("schema.graphql").read_text("utf-8"))


@cache
def full_schema(text: str) -> GraphQLSchema:
    """Return a schema from the text that Shopify publishes."""
    return build_schema(text, assume_valid=True)
