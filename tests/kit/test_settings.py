"""Production refuses accidents; secrets may come from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.kit.settings import Settings, load, secret

GOOD: dict[str, Any] = {
    "env": "production",
    "database_url": "postgresql://admin@db/rensho",
    "broker_url": "amqp://broker",
    "predicate_base": "https://attest.kaku-kogyo.jp/attestation",
    "log_origin": "log.kaku-kogyo.jp",
}


def test_production_starts_when_everything_is_its_own() -> None:
    assert Settings(**GOOD).env == "production"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"predicate_base": "https://rensho.example/attestation"}, "domain you own"),
        ({"log_origin": "log.rensho.example"}, "domain you own"),
        ({"database_url": None}, "embedded"),
        ({"broker_url": "memory://"}, "RENSHO_BROKER_URL"),
        ({"clock": "+60"}, "RENSHO_CLOCK"),
        ({"mail_viewer": True}, "RENSHO_MAIL_VIEWER"),
    ],
)
def test_production_refuses_what_is_meant_for_the_demo(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings(**(GOOD | change))


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(env="staging")


def test_a_setting_does_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    made = Settings(**(GOOD | {"database_url": "postgresql://admin:hush@db/rensho"}))
    assert "hush" not in repr(made)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("DATABASE_URL", "postgresql://u:p@h/d", lambda s: s.database_url),
        ("BROKER_URL", "amqp://u:p@h", lambda s: s.broker_url),
        ("SMTP_URL", "smtp://u:p@h", lambda s: s.smtp_url),
    ],
)
def test_a_secret_comes_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: Any
) -> None:
    file = tmp_path / "secret"
    file.write_text(value + "\n", encoding="utf-8")
    monkeypatch.delenv(f"RENSHO_{name}", raising=False)
    monkeypatch.setenv(f"RENSHO_{name}_FILE", str(file))
    assert read(load()).get_secret_value() == value


def test_the_file_wins_over_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file", encoding="utf-8")
    monkeypatch.setenv("RENSHO_SAMPLE", "from the variable")
    assert secret("SAMPLE") == "from the variable"
    monkeypatch.setenv("RENSHO_SAMPLE_FILE", str(file))
    assert secret("SAMPLE") == "from the file"


def test_each_service_logs_in_as_its_own_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("hush", encoding="utf-8")
    made = Settings(database_url="postgresql://root:top@db:5433/rensho")
    url = made.service_url("risk", "app")
    assert (url.username, url.host, url.port, url.database) == ("risk_app", "db", 5433, "rensho")
    assert url.drivername == "postgresql+psycopg"
    monkeypatch.setenv("RENSHO_RISK_DB_PASSWORD_FILE", str(file))
    assert made.service_url("risk", "worker").password == "hush"
    monkeypatch.setenv("RENSHO_RISK_DATABASE_URL", "postgresql://other/risk")
    assert made.service_url("risk", "owner").host == "other"


def test_the_password_of_the_admin_is_not_handed_to_a_service() -> None:
    made = Settings(database_url="postgresql://root:top@db/rensho")
    assert made.service_url("risk", "app").password is None


def test_without_any_database_a_service_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RENSHO_DATABASE_URL", raising=False)
    with pytest.raises(LookupError, match="RENSHO_RISK_DATABASE_URL"):
        Settings().service_url("risk", "app")


def test_keys_and_guard_lie_outside_the_data_folder() -> None:
    made = Settings(data_dir=Path("/srv/rensho"))
    assert made.data_dir not in made.keys.parents
    assert made.guard.parent == made.keys
    assert made.mail_dir.parent == made.data_dir


def test_the_base_url_has_no_trailing_slash() -> None:
    assert Settings(public_url="https://rensho.test/").base_url == "https://rensho.test"
    assert Settings(port=9000).base_url == "http://127.0.0.1:9000"
