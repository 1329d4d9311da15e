"""Portable archives: what one reader may take away and verify anywhere, offline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from rensho import archive
from rensho.archive import ConsistencyLink
from rensho.errors import VerificationError
from rensho.statement import KEY_EVENT
from sqlalchemy.orm import Session

from services.attestation.actions.earlier import file_name
from services.attestation.rules import submissions as rules
from services.attestation.rules import tree
from services.attestation.store import keys, known, log, statements
from services.attestation.store.log import Checkpoint
from services.attestation.store.statements import Opened, Statement
from services.kit.problems import NotFound


def of_response(tx: Session, response_id: UUID) -> bytes:
    """Return the archive of a response's newest logged revision, as the asking firm may see it.

    Raises:
        NotFound: there is none, or it is not yours to read.
    """
    revision = statements.newest_revision(tx, response_id)
    if not revision:
        msg = "no such response"
        raise NotFound(msg)
    ids = [one.statement_id for one in revision]
    entries = rules.readers(
        one.text for one in statements.disclosures_of(tx, ids) if one.kind == "audience"
    )
    asked = known.requests_by_id(tx, {UUID(entry.request_id) for entry in entries})
    requests = statements.statements_by_id(tx, {one.statement_id for one in asked.values()})
    return _archive(tx, [*revision, *requests.values()], {str(found) for found in asked})


def of_statement(tx: Session, statement_id: str) -> bytes:
    """Return one logged statement with its signer's key events and proofs. Raises `NotFound`."""
    found = statements.statements_by_id(tx, [statement_id])
    if not statements.bundles_of(tx, found):
        msg = "no such statement"
        raise NotFound(msg)
    return _archive(tx, list(found.values()), None)


def _archive(tx: Session, told: Sequence[Statement], requests: set[str] | None) -> bytes:
    """Lay out statements with what verifying them takes.

    Args:
        requests: the requests whose respondent entries go along; None for all that may be read.
            An archive goes to auditors, who need not learn whom else the requester asked.
    """
    everything = [*told, *_key_events(tx, told)]
    bundles = statements.bundles_of(tx, [one.statement_id for one in everything])
    logged = [one for one in everything if one.statement_id in bundles]
    promises = statements.promises_of(tx, bundles)
    entries = {f"{name}.sigstore.json": found.content for name, found in bundles.items()}
    entries |= {f"{name}.promise.json": found.envelope for name, found in promises.items()}
    for document in statements.documents_of(tx, list(bundles)):
        entries[file_name(document.sha256, document.kind)] = document.content
    opened = _by_statement(
        one for one in statements.disclosures_of(tx, bundles) if _goes_along(one, requests)
    )
    newest = log.newest_checkpoint(tx)
    assert newest is not None, "a bundle has a checkpoint"
    links = _links(
        tx,
        newest,
        {found.tree_size for found in bundles.values()},
        _anchors(logged, {name: found.received_at for name, found in promises.items()}),
    )
    entries[archive.DISCLOSURES] = archive.write_disclosures(opened)
    entries[archive.CONSISTENCY] = archive.write_consistency(links)
    entries[archive.CHECKPOINT] = newest.note
    return archive.write(entries)


def _key_events(tx: Session, told: Iterable[Statement]) -> list[Statement]:
    """Return all key events of everybody who signed: a chain is believed whole or not at all."""
    listed = list(told)
    mine = {one.statement_id for one in listed}
    owners = keys.holders(tx, {one.key_id for one in listed if one.type != KEY_EVENT})
    return [
        statement
        for owner in sorted(owners)
        for _, statement, _ in keys.logged_events(tx, owner)
        if statement.statement_id not in mine
    ]


def _goes_along(one: Opened, requests: set[str] | None) -> bool:
    if one.kind != "respondents" or requests is None:
        return True
    return rules.respondents([one.text])[0].request_id in requests


def _by_statement(opened: Iterable[Opened]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in opened:
        kinds = found.setdefault(one.statement_id, {})
        kinds[one.kind] = (*kinds.get(one.kind, ()), one.text)
    return found


def _anchors(logged: Iterable[Statement], received: Mapping[str, datetime]) -> dict[int, datetime]:
    """Return the sizes anchors name, each with the earliest T of a statement that names it."""
    found: dict[int, datetime] = {}
    for one in logged:
        if one.anchor_size is not None and one.statement_id in received:
            moment = received[one.statement_id]
            found[one.anchor_size] = min(moment, found.get(one.anchor_size, moment))
    return found


def _links(
    tx: Session, newest: Checkpoint, sizes: set[int], anchors: Mapping[int, datetime]
) -> list[ConsistencyLink]:
    origin = log.epochs(tx)[-1].origin
    smaller = sorted(size for size in sizes | anchors.keys() if size < newest.size)
    paths = {size: tree.consistency(size, newest.size) for size in smaller}
    stored = log.proof_nodes(tx, paths.values())
    return [
        ConsistencyLink(
            origin,
            size,
            newest.size,
            _note(tx, size, anchors.get(size)),
            tuple(tree.proof(paths[size], stored)),
        )
        for size in smaller
    ]


def _note(tx: Session, size: int, by: datetime | None) -> bytes:
    """Return a note of one size: the newest that was there by T, as an idle log repeats its head
    and an anchor may be a week old but not younger than what it bounds.
    """
    heads = log.checkpoints_of_size(tx, size)
    if not heads:
        raise VerificationError("time.anchor_missing", f"no head of size {size} was ever signed")
    earlier = [head for head in heads if by is None or head.signed_at <= by]
    return (earlier[-1] if earlier else heads[0]).note
