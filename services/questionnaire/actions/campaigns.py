"""Asking: a campaign is drafted, prepared, signed once, and issued to all or to none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
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
from services.questionnaire.actions.endings import stepped
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
from services.questionnaire.rules import letters
from services.questionnaire.store import (
    calendars,
    campaigns,
    organizations,
    questionnaires,
    requests,
    suppliers,
)
from services.questionnaire.store.suppliers import Asked
from services.questionnaire.store.tables import (
    Campaign,
    CampaignPreparation,
    Questionnaire,
)

MOST_REQUESTS: Final = 10_000
"""One signed payload holds no more (profile section 8, step 1)."""


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


class ChangedSincePreview(Refused):
    """Somebody changed the draft since you looked at it; look again before you sign."""

    urn = "campaigns/changed-since-preview"


class ApprovalMissing(Refused):
    """The campaign names people who check it first, and they have not."""

    urn = "campaigns/approval-missing"


class AlreadyIssued(Refused):
    """The requests went out; what was signed stays as it is."""

    urn = "campaigns/already-issued"


@dataclass(frozen=True)
class FairDealingRecord:
    """How a supplier is dealt with (domain.md, Asking fairly); `effort_minutes` is expected.

    `necessity` blank is the campaign's own reason; `cost_outcome` blank: nothing came of it yet.
    """

    subcontract_act: Literal["covered", "not", "undecided"]
    basis: str
    effort_minutes: int
    cost_offered: str
    explanation: str
    necessity: str = ""
    cost_outcome: str = ""


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

    `fair_dealing_for` holds what differs for single suppliers. `owner` hears when silence lasts;
    `flow` are those who check and approve, in order: `{"kind", "name", "mailbox"}`.
    """

    title: str
    questionnaire_id: UUID
    supplier_ids: Collection[UUID] | None
    due_on: date
    terms: Terms
    fair_dealing: FairDealingRecord | None
    fair_dealing_for: Mapping[UUID, FairDealingRecord] = field(default_factory=dict)
    owner: Mapping[str, str] = field(default_factory=dict)
    flow: Sequence[Mapping[str, str]] = ()
    letterhead: Mapping[str, str] = field(default_factory=dict)


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
    due_at = due_at_of(plan.due_on, now)
    if questionnaires.own(tx, who.org, plan.questionnaire_id) is None:
        raise NotFound("no such questionnaire")
    requester_name = organizations.name_of(tx, who.org)
    if requester_name is None:
        raise Unavailable("your organization is not known here yet; try again", retry_after=2)
    campaign = _campaign(who, plan, requester_name, due_at)
    tx.add(campaign)
    tx.flush()
    tx.info["details"]["campaign_id"] = str(campaign.id)
    ask(tx, campaign, plan, now)
    return campaign


def ask(tx: Session, campaign: Campaign, plan: Plan, now: datetime) -> None:
    """Let a draft ask whom its plan says, and record how they are dealt with.

    Raises:
        FairDealingMissing, NobodyToAsk, MailboxMissing: the plan will not do.
    """
    if plan.fair_dealing is None:
        raise FairDealingMissing("say how the suppliers are dealt with: fair_dealing")
    asked = _whom(tx, campaign.org_id, plan.supplier_ids)
    requests.choose(tx, campaign, [_request(supplier) for supplier in asked])
    campaigns.record_fair_dealing(tx, campaign, *_fair_dealings(plan, asked, now.date()))
    tx.info["details"]["requests"] = len(asked)


def prepare(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    hand: Hand,
    deployment: Deployment,
    now: datetime,
    *,
    previewed: int | None = None,
) -> Prepared:
    """Hand out the one statement of a campaign for signing, with a fresh nonce per request.

    Preparing again replaces a statement nobody signed; should both be signed, the first one in
    the log counts.

    Args:
        previewed: the version of the draft the signer looked at.

    Raises:
        NotFound, AlreadyIssued, CannotNow: no such campaign of yours, or it cannot be signed now.
        ApprovalMissing: those whom it names have not agreed yet.
        ChangedSincePreview: it is another version by now.
        WrongSigningTime, DeadKey, Unsignable: see `signing`.
    """
    refuse_hand(tx, hand, now)
    campaign = _preparable(tx, who.org, campaign_id, previewed)
    questionnaire = questionnaires.own(tx, who.org, campaign.questionnaire_id)
    assert questionnaire is not None
    entries = [_respondent(*each) for each in requests.to_prepare(tx, campaign.id)]
    statement, texts = _statement(campaign, questionnaire, entries, hand, deployment)
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
        terms=terms_of(plan.terms),
        contact={
            "name": who.name,
            "mailbox": who.mailbox,
            "letterhead": dict(plan.letterhead),
        },
        owner=dict(plan.owner),
        flow=[dict(each) for each in plan.flow],
        version=1,
        state="draft",
    )


def _fair_dealings(
    plan: Plan, asked: Sequence[Asked], today: date
) -> tuple[list[dict[str, Any]], dict[UUID, int]]:
    """Return in what ways suppliers are dealt with, and supplier id → number of the way.

    With each way goes how many working days a supplier of that country is given.
    """
    usual = plan.fair_dealing
    assert usual is not None
    numbers: dict[tuple[FairDealingRecord, str], int] = {}
    which = {}
    for each in asked:
        way = (plan.fair_dealing_for.get(each.id, usual), each.country)
        which[each.id] = numbers.setdefault(way, len(numbers))
    given = {
        country: calendars.by_country(country, today).between(today, plan.due_on)
        for country in {country for _, country in numbers}
    }
    records = [
        asdict(dealing)
        | {"necessity": dealing.necessity or plan.terms.why, "working_days": given[country]}
        for dealing, country in numbers
    ]
    return records, which


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
        version=campaign.version,
        requests=[
            {"id": entry.request_id, "nonce": entry.nonce, "disclosure": text}
            for entry, text in zip(entries, texts, strict=True)
        ],
        created_at=clock.now(),
    )


def _preparable(tx: Session, org: UUID, campaign_id: UUID, previewed: int | None) -> Campaign:
    campaign = campaigns.own_for_update(tx, org, campaign_id)
    if campaign is None:
        raise NotFound("no such campaign")
    if campaign.issued_at is not None:
        raise AlreadyIssued("this campaign was issued")
    if campaign.state in ("draft", "in-approval") and campaign.flow:
        raise ApprovalMissing("those whom the campaign names have not agreed to it yet")
    if previewed is not None and previewed != campaign.version:
        raise ChangedSincePreview("the draft was changed since", version=campaign.version)
    return stepped(tx, org, campaign_id, "prepare")


def due_at_of(due_on: date, now: datetime) -> datetime:
    """Return until when a day lasts.

    Raises:
        DueInThePast: it is over, or further ahead than a signature covers.
    """
    due_at = letters.end_of(due_on)
    if not now < due_at <= now + VALID_FOR:
        raise DueInThePast("due_on must be ahead, by 400 days at most")
    return due_at


def terms_of(terms: Terms) -> dict[str, Any]:
    """Return the terms as they are kept."""
    return {name: _plain(value) for name, value in vars(terms).items()}


def _whom(tx: Session, org: UUID, ids: Collection[UUID] | None) -> Sequence[Asked]:
    asked = suppliers.asked(tx, org, ids)
    missing = set(ids or ()) - {supplier.id for supplier in asked}
    if not asked or missing:
        raise NobodyToAsk(
            "choose suppliers of yours whose link is alive",
            supplier_ids=sorted(str(each) for each in missing),
        )
    if len(asked) > MOST_REQUESTS:
        raise NobodyToAsk(f"a campaign asks at most {MOST_REQUESTS} suppliers")
    silent = [each for each in asked if not each.reached and each.org_id is None]
    if silent:
        raise MailboxMissing(
            "some suppliers have no mailbox", supplier_ids=[str(each.id) for each in silent]
        )
    return asked


def _request(supplier: Asked) -> dict[str, Any]:
    return {
        "respondent_org_id": supplier.org_id,
        "supplier_id": supplier.id,
        "link_id": supplier.link_id,
    }


def _respondent(request_id: UUID, link_id: UUID, due_at: datetime) -> Respondent:
    return Respondent(f"urn:rensho:link:{link_id}", str(request_id), fresh_salt(), due_at)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)
