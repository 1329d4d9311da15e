"""Random bytes of what a verifier is given are flipped."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rensho import archive
from rensho.verify import Material, verify

from tests.client.judged import expectations
from tests.client.responses import Answered, answered, pack
from tests.faults.tally import Part, Tally

_AT_ONCE = 200


@dataclass(frozen=True)
class _Good:
    """A response that verifies, as a zip, file by file, and as a lone bundle."""

    done: Answered
    whole: bytes
    files: dict[str, bytes]
    bundle: bytes


def _good() -> _Good:
    done = answered()
    whole = pack(done.world)
    verdict = verify(Material(whole), done.world.trust(), expectations(done), done.world.now)
    assert verdict.status == "VALID", verdict.codes
    bundle = done.world.files[f"{done.ids[-1]}.sigstore.json"]
    return _Good(done, whole, dict(archive.read(whole)), bundle)


def run(tally: Tally) -> None:
    """Flip as many bytes as are left, one at a time: in the zip, in a file of it, in a bundle."""
    if not tally.more():
        return
    good = _good()
    while tally.more():
        chance = random.Random(tally.rounds)
        some = min(_AT_ONCE, tally.wanted - tally.rounds)
        counts = {"other_payloads": 0, "tracebacks": 0, "refused": 0, "still_valid": 0}
        for _ in range(some):
            counts[_one(good, chance, tally)] += 1
        tally.add(rounds=some, **counts)


def _one(good: _Good, chance: random.Random, tally: Tally) -> str:
    data = _damaged(good, chance)
    world = good.done.world
    try:
        verdict = verify(Material(data), world.trust(), expectations(good.done), world.now)
    except Exception as why:  # noqa: BLE001 (any of them is what must not happen)
        tally.note(f"{why!r:.200}")
        return "tracebacks"
    if verdict.payload not in (None, good.done.draft.payloads[-1]):
        return "other_payloads"
    return "still_valid" if verdict.status == "VALID" else "refused"


def _damaged(good: _Good, chance: random.Random) -> bytes:
    match chance.randrange(3):
        case 0:
            return _flipped(good.whole, chance)
        case 1:
            # The zip is made anew around the damage, so that it is the file that gets read.
            name = chance.choice(sorted(good.files))
            return archive.write(good.files | {name: _flipped(good.files[name], chance)})
        case _:
            return _flipped(good.bundle, chance)


def _flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :]


PART = Part(
    "fuzz",
    "a verifier never takes another payload for the one that was signed, and never falls over",
    "flipped bytes",
    100_000,
    ("other_payloads", "tracebacks"),
    run,
)
