"""Answer once, sign once, grant many: what was signed before and may be opened to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.outbox import say
from services.kit.problems import NotFound
from services.questionnaire.actions import notices, questionnaires
from services.questionnaire.rules import merging
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.refusals import Text
from services.questionnaire.store import requests, responses, reviewing
from services.questionnaire.store.reviewing import Granted
from services.questionnaire.store.tables import ResponsePreparation


@dataclass(frozen=True)
class Offer:
    """A component statement of an earlier response, and which of the questions asked it answers."""

    response_id: UUID
    request_id: UUID
    statement_id: str
    component: str
    name: str
    signed_at: datetime
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Offers:
    """What could be granted on a request: `covered` of `asked` questions were answered before.

    `granted` are those that grants in force answer already; `left` is what stays to be asked: the
    delta. The pre-screen, the scope and the tier below are never granted: they are declared anew.
    """

    items: tuple[Offer, ...]
    asked: tuple[str, ...]
    covered: tuple[str, ...]
    granted: tuple[str, ...]

    @property
    def left(self) -> tuple[str, ...]:
        """The questions no grant answers yet."""
        return tuple(each for each in self.asked if each not in self.granted)


@dataclass(frozen=True)
class Difference:
    """One place that is otherwise than last time."""

    where: str
    text: Text | None
    before: tuple[Any, ...]
    after: tuple[Any, ...]


@dataclass(frozen=True)
class Differences:
    """What a draft says otherwise than another response, and what was not asked then."""

    against_response_id: UUID
    against_revision: int
    items: tuple[Difference, ...]
    new_questions: tuple[str, ...]


def offers(tx: Session, who: Principal, request_id: UUID, now: datetime) -> Offers:
    """Return what one's signed statements answer of a request.

    Raises:
        NotFound: no request that you are asked to answer.
    """
    request = requests.shown(tx, who.org, request_id)
    if request is None or request.respondent_org_id != who.org:
        raise NotFound("no such request")
    _, questions = questionnaires.shown(tx, request.questionnaire_id)
    asked = tuple(each.id for each in questions.values() if each.derived_from is None)
    items = tuple(
        offer
        for each in reviewing.recorded_elsewhere(tx, who.org, request_id)
        for offer in _offers_of(each, set(asked))
    )
    covered = {question for offer in items for question in offer.questions}
    granted = answered_by_grants(tx, request_id, now)
    return Offers(
        items,
        asked,
        tuple(each for each in asked if each in covered),
        tuple(each for each in asked if each in granted),
    )


def answered_by_grants(tx: Session, request_id: UUID, now: datetime) -> frozenset[str]:
    """Return the questions that grants in force on a request answer."""
    return frozenset(
        question
        for grant in reviewing.granted_on(tx, request_id, now)
        for question in grant.questions
    )


def differences(
    tx: Session, who: Principal, response_id: UUID, against: UUID | None
) -> Differences:
    """Hold a draft against its own newest signed revision, or against another response's.

    Raises:
        NotFound: no such response of yours, or nothing of it was ever signed.
    """
    found = responses.own(tx, who.org, response_id)
    other = responses.own(tx, who.org, against) if against else found
    last = responses.newest_recorded(tx, response_id=other.id) if other else None
    if found is None or other is None or last is None:
        raise NotFound("no such response, or nothing of it was signed")
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    _, before = questionnaires.shown(tx, other.questionnaire_id)
    told = _told_answers(found.document, questions)
    old = _signed_answers(last, questions)
    items = tuple(
        Difference(where, _text(where, questions), was, now)
        for where in sorted(told.keys() | old.keys())
        if (was := _held(old, where)) != (now := _held(told, where))
    )
    return Differences(
        other.id, last.revision, items, tuple(each for each in questions if each not in before)
    )


def record_grant(tx: Session, told: Mapping[str, Any], now: datetime) -> bool:
    """Count a grant that is in the log: its requester reads, risk hears, the other end is told.

    Returns:
        False where the statement or the request is none of ours, or it was counted before.
    """
    statement_id, request_id = told["statement_id"], UUID(told["request_id"])
    source = responses.preparation_of(tx, statement_id)
    found = requests.by_id(tx, [request_id])
    if source is None or not found or tx.get(Granted, told["grant_id"]) is not None:
        return False
    (request,) = found
    part = next(one for one in source.opened["components"] if one["statement_id"] == statement_id)
    opened = set(told["questions"])
    answers = [each for each in part["answers"] if each["question"] in opened]
    tx.add(
        Granted(
            grant_id=told["grant_id"],
            statement_id=statement_id,
            declaration_id=source.declaration_id,
            request_id=request.id,
            requester_org_id=request.requester_org_id,
            respondent_org_id=source.respondent_org_id,
            component=part["supplier_component_id"],
            questions=sorted(each["question"] for each in answers),
            opened={**part, "answers": answers},
            onward=told["onward"],
            not_after=datetime.fromisoformat(told["not_after"]),
            granted_at=datetime.fromisoformat(told["received_at"]),
        )
    )
    tx.flush()
    _settle(tx, request.id, now)
    _tell_risk(tx, source, request.id, request.requester_org_id, told, opened)
    notices.due(tx, "granted", request.id, "requester")
    return True


def end_grants(tx: Session, statement_id: str, now: datetime) -> bool:
    """Note that a grant, or the statement it opens, was taken back; the request is open again.

    Returns:
        False where no grant in force was concerned.
    """
    ended = [
        each for each in reviewing.grants_of_statements(tx, [statement_id]) if not each.ended_at
    ]
    for each in ended:
        each.ended_at = now
    tx.flush()
    for request_id in sorted({each.request_id for each in ended}):
        _settle(tx, request_id, now)
        notices.due(tx, "grant-ended", request_id, "requester")
    return bool(ended)


def _settle(tx: Session, request_id: UUID, now: datetime) -> None:
    """Move a request on that grants answer whole, and back when they no longer do (worker)."""
    (request,) = requests.by_id(tx, [request_id])
    if responses.newest_recorded(tx, request_id=request_id) is not None:
        return
    _, questions = questionnaires.shown(tx, request.questionnaire_id)
    asked = {each.id for each in questions.values() if each.derived_from is None}
    whole = asked <= answered_by_grants(tx, request_id, now)
    if whole:
        request.state = "granted"
    elif request.state in ("issued", "opened", "granted"):
        request.state = "started"


def _tell_risk(
    tx: Session,
    source: ResponsePreparation,
    request_id: UUID,
    requester: UUID,
    told: Mapping[str, Any],
    opened: set[str],
) -> None:
    part = next(
        one for one in source.opened["components"] if one["statement_id"] == told["statement_id"]
    )
    named = (
        *("statement_id", "descriptor_sha256", "answers_sha256", "supplier_component_id"),
        *("kind", "use", "roles", "attributes"),
    )
    answers = [
        {
            "question": each["question"],
            "state": each["state"],
            "value": each.get("value"),
            "opened": each["question"] in opened,
        }
        for each in part["answers"]
    ]
    say(
        tx,
        "answers.granted.v1",
        grant_id=told["grant_id"],
        request_id=request_id,
        requester_org_id=requester,
        respondent_org_id=source.respondent_org_id,
        declaration_id=source.declaration_id,
        response={"id": str(source.response_id), "revision": source.revision},
        origin=source.opened["origin"],
        component={**{name: part[name] for name in named}, "answers": answers},
        not_after=told["not_after"],
    )


def _offers_of(source: ResponsePreparation, asked: set[str]) -> Iterator[Offer]:
    withdrawn = {each["statement_id"] for each in source.statements if each.get("withdrawn")}
    for part in source.opened["components"]:
        answered = tuple(
            each["question"]
            for each in part["answers"]
            if each["question"] in asked and each["state"] in ("answered", "not_applicable")
        )
        if part["statement_id"] not in withdrawn and answered:
            assert source.recorded_at is not None
            yield Offer(
                source.response_id,
                source.request_id,
                part["statement_id"],
                part["supplier_component_id"],
                part["name"],
                source.recorded_at,
                answered,
            )


def _told_answers(document: Mapping[str, Any], questions: Mapping[str, Question]) -> dict[str, Any]:
    given = merging.places(document)
    answers = {w: _plain(v) for w, v in given.items() if merging.steps(w)[-2:-1] == ["answers"]}
    return {where: each for where, each in answers.items() if _question(where) in questions}


def _signed_answers(last: ResponsePreparation, questions: Mapping[str, Question]) -> dict[str, Any]:
    """Return what was signed, by place; what the company said once for all its AI, only there."""
    found: dict[str, Any] = {}
    shared = {each["question"]: _plain(each) for each in last.opened["answers"]}
    for question, each in shared.items():
        found[merging.pointer("answers", question)] = each
    for part in last.opened["components"]:
        for each in part["answers"]:
            question = questions.get(each["question"])
            if question is None or question.derived_from or shared.get(question.id) == _plain(each):
                continue
            at = ("components", part["supplier_component_id"], "answers", question.id)
            found[merging.pointer(*at)] = _plain(each)
    return {where: each for where, each in found.items() if _question(where) in questions}


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two answers are held against each other by; evidence is signed by new digests."""
    named = ("state", "value", "reason")
    return {name: answer[name] for name in named if answer.get(name)}


def _held(given: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    return (given[where],) if where in given else ()


def _question(where: str) -> str:
    return merging.steps(where)[-1]


def _text(where: str, questions: Mapping[str, Question]) -> Text | None:
    found = questions.get(_question(where))
    return found.text if found else None


def of_request(tx: Session, who: Principal, request_id: UUID) -> Sequence[Granted]:
    """Return the grants on a request at whose either end you are.

    Raises:
        NotFound: no such request.
    """
    if requests.shown(tx, who.org, request_id) is None:
        raise NotFound("no such request")
    return reviewing.grants_of_request(tx, request_id)
