"""Asking: a campaign is drafted, prepared, signed once, and issued to all or to none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final, Literal
from uuid import UUID

from rensho import blocks, sign
from rensho.disclosure import fresh_salt
from rensho.entries import Respondent
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import Invalid, NotFound, Refused, Unavailable
from services.questionnaire.actions.signing import (
    VALID_FOR,
    Deployment,
    Hand,
    ToSign,
    common,
    making,
    named,
    refuse_hand,
    to_sign,
)
from services.questionnaire.store import (
    campaigns,
    organizations,
    questionnaires,
    requests,
    suppliers,
)
from services.questionnaire.store.tables import (
    Campaign,
    CampaignPreparation,
    FairDealing,
    Questionnaire,
    Request,
    Supplier,
)

MOST_REQUESTS: Final = 10_000
"""One signed payload holds no more (profile section 8, step 1)."""

_JAPAN: Final = timezone(timedelta(hours=9))


class FairDealingMissing(Invalid):
    """Nobody asks a supplier without having thought about effort, cost and explanation."""

    urn = "campaigns/fair-dealing-missing"


class NobodyToAsk(Invalid):
    """No supplier was chosen, or one of them is not yours or no longer supplies you."""

    urn = "campaigns/suppliers"


class MailboxMissing(Invalid):
    """Some suppliers have no mailbox an invitation could go to."""

    urn = "campaigns/mailbox-missing"


class DueInThePast(Invalid):
    """The day to answer by must be ahead, and within what a signature covers."""

    urn = "campaigns/due-on"


class AlreadyIssued(Refused):
    """The requests went out; what was signed stays as it is."""

    urn = "campaigns/already-issued"


@dataclass(frozen=True)
class FairDealingRecord:
    """How a supplier is dealt with (domain.md, Asking fairly); `effort_minutes` is expected."""

    subcontract_act: Literal["covered", "not", "undecided"]
    basis: str
    effort_minutes: int
    cost_offered: str
    explanation: str


@dataclass(frozen=True)
class Terms:
    """What the signed request says beside the questions."""

    why: str
    purpose: str
    clauses: Sequence[str]
    viewers: Sequence[str]
    not_used_for: Sequence[str]
    nda_basis: Literal["basic-contract", "own-nda", "none"]


@dataclass(frozen=True)
class Plan:
    """A campaign as its requester wants it; `supplier_ids` None asks all living links.

    `fair_dealing_for` holds what differs for single suppliers.
    """

    title: str
    questionnaire_id: UUID
    supplier_ids: Collection[UUID] | None
    due_on: date
    terms: Terms
    fair_dealing: FairDealingRecord | None
    fair_dealing_for: Mapping[UUID, FairDealingRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """The one statement of a campaign, its questionnaire document and all its disclosures."""

    campaign_id: UUID
    statement: ToSign
    documents: dict[str, str]
    disclosures: dict[str, dict[str, list[str]]]


def draft(tx: Session, who: Principal, plan: Plan, now: datetime) -> Campaign:
    """Draft a campaign with one request per supplier; nothing leaves yet.

    Raises:
        FairDealingMissing, DueInThePast, NobodyToAsk, MailboxMissing: the plan will not do.
        NotFound: no such questionnaire of yours.
        Unavailable: your organization's name has not arrived here yet.
    """
    if plan.fair_dealing is None:
        raise FairDealingMissing("say how the suppliers are dealt with: fair_dealing")
    due_at = _due_at(plan.due_on)
    if not now < due_at <= now + VALID_FOR:
        raise DueInThePast("due_on must be ahead, by 400 days at most")
    if questionnaires.own(tx, who.org, plan.questionnaire_id) is None:
        raise NotFound("no such questionnaire")
    requester_name = organizations.name_of(tx, who.org)
    if requester_name is None:
        raise Unavailable("your organization is not known here yet; try again", retry_after=2)
    asked = _whom(tx, who.org, plan.supplier_ids)
    campaign = _campaign(who, plan, requester_name, due_at)
    tx.add(campaign)
    tx.flush()
    tx.add_all(_request(campaign, supplier) for supplier in asked)
    for supplier in asked:
        dealing = plan.fair_dealing_for.get(supplier.id, plan.fair_dealing)
        tx.add(_fair_dealing(campaign, supplier, dealing))
    tx.flush()
    tx.info["details"].update(campaign_id=str(campaign.id), requests=len(asked))
    return campaign


def prepare(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    hand: Hand,
    deployment: Deployment,
    now: datetime,
) -> Prepared:
    """Hand out the one statement of a campaign for signing, with a fresh nonce per request.

    Preparing again replaces a statement nobody signed; should both be signed, the first one in
    the log counts.

    Raises:
        NotFound, AlreadyIssued: no such campaign of yours, or its requests went out.
        WrongSigningTime, DeadKey, Unsignable: see `signing`.
    """
    refuse_hand(tx, hand, now)
    campaign = _unissued(tx, who.org, campaign_id)
    questionnaire = questionnaires.own(tx, who.org, campaign.questionnaire_id)
    assert questionnaire is not None
    entries = [_respondent(each) for each in requests.of_campaign(tx, who.org, campaign.id)]
    statement, texts = _statement(campaign, questionnaire, entries, hand, deployment)
    campaign.state = "prepared"
    tx.add(_preparation(campaign, statement, entries, texts))
    tx.flush()
    say(
        tx,
        "request.prepared.v1",
        campaign_id=campaign.id,
        org_id=who.org,
        statement_id=statement.statement_id,
        questionnaire_digest=questionnaire.digest,
    )
    tx.info["details"]["statement_id"] = statement.statement_id
    disclosures = {statement.statement_id: {"respondents": list(texts)}}
    documents = named("questionnaire", questionnaire.document)
    return Prepared(campaign.id, statement, documents, disclosures)


def _campaign(who: Principal, plan: Plan, requester_name: str, due_at: datetime) -> Campaign:
    return Campaign(
        id=new_id(),
        org_id=who.org,
        requester_name=requester_name,
        title=plan.title,
        questionnaire_id=plan.questionnaire_id,
        due_on=plan.due_on,
        due_at=due_at,
        terms={name: _plain(value) for name, value in vars(plan.terms).items()},
        contact={"name": who.name, "mailbox": who.mailbox},
        state="draft",
    )


def _fair_dealing(
    campaign: Campaign, supplier: Supplier, dealing: FairDealingRecord
) -> FairDealing:
    return FairDealing(
        campaign_id=campaign.id,
        supplier_id=supplier.id,
        org_id=campaign.org_id,
        record=asdict(dealing),
    )


def _statement(
    campaign: Campaign,
    questionnaire: Questionnaire,
    entries: Sequence[Respondent],
    hand: Hand,
    deployment: Deployment,
) -> tuple[ToSign, Sequence[str]]:
    with making():
        block, texts = blocks.respondents(entries)
        payload = sign.request(
            common(deployment, campaign.org_id, hand),
            questionnaire_sha256=questionnaire.digest,
            campaign=str(campaign.id),
            due_at=campaign.due_at,
            respondents=block,
            **campaign.terms,
        )
    return to_sign("request", payload), texts


def _preparation(
    campaign: Campaign, statement: ToSign, entries: Sequence[Respondent], texts: Sequence[str]
) -> CampaignPreparation:
    return CampaignPreparation(
        statement_id=statement.statement_id,
        org_id=campaign.org_id,
        campaign_id=campaign.id,
        requests=[
            {"id": entry.request_id, "nonce": entry.nonce, "disclosure": text}
            for entry, text in zip(entries, texts, strict=True)
        ],
        created_at=clock.now(),
    )


def _unissued(tx: Session, org: UUID, campaign_id: UUID) -> Campaign:
    campaign = campaigns.own_for_update(tx, org, campaign_id)
    if campaign is None:
        raise NotFound("no such campaign")
    if campaign.state == "issued":
        raise AlreadyIssued("this campaign was issued")
    return campaign


def _due_at(due_on: date) -> datetime:
    """The last second of that day in Japan, where the requester's calendar is."""
    return datetime.combine(due_on, time(23, 59, 59), _JAPAN).astimezone(UTC)


def _whom(tx: Session, org: UUID, ids: Collection[UUID] | None) -> Sequence[Supplier]:
    asked = suppliers.asked(tx, org, ids)
    missing = set(ids or ()) - {supplier.id for supplier in asked}
    if not asked or missing:
        raise NobodyToAsk(
            "choose suppliers of yours whose link is alive",
            supplier_ids=sorted(str(each) for each in missing),
        )
    if len(asked) > MOST_REQUESTS:
        raise NobodyToAsk(f"a campaign asks at most {MOST_REQUESTS} suppliers")
    silent = [s for s in asked if not s.mailbox and s.link.supplier_org_id is None]
    if silent:
        raise MailboxMissing(
            "some suppliers have no mailbox", supplier_ids=[str(each.id) for each in silent]
        )
    return asked


def _request(campaign: Campaign, supplier: Supplier) -> Request:
    return Request(
        id=new_id(),
        requester_org_id=campaign.org_id,
        respondent_org_id=supplier.link.supplier_org_id,
        campaign_id=campaign.id,
        questionnaire_id=campaign.questionnaire_id,
        supplier_id=supplier.id,
        link_id=supplier.link.id,
        state="created",
        due_at=campaign.due_at,
    )


def _respondent(request: Request) -> Respondent:
    return Respondent(
        f"urn:rensho:link:{request.link_id}", str(request.id), fresh_salt(), request.due_at
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)
