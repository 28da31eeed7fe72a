"""What Shopify charges for a query: worked out from recorded costs, which it reproduces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

from adapters.shopify.documents import sized

#: Objects that come along for nothing.
FREE: Final = frozenset({"MoneyBag", "MoneyV2", "PageInfo", "Count"})
#: What a count costs, and what changing anything does, its result included.
COUNT: Final = 10
CHANGE: Final = 10


@dataclass(slots=True)
class Meter:
    """Charges the operations of one document."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]
    _fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    #: Rows that connections really had, by path; what a query costs in the end.
    _rows: Mapping[tuple[str, ...], int] | None = None

    def __post_init__(self) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in self.document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def requested(self, operation: OperationDefinitionNode) -> int:
        """Return what an operation costs at most."""
        self._rows = None
        return self._operation(operation)

    def actual(self, operation: OperationDefinitionNode, data: Mapping[str, Any] | None) -> int:
        """Return what an operation cost, by the rows that it returned."""
        self._rows = dict(_row_counts(data or {}))
        return min(self._operation(operation), self.requested(operation))

    def _operation(self, operation: OperationDefinitionNode) -> int:
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            return 0
        if operation.operation.value != "query":
            return self._change(operation.selection_set, root)
        return self._selections(operation.selection_set, root, ())

    def _change(self, selections: SelectionSetNode, root: GraphQLObjectType) -> int:
        total = 0
        for node in selections.selections:
            if (
                isinstance(node, FieldNode)
                and (found := root.fields.get(node.name.value))
                and node.selection_set
            ):
                inside = self._object(node, found, (_key(node),))
                # The payload and its first object are in the price.
                total += max(CHANGE, CHANGE + inside - 2)
        return total

    def _selections(
        self, selections: SelectionSetNode, parent: GraphQLCompositeType, path: tuple[str, ...]
    ) -> int:
        total, branches = 0, dict[str, int]()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                total += self._field(node, parent, path)
                continue
            inner = self._fragment(node)
            kind = self._kind(inner, parent)
            cost = self._selections(inner.selection_set, kind, path)
            if kind is parent:
                total += cost
            else:
                # Only one of several types can come: the dearest counts.
                branches[kind.name] = branches.get(kind.name, 0) + cost
        return total + max(branches.values(), default=0)

    def _fragment(self, node: SelectionNode) -> FragmentDefinitionNode | InlineFragmentNode:
        if isinstance(node, FragmentSpreadNode):
            return self._fragments[node.name.value]
        return cast("InlineFragmentNode", node)

    def _kind(
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, parent: GraphQLCompositeType
    ) -> GraphQLCompositeType:
        condition = fragment.type_condition
        found: Any = self.schema.type_map[condition.name.value] if condition else parent
        return found  # type: ignore[no-any-return]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType, path: tuple[str, ...]) -> int:
        fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
        found = fields.get(node.name.value)
        if found is None or node.selection_set is None:
            return 0
        kind = get_named_type(found.type)
        here = (*path, _key(node))
        if kind.name == "Count":
            return COUNT
        if kind.name.endswith("Connection"):
            rows = self._size(node) if self._rows is None else self._rows.get(here, 0)
            return 2 + sized(rows) * self._row(node, kind, here)
        return self._object(node, found, here)

    def _row(self, node: FieldNode, connection: Any, path: tuple[str, ...]) -> int:
        """Return what one row of a connection costs, whether it is asked for as node or as edge."""
        total = 0
        for child in node.selection_set.selections if node.selection_set else ():
            if not isinstance(child, FieldNode):
                continue
            if child.name.value == "nodes":
                total += self._object(child, connection.fields["nodes"], path)
            elif child.name.value == "edges" and child.selection_set:
                edge = get_named_type(connection.fields["edges"].type)
                for grand in child.selection_set.selections:
                    if isinstance(grand, FieldNode) and grand.name.value == "node":
                        total += self._object(grand, edge.fields["node"], path)
        return total

    def _object(self, node: FieldNode, found: GraphQLField, path: tuple[str, ...]) -> int:
        kind = get_named_type(found.type)
        if is_leaf_type(kind) or node.selection_set is None:
            return 0
        own = 0 if kind.name in FREE or kind.name.endswith("UserError") else 1
        return own + self._selections(node.selection_set, kind, path)  # type: ignore[arg-type]

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                value = argument.value
                if isinstance(value, VariableNode):
                    return int(self.variables.get(value.name.value) or 0)
                return int(value.value) if isinstance(value, IntValueNode) else 0
        return 0


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value


def _row_counts(data: Any, path: tuple[str, ...] = ()) -> Sequence[tuple[tuple[str, ...], int]]:
    """Return the longest list that came back at each connection; rows share a path."""
    counts: dict[tuple[str, ...], int] = {}

    def visit(value: Any, here: tuple[str, ...]) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                visit(inner, here if name in {"nodes", "edges", "node"} else (*here, name))
        elif isinstance(value, list):
            counts[here] = max(counts.get(here, 0), len(value))
            for inner in value:
                visit(inner, here)

    visit(data, path)
    return list(counts.items())
