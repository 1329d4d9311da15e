"""The log as anybody may read it: checkpoint, tiles (C2SP tlog-tiles), proofs.

The log in use is served at the root, every log under its origin too: one that ended is read there.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from rensho import strict_base64
from sqlalchemy.orm import Session

from services.attestation.api.witness_access import needs_or_witness
from services.attestation.rules import tiles, tree
from services.attestation.store import epochs, log, witnesses
from services.attestation.store.log import Checkpoint
from services.kit.auth import PUBLIC, needs
from services.kit.problems import NotFound, Unavailable
from services.kit.web import Model, Tx

router = APIRouter(tags=["log"])

# A tile of a path never changes, a partial one neither: a wider one has another path.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_NOT_FOR_LONG = {"Cache-Control": "public, max-age=1"}
# What needs a token must not be kept where others ask without one.
_FOR_EVER_BUT_PRIVATE = {"Cache-Control": "private, max-age=31536000, immutable"}
_OCTETS = "application/octet-stream"
_ENTRIES = needs_or_witness("log.read")


class ProofOut(Model):
    """An inclusion proof (RFC 6962): hashes in base64, deepest first, under `checkpoint`."""

    origin: str
    index: int
    size: int
    hashes: list[str]
    checkpoint: str


@router.get("/checkpoint", response_class=Response, dependencies=[needs(PUBLIC)])
def get_checkpoint(tx: Tx) -> Response:
    """Get the newest signed tree head (C2SP tlog-checkpoint)."""
    return _note(tx, _newest(tx))


@router.get("/{origin}/checkpoint", response_class=Response, dependencies=[needs(PUBLIC)])
def get_checkpoint_of(origin: str, tx: Tx) -> Response:
    """Get the newest tree head of one log; of a log that ended, its last."""
    return _note(tx, _head(tx, origin))


@router.get("/{origin}/succession", response_class=Response, dependencies=[needs(PUBLIC)])
def get_succession(origin: str, tx: Tx) -> Response:
    """Get the envelope by which the log before signed over to this one: its leaf 0 is of it."""
    found = epochs.epoch_of(tx, origin)
    if found is None or found.succession is None:
        msg = "no log before this one"
        raise NotFound(msg)
    return Response(found.succession, media_type="application/json", headers=_FOR_EVER)


@router.get("/proof/{statement_id}", dependencies=[needs(PUBLIC)])
def get_proof(statement_id: str, tx: Tx) -> ProofOut:
    """Get the proof that a statement is in its log, under the newest checkpoint of that."""
    found = log.places(tx, [statement_id]).get(statement_id)
    origin = log.epochs(tx)[found[0]].origin if found else ""
    head = _head(tx, origin) if found else _newest(tx)
    if found is None or found[1] >= head.size:
        msg = "no such statement in the log"
        raise NotFound(msg)
    epoch, index = found
    path = tree.inclusion(index, head.size)
    hashes = tree.proof(path, log.proof_nodes(tx, epoch, [path]))
    return ProofOut(
        origin=origin,
        index=index,
        size=head.size,
        hashes=[strict_base64.encode(one) for one in hashes],
        checkpoint=witnesses.note(tx, head).decode(),
    )


@router.get("/tile/entries/{path:path}", response_class=Response, dependencies=[_ENTRIES])
def get_entries(path: str, tx: Tx) -> Response:
    """Get an entry bundle: the leaves themselves, for enrolled organizations and witnesses."""
    return _entries(tx, _newest(tx), path)


@router.get("/{origin}/tile/entries/{path:path}", response_class=Response, dependencies=[_ENTRIES])
def get_entries_of(origin: str, path: str, tx: Tx) -> Response:
    """Get an entry bundle of one log."""
    return _entries(tx, _head(tx, origin), path)


@router.get("/tile/{level}/{path:path}", response_class=Response, dependencies=[needs(PUBLIC)])
def get_tile(level: str, path: str, tx: Tx) -> Response:
    """Get a hash tile."""
    return _tile(tx, _newest(tx), level, path)


@router.get(
    "/{origin}/tile/{level}/{path:path}", response_class=Response, dependencies=[needs(PUBLIC)]
)
def get_tile_of(origin: str, level: str, path: str, tx: Tx) -> Response:
    """Get a hash tile of one log."""
    return _tile(tx, _head(tx, origin), level, path)


def _entries(tx: Session, head: Checkpoint, path: str) -> Response:
    tile = tiles.parse("entries", path, head.size)
    found = log.leaf_data(tx, head.epoch, tile.first, tile.first + tile.width)
    return Response(tiles.entries(found), media_type=_OCTETS, headers=_FOR_EVER_BUT_PRIVATE)


def _tile(tx: Session, head: Checkpoint, level: str, path: str) -> Response:
    tile = tiles.parse(level, path, head.size)
    stored = log.nodes(tx, head.epoch, tile.nodes)
    return _octets(b"".join(stored[node] for node in tile.nodes))


def _octets(content: bytes) -> Response:
    return Response(content, media_type=_OCTETS, headers=_FOR_EVER)


def _note(tx: Session, head: Checkpoint) -> Response:
    note = witnesses.note(tx, head)
    return Response(note, media_type="text/plain; charset=utf-8", headers=_NOT_FOR_LONG)


def _newest(tx: Session) -> Checkpoint:
    found = witnesses.newest_published(tx)
    if found is None:
        msg = "the log is not open yet"
        raise Unavailable(msg, retry_after=2)
    return found


def _head(tx: Session, origin: str) -> Checkpoint:
    """Return the newest head of one log. Raises `NotFound` for an origin that is none of ours."""
    found = epochs.epoch_of(tx, origin)
    if found is None:
        msg = "no such log"
        raise NotFound(msg)
    head = epochs.end_of(tx, found.number) or witnesses.newest_published(tx, found.number)
    if head is None:
        msg = "nothing of this log is shown yet: its witnesses have not cosigned it"
        raise Unavailable(msg, retry_after=2)
    return head
