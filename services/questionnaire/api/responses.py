"""Responses: one document per response, saved under a version, fixed as a revision to sign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field, StringConstraints, field_validator
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Now, OnceOnly, Tx
from services.questionnaire.actions import questionnaires, submitting
from services.questionnaire.actions import responses as actions
from services.questionnaire.actions.laying_out import Prepared
from services.questionnaire.api.edge import (
    Dependency,
    Deployed,
    HandIn,
    Line,
    Prose,
    Sha256,
    StatementOut,
    Version,
    etag,
    statement_out,
    strict_body,
)
from services.questionnaire.rules import answers, drafts
from services.questionnaire.rules.conditions import ATTRIBUTES
from services.questionnaire.store import responses
from services.questionnaire.store.tables import Response as Stored

router = APIRouter(tags=["portal"])

YesNo = Literal["yes", "no"]
Ticked = Literal["yes", "none", "checking"]
QuestionId = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class PreScreenIn(Model):
    """The ticks ① to ③; `suppliers` is the extra tick under "none of these"."""

    embedded: Ticked
    process: Ticked
    customer_data: Ticked
    suppliers: Literal["none", "unknown"] | None = None


class ScopeMemberIn(Model):
    """A firm a group answer also speaks for, and the basis of that mandate."""

    name: Line
    basis: Line


class ScopeIn(Model):
    """What the response covers: all goods or the named lines."""

    kind: Literal["company", "sites", "products", "group"] = "company"
    goods: Literal["all"] | Annotated[list[Line], Field(min_length=1)] = "all"
    sites: list[Line] = Field(default_factory=list)
    products: list[Line] = Field(default_factory=list)
    members: list[ScopeMemberIn] = Field(default_factory=list)


class SourceDocumentIn(Model):
    """The sheet a relayed or proxy entry came from."""

    digest: Sha256
    channel: Line
    received_at: AwareDatetime


class AnswerIn(Model):
    """One answer; `value` is an option code and belongs to an answered question only."""

    state: Literal["answered", "checking", "withheld", "not_applicable"]
    value: str | None = None
    reason: Prose | None = None
    note: Prose | None = None
    details: dict[str, str] = Field(default_factory=dict)
    evidence: Annotated[list[str], Field(max_length=50)] = Field(default_factory=list)


class RolesIn(Model):
    """Three facts of a component; one left out is undecided."""

    developer: YesNo | None = None
    provider: YesNo | None = None
    user: YesNo | None = None


class ArtifactIn(Model):
    """One file of a component."""

    sha256: Sha256
    media_type: Line


class ModelCardIn(Model):
    """What an ML-BOM says of a model in single words; shown, and signed by the file's digest."""

    approach: (
        Literal[
            "supervised",
            "unsupervised",
            "reinforcement-learning",
            "semi-supervised",
            "self-supervised",
        ]
        | None
    ) = None
    task: str | None = None
    architecture: str | None = None
    datasets: Annotated[list[str], Field(max_length=200)] = Field(default_factory=list)
    limitations: Annotated[list[str], Field(max_length=200)] = Field(default_factory=list)


class ComponentIn(Model):
    """One AI component; its own answers win over the organization's.

    `ml_bom_sha256` and `model_signing_sha256` name files by digest; upload them by their own routes
    so that the audience can get them.
    """

    supplier_component_id: Line
    name: Line
    version: Line
    kind: Literal["model", "dataset", "ai-system", "ai-service", "embedded-ai"]
    use: Literal["embedded", "process", "customer-data"]
    roles: RolesIn = RolesIn()
    attributes: dict[str, str] = Field(default_factory=dict)
    purl: Line | None = None
    ml_bom_sha256: Sha256 | None = None
    model_signing_sha256: Sha256 | None = None
    artifacts: Annotated[list[ArtifactIn], Field(max_length=200)] = Field(default_factory=list)
    model_card: ModelCardIn | None = None
    answers: dict[QuestionId, AnswerIn] = Field(default_factory=dict)

    @field_validator("attributes")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name, said in value.items():
            if said not in ATTRIBUTES.get(name, ()):
                msg = f"attributes.{name}: no such attribute or value"
                raise ValueError(msg)
        return value


class SubTierEntryIn(Model):
    """One of your own suppliers; what is left out is taken from your supply link."""

    supplier_id: UUID
    dependency: Dependency | None = None
    visibility: Literal["named", "masked"]
    pass_through: bool | None = None


class SubTierIn(Model):
    """The tier below: `declared` null is silence; `undisclosed` counts firms per class."""

    declared: Literal["complete", "none"] | None = None
    open_totals: bool = True
    entries: Annotated[list[SubTierEntryIn], Field(max_length=2000)] = Field(default_factory=list)
    undisclosed: dict[Dependency, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default_factory=dict
    )


class ResponseDocument(Model):
    """One whole response."""

    pre_screen: PreScreenIn | None = None
    scope: ScopeIn = ScopeIn()
    origin: Literal["self", "excel", "relayed", "transcribed"] = "self"
    source_document: SourceDocumentIn | None = None
    answers: dict[QuestionId, AnswerIn] = Field(default_factory=dict)
    components: list[ComponentIn] = Field(default_factory=list)
    sub_tier: SubTierIn | None = None

    def stored(self) -> dict[str, Any]:
        """Return it as it is kept: plain JSON; what was left out of an answer stays out."""
        found = self.model_dump(mode="json")
        parts: list[dict[str, Any]] = [found, *found["components"]]
        for part in parts:
            part["answers"] = {
                question: {name: value for name, value in answer.items() if value}
                for question, answer in part["answers"].items()
            }
        for component in found["components"]:
            component["roles"] = {k: v for k, v in component["roles"].items() if v}
        return found


class ProgressOut(Model):
    """Counts over what is asked; `silent` is still to be answered."""

    total: int
    answered: int
    checking: int
    withheld: int
    not_applicable: int
    silent: int
    undecided: int


class ResponseOut(Model):
    """A response; `version` is its ETag. `revision` is the newest on record, 0 for none.

    `refused` lists the codes where the newest statement of it was refused by the log. `merged` are
    the places that this very save took over from colleagues who saved in between.
    """

    id: UUID
    request_id: UUID
    state: Literal["opened", "started", "prepared", "signed"]
    version: int
    revision: int
    saved_at: datetime
    document: ResponseDocument
    progress: ProgressOut
    refused: list[str]
    merged: list[str] = Field(default_factory=list)


class CopyIn(Model):
    """Which response of yours to take the answers from."""

    from_response_id: UUID


class CopiedOut(Model):
    """The response after copying; `left_out` are the questions whose answers did not fit."""

    response: ResponseOut
    left_out: list[str]


class PrepareIn(HandIn):
    """Who is about to sign, in which language it was shown, and how far it may be passed on."""

    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    open: Literal["all"] = "all"
    onward: Literal["none", "pseudonymous", "named"] = "none"


class NoteOut(Model):
    """What goes in otherwise than it was asked for, and why."""

    supplier_id: UUID
    asked: str
    went_as: str
    reason: dict[str, str]


class PreparedOut(Model):
    """A revision to sign: every statement in this order, the declaration last.

    Submit the bundles with `documents` (file name → base64) and `disclosures` (shape of
    `disclosures.json`); keep `kept_back` to yourself.
    """

    revision: int
    request_statement_id: str
    statements: list[StatementOut]
    documents: dict[str, str]
    disclosures: dict[str, dict[str, list[str]]]
    kept_back: dict[str, dict[str, list[str]]]
    notes: list[NoteOut]


@router.post("/requests/{request_id}/response", dependencies=[needs("responses.write")])
def open_response(tx: Tx, who: Who, request_id: UUID, http: Response) -> ResponseOut:
    """Begin the response to a request, or get the one that was begun."""
    return response_out(tx, actions.open_one(tx, who, request_id), http)


@router.get("/responses/{response_id}", dependencies=[needs("responses.read")])
def read_response(tx: Tx, who: Who, response_id: UUID, http: Response) -> ResponseOut:
    """Read a response of yours."""
    found = responses.own(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    return response_out(tx, found, http)


@router.put("/responses/{response_id}", dependencies=[needs("responses.write"), strict_body])
def save_response(
    tx: Tx,
    who: Who,
    now: Now,
    response_id: UUID,
    body: ResponseDocument,
    version: Version,
    http: Response,
) -> ResponseOut:
    """Save the whole document over the version you read (`If-Match`).

    What colleagues saved in between elsewhere is kept; where both changed one place it is a 412.
    """
    saved, taken = actions.save(tx, who, response_id, version, body.stored(), now)
    return response_out(tx, saved, http, taken)


@router.post("/responses/{response_id}/copy", dependencies=[needs("responses.write")])
def copy_response(
    tx: Tx,
    who: Who,
    now: Now,
    response_id: UUID,
    body: CopyIn,
    version: Version,
    http: Response,
) -> CopiedOut:
    """Take over the answers of another response of yours (`If-Match`)."""
    found, left = actions.copy(tx, who, response_id, version, body.from_response_id, now)
    return CopiedOut(response=response_out(tx, found, http), left_out=left)


@router.post(
    "/responses/{response_id}/prepare",
    dependencies=[needs("responses.write")],
    response_model=PreparedOut,
)
def prepare_response(
    tx: Tx,
    who: Who,
    now: Now,
    response_id: UUID,
    body: PrepareIn,
    deployment: Deployed,
    once: OnceOnly,
) -> Response:
    """Fix the next revision and get its statements to sign; an unsigned one is replaced."""

    def work() -> PreparedOut:
        made = submitting.prepare(
            tx,
            who,
            response_id,
            body.hand(),
            deployment,
            now,
            locale=body.locale,
            onward=body.onward,
        )
        return _prepared_out(made)

    return once(work, status=200)


def _prepared_out(made: Prepared) -> PreparedOut:
    return PreparedOut(
        revision=made.revision,
        request_statement_id=made.request_statement_id,
        statements=[statement_out(each) for each in made.statements],
        documents=made.documents,
        disclosures=made.disclosures,
        kept_back=made.kept_back,
        notes=[NoteOut(**each) for each in made.notes],
    )


def response_out(
    tx: Session, found: Stored, http: Response, merged: Sequence[str] = ()
) -> ResponseOut:
    """Show a response, its version as the ETag."""
    http.headers.update(etag(found.version))
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    draft = drafts.read(found.document, questions)
    stated = [(draft.component(one), one.answers) for one in draft.components]
    progress = answers.progress(list(questions.values()), draft.answers, stated)
    newest = responses.newest(tx, found.id)
    return ResponseOut(
        id=found.id,
        request_id=found.request_id,
        state=found.state,
        version=found.version,
        revision=found.signed_revision,
        saved_at=found.saved_at,
        document=ResponseDocument.model_validate(found.document),
        progress=ProgressOut.model_validate(progress),
        refused=(newest.refused if newest else None) or [],
        merged=list(merged),
    )
