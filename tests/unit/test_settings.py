"""Settings: every one documented, every mistake one line, and no secret ever shown."""

import runpy
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler import settings as module
from reconciler.domain.errors import ConfigError
from reconciler.settings import Settings, find_addresses, load_settings, with_addresses

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Urls:
    """What the built-in services answer."""

    database_url: str = "postgresql+psycopg://reconciler@/reconciler?host=/run/x"
    redis_url: str = "unix:///run/x/valkey.sock?db=0"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No variable of whoever runs the tests counts, and no services run in the default place."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(field.alias, raising=False)
    monkeypatch.setattr(module, "default_data_dir", lambda: tmp_path / "nowhere")


def message(call, *arguments):
    """Return the one line of the ConfigError that a call ends with."""
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def nothing(_data_dir: Path) -> None:
    """Say that no services run."""


def unasked(_data_dir: Path) -> Urls:
    """Fail the test: nobody had a reason to look for services."""
    raise AssertionError


def test_the_example_file_lists_every_setting_with_its_default():
    """.env.example is what the settings class says, word for word."""
    generate = runpy.run_path(str(ROOT / "scripts/generate_env_example.py"))
    assert generate["text"]() == (ROOT / ".env.example").read_text("utf-8")
    assert generate["main"](["--check"]) == 0


@pytest.mark.parametrize("field", Settings.model_fields.values(), ids=lambda field: field.alias)
def test_every_setting_says_what_it_is_for(field):
    """A setting without a sentence, or under a name that is not upper case, cannot be found or used."""
    assert field.description.endswith(".")
    assert field.alias == field.alias.upper()


def test_everything_has_a_default():
    """An empty environment gives settings; what a command needs it asks for by itself."""
    settings = load_settings()
    assert (settings.tick_seconds, settings.lease_seconds, settings.log_level) == (5, 60, "INFO")


def test_an_empty_variable_counts_as_unset(monkeypatch):
    """`DATABASE_URL=` in a copied example is nobody's database."""
    monkeypatch.setenv("DATABASE_URL", "")
    assert load_settings().database_url is None


def test_secrets_do_not_show(monkeypatch):
    """Neither repr nor str nor a dump of the settings shows a password or a key."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hunter2@db/shop")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@broker/0")
    monkeypatch.setenv("RECONCILER_SECRET_KEYS", "hunter2")
    settings = load_settings()
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "RECONCILER_REPORT_INTERVAL_MINUTES",
            "0",
            "RECONCILER_REPORT_INTERVAL_MINUTES is not usable: Input should be greater than or equal to 1",
        ),
        (
            "RECONCILER_LEASE_SECONDS",
            "1",
            "RECONCILER_LEASE_SECONDS is not usable: Input should be greater than or equal to 5",
        ),
        (
            "RECONCILER_LOG_FORMAT",
            "xml",
            "RECONCILER_LOG_FORMAT is not usable: Input should be 'auto', 'console' or 'json'",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch, name, value, expected):
    """The line names the variable and what is allowed, and leads to the list of all."""
    monkeypatch.setenv(name, value)
    assert message(load_settings) == f"{expected}; see .env.example for every setting"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://db/shop", "postgresql+psycopg://db/shop"),
        ("postgres://db/shop", "postgresql+psycopg://db/shop"),
        ("postgresql+psycopg://db/shop", "postgresql+psycopg://db/shop"),
    ],
)
def test_every_usual_spelling_of_an_address_is_understood(monkeypatch, url, expected):
    """Platforms write the scheme in three ways, and all of them mean the driver that we ship."""
    monkeypatch.setenv("DATABASE_URL", url)
    assert load_settings().require_database_url() == expected


def test_another_database_is_refused_without_showing_the_address(monkeypatch):
    """There is one kind of database; a wrong address may hold a password, so it is not repeated."""
    monkeypatch.setenv("DATABASE_URL", "mysql://shop:hunter2@db/shop")
    assert message(load_settings().require_database_url) == (
        "DATABASE_URL is not an address of PostgreSQL; write postgresql://USER:PASSWORD@HOST/NAME"
    )


def test_another_broker_is_refused(monkeypatch):
    """An address that no broker of ours understands is refused before Celery guesses."""
    monkeypatch.setenv("REDIS_URL", "http://broker")
    assert message(load_settings().require_redis_url) == (
        "REDIS_URL is not an address of Valkey; write redis://HOST:6379/0"
    )


@pytest.mark.parametrize("name", ["database_url", "redis_url"])
def test_a_missing_address_says_what_to_set(name):
    """One line, with both ways out of it."""
    variable = name.upper()
    assert message(getattr(load_settings(), f"require_{name}")) == (
        f"{variable} is not set; set it, or RECONCILER_DATA_DIR to use the built-in services"
    )


def test_missing_keys_say_how_to_make_one(monkeypatch):
    """Keys are needed only where credentials are; then the line says where to get one."""
    monkeypatch.setenv("RECONCILER_SECRET_KEYS", " , ")
    assert message(load_settings().require_secret_keys) == (
        "RECONCILER_SECRET_KEYS is not set, and credentials are stored encrypted only; "
        "make a key with: reconciler connections new-key"
    )


def test_keys_come_newest_first(monkeypatch):
    """The order in the variable is the order of the keys; white space around them does not count."""
    monkeypatch.setenv("RECONCILER_SECRET_KEYS", "new, old")
    assert load_settings().require_secret_keys() == ("new", "old")


class TestWhichServices:
    """Which PostgreSQL and Valkey a command uses. There is never a second truth."""

    def test_the_environment_names_them(self, monkeypatch):
        """An explicit address is used as it is, and no built-in service is even looked for."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://db/shop")
        found = find_addresses(load_settings(), unasked)
        assert found.database_url.get_secret_value() == "postgresql+psycopg://db/shop"
        assert found.data_dir is None

    def test_a_data_directory_names_the_built_in_ones(self, monkeypatch, tmp_path):
        """RECONCILER_DATA_DIR is enough; a command may start them there."""
        monkeypatch.setenv("RECONCILER_DATA_DIR", str(tmp_path))
        found = find_addresses(load_settings(), nothing, lambda _: Urls())
        assert found.redis_url == SecretStr(Urls.redis_url)
        assert found.data_dir == tmp_path

    def test_a_worker_never_starts_them(self, monkeypatch, tmp_path):
        """Without a way to start them, services that do not run are one line with the command that does."""
        monkeypatch.setenv("RECONCILER_DATA_DIR", str(tmp_path))
        assert message(find_addresses, load_settings(), nothing) == (
            f"the services in {tmp_path} do not run; start them with: reconciler services up"
        )

    @pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
    def test_two_truths_are_refused(self, monkeypatch, tmp_path, name):
        """An address beside a data directory would split the orders between two databases."""
        monkeypatch.setenv("RECONCILER_DATA_DIR", str(tmp_path))
        monkeypatch.setenv(name, "postgresql://db/shop")
        assert message(find_addresses, load_settings(), nothing) == (
            f"{name} and RECONCILER_DATA_DIR are both set, and they name two places for one thing; "
            "unset one of them"
        )

    def test_services_in_the_default_place_are_found(self, monkeypatch, tmp_path):
        """After a bare `services up` the other commands need no setting at all."""
        monkeypatch.setattr(module, "default_data_dir", lambda: tmp_path)
        assert find_addresses(load_settings(), lambda _: Urls()).data_dir == tmp_path

    def test_services_in_the_default_place_are_never_started(self, monkeypatch, tmp_path):
        """A forgotten DATABASE_URL is an error, even where services once ran."""
        monkeypatch.setattr(module, "default_data_dir", lambda: tmp_path)
        assert message(find_addresses, load_settings(), nothing, lambda _: Urls()) == (
            "DATABASE_URL is not set; set it, or RECONCILER_DATA_DIR to use the built-in services"
        )

    def test_a_broker_without_a_database_is_no_reason_to_guess(self, monkeypatch, tmp_path):
        """REDIS_URL alone is half a setting, not a wish for the built-in database."""
        monkeypatch.setattr(module, "default_data_dir", lambda: tmp_path)
        monkeypatch.setenv("REDIS_URL", "redis://broker/0")
        assert message(find_addresses, load_settings(), lambda _: Urls()).startswith(
            "DATABASE_URL is not set"
        )

    def test_settings_with_addresses_can_be_asked_again(self, monkeypatch, tmp_path):
        """Once known, the addresses stand in the settings as if the environment had named them."""
        monkeypatch.setenv("RECONCILER_DATA_DIR", str(tmp_path))
        known = with_addresses(load_settings(), lambda _: Urls())
        assert known.require_database_url() == Urls.database_url
        assert with_addresses(known, unasked).require_redis_url() == Urls.redis_url

    def test_root_has_a_place_for_data(self, monkeypatch):
        """Root's services live where services live; a user's live beside the work."""
        monkeypatch.undo()
        monkeypatch.setattr("os.geteuid", lambda: 0)
        assert module.default_data_dir() == Path("/var/lib/reconciler")
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        assert module.default_data_dir() == Path(".reconciler")
