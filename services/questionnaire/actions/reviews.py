"""Reviewing: a requester decides question by question on what was signed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from rensho import sign
from rensho.sign import Outcome
from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions import questionnaires
from services.questionnaire.actions.signing import (
    Deployment,
    Hand,
    ToSign,
    common,
    making,
    refuse_hand,
    to_sign,
)
from services.questionnaire.rules.packs import Question
from services.questionnaire.store import evidence, requests, responses
from services.questionnaire.store.tables import ResponsePreparation, Review


class NotAsked(Invalid):
    """A decision is on a question that was not asked, or on an option it does not have."""

    urn = "reviews/unknown-question"


class SentBackTwice(Refused):
    """What was withheld as a trade secret cannot be sent back a second time (domain.md)."""

    urn = "reviews/withheld-sent-back-twice"


class Superseded(Refused):
    """A newer revision is on record: review that one."""

    urn = "reviews/superseded"


class OwnerMissing(Invalid):
    """A waiver names who answers for it, and its last day."""

    urn = "reviews/waiver-owner-missing"


class DocumentMissing(Invalid):
    """An independent assessment names the document it stands on, out of what was opened to you."""

    urn = "reviews/document-missing"


class UnknownDocument(Invalid):
    """The statement commits to no such evidence."""

    urn = "reviews/unknown-evidence"


@dataclass(frozen=True)
class Decision:
    """One question's outcome; a waiver has an owner and a last day, sent back a reason.

    `evidence` are the commitments looked at, as the statement's evidence is listed.
    """

    question: str
    outcome: Outcome
    value: str | None = None
    until: date | None = None
    reason: str | None = None
    owner: str | None = None
    evidence: tuple[str, ...] = ()


def prepare(
    tx: Session,
    who: Principal,
    statement_id: str,
    decisions: Sequence[Decision],
    hand: Hand,
    deployment: Deployment,
    now: datetime,
) -> ToSign:
    """Hand out a review of one recorded statement of a response to you, ready to sign.

    Raises:
        NotFound: no such statement on record for you.
        Superseded: a newer revision is on record.
        NotAsked, SentBackTwice, OwnerMissing, DocumentMissing, UnknownDocument: a decision will
            not do.
        WrongSigningTime, DeadKey, Unsignable: see `signing`.
    """
    refuse_hand(tx, hand, now)
    target = _target(tx, who, statement_id, decisions)
    with making():
        payload = sign.review(
            common(deployment, who.org, hand),
            statement_id=statement_id,
            decisions=[_signed(each) for each in decisions],
        )
    statement = to_sign("review", payload)
    tx.add(_review(target, statement, statement_id, decisions))
    tx.flush()
    tx.info["details"]["review_statement_id"] = statement.statement_id
    return statement


def _review(
    target: ResponsePreparation,
    statement: ToSign,
    statement_id: str,
    decisions: Sequence[Decision],
) -> Review:
    return Review(
        id=new_id(),
        review_statement_id=statement.statement_id,
        statement_id=statement_id,
        response_id=target.response_id,
        requester_org_id=target.requester_org_id,
        respondent_org_id=target.respondent_org_id,
        decisions=[
            {
                **asdict(each),
                "until": each.until.isoformat() if each.until else None,
                "evidence": list(each.evidence),
            }
            for each in decisions
        ],
    )


def _target(
    tx: Session, who: Principal, statement_id: str, decisions: Sequence[Decision]
) -> ResponsePreparation:
    target = responses.preparation_of(tx, statement_id)
    if target is None or target.requester_org_id != who.org or target.recorded_at is None:
        raise NotFound("no such statement on record")
    request = requests.asked_by(tx, who.org, target.request_id)
    assert request is not None
    newest = responses.newest_recorded(tx, response_id=target.response_id)
    if newest is not None and newest.revision > target.revision:
        raise Superseded("a newer revision is on record", declaration_id=newest.declaration_id)
    _, questions = questionnaires.shown(tx, request.questionnaire_id)
    for decision in decisions:
        _refuse_strange(decision, questions)
        _refuse_bare(decision)
    _refuse_unknown_evidence(tx, statement_id, target.declaration_id, decisions)
    _refuse_insisting(tx, target.response_id, target.opened, decisions)
    return target


def _refuse_strange(decision: Decision, questions: Mapping[str, Question]) -> None:
    question = questions.get(decision.question)
    if question is None:
        raise NotAsked("this question was not asked", question=decision.question)
    if decision.value is not None and decision.value not in question.alignments:
        raise NotAsked("this question has no such option", question=decision.question)


def _refuse_bare(decision: Decision) -> None:
    if decision.outcome == "waived" and not decision.owner:
        raise OwnerMissing("a waiver names who answers for it", question=decision.question)
    if decision.outcome == "independent" and not decision.evidence:
        msg = "an independent assessment names its document"
        raise DocumentMissing(msg, question=decision.question)


def _refuse_unknown_evidence(
    tx: Session, statement_id: str, declaration_id: str, decisions: Sequence[Decision]
) -> None:
    named = {each for decision in decisions for each in decision.evidence}
    if not named:
        return
    known = {
        use.commitment
        for use in evidence.uses(tx, declaration_id)
        if use.statement_id == statement_id
    }
    if strange := sorted(named - known):
        raise UnknownDocument("the statement commits to no such evidence", evidence=strange)


def _refuse_insisting(
    tx: Session, response_id: UUID, opened: Mapping[str, Any], decisions: Sequence[Decision]
) -> None:
    parts = [opened, *opened["components"]]
    withheld = {
        answer["question"]
        for part in parts
        for answer in part["answers"]
        if answer["state"] == "withheld"
    }
    before = {
        each["question"]
        for review in responses.recorded_reviews(tx, response_id)
        for each in review.decisions
        if each["outcome"] == "sent_back"
    }
    again = {each.question for each in decisions if each.outcome == "sent_back"}
    if insisted := sorted(again & before & withheld):
        raise SentBackTwice("withheld answers were sent back before", questions=insisted)


def _signed(decision: Decision) -> sign.Decision:
    until = decision.until
    return sign.Decision(
        question=decision.question,
        outcome=decision.outcome,
        value=decision.value,
        until=datetime.combine(until, time(23, 59, 59), UTC) if until else None,
        reason=decision.reason,
        evidence=decision.evidence,
    )
