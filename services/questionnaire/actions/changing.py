"""A draft is changed until it is signed; what was handed out for signing is withdrawn first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound
from services.questionnaire.actions.campaigns import (
    ChangedSincePreview,
    Plan,
    ask,
    due_at_of,
    terms_of,
)
from services.questionnaire.actions.endings import stepped
from services.questionnaire.rules import due_warnings
from services.questionnaire.rules.due_warnings import Notice
from services.questionnaire.store import (
    calendars,
    campaigns,
    organizations,
    questionnaires,
    requests,
)
from services.questionnaire.store.tables import Campaign


def change(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    wanted: Plan,
    version: int | None,
    now: datetime,
    *,
    whom_stays: bool,
) -> Campaign:
    """Change a draft as a whole.

    Args:
        wanted: how it is to be; without `fair_dealing` what is recorded of that stays.
        version: the version that was read; None changes whatever is there.
        whom_stays: whether it goes on asking whom it asks, whatever `wanted` says of suppliers.

    Raises:
        NotFound, CannotNow: no such campaign or questionnaire of yours, or it is no draft any more.
        ChangedSincePreview: somebody else changed it since.
        DueInThePast: the day is over.
        FairDealingMissing, NobodyToAsk, MailboxMissing: they cannot be asked like this.
    """
    campaign = stepped(tx, who.org, campaign_id, "change")
    if version is not None and version != campaign.version:
        raise ChangedSincePreview("the draft was changed since", version=campaign.version)
    if questionnaires.own(tx, who.org, wanted.questionnaire_id) is None:
        raise NotFound("no such questionnaire")
    campaign.title, campaign.questionnaire_id = wanted.title, wanted.questionnaire_id
    campaign.due_on, campaign.due_at = wanted.due_on, due_at_of(wanted.due_on, now)
    campaign.terms = terms_of(wanted.terms)
    campaign.owner, campaign.flow = dict(wanted.owner), [dict(each) for each in wanted.flow]
    campaign.contact = {**campaign.contact, "letterhead": dict(wanted.letterhead)}
    campaign.version += 1
    tx.flush()
    if whom_stays:
        wanted = replace(wanted, supplier_ids=requests.suppliers_of(tx, campaign.id))
    if wanted.fair_dealing is not None or not whom_stays:
        ask(tx, campaign, wanted, now)
    requests.follow(tx, campaign)
    tx.info["details"]["version"] = campaign.version
    return campaign


def withdraw(tx: Session, who: Principal, campaign_id: UUID) -> Campaign:
    """Take a campaign back to draft: what was handed out for signing will issue nothing.

    Raises:
        NotFound, CannotNow: no such campaign of yours, or it is a draft, out or over.
    """
    campaign = stepped(tx, who.org, campaign_id, "withdraw")
    campaign.version += 1
    return campaign


def notices(tx: Session, campaign: Campaign, now: datetime) -> list[Notice]:
    """Return what a person should know about the due date of a campaign that is not out yet."""
    today = now.date()
    country = organizations.country_of(tx, campaign.org_id) or "JP"
    ours = calendars.working_days(tx, {campaign.org_id: country}, campaign.due_on)
    theirs = {
        each: (calendars.by_country(each, campaign.due_on), count)
        for each, count in campaigns.countries(tx, campaign.id).items()
    }
    return due_warnings.warnings(today, campaign.due_on, ours[campaign.org_id], theirs)
