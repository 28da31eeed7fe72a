"""The page: complete in itself, sound in structure, and deaf to what customers typed."""

import base64
import hashlib
import re
from itertools import pairwise

import pytest

from reconciler.domain.verdict import Severity
from reconciler.ports.reports import Books
from reconciler.reporting import render_html
from tests.unit.reporting import sample
from tests.unit.reporting.page import Page


@pytest.fixture(scope="module")
def source():
    """The page of three merchants in which everything occurs."""
    return render_html(sample.rich_report())


@pytest.fixture(scope="module")
def page(source):
    """The same, read."""
    return Page(source)


def only(*sections) -> Page:
    """Render and read a report."""
    return Page(render_html(sample.report(*sections)))


def test_it_needs_no_network(source, page):
    """No element fetches anything, and no address is in any attribute or style."""
    fetching = {
        "audio",
        "base",
        "embed",
        "form",
        "frame",
        "iframe",
        "img",
        "link",
        "object",
        "script",
        "video",
    }
    assert fetching & {element.name for element in page.elements} == set()
    values = [value for element in page.elements for value in element.attributes.values()]
    assert [value for value in values if re.search(r"//|\burl\(|^(data|javascript|https?):", value)] == []
    assert re.findall(r"url\((?!#)|@import|expression", page.one("style").text) == []


def test_nothing_in_it_runs(page):
    """No handler, and no style attribute that the policy would have to allow."""
    names = {name for element in page.elements for name in element.attributes}
    assert [name for name in names if name.startswith("on") or name == "style"] == []


def test_the_policy_allows_this_style_sheet_and_nothing_else(page):
    """A browser that finds anything else in the file refuses it."""
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    digest = base64.b64encode(hashlib.sha256(page.one("style").text.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_ids_are_unique_and_references_lead_somewhere(page):
    """Links, labels and patterns all find what they name."""
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    named = [
        name
        for element in page.elements
        for key in ("aria-labelledby", "href")
        for name in element.attributes.get(key, "").replace("#", "").split()
    ]
    assert set(named) - set(ids) == set()
    assert set(re.findall(r"url\(#([\w-]+)\)", page.one("style").text)) <= set(ids)


@pytest.mark.parametrize("sections", [(), (sample._florist(),), (sample._florist(), sample._cafe())])
def test_headings_descend_by_one(sections):
    """A screen reader's outline has one title and no gap."""
    headings = [int(e.name[1]) for e in only(*sections).all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_landmarks_and_language_are_there(page):
    """A reader can jump: skip link, header, main, footer, named sections."""
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("main").attributes["id"] == "main"
    assert page.one("a", class_="skip").attributes["href"] == "#main"
    assert len(page.all("header")) == len(page.all("footer")) == 1
    assert all("aria-labelledby" in section.attributes for section in page.all("section"))


def test_tables_say_what_their_cells_mean(page):
    """Every table has a caption, every heading cell a scope, every row a heading."""
    assert len(page.all("table")) == len(page.all("caption"))
    assert {cell.attributes.get("scope") for cell in page.all("th")} == {"col", "row"}
    body_rows = [row for row in page.all("tr") if row.inside[-1] == "tbody"]
    assert len(body_rows) == len(page.all("th", scope="row"))


def test_the_picture_is_told_as_well(page):
    """Each picture has a name, a description, and a table that holds the same numbers."""
    pictures = page.all("svg", role="img")
    assert len(pictures) == 3
    assert len(page.all("title")) > 3
    assert len(page.all("desc")) == 3
    tables = [table for table in page.all("table") if "Orders by hour and fate" in table.text]
    counted = sum(hour.total for hour in sample._florist().hours)
    assert f"{counted:,} orders" in tables[0].text


def test_colour_is_never_alone(page):
    """Each fate but the plainest and the gravest has a pattern, and an urgent hour has its sign."""
    assert {e.attributes["id"] for e in page.all("pattern")} == {"p-repaired", "p-waiting", "p-open"}
    assert len(page.all("use", class_="sign")) == 2
    assert all(icon.attributes["aria-hidden"] == "true" for icon in page.all("svg", class_="icon"))


def test_what_customers_typed_is_text(source, page):
    """A formula, a script, markup and control characters are shown and do nothing."""
    assert "<script" not in source
    assert "\u202e" not in source
    assert "\x1b" not in source
    shown = '=HYPERLINK("http://evil.test","click")<script>alert(1)</script>\\u202egnp.exe\\x1b[31m[red]'
    assert shown in page.one("main").text


def test_every_field_is_escaped():
    """Wherever a hostile word may come from, it stays text."""
    evil = "</style></table><img src=x onerror=alert(1)>\"'&amp;"
    texts = dict.fromkeys(("reference", "sentence", "next_step", "channel", "rule"), evil)
    finding = sample.finding(1, **texts, also=(evil,), facts={evil: [evil, {evil: evil}]})
    hostile = sample.section(
        merchant=sample.merchant(code=evil, name=evil),
        groups=(sample.group(finding, count=9),),
        connections=(sample.group(finding),),
        coverage=(sample.coverage(evil, complete=False, reason=evil),),
        hours=sample.hours(),
    )
    page = only(hostile, hostile)
    assert page.all("img") == []
    assert page.one("main").text.count(evil) > 20


def test_urgent_things_come_first_and_connections_before_all():
    """The order of the page is the order in which to act."""
    page = only(sample._florist())
    parts = [section.attributes["id"] for section in page.all("section")]
    assert parts[:4] == ["m1-connections", "m1-urgent", "m1-normal", "m1-picture"]
    assert parts[4:] == ["m1-repaired", "m1-waiting", "m1-coverage", "m1-money", "m1-quarantine", "m1-books"]
    assert page.one("p", class_="verdict urgent").text.startswith("5 orders need somebody now")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (sample.section(), "Nothing needs anybody"),
        (
            sample.section(coverage=(sample.coverage(stale=True),)),
            "1 channel not read completely of late",
        ),
        (sample.section(books=Books(agreed=2, nowhere=1)), "The accounts do not balance"),
        (sample._cafe(), "Nothing is urgent, 1 order needs somebody, the accounts do not balance"),
    ],
)
def test_it_is_calm_only_where_all_was_read_and_accounted_for(section, said):
    """A report that saw nothing must not look like one that found nothing."""
    page = only(section)
    (verdict,) = [p for p in page.all("p") if "verdict" in p.attributes.get("class", "")]
    assert verdict.text == said
    assert ("agreed" in verdict.attributes["class"]) == (said == "Nothing needs anybody")


def test_the_same_report_is_the_same_page(source):
    """Two renderings can be compared, and a file that did not change need not be sent."""
    assert render_html(sample.rich_report()) == source


def test_nobody_is_named(page):
    """An order reference is enough; there is no field for a name, an e-mail or a phone."""
    assert "@" not in page.one("main").text
    assert "No customer’s name" in page.one("footer").text


def test_ten_thousand_findings_are_one_usable_page():
    """It lists what a person may read, counts them all, and does not grow with the rest."""
    source = render_html(sample.large_report(10_000))
    assert len(source) < 2_000_000
    page = Page(source)
    assert len(page.all("bdi", class_="ref")) == 2000
    more = "and 8,000 more: reconciler mismatches list --merchant rosebud --class missing --limit 10000"
    assert page.one("p", class_="more").text == more
    assert page.one("p", class_="verdict open").text.startswith("Nothing is urgent, 10,000 orders need")


def test_urgent_findings_are_listed_before_any_that_can_wait():
    """Where not all fit, what can wait is what is left out, whichever merchant it belongs to."""
    many = tuple(sample.finding(number) for number in range(3000))
    calm = sample.section(groups=(sample.group(*many, severity=Severity.NORMAL),))
    hot = sample.section(groups=(sample.group(*many[:1990]),))
    page = only(calm, hot)
    sections = page.all("section", class_="merchant")
    assert [len(re.findall(r"does not have it", section.text)) for section in sections] == [10, 1990]


def variables(css: str) -> dict[str, str]:
    """Return the custom properties of one rule."""
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css))


def luminance(colour: str) -> float:
    """Return a colour's relative luminance, as WCAG defines it."""
    parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "rule",
    [
        ".ref { display: block; overflow-wrap: break-word; }",
        "td > .plain { min-width: 17rem; }",
        ".scroll caption { max-width: calc(100vw - 3.6rem); }",
        ".scroll:has(> .chart) { direction: rtl; }",
    ],
)
def test_a_telephone_shows_what_matters(page, rule):
    """Order numbers and reasons in one piece, captions whole, and the newest hours of the picture first."""
    assert rule in page.one("style").text


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_stands_out_from_its_ground(page, scheme):
    """Contrast is at least 4.5 for every pair of text and ground, in each scheme."""
    css = page.one("style").text
    roots = [variables(rule) for rule in re.findall(r":root \{(.*?)\}", css, re.DOTALL)]
    colours = dict(zip(("light", "dark", "print"), roots, strict=True))[scheme]
    pairs = [
        (ink, ground)
        for ink in ("ink", "soft", "link", "urgent", "open", "good")
        for ground in ("paper", "page")
    ]
    pairs += [("ink", "open-wash"), ("ink", "urgent-wash"), ("soft", "open-wash"), ("urgent", "urgent-wash")]
    pairs += [("on-urgent", "urgent-fill")]
    weak = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", [0, 1, 2])
def test_bars_stand_out_from_the_paper(page, scheme):
    """Each fate's bar, by its ground or by its pattern, has a contrast of at least 3 to the paper."""
    colours = [variables(rule) for rule in re.findall(r":root \{(.*?)\}", page.one("style").text, re.DOTALL)][
        scheme
    ]
    fates = [
        ("agreed",),
        ("repaired", "repaired-figure"),
        ("waiting", "waiting-figure"),
        ("needs", "needs-figure"),
    ]
    fates += [("urgent-fill",)]
    weak = [names for names in fates if max(contrast(colours[n], colours["paper"]) for n in names) < 3]
    assert weak == []
