"""Bending evidence by the thousand: a code or the same payload, never a traceback.

`fuzz(n)` runs without pytest, for whoever wants a hundred thousand:
`python -m tests.client.fuzz 100000 [seed]`.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rensho import archive, bundle, jcs, strict_json
from rensho.errors import VerificationError
from rensho.trust import Trust
from rensho.verify import Expectations, ExpectedRequest, Material, verify

from tests.client.deployment import World, enrolled
from tests.client.museum.below import chained
from tests.client.museum.scenes import plain
from tests.client.museum.seeded import seeded
from tests.client.responses import pack

_ASKING: dict[str, Any] = {"status_max_age": timedelta(hours=3)}


@dataclass(frozen=True)
class Target:
    """Material that is VALID as it is, and every payload somebody did sign in it."""

    data: bytes
    trust: Trust
    expect: Expectations
    now: datetime
    payload: bytes
    signed: frozenset[bytes]


def targets(seed: str = "fuzz") -> list[Target]:
    """An answer across two logs under a status list; one with a firm below; a lone bundle."""
    with seeded(seed):
        world = enrolled()
        world.succeed()
        done = plain(world)
        world.list_status()
        first = _target(pack(world), world, done.asked, **_ASKING)
        below = chained(1)
        below.world.list_status()
        second = _target(pack(below.world), below.world, below.asked, **_ASKING)
        alone = enrolled()
        name = next(name for name in alone.files if name.endswith(".sigstore.json"))
        third = _target(alone.files[name], alone, done.asked)
    return [first, second, third]


def _target(data: bytes, world: World, asked: Any, **trust: Any) -> Target:
    expect = Expectations(
        audience=world.requester.org, request=ExpectedRequest(asked.request_id, asked.nonce)
    )
    found = verify(Material(data), world.trust(**trust), expect, world.now)
    payloads = frozenset(
        bundle.parse(held).envelope.payload
        for name, held in world.files.items()
        if name.endswith(".sigstore.json")
    )
    assert found.payload is not None
    assert not any(part == "INVALID" for part in found.parts.values()), found.codes
    return Target(data, world.trust(**trust), expect, world.now, found.payload, payloads)


def bent(source: random.Random, original: bytes) -> bytes:
    """One bit flipped, a piece cut out, cut off, doubled, moved, or replaced by noise."""
    at = source.randrange(len(original))
    length = source.randint(1, 64)
    match source.randrange(6):
        case 0:
            return (
                original[:at]
                + bytes([original[at] ^ 1 << source.randrange(8)])
                + original[at + 1 :]
            )
        case 1:
            return original[:at] + original[at + length :]
        case 2:
            return original[:at]
        case 3:
            return original[:at] + original[at : at + length] + original[at:]
        case 4:
            other = source.randrange(len(original))
            piece = original[other : other + length]
            return original[:at] + piece + original[at + len(piece) :]
        case _:
            return original[:at] + source.randbytes(length) + original[at + length :]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    if isinstance(value, dict):
        inside: list[Any] = list(value)
    elif isinstance(value, list):
        inside = list(range(len(value)))
    else:
        return []
    return [(value, key) for key in inside] + [
        found for key in inside for found in places(value[key])
    ]


def swapped(source: random.Random, data: bytes) -> bytes:
    """A JSON file in which two values changed places, or one went somewhere else."""
    value = strict_json.loads(data)
    found = places(value)
    if not found:
        return bent(source, data)
    (one, key), (other, place) = source.choice(found), source.choice(found)
    first, second = one[key], other[place]
    if _holds(first, other) or _holds(second, one):
        other[place] = source.choice([None, True, 0, -1, 2**53 - 1, "", "x", [], {}])
    elif source.random() < 0.5:
        one[key], other[place] = second, first
    else:
        other[place] = first
    return jcs.dumps(value)


def _holds(value: Any, container: Any) -> bool:
    return value is container or any(_holds(inner[key], container) for inner, key in places(value))


def mutant(source: random.Random, data: bytes) -> bytes:
    """Bend the whole, or one file inside and zip it anew, or put one file in place of another."""
    if not data.startswith(b"PK"):
        return source.choice([bent, swapped])(source, data)
    if source.random() < 0.2:
        return bent(source, data)
    entries = archive.read(data)
    name, other = source.choice(sorted(entries)), source.choice(sorted(entries))
    change = source.randrange(5)
    if change == 0:
        del entries[name]
    elif change == 1:
        entries[name] = entries[other]
    elif change == 2 or not name.endswith(".json"):
        entries[name] = bent(source, entries[name] or b"\0")
    else:
        entries[name] = swapped(source, entries[name])
    return archive.write(entries)


def check(target: Target, data: bytes) -> str:
    """The one law; return the status."""
    found = verify(Material(data), target.trust, target.expect, target.now)
    if found.status == "VALID":
        assert found.payload == target.payload
        assert found.codes == ()
    else:
        assert found.codes or found.notes
    assert found.payload is None or found.payload in target.signed
    return found.status


def fuzz(n: int, seed: int = 0, say: Callable[[str], object] = lambda _: None) -> Counter[str]:
    """Bend material `n` times; return how often each status was answered.

    Raises `AssertionError` where a bent file was VALID with another payload, or without a word;
    any other exception is a traceback a reader would have seen. Both name the case by (seed, k).
    """
    found: Counter[str] = Counter()
    chosen = targets()
    for k in range(n):
        source = random.Random(f"{seed}/{k}")
        target = chosen[source.randrange(len(chosen))]
        try:
            data = mutant(source, target.data)
        except VerificationError:
            found["not writable"] += 1
            continue
        try:
            found[check(target, data)] += 1
        except Exception as why:
            raise AssertionError(f"fuzz case seed={seed} k={k}") from why
        if k and k % 10_000 == 0:
            say(f"{k}: {dict(found)}")
    return found


def main(arguments: list[str]) -> int:
    count, seed = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    found = fuzz(count, seed, lambda text: sys.stdout.write(f"{text}\n"))
    sys.stdout.write(f"{count} bent files, seed {seed}: {dict(sorted(found.items()))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
