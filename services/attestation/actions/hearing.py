"""What this service learns from the others. Order is not assumed: whichever of two facts that
belong together comes second finds the first, and hearing one twice changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from rensho import bundle as bundles
from rensho import strict_base64, times
from rensho.errors import Code, VerificationError
from rensho.statement import RISK_SNAPSHOT, Statement, parse
from rensho.trust import Deployment
from rensho.verify import Submission, check_submission
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.attestation.actions.earlier import heads_of
from services.attestation.actions.keeping import Checked, keep
from services.attestation.actions.trust import deployment
from services.attestation.rules.names import org_urn
from services.attestation.store import statements
from services.attestation.store.known import (
    CampaignPrepared,
    LinkEnd,
    Organization,
    RequestKnown,
)
from services.attestation.store.statements import Reader
from services.kit.clock import whole_second
from services.kit.outbox import Event, say

# A snapshot's documents stay with the risk service; what is logged is that it was made.
_NOT_OURS_TO_HOLD: frozenset[Code] = frozenset({"content.missing"})


def organization_enrolled(tx: Session, event: Event, now: datetime) -> None:
    """Learn that a firm enrolled, and by which link: keys wait for it, requests reach it."""
    org = insert(Organization).values(org_id=event["org_id"], enrolled_at=times.read(event["at"]))
    tx.execute(org.on_conflict_do_nothing())
    invitation = event["invitation"]
    if invitation["link_id"] is None or invitation["inviter_org_id"] is None:
        return
    link = insert(LinkEnd).values(
        link_id=invitation["link_id"],
        requester_org_id=invitation["inviter_org_id"],
        respondent_org_id=event["org_id"],
        known_at=now,
    )
    tx.execute(link.on_conflict_do_nothing())
    _let_respondents_read(tx, [UUID(invitation["link_id"])])


def request_prepared(tx: Session, event: Event) -> None:
    """Learn which statement a requester may sign for a campaign."""
    row = insert(CampaignPrepared).values(
        statement_id=event["statement_id"],
        campaign_id=event["campaign_id"],
        org_id=event["org_id"],
        questionnaire_digest=event["questionnaire_digest"],
        event_id=event["id"],
    )
    tx.execute(row.on_conflict_do_nothing())


def request_issued(tx: Session, event: Event) -> None:
    """Learn what was asked on which link, so that an answer can be held against it."""
    for asked in event["requests"]:
        row = insert(RequestKnown).values(
            request_id=asked["request_id"],
            statement_id=event["statement_id"],
            link_id=asked["link_id"],
            requester_org_id=event["org_id"],
            nonce=asked["nonce"],
            due_at=times.read(asked["due_at"]),
            questionnaire_digest=event["questionnaire_digest"],
        )
        tx.execute(row.on_conflict_do_nothing())
    _let_respondents_read(tx, [UUID(asked["link_id"]) for asked in event["requests"]])


def _let_respondents_read(tx: Session, links: list[UUID]) -> None:
    """Let whoever accepted these links read the requests made on them."""
    found = tx.execute(
        select(RequestKnown.statement_id, LinkEnd.respondent_org_id, RequestKnown.requester_org_id)
        .join(LinkEnd, LinkEnd.link_id == RequestKnown.link_id)
        .where(RequestKnown.link_id.in_(links))
        .distinct()
    ).all()
    known = statements.statements_by_id(tx, (row.statement_id for row in found))
    for row in found:
        # A link is the word of the requester: it must not open another firm's statement.
        if row.statement_id in known and (
            known[row.statement_id].owner_org_id == row.requester_org_id
        ):
            reader = insert(Reader).values(
                statement_id=row.statement_id,
                org_id=row.respondent_org_id,
                owner_org_id=row.requester_org_id,
            )
            tx.execute(reader.on_conflict_do_nothing())


def snapshot_signed(tx: Session, event: Event, now: datetime) -> None:
    """Check a snapshot the risk service signed, and queue it or say why not."""
    here = deployment(tx)
    data = strict_base64.decode(event["bundle"])
    try:
        bundle = bundles.parse(data)
        said = parse(bundle.envelope.payload, [here.predicate_base])
    except VerificationError as why:
        _refuse_snapshot(tx, event, [why.code])
        return
    codes = [*_codes(tx, data, said, here, now)]
    if said.name != RISK_SNAPSHOT or said.id != event["statement_id"]:
        codes.append("statement.predicate_type")
    if said.predicate.get("requester") != org_urn(UUID(event["org_id"])):
        codes.append("context.audience")
    signer = here.fixed_key(bundle.hint or "")
    if codes or signer is None:
        _refuse_snapshot(tx, event, codes or ["key.unknown"])
        return
    owner = UUID(event["org_id"])
    if statements.statements_by_id(tx, [said.id]):
        return
    checked = Checked(statement=said, envelope=bundle.envelope, key=signer[0], opener=owner)
    keep(tx, owner, RISK_SNAPSHOT, [checked], whole_second(now))


def _codes(tx: Session, data: bytes, said: Statement, here: Deployment, now: datetime) -> set[Code]:
    heads = heads_of(tx, [said.anchor])
    found = check_submission(Submission(bundles=(data,), heads=heads), here, now)
    return set(found) - _NOT_OURS_TO_HOLD


def _refuse_snapshot(tx: Session, event: Event, codes: list[Code]) -> None:
    say(
        tx,
        "statement.refused.v1",
        statement_id=event["statement_id"],
        statement_type=RISK_SNAPSHOT,
        org_id=event["org_id"],
        codes=codes,
    )
