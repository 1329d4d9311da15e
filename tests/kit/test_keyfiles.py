"""Keys are made once, stay closed to others, and never leave the demo."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from rensho.errors import VerificationError

from services.kit import keyfiles
from services.kit.keyfiles import UnsafeKeys
from services.kit.settings import Settings

PRODUCTION: dict[str, Any] = {
    "env": "production",
    "database_url": "postgresql://admin@db/rensho",
    "broker_url": "amqp://broker",
    "predicate_base": "https://attest.kaku-kogyo.jp/attestation",
    "log_origin": "log.kaku-kogyo.jp",
}


@pytest.fixture
def demo(tmp_path: Path) -> Settings:
    return Settings(keys_dir=tmp_path / "keys")


def test_every_key_is_made_closed_to_others(demo: Settings) -> None:
    made = keyfiles.init(demo)
    assert sorted(made) == sorted([*keyfiles.SIGNING, *keyfiles.SECRETS])
    for found in (demo.keys, *demo.keys.rglob("*")):
        mode = 0o700 if found.is_dir() else 0o600
        assert stat.S_IMODE(found.stat().st_mode) == mode


def test_each_holder_has_its_keys_in_a_folder_of_its_own(demo: Settings) -> None:
    keyfiles.init(demo)
    assert {
        holder.name: {file.stem for file in holder.glob("*.key")} for holder in demo.keys.iterdir()
    } == {
        "identity": {"token", "code"},
        "log": {"log", "time", "operator"},
        "questionnaire": {"invitation"},
        "risk": {"risk", "pseudonym", "webhook"},
    }
    assert keyfiles.risk_public_key(demo) == keyfiles.signing_key(demo, "risk").public


@pytest.mark.parametrize("holder", ["identity", "log", "questionnaire", "risk"])
def test_a_holder_needs_no_folder_but_its_own(demo: Settings, holder: str) -> None:
    keyfiles.init(demo)
    for other in {*keyfiles.HOLDERS.values()} - {holder}:
        shutil.rmtree(demo.keys / other)
    for name in (name for name, its in keyfiles.HOLDERS.items() if its == holder):
        assert keyfiles.secret_bytes(demo, name)
    if holder == "log":
        keyfiles.init_log(demo, 1)
        assert keyfiles.signing_key(demo, "log-e2").public.algorithm == "ed25519"
        assert keyfiles.risk_public_key(demo).algorithm == "ecdsa-p256"


def test_a_key_that_exists_is_never_touched(demo: Settings) -> None:
    keyfiles.init(demo)
    before = {f.name: f.read_bytes() for f in demo.keys.rglob("*.key")}
    (demo.keys / "identity" / "code.key").unlink()
    assert keyfiles.init(demo) == ["code"]
    after = {f.name: f.read_bytes() for f in demo.keys.rglob("*.key")}
    assert {n for n in before if before[n] != after[n]} == {"code.key"}


def test_signing_keys_have_the_algorithm_their_use_demands(demo: Settings) -> None:
    keyfiles.init(demo)
    for name, algorithm in keyfiles.SIGNING.items():
        assert keyfiles.signing_key(demo, name).public.algorithm == algorithm


def test_secrets_are_32_bytes_and_differ(demo: Settings) -> None:
    keyfiles.init(demo)
    read = {keyfiles.secret_bytes(demo, name) for name in keyfiles.SECRETS}
    assert len(read) == len(keyfiles.SECRETS)
    assert {len(secret) for secret in read} == {32}


def test_a_key_open_to_others_is_refused(demo: Settings) -> None:
    keyfiles.init(demo)
    (demo.keys / "identity" / "token.key").chmod(0o640)
    with pytest.raises(UnsafeKeys, match="chmod 600"):
        keyfiles.signing_key(demo, "token")


def test_a_missing_key_says_how_to_make_it(demo: Settings) -> None:
    with pytest.raises(UnsafeKeys, match="keys init"):
        keyfiles.signing_key(demo, "token")
    with pytest.raises(UnsafeKeys, match="keys init"):
        keyfiles.demo(demo)


def test_a_damaged_key_is_refused(demo: Settings) -> None:
    keyfiles.init(demo)
    (demo.keys / "identity" / "token.key").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    with pytest.raises(VerificationError):
        keyfiles.signing_key(demo, "token")


def test_production_refuses_the_keys_of_the_demo(demo: Settings) -> None:
    keyfiles.init(demo)
    production = Settings(**PRODUCTION, keys_dir=demo.keys)
    assert keyfiles.demo(production)
    for read in (keyfiles.signing_key, keyfiles.secret_bytes):
        with pytest.raises(UnsafeKeys, match="demo keys"):
            read(production, "token")


def test_production_makes_and_takes_keys_of_its_own(tmp_path: Path) -> None:
    production = Settings(**PRODUCTION, keys_dir=tmp_path / "keys")
    keyfiles.init(production)
    assert not keyfiles.demo(production)
    assert keyfiles.signing_key(production, "log").public.algorithm == "ed25519"
