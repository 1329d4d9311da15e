"""Portable archives: what one reader may take away and verify anywhere, offline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from rensho import archive, disclosure, strict_json
from rensho.archive import ConsistencyLink
from rensho.bundle import with_tokens
from rensho.errors import VerificationError
from rensho.statement import KEY_EVENT
from sqlalchemy.orm import Session

from services.attestation.actions.earlier import file_name
from services.attestation.rules import submissions as rules
from services.attestation.rules import tree
from services.attestation.store import (
    epochs,
    keys,
    known,
    log,
    speaking,
    statements,
    time_stamps,
    witnesses,
)
from services.attestation.store.log import Checkpoint
from services.attestation.store.speaking import Grantee
from services.attestation.store.statements import Bundle, Opened, Statement
from services.kit.problems import NotFound

Heads = dict[tuple[int, int], datetime | None]
"""Tree heads by (epoch, size), each with the moment it must not be younger than, if any."""


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
    """Return one logged statement with its signer's key events and proofs.

    Whoever reads it by a grant gets that too, its own request, and the answers it opens.

    Raises:
        NotFound: there is none, or it is not yours to read.
    """
    found = statements.statements_by_id(tx, [statement_id])
    if not statements.bundles_of(tx, found):
        msg = "no such statement"
        raise NotFound(msg)
    grant = speaking.grant_to(tx, statement_id, tx.info["actor"].org)
    if grant is None:
        return _archive(tx, list(found.values()), None)
    asked = known.requests_by_id(tx, [grant.request_id])
    beside = {grant.grant_id, *(one.statement_id for one in asked.values())}
    along = [*found.values(), *statements.statements_by_id(tx, beside).values()]
    return _archive(tx, along, {str(grant.request_id)}, grant)


def _archive(
    tx: Session,
    told: Sequence[Statement],
    requests: set[str] | None,
    grant: Grantee | None = None,
) -> bytes:
    """Lay out statements with what verifying them takes, and what took any of them back.

    Args:
        tx: of the asking firm.
        told: what the archive is about.
        requests: the requests whose respondent entries go along; None for all that may be read.
            An archive goes to auditors, who need not learn whom else the requester asked.
        grant: by which it is read: no answer goes along that another grant opens.
    """
    told = [*told, *_taken_back(tx, told)]
    everything = {one.statement_id: one for one in [*told, *_key_events(tx, told)]}
    status = statements.newest_status(tx)
    if status is not None:
        everything[status.statement_id] = status
    bundles = statements.bundles_of(tx, everything)
    promises = statements.promises_of(tx, bundles)
    tokens = time_stamps.tokens_of(tx, bundles)
    entries = {
        f"{name}.sigstore.json": with_tokens(found.content, tokens.get(name, ()))
        for name, found in bundles.items()
    }
    entries |= {f"{name}.promise.json": found.envelope for name, found in promises.items()}
    for document in statements.documents_of(tx, list(bundles)):
        entries[file_name(document.sha256, document.kind)] = document.content
    opened = _by_statement(
        one for one in statements.disclosures_of(tx, bundles) if _goes_along(one, requests, grant)
    )
    newest = witnesses.newest_published(tx)
    assert newest is not None, "a bundle has a checkpoint"
    heads = _heads_used(
        tx,
        bundles.values(),
        [everything[name] for name in bundles],
        {name: found.received_at for name, found in promises.items()},
    )
    if stamped := time_stamps.newest_of_checkpoints(tx, newest.epoch, newest.size):
        token, head = stamped
        heads.setdefault((head.epoch, head.size), None)
        entries[archive.TIME_STAMP] = token.token
    entries[archive.DISCLOSURES] = archive.write_disclosures(opened)
    entries[archive.CONSISTENCY] = archive.write_consistency(_links(tx, newest, heads))
    entries[archive.CHECKPOINT] = witnesses.note(tx, newest)
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


def _taken_back(tx: Session, told: Sequence[Statement]) -> list[Statement]:
    """Return the withdrawals of some statements, as far as the asking firm may know of them."""
    found = speaking.withdrawals_of(tx, [one.statement_id for one in told])
    return list(statements.statements_by_id(tx, (one.statement_id for one in found)).values())


def _goes_along(one: Opened, requests: set[str] | None, grant: Grantee | None) -> bool:
    if grant is not None and (one.statement_id, one.kind) == (grant.statement_id, "answers"):
        return disclosure.digest(one.text) in grant.answers
    if one.kind != "respondents" or requests is None:
        return True
    return rules.respondents([one.text])[0].request_id in requests


def _by_statement(opened: Iterable[Opened]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in opened:
        kinds = found.setdefault(one.statement_id, {})
        kinds[one.kind] = (*kinds.get(one.kind, ()), one.text)
    return found


def _heads_used(
    tx: Session,
    bundles: Iterable[Bundle],
    logged: Iterable[Statement],
    received: Mapping[str, datetime],
) -> Heads:
    """Return the heads that bundles and anchors name, each with the earliest T that needs it."""
    numbers = {epoch.origin: epoch.number for epoch in log.epochs(tx)}
    places = log.places(tx, received)
    # The head of size 1 shows that leaf 0 of a later log is what the log before signed over.
    found: Heads = {(number, 1): None for number in numbers.values() if number}
    found |= {
        (places[one.statement_id][0], one.tree_size): None
        for one in bundles
        if one.statement_id in places
    }
    for one in logged:
        anchor = strict_json.loads(one.payload)["predicate"]["at"].get("anchor")
        if anchor is not None and anchor["origin"] in numbers and one.statement_id in received:
            place, moment = (numbers[anchor["origin"]], anchor["size"]), received[one.statement_id]
            found[place] = min(moment, found.get(place) or moment)
    return found


def _links(tx: Session, newest: Checkpoint, heads: Heads) -> list[ConsistencyLink]:
    """Return the way from each head to the newest of its log; of one that ended, to its last."""
    ended = epochs.ends(tx)
    links = []
    for epoch in log.epochs(tx):
        last = ended.get(epoch.number, newest)
        sizes = sorted(size for number, size in heads if number == epoch.number)
        paths = {size: tree.consistency(size, last.size) for size in sizes if size < last.size}
        stored = log.proof_nodes(tx, epoch.number, paths.values())
        links += [
            ConsistencyLink(
                epoch.origin,
                size,
                last.size,
                _note(tx, epoch.number, size, heads[epoch.number, size]),
                tuple(tree.proof(path, stored)),
            )
            for size, path in paths.items()
        ]
    return links


def _note(tx: Session, epoch: int, size: int, by: datetime | None) -> bytes:
    """Return a note of one size: the newest that was there by T, as an idle log repeats its head
    and an anchor may be a week old but not younger than what it bounds.
    """
    found = log.checkpoints_of_size(tx, epoch, size)
    if not found:
        raise VerificationError("time.anchor_missing", f"no head of size {size} was ever signed")
    earlier = [head for head in found if by is None or head.signed_at <= by]
    return (earlier[-1] if earlier else found[0]).note
