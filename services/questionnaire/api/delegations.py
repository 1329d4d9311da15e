"""Sections of a response passed on to a colleague by link, and the colleague's own side of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Now, OnceOnly, Tx
from services.questionnaire.actions import delegations as actions
from services.questionnaire.actions import questionnaires
from services.questionnaire.api.edge import Line, Prose, Version, etag, strict_body
from services.questionnaire.api.packs import QuestionOut, question_out
from services.questionnaire.api.progress import SectionOut, outline_of, section_out
from services.questionnaire.api.responses import AnswerIn, QuestionId
from services.questionnaire.rules import merging, outline
from services.questionnaire.store import answering, responses
from services.questionnaire.store.answering import Delegation

router = APIRouter(tags=["portal"])

Mailbox = Annotated[str, Field(pattern=r"^[^\s@<>,;]{1,64}@[^\s@<>,;]{3,190}$")]


class DelegationIn(Model):
    """Whom to ask for which sections (`company/<pack>`, `component/<id>`); `note` is for them."""

    mailbox: Mailbox
    name: Line
    language: Literal["ja", "en"] = "ja"
    sections: Annotated[list[Line], Field(min_length=1, max_length=50)]
    note: Prose | Literal[""] = ""


class DelegationOut(Model):
    """Sections that were passed on, and what became of it."""

    id: UUID
    response_id: UUID
    mailbox: str
    name: str
    language: str
    sections: list[str]
    note: str
    delegated_by: str
    delegated_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    returned_at: datetime | None
    ended_at: datetime | None


class DelegatedOut(Model):
    """A new delegation and its link, to be handed over by hand where no mail goes out."""

    delegation: DelegationOut
    link: str


class DelegationsOut(Model):
    """Delegations, oldest first."""

    items: list[DelegationOut]


class MySectionsOut(Model):
    """What was passed on to you: your sections, their questions, and the answers so far.

    `places`: place → answer; `PUT` them back with `If-Match`. Nothing else of the response is here.
    """

    delegation: DelegationOut
    version: int
    sections: list[SectionOut]
    questions: list[QuestionOut]
    places: dict[str, Any]
    merged: list[str] = Field(default_factory=list)


class MyAnswersIn(Model):
    """Answers to put into your sections; null takes one out.

    `answers` are the company's, `components` those about one AI component by its id.
    """

    answers: dict[QuestionId, AnswerIn | None] = Field(default_factory=dict)
    components: dict[Line, dict[QuestionId, AnswerIn | None]] = Field(default_factory=dict)

    def places(self) -> dict[str, Any]:
        """Return them by place, as they are kept."""
        found = {merging.pointer("answers", key): each for key, each in self.answers.items()}
        for name, given in self.components.items():
            at = ("components", name, "answers")
            found |= {merging.pointer(*at, key): each for key, each in given.items()}
        return {where: _kept(each) for where, each in found.items()}


@router.post(
    "/responses/{response_id}/delegations",
    dependencies=[needs("responses.write")],
    status_code=201,
    response_model=DelegatedOut,
)
def delegate_sections(
    tx: Tx,
    who: Who,
    now: Now,
    response_id: UUID,
    body: DelegationIn,
    http: Request,
    once: OnceOnly,
) -> Response:
    """Pass sections on to a colleague, who gets a link and a one-use code of their own."""

    def work() -> DelegatedOut:
        secret = http.app.state.invitation_secret
        made, handle = actions.delegate(tx, who, response_id, body.model_dump(), secret, now)
        link = f"{http.app.state.base_url}/invitations/{handle}"
        return DelegatedOut(delegation=DelegationOut.model_validate(made), link=link)

    return once(work)


@router.get("/responses/{response_id}/delegations", dependencies=[needs("responses.read")])
def list_delegations(tx: Tx, who: Who, response_id: UUID) -> DelegationsOut:
    """List what was passed on of a response of yours."""
    if responses.own(tx, who.org, response_id) is None:
        raise NotFound("no such response")
    return _list(answering.delegations(tx, response_id))


@router.post("/delegations/{delegation_id}/end", dependencies=[needs("responses.write")])
def end_delegation(tx: Tx, who: Who, now: Now, delegation_id: UUID) -> DelegationOut:
    """Take sections back; what was filled in stays."""
    return DelegationOut.model_validate(actions.end(tx, who, delegation_id, now))


@router.get("/delegations", dependencies=[needs("delegations.answer")])
def list_my_delegations(tx: Tx, who: Who) -> DelegationsOut:
    """List what was passed on to you, by the mailbox you logged in with."""
    return _list(answering.delegated_to(tx, who.org, who.mailbox))


@router.get("/delegations/{delegation_id}", dependencies=[needs("delegations.answer")])
def read_my_sections(
    tx: Tx, who: Who, now: Now, delegation_id: UUID, http: Response
) -> MySectionsOut:
    """Read the sections that were passed on to you."""
    return _mine(tx, actions.mine(tx, who, delegation_id, now), http)


@router.put("/delegations/{delegation_id}", dependencies=[needs("delegations.answer"), strict_body])
def answer_my_sections(
    tx: Tx,
    who: Who,
    now: Now,
    delegation_id: UUID,
    body: MyAnswersIn,
    version: Version,
    http: Response,
) -> MySectionsOut:
    """Fill in your sections over the version you read (`If-Match`); others' work is kept."""
    _, taken = actions.answer(tx, who, delegation_id, version, body.places(), now)
    return _mine(tx, actions.mine(tx, who, delegation_id, now), http, list(taken))


@router.post("/delegations/{delegation_id}/return", dependencies=[needs("delegations.answer")])
def return_my_sections(tx: Tx, who: Who, now: Now, delegation_id: UUID) -> DelegationOut:
    """Say that your sections are done."""
    return DelegationOut.model_validate(actions.give_back(tx, who, delegation_id, now))


def _list(found: Any) -> DelegationsOut:
    return DelegationsOut(items=[DelegationOut.model_validate(each) for each in found])


def _mine(
    tx: Session, found: Delegation, http: Response, merged: list[str] | None = None
) -> MySectionsOut:
    response = responses.own(tx, found.respondent_org_id, found.response_id)
    assert response is not None, "a delegation is of a response"
    http.headers.update(etag(response.version))
    _, questions = questionnaires.shown(tx, response.questionnaire_id)
    sections = [each for each in outline_of(tx, response) if each.id in found.sections]
    asked = {item.question for each in sections for item in each.items}
    names = {one["supplier_component_id"]: one["name"] for one in response.document["components"]}
    own = {
        where: value
        for where, value in merging.places(response.document).items()
        if "answers" in merging.steps(where)
        and outline.section_of(where, questions) in found.sections
    }
    return MySectionsOut(
        delegation=DelegationOut.model_validate(found),
        version=response.version,
        sections=[section_out(each, names) for each in sections],
        questions=[question_out(each) for each in questions.values() if each.id in asked],
        places=own,
        merged=merged or [],
    )


def _kept(given: AnswerIn | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return {name: value for name, value in given.model_dump(mode="json").items() if value}
