"""A witness never vouches for two histories: not when raced, not when killed at a bad moment."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from rensho import checkpoint, strict_base64, times
from rensho.checkpoint import NoteKey

from services.migrate import ROOT
from services.witness import Witness, memory, running
from tests.system.forks import WitnessProcess, ask, cosigned, run, witnesses
from tests.system.rabbit import free_port
from tests.witness.logs import SomeLog

_DIES = """
import os, sys
from pathlib import Path
from rensho import strict_base64
from services.witness import memory, process

write, rename = memory._write, Path.rename

def dying(path, content):
    if path.suffix == ".checkpoint" and sys.argv[4] == "before":
        Path.rename = lambda *_: os.kill(os.getpid(), 9)
    write(path, content)
    if path.suffix == ".checkpoint":
        os.kill(os.getpid(), 9)

memory._write = dying
logs = {sys.argv[2]: strict_base64.decode(sys.argv[3])}
place = ("127.0.0.1", int(sys.argv[5]))
process.run(Path(sys.argv[1]), logs, name=None, place=place, say=lambda _: print("up", flush=True))
"""


def _dies_at(moment: str, folder: Path, log: SomeLog, body: bytes) -> None:
    """Send one request to a witness that is killed right before or after it remembers."""
    key, port = strict_base64.encode(log.key.public.raw_ed25519), str(free_port())
    process = subprocess.Popen(
        [sys.executable, "-c", _DIES, str(folder), log.origin, key, moment, port],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    with pytest.raises(httpx2.TransportError):
        httpx2.post(f"http://127.0.0.1:{port}/add-checkpoint", content=body, trust_env=False)
    assert process.wait(10) == -9


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_remembering_it_vouches_for_one_history(tmp_path: Path, moment: str) -> None:
    log = SomeLog().grow(4)
    fork = log.forked(2).grow(2, "other")
    logs = {log.origin: log.key.public.raw_ed25519}
    Witness(tmp_path, logs).close()
    _dies_at(moment, tmp_path, log, log.request(0))
    with running(tmp_path, logs) as here, httpx2.Client(trust_env=False) as http:

        def post(body: bytes) -> tuple[int, str]:
            answer = http.post(f"{here.url}/add-checkpoint", content=body)
            return answer.status_code, answer.text

        if moment == "after":
            # Nobody got a line, and yet the other history comes too late.
            assert post(fork.request(0)) == (409, "4\n")
            assert post(fork.request(4)) == (409, "4\n")
            assert post(log.request(4))[0] == 200
        else:
            assert post(fork.request(0))[0] == 200
            assert post(log.request(0)) == (409, "4\n")
            assert post(log.request(4)) == (409, "4\n")


def test_fifty_at_once_get_lines_for_one_history_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = memory._write

    def slowly(path: Path, content: bytes) -> None:
        time.sleep(0.005)
        write(path, content)

    # On a fast disk nobody meets anybody between the check and the write.
    monkeypatch.setattr(memory, "_write", slowly)
    rng = random.Random(3)
    log = SomeLog().grow(5)
    sides = [log.forked(5).grow(40, "left"), log.forked(5).grow(40, "right")]
    logs = {log.origin: log.key.public.raw_ed25519}
    jobs = [(side, rng.randrange(6, 46)) for side in range(2) for _ in range(100)]
    rng.shuffle(jobs)
    # The great sizes last: whoever comes with one first ends it for all others.
    jobs.sort(key=lambda job: job[1])
    with (
        running(tmp_path, logs) as here,
        httpx2.Client(trust_env=False, timeout=30) as http,
        ThreadPoolExecutor(50) as pool,
    ):
        http.post(f"{here.url}/add-checkpoint", content=log.request(0)).raise_for_status()

        def one(side: int, size: int) -> tuple[int, int, bytes] | None:
            old = 5
            for _ in range(20):
                body = sides[side].request(old, size)
                answer = http.post(f"{here.url}/add-checkpoint", content=body)
                if answer.status_code == 200:
                    return side, size, answer.content
                if answer.status_code != 409 or int(answer.text) in (old, *range(size + 1, 50)):
                    return None
                old = int(answer.text)
            return None

        got = [line for line in pool.map(lambda job: one(*job), jobs) if line is not None]
    assert len({side for side, _, _ in got}) == 1
    assert len(got) > 5
    keys = [NoteKey(log.origin, log.key.public.raw_ed25519), here.key]
    for side, size, line in got:
        head = checkpoint.open(sides[side].note(size) + line, keys)
        assert times.write(head.cosigned_at[here.key])


def test_no_fork_reaches_a_quorum_while_witnesses_are_killed() -> None:
    figures = run(30, kills=2)
    assert figures["both_reached_quorum"] == 0
    assert figures["cosigned_by_one_witness_twice"] == 0
    assert figures["kills"] == 2
    # Both sides of it were really tried: some forks had one winner, some tore the witnesses apart.
    assert figures["one_reached_quorum"] > 0
    assert figures["one_reached_quorum"] + figures["neither"] == 30


def test_the_command_says_who_it_is_and_keeps_it(tmp_path: Path) -> None:
    log = SomeLog().grow(3)
    with (
        witnesses(tmp_path, [log], 1) as (here,),
        httpx2.Client(trust_env=False, timeout=20) as http,
    ):
        assert cosigned(here, log, ask(http, here, log, 0))
        here.kill()
        here.start()
        shown = http.get(here.url).json()
        assert shown["name"] == "w0.example"
        assert shown["logs"][0]["size"] == 3
        second = WitnessProcess(here.folder, [log], "w0.example")
        with pytest.raises(AssertionError, match="did not start"):
            second.start()
        assert second._running is not None
        assert second._running.wait(20) == 2
