"""Campaigns: drafted, prepared for one signature, issued by the log's word."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import campaigns as actions
from services.questionnaire.actions import changing
from services.questionnaire.api.campaign_bodies import CampaignIn, DraftIn, LetterheadIn, StepIn
from services.questionnaire.api.edge import (
    Bilingual,
    Deployed,
    HandIn,
    Version,
    after,
    bilingual,
    cursor_after,
    etag,
)
from services.questionnaire.rules import campaigns as rules
from services.questionnaire.rules.calendars import fiscal_year
from services.questionnaire.rules.campaigns import Deed
from services.questionnaire.rules.campaigns import State as CampaignState
from services.questionnaire.rules.due_warnings import Notice
from services.questionnaire.store import campaigns
from services.questionnaire.store.tables import Campaign

router = APIRouter(tags=["campaigns"])


class PersonOut(Model):
    """Somebody of the requester as the campaign names them."""

    name: str
    mailbox: str


class WarningOut(Model):
    """What a person should know about the due date; `suppliers`: how many it concerns."""

    code: str
    text: Bilingual
    suppliers: int | None


class CampaignOut(Model):
    """A campaign; `counts` says how many requests are in each state.

    `may`: what can be done in this state. `warnings` about the due date, while it can be changed.
    `refused` lists the codes where its newest statement was refused by the log.
    """

    id: UUID
    title: str
    state: CampaignState
    version: int
    may: list[Deed]
    questionnaire_id: UUID
    due_on: date
    fiscal_year: int
    contact: PersonOut
    owner: PersonOut | None
    flow: list[StepIn]
    letterhead: LetterheadIn
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
    warnings: list[WarningOut]
    refused: list[str]


class CampaignPage(Page):
    """A page of campaigns, oldest first."""

    items: list[CampaignOut]


class PreparedCampaignOut(Model):
    """What to sign for a campaign: DSSE over `payload` (base64) as it is.

    `documents` by file name, base64; `disclosures` by statement id; `warnings`: about the due date.
    """

    campaign_id: UUID
    statement_id: str
    payload: str
    documents: dict[str, str]
    disclosures: dict[str, dict[str, list[str]]]
    warnings: list[WarningOut]


@router.post(
    "/campaigns",
    dependencies=[needs("campaigns.write")],
    status_code=201,
    response_model=CampaignOut,
)
def draft_campaign(tx: Tx, who: Who, now: Now, body: CampaignIn, once: OnceOnly) -> Response:
    """Draft a campaign; nothing goes out before its statement is signed and in the log."""
    return once(lambda: campaign_shown(tx, actions.draft(tx, who, body.plan(), now), now))


@router.put("/campaigns/{campaign_id}", dependencies=[needs("campaigns.write")])
def change_campaign(
    tx: Tx, who: Who, now: Now, campaign_id: UUID, body: DraftIn, version: Version
) -> CampaignOut:
    """Change a draft as a whole. `If-Match`: the version you read, else 409.

    Whom it asks and how they are dealt with stay unless they are given.
    """
    stays = not body.names_whom
    changed = changing.change(tx, who, campaign_id, body.plan(), version, now, whom_stays=stays)
    return campaign_shown(tx, changed, now)


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
    version: Version,
    once: OnceOnly,
) -> Response:
    """Get the one statement to sign for a campaign; an unsigned preparation is replaced.

    With `If-Match`, the version of the draft that was previewed: another one is a 409.
    """

    def work() -> PreparedCampaignOut:
        made = actions.prepare(
            tx, who, campaign_id, body.hand(), deployment, now, previewed=version
        )
        return PreparedCampaignOut(
            campaign_id=made.campaign_id,
            statement_id=made.statement.statement_id,
            payload=base64.b64encode(made.statement.payload).decode("ascii"),
            documents=made.documents,
            disclosures=made.disclosures,
            warnings=_warnings(changing.notices(tx, own_campaign(tx, who.org, campaign_id), now)),
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
def read_campaign(tx: Tx, who: Who, now: Now, campaign_id: UUID, response: Response) -> CampaignOut:
    """Read one campaign of yours; its ETag is the version of the draft."""
    found = own_campaign(tx, who.org, campaign_id)
    response.headers.update(etag(found.version))
    return campaign_shown(tx, found, now)


def own_campaign(tx: Session, org: UUID, campaign_id: UUID) -> Campaign:
    """Return a campaign of `org`, or refuse."""
    found = campaigns.own(tx, org, campaign_id)
    if found is None:
        raise NotFound("no such campaign")
    return found


def campaign_shown(tx: Session, campaign: Campaign, now: datetime) -> CampaignOut:
    """Show one campaign whole."""
    newest = campaigns.newest_preparation(tx, campaign.id)
    counted = campaigns.counts(tx, campaign.org_id, [campaign.id])
    refused = (newest.refused if newest else None) or []
    out = campaign.issued_at is not None or campaign.state == "cancelled"
    told = [] if out else changing.notices(tx, campaign, now)
    return _campaign_out(campaign, counted[campaign.id], refused, told)


def _warnings(told: Sequence[Notice]) -> list[WarningOut]:
    return [
        WarningOut(code=each.code, text=bilingual(each.text), suppliers=each.suppliers)
        for each in told
    ]


def _campaign_out(
    campaign: Campaign, counts: dict[str, int], refused: list[Any], told: Sequence[Notice] = ()
) -> CampaignOut:
    own = ("id", "title", "state", "version", "questionnaire_id", "due_on", "statement_id", "flow")
    times = ("issued_at", "created_at")
    return CampaignOut(
        **{name: getattr(campaign, name) for name in (*own, *times)},
        **campaign.terms,
        may=rules.may(campaign.state),  # type: ignore[arg-type]
        fiscal_year=fiscal_year(campaign.due_on),
        contact=PersonOut(name=campaign.contact["name"], mailbox=campaign.contact["mailbox"]),
        letterhead=LetterheadIn(**campaign.contact.get("letterhead", {})),
        owner=PersonOut(**campaign.owner) if campaign.owner else None,
        counts=counts,
        warnings=_warnings(told),
        refused=refused,
    )
