"""Steps 12 and 13: promises, anchors, claimed times."""

from __future__ import annotations

from functools import partial
from typing import Any

from rensho import archive, jcs, strict_base64, strict_json
from rensho.keys import PrivateKey

from tests.client.deployment import DAY, HOUR, START, Log, enrolled
from tests.client.museum import Shown, bad
from tests.client.museum.scenes import edited, lacking, plain, resubmitted, shown
from tests.client.responses import Answered, pack


def promised(done: Answered, which: int = 0, **changes: Any) -> Shown:
    """One statement's promise, made otherwise."""
    one = done.ids[which]
    done.world.files[f"{one}.promise.json"] = done.world.promise(one, **changes)
    return shown(done)


@bad("promise-left-out", 12, "timestamp.missing", "Without any clock there is no T.")
def _() -> Shown:
    return lacking(plain(), ".promise.json")


@bad("promise-of-another-log", 12, "statement.deployment", "A promise names the log.")
def _() -> Shown:
    return promised(plain(), origin="other.example")


@bad("promise-for-another-statement", 12, "statement.deployment", "A promise names its statement.")
def _() -> Shown:
    done = plain()
    files = done.world.files
    files[f"{done.ids[0]}.promise.json"] = files[f"{done.ids[1]}.promise.json"]
    return shown(done)


@bad("promise-due-before-it-was-made", 12, "statement.schema", "A promise looks ahead.")
def _() -> Shown:
    return promised(plain(), include_by=START)


@bad("promise-by-a-stranger", 12, "key.unknown", "Only the operator promises.")
def _() -> Shown:
    done = plain()
    true_key = done.world.operator.key
    done.world.operator.key = PrivateKey.generate("ed25519")
    made = promised(done)
    done.world.operator.key = true_key
    return shown(done, files={k: v for k, v in _entries(made).items() if "promise" in k})


def _entries(made: Shown) -> dict[str, bytes]:
    assert isinstance(made.main, dict)
    return made.main


@bad("promise-bit-flipped", 12, "sig.invalid", "A promise is signed.")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        signature = value["signatures"][0]
        raw = strict_base64.decode(signature["sig"])
        signature["sig"] = strict_base64.encode(raw[:-1] + bytes([raw[-1] ^ 1]))

    done = plain()
    return edited(done, f"{done.ids[0]}.promise.json", edit)


def anchored(change: Any) -> Shown:
    return shown(resubmitted(lambda v: change(v["predicate"]["at"])))


ANCHORS: dict[str, tuple[str, str, Any]] = {
    "anchor-left-out": (
        "time.anchor_missing",
        "Without an anchor nothing bounds the time from below.",
        lambda at: at.pop("anchor"),
    ),
    "anchor-of-another-root": (
        "time.anchor_inconsistent",
        "The log had another root at that size.",
        lambda at: at["anchor"].update(rootHash="0" * 64),
    ),
    "anchor-of-the-future": (
        "time.anchor_inconsistent",
        "Nobody has seen a tree that holds what is not logged yet.",
        lambda at: at["anchor"].update(size=1000),
    ),
    "anchor-of-an-unknown-log": (
        "time.anchor_inconsistent",
        "An anchor is of a log Trust names.",
        lambda at: at["anchor"].update(origin="other.example"),
    ),
    "anchor-of-a-false-empty-log": (
        "time.anchor_inconsistent",
        "The empty tree has one root.",
        lambda at: at["anchor"].update(size=0, rootHash="0" * 64),
    ),
}
for name, (code, says, change) in ANCHORS.items():
    bad(name, 13, code, says, "whole-response")(partial(anchored, change))


@bad("anchor-too-old", 13, "time.anchor_too_old", "An anchor is of the last 7 days.")
def _() -> Shown:
    world = enrolled()
    old = world.log.anchor()
    world.now += 8 * DAY
    return shown(plain(world, common={"anchor": old}))


@bad("anchor-younger-than-the-promise", 13, "time.anchor_inconsistent", "Received before it was.")
def _() -> Shown:
    done = plain()
    for one in done.ids:
        early = done.world.promise(one, received_at=done.world.now - 30 * HOUR)
        done.world.files[f"{one}.promise.json"] = early
    return shown(done)


@bad("anchor-without-a-clock", 13, "time.anchor_missing", "Without the time key's line: no age.")
def _() -> Shown:
    def change(link: Any, _: Any) -> None:
        link["checkpoint"] = link["checkpoint"].rsplit("\N{EM DASH}", 1)[0]

    return linked(change)


@bad("no-consistency-proofs", 13, "time.anchor_missing", "No proof, no place for the anchor.")
def _() -> Shown:
    return shown(plain(), files={archive.CONSISTENCY: None})


def linked(change: Any) -> Shown:
    """consistency.json, each proof of it changed."""
    done = plain()
    links = strict_json.loads(archive.read(pack(done.world))[archive.CONSISTENCY])
    for link in links:
        change(link, done)
    return shown(done, files={archive.CONSISTENCY: jcs.dumps(links)})


@bad("consistency-hash-flipped", 13, "time.anchor_inconsistent", "One bit of a proof.")
def _() -> Shown:
    def change(link: Any, _: Any) -> None:
        if link["hashes"]:
            raw = strict_base64.decode(link["hashes"][0])
            link["hashes"][0] = strict_base64.encode(bytes([raw[0] ^ 1]) + raw[1:])

    return linked(change)


@bad("consistency-from-another-note", 13, "time.anchor_inconsistent", "The note is of the size.")
def _() -> Shown:
    def change(link: Any, done: Answered) -> None:
        link["checkpoint"] = done.world.log.heads[1].decode()

    return linked(change)


@bad(
    "newest-checkpoint-of-a-fork",
    13,
    "time.anchor_inconsistent",
    "The newest checkpoint is of another tree than the proofs: one log key signed both.",
    "whole-response",
)
def _() -> Shown:
    done = plain()
    log = done.world.log
    fork = Log(key=log.key, time_key=log.time_key, leaves=[b"other"] * len(log.leaves))
    return shown(done, files={archive.CHECKPOINT: fork.publish(done.world.now)})


def claimed(hours: int) -> Shown:
    world = enrolled()
    then = world.now + DAY + hours * HOUR
    return shown(plain(world, common={"attested_at": then, "not_before": then}))


@bad("signed-two-days-ago", 13, "time.claimed_time", "attestedAt is at most 24 h before T.")
def _() -> Shown:
    return claimed(-25)


@bad("signed-in-an-hour", 13, "time.claimed_time", "attestedAt is not after T.")
def _() -> Shown:
    return claimed(1)
