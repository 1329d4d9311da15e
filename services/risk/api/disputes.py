"""A respondent's own scores as requesters see them, and its requests to look again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from services.kit.auth import Principal, Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.risk.actions import disputes as actions
from services.risk.actions.disputes import By, standing
from services.risk.api.edge import Exact, from_cursor, to_cursor
from services.risk.rules.dispute import Ending, Outcome, State
from services.risk.rules.serving import number, shown
from services.risk.store import OwnScore, disputed, explained
from services.risk.store.disputed import Found

router = APIRouter(tags=["disputes"])

_READ = [needs("disputes.read")]
_WRITE = [needs("disputes.write")]
_ANSWER = [needs("disputes.answer")]
Text = Annotated[str, Field(min_length=1, max_length=4000)]


class Mark(Model):
    """That a number is being looked at again, as it stands beside the number."""

    dispute_id: UUID
    state: State
    due_at: datetime | None
    overdue: bool


class OwnScoreOut(Model):
    """Your score as one requester sees it; 100 is worst.

    `explanation` has what it is made of: your own risk, the tier below you, principles, components
    and single questions. How the requester classes you and what it sees of others is not in it.
    """

    link_id: UUID
    requester_id: UUID
    snapshot: UUID
    as_of: datetime
    model_version: str
    policy_digest: str
    score: float | None
    score_exact: Exact | None
    band: str | None
    coverage: float | None
    dispute: Mark | None
    explanation: dict[str, Any]


class OwnScores(Model):
    """Your newest score with each requester."""

    items: list[OwnScoreOut]


@router.get("/own-scores", dependencies=_READ)
def list_own_scores(tx: Tx, who: Who, now: Now) -> OwnScores:
    """List your own scores, as each requester you answered sees you."""
    found = explained.own_scores(tx, who.org)
    marked = marks(tx, [one.link_id for one in found], now)
    return OwnScores(items=[_own(one, marked.get(one.link_id)) for one in found])


def _own(of: OwnScore, mark: Mark | None) -> OwnScoreOut:
    exact = None
    if of.claimed is not None and of.evidenced is not None:
        exact = Exact(claimed=of.claimed, evidenced=of.evidenced)
    return OwnScoreOut(
        link_id=of.link_id,
        requester_id=of.org_id,
        snapshot=of.snapshot_id,
        as_of=of.as_of,
        model_version=of.model,
        policy_digest=of.policy_digest,
        score=shown(of.evidenced),
        score_exact=exact,
        band=of.band,
        coverage=number(of.coverage),
        dispute=mark,
        explanation=of.explanation,
    )


class Step(Model):
    """One step: who did what, in which words, and whose clock ran from then on."""

    at: datetime
    step: Literal["opened", "answered", "accepted", "asked_again", "withdrawn", "lapsed"]
    by: str
    text: str
    due_at: datetime | None


class DisputeOut(Model):
    """A request to look again, and where it stands.

    `due_at` is the clock of whoever is to move: of the requester while `open`, of the respondent
    while `answered`. An `overdue` one stays open: only its respondent may take it back.
    """

    id: UUID
    requester_id: UUID
    respondent_id: UUID
    link_id: UUID
    snapshot: UUID
    component: str | None
    question: str | None
    state: State
    rounds: int
    due_at: datetime | None
    overdue: bool
    outcome: Outcome | None
    ending: Ending | None


class DisputeWhole(DisputeOut):
    """A request to look again with its steps, oldest first."""

    steps: list[Step]


class DisputePage(Page):
    """A page of requests to look again, newest first."""

    items: list[DisputeOut]


class DisputeIn(Model):
    """What should be looked at again: the score on a link, a component of it, or one question."""

    link_id: UUID
    component: Annotated[str | None, Field(max_length=200)] = None
    question: Annotated[str | None, Field(max_length=100)] = None
    text: Text


class AnswerIn(Model):
    """What comes of it: a correction of ours will follow, or the number stays."""

    outcome: Outcome
    text: Text


class ReactionIn(Model):
    """A word to go with it."""

    text: Annotated[str, Field(max_length=4000)] = ""


@router.post("/disputes", status_code=201, response_model=DisputeOut, dependencies=_WRITE)
def open_dispute(body: DisputeIn, tx: Tx, who: Who, now: Now, once: OnceOnly) -> Response:
    """Ask a requester to look again at your score."""

    def work() -> DisputeOut:
        by = _by(who, body.text, now)
        found = actions.open_(tx, by, body.link_id, body.component, body.question)
        tx.info["details"]["dispute_id"] = str(found[0].id)
        return DisputeOut(**_out(found, now))

    return once(work)


@router.get("/disputes", dependencies=_READ)
def list_disputes(
    tx: Tx,
    who: Who,
    now: Now,
    *,
    unsettled: Annotated[bool, Query(description="only those not settled")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DisputePage:
    """List requests to look again, those you made and those made to you."""
    place = from_cursor(cursor, 1)
    try:
        before = None if place is None else UUID(place[0])
    except ValueError as why:
        raise Invalid("this cursor is none of ours") from why
    found = disputed.disputes(tx, who.org, before=before, limit=limit + 1, unsettled=unsettled)
    ended = to_cursor(str(found[limit - 1][0].id)) if len(found) > limit else None
    return DisputePage(
        items=[DisputeOut(**_out(one, now)) for one in found[:limit]], next_cursor=ended
    )


@router.get("/disputes/{dispute_id}", dependencies=_READ)
def get_dispute(dispute_id: UUID, tx: Tx, who: Who, now: Now) -> DisputeWhole:
    """Get one request to look again with all its steps."""
    found = disputed.dispute(tx, who.org, dispute_id)
    if found is None:
        raise NotFound("no such dispute")
    steps = [
        Step(at=s.at, step=s.step, by=s.by, text=s.text, due_at=s.due_at)
        for s in disputed.steps(tx, dispute_id)
    ]
    return DisputeWhole(**_out(found, now), steps=steps)


@router.post("/disputes/{dispute_id}/answer", dependencies=_ANSWER)
def answer_dispute(dispute_id: UUID, body: AnswerIn, tx: Tx, who: Who, now: Now) -> DisputeOut:
    """Answer a supplier that asked you to look again."""
    return _done(actions.answer(tx, _by(who, body.text, now), dispute_id, body.outcome), now)


@router.post("/disputes/{dispute_id}/accept", dependencies=_WRITE)
def accept_answer(dispute_id: UUID, body: ReactionIn, tx: Tx, who: Who, now: Now) -> DisputeOut:
    """Be content with the answer: it is settled."""
    return _done(actions.accept(tx, _by(who, body.text, now), dispute_id), now)


@router.post("/disputes/{dispute_id}/ask-again", dependencies=_WRITE)
def ask_again(dispute_id: UUID, body: ReactionIn, tx: Tx, who: Who, now: Now) -> DisputeOut:
    """Ask once more, with a new clock for the requester."""
    return _done(actions.ask_again(tx, _by(who, body.text, now), dispute_id), now)


@router.post("/disputes/{dispute_id}/withdraw", dependencies=_WRITE)
def withdraw_dispute(dispute_id: UUID, body: ReactionIn, tx: Tx, who: Who, now: Now) -> DisputeOut:
    """Take your request to look again back."""
    return _done(actions.withdraw(tx, _by(who, body.text, now), dispute_id), now)


def _by(who: Principal, text: str, now: datetime) -> By:
    return By(who.org, who.subject, text, now)


def _done(found: Found, now: datetime) -> DisputeOut:
    return DisputeOut(**_out(found, now))


def _out(found: Found, now: datetime) -> dict[str, Any]:
    of, at = found
    return {
        **{name: getattr(of, name) for name in ("id", "requester_id", "respondent_id", "link_id")},
        "snapshot": of.snapshot_id,
        "component": of.component,
        "question": of.question,
        **{name: getattr(at, name) for name in ("state", "rounds", "due_at", "outcome", "ending")},
        "overdue": standing(at).is_overdue(now),
    }


def marks(tx: Session, link_ids: list[UUID], now: datetime) -> dict[UUID, Mark]:
    """Return by link what stands beside its number: the dispute that is not settled."""
    return {
        link: Mark(
            dispute_id=of.id,
            state=at.state,
            due_at=at.due_at,
            overdue=standing(at).is_overdue(now),
        )
        for link, (of, at) in disputed.unsettled_of(tx, link_ids).items()
    }
