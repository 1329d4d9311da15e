"""How one log ends and the next begins: the old log key names its successor (profile section 4).

The succession statement is no in-toto statement: nobody attests anything in it. Its leaf is a
hashedrekord over its PAE like every other, under the old log key, and is leaf 0 of the new log.
The envelope travels in the Trust file beside the final checkpoint (decision record 0017); that
leaf 0 is this leaf shows in the root of the new log's tree of size 1.
"""

from __future__ import annotations

from typing import Any, Final

from rensho import bundle, jcs, merkle, salted, strict_base64, strict_json
from rensho.checkpoint import Checkpoint
from rensho.dsse import Envelope, Signer
from rensho.dsse import sign as sign_envelope
from rensho.epoch import Epoch
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.shapes import BASE64, HOST, SHA256, integer, record

SUCCESSION: Final = "application/vnd.rensho.succession.v1+json"

_SHAPE: Final = record(
    {
        "origin": HOST,
        "finalCheckpoint": record({"origin": HOST, "size": integer(0), "rootHash": SHA256}),
        "nextOrigin": HOST,
        "nextKey": BASE64,
        "nextTimeKey": BASE64,
    }
)


def make_succession(
    old_log_key: Signer, deployment: str, final: Checkpoint, successor: Epoch
) -> Envelope:
    """Sign, with the key of the log that ends, over its `final` head and the log that follows.

    `deployment` is the deployment's permanent host name. The envelope's `to_json` as canonical
    JSON is `Epoch.succession` of the old epoch; `leaf_of` it is leaf 0 of `successor`.
    """
    payload = salted.write(_SHAPE, _told(deployment, final, successor), "succession")
    return sign_envelope(old_log_key, payload, SUCCESSION)


def leaf_of(envelope: Envelope, old_log_key: bytes) -> bytes:
    """Return leaf 0 of the new log; `old_log_key` are the 32 raw bytes of the key that signed."""
    return bundle.leaf(envelope, PublicKey.from_raw_ed25519(old_log_key))


def first_root(old: Epoch) -> bytes:
    """Root of the tree of size 1 of the log that follows `old`, whose envelope was checked."""
    return merkle.leaf_hash(leaf_of(read(old), old.key))


def read(old: Epoch) -> Envelope:
    """Read an epoch's succession envelope. Raises `log.succession`."""
    if old.succession is None:
        raise VerificationError("log.succession", f"nothing names the successor of {old.origin}")
    try:
        return Envelope.from_json(strict_json.loads(old.succession), SUCCESSION)
    except VerificationError as why:
        raise VerificationError("log.succession", f"unreadable: {why}") from why


def check_succession(deployment: str, old: Epoch, final: Checkpoint, successor: Epoch) -> None:
    """Check that the log `old`, which ended with `final`, itself names `successor`.

    `final` is a head whose note was opened under the keys of `old`. Raises `log.succession`.
    """
    envelope = read(old)
    try:
        payload = envelope.open(PublicKey.from_raw_ed25519(old.key))
        told = salted.read(_SHAPE, payload, "succession")
    except VerificationError as why:
        raise VerificationError("log.succession", f"not signed by {old.origin}: {why}") from why
    if told != _told(deployment, final, successor):
        raise VerificationError("log.succession", f"{old.origin} named another successor")


def to_bytes(envelope: Envelope) -> bytes:
    """Return the envelope as `Epoch.succession` keeps it."""
    return jcs.dumps(envelope.to_json())


def _told(deployment: str, final: Checkpoint, successor: Epoch) -> dict[str, Any]:
    return {
        "origin": deployment,
        "finalCheckpoint": {
            "origin": final.origin,
            "size": final.size,
            "rootHash": final.root_hash.hex(),
        },
        "nextOrigin": successor.origin,
        "nextKey": strict_base64.encode(successor.key),
        "nextTimeKey": strict_base64.encode(successor.time_key),
    }
