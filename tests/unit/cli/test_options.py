"""What people may write in the options that several commands share."""

from datetime import UTC, datetime

import pytest

from reconciler.cli.options import actor_of, moment, one_of, scope
from reconciler.domain.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T15:00", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T15:00:00Z", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T17:00:00+02:00", datetime(2026, 11, 20, 15, tzinfo=UTC)),
    ],
)
def test_days_and_times_are_understood(text, expected):
    """A day begins at midnight UTC; an offset counts where there is one."""
    assert moment("--from", text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_one_line(text):
    """The line shows how to write one."""
    with pytest.raises(InputError) as caught:
        moment("--to", text)
    assert str(caught.value) == f"--to {text!r} is no time; write 2026-11-20 or 2026-11-20T15:00:00Z"


def test_values_may_be_repeated_or_listed():
    """Both habits of the command line work."""
    assert one_of("--state", ["a, b", "c"], ["a", "b", "c"]) == ["a", "b", "c"]


def test_a_value_that_is_none_is_one_line():
    """The line lists what is allowed."""
    with pytest.raises(InputError) as caught:
        one_of("--state", ["x"], ["a", "b"])
    assert str(caught.value) == "--state cannot be 'x'; allowed are: a, b"


def test_order_numbers_are_searched_without_their_decoration():
    """A person copies #1001 from a mail."""
    assert scope(None, None, None, None, " #1001", 5).search == "1001"


class TestActor:
    """Who decides is known, or asked for."""

    def test_the_named_one_counts(self, monkeypatch):
        """Somebody may act for somebody else, and says so."""
        monkeypatch.setenv("USER", "kim")
        assert actor_of("lee") == "lee"

    def test_else_the_user_who_runs_it(self, monkeypatch):
        """Behind sudo it is the person, not root."""
        monkeypatch.delenv("SUDO_USER", raising=False)
        monkeypatch.setenv("USER", "kim")
        assert actor_of(None) == "kim"
        monkeypatch.setenv("SUDO_USER", "lee")
        assert actor_of(None) == "lee"

    def test_else_it_is_asked_for(self, monkeypatch):
        """A container may run as a user without a name."""
        for name in ("SUDO_USER", "USER"):
            monkeypatch.delenv(name, raising=False)

        def nobody() -> str:
            raise KeyError("uid not found")

        monkeypatch.setattr("getpass.getuser", nobody)
        with pytest.raises(InputError) as caught:
            actor_of(None)
        assert str(caught.value) == "nobody knows who you are; say it with --actor NAME"
