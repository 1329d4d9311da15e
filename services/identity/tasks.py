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

    return {
        "invitation.issued.v1": know_invitation,
        "invitation.issued.v2": know_invitations,
        "invitation.readdressed.v1": readdress,
        "delegation.issued.v1": know_colleague,
        "code.issued.v1": mail_code,
    }


def know_invitations(tx: Session, event: Event) -> None:
    """Remember invitations, so that their links can be greeted and their codes checked here."""
    rows = [
        {
            "id": each["invitation_id"],
            "handle_sha256": bytes.fromhex(each["handle_sha256"]),
            "link_id": each["link_id"],
            "requester_org_id": event["requester_org_id"],
            "requester_name": event["requester_name"],
            "supplier_name": each["supplier_name"],
            "mailbox": each["mailbox"],
            "language": each["language"],
            "expires_at": datetime.fromisoformat(each["expires_at"]),
        }
        for each in event["invitations"]
    ]
    tx.execute(insert(Invitation).values(rows).on_conflict_do_nothing())


def know_invitation(tx: Session, event: Event) -> None:
    """Remember one, from an event of before `invitation.issued.v2`."""
    know_invitations(tx, event | {"invitations": [event]})


def know_colleague(tx: Session, event: Event) -> None:
    """Remember that a member passed work on to a colleague, who joins by a link and a code."""
    tx.execute(
        insert(Invitation)
        .values(
            id=event["delegation_id"],
            handle_sha256=bytes.fromhex(event["handle_sha256"]),
            requester_org_id=event["org_id"],
            requester_name=event["org_name"] or None,
            supplier_name=event["org_name"],
            mailbox=event["mailbox"],
            language=event["language"],
            expires_at=datetime.fromisoformat(event["expires_at"]),
            colleague_of=event["org_id"],
            colleague_name=event["name"],
        )
        .on_conflict_do_nothing()
    )


def readdress(tx: Session, event: Event) -> None:
    """Send codes of an invitation to another mailbox from now on; those sent before are void.

    Not once it was accepted: whoever did has proved who they are.
    """
    found = tx.get(Invitation, UUID(event["invitation_id"]), with_for_update=True)
    if found is not None and found.accepted_at is None:
        found.mailbox, found.language = event["mailbox"], event["language"]


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
