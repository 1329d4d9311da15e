"""Good bundles, and what a forger might do to them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rensho import checkpoint, jcs, merkle
from rensho.keys import PrivateKey, PublicKey

from tests.client.deployment import Log, Party, World
from tests.client.responses import answered

Json = dict[str, Any]


@dataclass(frozen=True)
class Good:
    """A bundle as it should be, another one of the same log and key, and where both are from."""

    bundle: bytes
    neighbour: bytes
    key: PublicKey
    world: World


@cache
def p256() -> Good:
    """A declaration, as a supplier signs it."""
    done = answered()
    return _good(done.world, done.ids[-1], done.ids[0], done.world.supplier.key.public)


@cache
def ed25519() -> Good:
    """A request of a firm whose key is Ed25519."""
    world = World(requester=Party(PrivateKey.generate("ed25519"), ("requester",)))
    world.log.publish(world.now)
    first, second = (world.ask().statement_id for _ in range(2))
    return _good(world, second, first, world.requester.key.public)


def _good(world: World, statement_id: str, other: str, key: PublicKey) -> Good:
    bundle, neighbour = (world.files[f"{one}.sigstore.json"] for one in (statement_id, other))
    return Good(bundle, neighbour, key, world)


def altered(good: Good) -> dict[str, bytes]:
    """Return bundles that must be refused, by what was done to them."""
    found = {}
    for bend in _BENDS:
        bundle = json.loads(good.bundle)
        bend(bundle)
        found[bend.__name__.strip("_").replace("_", " ")] = jcs.dumps(bundle)
    # A leaf that is really in the log, with its real proof, and says something else.
    bundle = json.loads(good.bundle)
    bundle["verificationMaterial"]["tlogEntries"] = [_entry(json.loads(good.neighbour))]
    found["leaf of the neighbour"] = jcs.dumps(bundle)
    return found


def flipped(encoded: str) -> str:
    """Base64 of the same bytes but for the last bit."""
    data = bytearray(base64.b64decode(encoded))
    data[-1] ^= 1
    return base64.b64encode(data).decode()


def _entry(bundle: Json) -> Json:
    found: Json = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def _payload(bundle: Json) -> None:
    envelope = bundle["dsseEnvelope"]
    text = base64.b64decode(envelope["payload"]).replace(b"2027-", b"2028-")
    envelope["payload"] = base64.b64encode(text).decode()


def _signature(bundle: Json) -> None:
    envelope = bundle["dsseEnvelope"]["signatures"][0]
    envelope["sig"] = flipped(envelope["sig"])


def _leaf(bundle: Json) -> None:
    body = json.loads(base64.b64decode(_entry(bundle)["canonicalizedBody"]))
    data = body["spec"]["hashedRekordV002"]["data"]
    data["digest"] = flipped(data["digest"])
    _entry(bundle)["canonicalizedBody"] = base64.b64encode(jcs.dumps(body)).decode()


def _proof(bundle: Json) -> None:
    hashes = _entry(bundle)["inclusionProof"]["hashes"]
    hashes[0] = flipped(hashes[0])


def _proof_is_missing_a_hash(bundle: Json) -> None:
    _entry(bundle)["inclusionProof"]["hashes"].pop()


def _root(bundle: Json) -> None:
    note = _entry(bundle)["inclusionProof"]["checkpoint"]
    head, size, root, rest = note["envelope"].split("\n", 3)
    note["envelope"] = "\n".join((head, size, flipped(root), rest))


def _root_of_a_forger(bundle: Json) -> None:
    """The proof leads to a root that somebody else signed as if it were the log."""
    entry = _entry(bundle)
    leaf = merkle.leaf_hash(base64.b64decode(entry["canonicalizedBody"]))
    forger = Log()
    proof = entry["inclusionProof"]
    proof |= {
        "hashes": [],
        "treeSize": "1",
        "logIndex": "0",
        "rootHash": base64.b64encode(leaf).decode(),
    }
    note = checkpoint.sign(forger.origin, 1, leaf, forger.key).decode()
    proof["checkpoint"] = {"envelope": note}
    entry["logIndex"] = "0"


def _index(bundle: Json) -> None:
    entry = _entry(bundle)
    entry["logIndex"] = entry["inclusionProof"]["logIndex"] = "0"


def _signature_of_the_log(bundle: Json) -> None:
    note = _entry(bundle)["inclusionProof"]["checkpoint"]
    body, lines = note["envelope"].split("\n\n")
    first, rest = lines.split("\n", 1)
    dash, name, signature = first.split(" ")
    note["envelope"] = f"{body}\n\n{dash} {name} {flipped(signature)}\n{rest}"


def _no_log_entry(bundle: Json) -> None:
    bundle["verificationMaterial"]["tlogEntries"] = []


_BENDS: tuple[Callable[[Json], None], ...] = (
    _payload,
    _signature,
    _leaf,
    _proof,
    _proof_is_missing_a_hash,
    _root,
    _root_of_a_forger,
    _index,
    _signature_of_the_log,
    _no_log_entry,
)
