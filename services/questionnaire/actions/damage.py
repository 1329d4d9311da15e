"""Looking for damage: documents, requests and evidence against the digests they were signed by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rensho import disclosure
from rensho.documents import QuestionnaireDocument
from rensho.entries import EvidenceFile, EvidenceSeen, Respondent, read_evidence
from rensho.errors import VerificationError
from rensho.salted import sha256
from sqlalchemy import select

from services.kit.damage import Damage, Look, damaged, orphans
from services.questionnaire.actions import evidence
from services.questionnaire.store.evidence import Evidence, EvidenceUse
from services.questionnaire.store.objects import Objects
from services.questionnaire.store.tables import (
    Campaign,
    CampaignPreparation,
    Questionnaire,
    Request,
    ResponsePreparation,
    SupplyLink,
    metadata,
)

_LINK = "urn:rensho:link:"


def fsck(look: Look, objects: Objects) -> list[Damage]:
    """Return all damage found, none for a clean schema.

    Args:
        look: a transaction of the worker role, which sees every row, at one snapshot.
        objects: where the bytes of evidence lie.
    """
    look.take_time()
    return [
        *_questionnaires(look),
        *_campaigns(look),
        *_requests(look),
        *(Damage("evidence", str(name), what) for name, what in evidence.damage(look.tx, objects)),
        *_uses(look),
        *orphans(look, metadata),
    ]


def _questionnaires(look: Look) -> Iterator[Damage]:
    for row in look.each(select(Questionnaire)):
        try:
            QuestionnaireDocument.parse(row.document)
        except VerificationError as why:
            yield damaged(row, f"the document cannot be read: {why.code}")
        if sha256(row.document) != row.digest:
            yield damaged(row, "the document has another digest")


def _campaigns(look: Look) -> Iterator[Damage]:
    """An issued campaign names the preparation that was signed."""
    query = (
        select(Campaign, CampaignPreparation)
        .outerjoin(CampaignPreparation, CampaignPreparation.statement_id == Campaign.statement_id)
        .where(Campaign.statement_id.is_not(None))
    )
    for row, prepared in look.each(query):
        if prepared is None or (prepared.campaign_id, prepared.org_id) != (row.id, row.org_id):
            yield damaged(row, "statement_id is of no preparation of it")
    asked = select(Questionnaire.id).where(Questionnaire.id == Campaign.questionnaire_id)
    for row in look.each(select(Campaign).where(~asked.exists())):
        yield damaged(row, "its questionnaire is missing")


def _requests(look: Look) -> Iterator[Damage]:
    """An issued request repeats the entry of the signed statement that its disclosure opens."""
    query = (
        select(Request, CampaignPreparation, Campaign, SupplyLink)
        .outerjoin(CampaignPreparation, CampaignPreparation.statement_id == Request.statement_id)
        .outerjoin(Campaign, Campaign.id == Request.campaign_id)
        .outerjoin(SupplyLink, SupplyLink.id == Request.link_id)
        .where(Request.issued_at.is_not(None))
    )
    for row, prepared, campaign, link in look.each(query):
        yield from (damaged(row, what) for what in _other_than_asked(row, campaign, link))
        if prepared is None or prepared.campaign_id != row.campaign_id:
            yield damaged(row, "statement_id is of no preparation of its campaign")
        else:
            entry = {"id": str(row.id), "nonce": row.nonce, "disclosure": row.disclosure}
            if entry not in [{name: one.get(name) for name in entry} for one in prepared.requests]:
                yield damaged(row, "it is not what was prepared for signing")
        try:
            told = Respondent.from_json(disclosure.parse(row.disclosure or "").value)
        except VerificationError as why:
            yield damaged(row, f"the disclosure cannot be read: {why.code}")
            continue
        if (told.link, told.request_id, told.nonce, told.due_at) != (
            f"{_LINK}{row.link_id}",
            str(row.id),
            row.nonce,
            row.due_at,
        ):
            yield damaged(row, "it is not what its disclosure says")


def _other_than_asked(
    row: Request, campaign: Campaign | None, link: SupplyLink | None
) -> Iterator[str]:
    if campaign is None or link is None:
        yield "its campaign or link is missing"
        return
    repeated = {
        "requester_org_id": campaign.org_id,
        "questionnaire_id": campaign.questionnaire_id,
        "issued_at": campaign.issued_at,
        "supplier_id": link.supplier_id,
        "respondent_org_id": link.supplier_org_id,
    }
    for column, value in repeated.items():
        if getattr(row, column) != value:
            yield f"{column} is not that of its campaign or link"


def _uses(look: Look) -> Iterator[Damage]:
    """What a statement commits to is what its disclosure says, and the evidence it was made of."""
    query = (
        select(EvidenceUse, Evidence, ResponsePreparation)
        .outerjoin(
            Evidence,
            (Evidence.id == EvidenceUse.evidence_id)
            & (Evidence.org_id == EvidenceUse.respondent_org_id),
        )
        .outerjoin(
            ResponsePreparation, ResponsePreparation.declaration_id == EvidenceUse.declaration_id
        )
    )
    for row, kept, prepared in look.each(query):
        if kept is None:
            yield damaged(row, "the evidence is missing")
            continue
        repeated = ("kind", "title", "sha256", "size", "media_type")
        if any(getattr(row, name) != getattr(kept, name) for name in repeated):
            yield damaged(row, "it is not the evidence it was made of")
        if prepared is None or row.statement_id not in [
            one["statement_id"] for one in prepared.statements
        ]:
            yield damaged(row, "its statement is of no such revision")
        elif row.requester_org_id != prepared.requester_org_id:
            yield damaged(row, "requester_org_id is not that of the revision")
        if row.disclosure is not None and (what := _wrong_with(row, kept)):
            yield damaged(row, what)


def _wrong_with(row: EvidenceUse, kept: Evidence) -> str | None:
    assert row.disclosure is not None
    try:
        told = read_evidence(disclosure.parse(row.disclosure).value)
        digest = disclosure.digest(row.disclosure)
    except VerificationError as why:
        return f"the disclosure cannot be read: {why.code}"
    if digest != row.commitment:
        return "commitment is not the digest of the disclosure"
    if told.title != row.title:
        return "title is not what the disclosure says"
    said: tuple[Any, ...]
    match told:
        case EvidenceFile():
            said = (told.sha256, told.size, told.media_type)
            mine: tuple[Any, ...] = (kept.sha256, kept.size, kept.media_type)
        case EvidenceSeen():
            said = (told.document_number, told.revision)
            mine = (kept.document_number, kept.revision)
    return None if said == mine else "it is not what the disclosure says"
