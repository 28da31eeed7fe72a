"""The command line on a real database: what an operator types, and what comes back."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from adapters.file import FilePos
from reconciler import bootstrap
from reconciler.cli.main import run
from reconciler.domain.errors import UnreachableError
from reconciler.secrets import new_key

pytestmark = pytest.mark.integration

CHANNELS = """\
[[merchant]]
code = "rosebud"
name = "Rosebud Florist"
timezone = "America/Denver"

  [[merchant.connection]]
  name = "rosebud-cart"
  kind = "cart"
  vendor = "file"
  base_url = "cart.jsonl"

  [[merchant.connection]]
  name = "rosebud-pos"
  kind = "pos"
  vendor = "file"
  base_url = "pos.jsonl"

  [[merchant.channel]]
  name = "rosebud-web"
  cart = "rosebud-cart"
  pos = "rosebud-pos"
  send = "off"
"""
#: A customer who tries what can be tried.
HOSTILE = "[red]=HYPERLINK(1)\x1b[31m<script>"


class Result(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, for programs."""
        return json.loads(self.out)


Call = Callable[..., Result]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a channel file and two orders in the cart, of which the POS has none."""
    now = datetime.now(UTC)
    placed = (now - timedelta(hours=5)).isoformat()
    orders = [
        {
            "reference": reference,
            "placed_at": placed,
            "paid_at": placed,
            "currency": "USD",
            "total": "50.00",
            "payment_status": "paid",
            "customer": {"name": HOSTILE},
            "shipping_method": HOSTILE,
            "lines": [{"sku": "ROSE-12", "name": HOSTILE, "quantity": "1", "unit_price": "50.00"}],
        }
        for reference in ("#1001", "#1002")
    ]
    other = {
        "pos_id": "P9",
        "reference": None,
        "source": "in_store",
        "created_at": (now - timedelta(days=1)).isoformat(),
        "currency": "USD",
        "total": "1.00",
    }
    (tmp_path / "cart.jsonl").write_text("".join(json.dumps(order) + "\n" for order in orders))
    (tmp_path / "pos.jsonl").write_text(json.dumps(other) + "\n")
    (tmp_path / "channels.toml").write_text(CHANNELS)
    return tmp_path


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, shop: Path
) -> Iterator[Call]:
    """Run commands against this test's own database, from the shop's folder."""
    for name in ("RECONCILER_DATA_DIR", "REDIS_URL", "RECONCILER_SECRET_KEYS", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("RECONCILER_LOG_LEVEL", "ERROR")
    monkeypatch.setenv("USER", "kim")
    monkeypatch.chdir(shop)

    def call(*arguments: str) -> Result:
        code = run(arguments)
        return Result(code, *capsys.readouterr())

    with closing_all(monkeypatch):
        yield call
    structlog.reset_defaults()


@contextmanager
def closing_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what commands leave to the end of the process, which here goes on."""
    built: list[bootstrap.App] = []
    build = bootstrap.build

    def remembered(*arguments: Any, **options: Any) -> bootstrap.App:
        built.append(build(*arguments, **options))
        return built[-1]

    monkeypatch.setattr(bootstrap, "build", remembered)
    yield
    for wired in built:
        wired.close()


@pytest.fixture
def ran(call: Call) -> Call:
    """Likewise, with the channel applied and run once: orders 1001 and 1002 are missing."""
    assert call("apply", "channels.toml").code == 0
    assert call("run").code == 0
    return call


class TestApply:
    """`reconciler apply`: all of a file or nothing of it."""

    def test_applying_twice_changes_nothing(self, call):
        """The second time everything is as the file says already."""
        assert call("apply", "channels.toml").out.splitlines()[-1] == "4 created, 0 changed, 0 unchanged"
        assert call("apply", "channels.toml").out == "0 created, 0 changed, 4 unchanged\n"

    def test_a_dry_run_shows_and_keeps_nothing(self, call):
        """What would be created is listed, and is not there afterwards."""
        shown = call("apply", "channels.toml", "--dry-run").out
        assert "created  channel     rosebud-web" in shown
        assert shown.endswith("4 created, 0 changed, 0 unchanged; a dry run, so nothing was written\n")
        assert call("merchants").out == "no merchant yet; describe one: reconciler apply FILE\n"

    def test_a_change_names_its_fields(self, call, shop):
        """Who reviews the output sees what is different now."""
        call("apply", "channels.toml")
        (shop / "channels.toml").write_text(CHANNELS.replace("Rosebud Florist", "Rosebud"))
        changes = call("apply", "channels.toml", "--json").json["changes"]
        assert [c for c in changes if c["action"] != "unchanged"] == [
            {"action": "changed", "kind": "merchant", "name": "rosebud", "fields": ["name"]}
        ]

    def test_a_mistake_changes_nothing(self, call, shop):
        """One clear line with the place; what stood before the mistake is not applied either."""
        (shop / "channels.toml").write_text(CHANNELS + "  sned = true\n")
        result = call("apply", "channels.toml")
        assert result.code == 3
        assert result.err.startswith(
            "error: channels.toml:23: channel 'rosebud-web': unknown key 'sned'; did you"
        )
        assert result.err.count("\n") == 1
        assert call("merchants", "--json").json == []

    def test_a_missing_secret_is_one_line(self, call, shop):
        """The variable is named; nothing is applied."""
        credentials = 'base_url = "pos.jsonl"\n  credentials = { token = "env:RECONCILER_SECRET_POS" }'
        (shop / "channels.toml").write_text(CHANNELS.replace('base_url = "pos.jsonl"', credentials))
        result = call("apply", "channels.toml")
        assert result.code == 3
        assert result.err == (
            "error: channels.toml:17: connection 'rosebud-pos': credentials: "
            "the variable RECONCILER_SECRET_POS is not set; set RECONCILER_SECRET_POS, then apply again\n"
        )


class TestDatabase:
    """`reconciler db`, and every command on a database that is not as it should be."""

    def test_an_empty_database_says_what_to_run(self, call, make_database, monkeypatch):
        """Commands and the check name the one command that helps, and it does."""
        monkeypatch.setenv("DATABASE_URL", make_database())
        line = "error: the database has no tables of ours yet; run: reconciler db upgrade\n"
        assert call("queue", "list")[::2] == (6, line)
        assert call("db", "check")[::2] == (6, line)
        assert call("db", "upgrade", "--dry-run", "--json").json["before"] is None
        assert call("db", "upgrade").out.startswith("brought the tables from nothing to ")
        assert call("db", "upgrade").out.startswith("up to date at ")
        assert call("db", "check", "--json").code == 0
        assert call("queue", "list").out.endswith("0 of 0\n")

    def test_a_database_that_is_down_is_one_line(self, call, monkeypatch):
        """Whatever is asked, the line says that nobody answers, and not the password."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hunter2@localhost:1/shop")
        for arguments in (["queue", "list"], ["run"], ["apply", "channels.toml"], ["db", "upgrade"]):
            result = call(*arguments)
            assert result.code == 6
            assert result.err.startswith("error: the database does not answer (")
            assert result.err.count("\n") == 1
            assert "hunter2" not in result.err

    def test_no_database_at_all_says_what_to_set(self, call, monkeypatch):
        """A forgotten DATABASE_URL is an error, never a second truth."""
        monkeypatch.delenv("DATABASE_URL")
        monkeypatch.setattr("reconciler.settings.default_data_dir", lambda: Path("nowhere"))
        assert call("queue", "list")[::2] == (
            3,
            "error: DATABASE_URL is not set; set it, or RECONCILER_DATA_DIR to use the built-in services\n",
        )


class TestRun:
    """`reconciler run`: what it found, for a person and for a pipe."""

    def test_a_finding_is_one_line_in_a_pipe(self, call):
        """What is searched for an order number finds its whole sentence, and where to go on."""
        call("apply", "channels.toml")
        lines = call("run").out.splitlines()
        (found,) = [line for line in lines if line.startswith("1001 ")]
        assert "missing" in found
        assert "the POS does not have it." in found
        assert [line for line in lines if line != line.rstrip()] == []


class TestQueue:
    """`reconciler queue`: see orders on their way, and set them ready."""

    def test_set_ready_needs_a_reason_and_notes_who(self, ran):
        """The history says who wanted the attempt and why."""
        assert ran("queue", "set-ready", "1001").code == 2
        assert ran("queue", "set-ready", "1001", "--reason", " ").code == 2
        assert ran("queue", "set-ready", " #1001", "--reason", "the customer waits").code == 0
        (entry,) = ran("queue", "list", "--json").json["entries"]
        assert (entry["status"], entry["trigger"]) == ("ready", "admin")
        assert (entry["actor"], entry["reason"], entry["origin"]) == ("kim", "the customer waits", "cli")

    def test_what_the_report_leaves_to_fill_in_is_refused(self, ran):
        """Its commands do nothing as they are, and what they say once a person gave his words."""
        (merchant,) = ran("report", "--json").json["merchants"]
        lines = [line for found in merchant["findings"] for line in found["commands"]]
        assert len(lines) == 4
        for line in lines:
            words = shlex.split(line.replace("...", "P77"))[1:]
            assert ran(*shlex.split(line)[1:]).code == 2
            assert ran(*words, "--dry-run").out.endswith("would change 1 of 1\n")

    @pytest.mark.parametrize("more", [[], ["--dry-run"]])
    def test_what_was_only_rehearsed_is_not_in_the_log(self, ran, monkeypatch, more):
        """Who asks the log later who set an order ready finds nobody who only tried."""
        monkeypatch.setenv("RECONCILER_LOG_LEVEL", "INFO")
        assert ("set_ready" in ran("queue", "set-ready", "1001", "--reason", "x", *more).err) is not bool(
            more
        )

    def test_a_refusal_names_the_order_once(self, ran, engine):
        """Once is enough, and of several orders it says which."""
        ran("queue", "set-ready", "1001", "--reason", "x")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE queue_entries SET status = 'success', object_id = 'P1'")
        assert ran("queue", "give-up", "1002", "1001", "--reason", "x").err == (
            "error: the POS has order 1001; void it there first, if it is not wanted\n"
        )

    def test_what_is_named_twice_is_shown_once(self, ran):
        """By number and by object id it is the same order; by number and by m-number the same mismatch."""
        ran("queue", "set-ready", "1001", "--reason", "x")
        assert len(ran("queue", "show", "1001", "#1001", "--json").json) == 1
        number = ran("mismatches", "list", "--search", "1001", "--json").json["mismatches"][0]["id"]
        assert len(ran("mismatches", "show", "1001", f"m{number}", "--json").json) == 1

    def test_two_clicks_make_one_attempt(self, ran):
        """The second says that it changed nothing, and is no error."""
        first = ran("queue", "set-ready", "1001", "--reason", "x", "--json").json
        again = ran("queue", "set-ready", "1001", "--reason", "x", "--json").json
        assert [each["orders"][0]["changed"] for each in (first, again)] == [True, False]

    def test_several_are_set_ready_together_or_not_at_all(self, ran):
        """A mistyped number among them leaves all of them as they were."""
        result = ran("queue", "set-ready", "1001", "nope", "--reason", "x")
        assert result.code == 4
        assert result.err.startswith("error: there is no order 'nope' in any channel; check the number")
        assert len(result.err.splitlines()) == 1
        assert ran("queue", "list").out.endswith("0 of 0\n")
        both = ran("queue", "set-ready", "1001", "1002", "1001", "--reason", "x").out
        assert both.splitlines()[-1].startswith("changed 2 of 2; ")

    def test_a_dry_run_counts_and_keeps_nothing(self, ran):
        """The preview is the real thing, rolled back."""
        shown = ran("queue", "set-ready", "1001", "1002", "--reason", "x", "--dry-run").out
        assert shown.splitlines() == [
            "1001 (rosebud-web): would be ready for one more attempt",
            "1002 (rosebud-web): would be ready for one more attempt",
            "would change 2 of 2",
        ]
        assert ran("queue", "list").out.endswith("0 of 0\n")

    def test_an_order_that_is_there_under_another_name_is_adopted_once(self, ran):
        """The record answers the order, which then agrees; it cannot answer a second one."""
        adopted = ran("queue", "adopt", "1001", "--as", "P9", "--reason", "keyed in by Bea")
        assert (adopted.code, adopted.out.splitlines()[0]) == (0, "1001 (rosebud-web): linked to P9")
        (entry,) = ran("queue", "list", "--json").json["entries"]
        assert (entry["status"], entry["object_id"], entry["actor"]) == ("success", "P9", "kim")
        assert "was linked to it already" in ran("queue", "adopt", "1001", "--as", "P9", "--reason", "x").out
        assert "linked to P8" in ran("queue", "adopt", "1001", "--as", "P8", "--reason", "a slip").out
        assert "linked to P9" in ran("queue", "adopt", "1001", "--as", "P9", "--reason", "P8 was right?").out
        nothing = ran("queue", "adopt", "1001", "--as", " ", "--reason", "x")
        assert (nothing.code, nothing.err) == (2, "error: a POS record has an id; give it: --as POS-ID\n")
        second = ran("queue", "adopt", "1002", "--as", "P9", "--reason", "x")
        assert (second.code, second.err) == (
            5,
            "error: order 1002: POS record P9 answers order 1001; name another record\n",
        )
        assert ran("queue", "adopt", "nope", "--as", "P9", "--reason", "x").code == 4

    def test_an_order_that_is_given_up_is_closed_with_the_reason(self, ran):
        """It is never sent, its mismatch is resolved in a person's name, and another run leaves it so."""
        preview = ran("queue", "give-up", "1001", "--reason", "refunded", "--dry-run").out
        assert preview.splitlines()[-1] == "would change 1 of 1"
        assert ran("queue", "give-up", "1001", "--reason", "refunded").code == 0
        assert "was given up already" in ran("queue", "give-up", "1001", "--reason", "refunded").out
        ran("run", "--full")
        open_ones = ran("mismatches", "list", "--json").json["mismatches"]
        assert "1001" not in {one["subject"] for one in open_ones if one["state"] == "open"}
        assert [e["status"] for e in ran("queue", "list", "--json").json["entries"]] == ["failed"]

    def test_a_state_can_stand_for_the_orders_in_it(self, ran):
        """All that failed are set ready at once; names and a filter together are refused."""
        ran("queue", "give-up", "1001", "1002", "--reason", "x")
        chosen = ("queue", "set-ready", "--status", "failed", "--reason", "x")
        assert ran(*chosen, "--dry-run").out.splitlines()[-1] == "would change 2 of 2"
        assert ran(*chosen).out.splitlines()[-1].startswith("changed 2 of 2")
        assert ran(*chosen, "1001").code == 2

    def test_an_order_number_in_two_channels_asks_which(self, ran, shop):
        """A number that two shops use is never guessed."""
        (shop / "other.toml").write_text(CHANNELS.replace("rosebud", "other"))
        ran("apply", "other.toml")
        ran("run", "--channel", "other-web")
        result = ran("queue", "set-ready", "1001", "--reason", "x")
        assert (result.code, result.err) == (
            2,
            "error: order '1001' is in several channels: other-web, rosebud-web; say --channel NAME\n",
        )
        assert ran("queue", "set-ready", "1001", "--reason", "x", "--channel", "other-web").code == 0

    def test_the_list_is_filtered(self, ran):
        """By state, merchant, channel, date and part of a number."""
        ran("queue", "set-ready", "1001", "1002", "--reason", "x")
        today = datetime.now(UTC).date().isoformat()

        def found(*filters: str) -> list[str]:
            return sorted(e["reference"] for e in ran("queue", "list", "--json", *filters).json["entries"])

        assert found() == ["1001", "1002"]
        assert found("--search", "#1002") == ["1002"]
        assert found("--status", "ready", "--merchant", "rosebud", "--channel", "rosebud-web") == [
            "1001",
            "1002",
        ]
        assert found("--status", "failed,success") == []
        assert found("--flagged") == []
        assert found("--from", today) == ["1001", "1002"]
        assert found("--to", today) == []
        assert len(found("--limit", "1")) == 1

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (
                ["--state", "lost"],
                "--state cannot be 'lost'; allowed are: open, acknowledged, resolved, ignored",
            ),
            (["--from", "soon"], "--from 'soon' is no time; write 2026-11-20 or 2026-11-20T15:00:00Z"),
            (
                ["--from", "2026-11-28", "--to", "2026-11-20"],
                "--from is not before --to, so nothing can lie between them; exchange them",
            ),
        ],
    )
    def test_a_wrong_filter_is_one_line(self, call, arguments, line):
        """The line says what could be written instead."""
        assert call("mismatches", "list", *arguments)[::2] == (2, f"error: {line}\n")

    def test_waiting_for_workers_needs_work_for_them(self, ran):
        """Nothing is reconciled by somebody who meant something else."""
        result = ran("run", "--wait")
        assert (result.code, result.out) == (2, "")
        assert result.err == "error: --wait waits for workers; add --enqueue, or leave out --wait\n"

    @pytest.mark.parametrize(
        "command",
        [
            ("mismatches", "list", "--merchant"),
            ("queue", "list", "--merchant"),
            ("merchants", "--merchant"),
            ("connections", "list", "--merchant"),
            ("connections", "test", "--merchant"),
            ("mismatches", "list", "--channel"),
            ("queue", "list", "--channel"),
            ("queue", "set-ready", "--status", "failed", "--reason", "x", "--channel"),
        ],
    )
    def test_a_name_that_does_not_exist_is_not_an_empty_list(self, ran, command):
        """A slip of the keyboard must not look as if all were well."""
        result = ran(*command, "nobody")
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith(f"error: there is no {command[-1].removeprefix('--')} 'nobody'; known: ")

    def test_an_order_that_was_never_queued_is_shown_as_that(self, ran):
        """It is known from the cart, so it is not unknown; why nothing was sent, and where to go on."""
        shown = ran("queue", "show", "1001").out
        assert "status       never entered the queue\nwhy          it disagrees" in shown
        (number,) = re.findall(r"see +reconciler mismatches show (m\d+)\n", shown)
        assert "The order is paid" in ran("mismatches", "show", number).out

    @pytest.mark.parametrize(
        ("changes", "why", "records"),
        [
            ({}, "cart and POS agree, so nothing has to be sent", "P1"),
            ({"test": True}, "it is a test or a draft, or has no lines and no total", "P1"),
        ],
    )
    def test_an_order_that_needs_no_sending_says_so(self, call, shop, changes, why, records):
        """Whoever fears for an order that is well is told that it is, and where the POS has it."""
        order = json.loads((shop / "cart.jsonl").read_text().splitlines()[0])
        record = {
            "pos_id": "P1",
            "reference": "1001",
            "created_at": order["placed_at"],
            "lines": order["lines"],
        }
        (shop / "cart.jsonl").write_text(json.dumps(order | changes) + "\n")
        (shop / "pos.jsonl").write_text(json.dumps(record | {"currency": "USD", "total": "50.00"}) + "\n")
        call("apply", "channels.toml")
        call("run")
        shown = call("queue", "show", "1001").out
        assert f"why          {why}" in shown
        assert f"POS records  {records}" in shown

    @pytest.mark.parametrize(
        ("asked", "hint"),
        [
            (["nope"], "in any channel; check the number in the cart"),
            (["100"], "in any channel; there is 1001 (rosebud-web), 1002 (rosebud-web)"),
            (["P9"], "in any channel; the POS of rosebud-web has that record, and it answers no order"),
            (
                ["1001", "--channel", "other-web"],
                "in channel other-web; it is in rosebud-web: leave --channel",
            ),
        ],
    )
    def test_a_number_that_no_order_has_is_explained(self, ran, shop, asked, hint):
        """A typing error, a POS id, another channel: what would help is said, and no list that is empty."""
        other = CHANNELS.replace('"rosebud', '"other').replace(
            'send = "off"', 'send = "off"\nenabled = false'
        )
        (shop / "other.toml").write_text(other)
        ran("apply", "other.toml")
        result = ran("queue", "show", *asked)
        assert result.code == 4
        assert hint in result.err

    def test_an_entry_is_shown_with_its_attempts(self, ran, shop, engine):
        """What was sent, when, why and by whom; found by the object id too."""
        (shop / "channels.toml").write_text(CHANNELS.replace('"off"', '"auto"'))
        ran("apply", "channels.toml")
        ran("queue", "set-ready", "1001", "--reason", "the customer waits")
        ran("run")
        ((shown,),) = [ran("queue", "show", "1001", "--json").json]
        assert [(a["trigger"], a["actor"], a["reason"]) for a in shown["attempts"]] == [
            ("admin", "kim", "the customer waits")
        ]
        text = ran("queue", "show", "1001").out
        assert "admin: the customer waits" in text
        assert "kim (cli)" in text


class TestMismatches:
    """`reconciler mismatches`: what disagrees, and what people decide."""

    def test_the_list_says_what_and_who(self, ran):
        """Each row has a number to go on with."""
        found = ran("mismatches", "list", "--json").json["mismatches"]
        assert {(each["subject"], each["classification"]) for each in found} == {
            ("1001", "missing"),
            ("1002", "missing"),
        }
        assert ran("mismatches", "list").out.endswith("2 of 2\n")
        assert f"m{found[0]['id']} " in ran("mismatches", "list").out

    @pytest.mark.parametrize(
        ("verb", "state"),
        [("acknowledge", "acknowledged"), ("resolve", "resolved"), ("ignore", "ignored")],
    )
    def test_a_decision_keeps_name_and_reason(self, ran, verb, state):
        """The history is added to, and nothing in it is ever lost."""
        assert ran("mismatches", verb, "1001", "--reason", "seen", "--actor", "lee").out.endswith(
            f"1 {state}\n"
        )
        again = ran("mismatches", verb, "1001", "--reason", "seen", "--actor", "lee")
        assert (again.code, again.out.splitlines()[-1]) == (0, f"0 {state}")
        ((shown,),) = [ran("mismatches", "show", "1001", "--json").json]
        assert [(event["kind"], event["actor"], event["reason"]) for event in shown["history"]] == [
            ("opened", None, None),
            (state, "lee", "seen"),
        ]
        assert state in ran("mismatches", "show", "1001").out

    def test_closed_ones_leave_the_list(self, ran):
        """What is over is listed when it is asked for."""
        ran("mismatches", "ignore", "1001", "--reason", "x")
        assert ran("mismatches", "list").out.endswith("1 of 1\n")
        assert ran("mismatches", "list", "--state", "ignored").out.endswith("1 of 1\n")
        assert ran("mismatches", "list", "--state", "all").out.endswith("2 of 2\n")

    def test_several_are_decided_together_or_not_at_all(self, ran):
        """By order number and by the list's own numbers, mixed; a wrong one among them stops all."""
        numbers = {
            e["subject"]: f"m{e['id']}" for e in ran("mismatches", "list", "--json").json["mismatches"]
        }
        wrong = ran("mismatches", "resolve", "1001", "m999999", "--reason", "x")
        assert (wrong.code, wrong.err) == (
            4,
            "error: there is no open mismatch 'm999999'; see: reconciler mismatches list\n",
        )
        assert ran("mismatches", "list").out.endswith("2 of 2\n")
        done = ran("mismatches", "resolve", "1001", numbers["1002"], "--reason", "x", "--json").json
        assert [each["changed"] for each in done["mismatches"]] == [True, True]

    def test_a_dry_run_counts_and_keeps_nothing(self, ran):
        """The preview is the real thing, rolled back."""
        shown = ran("mismatches", "resolve", "1001", "--reason", "x", "--dry-run").out
        assert "missing): would be resolved\n" in shown
        assert shown.endswith("1 would be resolved\n")
        assert ran("mismatches", "list").out.endswith("2 of 2\n")

    def test_the_list_is_filtered(self, ran):
        """By class, urgency, merchant, channel, date and part of a number."""

        def found(*filters: str) -> list[str]:
            rows = ran("mismatches", "list", "--json", *filters).json["mismatches"]
            return sorted(each["subject"] for each in rows)

        assert found("--class", "missing", "--merchant", "rosebud") == ["1001", "1002"]
        assert found("--class", "unpaid") == []
        assert found("--severity", "urgent,normal") == ["1001", "1002"]
        assert found("--severity", "info") == []
        assert found("--search", "1002") == ["1002"]
        assert found("--from", "2020-01-01", "--to", "2020-02-01") == []


class TestConnections:
    """`reconciler merchants` and `reconciler connections`."""

    def test_merchants_show_how_their_channels_do(self, call):
        """Before and after the first run."""
        call("apply", "channels.toml")
        assert "never ran" in call("merchants").out
        call("run")
        ((shown,),) = [call("merchants", "--json").json]
        assert shown["merchant"]["code"] == "rosebud"
        assert [(c["channel"], c["last_outcome"]) for c in shown["channels"]] == [("rosebud-web", "complete")]
        assert "1h" in call("merchants").out

    def test_a_probe_that_fails_is_noted(self, call, monkeypatch):
        """The exit code tells a script, the state tells the next reader; a dry run notes nothing."""

        def unreachable(_pos: FilePos) -> str:
            raise UnreachableError("pos.jsonl is not there", next_step="export it again")

        call("apply", "channels.toml")
        monkeypatch.setattr(FilePos, "probe", unreachable)
        assert call("connections", "test", "--dry-run").code == 7
        states = [c["state"] for c in call("connections", "list", "--json").json]
        assert states == ["ok", "ok"]
        failed = call("connections", "test", "rosebud-pos")
        assert failed.code == 7
        assert failed.out.splitlines()[1] == "rosebud-pos  FAILED  pos.jsonl is not there; export it again"
        assert [c["state"] for c in call("connections", "list", "--json").json] == ["ok", "unreachable"]
        monkeypatch.setattr(FilePos, "probe", lambda _pos: "pos.jsonl")
        assert call("connections", "test", "--json").json[1]["ok"]
        assert [c["state"] for c in call("connections", "list", "--json").json] == ["ok", "ok"]

    def test_an_unknown_connection_is_one_line(self, call):
        """The line says where to look."""
        assert call("connections", "test", "nope")[::2] == (
            4,
            "error: there is no connection 'nope'; see: reconciler connections list\n",
        )

    def test_keys_are_changed_without_losing_a_credential(self, call, shop, monkeypatch):
        """New key before old, rotate, take the old one out: everything still opens, and nothing is shown."""
        credentials = 'base_url = "pos.jsonl"\n  credentials = { token = "env:RECONCILER_SECRET_POS" }'
        (shop / "channels.toml").write_text(CHANNELS.replace('base_url = "pos.jsonl"', credentials))
        monkeypatch.setenv("RECONCILER_SECRET_POS", "hunter2")
        old, new = new_key(), call("connections", "new-key").out.strip()
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", old)
        assert call("apply", "channels.toml").code == 0
        assert call("apply", "channels.toml").out == "0 created, 0 changed, 4 unchanged\n"
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", f"{new},{old}")
        assert call("connections", "rotate-keys", "--dry-run").out == (
            "would encrypt the credentials of 1 connections again\n"
        )
        assert call("connections", "rotate-keys", "--json").json["connections"] == ["rosebud-pos"]
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", new)
        assert call("apply", "channels.toml").out == "0 created, 0 changed, 4 unchanged\n"
        assert "hunter2" not in call("connections", "list", "--json").out
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", old)
        assert call("connections", "rotate-keys").code == 3


class TestDoctor:
    """`reconciler doctor`: each dependency, each remedy."""

    @pytest.fixture
    def states(self, call: Call) -> Callable[..., dict[str, str]]:
        """Return the state of each check by its name."""

        def states(*arguments: str) -> dict[str, str]:
            return {c["what"]: c["state"] for c in call("doctor", "--json", *arguments).json["checks"]}

        return states

    def test_all_is_well(self, call, ran, states, redis_url, monkeypatch):
        """A channel that has run, a database and a broker: nothing failed."""
        monkeypatch.setenv("REDIS_URL", redis_url)
        monkeypatch.setattr("reconciler.cli.checks._workers", lambda _: iter(()))
        found = states("--probe")
        assert "failed" not in found.values()
        assert {"PostgreSQL", "tables", "Valkey", "secret key", "runs of rosebud-web", "vendors"} <= set(
            found
        )

    def test_no_two_checks_have_one_name(self, call, shop, monkeypatch):
        """A monitor that keeps each check's state by its name must not mix up two of them."""
        monkeypatch.setenv("RECONCILER_DATA_DIR", str(shop / "data"))
        names = [check["what"] for check in call("doctor", "--json").json["checks"]]
        assert {"built-in PostgreSQL", "built-in Valkey"} <= set(names)
        assert len(names) == len(set(names))

    def test_a_database_that_is_down_does_not_hide_the_rest(self, call, monkeypatch):
        """Every check that can still be made is made, and the remedy stands beside each failure."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hunter2@localhost:1/shop")
        result = call("doctor")
        assert result.code == 1
        assert "FAILED" in result.out
        assert "Valkey" in result.out
        assert "hunter2" not in result.out

    def test_a_wrong_setting_is_the_first_finding(self, call, monkeypatch):
        """Without settings nothing else can be checked."""
        monkeypatch.setenv("RECONCILER_TICK_SECONDS", "soon")
        ((check,),) = [call("doctor", "--json").json["checks"]]
        assert (check["what"], check["state"]) == ("settings", "failed")

    def test_missing_keys_matter_once_something_is_encrypted(self, call, states, shop, monkeypatch):
        """No credentials, no key needed; with credentials a missing or wrong key is a failure."""
        assert states()["secret key"] == "ok"
        credentials = 'base_url = "pos.jsonl"\n  credentials = { token = "env:RECONCILER_SECRET_POS" }'
        (shop / "channels.toml").write_text(CHANNELS.replace('base_url = "pos.jsonl"', credentials))
        monkeypatch.setenv("RECONCILER_SECRET_POS", "hunter2")
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", new_key())
        call("apply", "channels.toml")
        assert states()["secret key"] == "ok"
        monkeypatch.setenv("RECONCILER_SECRET_KEYS", new_key())
        assert states()["secret key"] == "failed"
        monkeypatch.delenv("RECONCILER_SECRET_KEYS")
        assert states()["secret key"] == "failed"

    def test_stale_without_a_channel(self, call):
        """A watcher that watches nothing must not say that all is well."""
        result = call("doctor", "--stale")
        assert result.code == 1
        assert "there is no channel, so nothing is guarded" in result.out

    def test_stale_until_a_complete_run_and_again_after_2g(self, call, engine):
        """Any monitor can watch the watcher by the exit code."""
        call("apply", "channels.toml")
        assert call("doctor", "--stale").code == 1
        call("run")
        assert call("doctor", "--stale").code == 0
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE runs SET finished_at = finished_at - interval '4 hours'")
        result = call("doctor", "--stale", "--json")
        assert result.code == 1
        assert result.json["checks"][0]["detail"].endswith("ago; 2G is 4h")

    def test_stale_after_runs_that_were_not_complete(self, call, shop):
        """A run that could not read everything guards nothing."""
        call("apply", "channels.toml")
        (shop / "pos.jsonl").unlink()
        call("run")
        assert call("doctor", "--stale").code == 1

    @pytest.mark.parametrize("both", [("--stale", "--books"), ("--stale", "--probe"), ("--books", "--probe")])
    def test_a_check_that_would_be_left_out_is_an_error(self, call, both):
        """A monitor that asks two things must not hear only about one."""
        result = call("doctor", *both)
        assert (result.code, result.out) == (2, "")
        assert result.err == "error: --stale, --books and --probe do not go together; give one of them\n"

    def test_the_books_balance_or_name_who_breaks_them(self, call, ran, engine):
        """Where every paid order stands, and by the exit code whether any is in none or two places."""
        result = call("doctor", "--books", "--json")
        ((kept,), balanced) = (result.json["channels"], result.json["balanced"])
        assert (result.code, balanced, kept["channel"]) == (0, True, "rosebud-web")
        assert kept["books"]["agreed"] + kept["books"]["open_mismatch"] + kept["books"]["in_grace"] > 0
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE cart_orders SET verdict = 'missing'")
            connection.exec_driver_sql(
                "UPDATE mismatches SET state = 'resolved', closed_by = 'system', closed_at = now()"
            )
        result = call("doctor", "--books")
        assert result.code == 1
        assert "in none or two places: " in result.out
        assert "the books do not balance" in result.out

    def test_work_that_nobody_takes_is_found(self, call, states, engine):
        """A channel that has been due for long tells that beat or the workers are gone; a timer will do."""
        call("apply", "channels.toml")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE channels SET next_run_at = now() - interval '10 minutes'")
        assert states()["schedule of rosebud-web"] == "failed"
        call("run")
        assert states()["schedule"] == "ok"


def test_a_customers_name_is_text_and_nothing_else(ran):
    """Markup, formulas and control characters of a customer reach no terminal, in any command."""
    for arguments in (
        ["queue", "show", "1001"],
        ["mismatches", "list"],
        ["mismatches", "show", "1001"],
        ["mismatches", "list", "--json"],
    ):
        assert "\x1b" not in ran(*arguments).out
