"""Every answer of tlog-witness, and what must be on the disk before the good one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rensho import checkpoint, merkle
from rensho.checkpoint import NoteKey
from rensho.keys import PrivateKey
from starlette.testclient import TestClient

from services.kit import clock
from services.witness import Unnamed, Unusable, Witness, memory, read_logs
from services.witness.app import make_app
from tests.witness.logs import SomeLog, request


@pytest.fixture
def log() -> SomeLog:
    return SomeLog().grow(7)


@pytest.fixture
def witness(tmp_path: Path, log: SomeLog) -> Iterator[Witness]:
    made = Witness(tmp_path / "w", {log.origin: log.key.public.raw_ed25519}, "w1.example")
    yield made
    made.close()


@pytest.fixture
def http(witness: Witness) -> TestClient:
    return TestClient(make_app(witness))


def _again(witness: Witness, log: SomeLog) -> Witness:
    """The same folder in another process."""
    witness.close()
    return Witness(witness._folder, {log.origin: log.key.public.raw_ed25519})


def _cosigned(witness: Witness, log: SomeLog, note: bytes, lines: bytes) -> checkpoint.Checkpoint:
    head = checkpoint.open(
        note + lines, [NoteKey(log.origin, log.key.public.raw_ed25519), witness.key]
    )
    assert witness.key in head.cosigned_at
    return head


def test_a_head_that_grows_is_cosigned_and_remembered(
    http: TestClient, witness: Witness, log: SomeLog
) -> None:
    for old, size in [(0, 0), (0, 3), (3, 7), (7, 7)]:
        answer = http.post("/add-checkpoint", content=log.request(old, size))
        assert answer.status_code == 200, answer.text
        assert answer.text.startswith("\N{EM DASH} w1.example ")
        assert answer.text.endswith("\n")
        assert _cosigned(witness, log, log.note(size), answer.content).size == size
    assert _again(witness, log).seen()[0].size == 7


def test_lines_of_others_on_the_note_are_passed_over(
    http: TestClient, witness: Witness, log: SomeLog
) -> None:
    note = log.note()
    for number in range(25):
        stranger = PrivateKey.generate("ed25519")
        note = checkpoint.add_cosignature(note, f"x{number}.example", stranger, clock.now())
    answer = http.post("/add-checkpoint", content=request(0, [], note))
    assert answer.status_code == 200
    _cosigned(witness, log, note, answer.content)
    assert b"x1.example" not in witness.seen()[0].note


def test_an_unknown_log_is_not_found(http: TestClient, log: SomeLog) -> None:
    stranger = SomeLog("e2.log.rensho.example", log.key).grow(2)
    assert http.post("/add-checkpoint", content=stranger.request(0)).status_code == 404


def test_a_head_its_log_did_not_sign_is_forbidden(http: TestClient, log: SomeLog) -> None:
    impostor = SomeLog(log.origin).grow(7)
    assert http.post("/add-checkpoint", content=impostor.request(0)).status_code == 403


def test_another_old_size_is_a_conflict_that_tells_the_size(http: TestClient, log: SomeLog) -> None:
    http.post("/add-checkpoint", content=log.request(0, 5))
    for body in (log.request(0, 7), log.request(4, 7), log.request(6, 7), log.request(0, 3)):
        answer = http.post("/add-checkpoint", content=body)
        assert (answer.status_code, answer.text) == (409, "5\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"


def test_another_root_at_the_same_size_is_a_conflict_and_kept_as_evidence(
    http: TestClient, witness: Witness, log: SomeLog
) -> None:
    http.post("/add-checkpoint", content=log.request(0))
    fork = log.forked(3).grow(4, "other")
    answer = http.post("/add-checkpoint", content=fork.request(7))
    assert (answer.status_code, answer.text) == (409, "7\n")
    kept = list((witness._folder / "evidence").iterdir())
    assert [path.read_bytes() for path in kept] == [fork.request(7)]
    assert witness.seen()[0].root_hash == log.root()


def test_a_history_that_does_not_continue_is_unprocessable(
    http: TestClient, witness: Witness, log: SomeLog
) -> None:
    http.post("/add-checkpoint", content=log.request(0, 5))
    fork = log.forked(4).grow(4, "other")
    answer = http.post("/add-checkpoint", content=fork.request(5))
    assert answer.status_code == 422
    assert witness.seen()[0].size == 5
    assert len(list((witness._folder / "evidence").iterdir())) == 1


def test_a_proof_where_none_belongs_is_unprocessable(http: TestClient, log: SomeLog) -> None:
    answer = http.post("/add-checkpoint", content=request(0, [b"x" * 32], log.note()))
    assert answer.status_code == 422
    http.post("/add-checkpoint", content=log.request(0))
    answer = http.post("/add-checkpoint", content=request(7, [b"x" * 32], log.note()))
    assert answer.status_code == 422


def test_evidence_does_not_fill_the_disk(
    http: TestClient, witness: Witness, log: SomeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_MAX_EVIDENCE", 2)
    for number in range(4):
        body = request(0, [bytes([number]) * 32], log.note())
        assert http.post("/add-checkpoint", content=body).status_code == 422
    assert len(list((witness._folder / "evidence").iterdir())) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 00\n\n{note}",
        b"old -1\n\n{note}",
        b"new 0\n\n{note}",
        b"old 0\n\n",
        b"old 0\n{note}",
        b"old 0\nnot base64\n\n{note}",
        b"old 0\nAAAA\n\n{note}",
        b"old 0\n\xff\n\n{note}",
        b"old 8\n\n{note}",
        b"old 0" + b"\n" + b"A" * 43 + b"=" + b"\n" * 1 + b"\n{note}\n",
        b"old 0" + (b"\n" + b"A" * 43 + b"=") * 64 + b"\n\n{note}",
    ],
)
def test_what_is_no_request_is_bad(http: TestClient, log: SomeLog, body: bytes) -> None:
    answer = http.post("/add-checkpoint", content=body.replace(b"{note}", log.note()))
    assert answer.status_code == 400, answer.text


def test_a_huge_request_is_too_large_and_other_methods_are_not_there(http: TestClient) -> None:
    huge = b"x" * (memory.MAX_BODY + 1)
    assert http.post("/add-checkpoint", content=huge).status_code == 413
    assert http.get("/add-checkpoint").status_code == 405
    assert http.post("/nothing").status_code == 404


def test_a_clock_that_went_back_cosigns_nothing(
    http: TestClient, witness: Witness, log: SomeLog
) -> None:
    http.post("/add-checkpoint", content=log.request(0, 5))
    clock.configure("-60")
    try:
        answer = http.post("/add-checkpoint", content=log.request(5))
    finally:
        clock.configure(None)
    assert answer.status_code == 503
    assert witness.seen()[0].size == 5
    assert http.post("/add-checkpoint", content=log.request(5)).status_code == 200


def test_a_full_disk_cosigns_nothing(
    http: TestClient, witness: Witness, log: SomeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        assert http.post("/add-checkpoint", content=log.request(0)).status_code == 503
    assert witness.seen()[0].size == 0
    assert http.post("/add-checkpoint", content=log.request(0)).status_code == 200


def test_it_says_who_it_is_and_what_it_saw(
    http: TestClient, witness: Witness, log: SomeLog
) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    shown = http.get("/").json()
    assert NoteKey.from_vkey(shown["vkey"]) == witness.key
    assert shown["logs"] == [
        {"origin": log.origin, "size": 0, "cosigned_at": None, "checkpoint": None}
    ]
    http.post("/add-checkpoint", content=log.request(0))
    shown = http.get("/").json()
    kept = shown["logs"][0]["checkpoint"].encode()
    assert _cosigned(witness, log, kept, b"").root_hash == log.root()


def test_its_key_is_its_own_and_stays(witness: Witness, log: SomeLog) -> None:
    path = witness._folder / "witness.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert _again(witness, log).key == witness.key


def test_a_name_may_be_left_out_and_never_changes(tmp_path: Path, log: SomeLog) -> None:
    logs = {log.origin: log.key.public.raw_ed25519}
    made = Witness(tmp_path, logs)
    made.close()
    assert made.key.name.startswith("witness-")
    with pytest.raises(Unusable, match="new folder"):
        Witness(tmp_path, logs, "other.example")
    with pytest.raises(Unusable, match="no spaces"):
        Witness(tmp_path / "new", logs, "two words")


def test_two_processes_do_not_share_a_folder(witness: Witness, log: SomeLog) -> None:
    with pytest.raises(Unusable, match="another witness"):
        Witness(witness._folder, {log.origin: log.key.public.raw_ed25519})


def test_a_damaged_memory_is_not_gone_on_with(witness: Witness, log: SomeLog) -> None:
    witness.add_checkpoint(log.request(0))
    path = witness._path(log.origin)
    good = path.read_bytes()
    path.write_bytes(good.replace(b"\n7\n", b"\n6\n"))
    with pytest.raises(Unusable, match="does not verify"):
        _again(witness, log)
    path.write_bytes(log.note())
    with pytest.raises(Unusable, match="another log or key"):
        _again(witness, log)
    path.write_bytes(good)
    (witness._folder / "witness.key").rename(witness._folder / "elsewhere")
    with pytest.raises(Unusable, match="is gone"):
        _again(witness, log)


def test_a_key_open_to_others_or_of_another_kind_is_refused(tmp_path: Path, log: SomeLog) -> None:
    logs = {log.origin: log.key.public.raw_ed25519}
    Witness(tmp_path, logs).close()
    path = tmp_path / "witness.key"
    path.chmod(0o644)
    with pytest.raises(Unusable, match="chmod 600"):
        Witness(tmp_path, logs)
    path.chmod(0o600)
    path.write_bytes(PrivateKey.generate().to_pem())
    with pytest.raises(Unusable, match="Ed25519"):
        Witness(tmp_path, logs)


def test_the_logs_to_watch_are_told_without_doubt(tmp_path: Path, log: SomeLog) -> None:
    key = "FsXn1R2s5Tt8dTtcZT93ZOXCSEbN9eyB+1BEVOiAgRQ="
    assert list(read_logs(["a.example", "b.example"], [key, key], [])) == ["a.example", "b.example"]
    for origins, keys, files, why in [
        ([], [], [], "name a log"),
        (["a.example"], [], [], "one --log-key"),
        (["a.example"], ["AAAA"], [], "no origin and key"),
        (["a.example", "a.example"], [key, "A" * 43 + "="], [], "two keys"),
        ([], [], [tmp_path / "none"], "No such file"),
    ]:
        with pytest.raises(Unnamed, match=why):
            read_logs(origins, keys, files)


def test_the_empty_log_has_one_root(witness: Witness, log: SomeLog) -> None:
    witness.add_checkpoint(log.request(0, 0))
    assert witness.seen()[0].root_hash == merkle.EMPTY_ROOT
