"""Freezing questionnaires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from rensho.documents import Pack as PackDigest
from rensho.documents import QuestionnaireDocument
from rensho.salted import sha256
from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import Invalid, NotFound
from services.questionnaire.actions.signing import making
from services.questionnaire.rules import questionnaires as rules
from services.questionnaire.rules.packs import Pack, Question
from services.questionnaire.rules.questionnaires import Starter
from services.questionnaire.store import packs, questionnaires
from services.questionnaire.store.tables import Questionnaire

Selection = Literal["starter", "all"]


class UnknownPack(Invalid):
    """A pack or this version of it is not shipped here."""

    urn = "questionnaires/unknown-pack"


def publish(
    tx: Session,
    who: Principal,
    title: str,
    chosen: Sequence[tuple[str, str]],
    selection: Selection,
) -> Questionnaire:
    """Freeze a choice of questions under a digest, for good, and say so.

    The starter set is always asked; a pack it needs that was not chosen is drawn on in its newest
    version.

    Raises:
        UnknownPack: a pack or version is not shipped.
        Refusal: the packs do not go together (`questionnaires/…`).
    """
    starter = packs.load_starter()
    composed = _compose(chosen, selection, starter)
    document = _document(composed)
    made = Questionnaire(
        id=new_id(), org_id=who.org, title=title, digest=sha256(document), document=document
    )
    tx.add(made)
    tx.flush()
    say(
        tx,
        "questionnaire.published.v1",
        questionnaire_id=made.id,
        org_id=who.org,
        digest=made.digest,
        packs=composed["packs"],
        questions=rules.question_table(questions(made), starter),
    )
    tx.info["details"]["digest"] = made.digest
    return made


def questions(questionnaire: Questionnaire) -> tuple[Question, ...]:
    """Return the questions a frozen questionnaire asks, in its order."""
    document = QuestionnaireDocument.parse(questionnaire.document)
    plain = {
        "packs": [each.to_json() for each in document.packs],
        "questions": list(document.questions),
    }
    return rules.questions_of(plain, packs.load_all())


def shown(tx: Session, questionnaire_id: UUID) -> tuple[Questionnaire, dict[str, Question]]:
    """Return a questionnaire the organization made or was asked with, and its questions by id.

    Raises:
        NotFound: neither.
    """
    found = questionnaires.shown(tx, questionnaire_id)
    if found is None:
        raise NotFound("no such questionnaire")
    return found, {question.id: question for question in questions(found)}


def _document(composed: Mapping[str, Any]) -> bytes:
    digests = (
        PackDigest(each["id"], each["version"], each["sha256"]) for each in composed["packs"]
    )
    with making():
        return QuestionnaireDocument(tuple(digests), tuple(composed["questions"])).to_bytes()


def _compose(
    chosen: Sequence[tuple[str, str]], selection: Selection, starter: Starter
) -> dict[str, Any]:
    shelf = packs.load_all()
    if strange := [each for each in chosen if each not in shelf]:
        raise UnknownPack(f"no such pack: {' '.join(strange[0])}")
    given = [shelf[each] for each in chosen]
    drawn = [*given, *_needed(shelf, given, starter.questions)]
    whole = {pack.id for pack in given} if selection == "all" else set()
    return rules.compose(drawn, starter, whole)


def _needed(
    shelf: Mapping[tuple[str, str], Pack], given: Sequence[Pack], wanted: Sequence[str]
) -> list[Pack]:
    chosen = {pack.id for pack in given}
    newest: dict[str, Pack] = {}
    for _, pack in sorted(shelf.items(), key=lambda each: _release(each[0][1])):
        if pack.id not in chosen and any(question.id in wanted for question in pack.questions):
            newest[pack.id] = pack
    return list(newest.values())


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))
