"""What a submitter holds in its hand, and whether it proves anything without our database."""

from __future__ import annotations

from dataclasses import dataclass

from rensho import bundle as bundles
from rensho import checkpoint, merkle
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.sign import PROMISE, Promise
from rensho.strict_json import loads
from rensho.trust import Deployment, Trust


@dataclass(frozen=True)
class Receipt:
    """The promise for one statement and, once logged, its bundle."""

    statement_id: str
    key: PublicKey
    promise: bytes
    bundle: bytes


def wrong_with(receipt: Receipt, trust: Trust) -> str | None:
    """Return what is wrong with a receipt, None for nothing; only public keys are asked.

    The promise is the operator's, the signature is over the payload, the leaf is of both, and the
    proof leads from it to a head that the log's key signed (profile section 8, steps 2 to 10).
    """
    here = trust.deployments[0]
    try:
        return _promise(receipt, here) or _bundle(receipt, here)
    except VerificationError as why:
        return f"{why.code}: {why.detail}"


def _promise(receipt: Receipt, here: Deployment) -> str | None:
    envelope = Envelope.from_json(loads(receipt.promise), PROMISE)
    signer = here.fixed_key(envelope.keyid)
    if signer is None or signer[1] != "operator":
        return "the promise is not the operator's"
    word = Promise.parse(envelope.open(signer[0]))
    return None if word.statement_id == receipt.statement_id else "a promise for another statement"


def _bundle(receipt: Receipt, here: Deployment) -> str | None:
    found = bundles.parse(receipt.bundle)
    if found.statement_id != receipt.statement_id:
        return "a bundle of another statement"
    if (entry := found.entry) is None:
        return "no log entry"
    found.envelope.open(receipt.key)
    if bundles.leaf(found.envelope, receipt.key) != entry.body:
        return "the leaf is of another signature"
    head = checkpoint.open(entry.checkpoint, here.note_keys(here.epochs[-1]))
    if (head.size, head.root_hash) != (entry.tree_size, entry.root_hash):
        return "the proof is under another head"
    hashed = merkle.leaf_hash(entry.body)
    merkle.verify_inclusion(hashed, entry.index, head.size, entry.hashes, head.root_hash)
    return None
