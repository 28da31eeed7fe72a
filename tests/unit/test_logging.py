"""Logging: one line an event, and nothing personal or secret in it."""

import io
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import NotFoundError
from reconciler.logging import clean, configure, telling


@dataclass
class Order:
    """Something with a customer in it."""

    customer: str = "Ann Droid"


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@pytest.fixture(autouse=True)
def logging_put_back():
    """Leave logging to the other tests as it was."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**config)


@pytest.fixture
def logged():
    """Return what was logged as JSON, one dictionary a line."""
    stream = io.StringIO()
    configure("DEBUG", "json", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(error, cause=None):
    """Raise ``error``, because of ``cause``."""
    raise error from cause


def test_an_event_is_one_line_with_its_facts(logged):
    """Our events have a constant name, and their data in keywords."""
    structlog.get_logger("reconciler.x").info("run_finished", channel="rosebud-web", orders=3)
    (line,) = logged()
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "run_finished",
        "channel": "rosebud-web",
        "orders": 3,
        "level": "info",
        "logger": "reconciler.x",
    }


def test_a_library_speaks_through_the_same_formatter(logged):
    """One reader of the log understands everybody."""
    logging.getLogger("celery.worker").warning("lost %s", "connection")
    (line,) = logged()
    assert (line["event"], line["level"], line["logger"]) == ("lost connection", "warning", "celery.worker")


def test_what_was_bound_goes_with_every_line(logged):
    """A unit of work is bound once, and libraries' lines carry it too."""
    with structlog.contextvars.bound_contextvars(run=7):
        structlog.get_logger().info("pulled")
        logging.getLogger("psycopg").warning("slow")
    assert [line["run"] for line in logged()] == [7, 7]


@pytest.mark.parametrize(
    "key",
    "token access_token accessToken password secret client_secret authorization customer customer_name name "
    "phone email raw raw_payload body payload Set-Cookie".split(),
)
def test_values_under_telling_keys_are_replaced(logged, key):
    """Whatever a careless line logs under such a key does not appear."""
    structlog.get_logger().info("careless", **{key: "Ann Droid"})
    assert logged()[0][key] == "[redacted]"


@pytest.mark.parametrize("key", ["channel", "reference", "pos_id", "hostname", "filename", "run", "embody"])
def test_ids_are_kept(key):
    """A log that hides what it is about is of no use."""
    assert not telling(key)


def test_nested_values_are_replaced_too(logged):
    """A dictionary inside a list inside a dictionary is no hiding place."""
    structlog.get_logger().info("careless", facts={"orders": [{"reference": "1001", "phone": "+1 303"}]})
    assert logged()[0]["facts"] == {"orders": [{"reference": "1001", "phone": "[redacted]"}]}


def test_objects_become_their_types_name(logged):
    """An order's repr holds its customer, so no repr is ever logged."""
    structlog.get_logger().info("careless", order=Order(), raw_bytes=b"x", items=[Order()])
    line = logged()[0]
    assert (line["order"], line["items"]) == ("<Order>", ["<Order>"])


def test_plain_values_stay_what_they_are(logged):
    """Numbers, flags, times and enumerations are logged as they are."""
    structlog.get_logger().info(
        "x", n=1, f=1.5, b=True, none=None, t=datetime(2026, 1, 1, tzinfo=UTC), c=Colour.RED
    )
    line = logged()[0]
    assert [line[key] for key in ("n", "f", "b", "none", "c")] == [1, 1.5, True, None, "red"]
    assert line["t"] == "2026-01-01 00:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot reach postgresql://shop:hunter2@db/x", "cannot reach postgresql://[redacted]@db/x"),
        ("cannot reach redis://:hunter2@broker/0", "cannot reach redis://[redacted]@broker/0"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
        ("mail to ann.droid@example.org bounced", "mail to [redacted] bounced"),
        ("gAAAAABmZmZmZmZmZmZmZmZmZmZmZg==", "[redacted]"),
        ("two\nlines\x1b[31m", "two lines [31m"),
    ],
)
def test_secrets_inside_a_text_are_cut_out(text, expected):
    """Libraries put addresses and headers into their sentences."""
    assert clean(text) == expected


@given(st.text())
def test_any_text_becomes_one_bounded_line(text):
    """Nothing that a shop wrote can forge a second line or fill the disk."""
    cleaned = clean(text)
    assert len(cleaned) <= 503
    assert cleaned.isprintable()


def test_an_exception_is_its_type_and_its_places(logged):
    """The words of an exception, and the locals around it, may quote an order; they stay out."""
    customers: dict[str, str] = {}
    try:
        customers["Ann Droid"]
    except KeyError:
        structlog.get_logger().exception("broken")
    (line,) = logged()
    assert line["exception"] == "KeyError"
    assert line["where"][-1].startswith("tests/unit/test_logging.py:")
    assert "Ann" not in json.dumps(line)


def test_a_librarys_exception_is_cut_down_likewise(logged):
    """Celery logs the traceback of a failed task; it goes through the same formatter."""
    try:
        fail(RuntimeError("hunter2"), ValueError("Ann Droid"))
    except RuntimeError:
        logging.getLogger("celery.app.trace").exception("task failed")
    (line,) = logged()
    assert line["exception"] == "RuntimeError <- ValueError"
    assert not {"Ann", "hunter2"} & set(json.dumps(line).replace('"', " ").split())


def test_our_own_errors_keep_their_words(logged):
    """The sentence of our own error is written for a log as much as for a screen."""
    try:
        fail(NotFoundError("there is no channel 'x'", next_step="see: reconciler merchants"))
    except NotFoundError:
        structlog.get_logger().exception("refused")
    assert logged()[0]["said"] == "there is no channel 'x'; see: reconciler merchants"


def test_the_console_form_is_one_line_too():
    """On a terminal the same event is easier on the eye, and still one line."""
    stream = io.StringIO()
    configure("INFO", "console", stream)
    structlog.get_logger("reconciler").info("run_finished", reference="10\n01", customer="Ann")
    structlog.get_logger("reconciler").debug("too_fine")
    assert stream.getvalue().count("\n") == 1
    assert "run_finished" in stream.getvalue()
    assert "Ann" not in stream.getvalue()


def test_configuring_twice_does_not_log_twice(logged):
    """A command that is run inside another's process gets one line an event."""
    again = io.StringIO()
    configure("INFO", "json", again)
    structlog.get_logger().info("once")
    assert logged() == []
    assert again.getvalue().count("\n") == 1


@pytest.mark.parametrize(("wanted", "coloured"), [("", True), ("1", False)])
def test_a_terminal_that_wants_no_colour_gets_none(monkeypatch, wanted, coloured):
    """NO_COLOR, when it says anything, keeps every escape sequence out of what people read."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", wanted)
    configure("INFO", "console", terminal)
    structlog.get_logger("reconciler.test").info("pulled", channel="rosebud-web")
    assert ("\x1b" in terminal.getvalue()) is coloured
