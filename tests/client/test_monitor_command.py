"""`rensho monitor`: what it reads, what it says, and by which code it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rensho import archive, cli, dsse, jcs
from rensho.keys import PrivateKey
from rensho.monitor_state import State
from rensho.promises import PROMISE
from rensho.trust import Witness

from tests.client.deployment import HOST, World
from tests.client.monitoring import logged, other_history, promise, published
from tests.client.shown_log import TOKEN, Shown, serving


@pytest.fixture
def world() -> World:
    return published()


@pytest.fixture
def shown(world: World) -> Iterator[Shown]:
    with serving(Shown(world)) as made:
        yield made


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rensho(
    world: World,
    shown: Shown,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run `rensho monitor URL --trust trust.json …` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RENSHO_TOKEN", raising=False)
    Path("trust.json").write_bytes(world.trust().to_bytes())

    def run(*words: str, url: str = "") -> tuple[int, str, str]:
        code = cli.main(["monitor", url or shown.url, "--trust", "trust.json", *words])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_the_command_looks_once_and_remembers(world: World, rensho: Run) -> None:
    logged(world, world.supplier.key, 2)
    code, out, err = rensho("--once")
    assert (code, err) == (0, "")
    assert out.startswith(f"{HOST}  size 2  ")
    assert "hash tiles only" in out
    assert State.load(Path("rensho-monitor.json").read_bytes()).logs[HOST].size == 2


def test_the_command_shouts(world: World, shown: Shown, rensho: Run) -> None:
    logged(world, world.supplier.key, 3)
    assert rensho("--once", "--json")[0] == 0
    shown.log = other_history(world, 1, 2)
    code, out, _ = rensho("--once", "--json")
    assert code == 1
    said = json.loads(out)
    assert [one["code"] for one in said["alarms"]] == ["log.split_view"]
    assert said["size"] is None
    assert len(said["alarms"][0]["evidence"]) == 2
    code, _, err = rensho("--once")
    assert code == 1
    assert err.startswith("ALARM log.split_view: ")
    assert HOST in err


def test_the_command_says_that_it_could_not_read(shown: Shown, rensho: Run) -> None:
    shown.instead["/log/checkpoint"] = (500, b"")
    assert rensho("--once")[0] == 2
    shown.instead.clear()
    assert rensho("--once")[0] == 0
    shown.instead["/log/checkpoint"] = (500, b"")
    code, out, err = rensho("--once")
    assert code == 2
    assert "could not be read" in err
    assert out == ""


def test_the_command_knows_my_statements_by_id_by_file_and_by_archive(
    world: World, rensho: Run
) -> None:
    key = world.supplier.key
    mine = ("--key-id", key.public.key_id, "--token", TOKEN, "--once")
    ids = [world.record((dsse.sign(key, b"{%d}" % n), key))[0] for n in range(4)]
    files = [world.files[f"{one}.sigstore.json"] for one in ids]
    assert rensho(*mine)[0] == 1
    Path("one.sigstore.json").write_bytes(files[1])
    Path("two.zip").write_bytes(
        archive.write({f"{ids[2]}.sigstore.json": files[2], "checkpoint.txt": b"x"})
    )
    Path("list.txt").write_text(f"{ids[3]}\n")
    known = ("--known", ids[0], "one.sigstore.json", "two.zip", "list.txt")
    code, _, err = rensho(*mine, *known)
    assert (code, err) == (0, "")


def test_the_command_takes_its_token_from_anywhere(
    world: World, rensho: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged(world, world.supplier.key)
    key_id = world.supplier.key.public.key_id
    world.now = datetime.now(UTC)
    witness = PrivateKey.generate("ed25519")
    world.witnesses = (Witness("w.example", witness.public.raw_ed25519),)
    Path("w.pem").write_bytes(witness.to_pem())
    Path("token").write_text(f"{TOKEN}\n")
    for how in (
        ("--token", TOKEN),
        ("--token-file", "token"),
        ("--witness-key", "w.pem", "--witness-name", "w.example"),
    ):
        Path("rensho-monitor.json").unlink(missing_ok=True)
        code, _, err = rensho("--once", "--key-id", key_id, *how)
        assert code == 1
        assert "key.unknown_statement" in err
    monkeypatch.setenv("RENSHO_TOKEN", TOKEN)
    assert rensho("--once", "--key-id", key_id)[0] == 1
    monkeypatch.delenv("RENSHO_TOKEN")
    Path("rensho-monitor.json").unlink()
    for bad in ("none", "w.pem"):
        Path("w.pem").write_bytes(b"\xff")
        code, _, err = rensho("--once", "--token-file", bad)
        assert code == 2
        assert "no access token" in err


def test_the_command_checks_promises(world: World, rensho: Run) -> None:
    late = promise(world, "cd" * 32, include_by=world.now)
    signed = dsse.sign(world.operator.key, late.to_bytes(), PROMISE)
    Path("p.promise.json").write_bytes(jcs.dumps(signed.to_json()))
    code, _, err = rensho("--once", "--promise", "p.promise.json")
    assert code == 1
    assert "promise.missed" in err
    for key in (world.supplier.key, world.risk):
        foreign = dsse.sign(key, late.to_bytes(), PROMISE)
        Path("f.json").write_bytes(jcs.dumps(foreign.to_json()))
        code, _, err = rensho("--once", "--promise", "f.json")
        assert code == 2
        assert "no operator key" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--key-id", "x"), "needs entry tiles"),
        (("--witness-key", "trust.json"), "together"),
        (("--known", "nothing"), "No such file"),
        (("--known", "words"), "no list of statement ids"),
        (("--known", "trust.json"), "trust.json: "),
        (("--promise", "trust.json"), "trust.json: "),
        (("--state", "words"), "words: "),
        (("--state", "no/folder/state"), "No such file"),
    ],
)
def test_a_wrong_command_line_is_explained(rensho: Run, words: tuple[str, ...], why: str) -> None:
    Path("words").write_text("these are words\n")
    code, _, err = rensho("--once", *words)
    assert code == 2
    assert why in err


def test_an_address_that_is_none_is_explained(rensho: Run) -> None:
    code, _, err = rensho("--once", url="log.example")
    assert code == 2
    assert "no http" in err


def test_the_command_goes_on_until_it_is_interrupted(
    world: World, shown: Shown, rensho: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            shown.instead["/log/checkpoint"] = (200, b"none")
        if len(naps) == 3:
            shown.instead.clear()
        if len(naps) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    code, out, err = rensho("--interval", "7")
    assert naps == [7.0] * 4
    assert code == 1
    assert err.count("ALARM") == 1
    assert out.count("size 0") == 3


def test_the_command_is_a_process(world: World, shown: Shown, rensho: Run) -> None:
    options = ("--trust", "trust.json", "--once", "--json")
    found = subprocess.run(
        [sys.executable, "-m", "rensho.cli", "monitor", shown.url, *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["origin"] == HOST
