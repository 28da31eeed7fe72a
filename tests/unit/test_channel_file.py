"""The channel file: what it says is what is applied, and every mistake is one line with its place."""

import tomllib
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.channel_file import MAX_BYTES, parse_channel_file, read_channel_file
from reconciler.channel_file.locate import key_lines
from reconciler.domain.errors import ConfigError
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus
from reconciler.domain.policy import Delivery, DownloadRule, Policy, Send
from reconciler.ports import ConfigurationSpec, MerchantSpec, Side
from reconciler.ports.vendor_info import OptionKind, VendorInfo

FILE = VendorInfo(
    sides=frozenset(Side),
    base_url_is_path=True,
    options={
        "catalog": OptionKind.PATH,
        "as_of": OptionKind.TIME,
        "trust_absence": OptionKind.FLAG,
        "overlap": OptionKind.NUMBER,
        "label": OptionKind.TEXT,
    },
)
SHOP = VendorInfo(sides=frozenset({Side.CART}), credentials=frozenset({"access_token"}))
VENDORS = {"file": FILE, "shop": SHOP}
ENVIRON = {"RECONCILER_SECRET_SHOP": "hunter2", "RECONCILER_SECRET_KEYS": "the keys", "HOME": "/root"}

#: A whole file; the tests change one line of it, so the numbers of its lines matter.
GOOD = """\
[[merchant]]
code = "rosebud"
name = "Rosebud Florist"
timezone = "America/Denver"

  [[merchant.connection]]
  name = "cart"
  kind = "cart"
  vendor = "file"
  base_url = "cart.jsonl"

  [[merchant.connection]]
  name = "pos"
  kind = "pos"
  vendor = "file"
  base_url = "pos.jsonl"
  options = { catalog = "catalog.json" }

  [[merchant.channel]]
  name = "web"
  cart = "cart"
  pos = "pos"
  poll_interval = "1h"
  download = { payment = ["paid"], fulfillment = ["unfulfilled"] }
"""
SECOND_CHANNEL = '\n  [[merchant.channel]]\n  name = "phone"\n  cart = "cart"\n  pos = "pos"\n'


def seal(credentials):
    """Stand in for encryption."""
    return repr(sorted(credentials.items())).encode(), b"digest"


def parse(text: str) -> ConfigurationSpec:
    """Read ``text`` as /etc/shop/channels.toml."""
    path = Path("/etc/shop/channels.toml")
    return parse_channel_file(text, path, vendors=VENDORS, seal=seal, environ=ENVIRON)


def complaint(text: str) -> str:
    """Return the one line about ``text``, without the folder."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).isprintable()
    return str(caught.value).removeprefix("/etc/shop/")


def changed(old: str, new: str) -> str:
    """Return the good file with one thing changed."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


class TestWhatItSays:
    """A good file becomes specs, complete and normalised."""

    def test_the_smallest_file_has_quiet_defaults(self):
        """What is not said has the default of the policy, and the first apply decides what is live."""
        spec = parse(GOOD)
        assert spec.merchants == (
            MerchantSpec(code="rosebud", name="Rosebud Florist", timezone="America/Denver"),
        )
        (channel,) = spec.channels
        rule = DownloadRule(frozenset({PaymentStatus.PAID}), frozenset({FulfillmentStatus.UNFULFILLED}))
        assert channel.policy == Policy(timezone="America/Denver", download=rule)
        assert (channel.merchant, channel.cart, channel.pos) == ("rosebud", "cart", "pos")
        assert channel.live_from is None

    def test_paths_count_from_the_file(self):
        """A command gives the same result from every folder that it is run in."""
        cart, pos = parse(GOOD).connections
        assert cart.base_url == "/etc/shop/cart.jsonl"
        assert pos.options == {"catalog": "/etc/shop/catalog.json"}

    def test_everything_can_be_said(self):
        """Every key of a channel reaches the policy."""
        text = GOOD + dedent("""
              location = "main"
              grace = "90s"
              push = true
              live_from = 2026-11-01T02:00:00+02:00
              send = "ask"
              delivery = "ours"
              retry_horizon = "2d"
              lookups = ["1s", "2m", "1h"]
              reference_prefix = "RB-"
              tolerance = 3
              mapping.skus = { "ROSE-DOZEN" = "ROSE-12" }
              mapping.shipping = { "Local delivery" = "DEL" }
        """)
        (channel,) = parse(text).channels
        assert channel.live_from == datetime(2026, 11, 1, tzinfo=UTC)
        assert channel.policy == Policy(
            timezone="America/Denver",
            location="main",
            grace_override=timedelta(seconds=90),
            push=True,
            send=Send.ASK,
            delivery=Delivery.OURS,
            retry_horizon=timedelta(days=2),
            lookups=(timedelta(seconds=1), timedelta(minutes=2), timedelta(hours=1)),
            reference_prefix="RB-",
            tolerance_per_line=3,
            sku_map={"ROSE-DOZEN": "ROSE-12"},
            shipping_map={"Local delivery": "DEL"},
            download=channel.policy.download,
        )

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("90s", timedelta(seconds=90)),
            ("15m", timedelta(minutes=15)),
            ("1h", timedelta(hours=1)),
            ("2d", timedelta(days=2)),
        ],
    )
    def test_durations_have_units(self, written, meant):
        """A number without a unit would be somebody's guess."""
        (channel,) = parse(changed('"1h"', f'"{written}"')).channels
        assert channel.policy.poll_interval == meant

    def test_options_are_plain_json(self):
        """Options are stored as JSON, so times in them are texts in UTC."""
        options = 'as_of = 2026-11-20T15:00:00Z, trust_absence = true, overlap = 5, label = "x"'
        _, pos = parse(changed('catalog = "catalog.json"', options)).connections
        assert pos.options == {
            "as_of": "2026-11-20T15:00:00+00:00",
            "trust_absence": True,
            "overlap": 5,
            "label": "x",
        }

    @pytest.mark.parametrize("written", ['"04:30"', "04:30:00"])
    def test_a_business_day_may_end_later(self, written):
        """A bar's day ends when it closes; TOML's own local time is understood too."""
        text = changed('timezone = "America/Denver"', f"day_cutoff = {written}")
        assert parse(text).merchants[0].day_cutoff == time(4, 30)
        assert parse(text).merchants[0].timezone == "UTC"

    def test_credentials_are_read_from_variables_and_sealed(self):
        """The spec holds the encrypted form and its digest, and its repr neither."""
        text = changed(
            'vendor = "file"\n  base_url = "cart.jsonl"',
            'vendor = "shop"\n  base_url = "https://shop.example"\n'
            '  credentials = { access_token = "env:RECONCILER_SECRET_SHOP" }',
        )
        cart = parse(text).connections[0]
        assert cart.credentials == b"[('access_token', 'hunter2')]"
        assert cart.credentials_digest == b"digest"
        assert "hunter2" not in repr(cart)

    def test_several_merchants_and_channels_keep_their_own(self):
        """Connections belong to the merchant above them."""
        other = GOOD
        for name in ("rosebud", "cart", "pos", "web"):
            other = other.replace(f'"{name}"', f'"other-{name}"')
        other = other.replace('kind = "other-', 'kind = "')
        spec = parse(GOOD + other)
        assert [channel.merchant for channel in spec.channels] == [
            "rosebud",
            "other-rosebud",
        ]
        assert [c.name for c in spec.connections] == ["cart", "pos", "other-cart", "other-pos"]

    def test_a_prefix_that_is_trimmed_off_when_numbers_are_read_is_refused(self):
        """No order would ever be found under it."""
        text = GOOD + SECOND_CHANNEL + '  reference_prefix = "#RB-"\n'
        with pytest.raises(ConfigError, match="begins with a #"):
            parse(text)

    def test_one_pos_serves_channels_with_prefixes_of_their_own(self):
        """Two shops' order 1001 are told apart by their prefixes."""
        text = GOOD + SECOND_CHANNEL + '  reference_prefix = "T-"\n'
        assert [channel.policy.reference_prefix for channel in parse(text).channels] == ["", "T-"]

    def test_a_retired_channel_may_stand_beside_the_one_that_follows_it(self):
        """Only one of them is read and sent."""
        text = GOOD + SECOND_CHANNEL + "  enabled = false\n"
        assert [channel.enabled for channel in parse(text).channels] == [True, False]


MISTAKES = tomllib.loads((Path(__file__).parents[1] / "data/channel_file_mistakes.toml").read_text("utf-8"))[
    "mistake"
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["name"])
def test_a_mistake_is_one_line_with_its_place(mistake):
    """Each line says where, what, and what is allowed or next."""
    text = mistake.get("before", "") + GOOD + mistake.get("after", "")
    text = text.replace(mistake.get("old", ""), mistake["new"]) if "new" in mistake else text
    assert complaint(mistake.get("text", text)) == mistake["line"]


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000])
def test_what_is_too_large_for_the_reader_is_one_line(value):
    """A number of thousands of digits, and brackets in thousands, end like any other mistake."""
    assert complaint(f"x = {value}") == "channels.toml:1: not TOML: a number or a nesting is too large"


CREDENTIALS = changed(
    'vendor = "file"\n  base_url = "cart.jsonl"',
    'vendor = "shop"\n  base_url = "https://shop.example"\n  credentials = { access_token = VALUE }',
)


@pytest.mark.parametrize(
    "value",
    [
        '"hunter2"',
        '"env:HOME"',
        '"env:RECONCILER_SECRET_KEYS"',
        '"env:RECONCILER_SECRET_"',
        "42",
        '"env:x\\ny"',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(value):
    """Only variables with our prefix can be named, never our own keys, and what stands there is not shown."""
    assert complaint(CREDENTIALS.replace("VALUE", value)) == (
        "channels.toml:11: connection 'cart': credentials: a credential must name a variable, "
        "and secrets are never written into this file; "
        'write "env:RECONCILER_SECRET_..." and put the secret into that variable'
    )


def test_a_missing_secret_names_its_variable():
    """The variable's name is no secret, and is what somebody has to set."""
    assert complaint(CREDENTIALS.replace("VALUE", '"env:RECONCILER_SECRET_OTHER"')) == (
        "channels.toml:11: connection 'cart': credentials: the variable RECONCILER_SECRET_OTHER is not set; "
        "set RECONCILER_SECRET_OTHER, then apply again"
    )


def test_a_vendor_that_needs_no_credentials_keeps_those_it_is_given():
    """Files need none, yet a secret that is named and missing is missed all the same."""
    text = GOOD.replace('"catalog.json" }', '"catalog.json" }\n  credentials = { key = "env:VARIABLE" }')
    assert parse(text.replace("VARIABLE", "RECONCILER_SECRET_SHOP")).connections[1].credentials
    assert complaint(text.replace("VARIABLE", "RECONCILER_SECRET_NONE")) == (
        "channels.toml:18: connection 'pos': credentials: the variable RECONCILER_SECRET_NONE is not set; "
        "set RECONCILER_SECRET_NONE, then apply again"
    )


def test_a_missing_credential_shows_how_to_write_it():
    """A vendor says which credentials it needs."""
    text = CREDENTIALS.replace("  credentials = { access_token = VALUE }\n", "")
    assert complaint(text) == (
        "channels.toml:6: connection 'cart': vendor 'shop' needs the credential access_token; "
        'add: credentials = { access_token = "env:RECONCILER_SECRET_..." }'
    )


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (
            "https://me:hunter2@shop.example",
            "base_url holds a user or a password; move them to credentials",
        ),
        ("shop.example", "base_url must be an address such as https://shop.example"),
        ("file:///etc/passwd", "base_url must be an address such as https://shop.example"),
        ("https://[::1", "base_url must be an address such as https://shop.example"),
    ],
)
def test_an_address_is_checked(address, line):
    """An address is http(s) with a host, and holds no secret."""
    text = CREDENTIALS.replace("VALUE", '"env:RECONCILER_SECRET_SHOP"').replace(
        "https://shop.example", address
    )
    assert complaint(text) == f"channels.toml:10: connection 'cart': {line}"


class TestTheFileItself:
    """What is wrong with the file as a whole is one line too."""

    def complaint(self, path):
        """Return the line about the file at ``path``."""
        with pytest.raises(ConfigError) as caught:
            read_channel_file(path, vendors=VENDORS, seal=seal)
        assert str(caught.value).isprintable()
        return str(caught.value)

    def test_a_file_that_is_not_there(self, tmp_path):
        """The line repeats the path as it was given."""
        path = tmp_path / "nowhere.toml"
        assert self.complaint(path) == (
            f"{path} does not exist; name a channel file, for example channels.toml"
        )

    def test_a_folder(self, tmp_path):
        """A folder is no file."""
        assert self.complaint(tmp_path) == f"{tmp_path} is a folder; name the channel file in it"

    def test_a_path_that_cannot_be(self):
        """A path with a NUL in it is refused like any other."""
        assert self.complaint(Path("a\0b")) == (
            "a b cannot be read (not a usable path); check its path and permissions"
        )

    def test_a_file_below_a_file(self, tmp_path):
        """What the operating system says is passed on."""
        (tmp_path / "x").touch()
        path = tmp_path / "x" / "channels.toml"
        assert self.complaint(path) == (
            f"{path} cannot be read (Not a directory); check its path and permissions"
        )

    def test_a_file_in_another_encoding(self, tmp_path):
        """The line number leads to the first letter that is not UTF-8."""
        path = tmp_path / "channels.toml"
        path.write_bytes('x = 1\nname = "Café"\n'.encode("latin-1"))
        assert self.complaint(path) == f"{path}:2: this is not UTF-8; save it as UTF-8"

    def test_a_huge_file(self, tmp_path):
        """Somebody named an export by mistake; it is not read to its end."""
        path = tmp_path / "orders.jsonl"
        path.write_bytes(b"#" * (MAX_BYTES + 1))
        assert self.complaint(path) == f"{path} is larger than 1 MiB; that is no channel file"

    def test_a_byte_order_mark_and_windows_line_ends_are_understood(self, tmp_path):
        """Editors on Windows write both."""
        path = tmp_path / "channels.toml"
        path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
        assert len(read_channel_file(path, vendors=VENDORS, seal=seal).channels) == 1


def test_lines_are_found_through_strings_that_look_like_toml():
    """Brackets, quotes and comment signs inside strings and comments mislead nobody."""
    text = dedent('''
        a = """
        [[x]]
        b = 1""" # [c]
        'd.e' = ['#', "\\"]", {f = 1,
          "g\\u0041" = [[1], 2]}]
        [h."i j"]
        k.l = { m = 1 } # { n = 2
        [[o]]
        [[o]]
        p = 2026-11-20 15:00:00Z
          [o.q]
          r = -1.5
    ''')
    lines = key_lines(text)
    assert lines["a",] == 2
    assert ("b",) not in lines
    assert lines["d.e", 2, "f"] == 5
    assert lines["d.e", 2, "gA", 1] == 6
    assert lines["h", "i j", "k", "l", "m"] == 8
    assert (lines["o", 0], lines["o", 1], lines["o", 1, "p"]) == (9, 10, 11)
    assert lines["o", 1, "q", "r"] == 13


toml_scalars = st.sampled_from(
    ["1", "-1.5", "nan", "true", '"x"', "''", '"""a\nb"""', "2026-11-20", "07:30:00", "[]", "{}", '["a", 1]']
)
known_words = (
    "merchant connection channel code name kind vendor base_url options credentials cart pos mapping skus"
)
keys = st.sampled_from([*known_words.split(), "x", '"a b"', "mapping.skus", "download.payment", "timezone"])
statements = st.one_of(
    st.builds("{} = {}".format, keys, toml_scalars),
    st.builds("[[{}]]".format, keys),
    st.builds("[[merchant.{}]]".format, keys),
    st.builds("[{}]".format, keys),
    st.builds("{0} = {{ {1} = {2} }}".format, keys, keys, toml_scalars),
    st.sampled_from([*GOOD.splitlines(), SECOND_CHANNEL]),
)


@given(st.one_of(st.text(), st.lists(statements).map("\n".join)))
@example(changed('"cart.jsonl"', '""'))
@example("a.b = 1\n[[a.b.c]]")
def test_any_text_is_either_understood_or_refused_in_one_line(text):
    """No text makes the reader do anything else, whatever it holds."""
    try:
        outcome: object = parse(text).merchants
    except ConfigError as error:
        outcome = str(error)
    assert outcome
    assert not isinstance(outcome, str) or outcome.startswith("/etc/shop/channels.toml:")
    assert not isinstance(outcome, str) or outcome.isprintable()
