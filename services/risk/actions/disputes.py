"""Requests to look again: opened by the respondent, answered by the requester, watched by a clock.

Each step is a row of its own; where a dispute stands is what its newest step says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import NotFound, Refused
from services.risk.rules import dispute as rules
from services.risk.rules.dispute import Outcome
from services.risk.store import Dispute, DisputeStep, OwnScore, disputed, explained

CLOCK = "urn:rensho:clock"


class AlreadyDisputed(Refused):
    """This score is being looked at again already; `dispute_id` names it."""

    urn = "disputes/already-open"
    status = HTTPStatus.CONFLICT


class NotNow(Refused):
    """The dispute is not in a state in which this may be done."""

    urn = "disputes/not-now"
    status = HTTPStatus.CONFLICT


@dataclass(frozen=True, slots=True)
class By:
    """Who takes a step, and in which words."""

    org: UUID
    subject: str
    text: str
    now: datetime


def open_(
    tx: Session, by: By, link_id: UUID, component: str | None, question: str | None
) -> disputed.Found:
    """Ask the requester of a link to look again at the newest score there.

    Raises:
        NotFound: the asker has no score on that link, or no such component or question in it.
        AlreadyDisputed: one about this link is not settled.
    """
    score = explained.own_score(tx, by.org, link_id)
    if score is None or not _is_about(score, component, question):
        raise NotFound("no such score of yours")
    # Two that are opened at once would both find none.
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:k, 1))"), {"k": str(link_id)})
    if (open_one := disputed.unsettled(tx, link_id)) is not None:
        raise AlreadyDisputed("it is being looked at", dispute_id=str(open_one[0].id))
    made = Dispute(
        id=new_id(),
        requester_id=score.org_id,
        respondent_id=by.org,
        link_id=link_id,
        snapshot_id=score.snapshot_id,
        component=component,
        question=question,
    )
    tx.add(made)
    tx.flush()
    return made, _step(tx, made, "opened", rules.opened(by.now), by)


def _is_about(score: OwnScore, component: str | None, question: str | None) -> bool:
    if component is None:
        return question is None
    held = [each for each in score.explanation["components"] if each["id"] == component]
    asked = {each["id"] for one in held for each in one["questions"]}
    return bool(held) and (question is None or question in asked)


def answer(tx: Session, by: By, dispute_id: UUID, outcome: Outcome) -> disputed.Found:
    """Tell the respondent what comes of it; raises NotFound, NotNow."""
    return _go_on(
        tx,
        by,
        dispute_id,
        "answered",
        lambda at: rules.answered(at, outcome, by.now),
        requester=True,
    )


def accept(tx: Session, by: By, dispute_id: UUID) -> disputed.Found:
    """Be content with the answer; raises NotFound, NotNow."""
    return _go_on(tx, by, dispute_id, "accepted", lambda at: rules.accepted(at, by.now))


def ask_again(tx: Session, by: By, dispute_id: UUID) -> disputed.Found:
    """Ask once more; raises NotFound, NotNow."""
    return _go_on(tx, by, dispute_id, "asked_again", lambda at: rules.asked_again(at, by.now))


def withdraw(tx: Session, by: By, dispute_id: UUID) -> disputed.Found:
    """Take it back; raises NotFound, NotNow."""
    return _go_on(tx, by, dispute_id, "withdrawn", rules.withdrawn)


def let_lapse(tx: Session, now: datetime) -> None:
    """Settle what was answered and nobody reacted to in time."""
    for found, at in disputed.answered_before(tx, now):
        after = rules.lapsed(standing(at), now)
        if after is not None:
            _step(tx, found, "lapsed", after, By(found.requester_id, CLOCK, "", now))


def _go_on(
    tx: Session,
    by: By,
    dispute_id: UUID,
    step: str,
    move: Callable[[rules.Dispute], rules.Dispute],
    *,
    requester: bool = False,
) -> disputed.Found:
    tx.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:k, 1))"), {"k": str(dispute_id)}
    )
    found = disputed.dispute(tx, by.org, dispute_id)
    # The other end's steps are not there for one's own end.
    if found is None or by.org != (found[0].requester_id if requester else found[0].respondent_id):
        raise NotFound("no such dispute")
    try:
        after = move(standing(found[1]))
    except rules.NotNow as why:
        raise NotNow(str(why)) from why
    return found[0], _step(tx, found[0], step, after, by)


def standing(at: DisputeStep) -> rules.Dispute:
    """Where a dispute stands after a step."""
    return rules.Dispute(
        at.state,  # type: ignore[arg-type]
        at.rounds,
        at.due_at,
        at.outcome,  # type: ignore[arg-type]
        at.ending,  # type: ignore[arg-type]
    )


def _step(tx: Session, of: Dispute, step: str, after: rules.Dispute, by: By) -> DisputeStep:
    made = DisputeStep(
        id=new_id(),
        dispute_id=of.id,
        requester_id=of.requester_id,
        respondent_id=of.respondent_id,
        at=by.now,
        by=by.subject,
        step=step,
        text=by.text,
        state=after.state,
        rounds=after.rounds,
        due_at=after.due_at,
        outcome=after.outcome,
        ending=after.ending,
    )
    tx.add(made)
    tx.flush()
    say(
        tx,
        "dispute.changed.v1",
        org_id=str(of.requester_id),
        dispute_id=str(of.id),
        link_id=str(of.link_id),
        step="settled" if after.state == "settled" else step,
    )
    return made
