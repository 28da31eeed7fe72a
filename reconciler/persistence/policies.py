"""A channel's policy as JSON: durations in seconds, one key a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.domain.policy import Delivery, DownloadRule, Policy, Send

_DURATIONS: Final = ("poll_interval", "grace_override", "retry_horizon")
_PLAIN: Final = ("push", "tolerance_per_line", "location", "reference_prefix", "timezone")
_MAPPINGS: Final = ("sku_map", "shipping_map")


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """Write a policy; ``live_from`` is left out, it has its own column."""
    written: dict[str, Any] = {name: _seconds(getattr(policy, name)) for name in _DURATIONS}
    written |= {name: getattr(policy, name) for name in _PLAIN}
    written |= {name: dict(getattr(policy, name)) for name in _MAPPINGS}
    return written | {
        "download": {
            "payment": sorted(policy.download.payment),
            "fulfillment": sorted(policy.download.fulfillment),
        },
        "delivery": policy.delivery.value,
        "send": policy.send.value,
        "lookups": [wait.total_seconds() for wait in policy.lookups],
    }


def policy_from_json(written: Mapping[str, Any], live_from: datetime) -> Policy:
    """Read a policy; what an older version did not write has its default."""
    known: dict[str, Any] = {name: written[name] for name in (*_PLAIN, *_MAPPINGS) if name in written}
    known |= {name: _duration(written[name]) for name in _DURATIONS if name in written}
    if "download" in written:
        known["download"] = DownloadRule(
            payment=frozenset(written["download"]["payment"]),
            fulfillment=frozenset(written["download"]["fulfillment"]),
        )
    if "delivery" in written:
        known["delivery"] = Delivery(written["delivery"])
    if "send" in written:
        known["send"] = Send(written["send"])
    if "lookups" in written:
        known["lookups"] = tuple(timedelta(seconds=wait) for wait in written["lookups"])
    return replace(Policy(live_from=live_from), **known)


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
