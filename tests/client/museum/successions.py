"""Step 11 again: how a log ends, and which log goes on after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rensho import checkpoint
from rensho.keys import PrivateKey
from rensho.succession import leaf_of, make_succession, to_bytes
from rensho.trust import Epoch

from tests.client.deployment import HOST, Log, World, enrolled
from tests.client.museum import Shown, bad, good
from tests.client.museum.logs import another_log
from tests.client.museum.scenes import (
    plain,
    shown,
)
from tests.client.responses import Answered


def succeeded() -> Answered:
    """The firms enrolled in the first log, the answer stands in the second."""
    world = enrolled()
    world.succeed()
    return plain(world)


@good("second-epoch", 11, "The first log named the second, which begins with that.")
def _() -> Shown:
    return shown(succeeded())


def epochs(done: Answered, **changes: Any) -> tuple[Epoch, ...]:
    """What Trust says of both logs, with the first bent."""
    old, new = done.world.deployment().epochs
    return replace(old, **changes), new


@bad("epoch-without-an-end", 11, "log.succession", "Trust says how a log ended.", "second-epoch")
def _() -> Shown:
    done = succeeded()
    return shown(done, epochs=epochs(done, final_checkpoint=None))


@bad(
    "epoch-nobody-named", 11, "log.succession", "A log is named by the one before.", "second-epoch"
)
def _() -> Shown:
    done = succeeded()
    return shown(done, epochs=epochs(done, succession=None))


def renamed(done: Answered, signer: PrivateKey | None = None, **changes: Any) -> Shown:
    """A succession signed for something else, or by somebody else."""
    old = done.world.past[0]
    final = checkpoint.open(old.final or b"", [old.epoch().log_note_key])
    successor = replace(done.world.log.epoch(), **changes)
    envelope = make_succession(signer or old.key, HOST, final, successor)
    return shown(done, epochs=epochs(done, succession=to_bytes(envelope)))


@bad(
    "successor-signed-by-itself",
    11,
    "log.succession",
    "A log does not name itself the successor of another.",
    "second-epoch",
)
def _() -> Shown:
    done = succeeded()
    return renamed(done, done.world.log.key)


@bad("successor-with-another-key", 11, "log.succession", "The old log named another key.")
def _() -> Shown:
    other = PrivateKey.generate("ed25519").public.raw_ed25519
    return renamed(succeeded(), key=other)


@bad("successor-with-another-clock", 11, "log.succession", "The old log named another time key.")
def _() -> Shown:
    other = PrivateKey.generate("ed25519").public.raw_ed25519
    return renamed(succeeded(), time_key=other)


@bad("succession-is-no-envelope", 11, "log.succession", "What names a successor is signed.")
def _() -> Shown:
    done = succeeded()
    return shown(done, epochs=epochs(done, succession=b"{}"))


@bad("end-is-of-another-log", 11, "log.succession", "A log ends with a note of its own.")
def _() -> Shown:
    done = succeeded()
    log = done.world.log
    return shown(done, epochs=epochs(done, final_checkpoint=log.heads[len(log.leaves)]))


@bad("end-signed-by-nobody", 11, "log.succession", "A log ends with a note its key signed.")
def _() -> Shown:
    done = succeeded()
    return shown(done, epochs=epochs(done, final_checkpoint=another_log().encode()))


@bad(
    "logged-after-the-end",
    11,
    "log.succession",
    "What an old key still signs after its log has ended is not of that log.",
    "second-epoch",
)
def _() -> Shown:
    done = succeeded()
    world = done.world
    old, new = world.past.pop(), world.log
    world.log = old
    world.key_event(world.supplier, "confirm")
    world.past, world.log = [old], new
    return shown(done)


@bad(
    "fork-of-an-ended-log",
    11,
    "log.succession",
    "A stolen old key signs another, shorter tree: it is not the tree the log ended with.",
    "second-epoch",
)
def _() -> Shown:
    done = succeeded()
    world = done.world
    old = world.past[0]
    fork = Log(key=old.key, time_key=old.time_key, leaves=[*old.leaves[:1]], heads=dict(old.heads))
    mine = World(log=fork, operator=world.operator, now=world.now)
    mine.key_event(world.supplier, "confirm")
    world.files |= mine.files
    world.opened |= mine.opened
    return shown(done)


@bad(
    "second-log-begins-otherwise",
    11,
    "log.succession",
    "Leaf 0 of a log is what the log before said of it.",
    "second-epoch",
)
def _() -> Shown:
    world = enrolled()
    old = world.succeed()
    log = world.log
    final = checkpoint.open(old.final or b"", [old.epoch().log_note_key])
    other = make_succession(
        old.key, HOST, final, replace(log.epoch(), origin="e9.log.demo.example")
    )
    log.leaves[0] = leaf_of(other, old.key.public.raw_ed25519)
    world.publish()
    return shown(plain(world))
