"""How far a response is, section by section; who wrote what; what changed since last time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Limit, Model, Now, Tx
from services.questionnaire.actions import questionnaires, reuse
from services.questionnaire.api.edge import Bilingual, bilingual
from services.questionnaire.api.responses import ProgressOut
from services.questionnaire.rules import drafts, outline
from services.questionnaire.rules.outline import Item, Section
from services.questionnaire.rules.refusals import Text
from services.questionnaire.store import answering, packs, responses
from services.questionnaire.store.tables import Response as Stored

router = APIRouter(tags=["portal"])

_TITLES = {
    outline.PRE_SCREEN: Text("はじめの確認(5項目)", "Five ticks to begin with"),
    outline.SUB_TIER: Text("仕入先について", "Your own suppliers"),
}


class ItemOut(Model):
    """One thing to fill in. `where` is its place in the document (JSON pointer by component id)."""

    where: str
    question: str | None
    component: str | None
    state: str
    undecided: bool


class SectionOut(Model):
    """One section: what it is called, how far it is, and what is still silent in it."""

    id: str
    title: Bilingual
    progress: ProgressOut
    unanswered: list[ItemOut]


class OutlineOut(Model):
    """How far a response is. `next` is the first silent place; null when nothing is silent.

    `answered_by_grant` counts the organization's questions that grants in force answer: they are
    not asked again.
    """

    response_id: UUID
    version: int
    sections: list[SectionOut]
    next: str | None
    answered_by_grant: int


class SaveOut(Model):
    """One save: who made which version when, and which places changed."""

    version: int
    name: str
    saved_at: datetime
    places: list[str]


class SavesOut(Model):
    """The saves of a response, newest first."""

    items: list[SaveOut]


class DifferenceOut(Model):
    """One place that is otherwise than last time; `[]` where there was or is nothing."""

    where: str
    text: Bilingual | None
    last_time: list[Any]
    now: list[Any]


class DifferencesOut(Model):
    """What a draft says otherwise than another response of yours, as it was signed or is drafted.

    `new_questions` were not asked last time.
    """

    against_response_id: UUID
    against_revision: int
    items: list[DifferenceOut]
    new_questions: list[str]


@router.get("/responses/{response_id}/progress", dependencies=[needs("responses.read")])
def read_progress(tx: Tx, who: Who, now: Now, response_id: UUID) -> OutlineOut:
    """Read how far a response is, with every place that is still silent, to jump to."""
    found = _own(tx, who.org, response_id)
    elsewhere = reuse.answered_by_grants(tx, found.request_id, now)
    sections = outline_of(tx, found, elsewhere)
    silent = [item for each in sections for item in each.items if item.state == "silent"]
    names = {one["supplier_component_id"]: one["name"] for one in found.document["components"]}
    return OutlineOut(
        response_id=found.id,
        version=found.version,
        sections=[section_out(each, names) for each in sections],
        next=silent[0].where if silent else None,
        answered_by_grant=len(elsewhere),
    )


@router.get("/responses/{response_id}/saves", dependencies=[needs("responses.read")])
def list_saves(tx: Tx, who: Who, response_id: UUID, limit: Limit = 100) -> SavesOut:
    """List who saved what, the newest first."""
    found = _own(tx, who.org, response_id)
    return SavesOut(
        items=[
            SaveOut(
                version=each.version,
                name=each.name,
                saved_at=each.saved_at,
                places=sorted(each.changes),
            )
            for each in answering.saves_after(tx, found.id, 0)[:limit]
        ]
    )


@router.get("/responses/{response_id}/differences", dependencies=[needs("responses.read")])
def read_differences(
    tx: Tx,
    who: Who,
    response_id: UUID,
    against: Annotated[UUID | None, Query(description="another response of yours")] = None,
) -> DifferencesOut:
    """Hold a draft against last time: its own newest signed revision, or another response."""
    found = reuse.differences(tx, who, response_id, against)
    return DifferencesOut(
        against_response_id=found.against_response_id,
        against_revision=found.against_revision,
        items=[
            DifferenceOut(
                where=each.where,
                text=bilingual(each.text) if each.text else None,
                last_time=list(each.before),
                now=list(each.after),
            )
            for each in found.items
        ],
        new_questions=list(found.new_questions),
    )


def outline_of(
    tx: Session, found: Stored, elsewhere: frozenset[str] = frozenset()
) -> tuple[Section, ...]:
    """Return the sections of a saved response."""
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    draft = drafts.read(found.document, questions)
    return outline.outline(list(questions.values()), draft, elsewhere)


def section_out(section: Section, components: dict[str, str]) -> SectionOut:
    """Show a section; `components`: id → name."""
    return SectionOut(
        id=section.id,
        title=bilingual(_title(section.id, components)),
        progress=ProgressOut.model_validate(section.progress),
        unanswered=[_item_out(item) for item in section.items if item.state == "silent"],
    )


def _title(section: str, components: dict[str, str]) -> Text:
    kind, _, name = section.partition("/")
    if kind == outline.COMPANY:
        return next(pack.title for (id_, _), pack in packs.load_all().items() if id_ == name)
    if kind == outline.COMPONENT:
        return Text(components.get(name, name), components.get(name, name))
    return _TITLES[section]


def _item_out(item: Item) -> ItemOut:
    return ItemOut(
        where=item.where,
        question=item.question,
        component=item.component,
        state=item.state,
        undecided=item.undecided,
    )


def _own(tx: Session, org: UUID, response_id: UUID) -> Stored:
    found = responses.own(tx, org, response_id)
    if found is None:
        raise NotFound("no such response")
    return found
