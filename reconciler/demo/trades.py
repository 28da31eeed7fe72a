"""The three merchants of the demo world: what they sell, to whom, in which money, and at which hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Article:
    """Something on sale. ``price`` is in minor units."""

    sku: str
    name: str
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Where a merchant's customers get their names and phones from."""

    given: Sequence[str]
    family: Sequence[str]
    dialling: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One merchant, with one channel from its web shop to its POS."""

    code: str
    name: str
    timezone: str
    currency: str
    articles: tuple[Article, ...]
    #: Delivery methods with their fee in minor units.
    shipping: Mapping[str, int]
    tax_per_mille: int
    people: People
    location: str
    elsewhere: str
    first_number: int
    #: How each side decorates an order number.
    cart_style: str
    pos_style: str
    courier: str
    #: Share of the day's orders by local hour; hours that are not named get 1.
    busy: Mapping[int, int]
    #: Cart words that the POS spells differently.
    sku_map: Mapping[str, str] = field(default_factory=dict)
    shipping_map: Mapping[str, str] = field(default_factory=dict)
    cart_file: str = "cart.jsonl"
    #: The POS tells when a register fetched a record.
    tells_register: bool = True
    #: In how many of a thousand orders the customer adds a tip.
    tips_per_mille: int = 0
    #: Smallest coin, where it is larger than the minor unit.
    coin: int = 1

    @property
    def channel(self) -> str:
        """The name of its channel."""
        return f"{self.code}-web"

    def connection(self, side: str) -> str:
        """Return the name of a side's connection."""
        return f"{self.code}-{side}"


FLORIST: Final = Trade(
    code="alward",
    name="Al Ward Flowers",
    timezone="Asia/Kuwait",
    currency="KWD",
    articles=(
        Article("ROSE-12", "Dozen red roses", 12_500),
        Article("ROSE-24", "Two dozen roses", 22_750),
        Article("LILY-6", "Six white lilies", 8_250),
        Article("TULIP-20", "Twenty tulips", 9_900),
        Article("ORCHID-W", "White orchid in a pot", 14_375),
        Article("VASE-S", "Small glass vase", 4_500),
        Article("CARD", "Greeting card", 750),
        Article("00123", "Chocolates, small box", 3_125),
        Article("BOUQUET-XL", "Grand bouquet", 35_000),
    ),
    shipping={"Local delivery": 1_500, "Courier": 2_250, "Store pickup": 0},
    tax_per_mille=0,
    people=People(
        given="Fatima Yusuf Noor Khalid Dana Omar Layla Hamad Reem Bader Sara José Anita Mariam".split(),
        family="Al-Sabah Al-Mutairi Haddad Mansour Al-Rashid Qureshi D'Souza Khan Pereira Farah".split(),
        dialling="+965",
        digits=8,
    ),
    location="Salmiya",
    elsewhere="Warehouse",
    first_number=30_211,
    cart_style="#{}",
    pos_style="{}",
    courier="Aramex",
    busy={9: 3, 10: 5, 11: 5, 16: 4, 17: 6, 18: 7, 19: 6, 20: 4},
    sku_map={"BOUQUET-XL": "BQ-GRAND"},
)

RESTAURANT: Final = Trade(
    code="menya",
    name="Menya Hoshi",
    timezone="Asia/Tokyo",
    currency="JPY",
    articles=(
        Article("RAMEN-SHIO", "Shio ramen", 980),
        Article("RAMEN-MISO", "Miso ramen", 1_080),
        Article("TSUKEMEN", "Tsukemen", 1_150),
        Article("GYOZA-6", "Six gyoza", 480),
        Article("KARAAGE", "Karaage", 620),
        Article("0042", "Seasoned egg", 130),
        Article("RICE", "Rice", 180),
        Article("TEA-OOLONG", "Oolong tea", 250),
        Article("BEER-DRAFT", "Draft beer", 590),
    ),
    shipping={"Bicycle courier": 330, "Pick up at the counter": 0},
    tax_per_mille=80,
    people=People(
        given="Haruka Ren Yui Sota Aoi Kenji Mio Takumi Hana Daiki Sakura Naoki Emi Lucas".split(),
        family="Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Müller".split(),
        dialling="+81",
        digits=10,
    ),
    location="Shibuya",
    elsewhere="Shinjuku",
    first_number=880_014,
    cart_style="{}",
    pos_style="#{}",
    courier="Yamato",
    busy={11: 6, 12: 10, 13: 7, 17: 4, 18: 8, 19: 10, 20: 8, 21: 5},
    shipping_map={"Pick up at the counter": "TAKEOUT"},
    cart_file="cart.csv",
    tells_register=False,
)

RESORT: Final = Trade(
    code="firnberg",
    name="Firnberg Ski Resort",
    timezone="Europe/Zurich",
    currency="CHF",
    articles=(
        Article("PASS-1D", "Day pass, adult", 8_900),
        Article("PASS-1D-K", "Day pass, child", 4_450),
        Article("PASS-3D", "Three-day pass", 24_120),
        Article("LESSON-2H", "Group lesson, two hours", 7_533),
        Article("SKI-RENT", "Ski rental, one day", 4_235),
        Article("HELMET", "Helmet rental", 1_218),
        Article("007", "Sun cream", 1_490),
        Article("FONDUE", "Fondue evening", 5_650),
        Article("LOCKER", "Ski locker, one day", 515),
    ),
    shipping={"Pick up at the valley station": 0, "Post": 790},
    tax_per_mille=26,
    people=People(
        given="Lena Urs Nina Reto Anja Beat Chiara Luca Sophie Jonas Zoë Matteo Claire Björn".split(),
        family="Keller Meier Brunner Zürcher Favre Rossi Bernasconi Gerber O'Neill Frei Jakob".split(),
        dialling="+41",
        digits=9,
    ),
    location="Valley station",
    elsewhere="Summit kiosk",
    first_number=5_106_420,
    cart_style="{}",
    pos_style=" #{} ",
    courier="Swiss Post",
    busy={7: 6, 8: 9, 9: 7, 10: 4, 12: 3, 17: 4, 18: 5, 20: 4, 21: 4},
    tips_per_mille=60,
    coin=5,
)

TRADES: Final = (FLORIST, RESTAURANT, RESORT)
