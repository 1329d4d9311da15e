"""Questionnaires: frozen for good under a digest."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, OnceOnly, Page, Tx
from services.questionnaire.actions import questionnaires as actions
from services.questionnaire.actions.questionnaires import Choice, Chosen
from services.questionnaire.api.edge import Bilingual, Line, Sha256, after, cursor_after
from services.questionnaire.api.packs import (
    PreScreenForm,
    QuestionOut,
    pre_screen_out,
    question_out,
)
from services.questionnaire.rules.overlays import Overlay
from services.questionnaire.rules.packs import Role
from services.questionnaire.store import packs, questionnaires
from services.questionnaire.store.tables import Questionnaire

router = APIRouter(tags=["questionnaires"])

_WRITTEN: Final[dict[str, bytes]] = {}
"""Digest → a questionnaire as it is shown; the salt in it makes every digest one of its own."""
_MOST_WRITTEN: Final = 256


Tier = Annotated[int, Field(ge=1, le=9)]


class PackRef(Model):
    """One version of a pack; `tiers`: for which it is meant, left out for all."""

    id: Line
    version: Line
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=9)] | None = None


class OwnQuestion(Model):
    """A question of your own, `Q-OWN-001` and so on, on one of the usual scales."""

    id: str = Field(pattern=r"^Q-OWN-[0-9]{3}$")
    about: Literal["component", "organization"]
    roles: Annotated[list[Role], Field(min_length=1, max_length=3)]
    principle: str = Field(pattern=r"^C-([1-9]|10)$")
    topic: Literal["safety-verification", "documentation-audit-trail", "supply-chain"] | None = None
    criticality: int = Field(ge=1, le=5)
    text: Bilingual
    help: Bilingual
    scale: Literal["maturity", "yes_no", "record"]
    freshness_days: int = Field(default=365, ge=1, le=3660)
    applies_if: dict[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        """Return it as a pack has it."""
        plain = self.model_dump(exclude={"scale", "applies_if"})
        condition = {} if self.applies_if is None else {"applies_if": self.applies_if}
        more = {"rev": 1, "states": ["checking", "withheld", "not_applicable"], "evidence": []}
        return {**plain, **more, **condition, "answer": {"type": self.scale}}


class OverlayIn(Model):
    """What you lay over the packs: questions of your own, raised weights, what is left out and why.

    A question about safety is left out only with a reason; the starter set never.
    """

    questions: Annotated[list[OwnQuestion], Field(max_length=50)] = Field(default_factory=list)
    criticality: Annotated[dict[str, int], Field(max_length=200)] = Field(default_factory=dict)
    dropped: Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(max_length=200)] = (
        Field(default_factory=dict)
    )

    def overlay(self) -> Overlay:
        """Return it as the rules know it."""
        own = tuple(each.data() for each in self.questions)
        return Overlay(own, self.criticality, self.dropped)


class ChoiceIn(Model):
    """What to ask: the starter set alone, or all questions of the chosen packs beside it.

    `tier` and `roles` narrow it: packs are taken where their `tiers` fit, questions where they
    concern one of the roles. The starter set is always asked.
    """

    title: Line
    packs: Annotated[list[PackRef], Field(min_length=1, max_length=20)]
    selection: Literal["starter", "all"]
    tier: Tier | None = None
    roles: Annotated[list[Role], Field(max_length=3)] = Field(default_factory=list)
    overlay: OverlayIn = Field(default_factory=OverlayIn)

    def choice(self) -> Choice:
        """Return it as the actions know it."""
        chosen = [Chosen(each.id, each.version, each.tiers) for each in self.packs]
        return Choice(
            self.title, chosen, self.selection, self.tier, self.roles, self.overlay.overlay()
        )


class QuestionnaireIn(ChoiceIn):
    """What to freeze; `preview_sha256` refuses (409) what is not what you previewed."""

    preview_sha256: Sha256 | None = None


class PreviewOut(Model):
    """What suppliers would be shown; nothing is kept. `sha256` names it for publishing."""

    sha256: str
    starter: list[str]
    pre_screen: PreScreenForm
    questions: list[QuestionOut]


class QuestionnaireOut(Model):
    """A frozen questionnaire; `document` (base64) are the bytes whose sha256 is `digest`."""

    id: UUID
    title: str
    digest: str
    document: str
    tier: int | None
    roles: list[str]
    overlay: dict[str, Any] | None
    created_at: datetime
    questions: list[QuestionOut]


class QuestionnaireSummary(Model):
    """A questionnaire in a list."""

    id: UUID
    title: str
    digest: str
    tier: int | None
    roles: list[str]
    created_at: datetime


class QuestionnairePage(Page):
    """A page of questionnaires, oldest first."""

    items: list[QuestionnaireSummary]


def questionnaire_out(found: Questionnaire) -> QuestionnaireOut:
    """Show a questionnaire with its questions."""
    return QuestionnaireOut(
        id=found.id,
        title=found.title,
        digest=found.digest,
        document=base64.b64encode(found.document).decode("ascii"),
        tier=found.tier,
        roles=found.roles,
        overlay=found.overlay,
        created_at=found.created_at,
        questions=[question_out(each) for each in actions.questions(found)],
    )


@router.post(
    "/questionnaires",
    dependencies=[needs("questionnaires.write")],
    status_code=201,
    response_model=QuestionnaireOut,
)
def publish_questionnaire(tx: Tx, who: Who, body: QuestionnaireIn, once: OnceOnly) -> Response:
    """Freeze a choice of questions for good."""
    return once(
        lambda: questionnaire_out(
            actions.publish(tx, who, body.choice(), previewed=body.preview_sha256)
        )
    )


@router.post("/questionnaire-previews", dependencies=[needs("questionnaires.write")])
def preview_questionnaire(_tx: Tx, body: ChoiceIn) -> PreviewOut:
    """See a choice of questions as suppliers would; nothing is kept."""
    composed = actions.preview(body.choice())
    asked = {each.id for each in composed.questions}
    return PreviewOut(
        sha256=composed.sha256,
        starter=[each for each in packs.load_starter().questions if each in asked],
        pre_screen=pre_screen_out(packs.load_prescreen()),
        questions=[question_out(each) for each in composed.questions],
    )


@router.get("/questionnaires", dependencies=[needs("questionnaires.read")])
def list_questionnaires(
    tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100
) -> QuestionnairePage:
    """List your questionnaires."""
    rows = questionnaires.page(tx, who.org, after(cursor), limit + 1)
    return QuestionnairePage(
        items=[QuestionnaireSummary.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.get(
    "/questionnaires/{questionnaire_id}",
    dependencies=[needs("questionnaires.read")],
    response_model=QuestionnaireOut,
)
def read_questionnaire(tx: Tx, questionnaire_id: UUID) -> Response:
    """Read a questionnaire you made or were asked with."""
    digest = questionnaires.digest_of(tx, questionnaire_id)
    if digest is None:
        raise NotFound("no such questionnaire")
    # Frozen for good: whoever may read it is asked each time, what it says is written once.
    body = _WRITTEN.get(digest)
    if body is None:
        found = questionnaires.shown(tx, questionnaire_id)
        assert found is not None, "its digest was seen in this transaction"
        body = questionnaire_out(found).model_dump_json().encode()
        if len(_WRITTEN) >= _MOST_WRITTEN:
            _WRITTEN.pop(next(iter(_WRITTEN)))
        _WRITTEN[digest] = body
    return Response(body, media_type="application/json")
