"""Two histories under one log key, two witnesses, and whether both get a quorum. `make faults`.

Every witness is a process of its own with a folder on a disk, asked over HTTP, and may be killed
with -9 in between: what counts is what it answered.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from rensho import checkpoint, strict_base64
from rensho.checkpoint import NoteKey

from services.migrate import ROOT
from tests.system.rabbit import free_port
from tests.witness.logs import SomeLog

Answer = httpx2.Response
WITNESSES = 2
QUORUM = 2
_SENDERS = 8


@dataclass
class WitnessProcess:
    """One `renshod witness` on a folder and port of its own."""

    folder: Path
    logs: list[SomeLog]
    name: str
    port: int = field(default_factory=free_port)
    kills: int = 0
    _running: subprocess.Popen[str] | None = None
    key: NoteKey | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and read from its first lines who it is."""
        told = []
        for log in self.logs:
            key = strict_base64.encode(log.key.public.raw_ed25519)
            told += ["--origin", log.origin, "--log-key", key]
        own = ["--folder", self.folder, "--name", self.name, "--port", self.port]
        self._running = subprocess.Popen(
            [sys.executable, "-m", "services", "witness", *map(str, own), *told],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert self._running.stdout is not None
        lines = [self._running.stdout.readline() for _ in range(3)]
        assert all(lines), "it did not start"
        said = dict(line.split() for line in lines)
        assert said["name"] == self.name
        found = NoteKey(self.name, strict_base64.decode(said["key"]), "cosignature")
        assert self.key in (None, found), "a witness that was killed came back with another key"
        self.key = found

    def kill(self) -> None:
        """kill -9."""
        assert self._running is not None
        self._running.kill()
        self._running.wait(10)
        self.kills += 1

    def end(self) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
            self._running.wait(15)


@contextmanager
def witnesses(folder: Path, logs: list[SomeLog], count: int) -> Iterator[list[WitnessProcess]]:
    """Run `count` witnesses of `logs` while the block runs."""
    made = [WitnessProcess(folder / f"w{n}", logs, f"w{n}.example") for n in range(count)]
    try:
        for one in made:
            one.start()
        yield made
    finally:
        for one in made:
            one.end()


def ask(http: httpx2.Client, witness: WitnessProcess, log: SomeLog, old: int) -> Answer:
    """Ask as a log does: with the size it believes, and with the one it is told on a 409."""
    size = len(log.hashes)
    for _ in range(3):
        answer = http.post(f"{witness.url}/add-checkpoint", content=log.request(old))
        if answer.status_code != 409:
            break
        told = int(answer.text)
        if told == old or told > size:
            break
        old = told
    return answer


def cosigned(witness: WitnessProcess, log: SomeLog, answer: Answer) -> bool:
    """Whether the answer is a line of that witness over the newest head of that history."""
    if answer.status_code != 200:
        return False
    assert witness.key is not None
    keys = [NoteKey(log.origin, log.key.public.raw_ed25519), witness.key]
    return witness.key in checkpoint.open(log.note() + answer.content, keys).cosigned_at


def _pair(rng: random.Random, number: int) -> tuple[SomeLog, SomeLog, int]:
    """A log, and another history with the same key that leaves it somewhere before its end."""
    common = rng.randrange(9)
    base = SomeLog(f"log{number}.example").grow(common)
    left = base.forked(common).grow(rng.randrange(1, 20), "left")
    right = base.forked(common).grow(rng.randrange(1, 20), "right")
    return left, right, common


def run(n: int, *, kills: int = 0, seed: int = 7) -> dict[str, Any]:
    """Fork `n` logs, show both sides to both witnesses at once, in any order.

    Args:
        n: how many forks.
        kills: how many times a witness is killed with -9 on the way and started again.
        seed: of sizes and order.

    Returns:
        `forks`, `both_reached_quorum` (must be 0), `cosigned_by_one_witness_twice` (heads that do
        not fit, by one witness: must be 0), `one_reached_quorum`, `neither`, `kills`,
        `unanswered` (requests that died with their witness), `seconds`.
    """
    rng = random.Random(seed)
    pairs = [_pair(rng, number) for number in range(n)]
    logs = [left for left, _, _ in pairs]
    began = time.monotonic()
    with (
        TemporaryDirectory(prefix="rensho-forks-") as folder,
        httpx2.Client(trust_env=False, timeout=20) as http,
        witnesses(Path(folder), logs, WITNESSES) as watching,
        ThreadPoolExecutor(_SENDERS) as pool,
    ):
        figures = _play(pairs, watching, http, pool, rng, kills)
    return {"forks": n, **figures, "seconds": round(time.monotonic() - began, 1)}


def _play(
    pairs: list[tuple[SomeLog, SomeLog, int]],
    watching: list[WitnessProcess],
    http: httpx2.Client,
    pool: ThreadPoolExecutor,
    rng: random.Random,
    kills: int,
) -> dict[str, int]:
    counted = dict.fromkeys(
        ("both_reached_quorum", "cosigned_by_one_witness_twice", "one_reached_quorum", "neither"), 0
    )
    unanswered = 0
    deaths = sorted(rng.sample(range(len(pairs)), min(kills, len(pairs))))

    def one(witness: WitnessProcess, log: SomeLog) -> bool | None:
        try:
            return cosigned(witness, log, ask(http, witness, log, 0))
        except httpx2.TransportError:
            return None

    for number, (left, right, common) in enumerate(pairs):
        if common and rng.random() < 0.5:
            # Both witnesses saw the common beginning.
            for witness in watching:
                ask(http, witness, left.forked(common), 0)
        jobs = [(witness, side) for witness in watching for side in (left, right)]
        rng.shuffle(jobs)
        answers = [(w, side, pool.submit(one, w, side)) for w, side in jobs]
        if number in deaths:
            victim = rng.choice(watching)
            time.sleep(rng.random() * 0.02)
            victim.kill()
            victim.start()
        found = [(w.name, side is left, future.result()) for w, side, future in answers]
        unanswered += sum(yes is None for _, _, yes in found)
        if number in deaths:
            # The log asks again, as it would.
            found += [(w.name, side is left, one(w, side)) for w, side in jobs]
        voices = {
            is_left: {name for name, side, yes in found if side is is_left and yes}
            for is_left in (True, False)
        }
        counted["cosigned_by_one_witness_twice"] += len(voices[True] & voices[False])
        reached = sum(len(names) >= QUORUM for names in voices.values())
        counted[("neither", "one_reached_quorum", "both_reached_quorum")[reached]] += 1
    return counted | {"kills": sum(w.kills for w in watching), "unanswered": unanswered}


def main() -> None:
    """Print the figures of `run` for the number of forks given."""
    import json  # noqa: PLC0415 (only as a program)

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    sys.stdout.write(json.dumps(run(count, kills=count // 20)) + "\n")


if __name__ == "__main__":
    main()
