"""What a submission is held against: the request it answers, and what it speaks about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rensho import archive
from rensho.errors import VerificationError
from rensho.history import TreeHead
from rensho.statement import GRANT, REVIEW, WITHDRAWAL, Anchor, Statement, parse
from rensho.trust import Deployment
from rensho.verify import Recorded
from sqlalchemy.orm import Session

from services.attestation.actions.refusals import (
    PreparationReplaced,
    RequestNotKnownYet,
    SubmissionRefused,
)
from services.attestation.rules import submissions as rules
from services.attestation.rules.names import org_urn
from services.attestation.rules.submissions import Disclosures
from services.attestation.store import known, log, statements
from services.kit.auth import Principal

_ABOUT: Final = (REVIEW, GRANT, WITHDRAWAL)


@dataclass(frozen=True)
class Earlier:
    """Logged statements with their documents and disclosures, and the log's own tree heads."""

    recorded: tuple[Recorded, ...]
    documents: Mapping[str, bytes]
    disclosures: Disclosures
    heads: Mapping[tuple[str, int], TreeHead]


def requests_answered(
    tx: Session, who: Principal, disclosures: Disclosures, said: Sequence[Statement]
) -> set[str]:
    """Return the ids of the request statements that a response says it answers.

    Raises:
        RequestNotKnownYet: one is not known here yet, or was not asked of this firm.
        SubmissionRefused: an audience entry names another reader than who asked.
    """
    try:
        entries = [
            entry
            for one in said
            for entry in rules.readers(disclosures.get(one.id, {}).get("audience", ()))
        ]
    except VerificationError as why:
        raise SubmissionRefused([why.code], why.detail or why.code) from why
    ids = {UUID(entry.request_id) for entry in entries}
    found = known.requests_by_id(tx, ids)
    links = {link.link_id for link in known.links_of_respondent(tx, who.org)}
    # What a requester typed in from paper it signs itself, and only for what it asked itself.
    typed = all(one.predicate.get("origin") == "transcribed" for one in said)
    if found.keys() != ids or not all(
        asked.link_id in links or (typed and asked.requester_org_id == who.org)
        for asked in found.values()
    ):
        raise RequestNotKnownYet
    for entry in entries:
        if entry.org != org_urn(found[UUID(entry.request_id)].requester_org_id):
            raise SubmissionRefused(["context.audience"], "opened to another than who asked")
    return {asked.statement_id for asked in found.values()}


def refuse_unprepared(tx: Session, who: Principal, request: Statement) -> None:
    """Refuse a request statement that was not prepared, or was prepared anew since.

    Raises:
        RequestNotKnownYet, PreparationReplaced: as their names say.
    """
    prepared = known.preparations_like(tx, request.id)
    if not prepared or prepared[-1].org_id != who.org:
        raise RequestNotKnownYet
    if prepared[-1].statement_id != request.id:
        msg = "the campaign was prepared anew; sign the newest preparation"
        raise PreparationReplaced(msg)


def lay_beside(
    tx: Session,
    who: Principal,
    here: Deployment,
    said: Sequence[Statement],
    requests: Iterable[str],
) -> Earlier:
    """Gather what the checks of `said` need of what is logged, as far as the firm may read it."""
    wanted = {*requests}
    for one in said:
        wanted |= {one.supersedes} if one.supersedes is not None else set()
        wanted |= {one.subject_sha256} if one.name in _ABOUT else set()
    rows = statements.statements_by_id(tx, wanted)
    for response_id in {UUID(one.response[0]) for one in said if one.response}:
        for row in statements.statements_of_response(tx, response_id, who.org):
            rows[row.statement_id] = row
    places = log.places(tx, rows)
    disclosures: dict[str, dict[str, list[str]]] = {}
    for opened in statements.disclosures_of(tx, places):
        disclosures.setdefault(opened.statement_id, {}).setdefault(opened.kind, []).append(
            opened.text
        )
    return Earlier(
        recorded=tuple(
            Recorded(parse(rows[statement_id].payload, [here.predicate_base]), position)
            for statement_id, position in places.items()
        ),
        documents={
            file_name(row.sha256, row.kind): row.content
            for row in statements.documents_of(tx, list(places))
        },
        disclosures=disclosures,
        heads=heads_of(tx, (one.anchor for one in said)),
    )


def heads_of(tx: Session, anchors: Iterable[Anchor | None]) -> dict[tuple[str, int], TreeHead]:
    """Return the heads of our own logs that some anchors name; a foreign one is missing."""
    found: dict[tuple[str, int], TreeHead] = {}
    epochs = {epoch.origin: epoch.number for epoch in log.epochs(tx)}
    for origin, size in {(one.origin, one.size) for one in anchors if one is not None}:
        if origin not in epochs:
            continue
        for head in log.checkpoints_of_size(tx, epochs[origin], size):
            # The newest of one size: an idle log cosigns its head again and again.
            found[origin, size] = TreeHead(head.root_hash, head.signed_at)
    return found


def merged(handed: Disclosures, earlier: Disclosures) -> bytes:
    """Return one `disclosures.json` of what was handed in and what was there."""
    both = {**earlier, **handed}
    return archive.write_disclosures(
        {
            statement_id: {kind: tuple(texts) for kind, texts in kinds.items()}
            for statement_id, kinds in both.items()
        }
    )


def file_name(digest: str, kind: str) -> str:
    """Return how a document is called in an archive (profile section 7)."""
    return f"{digest}.evidence" if kind == "evidence" else f"{digest}.{kind}.json"
