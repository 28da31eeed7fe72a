"""A payload becomes an order: every status, every kind of money, and what is refused with which reason."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.shopify.sandbox.rows import bag, edit, line, order, parcel, payment
from adapters.shopify.sandbox.store import stamp
from adapters.shopify.translate import UntranslatableError, translate
from reconciler.domain.orders import CartOrder, Customer, FulfillmentStatus, Line, PaymentStatus, Shipment
from tests.builders import NOW
from tests.unit.adapters_shopify.shop import MINUTE

AT = NOW - timedelta(hours=1)


def payload(**changes: Any) -> dict[str, Any]:
    """Return order 1001 as an answer has it."""
    row = order(1001, AT, **changes)
    row["lineItems"] = {"nodes": row["lineItems"], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    row["agreements"] = {"nodes": row["agreements"]}
    return row


def translated(**changes: Any) -> CartOrder:
    """Translate order 1001 with some changes."""
    return translate(payload(**changes))


def refund(quantity: int, gid: int = 100_100) -> dict[str, Any]:
    """Return a refund of so many units of a line."""
    lines = [{"quantity": quantity, "lineItem": {"id": f"gid://shopify/LineItem/{gid}"}}]
    return {"createdAt": stamp(NOW), "refundLineItems": {"nodes": lines, "pageInfo": {"hasNextPage": False}}}


def test_a_paid_order_is_told_whole():
    """Reference without its hash, times in UTC, money in cents, who, what and how."""
    found = translated()
    assert found == CartOrder(
        reference="1001",
        vendor_id="gid://shopify/Order/550000001001",
        placed_at=AT,
        updated_at=AT,
        paid_at=AT,
        currency="USD",
        total=4920,
        captured=4920,
        payment_status=PaymentStatus.PAID,
        tax=0,
        shipping=0,
        discount=0,
        tip=0,
        customer=Customer("Ned O'Hara", "+1 720 555 0134", "ned@example.test"),
        shipping_method="Local delivery",
        lines=(Line("ROSE-12", "Dozen roses", Decimal(1), Decimal("49.2")),),
    )


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("PENDING", PaymentStatus.PENDING),
        ("AUTHORIZED", PaymentStatus.AUTHORIZED),
        ("PARTIALLY_PAID", PaymentStatus.PARTIALLY_PAID),
        ("PAID", PaymentStatus.PAID),
        ("PARTIALLY_REFUNDED", PaymentStatus.PARTIALLY_REFUNDED),
        ("REFUNDED", PaymentStatus.REFUNDED),
        ("VOIDED", PaymentStatus.VOIDED),
        ("EXPIRED", PaymentStatus.EXPIRED),
    ],
)
def test_every_payment_status_is_known(told, meant):
    """Shopify's eight are our eight."""
    assert translated(displayFinancialStatus=told).payment_status is meant


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("UNFULFILLED", FulfillmentStatus.UNFULFILLED),
        ("OPEN", FulfillmentStatus.UNFULFILLED),
        ("PENDING_FULFILLMENT", FulfillmentStatus.UNFULFILLED),
        ("IN_PROGRESS", FulfillmentStatus.UNFULFILLED),
        ("SCHEDULED", FulfillmentStatus.UNFULFILLED),
        ("REQUEST_DECLINED", FulfillmentStatus.UNFULFILLED),
        ("RESTOCKED", FulfillmentStatus.UNFULFILLED),
        ("PARTIALLY_FULFILLED", FulfillmentStatus.PARTIALLY_FULFILLED),
        ("FULFILLED", FulfillmentStatus.FULFILLED),
        ("ON_HOLD", FulfillmentStatus.ON_HOLD),
    ],
)
def test_every_fulfilment_status_is_known(told, meant):
    """What is not handed over yet is unfulfilled, whatever Shopify calls the waiting."""
    assert translated(displayFulfillmentStatus=told).fulfillment_status is meant


@pytest.mark.parametrize("field", ["displayFinancialStatus", "displayFulfillmentStatus"])
def test_a_status_of_a_later_version_is_refused_with_its_name(field):
    """A word that we do not know is no reason to guess."""
    with pytest.raises(UntranslatableError, match="status 'LEVITATING' is not known"):
        translated(**{field: "LEVITATING"})


@pytest.mark.parametrize(
    ("transactions", "meant"),
    [
        ([], PaymentStatus.PENDING),
        ([payment("SALE", "49.20", AT)], PaymentStatus.PAID),
        ([payment("SALE", "10.00", AT)], PaymentStatus.PARTIALLY_PAID),
        ([payment("SALE", "49.20", AT, "FAILURE")], PaymentStatus.PENDING),
    ],
)
def test_without_a_status_the_payments_tell(transactions, meant):
    """Shopify leaves the status null where it has nothing to say."""
    assert translated(displayFinancialStatus=None, transactions=transactions).payment_status is meant


def test_only_money_that_really_came_counts():
    """Authorisations, failures and voids are no captures; sales and captures are, less the change."""
    found = translated(
        transactions=[
            payment("AUTHORIZATION", "49.20", AT),
            payment("CAPTURE", "20.00", AT + MINUTE),
            payment("CAPTURE", "20.00", AT + 2 * MINUTE, "FAILURE"),
            payment("SALE", "30.00", AT + 3 * MINUTE),
            payment("SALE", "99.00", AT + 4 * MINUTE, "PENDING"),
            payment("CHANGE", "0.80", AT + 5 * MINUTE),
            payment("VOID", "49.20", AT + 6 * MINUTE),
            payment("REFUND", "5.00", AT + 7 * MINUTE, "PENDING"),
        ]
    )
    assert (found.captured, found.refunded) == (4920, 0)
    assert found.paid_at == AT + 3 * MINUTE


def test_the_payment_that_completes_the_total_says_when_it_was_paid():
    """Later captures, for example after an edit, do not move that moment."""
    captures = [
        payment("CAPTURE", amount, AT + n * MINUTE) for n, amount in ((3, "5.00"), (1, "40.00"), (2, "9.20"))
    ]
    assert translated(transactions=captures).paid_at == AT + 2 * MINUTE


def test_refunds_count_by_what_was_paid_back():
    """The total stays what was agreed; what went back stands beside it."""
    found = translated(
        displayFinancialStatus="PARTIALLY_REFUNDED",
        transactions=[payment("SALE", "49.20", AT), payment("REFUND", "9.20", AT + MINUTE)],
        refunds=[refund(1)],
        currentTotalPriceSet=bag("40.00"),
        lineItems=[line(100_100, "ROSE-12", "Dozen roses", "24.60", 2, current=1)],
    )
    assert (found.total, found.captured, found.refunded) == (4920, 4920, 920)
    assert [item.quantity for item in found.lines] == [2]


def test_a_cancelled_order_keeps_its_total_and_lines():
    """Cancelling empties what Shopify calls current; the order is still what it was."""
    found = translated(
        cancelledAt=stamp(NOW),
        currentTotalPriceSet=bag("0"),
        edited=True,
        lineItems=[line(100_100, "ROSE-12", "Dozen roses", "49.20", 1, current=0)],
    )
    assert (found.total, found.cancelled_at) == (4920, NOW)
    assert len(found.lines) == 1
    assert found.dead


def test_an_edit_that_adds_is_in_the_total():
    """After an edit the order is what it is now, and when it was edited is known."""
    found = translated(
        edited=True,
        displayFinancialStatus="PARTIALLY_PAID",
        totalPriceSet=bag("54.20"),
        currentTotalPriceSet=bag("54.20"),
        agreements=[edit(AT + MINUTE), edit(AT + 3 * MINUTE)],
        lineItems=[
            line(100_100, "ROSE-12", "Dozen roses", "49.20"),
            line(100_101, None, "Added unpaid item", "5.00"),
        ],
    )
    assert (found.total, found.captured) == (5420, 4920)
    assert found.edited_at == AT + 3 * MINUTE
    assert [item.sku for item in found.lines] == ["ROSE-12", None]


def test_an_edit_that_takes_away_is_out_of_total_and_lines():
    """Shopify's total keeps counting what an edit removed, and books it as a refund of nothing."""
    found = translated(
        edited=True,
        totalPriceSet=bag("226.00"),
        currentTotalPriceSet=bag("113.00"),
        currentTotalTaxSet=bag("13.00"),
        totalTaxSet=bag("26.00"),
        refunds=[refund(1)],
        transactions=[],
        displayFinancialStatus="PENDING",
        lineItems=[line(100_100, "ROSE-12", "Dozen roses", "100.00", 2, current=1)],
    )
    assert (found.total, found.tax) == (11300, 1300)
    assert [item.quantity for item in found.lines] == [1]


def test_units_that_were_paid_back_after_an_edit_still_belong_to_the_order():
    """An edit took one of three, a refund returned one of the two that were left."""
    found = translated(
        edited=True,
        totalPriceSet=bag("30.00"),
        currentTotalPriceSet=bag("10.00"),
        refunds=[refund(1)],
        transactions=[payment("SALE", "20.00", AT), payment("REFUND", "10.00", AT + MINUTE)],
        lineItems=[line(100_100, "ROSE-12", "Dozen roses", "10.00", 3, current=1)],
    )
    assert (found.total, found.captured, found.refunded) == (2000, 2000, 1000)
    assert [item.quantity for item in found.lines] == [2]


def test_the_shops_money_counts_not_the_buyers():
    """A buyer in euros does not change the shop's books in Canadian dollars."""
    both = {
        "shopMoney": {"amount": "13.5", "currencyCode": "CAD"},
        "presentmentMoney": {"amount": "9.0", "currencyCode": "USD"},
    }
    money = {name: both for name in payload() if name.endswith("Set")}
    paid = [{**payment("SALE", "1", AT), "amountSet": both}]
    items = [{**line(1, "A", "A", "1"), "originalUnitPriceSet": both}]
    found = translated(**money, transactions=paid, lineItems=items)
    assert (found.currency, found.total, found.captured) == ("CAD", 1350, 1350)
    assert found.lines[0].unit_price == Decimal("13.5")


def exchanged(shop: str, buyer: str) -> dict[str, Any]:
    """Return an amount in the shop's Canadian and in the buyer's American dollars."""
    return {
        "shopMoney": {"amount": shop, "currencyCode": "CAD"},
        "presentmentMoney": {"amount": buyer, "currencyCode": "USD"},
    }


@pytest.mark.parametrize(
    ("payments", "captured", "refunded"),
    [
        ([("SALE", "12.77", "9.0")], 1350, 0),
        ([("SALE", "6.00", "4.5"), ("SALE", "7.99", "4.5")], 1350, 0),
        ([("SALE", "6.00", "4.5")], 675, 0),
        ([("SALE", "12.77", "9.0"), ("REFUND", "7.10", "5.0")], 1350, 750),
        ([("SALE", "12.77", "9.0"), ("REFUND", "14.00", "9.0")], 1350, 1350),
    ],
)
def test_a_buyers_foreign_payment_counts_at_the_orders_own_rate(payments, captured, refunded):
    """9.00 of 9.00 US dollars is all of it, though the day's rate makes it 12.77 of 13.50 Canadian ones."""
    money = {name: exchanged("13.5", "9.0") for name in payload() if name.endswith("Set")}
    moved = [{**payment(kind, "1", AT), "amountSet": exchanged(*pair)} for kind, *pair in payments]
    items = [{**line(1, "A", "A", "1"), "originalUnitPriceSet": exchanged("13.5", "9.0")}]
    found = translated(**money, transactions=moved, lineItems=items)
    assert (found.currency, found.total, found.captured, found.refunded) == ("CAD", 1350, captured, refunded)
    assert found.paid_at == AT


@pytest.mark.parametrize(
    ("amount", "currency", "minor"), [("63.0", "JPY", 63), ("1.234", "KWD", 1234), ("55.0", "USD", 5500)]
)
def test_amounts_are_read_by_their_currencys_digits(amount, currency, minor):
    """Shopify writes any number of zeros behind any currency."""
    money = {name: bag(amount, currency) for name in payload() if name.endswith("Set")}
    items = [{**line(1, "A", "A", "1"), "originalUnitPriceSet": bag(amount, currency)}]
    assert translated(**money, transactions=[], lineItems=items).total == minor


@pytest.mark.parametrize(
    ("sku", "kept"), [(None, None), ("", None), ("  ", None), (" ROSE-12 ", "ROSE-12"), ("0012", "0012")]
)
def test_a_line_without_a_sku_is_still_a_line(sku, kept):
    """Custom and deleted articles have none."""
    assert translated(lineItems=[line(1, sku, "Card", "3.00")]).lines[0].sku == kept


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [({"test": True}, "test"), ({"closedAt": stamp(NOW)}, "archived"), ({"cancelledAt": stamp(NOW)}, "dead")],
)
def test_what_is_not_for_the_shop_floor_is_marked(changes, attribute):
    """Test, archived and cancelled orders say so."""
    assert getattr(translated(**changes), attribute)
    assert not getattr(translated(), attribute)


def test_parcels_carry_how_to_follow_them():
    """What was cancelled or went wrong is no parcel."""
    found = translated(
        fulfillments=[
            parcel(1, NOW, "UPS", "1Z999"),
            parcel(2, NOW, None, None),
            {**parcel(3, NOW, "UPS", "1Z000"), "status": "CANCELLED"},
        ]
    )
    assert found.shipments == (
        Shipment("gid://shopify/Fulfillment/1", NOW, "UPS", "1Z999"),
        Shipment("gid://shopify/Fulfillment/2", NOW),
    )


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-11-21", date(2026, 11, 21)),
        ("2026/11/21", date(2026, 11, 21)),
        ("2026-11-21T10:00:00Z", date(2026, 11, 21)),
        ("21/11/2026", None),
        ("soon", None),
        (None, None),
    ],
)
def test_the_day_of_delivery_is_read_where_the_shop_keeps_it(value, day):
    """An attribute of the shop's choice; a day that could be two is none."""
    node = payload(customAttributes=[{"key": "Delivery Date", "value": value}, {"key": "Gift", "value": "x"}])
    assert translate(node, "delivery date").deliver_on == day
    assert translate(node).deliver_on is None


def test_a_free_order_is_paid_when_placed():
    """There is nothing to wait for."""
    money = {name: bag("0") for name in payload() if name.endswith("Set")}
    found = translated(**money, transactions=[], lineItems=[line(1, "A", "A", "0")])
    assert (found.total, found.payment_status, found.paid_at) == (0, PaymentStatus.PAID, AT)


def test_an_order_brought_in_from_elsewhere_was_placed_when_it_was_placed():
    """An import creates old orders today; the day they were processed counts."""
    old = AT - timedelta(days=400)
    assert translated(processedAt=stamp(old)).placed_at == old


REFUSED = {
    "no object": ("text", "Expected `object`, got `str`"),
    "no name": ({k: v for k, v in payload().items() if k != "name"}, "missing required field `name`"),
    "an empty name": (payload(name=" # "), "its name is empty"),
    "a total of null": (
        payload(totalPriceSet=None),
        r"Expected `object`, got `null` - at `\$.totalPriceSet`",
    ),
    "no amount": (
        payload(totalPriceSet={"shopMoney": {"amount": "1,5", "currencyCode": "USD"}}),
        "'1,5' is not a decimal",
    ),
    "half a cent": (payload(totalPriceSet=bag("1.005")), "more than the 2 decimals of USD"),
    "two currencies": (payload(currentTotalTaxSet=bag("1", "EUR"), edited=True), "counts in USD and in EUR"),
    "a time without a zone": (payload(updatedAt="2026-11-20T15:00:00"), "updatedAt"),
    "no time": (payload(createdAt="yesterday"), "createdAt"),
    "half a unit": (payload(lineItems=[line(1, "A", "A", "1") | {"quantity": 1.5}]), "quantity"),
    "lines cut short": (
        payload() | {"lineItems": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}},
        "not read to their end",
    ),
    "payments without end": (
        payload(transactions=[payment("SALE", "1", AT)] * 250),
        "more payments than the 250",
    ),
    "refunds without end": (payload(refunds=[refund(1)] * 250), "more refunds than the 250"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_refused_with_the_reason(case):
    """The reason names the place and holds nothing of the buyer."""
    node, words = REFUSED[case]
    with pytest.raises(UntranslatableError, match=words) as caught:
        translate(node)
    assert "O'Hara" not in str(caught.value)
    assert caught.value.__cause__ is None
