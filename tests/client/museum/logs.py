"""Steps 8 to 11: the place in the log, its checkpoint, its witnesses."""

from __future__ import annotations

from functools import partial
from typing import Any

from rensho import bundle, jcs, strict_base64, strict_json
from rensho.keys import PrivateKey
from rensho.trust import Witness

from tests.client.deployment import HOUR, Log, World
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import (
    Edit,
    edited,
    entry,
    event,
    lone,
    plain,
    proof,
)


def body(change: Any) -> Edit:
    """Change the JSON of the leaf."""

    def edit(value: dict[str, Any]) -> None:
        leaf = strict_json.loads(strict_base64.decode(entry(value)["canonicalizedBody"]))
        change(leaf["spec"]["hashedRekordV002"])
        entry(value)["canonicalizedBody"] = strict_base64.encode(jcs.dumps(leaf))

    return edit


def note(change: Any) -> Edit:
    """Change the note, as text."""

    def edit(value: dict[str, Any]) -> None:
        held = proof(value)["checkpoint"]
        held["envelope"] = change(held["envelope"])

    return edit


def another_log(**changes: Any) -> str:
    log = Log(**changes)
    log.leaves.append(b"x")
    return log.publish(World().now).decode()


def last_line_twice(text: str) -> str:
    return text + text.splitlines(keepends=True)[-1]


def flipped(text: str) -> str:
    """A bit of the last line's signature, which is of the operator's time key."""
    head, _, line = text.rstrip("\n").rpartition(" ")
    raw = bytearray(strict_base64.decode(line))
    raw[-1] ^= 1
    return f"{head} {strict_base64.encode(bytes(raw))}\n"


BENT: dict[str, tuple[int, str, str, Edit]] = {
    "leaf-of-another-digest": (
        8,
        "log.leaf_mismatch",
        "The leaf is of this statement.",
        body(lambda leaf: leaf["data"].update(digest=strict_base64.encode(bytes(32)))),
    ),
    "leaf-of-another-signature": (
        8,
        "log.leaf_mismatch",
        "The leaf is of this signature (CVE-2022-36056).",
        body(lambda leaf: leaf["signature"].update(content=strict_base64.encode(bytes(64)))),
    ),
    "leaf-with-one-field-more": (
        8,
        "log.leaf_mismatch",
        "Nothing in a leaf is passed over.",
        body(lambda leaf: leaf.update(comment="x")),
    ),
    "checkpoint-is-no-note": (
        9,
        "checkpoint.malformed",
        "A checkpoint is a signed note.",
        note(lambda _: "x"),
    ),
    "checkpoint-signed-twice": (
        9,
        "checkpoint.malformed",
        "One line of each key: two times of one clock are none.",
        note(last_line_twice),
    ),
    "checkpoint-of-an-unknown-log": (
        9,
        "checkpoint.origin",
        "Only logs Trust names are believed.",
        note(lambda _: another_log(origin="elsewhere.example")),
    ),
    "checkpoint-by-another-key": (
        9,
        "checkpoint.signature",
        "The right origin under the wrong key.",
        note(lambda _: another_log()),
    ),
    "checkpoint-with-a-bad-known-line": (
        9,
        "checkpoint.signature",
        "A line of a known key that does not hold spoils the note.",
        note(flipped),
    ),
    "checkpoint-of-another-size": (
        9,
        "checkpoint.signature",
        "Size and root are signed.",
        note(lambda text: text.replace("\n1\n", "\n2\n", 1)),
    ),
    "proof-of-another-root": (
        10,
        "log.inclusion",
        "The proof leads to the signed root and no other.",
        lambda v: proof(v).update(rootHash=strict_base64.encode(bytes(32))),
    ),
    "proof-with-a-hash-too-many": (
        10,
        "log.inclusion",
        "A path has the length of its place.",
        lambda v: proof(v).update(hashes=[strict_base64.encode(bytes(32))]),
    ),
    "index-behind-the-tree": (
        10,
        "log.inclusion",
        "A leaf lies before the size of its tree.",
        lambda v: (entry(v).update(logIndex="1"), proof(v).update(logIndex="1")),
    ),
    "two-indexes": (
        10,
        "log.inclusion",
        "The entry tells one index.",
        lambda v: proof(v).update(logIndex="7"),
    ),
    "index-with-a-leading-zero": (
        2,
        "json.bad_number",
        "A number in a string has one spelling too.",
        lambda v: (entry(v).update(logIndex="00"), proof(v).update(logIndex="00")),
    ),
    "log-id-of-another-log": (
        9,
        "checkpoint.origin",
        "Entry and note are of one log.",
        lambda v: entry(v)["logId"].update(keyId=strict_base64.encode(bytes(32))),
    ),
    "integrated-time": (
        2,
        "json.malformed",
        "A log's own word about time is not asked for.",
        lambda v: entry(v).update(integratedTime="1764000000"),
    ),
}
for name, (step, code, says, edit) in BENT.items():
    bad(name, step, code, says, "lone-key-event")(partial(event, edit))


@bad(
    "leaf-names-another-key",
    8,
    "log.leaf_mismatch",
    "The leaf is rebuilt from the key that verified: an entry of another key is not of this.",
    "lone-key-event",
)
def _() -> Shown:
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    name = world.key_event(world.requester)
    held = bundle.parse(world.files[f"{name}.sigstore.json"])
    world.log.leaves[0] = bundle.leaf(held.envelope, PrivateKey.generate("ed25519").public)
    world.publish()
    logged = bundle.make(held.envelope, world.operator.key.public, world.log.entry(0, 1))
    world.files[f"{name}.sigstore.json"] = logged
    return lone(world, name)


def neighbours(edit: Edit) -> Shown:
    """A key event among several leaves, so that its proof has hashes."""
    done = plain()
    name = f"{done.ids[0]}.sigstore.json"
    return edited(done, name, edit)


@bad("proof-hash-flipped", 10, "log.inclusion", "One bit of a path.", "whole-response")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        hashes = proof(value)["hashes"]
        raw = strict_base64.decode(hashes[0])
        hashes[0] = strict_base64.encode(bytes([raw[0] ^ 1]) + raw[1:])

    return neighbours(edit)


@bad("proof-of-the-neighbour", 10, "log.inclusion", "The next leaf's place is not this one's.")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        entry(value)["logIndex"] = proof(value)["logIndex"] = "2"

    return neighbours(edit)


def witnessed(*names: str, keys: dict[str, PrivateKey] | None = None) -> World:
    """A world whose heads these witnesses cosign."""
    world = World()
    found = keys or {name: PrivateKey.generate("ed25519") for name in names}
    world.witness_keys = list(found.items())
    world.witnesses = tuple(Witness(n, key.public.raw_ed25519) for n, key in found.items())
    world.log.publish(world.now)
    world.now += HOUR
    return world


@good("two-witnesses", 11, "Two witnesses saw the head, and Trust asks for two.")
def _() -> Shown:
    world = witnessed("one.example", "two.example")
    name = world.key_event(world.requester)
    return lone(world, name, witnesses=world.witnesses, witness_quorum=2)


@bad("one-witness-of-two", 11, "checkpoint.witness_quorum", "Trust asks for two.", "two-witnesses")
def _() -> Shown:
    world = witnessed("one.example", "two.example")
    world.witness_keys = world.witness_keys[:1]
    name = world.key_event(world.requester)
    return lone(world, name, witnesses=world.witnesses, witness_quorum=2)


@bad(
    "one-witness-under-two-names",
    11,
    "checkpoint.witness_quorum",
    "A quorum is of distinct keys: one witness with two names is one witness.",
    "two-witnesses",
)
def _() -> Shown:
    key = PrivateKey.generate("ed25519")
    world = witnessed(keys={"one.example": key, "two.example": key})
    name = world.key_event(world.requester)
    third = Witness("three.example", PrivateKey.generate("ed25519").public.raw_ed25519)
    return lone(world, name, witnesses=(*world.witnesses, third), witness_quorum=2)


@bad(
    "operators-clock-as-a-witness",
    11,
    "checkpoint.witness_quorum",
    "The operator's own time key is no witness, by whatever name.",
    "two-witnesses",
)
def _() -> Shown:
    log = Log()
    world = World(log=log)
    world.witness_keys = [("one.example", log.time_key)]
    world.witnesses = (Witness("one.example", log.time_key.public.raw_ed25519),)
    log.publish(world.now)
    name = world.key_event(world.requester)
    return lone(world, name, witnesses=world.witnesses, witness_quorum=1)
