"""The log as anybody may read it: checkpoint, tiles (C2SP tlog-tiles), proofs."""

from __future__ import annotations

from fastapi import APIRouter, Response
from rensho import strict_base64
from sqlalchemy.orm import Session

from services.attestation.rules import tiles, tree
from services.attestation.rules.tiles import Tile
from services.attestation.store import log
from services.attestation.store.log import Checkpoint
from services.kit.auth import PUBLIC, needs
from services.kit.problems import NotFound, Unavailable
from services.kit.web import Model, Tx

router = APIRouter(tags=["log"])

# A tile of a path never changes, a partial one neither: a wider one has another path.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_NOT_FOR_LONG = {"Cache-Control": "public, max-age=1"}
_OCTETS = "application/octet-stream"


class ProofOut(Model):
    """An inclusion proof (RFC 6962): hashes in base64, deepest first, under `checkpoint`."""

    index: int
    size: int
    hashes: list[str]
    checkpoint: str


@router.get("/checkpoint", response_class=Response, dependencies=[needs(PUBLIC)])
def get_checkpoint(tx: Tx) -> Response:
    """Get the newest signed tree head (C2SP tlog-checkpoint)."""
    return Response(_newest(tx).note, media_type="text/plain; charset=utf-8", headers=_NOT_FOR_LONG)


@router.get("/proof/{statement_id}", dependencies=[needs(PUBLIC)])
def get_proof(statement_id: str, tx: Tx) -> ProofOut:
    """Get the proof that a statement is in the log, under the newest checkpoint."""
    newest = _newest(tx)
    index = log.indexes(tx, [statement_id]).get(statement_id)
    if index is None or index >= newest.size:
        msg = "no such statement in the log"
        raise NotFound(msg)
    path = tree.inclusion(index, newest.size)
    hashes = tree.proof(path, log.proof_nodes(tx, [path]))
    return ProofOut(
        index=index,
        size=newest.size,
        hashes=[strict_base64.encode(one) for one in hashes],
        checkpoint=newest.note.decode(),
    )


@router.get("/tile/entries/{path:path}", response_class=Response, dependencies=[needs("log.read")])
def get_entries(path: str, tx: Tx) -> Response:
    """Get an entry bundle: the leaves themselves, for enrolled organizations and witnesses."""
    tile = tiles.parse("entries", path, _newest(tx).size)
    return _octets(tiles.entries(log.leaf_data(tx, tile.first, tile.first + tile.width)))


@router.get("/tile/{level}/{path:path}", response_class=Response, dependencies=[needs(PUBLIC)])
def get_tile(level: str, path: str, tx: Tx) -> Response:
    """Get a hash tile."""
    tile = tiles.parse(level, path, _newest(tx).size)
    return _octets(_hashes(tx, tile))


def _hashes(tx: Session, tile: Tile) -> bytes:
    stored = log.nodes(tx, tile.nodes)
    return b"".join(stored[node] for node in tile.nodes)


def _octets(content: bytes) -> Response:
    return Response(content, media_type=_OCTETS, headers=_FOR_EVER)


def _newest(tx: Session) -> Checkpoint:
    found = log.newest_checkpoint(tx)
    if found is None:
        msg = "the log is not open yet"
        raise Unavailable(msg, retry_after=2)
    return found
