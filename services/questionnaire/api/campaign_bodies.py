"""What is said to draft or change a campaign."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from rensho.sign import NOT_USED_FOR

from services.kit.web import Model
from services.questionnaire.actions.campaigns import FairDealingRecord, Plan, Terms
from services.questionnaire.api.edge import Line, Prose
from services.questionnaire.api.suppliers import Mailbox

_EITHER: Final = "give either supplier_ids or all: true"


class FairDealingIn(Model):
    """How the supplier is dealt with: status under the subcontract act, effort, cost, reasons."""

    subcontract_act: Literal["covered", "not", "undecided"]
    basis: Prose
    effort_minutes: int = Field(ge=0, le=100_000)
    cost_offered: Prose
    explanation: Prose
    necessity: Prose | None = Field(default=None, description="blank: the reason of the campaign")
    cost_outcome: Prose | None = Field(default=None, description="what came of the talk, if any")

    def record(self) -> FairDealingRecord:
        """Return it as the actions know it."""
        blank = {"necessity": self.necessity or "", "cost_outcome": self.cost_outcome or ""}
        return FairDealingRecord(**{**self.model_dump(), **blank})


class Person(Model):
    """Somebody of the requester."""

    name: Line
    mailbox: Mailbox


class StepIn(Person):
    """Who looks at a campaign before it is signed: 確認 (`check`) or 承認 (`approve`)."""

    kind: Literal["check", "approve"]


class LetterheadIn(Model):
    """What a printed request shows of you: department, its head with title, telephone number."""

    department: Line | None = None
    head: Line | None = None
    telephone: Line | None = None


class DraftIn(Model):
    """What is asked of whom, until when, and what is promised about the answers.

    `owner` hears when silence lasts (left out: who drafts it); `flow` are those who check and
    approve it, in order, before it can be signed. `letterhead` is for the printed request.
    """

    title: Line
    questionnaire_id: UUID
    due_on: date
    purpose: Prose
    why: Prose
    clauses: Annotated[list[Line], Field(max_length=100)] = Field(default_factory=list)
    viewers: Annotated[list[Line], Field(min_length=1, max_length=50)]
    not_used_for: Annotated[list[Line], Field(max_length=20)] = Field(
        default_factory=lambda: list(NOT_USED_FOR)
    )
    nda_basis: Literal["basic-contract", "own-nda", "none"]
    owner: Person | None = None
    flow: Annotated[list[StepIn], Field(max_length=10)] = Field(default_factory=list)
    letterhead: LetterheadIn | None = None
    supplier_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None
    all: bool = False
    fair_dealing: FairDealingIn | None = None
    fair_dealing_for: dict[UUID, FairDealingIn] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in ("clauses", "viewers", "not_used_for"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                msg = f"{name} holds something twice"
                raise ValueError(msg)
        if self.all and self.supplier_ids is not None:
            raise ValueError(_EITHER)
        return self

    @property
    def names_whom(self) -> bool:
        """Whether it says whom to ask."""
        return self.all or self.supplier_ids is not None

    def plan(self) -> Plan:
        """Return it as the actions know it."""
        return Plan(
            title=self.title,
            questionnaire_id=self.questionnaire_id,
            supplier_ids=self.supplier_ids,
            due_on=self.due_on,
            terms=Terms(
                why=self.why,
                purpose=self.purpose,
                clauses=self.clauses,
                viewers=self.viewers,
                not_used_for=self.not_used_for,
                nda_basis=self.nda_basis,
            ),
            owner=self.owner.model_dump() if self.owner else {},
            flow=[each.model_dump() for each in self.flow],
            letterhead=self.letterhead.model_dump(exclude_none=True) if self.letterhead else {},
            fair_dealing=self.fair_dealing.record() if self.fair_dealing else None,
            fair_dealing_for={
                supplier_id: each.record() for supplier_id, each in self.fair_dealing_for.items()
            },
        )


class CampaignIn(DraftIn):
    """A new draft says whom it asks."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if not self.names_whom:
            raise ValueError(_EITHER)
        return self
