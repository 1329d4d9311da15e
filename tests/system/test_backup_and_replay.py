"""A deployment that has done the main job: checked, damaged, saved, lost, restored, replayed."""

from __future__ import annotations

import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from services import backup as backing
from services import replaying
from services.attestation.actions import guard_file
from services.attestation.app import SequencerRefused
from services.attestation.rules.guard import Head
from services.attestation.tasks import sequencer as sequencers
from services.kit.settings import SERVICES, Settings
from services.migrate import migrate
from services.parts import databases, tables
from tests.faults import bits
from tests.faults.columns import COLUMNS, HEARD, TABLES, WORKING, evidence
from tests.faults.flips import Flipper
from tests.faults.grounds import database

pytestmark = [pytest.mark.slow]

_FLIPS = 30


@pytest.fixture(scope="module")
def lived_in(admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A deployment after the main job, which every test leaves as it was."""
    with bits.lived_in(admin_url, tmp_path_factory.mktemp("lived-in"), suppliers=4) as settings:
        assert bits.damage_of(settings) == ()
        yield settings


@pytest.fixture
def empty(admin_url: str, lived_in: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same deployment's keys on a database and a data folder that are empty."""
    with database(admin_url) as url:
        changes = {"database_url": SecretStr(url), "data_dir": tmp_path / "data"}
        yield lived_in.model_copy(update=changes)


def contents(settings: Settings, service: str) -> dict[str, list[str]]:
    """Every row of every table of a service, as text, in any order."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        return {
            table: sorted(
                str(row[0])
                for row in connection.execute(
                    sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(service, table))
                )
            )
            for table in tables(service)
        }


def test_every_column_is_evidence_or_says_why_not() -> None:
    known = {
        f"{service}.{table}.{column}"
        for service in SERVICES
        for table in tables(service)
        for column in bits.columns_of(service, table)
    }
    assert {name for name in COLUMNS if name not in known} == set()
    assert {name for name in TABLES if not any(k.startswith(f"{name}.") for k in known)} == set()
    assert sum(map(len, evidence().values())) > 100


def test_random_bits_of_the_evidence_are_found_and_located(lived_in: Settings) -> None:
    flipper = Flipper(lived_in, random.Random(_FLIPS))
    try:
        flips = [flipper.one() for _ in range(_FLIPS)]
    finally:
        flipper.close()
    assert [str(flip) for flip, located in flips if not located] == []
    assert bits.damage_of(lived_in) == ()


def test_a_backup_restores_to_the_last_byte_and_the_sequencer_goes_on(
    lived_in: Settings, empty: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar.gz"
    backing.backup(lived_in, file)
    assert file.stat().st_mode & 0o077 == 0
    backing.restore(empty, file)
    for service in SERVICES:
        assert contents(empty, service) == contents(lived_in, service), service
    assert bits.damage_of(empty) == ()
    assert lived_in.evidence_dir is not None
    assert empty.evidence_dir is not None
    kept = {p.relative_to(lived_in.evidence_dir) for p in lived_in.evidence_dir.rglob("*/*/*")}
    assert kept == {p.relative_to(empty.evidence_dir) for p in empty.evidence_dir.rglob("*/*/*")}
    again = sequencers.make(empty)
    try:
        again.start()
    finally:
        again.db.close()


def test_neither_keys_nor_guard_are_in_a_backup(lived_in: Settings, tmp_path: Path) -> None:
    backing.backup(lived_in, tmp_path / "file")
    secrets = [path.read_bytes() for path in lived_in.keys.rglob("*.key")]
    secrets.append(lived_in.guard.read_bytes())
    with tarfile.open(tmp_path / "file") as archive:
        held = [found.read() for one in archive if (found := archive.extractfile(one))]
    assert not [one for one in secrets if any(one in member for member in held)]


def test_a_restored_older_backup_makes_the_sequencer_refuse_and_say_what_to_do(
    lived_in: Settings, empty: Settings, tmp_path: Path
) -> None:
    guard = lived_in.guard.read_bytes()
    file = tmp_path / "older"
    backing.backup(lived_in, file)
    _grow(lived_in)
    try:
        backing.restore(empty, file)
        behind = sequencers.make(empty)
        with pytest.raises(SequencerRefused) as refused:
            behind.start()
        behind.db.close()
        assert refused.value.code == "guard.older_database"
        assert "renshod log succeed --after-loss" in refused.value.detail
        assert {one.kind for one in bits.damage_of(empty)} == {"guard file"}
    finally:
        lived_in.guard.write_bytes(guard)


def _grow(settings: Settings) -> None:
    """Make the guard name one leaf more than the backup holds, as one more round would."""
    head = guard_file.read(settings.guard)
    assert head is not None
    guard_file.write(settings.guard, Head(head.origin, head.size + 1, b"\1" * 32))


def test_a_database_in_use_is_not_restored_into(lived_in: Settings, tmp_path: Path) -> None:
    backing.backup(lived_in, tmp_path / "file")
    with pytest.raises(backing.BackupRefused, match="holds rows"):
        backing.restore(lived_in, tmp_path / "file")
    assert bits.damage_of(lived_in) == ()


def test_a_backup_is_not_written_over_another_file(lived_in: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("something else")
    with pytest.raises(backing.BackupRefused, match="exists already"):
        backing.backup(lived_in, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "something else"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    lived_in: Settings, empty: Settings, tmp_path: Path, where: float
) -> None:
    file = tmp_path / "file"
    backing.backup(lived_in, file)
    data = bytearray(file.read_bytes())
    data[int(len(data) * where)] ^= 0x10
    file.write_bytes(bytes(data))
    with pytest.raises(backing.BackupRefused):
        backing.restore(empty, file)
    assert empty.database_url is not None
    with psycopg.connect(empty.database_url.get_secret_value()) as connection:
        assert connection.execute("SELECT to_regclass('risk.score')").fetchone() == (None,)


def test_a_backup_of_a_newer_release_is_refused(
    lived_in: Settings, empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = backing._newest
    monkeypatch.setattr(backing, "_newest", lambda *_: "9999")
    backing.backup(lived_in, tmp_path / "file")
    monkeypatch.setattr(backing, "_newest", newest)
    with pytest.raises(backing.BackupRefused, match="newer release"):
        backing.restore(empty, tmp_path / "file")


def test_a_restore_that_broke_off_is_begun_anew(
    lived_in: Settings, empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backing.backup(lived_in, tmp_path / "file")

    def gone(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(backing, "_set_sequences", gone)
        with pytest.raises(ConnectionError):
            backing.restore(empty, tmp_path / "file")
    backing.restore(empty, tmp_path / "file")
    assert contents(empty, "attestation") == contents(lived_in, "attestation")


def test_a_rebuilt_consumer_ends_in_the_same_state(
    lived_in: Settings, empty: Settings, tmp_path: Path
) -> None:
    """On a copy: what risk heard is deleted, its inbox too, and every event is told once more."""
    backing.backup(lived_in, tmp_path / "file")
    backing.restore(empty, tmp_path / "file")
    risk = {name.partition(".")[2]: why for name, why in TABLES.items() if name[:5] == "risk."}
    heard = [name for name, why in risk.items() if why == HEARD] + ["inbox", "access_revoked"]
    before = contents(empty, "risk")
    assert empty.database_url is not None
    with psycopg.connect(empty.database_url.get_secret_value()) as connection:
        for table in heard:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("risk", table)))
    with databases(empty, "worker") as opened:
        done = replaying.replay(empty, opened, "risk")
        assert done.failed == ()
        assert (done.effects, done.before) == (len(before["inbox"]), 0)
        again = replaying.replay(empty, opened, "risk")
        assert (again.effects, again.before) == (0, len(before["inbox"]))
    after = contents(empty, "risk")
    for table in set(before) - {"inbox", *(name for name, why in risk.items() if why == WORKING)}:
        assert after[table] == before[table], table
    assert bits.damage_of(empty) == ()


def test_an_empty_database_backs_up_and_restores(
    admin_url: str, empty: Settings, lived_in: Settings, tmp_path: Path
) -> None:
    with database(admin_url) as url:
        bare = lived_in.model_copy(
            update={"database_url": SecretStr(url), "data_dir": tmp_path / "bare"}
        )
        migrate(bare)
        made = backing.backup(bare, tmp_path / "file")
        assert {one.table[0] for one in made.members} == set(SERVICES)
    assert backing.restore(empty, tmp_path / "file") == made
