"""Writing again by hand, and calling: the call list and what was noted of each call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import calling, chasing
from services.questionnaire.actions.calling import Call
from services.questionnaire.actions.chasing import NotNudged, Nudged
from services.questionnaire.api.asked import AskedOut, asked_out
from services.questionnaire.api.edge import after, cursor_after
from services.questionnaire.rules import letters
from services.questionnaire.store import chasing as store
from services.questionnaire.store import contacts, requests, suppliers
from services.questionnaire.store.tables import Request as AskedRequest

router = APIRouter(tags=["chasing"])

_WRITE = [needs("campaigns.write")]


class NudgeIn(Model):
    """Whether to write although one of the two ends is likely to be closed today."""

    even_if_closed: bool = False


class NudgeManyIn(NudgeIn):
    """Whom to write to; without `request_ids` everybody who has not answered."""

    request_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None


class NudgedOut(Model):
    """Whether each was written to and, if not, why: nobody gets two mails a day."""

    counts: dict[Nudged, int]
    requests: dict[UUID, Nudged]


Outcome = Literal[
    "reached",
    "not-reached",
    "promised",
    "wrong-contact",
    "cost-talk",
    "support",
    "other",
]


class RecordIn(Model):
    """A call, visit or letter: what came of it, and when to try again. Never an answer.

    `handed-over`: the request was given by a channel of your own.
    """

    channel: Literal["telephone", "mail", "fax", "post", "meeting", "handed-over"]
    outcome: Outcome
    spoke_with: Annotated[str, Field(max_length=200)] = ""
    note: Annotated[str, Field(max_length=2000)] = ""
    again_on: date | None = None


class RecordOut(RecordIn):
    """A note as it is kept."""

    id: UUID
    request_id: UUID
    at: datetime
    by_name: str


class RecordPage(Page):
    """A page of notes, oldest first."""

    items: list[RecordOut]


class TelephoneOut(Model):
    """Whom to call: フリガナ and number as they were given."""

    name: str
    kana: str | None
    department: str | None
    telephone: str | None
    roles: list[str]


class CallOut(Model):
    """A supplier to call about a request: why (the rungs taken), whom, and what was noted last."""

    request: AskedOut
    supplier_name: str
    country: str
    rungs: list[str]
    contacts: list[TelephoneOut]
    last_record: RecordOut | None
    again_on: date | None


class CallPage(Page):
    """A page of calls to make, by request."""

    items: list[CallOut]


@router.post("/campaigns/{campaign_id}/nudge", dependencies=_WRITE, response_model=NudgedOut)
def nudge_many(
    tx: Tx, who: Who, now: Now, campaign_id: UUID, body: NudgeManyIn, once: OnceOnly
) -> Response:
    """Write again now to those who have not answered."""

    def work() -> NudgedOut:
        fates = chasing.nudge(
            tx, who, campaign_id, body.request_ids, now, even_if_closed=body.even_if_closed
        )
        return NudgedOut(counts=dict(Counter(fates.values())), requests=fates)

    return once(work, status=200)


@router.post("/requests/{request_id}/nudge", dependencies=_WRITE, response_model=NudgedOut)
def nudge_one(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: NudgeIn, once: OnceOnly
) -> Response:
    """Write again now about one request."""

    def work() -> NudgedOut:
        found = requests.asked_by(tx, who.org, request_id)
        if found is None:
            raise NotFound("no such request")
        fates = chasing.nudge(
            tx, who, found.campaign_id, [request_id], now, even_if_closed=body.even_if_closed
        )
        if fates[request_id] != "queued":
            raise NotNudged("nothing was sent", reason=fates[request_id])
        return NudgedOut(counts={"queued": 1}, requests=fates)

    return once(work, status=200)


@router.get("/call-list", dependencies=[needs("campaigns.read")])
def list_calls(
    tx: Tx,
    who: Who,
    now: Now,
    http: Request,
    campaign_id: UUID | None = None,
    today: Annotated[  # noqa: FBT002 (a query parameter is named by its caller)
        bool, Query(description="leave out who is to be called later")
    ] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CallPage:
    """List the suppliers that mails did not move: who to call, and what was said last."""
    rows = store.to_call(tx, who.org, campaign_id, after(cursor), limit + 1)
    calls = _calls(tx, who.org, http, rows[:limit])
    due = letters.day_of(now)
    return CallPage(
        items=[each for each in calls if not (today and each.again_on and each.again_on > due)],
        next_cursor=cursor_after(rows, limit),
    )


@router.post(
    "/requests/{request_id}/contact-records",
    dependencies=_WRITE,
    status_code=201,
    response_model=RecordOut,
)
def add_record(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: RecordIn, once: OnceOnly
) -> Response:
    """Note a call, visit or letter about a request; a note stays as it is."""
    call = Call(**body.model_dump())
    return once(lambda: RecordOut.model_validate(calling.note(tx, who, request_id, call, now)))


@router.get("/requests/{request_id}/contact-records", dependencies=[needs("campaigns.read")])
def list_records(
    tx: Tx, who: Who, request_id: UUID, cursor: Cursor = None, limit: Limit = 100
) -> RecordPage:
    """List what was noted of calls, visits and letters about a request."""
    if requests.asked_by(tx, who.org, request_id) is None:
        raise NotFound("no such request")
    rows = store.records(tx, request_id, after(cursor), limit + 1)
    return RecordPage(
        items=[RecordOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


def _calls(tx: Session, org: UUID, http: Request, rows: Sequence[AskedRequest]) -> list[CallOut]:
    ids = [row.id for row in rows]
    firms = suppliers.letterheads(tx, org, {row.supplier_id for row in rows})
    taken, last = store.taken(tx, ids), store.newest_records(tx, ids)
    called = contacts.callable_at(tx, {each.id for each in firms.values()})
    return [
        CallOut(
            request=shown,
            supplier_name=firms[row.supplier_id].name,
            country=firms[row.supplier_id].country,
            rungs=[rung for rung, _ in taken.get(row.id, ())],
            contacts=[
                TelephoneOut.model_validate(each)
                for each in called.get(firms[row.supplier_id].id, ())
            ],
            last_record=RecordOut.model_validate(last[row.id]) if row.id in last else None,
            again_on=last[row.id].again_on if row.id in last else None,
        )
        for row, shown in zip(rows, asked_out(tx, org, rows, http.app.state), strict=True)
    ]
