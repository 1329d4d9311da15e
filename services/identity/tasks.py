"""What identity does when it hears of something, and from time to time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.identity.actions.codes import state
from services.identity.rules import codes, letters
from services.identity.rules.tokens import SKEW
from services.identity.store import Code, Invitation, clients, invitations, people
from services.kit import clock, keyfiles, mail
from services.kit.outbox import Event, Handler
from services.kit.settings import Settings


def handlers(settings: Settings) -> dict[str, Handler]:
    """Return what to do on each event identity hears."""
    code_secret = keyfiles.secret_bytes(settings, "code")

    def mail_code(tx: Session, event: Event) -> None:
        """Mail a code that is due.

        A crash after the mail left and before the commit mails the same digits once more.
        """
        code = tx.get(Code, UUID(event["code_id"]))
        if code is None or not codes.alive(state(code), clock.now()):
            return
        found = _reader(tx, code)
        if found is None:
            return
        to, preferred, requester = found
        letter = letters.code_letter(
            codes.derive(code_secret, code.id),
            preferred=preferred,
            requester=requester,
            minutes=int(codes.LIFETIME.total_seconds() // 60),
        )
        mail.send(
            settings, to=to, subject=letter.subject, body=letter.body, language=letter.language
        )

    return {"invitation.issued.v1": know_invitation, "code.issued.v1": mail_code}


def know_invitation(tx: Session, event: Event) -> None:
    """Remember an invitation, so that its link can be greeted and its code checked here."""
    tx.execute(
        insert(Invitation)
        .values(
            id=event["invitation_id"],
            handle_sha256=bytes.fromhex(event["handle_sha256"]),
            link_id=event["link_id"],
            requester_org_id=event["requester_org_id"],
            requester_name=event["requester_name"],
            supplier_name=event["supplier_name"],
            mailbox=event["mailbox"],
            language=event["language"],
            expires_at=datetime.fromisoformat(event["expires_at"]),
        )
        .on_conflict_do_nothing()
    )


def _reader(tx: Session, code: Code) -> tuple[str, str, str | None] | None:
    """Return mailbox, language and requester for the mail; None if nobody should get it."""
    if code.invitation_id is not None:
        invitation = tx.get(Invitation, code.invitation_id)
        assert invitation is not None, "a code's invitation is kept"
        return invitation.mailbox, invitation.language, invitation.requester_name
    members = people.members_by_mailbox(tx, code.mailbox_key)
    return (members[0].mailbox, members[0].language, None) if members else None


Tick = tuple[timedelta, Callable[[Session, datetime], None]]


def ticks(_settings: Settings) -> dict[str, Tick]:
    """Return what the beat runs, how often, in a transaction of the worker role."""
    return {"cleanup": (timedelta(hours=1), forget)}


def forget(tx: Session, now: datetime) -> None:
    """Delete what can no longer be used: old codes, sessions and used assertions."""
    invitations.forget_codes(tx, now)
    people.forget_sessions(tx, now)
    clients.forget_assertions(tx, now - 2 * SKEW)
