"""What a channel file may say about any connection over HTTP: time-outs, tries, and how much at once."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from adapters.http import Limits, LocalLimiter, Tools, limits_of
from adapters.shopify import LIMITS as SHOPIFY
from adapters.shopify import make_cart
from adapters.square import LIMITS as SQUARE
from adapters.square import make_pos, read_options
from reconciler.bootstrap import utc_now
from reconciler.domain.errors import ConfigError
from reconciler.ports import ConnectionInfo, Side


def info(**options: object) -> ConnectionInfo:
    """Return a connection with these options."""
    return ConnectionInfo(
        id=1,
        name="rosebud",
        merchant="rosebud",
        side=Side.CART,
        vendor="shopify",
        base_url="https://rosebud.myshopify.com",
        options=options,
    )


@pytest.fixture
def tools() -> Tools:
    """Tools that nobody calls with."""
    return Tools(session=httpx.Client(), clock=utc_now, limiter=LocalLimiter(lambda: 0.0))


def test_a_connection_that_says_nothing_has_its_vendors_limits() -> None:
    """They were chosen for it."""
    assert limits_of(info(), SHOPIFY) == SHOPIFY
    assert limits_of(info(), SQUARE) == SQUARE


def test_a_connection_may_be_more_or_less_patient() -> None:
    """What it does not name stays as it is."""
    limits = limits_of(info(timeout_seconds=2, tries=3), SQUARE)
    assert limits == Limits(read_seconds=2, tries=3, body_bytes=SQUARE.body_bytes)


@pytest.mark.parametrize("options", [{"timeout_seconds": 0}, {"tries": "x"}, {"tries": 21}, {"tries": True}])
def test_a_limit_that_cannot_be_used_is_named(options) -> None:
    """With its connection, and with what is used when it is left out."""
    with pytest.raises(ConfigError, match=next(iter(options))) as caught:
        limits_of(info(**options), SHOPIFY)
    assert "rosebud" in str(caught.value)


@pytest.mark.parametrize(("make", "most"), [(make_cart, 250), (make_pos, 1000)])
def test_a_page_is_no_larger_than_the_vendor_takes(tools, make: Callable[..., object], most: int) -> None:
    """It would be refused at the first read otherwise."""
    token = {"access_token": "t"}
    make(info(page_size=most), token, tools)
    with pytest.raises(ConfigError, match="page_size"):
        make(info(page_size=most + 1), token, tools)


def test_square_is_asked_for_pages_of_that_size() -> None:
    """The option is what the search goes by."""
    assert read_options(info(page_size=20)).page == 20
