"""The GraphQL that we send. Each document validates against the published schema of `VERSION`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: The Admin API version that documents and translation were written for.
VERSION: Final = "2026-07"
#: Line items that come with an order; longer orders are read to their end one by one.
LINES: Final = 50
#: The longest lists that Shopify hands out; they cannot be paged.
LONGEST: Final = 250

_MONEY: Final = "{ shopMoney { amount currencyCode } }"

_BOTH: Final = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"

_ORDER: Final = f"""
fragment OrderFields on Order {{
  id name createdAt processedAt updatedAt cancelledAt closedAt test edited
  displayFinancialStatus displayFulfillmentStatus
  totalPriceSet {_BOTH}
  currentTotalPriceSet {_MONEY}
  totalTaxSet {_MONEY}
  currentTotalTaxSet {_MONEY}
  totalShippingPriceSet {_MONEY}
  currentShippingPriceSet {_MONEY}
  totalDiscountsSet {_MONEY}
  currentTotalDiscountsSet {_MONEY}
  totalTipReceivedSet {_MONEY}
  phone @include(if: $people)
  email @include(if: $people)
  shippingAddress @include(if: $people) {{ name phone }}
  billingAddress @include(if: $people) {{ name phone }}
  shippingLine {{ title code }}
  customAttributes {{ key value }}
  transactions(first: {LONGEST}) {{ kind status processedAt createdAt amountSet {_BOTH} }}
  refunds(first: {LONGEST}) {{
    createdAt
    refundLineItems(first: 50) {{ nodes {{ quantity lineItem {{ id }} }} pageInfo {{ hasNextPage }} }}
  }}
  fulfillments(first: {LONGEST}) {{ id status createdAt trackingInfo(first: 5) {{ company number }} }}
  agreements(last: 10) {{ nodes {{ reason happenedAt }} }}
  lineItems(first: {LINES}) {{
    nodes {{ ...LineFields }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
_LINE: Final = f"""
fragment LineFields on LineItem {{
  id sku name quantity currentQuantity originalUnitPriceSet {_MONEY}
}}
"""


@dataclass(frozen=True, slots=True)
class Document:
    """A query, and what Shopify asks for it at most, as far as can be told before the first answer."""

    name: str
    text: str
    cost: Callable[[int], float]


def sized(first: int) -> int:
    """Return by how much a connection of ``first`` rows multiplies what stands in it.

    Found by comparing the recorded costs; Shopify does not publish it. The real cost comes with each answer.

    >>> [sized(first) for first in (0, 1, 10, 20, 250)]
    [0, 1, 4, 5, 11]
    """
    return max(1, int(2 * math.log(first))) if first > 0 else 0


#: What one order costs: itself, its objects, and what its connections multiply.
_PER_ORDER: Final = 1 + 8 + (2 + sized(50) * 2) + (2 + sized(10)) + (2 + sized(LINES))


IDENTITY: Final = Document(
    "Identity",
    """
query Identity {
  shop { name myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
}
""",
    lambda _: 3,
)

CHANGED: Final = Document(
    "Changed",
    f"""
query Changed($query: String!, $first: Int!, $after: String, $sort: OrderSortKeys!, $people: Boolean!) {{
  orders(query: $query, first: $first, after: $after, sortKey: $sort) {{
    nodes {{ ...OrderFields }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
{_ORDER}{_LINE}""",
    lambda first: 2 + sized(first) * _PER_ORDER,
)

COUNT: Final = Document(
    "Count",
    "query Count($query: String!) { ordersCount(query: $query, limit: 10000) { count precision } }",
    lambda _: 10,
)

BY_ID: Final = Document(
    "ById",
    f"""
query ById($ids: [ID!]!, $people: Boolean!) {{
  nodes(ids: $ids) {{ ...OrderFields }}
}}
{_ORDER}{_LINE}""",
    lambda _: _PER_ORDER,
)

MORE_LINES: Final = Document(
    "MoreLines",
    f"""
query MoreLines($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{
    updatedAt
    lineItems(first: $first, after: $after) {{
      nodes {{ ...LineFields }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
{_LINE}""",
    lambda first: 3 + sized(first),
)

ALL: Final = (IDENTITY, CHANGED, COUNT, BY_ID, MORE_LINES)
