"""A draft is changed until it is signed; what was handed out for signing is withdrawn first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound
from services.questionnaire.actions.campaigns import (
    ChangedSincePreview,
    Terms,
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


@dataclass(frozen=True)
class Change:
    """A draft as it is to be; whom it asks stays."""

    title: str
    questionnaire_id: UUID
    due_on: date
    terms: Terms
    owner: Mapping[str, str]
    flow: Sequence[Mapping[str, str]]
    letterhead: Mapping[str, str]


def change(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    wanted: Change,
    version: int | None,
    now: datetime,
) -> Campaign:
    """Change a draft as a whole.

    Args:
        version: the version that was read; None changes whatever is there.

    Raises:
        NotFound, CannotNow: no such campaign or questionnaire of yours, or it is no draft any more.
        ChangedSincePreview: somebody else changed it since.
        DueInThePast: the day is over.
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
