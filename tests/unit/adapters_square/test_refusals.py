"""Who we are to Square, and what it means when it says no: one clear line, and whose turn it is."""

from __future__ import annotations

import pytest

from adapters.http import Answer
from adapters.sandbox import AppTransport, html_response, json_response
from adapters.square import read_options
from adapters.square.errors import Complaint, complaints, create_cause, read_error, words_of
from adapters.square.options import VERSION
from reconciler.domain.errors import AuthError, ConfigError, MalformedError, UnreachableError
from reconciler.domain.evidence import FailureCause
from reconciler.ports import ConnectionInfo, Side
from tests.builders import NOW
from tests.simulated import Time, tools
from tests.unit.adapters_square.store import World, connect
from tests.vendor_data import recorded, vendor_data


@pytest.fixture
def world() -> World:
    """A store."""
    return World()


def test_the_probe_says_who_we_are(world):
    """The seller's name and id."""
    assert world.pos.probe() == "Sandbox Flowers (MLSANDBOX0001)"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("revoked_token", "was revoked (ACCESS_TOKEN_REVOKED)"),
        ("expired_token", "has expired (ACCESS_TOKEN_EXPIRED)"),
    ],
)
def test_a_token_that_is_of_no_use_any_more_is_told_as_such(world, fault, words):
    """And that the merchant has to authorise again."""
    world.fault(fault)
    with pytest.raises(AuthError, match="authorise the connection again") as caught:
        world.pos.probe()
    assert words in str(caught.value)


def test_a_wrong_token_is_told_as_such(world):
    """And it stands in no message."""
    pos = connect(tools(world.sandbox.app, world.time), token="EAAA-wrong")
    with pytest.raises(AuthError, match="UNAUTHORIZED") as caught:
        pos.probe()
    assert "EAAA-wrong" not in str(caught.value)


@pytest.mark.parametrize("scope", ["ORDERS_READ", "PAYMENTS_READ", "ITEMS_READ", "MERCHANT_PROFILE_READ"])
def test_a_lost_scope_is_told_apart_and_named(world, scope):
    """By the probe, and by a read that needs it."""
    world.order(line_items=[{"catalog_object_id": _article(world), "quantity": "1"}])
    world.fault("lost_scope", scope=scope)
    with pytest.raises(AuthError, match=f"is good but lacks the scope {scope}"):
        world.pos.probe()
    found = world.read()
    assert isinstance(found.error, AuthError)
    assert scope in str(found.error)
    world.mend()
    assert world.read().complete


def _article(world: World) -> str:
    rows = world.sandbox.store.catalog.values()
    return next(str(row["id"]) for row in rows if row["type"] == "ITEM_VARIATION")


def test_a_bare_401_is_no_proof_against_the_token(world):
    """A proxy or a shop that is closed says it, too: the connection is not called unauthorised."""
    world.fault("bare_401")
    with pytest.raises(UnreachableError, match="without saying why"):
        world.pos.probe()


def test_an_address_that_answers_with_web_pages_is_told_as_such():
    """A login page with status 200."""
    pos = connect(tools(AppTransport(lambda _: html_response("Log in")), Time()))
    with pytest.raises(MalformedError, match="a web page instead of JSON"):
        pos.probe()


def test_an_address_of_something_else_is_told_as_such():
    """JSON, but not Square's."""
    pos = connect(tools(AppTransport(lambda _: json_response(["hello"])), Time()))
    with pytest.raises(MalformedError, match="not as Square"):
        pos.probe()


def test_a_version_that_is_gone_names_the_option(world):
    """One line with the remedy."""
    world.fault("gone_version")
    with pytest.raises(MalformedError, match=r"options\.square_version"):
        world.pos.probe()


def test_errors_within_a_good_answer_are_errors():
    """Status 200 with part of it missing proves nothing."""
    partial = {"orders": [], "errors": [{"category": "API_ERROR", "code": "INTERNAL_SERVER_ERROR"}]}
    pos = connect(tools(AppTransport(lambda _: json_response(partial)), Time()))
    with pytest.raises(MalformedError, match="INTERNAL_SERVER_ERROR"):
        list(pos.read(None, NOW))


def test_the_old_shape_of_refusals_is_understood():
    """The addresses under /oauth2 still use it."""
    (found,) = complaints({"message": "Not Authorized", "type": "service.not_authorized"})
    assert found.detail == "Not Authorized"
    (found,) = complaints({"message": "This request could not be authorized.", "type": "unauthorized"})
    assert found.code == "UNAUTHORIZED"


def answer(status: int) -> Answer:
    """Return an answer of some status."""
    return Answer(status=status, received_at=NOW)


def test_every_error_in_squares_catalogue_is_understood():
    """By code and status: credentials, scope, limit, trouble, or a fault of the request."""
    data = vendor_data("square") / "fixtures"
    (catalogue,) = (content for path, content in recorded(data) if path.name == "error-catalog.json")
    kinds = {}
    for entry in catalogue["errors_catalog"]:
        found = complaints(entry["body"])
        error = read_error(answer(entry["http"]), "https://square.test", found)
        kinds[found[0].code] = type(error)
        assert error.next_step
        assert found[0].code in str(error)
    assert kinds == {
        "UNAUTHORIZED": AuthError,
        "ACCESS_TOKEN_EXPIRED": AuthError,
        "ACCESS_TOKEN_REVOKED": AuthError,
        "INSUFFICIENT_SCOPES": AuthError,
        "RATE_LIMITED": UnreachableError,
        "NOT_FOUND": MalformedError,
        "IDEMPOTENCY_KEY_REUSED": MalformedError,
        "VERSION_MISMATCH": MalformedError,
        "SERVICE_UNAVAILABLE": UnreachableError,
        "GATEWAY_TIMEOUT": UnreachableError,
    }


CAUSES = [
    (Complaint("NOT_FOUND", field="order.line_items[2].catalog_object_id"), FailureCause.UNMAPPED_SKU),
    (Complaint("INVALID_VALUE", field="order.line_items[0].catalog_object_id"), FailureCause.MENU_SETUP),
    (
        Complaint("NOT_FOUND", field="order.line_items[0].modifiers[0].catalog_object_id"),
        FailureCause.MENU_SETUP,
    ),
    (Complaint("BAD_REQUEST", detail="Item variation is not sold here."), FailureCause.MENU_SETUP),
    (Complaint("INVALID_VALUE", field="order.taxes[0].percentage"), FailureCause.TAX_SETUP),
    (Complaint("BAD_REQUEST", detail="More than one tax is set up."), FailureCause.TAX_SETUP),
    (Complaint("INSUFFICIENT_SCOPES", detail="ORDERS_WRITE"), FailureCause.PERMISSIONS),
    (Complaint("BAD_REQUEST", detail="The taxi is late."), FailureCause.REJECTED),
    (Complaint("CURRENCY_MISMATCH"), FailureCause.REJECTED),
]


@pytest.mark.parametrize(("complaint", "cause"), CAUSES, ids=range(len(CAUSES)))
def test_every_refusal_of_a_create_has_its_cause(complaint, cause):
    """The menu, the tax set-up, the permissions, or something else."""
    assert create_cause((complaint,)) is cause


def test_square_s_words_are_told_without_people():
    """Addresses, numbers to dial, and what we know to be personal."""
    found = [
        Complaint("INVALID_EMAIL_ADDRESS", detail="`rosa@example.test` is not valid", field="order.x"),
        Complaint("BAD_REQUEST", detail="Rosa Okafor at +1 (928) 746-9282 is odd"),
    ]
    words = words_of(found, ["Rosa Okafor"])
    assert "INVALID_EMAIL_ADDRESS (order.x)" in words
    assert not any(part in words for part in ("rosa@", "Okafor", "928", "746"))


def info(base_url: str = "https://connect.squareup.com", **options: object) -> ConnectionInfo:
    """Return a connection as a channel file makes it."""
    return ConnectionInfo(
        id=1,
        name="rosebud/square",
        merchant="rosebud",
        side=Side.POS,
        vendor="square",
        base_url=base_url,
        options=options,
    )


def test_options_have_defaults():
    """A connection needs its token alone."""
    options = read_options(info())
    assert (options.version, options.location_ids) == (VERSION, ())


@pytest.mark.parametrize(
    "options", [{"square_version": "newest"}, {"lookup_days": 0}, {"calls_per_second": "many"}]
)
def test_an_option_that_cannot_be_used_is_named(options):
    """With what to write instead."""
    with pytest.raises(ConfigError, match=next(iter(options))):
        read_options(info(**options))


def test_a_token_travels_encrypted_only():
    """A plain address is refused, but for the sandbox on this machine."""
    with pytest.raises(ConfigError, match="must begin with https"):
        connect(tools(lambda _: json_response({}), Time()), url="http://connect.squareup.com")
    connect(tools(lambda _: json_response({}), Time()), url="http://127.0.0.1:8080")
