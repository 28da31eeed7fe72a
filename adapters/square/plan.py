"""A submission's bytes: both requests as they will go out, or why none will."""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.domain.evidence import FailureCause


class Refusal(msgspec.Struct, frozen=True):
    """Why an order is not sent at all."""

    cause: str
    words: str
    codes: list[str] = []

    @property
    def failure(self) -> FailureCause:
        """The cause, in the domain's words."""
        return FailureCause(self.cause)


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """The two steps that make one order."""

    #: CreateOrderRequest.
    order: dict[str, Any] | None = None
    #: CreatePaymentRequest, or PayOrderRequest for an order that costs nothing; the order's id is added.
    payment: dict[str, Any] | None = None
    free: bool = False
    #: The SKU of each line item, by which refusals are told.
    skus: list[str] = []
    #: What Square has to come to before the tip, minor units.
    total: int = 0
    refusal: Refusal | None = None


def encode(plan: Plan) -> bytes:
    """Return a plan's bytes: the same plan, the same bytes."""
    return msgspec.json.encode(plan, order="deterministic")


def decode(body: bytes) -> Plan:
    """Read a plan's bytes; raise ValueError when they are none."""
    return msgspec.json.decode(body, type=Plan)
