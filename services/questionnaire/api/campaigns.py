"""Campaigns: drafted, prepared for one signature, issued by the log's word."""

from __future__ import annotations

import base64
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, model_validator
from rensho.sign import NOT_USED_FOR
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import campaigns as actions
from services.questionnaire.actions.campaigns import FairDealingRecord, Plan, Terms
from services.questionnaire.api.edge import (
    Deployed,
    HandIn,
    Line,
    Prose,
    after,
    cursor_after,
)
from services.questionnaire.rules import invitations
from services.questionnaire.store import campaigns, requests
from services.questionnaire.store.tables import Campaign, Invitation
from services.questionnaire.store.tables import Request as AskedRequest

router = APIRouter(tags=["campaigns"])


class FairDealingIn(Model):
    """How the supplier is dealt with: status under the subcontract act, effort, cost, reasons."""

    subcontract_act: Literal["covered", "not", "undecided"]
    basis: Prose
    effort_minutes: int = Field(ge=0, le=100_000)
    cost_offered: Prose
    explanation: Prose

    def record(self) -> FairDealingRecord:
        """Return it as the actions know it."""
        return FairDealingRecord(**self.model_dump())


class CampaignIn(Model):
    """Whom to ask what, until when, and what is promised about the answers."""

    title: Line
    questionnaire_id: UUID
    supplier_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None
    all: bool = False
    due_on: date
    purpose: Prose
    why: Prose
    clauses: Annotated[list[Line], Field(max_length=100)] = Field(default_factory=list)
    viewers: Annotated[list[Line], Field(min_length=1, max_length=50)]
    not_used_for: Annotated[list[Line], Field(max_length=20)] = Field(
        default_factory=lambda: list(NOT_USED_FOR)
    )
    nda_basis: Literal["basic-contract", "own-nda", "none"]
    fair_dealing: FairDealingIn | None = None
    fair_dealing_for: dict[UUID, FairDealingIn] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.all == (self.supplier_ids is not None):
            msg = "give either supplier_ids or all: true"
            raise ValueError(msg)
        for name in ("clauses", "viewers", "not_used_for"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                msg = f"{name} holds something twice"
                raise ValueError(msg)
        return self

    def plan(self) -> Plan:
        """Return it as the actions know it."""
        return Plan(
            title=self.title,
            questionnaire_id=self.questionnaire_id,
            supplier_ids=self.supplier_ids,
            due_on=self.due_on,
            terms=Terms(
                why=self.why,
                purpose=self.purpose,
                clauses=self.clauses,
                viewers=self.viewers,
                not_used_for=self.not_used_for,
                nda_basis=self.nda_basis,
            ),
            fair_dealing=self.fair_dealing.record() if self.fair_dealing else None,
            fair_dealing_for={
                supplier_id: each.record() for supplier_id, each in self.fair_dealing_for.items()
            },
        )


class CampaignOut(Model):
    """A campaign; `counts` says how many requests are in each state.

    `refused` lists the codes where its newest statement was refused by the log.
    """

    id: UUID
    title: str
    state: Literal["draft", "prepared", "issued"]
    questionnaire_id: UUID
    due_on: date
    purpose: str
    why: str
    clauses: list[str]
    viewers: list[str]
    not_used_for: list[str]
    nda_basis: str
    statement_id: str | None
    issued_at: datetime | None
    created_at: datetime
    counts: dict[str, int]
    refused: list[str]


class CampaignPage(Page):
    """A page of campaigns, oldest first."""

    items: list[CampaignOut]


class PreparedCampaignOut(Model):
    """What to sign for a campaign: DSSE over `payload` (base64) as it is.

    `documents` by file name, base64; `disclosures` by statement id.
    """

    campaign_id: UUID
    statement_id: str
    payload: str
    documents: dict[str, str]
    disclosures: dict[str, dict[str, list[str]]]


class AskedOut(Model):
    """One request of a campaign; the link is for a supplier that has not enrolled yet."""

    id: UUID
    supplier_id: UUID
    link_id: UUID
    state: str
    due_at: datetime
    respondent_org_id: UUID | None
    invitation_id: UUID | None
    invitation_link: str | None
    invitation_expires_at: datetime | None
    mailed_at: datetime | None


class AskedPage(Page):
    """A page of a campaign's requests."""

    items: list[AskedOut]


@router.post(
    "/campaigns",
    dependencies=[needs("campaigns.write")],
    status_code=201,
    response_model=CampaignOut,
)
def draft_campaign(tx: Tx, who: Who, now: Now, body: CampaignIn, once: OnceOnly) -> Response:
    """Draft a campaign; nothing goes out before its statement is signed and in the log."""
    return once(lambda: _shown(tx, actions.draft(tx, who, body.plan(), now)))


@router.post(
    "/campaigns/{campaign_id}/prepare",
    dependencies=[needs("campaigns.write")],
    response_model=PreparedCampaignOut,
)
def prepare_campaign(
    tx: Tx,
    who: Who,
    now: Now,
    campaign_id: UUID,
    body: HandIn,
    deployment: Deployed,
    once: OnceOnly,
) -> Response:
    """Get the one statement to sign for a campaign; an unsigned preparation is replaced."""

    def work() -> PreparedCampaignOut:
        made = actions.prepare(tx, who, campaign_id, body.hand(), deployment, now)
        return PreparedCampaignOut(
            campaign_id=made.campaign_id,
            statement_id=made.statement.statement_id,
            payload=base64.b64encode(made.statement.payload).decode("ascii"),
            documents=made.documents,
            disclosures=made.disclosures,
        )

    return once(work, status=200)


@router.get("/campaigns", dependencies=[needs("campaigns.read")])
def list_campaigns(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> CampaignPage:
    """List your campaigns."""
    rows = campaigns.page(tx, who.org, after(cursor), limit + 1)
    counted = campaigns.counts(tx, who.org, [row.id for row in rows])
    return CampaignPage(
        items=[_campaign_out(row, counted[row.id], []) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.get("/campaigns/{campaign_id}", dependencies=[needs("campaigns.read")])
def read_campaign(tx: Tx, who: Who, campaign_id: UUID) -> CampaignOut:
    """Read one campaign of yours."""
    return _shown(tx, _own(tx, who.org, campaign_id))


@router.get("/campaigns/{campaign_id}/requests", dependencies=[needs("campaigns.read")])
def list_campaign_requests(
    tx: Tx,
    who: Who,
    http: Request,
    campaign_id: UUID,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AskedPage:
    """List the requests of a campaign, with the link to copy where a supplier was invited."""
    _own(tx, who.org, campaign_id)
    rows = requests.of_campaign(tx, who.org, campaign_id, after(cursor), limit + 1)
    invited = campaigns.invitations(tx, who.org, [row.id for row in rows])
    state = http.app.state
    return AskedPage(
        items=[
            _asked_out(row, invited.get(row.id), state.invitation_secret, state.base_url)
            for row in rows[:limit]
        ],
        next_cursor=cursor_after(rows, limit),
    )


def _own(tx: Session, org: UUID, campaign_id: UUID) -> Campaign:
    found = campaigns.own(tx, org, campaign_id)
    if found is None:
        raise NotFound("no such campaign")
    return found


def _shown(tx: Session, campaign: Campaign) -> CampaignOut:
    newest = campaigns.newest_preparation(tx, campaign.id)
    counted = campaigns.counts(tx, campaign.org_id, [campaign.id])
    refused = (newest.refused if newest else None) or []
    return _campaign_out(campaign, counted[campaign.id], refused)


def _campaign_out(campaign: Campaign, counts: dict[str, int], refused: list[Any]) -> CampaignOut:
    own = ("id", "title", "state", "questionnaire_id", "due_on", "statement_id")
    times = ("issued_at", "created_at")
    return CampaignOut(
        **{name: getattr(campaign, name) for name in (*own, *times)},
        **campaign.terms,
        counts=counts,
        refused=refused,
    )


def _asked_out(
    request: AskedRequest, invitation: Invitation | None, secret: bytes, base_url: str
) -> AskedOut:
    link = None
    if invitation is not None:
        link = f"{base_url}/invitations/{invitations.handle(secret, invitation.id)}"
    return AskedOut(
        id=request.id,
        supplier_id=request.supplier_id,
        link_id=request.link_id,
        state=request.state,
        due_at=request.due_at,
        respondent_org_id=request.respondent_org_id,
        invitation_id=invitation and invitation.id,
        invitation_link=link,
        invitation_expires_at=invitation and invitation.expires_at,
        mailed_at=invitation and invitation.mailed_at,
    )
