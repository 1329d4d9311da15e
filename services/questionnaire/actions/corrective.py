"""Corrective actions between the two ends of a request: opened, agreed, done, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import Invalid, NotFound, Refused, Stale
from services.questionnaire.actions import notices, questionnaires
from services.questionnaire.actions.evidence import UnknownEvidence
from services.questionnaire.rules import corrective as rules
from services.questionnaire.rules.corrective import End, Move, Plan
from services.questionnaire.store import evidence, requests, reviewing
from services.questionnaire.store.reviewing import CorrectiveAction

_JAPAN: Final = timezone(timedelta(hours=9))
_TOLD: Final[dict[Move, notices.Kind]] = {
    "agree": "corrective-agreed",
    "done": "corrective-done",
    "check": "corrective-checked",
    "reopen": "corrective-reopened",
    "drop": "corrective-dropped",
}


class NobodyToAgree(Refused):
    """The supplier has not enrolled yet: nobody could agree to anything."""

    urn = "corrective/nobody-there"


class UnknownQuestion(Invalid):
    """This question was not asked."""

    urn = "corrective/unknown-question"


class MovedMeanwhile(Stale):
    """The other end moved it since you read it; look again."""

    urn = "corrective/moved-meanwhile"


def open_one(
    tx: Session,
    who: Principal,
    request_id: UUID,
    question: str | None,
    finding: str,
    due_on: date | None,
    now: datetime,
) -> CorrectiveAction:
    """Open a corrective action on a request of one's own; the supplier gets a mail.

    Raises:
        NotFound: no request of yours.
        NobodyToAgree: the supplier has not enrolled.
        UnknownQuestion: not one of this request.
        CorrectiveRefused: `corrective/due-missing`, `corrective/due-past`.
    """
    request = requests.asked_by(tx, who.org, request_id)
    if request is None:
        raise NotFound("no such request")
    if request.respondent_org_id is None:
        raise NobodyToAgree("the supplier has not enrolled yet")
    if (
        question is not None
        and question not in questionnaires.shown(tx, request.questionnaire_id)[1]
    ):
        raise UnknownQuestion("this question was not asked", question=question)
    plan = rules.opened(due_on, today(now))
    made = CorrectiveAction(
        request_id=request.id,
        requester_org_id=who.org,
        respondent_org_id=request.respondent_org_id,
        question=question,
        finding=finding,
        state=plan.state,
        due_on=plan.due_on,
        version=1,
        history=[_step("open", who, "", plan.due_on, [], now)],
        opened_at=now,
    )
    tx.add(made)
    tx.flush()
    notices.due(tx, "corrective-opened", request.id, "respondent", made.id)
    return made


@dataclass(frozen=True)
class Step:
    """The next step, over the version that was read, with what is said about it."""

    version: int
    move: Move
    note: str = ""
    due_on: date | None = None
    evidence: tuple[UUID, ...] = ()


def move(
    tx: Session, who: Principal, action_id: UUID, step: Step, now: datetime
) -> CorrectiveAction:
    """Move a corrective action on; the other end gets a mail.

    Raises:
        NotFound: no such action at whose either end you are.
        MovedMeanwhile: the other end was faster.
        UnknownEvidence: evidence you do not keep.
        CorrectiveRefused: see `rules.corrective`.
    """
    found = reviewing.action_for_update(tx, who.org, action_id)
    if found is None:
        raise NotFound("no such corrective action")
    if step.version != found.version:
        raise MovedMeanwhile("the other end moved it since you read it", version=found.version)
    by: End = "requester" if found.requester_org_id == who.org else "respondent"
    before = Plan(found.state, found.due_on)  # type: ignore[arg-type]
    day = today(now)
    plan = rules.moved(before, step.move, by, note=step.note, due_on=step.due_on, today=day)
    shown = [str(each) for each in step.evidence]
    if strange := set(shown) - set(evidence.by_id(tx, who.org, step.evidence)):
        raise UnknownEvidence("upload it first", evidence_ids=sorted(strange))
    found.state, found.due_on = plan.state, plan.due_on
    found.version += 1
    found.history = [
        *found.history,
        _step(step.move, who, step.note, plan.due_on, shown, now),
    ]
    tx.flush()
    to: notices.To = "respondent" if by == "requester" else "requester"
    notices.due(tx, _TOLD[step.move], found.request_id, to, found.id)
    return found


def today(now: datetime) -> date:
    """Return the day in Japan: due dates are the requester's days."""
    return now.astimezone(_JAPAN).date()


def _step(
    step: str, who: Principal, note: str, due_on: date, evidence: Sequence[str], now: datetime
) -> dict[str, Any]:
    return {
        "step": step,
        "by_org_id": str(who.org),
        "name": who.name,
        "note": note,
        "due_on": due_on.isoformat(),
        "evidence": list(evidence),
        "at": now.isoformat(),
    }
