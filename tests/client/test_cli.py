"""The command as a person or a script meets it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rensho import (
    archive,
    bundle,
    cli,
    dsse,
    jcs,
    sign,
    statement,
    strict_base64,
    strict_json,
    times,
)
from rensho.keys import PrivateKey, PublicKey
from rensho.promises import KEY_VETO
from rensho.salted import sha256
from rensho.trust import TRUST_PAYLOAD_TYPE

from tests.client.certificates import certificate
from tests.client.deployment import BASE, DAY, HOST, HOUR, Party, World
from tests.client.refused import refused
from tests.client.responses import Answered, answered, pack

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def done() -> Answered:
    return answered()


@pytest.fixture
def folder(tmp_path: Path, done: Answered) -> Path:
    """A reader's folder: the archive, the Trust file, and its record of the request."""
    (tmp_path / "response.rensho.zip").write_bytes(pack(done.world))
    (tmp_path / "trust.json").write_bytes(done.world.trust().to_bytes())
    request = {"requestId": done.asked.request_id, "nonce": done.asked.nonce}
    (tmp_path / "request.json").write_text(json.dumps(request))
    (tmp_path / "request.txt").write_text(done.asked.disclosure + "\n")
    return tmp_path


@pytest.fixture
def rensho(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process (`test_the_command_is_a_process` starts a real one)."""
    monkeypatch.chdir(folder)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        try:
            code = cli.main(words)
        except SystemExit as why:
            code = int(why.code or 0)
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return run


def against(done: Answered) -> tuple[str, ...]:
    return (
        "--trust",
        "trust.json",
        "--audience",
        done.world.requester.org,
        "--request",
        "request.json",
        "--at",
        times.write(done.world.now),
    )


def test_the_command_is_a_process(folder: Path, done: Answered) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rensho.cli", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )

    found = run("verify", "response.rensho.zip", *against(done))
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[0] == "VALID"
    assert run("verify").returncode == 2
    assert run("monitor", "https://log.demo.example").returncode == 2


def test_verify_prints_the_six_parts_and_the_notes(rensho: Run, done: Answered) -> None:
    found = rensho("verify", "response.rensho.zip", *against(done))
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert [line.split() for line in lines[1:7]] == [
        ["signature", "VALID"],
        ["log", "VALID"],
        ["time", "VALID"],
        ["context", "VALID"],
        ["status", "NOT_REQUIRED"],
        ["content", "VALID"],
    ]
    assert "  note: T source: operator" in lines


def test_verify_tells_a_machine_the_same(rensho: Run, done: Answered) -> None:
    found = rensho("verify", "response.rensho.zip", *against(done), "--json")
    told = json.loads(found.stdout)
    assert (told["status"], told["codes"], told["parts"]["log"]) == ("VALID", [], "VALID")
    assert set(done.ids) < set(told["statements"])


def test_the_request_may_be_given_as_its_disclosure(rensho: Run, done: Answered) -> None:
    words = [*against(done)]
    words[words.index("request.json")] = "request.txt"
    assert rensho("verify", "response.rensho.zip", *words).returncode == 0


def test_invalid_and_indeterminate_have_their_own_exit_codes(
    rensho: Run, folder: Path, done: Answered
) -> None:
    words = ("--trust", "trust.json", "--any", "audience,request")
    late = ("--at", times.write(done.world.now + 300 * DAY))
    found = rensho("verify", "response.rensho.zip", *words, *late)
    assert found.returncode == 1
    assert "context.audience" in found.stdout
    (folder / "one.json").write_bytes(done.world.files[f"{done.ids[0]}.sigstore.json"])
    events = []
    for party in (done.world.supplier, done.world.requester):
        (folder / f"{party.last}.json").write_bytes(done.world.files[f"{party.last}.sigstore.json"])
        events.append(f"{party.last}.json")
    now = ("--at", times.write(done.world.now))
    found = rensho("verify", "one.json", *words, *now, "--with", *events)
    assert found.returncode == 3
    assert found.stdout.splitlines()[1].split() == ["signature", "VALID"]
    (folder / "not.zip").write_bytes(b"PK\x03\x04")
    assert rensho("verify", "not.zip", *words).returncode == 1


def test_further_expectations_are_passed_on(rensho: Run, done: Answered) -> None:
    words = ("verify", "response.rensho.zip", *against(done))
    good = ("--component", "vision-1", "--signer-role", "responsible-officer")
    assert rensho(*words, *good, "--max-age-days", "2").returncode == 0
    assert "signer.role" in rensho(*words, "--signer-role", "delegate").stdout
    assert "context.component" in rensho(*words, "--component", "x").stdout
    assert "validity.expired" in rensho(*words, "--max-age-days", "0").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--trust", "trust.json"),
        ("--trust", "trust.json", "--any", "audience"),
        ("--trust", "trust.json", "--any", "request"),
        ("--trust", "trust.json", "--any", "everything"),
        ("--trust", "trust.json", "--any", "audience,request", "--audience", "x"),
        ("--trust", "trust.json", "--any", "audience,request", "--at", "today"),
        ("--trust", "trust.json", "--any", "audience", "--request", "trust.json"),
        ("--trust", "trust.json", "--any", "audience", "--request", "response.rensho.zip"),
        ("--trust", "missing.json", "--any", "audience,request"),
        ("--trust", "request.json", "--any", "audience,request"),
        ("--trust", "trust.json", "--any", "audience,request", "--production"),
        ("--trust", "trust.json", "--any", "audience,request", "--at", "2099-01-01T00:00:00Z"),
    ],
)
def test_wrong_usage_is_told_in_one_line_and_exits_2(rensho: Run, words: tuple[str, ...]) -> None:
    found = rensho("verify", "response.rensho.zip", *words)
    assert found.returncode == 2
    assert found.stdout == ""
    assert len(found.stderr.strip().splitlines()) == 1


def test_an_enormous_file_is_not_read(rensho: Run, folder: Path) -> None:
    with (folder / "big").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    assert rensho("inspect", "big").returncode == 2


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
def test_keygen_keeps_the_key_private_and_overwrites_nothing(
    rensho: Run, folder: Path, algorithm: str
) -> None:
    found = rensho("keygen", "my.pem", "--algorithm", algorithm)
    assert found.returncode == 0
    assert stat.S_IMODE((folder / "my.pem").stat().st_mode) == 0o600
    public = PublicKey.from_pem((folder / "my.pem.pub").read_bytes())
    assert public.algorithm == algorithm
    assert found.stdout == f"key id {public.key_id}\n"
    before = (folder / "my.pem").read_bytes()
    assert rensho("keygen", "my.pem").returncode == 2
    assert (folder / "my.pem").read_bytes() == before


def prepared(folder: Path) -> tuple[PrivateKey, bytes]:
    key = PrivateKey.generate()
    (folder / "key.pem").write_bytes(key.to_pem())
    world = World()
    party = Party(key, ("requester",))
    payload = statement.build(
        BASE,
        "withdrawal",
        "0" * 64,
        {**world.common(party).to_json(), "effect": "retracted", "reason": "x"},
    )
    (folder / "statement.json").write_bytes(payload)
    return key, payload


def test_sign_makes_a_bundle_that_waits_for_the_log(rensho: Run, folder: Path) -> None:
    key, payload = prepared(folder)
    found = rensho("sign", "statement.json", "--key", "key.pem", "--out", "signed.json")
    assert found.returncode == 0
    assert dsse.statement_id(payload) in found.stderr
    made = bundle.parse((folder / "signed.json").read_bytes())
    assert made.entry is None
    assert made.envelope.open(key.public) == payload
    printed = rensho("sign", "statement.json", "--key", "key.pem").stdout
    assert bundle.parse(printed.strip().encode()).envelope.payload == payload
    assert rensho("sign", "statement.json", "--key", "key.pem", "--out", "key.pem").returncode == 2


def test_sign_refuses_what_is_not_a_statement_for_this_key(rensho: Run, folder: Path) -> None:
    prepared(folder)
    (folder / "other.pem").write_bytes(PrivateKey.generate().to_pem())
    found = rensho("sign", "statement.json", "--key", "other.pem")
    assert (found.returncode, found.stdout) == (1, "")
    assert "key.hint_mismatch" in found.stderr
    for name, data in (("list.json", b"[]"), ("empty.json", b"{}")):
        (folder / name).write_bytes(data)
        assert rensho("sign", name, "--key", "key.pem").returncode == 1
    assert rensho("sign", "statement.json", "--key", "trust.json").returncode == 1


def test_sign_answers_an_enrolment_challenge(rensho: Run, folder: Path) -> None:
    key, _ = prepared(folder)

    def challenge(key_id: str) -> None:
        made = sign.EnrolChallenge(
            origin=HOST,
            org=World().supplier.org,
            key_id=key_id,
            purpose="enrol this key",
            expiry=World().now + HOUR,
        )
        (folder / "challenge.json").write_bytes(made.to_bytes())

    challenge(key.public.key_id)
    found = rensho("sign", "challenge.json", "--key", "key.pem", "--challenge")
    envelope = dsse.Envelope.from_json(
        strict_json.loads(found.stdout.encode()), sign.ENROL_CHALLENGE
    )
    assert envelope.open(key.public) == (folder / "challenge.json").read_bytes()
    stopped = rensho("sign", "challenge.json", "--key", "key.pem", "--veto")
    assert "stops at" in stopped.stderr
    veto = dsse.Envelope.from_json(strict_json.loads(stopped.stdout.encode()), KEY_VETO)
    assert veto.open(key.public) == (folder / "challenge.json").read_bytes()
    challenge(PrivateKey.generate().public.key_id)
    assert rensho("sign", "challenge.json", "--key", "key.pem", "--challenge").returncode == 1


def test_inspect_shows_claims_and_says_that_they_are_not_verified(
    rensho: Run, folder: Path, done: Answered
) -> None:
    found = rensho("inspect", "response.rensho.zip")
    assert found.returncode == 0
    assert found.stdout.startswith("NOT VERIFIED")
    assert all(statement_id in found.stdout for statement_id in done.ids)
    value = strict_json.loads(done.world.files[f"{done.ids[0]}.sigstore.json"])
    del value["verificationMaterial"]["tlogEntries"]
    (folder / "one.json").write_bytes(jcs.dumps(value))
    assert "not logged" in rensho("inspect", "one.json").stdout
    encoded = strict_base64.encode
    value["verificationMaterial"] = {"certificate": {"rawBytes": encoded(certificate())}}
    value["dsseEnvelope"]["payload"] = encoded(b"[]")
    (folder / "one.json").write_bytes(jcs.dumps(value))
    assert "in a certificate" in rensho("inspect", "one.json").stdout
    assert rensho("inspect", "trust.json").returncode == 1


def test_trust_update_replaces_the_file_only_by_a_signed_successor(
    rensho: Run, folder: Path, done: Answered
) -> None:
    updater = PrivateKey.generate()
    old = replace(done.world.trust(), update_keys=(updater.public,))
    new = replace(old, version=2)
    (folder / "trust.json").write_bytes(old.to_bytes())

    def update(key: PrivateKey) -> int:
        envelope = dsse.sign(key, new.to_bytes(), TRUST_PAYLOAD_TYPE)
        (folder / "update.json").write_bytes(jcs.dumps(envelope.to_json()))
        return rensho("trust", "update", "update.json", "--trust", "trust.json").returncode

    (asking,) = new.deployments
    asking = replace(asking, status_max_age=HOUR)
    new = replace(new, deployments=(asking,))
    assert update(PrivateKey.generate()) == 1
    assert (folder / "trust.json").read_bytes() == old.to_bytes()
    assert update(updater) == 0
    assert (folder / "trust.json").read_bytes() == new.to_bytes()
    newest = replace(new, version=3)
    envelope = dsse.sign(updater, newest.to_bytes(), TRUST_PAYLOAD_TYPE)
    (folder / "update.json").write_bytes(jcs.dumps(envelope.to_json()))
    told = rensho("trust", "update", "update.json", "--trust", "trust.json").stdout
    assert "1 log(s), asks for a status list of the last 1:00:00" in told
    assert rensho("trust", "update", "update.json", "--trust", "trust.json").returncode == 1


def test_monitor_trusts_nobody_by_itself(rensho: Run) -> None:
    found = rensho("monitor", "https://log.demo.example")
    assert found.returncode == 2
    assert "--trust" in found.stderr


def test_a_replay_needs_a_facts_document(rensho: Run, folder: Path) -> None:
    assert rensho("replay", "missing.json").returncode == 2
    found = rensho("replay", "trust.json")
    assert found.returncode == 1
    assert "facts.malformed" in found.stderr


FACTS = (Path(__file__).parent / "facts.json").read_bytes()
"""One requester with one silent supplier."""


def test_a_replay_says_whether_the_snapshot_says_the_same(rensho: Run, folder: Path) -> None:
    (folder / "facts.json").write_bytes(FACTS)
    printed = rensho("replay", "facts.json")
    assert printed.returncode == 0
    results = json.loads(printed.stdout)
    (folder / "results.json").write_text(printed.stdout)
    found = rensho("replay", "facts.json", "--expect", "results.json")
    assert (found.returncode, found.stdout) == (0, "")
    assert "says the same" in found.stderr
    results["total"]["evidenced"] = "0.000000001"
    (folder / "results.json").write_text(json.dumps(results))
    found = rensho("replay", "facts.json", "--expect", "results.json", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["total"] != results["total"]
    assert "differs: /total/evidenced" in found.stderr


def test_an_expected_snapshot_is_a_results_document_or_an_archive_on_the_same_facts() -> None:
    facts, results = b"{}", b'{"a":1}'
    same = {f"{sha256(facts)}.facts.json": facts, f"{sha256(results)}.results.json": results}
    assert cli.expected_results(results, facts) == results
    assert cli.expected_results(archive.write(same), facts) == results
    with refused("descriptor.digest"):
        cli.expected_results(archive.write(same), b"[]")
    with refused("content.missing"):
        cli.expected_results(archive.write({f"{sha256(facts)}.facts.json": facts}), facts)
