"""Freezing questionnaires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from rensho import jcs
from rensho.documents import Pack as PackDigest
from rensho.documents import QuestionnaireDocument
from rensho.salted import sha256
from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions.signing import making
from services.questionnaire.rules import overlays
from services.questionnaire.rules import questionnaires as rules
from services.questionnaire.rules.overlays import Overlay
from services.questionnaire.rules.packs import Pack, Question
from services.questionnaire.rules.questionnaires import Starter
from services.questionnaire.store import packs, questionnaires
from services.questionnaire.store.tables import Questionnaire

Selection = Literal["starter", "all"]


class ChangedSincePreview(Refused):
    """The choice was changed after it was previewed; look again before you publish."""

    urn = "questionnaires/changed-since-preview"


class UnknownPack(Invalid):
    """A pack or this version of it is not shipped here."""

    urn = "questionnaires/unknown-pack"


@dataclass(frozen=True)
class Chosen:
    """One version of a pack, and for which tiers; None for all."""

    id: str
    version: str
    tiers: Sequence[int] | None = None


@dataclass(frozen=True)
class Choice:
    """What is to be asked of whom; `tier` and `roles` None or none: of everybody."""

    title: str
    packs: Sequence[Chosen]
    selection: Selection
    tier: int | None = None
    roles: Sequence[str] = ()
    overlay: Overlay = field(default_factory=Overlay)


@dataclass(frozen=True)
class Composed:
    """A choice worked out, not frozen yet; `sha256` names what was previewed."""

    packs: list[dict[str, Any]]
    questions: tuple[Question, ...]
    sha256: str


def preview(choice: Choice) -> Composed:
    """Work out what a choice asks, as its suppliers would see it; nothing is kept.

    Raises:
        UnknownPack: a pack or version is not shipped.
        Refusal: the packs or the overlay do not go together (`questionnaires/…`, `packs/…`).
    """
    starter = packs.load_starter()
    shelf, own = packs.load_all(), _own(choice.overlay)
    composed = _compose(choice, starter, own)
    if own is not None:
        composed["packs"] = sorted(
            [
                *(each for each in composed["packs"] if each["id"] != overlays.ID),
                {"id": own.id, "version": own.version, "sha256": own.digest},
            ],
            key=lambda each: str(each["id"]),
        )
    known = shelf if own is None else {**shelf, (own.id, own.version): own}
    found = overlays.raised(rules.questions_of(composed, known), choice.overlay)
    said = {
        "title": choice.title,
        "packs": composed["packs"],
        "questions": composed["questions"],
        "tier": choice.tier,
        "roles": sorted(choice.roles),
    }
    return Composed(composed["packs"], found, sha256(jcs.dumps(said)))


def publish(
    tx: Session, who: Principal, choice: Choice, previewed: str | None = None
) -> Questionnaire:
    """Freeze a choice of questions under a digest, for good, and say so.

    The starter set is always asked; a pack it needs that was not chosen is drawn on in its newest
    version.

    Args:
        previewed: `sha256` of the preview somebody looked at.

    Raises:
        UnknownPack, Refusal: as `preview`.
        ChangedSincePreview: the choice is another one by now.
    """
    composed = preview(choice)
    if previewed is not None and previewed != composed.sha256:
        raise ChangedSincePreview("this is not what was previewed", sha256=composed.sha256)
    document = _document(composed)
    made = Questionnaire(
        id=new_id(),
        org_id=who.org,
        title=choice.title,
        digest=sha256(document),
        document=document,
        tier=choice.tier,
        roles=sorted(choice.roles),
        overlay=None if choice.overlay.empty else choice.overlay.document(),
    )
    tx.add(made)
    tx.flush()
    say(
        tx,
        "questionnaire.published.v1",
        questionnaire_id=made.id,
        org_id=who.org,
        digest=made.digest,
        packs=composed.packs,
        questions=rules.question_table(composed.questions, packs.load_starter()),
    )
    tx.info["details"]["digest"] = made.digest
    if choice.overlay.dropped:
        # The reasons stay with the questionnaire; that there were any is in the audit trail too.
        tx.info["details"]["dropped"] = dict(choice.overlay.dropped)
    return made


def questions(questionnaire: Questionnaire) -> tuple[Question, ...]:
    """Return the questions a frozen questionnaire asks, in its order."""
    document = QuestionnaireDocument.parse(questionnaire.document)
    plain = {
        "packs": [each.to_json() for each in document.packs],
        "questions": list(document.questions),
    }
    if questionnaire.overlay is None:
        return rules.questions_of(plain, packs.load_all())
    overlay = Overlay.of(questionnaire.overlay)
    own = _own(overlay)
    assert own is not None, "an empty overlay is not kept"
    known = {**packs.load_all(), (own.id, own.version): own}
    return overlays.raised(rules.questions_of(plain, known), overlay)


def shown(tx: Session, questionnaire_id: UUID) -> tuple[Questionnaire, dict[str, Question]]:
    """Return a questionnaire the organization made or was asked with, and its questions by id.

    Raises:
        NotFound: neither.
    """
    found = questionnaires.shown(tx, questionnaire_id)
    if found is None:
        raise NotFound("no such questionnaire")
    return found, {question.id: question for question in questions(found)}


def _document(composed: Composed) -> bytes:
    digests = (PackDigest(each["id"], each["version"], each["sha256"]) for each in composed.packs)
    asked = tuple(question.id for question in composed.questions)
    with making():
        return QuestionnaireDocument(tuple(digests), asked).to_bytes()


def _own(overlay: Overlay) -> Pack | None:
    if overlay.empty:
        return None
    like = next(pack for (name, _), pack in packs.load_all().items() if name == "jp-aigb-core")
    return overlays.pack_of(overlay, like, packs.load_scales())


def _compose(choice: Choice, starter: Starter, own: Pack | None) -> dict[str, Any]:
    shelf = packs.load_all()
    chosen = [(each.id, each.version) for each in choice.packs]
    if strange := [each for each in chosen if each not in shelf]:
        raise UnknownPack(f"no such pack: {' '.join(strange[0])}")
    given = [shelf[each] for each in chosen]
    drawn = [*given, *_needed(shelf, given, starter.questions)]
    fits = {each.id for each in choice.packs if choice.tier in (each.tiers or (choice.tier,))}
    whole = fits if choice.selection == "all" else set()
    if own is not None:
        asked = {q.id: q for pack in given if pack.id in whole for q in pack.questions}
        starters = {q.id: q for pack in drawn for q in pack.questions if q.id in starter.questions}
        overlays.refuse(choice.overlay, {**asked, **starters}, starter.questions)
        drawn, whole = [*drawn, own], {*whole, own.id}
    dropped = choice.overlay.dropped or {}
    return rules.compose(drawn, starter, whole, roles=choice.roles, dropped=dropped)


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
