"""Ending a key: suspensions, revocations, the second member's agreement, the old key's veto."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from services.attestation.actions import key_changes as changing
from services.attestation.actions.key_changes import Wish
from services.attestation.api.key_shown import KeyOut, own_key
from services.attestation.api.keys import EnvelopeIn, KeyId, position
from services.attestation.rules.key_life import Next
from services.attestation.store import key_changes
from services.attestation.store.key_changes import KeyApproval, KeyChange
from services.attestation.store.keys import KeyEvent
from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx

router = APIRouter(tags=["keys"])
_WRITE = [needs("keys.write")]


class RevocationIn(Model):
    """Why a key ends. A stolen one was in other hands since `invalid_since`.

    `superseded` and `ceased` leave what was logged before as it is. A theft reaches back, so a
    second member must agree; what the operator alone may say is that a key was never yours.
    """

    reason: Literal["superseded", "ceased", "key-compromise"]
    invalid_since: AwareDatetime | None = None


class KeyChangeOut(Model):
    """A change of a key: asked, agreed to where four eyes are needed, and stated in the log."""

    id: UUID
    key_id: str
    event: str
    reason: str | None
    invalid_since: datetime | None
    state: Literal["needs_approval", "queued", "stated"]
    asked_by: str
    approved_by: str | None
    received_at: datetime


class KeyChangesOut(Page):
    """A page of changes, newest first."""

    items: list[KeyChangeOut]


@router.post(
    "/keys/{key_id:path}/suspensions",
    status_code=202,
    response_model=KeyChangeOut,
    dependencies=_WRITE,
)
def suspend_key(key_id: KeyId, tx: Tx, who: Who, now: Now, once: OnceOnly) -> Response:
    """Stop a key for now; its holder proves it anew to go on."""
    wish = Wish(key_id, Next("suspend"))
    return once(lambda: _asked(tx, changing.ask(tx, who, wish, now)), 202)


@router.post(
    "/keys/{key_id:path}/revocations",
    status_code=202,
    response_model=KeyChangeOut,
    dependencies=_WRITE,
)
def revoke_key(
    key_id: KeyId, body: RevocationIn, tx: Tx, who: Who, now: Now, once: OnceOnly
) -> Response:
    """End a key for good; a theft takes effect once another member agrees."""
    wish = changing.revocation(key_id, body.reason, body.invalid_since)
    return once(lambda: _asked(tx, changing.ask(tx, who, wish, now)), 202)


@router.get("/key-changes", dependencies=[needs("keys.read")])
def list_key_changes(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> KeyChangesOut:
    """List what was asked of your organization's keys, newest first."""
    rows = key_changes.changes_of(tx, who.org, position(cursor, UUID), limit + 1)
    return KeyChangesOut(
        items=[_change(*row) for row in rows[:limit]],
        next_cursor=str(rows[limit - 1][0].id) if len(rows) > limit else None,
    )


@router.post(
    "/key-changes/{change_id}/approvals",
    status_code=202,
    response_model=KeyChangeOut,
    dependencies=_WRITE,
)
def approve_key_change(change_id: UUID, tx: Tx, who: Who, now: Now, once: OnceOnly) -> Response:
    """Agree, as another member, that a key was stolen."""
    return once(lambda: _asked(tx, changing.approve(tx, who, change_id, now)), 202)


@router.post(
    "/rotations/{rotation_id}/vetoes",
    status_code=202,
    response_model=KeyOut,
    dependencies=_WRITE,
)
def veto_rotation(
    rotation_id: UUID, body: EnvelopeIn, tx: Tx, who: Who, now: Now, once: OnceOnly
) -> Response:
    """Stop a rotation with the signature of the key it would end."""

    def work() -> KeyOut:
        stopped = changing.veto(tx, who, rotation_id, body.model_dump(), now)
        tx.info["details"]["key_id"] = stopped.key_id
        return own_key(tx, who.org, stopped, now)

    return once(work, 202)


def _asked(tx: Session, change: KeyChange) -> KeyChangeOut:
    tx.info["details"] |= {"key_id": change.key_id, "reason": change.reason}
    return _change(change, key_changes.approval(tx, change.id), None)


def _change(
    change: KeyChange, approval: KeyApproval | None, stated: KeyEvent | None
) -> KeyChangeOut:
    waits = change.reason == "key-compromise" and approval is None
    return KeyChangeOut(
        id=change.id,
        key_id=change.key_id,
        event=change.event,
        reason=change.reason,
        invalid_since=change.invalid_since,
        state="stated" if stated else "needs_approval" if waits else "queued",
        asked_by=change.asked_by,
        approved_by=approval.approved_by if approval else None,
        received_at=change.received_at,
    )
