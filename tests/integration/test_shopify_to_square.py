"""Shopify into Square, through the program and two shops that speak the vendors' protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

from adapters.registry import Registry
from adapters.shopify.sandbox import ShopifyOptions, ShopifySandbox
from adapters.shopify.sandbox import serving as shopify_serving
from adapters.square.sandbox import TOKEN, SandboxOptions, SquareSandbox
from adapters.square.sandbox import serving as square_serving
from reconciler import bootstrap
from reconciler.channel_file import read_channel_file
from reconciler.domain.verdict import Classification
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports import ConnectionState, Judgement, RunOutcome, RunSummary
from reconciler.ports.reports import Scope
from reconciler.reporting import render_text
from reconciler.secrets import SecretBox, new_key
from reconciler.services.report import build_report
from reconciler.services.run import run_channel
from reconciler.services.submit import submit_channel
from reconciler.settings import load_settings
from tests.vendor_data import vendor_data

pytestmark = pytest.mark.integration
LEASE = timedelta(seconds=30)
CHANNELS = """\
[[merchant]]
code = "rosebud"
name = "Rosebud Florist"

  [[merchant.connection]]
  name = "shop"
  kind = "cart"
  vendor = "shopify"
  base_url = "{shopify}"
  credentials = {{ access_token = "env:RECONCILER_SECRET_SHOP" }}

  [[merchant.connection]]
  name = "till"
  kind = "pos"
  vendor = "square"
  base_url = "{square}"
  credentials = {{ access_token = "env:RECONCILER_SECRET_TILL" }}

  [[merchant.channel]]
  name = "rosebud-web"
  cart = "shop"
  pos = "till"
  location = "LMAIN00000001"
  poll_interval = "1m"
  live_from = 2020-01-01T00:00:00Z
"""


@dataclass
class Street:
    """A shop, a till and the program between them."""

    shopify: ShopifySandbox
    square: SquareSandbox
    app: bootstrap.App

    def run(self, *, full: bool = True) -> tuple[RunSummary, list[Judgement], Counter[str]]:
        """Reconcile once, submissions included."""
        told: list[Judgement] = []
        with self.app.context() as context:
            channel = context.unit.channels.get("rosebud-web")
            summary = run_channel(context, channel, full=full, trigger="test", tell=told.append)
        return summary, told, self.submit()

    def submit(self) -> Counter[str]:
        """Work through what is due in the queue."""
        with self.app.context() as context:
            return submit_channel(context, context.unit.channels.get("rosebud-web"), lease=LEASE)

    def taken(self) -> dict[str, int]:
        """How many live orders the till has by reference."""
        orders = self.square.store.orders.values()
        return dict(Counter(str(row["reference_id"]) for row in orders if row["state"] != "CANCELED"))

    def state_of(self, name: str) -> ConnectionState:
        """How a connection is doing."""
        with self.app.open_unit() as unit:
            return next(c.state for c in unit.channels.list_connections() if c.name == name)

    def look_up_now(self) -> None:
        """Let the look-ups that are scheduled be due."""
        with self.app.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE queue_entries SET next_lookup_at = now(), sent_at = sent_at - interval '1 hour'"
                " WHERE status = 'in_doubt'"
            )

    def set_ready(self, references: Iterable[str]) -> None:
        """Let a person ask for one more attempt at each."""
        with self.app.open_unit() as unit:
            channel = unit.channels.get("rosebud-web")
            for reference in references:
                unit.queue.set_ready(channel.id, reference, actor="ann", reason="yes", origin="test")
            unit.commit()

    def queue(self) -> dict[str, tuple[str, bool, str]]:
        """Where each entry stands, whether a person has to look, and why."""
        with self.app.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT reference, status, flagged, note FROM queue_entries")
            return {reference: (status, flagged, note) for reference, status, flagged, note in rows}


@pytest.fixture
def street(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Street]:
    """Both shops on loopback, and a channel between them on this test's own database."""
    recordings = vendor_data("shopify") / "fixtures" / "draft-proxy"
    with (
        shopify_serving(ShopifyOptions(orders=12, recordings=recordings)) as (shopify, shop),
        square_serving(SandboxOptions(skus=_skus(shopify))) as (square, till),
    ):
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("REDIS_URL", redis_url)
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", new_key())
        monkeypatch.setenv("RECONCILER_SECRET_SHOP", "shpat_sandbox")
        monkeypatch.setenv("RECONCILER_SECRET_TILL", TOKEN)
        path = tmp_path / "channels.toml"
        path.write_text(CHANNELS.format(shopify=shop.url, square=till.url))
        app = bootstrap.build(load_settings())
        # Vendors are waited for as in earnest, only shorter.
        app.access._tools = replace(app.access.tools(), sleep=lambda seconds: sleep(seconds / 20))
        try:
            _apply(app, path)
            yield Street(shopify, square, app)
        finally:
            app.close()


def _skus(shopify: ShopifySandbox) -> tuple[str, ...]:
    lines = (line for row in shopify.store.rows() for line in row["lineItems"])
    return tuple(sorted({line["sku"] for line in lines if line.get("sku")}))


def _apply(app: bootstrap.App, path: Path) -> None:
    box = SecretBox(app.settings.require_secret_keys())
    spec = read_channel_file(path, vendors=Registry().info(), seal=box.seal)
    with app.open_unit() as unit:
        unit.configuration.apply(spec, app.clock())
        unit.commit()


def test_what_is_missing_is_sent_once_and_then_agrees(street: Street) -> None:
    """Recorded orders, and a seeded shop, end in a till that has each paid one of late exactly once."""
    summary, told, sent = street.run()
    assert summary.outcome is RunOutcome.COMPLETE
    missing = {j.subject for j in told if j.verdict.classification is Classification.MISSING}
    assert missing
    assert sent == {"accepted": len(missing)}
    assert street.taken() == dict.fromkeys(missing, 1)
    again, _, sent_again = street.run()
    assert not sent_again
    assert again.counts["agreed"] == summary.counts["agreed"] + len(missing)
    assert Classification.MISSING not in again.counts


def test_what_is_older_than_the_till_tells_is_not_called_missing(street: Street) -> None:
    """Recorded orders of years ago lie outside what Square was asked for: one finding says so."""
    summary, told, _ = street.run()
    (finding,) = [j for j in told if j.verdict.classification is Classification.CANNOT_TELL]
    assert finding.subject == "connection:till"
    assert finding.verdict.facts["orders"] == summary.counts[Classification.CANNOT_TELL] > 0


def test_the_report_says_it_to_a_person(street: Street) -> None:
    """Repairs, findings and books are there, and no order is in none of the books or in two."""
    _, _, sent = street.run()
    with SqlReportUnit(street.app.engine) as unit:
        text = render_text(build_report(unit, Scope(), street.app.clock()))
    assert f"REPAIRED BY ITSELF: {sent['accepted']} order" in text
    assert "THE BOOKS" in text
    assert "no order is in none, and none in two" in text


def test_a_page_that_fails_calls_no_order_missing(street: Street) -> None:
    """A search of the till that breaks off proves nothing: one finding, nothing sent."""
    street.square.faults.switch_on("missing_page")
    summary, told, sent = street.run()
    assert summary.outcome is RunOutcome.FAILED
    assert Classification.MISSING not in summary.counts
    assert [j.subject for j in told if j.verdict.classification is Classification.CANNOT_TELL] == [
        "connection:till"
    ]
    assert (dict(sent), street.taken()) == ({}, {})


def test_a_revoked_token_pauses_its_connection_and_putting_it_right_releases_it(street: Street) -> None:
    """One finding, not one an order; nothing is sent; the next good probe lets everything go on."""
    street.square.faults.switch_on("revoked_token")
    for _ in range(2):
        _, told, sent = street.run()
        classes = Counter(j.verdict.classification for j in told)
        assert classes[Classification.AUTH_FAILURE] == 1
        assert Classification.MISSING not in classes
        assert not sent
    assert street.state_of("till") is ConnectionState.AUTH_FAILED
    street.square.faults.switch_off()
    _, told, sent = street.run()
    assert Classification.AUTH_FAILURE not in {j.verdict.classification for j in told}
    assert street.state_of("till") is ConnectionState.OK
    assert sent["accepted"] == len(street.taken()) > 0


@pytest.mark.parametrize("fault", ["drop_after", "fail_after"])
@pytest.mark.parametrize("step", ["orders", "payments"])
def test_an_answer_that_is_lost_after_the_till_accepted_makes_no_second_order(
    street: Street, fault: str, step: str
) -> None:
    """Whichever of the two calls lost its answer: the till has each order once, also after the look-ups."""
    street.square.faults.switch_on(fault, times=1, settings={"of": step})
    _, told, _ = street.run()
    missing = {j.subject for j in told if j.verdict.classification is Classification.MISSING}
    assert street.taken() == dict.fromkeys(missing, 1)
    street.look_up_now()
    street.run()
    assert street.taken() == dict.fromkeys(missing, 1)


def test_what_stays_half_made_is_a_persons_who_can_have_it_completed(street: Street) -> None:
    """The till took the order and never its payment: flagged with the reason; Set Ready pays that order."""
    missing = _left_half_made(street)
    entries = street.queue()
    assert {(status, flagged) for status, flagged, _ in entries.values()} == {("failed", True)}
    assert all("without its payment" in note for _, _, note in entries.values())
    street.square.faults.switch_off("fail_before")
    street.set_ready(missing)
    street.submit()
    assert {status for status, _, _ in street.queue().values()} == {"success"}
    assert street.taken() == dict.fromkeys(missing, 1)
    assert {len(row["tenders"]) for row in street.square.store.orders.values()} == {1}


def test_what_staff_cancel_at_the_till_is_made_anew_when_a_person_wants_it(street: Street) -> None:
    """The old key would answer with the cancelled order; a new one makes another, once."""
    missing = _left_half_made(street)
    street.square.faults.switch_off("fail_before")
    for row in street.square.store.orders.values():
        row["state"] = "CANCELED"
        street.square.store.touch(row)
    _, told, _ = street.run()
    assert {j.verdict.classification for j in told if j.subject in missing} == {Classification.VOIDED_IN_POS}
    assert street.taken() == {}
    street.set_ready(missing)
    street.submit()
    assert {status for status, _, _ in street.queue().values()} == {"success"}
    assert street.taken() == dict.fromkeys(missing, 1)


def _left_half_made(street: Street) -> set[str]:
    """Let the till take orders and never their payments, until nobody looks any more; return which."""
    street.square.faults.switch_on("fail_before", settings={"of": "payments"})
    _, told, _ = street.run()
    while any(status == "in_doubt" for status, _, _ in street.queue().values()):
        street.look_up_now()
        street.submit()
    return {j.subject for j in told if j.verdict.classification is Classification.MISSING}
