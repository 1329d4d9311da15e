"""A firm's own way from written to signed: its steps, their deputies, and what was decided."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Now, Tx
from services.questionnaire.actions import approvals as actions
from services.questionnaire.api.delegations import Mailbox
from services.questionnaire.api.edge import Prose
from services.questionnaire.store import answering, responses
from services.questionnaire.store.tables import Response as Stored

router = APIRouter(tags=["portal"])

Step = Literal["write", "check", "approve"]


class DeputyIO(Model):
    """Who stands in, first and last day included (Japan's days)."""

    mailbox: Mailbox
    first: date
    last: date


class DeskIO(Model):
    """One step; without mailboxes it is anybody's who writes."""

    step: Step
    mailboxes: Annotated[list[Mailbox], Field(max_length=20)] = Field(default_factory=list)
    deputies: Annotated[list[DeputyIO], Field(max_length=20)] = Field(default_factory=list)


class FlowIO(Model):
    """The steps of your firm in order: write, then check, approve or both; none for no flow."""

    desks: Annotated[list[DeskIO], Field(max_length=3)]


class HandOverIn(Model):
    """One mailbox in another's place at every step."""

    former: Mailbox
    successor: Mailbox


class DecisionIn(Model):
    """A decision on the version you read: the step that is done, or `returned` with a reason."""

    version: Annotated[int, Field(ge=1)]
    action: Literal["done", "returned"] = "done"
    step: Step | None = None
    reason: Prose | Literal[""] = ""


class DecidedOut(Model):
    """One decision."""

    step: Step
    action: Literal["done", "returned"]
    name: str
    mailbox: str
    reason: str
    decided_at: datetime


class ApprovalOut(Model):
    """How far a version is: `waiting_for` null and `flow` true means it may be signed.

    `decisions` are those on this version; an edit makes a new one and all begins again.
    """

    response_id: UUID
    version: int
    flow: bool
    waiting_for: Step | None
    decisions: list[DecidedOut]


@router.get("/approval-flow", dependencies=[needs("responses.read")])
def read_approval_flow(tx: Tx, who: Who) -> FlowIO:
    """Read the steps of your firm; empty where it has none."""
    found = answering.flow_of(tx, who.org)
    return FlowIO.model_validate({"desks": found.desks if found else []})


@router.put("/approval-flow", dependencies=[needs("responses.write")])
def set_approval_flow(tx: Tx, who: Who, now: Now, body: FlowIO) -> FlowIO:
    """Set the steps of your firm."""
    desks = [each.model_dump(mode="json") for each in body.desks]
    return FlowIO.model_validate({"desks": actions.set_flow(tx, who, desks, now).desks})


@router.post("/approval-flow/hand-over", dependencies=[needs("responses.write")])
def hand_over_approvals(tx: Tx, who: Who, now: Now, body: HandOverIn) -> FlowIO:
    """Hand one person's steps over to another."""
    found = actions.hand_over(tx, who, body.former, body.successor, now)
    return FlowIO.model_validate({"desks": found.desks})


@router.get("/responses/{response_id}/approval", dependencies=[needs("responses.read")])
def read_approval(tx: Tx, who: Who, response_id: UUID) -> ApprovalOut:
    """Read how far a response is in your firm's flow."""
    found = responses.own(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    return _out(tx, found)


@router.post("/responses/{response_id}/approval", dependencies=[needs("responses.write")])
def decide_approval(tx: Tx, who: Who, now: Now, response_id: UUID, body: DecisionIn) -> ApprovalOut:
    """Do the next step on the version you read, or give it back."""
    step = None if body.action == "returned" else body.step or "write"
    found = actions.decide(tx, who, response_id, body.version, step, body.reason, now)
    return _out(tx, found)


def _out(tx: Session, found: Stored) -> ApprovalOut:
    flow = actions.flow_on(tx, found)
    return ApprovalOut(
        response_id=found.id,
        version=found.version,
        flow=flow is not None,
        waiting_for=flow.waiting_for if flow else None,
        decisions=[
            DecidedOut.model_validate(each)
            for each in answering.approvals(tx, found.id, found.version)
        ],
    )
