"""作成 → 確認 → 承認: a campaign is looked at by others before it is signed, where it says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions import mailing
from services.questionnaire.actions.endings import stepped
from services.questionnaire.actions.mailing import About
from services.questionnaire.rules.refusals import Text
from services.questionnaire.store import approvals, campaigns
from services.questionnaire.store.approval_rows import CampaignStep, Deputy
from services.questionnaire.store.tables import Campaign

STEPS: Final[Mapping[str, Text]] = {
    "check": Text("確認", "Please check"),
    "approve": Text("承認", "Please decide"),
}
Verdict = Literal["agreed", "returned"]


class NoFlow(Refused):
    """This campaign names nobody who checks it; it can be signed as it is."""

    urn = "campaigns/no-flow"


class NotYourTurn(Refused):
    """The step waits for somebody else; `waits_for` says for whom."""

    urn = "campaigns/not-your-turn"


class OwnWork(Refused):
    """Whoever drafted a campaign does not check it too."""

    urn = "campaigns/own-work"


class CommentMissing(Invalid):
    """Sending back needs a reason."""

    urn = "campaigns/comment-missing"


class DatesBackwards(Invalid):
    """The last day lies before the first."""

    urn = "deputies/dates"


def submit(tx: Session, who: Principal, campaign_id: UUID, now: datetime) -> Campaign:
    """Hand a draft to the first of those who check and approve it.

    Raises:
        NotFound, CannotNow: no such campaign of yours, or it is no draft.
        NoFlow: it names nobody.
    """
    campaign = stepped(tx, who.org, campaign_id, "submit")
    if not campaign.flow:
        raise NoFlow("this campaign names nobody who checks it")
    number = approvals.rounds(tx, campaign.id) + 1
    steps = [
        CampaignStep(
            id=new_id(),
            org_id=who.org,
            campaign_id=campaign.id,
            round=number,
            position=position,
            kind=each["kind"],
            name=each["name"],
            mailbox=each["mailbox"],
        )
        for position, each in enumerate(campaign.flow)
    ]
    tx.add_all(steps)
    tx.flush()
    _tell(tx, campaign, steps[0], "asked", _whom(steps[0]), "", now)
    return campaign


def decide(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    verdict: Verdict,
    comment: str,
    now: datetime,
) -> Campaign:
    """Agree to a campaign at the present step, or send it back to its drafter.

    Raises:
        NotFound, CannotNow: no such campaign of yours, or it waits for nobody.
        NotYourTurn, OwnWork: the step is another's, or you drafted it.
        CommentMissing: sent back without a reason.
    """
    campaign = campaigns.own_for_update(tx, who.org, campaign_id)
    if campaign is None:
        raise NotFound("no such campaign")
    steps = approvals.newest_round(tx, campaign.id)
    step = next((each for each in steps if each.decision is None), None)
    if campaign.state != "in-approval" or step is None:
        stepped(tx, who.org, campaign_id, "agree")
        raise NotFound("no step waits")
    if verdict == "returned" and not comment.strip():
        raise CommentMissing("say what should be changed")
    stands_in = _refuse_others(tx, who, campaign, step, now)
    step.decision, step.comment, step.decided_at = verdict, comment, now
    step.decided_by, step.decided_by_name, step.by_deputy = who.subject, who.name, stands_in
    tx.info["details"].update(step=step.kind, decision=verdict)
    following = next((each for each in steps if each.decision is None), None)
    if verdict == "returned":
        stepped(tx, who.org, campaign_id, "return")
        campaign.version += 1
        _tell(tx, campaign, step, "returned", campaign.contact, comment, now)
    elif following is not None:
        _tell(tx, campaign, following, "asked", _whom(following), comment, now)
    else:
        stepped(tx, who.org, campaign_id, "agree")
        _tell(tx, campaign, step, "agreed", campaign.contact, comment, now)
    return campaign


def appoint(
    tx: Session,
    who: Principal,
    mailbox: str,
    deputy: tuple[str, str],
    days: tuple[date, date],
) -> Deputy:
    """Say who stands in for a mailbox from one day to another, both included.

    Raises:
        DatesBackwards: the last day is before the first.
    """
    if days[1] < days[0]:
        raise DatesBackwards("the last day lies before the first")
    made = Deputy(
        id=new_id(),
        org_id=who.org,
        mailbox=mailbox,
        deputy_name=deputy[0],
        deputy_mailbox=deputy[1],
        from_on=days[0],
        to_on=days[1],
    )
    tx.add(made)
    tx.flush()
    tx.info["details"]["deputy_id"] = str(made.id)
    return made


def dismiss(tx: Session, who: Principal, deputy_id: UUID) -> None:
    """End an appointment.

    Raises:
        NotFound: no such appointment of yours.
    """
    found = approvals.deputy(tx, who.org, deputy_id)
    if found is None:
        raise NotFound("no such deputy")
    tx.delete(found)


def hand_over(tx: Session, who: Principal, old: str, name: str, mailbox: str) -> dict[str, int]:
    """Give everything open that waits for one mailbox to another: the moves of 1 April.

    Returns:
        How many campaigns got another contact or owner, and how many steps another person.
    """
    moved = {"campaigns": 0, "steps": 0}
    person = {"name": name, "mailbox": mailbox}
    for campaign in approvals.living(tx, who.org):
        before = campaign.contact, campaign.owner, campaign.flow
        if _is(campaign.contact, old):
            campaign.contact = {**campaign.contact, **person}
        if _is(campaign.owner, old):
            campaign.owner = person
        campaign.flow = [{**each, **person} if _is(each, old) else each for each in campaign.flow]
        moved["campaigns"] += before != (campaign.contact, campaign.owner, campaign.flow)
    for step in approvals.undecided(tx, who.org):
        if step.mailbox.casefold() == old.casefold():
            step.name, step.mailbox = name, mailbox
            moved["steps"] += 1
    tx.info["details"].update(moved)
    return moved


def _is(person: Mapping[str, str], mailbox: str) -> bool:
    return person.get("mailbox", "").casefold() == mailbox.casefold()


def _refuse_others(
    tx: Session, who: Principal, campaign: Campaign, step: CampaignStep, now: datetime
) -> bool:
    """Refuse whoever may not decide the step; return whether the one who may is a deputy."""
    mine = who.mailbox.casefold()
    if _is(campaign.contact, who.mailbox):
        raise OwnWork("whoever drafted a campaign does not check it")
    if mine == step.mailbox.casefold():
        return False
    standing = approvals.deputies_of(tx, who.org, step.mailbox, now.date())
    if mine and mine in {each.deputy_mailbox.casefold() for each in standing}:
        return True
    raise NotYourTurn("this step waits for somebody else", waits_for=step.name)


def _whom(step: CampaignStep) -> dict[str, str]:
    return {"name": step.name, "mailbox": step.mailbox}


def _tell(
    tx: Session,
    campaign: Campaign,
    step: CampaignStep,
    lead: Literal["asked", "returned", "agreed"],
    whom: Mapping[str, str],
    comment: str,
    now: datetime,
) -> None:
    words = STEPS[step.kind]
    facts = {
        "step": words.ja if mailing.reads_japanese(tx, campaign) else words.en,
        "count": str(
            sum(campaigns.counts(tx, campaign.org_id, [campaign.id])[campaign.id].values())
        ),
        "note": comment or "-",
        "contact_name_of_drafter": campaign.contact["name"],
    }
    mailing.to_requester(tx, campaign, whom, About("approval", lead, facts), now)
