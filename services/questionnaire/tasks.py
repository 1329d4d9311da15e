"""What this service does about events: its own and those of the others.

Each handler runs in the transaction that notes the event as handled; a crash anywhere before the
commit means that the event comes again and finds everything as before.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock, keyfiles, mail
from services.kit.outbox import Event, Handler, remember_revocation
from services.kit.settings import Settings
from services.questionnaire.actions import issuing, letters, recording
from services.questionnaire.actions.letters import Addressed
from services.questionnaire.store import organizations


def handlers(settings: Settings) -> dict[str, Handler]:
    """Return what this service does per event type."""
    secret = keyfiles.secret_bytes(settings, "invitation")

    def statement_recorded(tx: Session, event: Event) -> None:
        statement_id, now = event["statement_id"], clock.now()
        match event["statement_type"]:
            case "request":
                issuing.issue(tx, statement_id, secret, now)
            case "declaration":
                recording.record_response(tx, statement_id, now)
            case "review":
                recording.record_review(tx, statement_id, now)
            case _:
                # A component's statement counts through its declaration, which is logged last.
                pass

    def invitation_issued(tx: Session, event: Event) -> None:
        invitation_id = UUID(event["invitation_id"])
        addressed = letters.invite(tx, invitation_id, secret, settings.base_url)
        if addressed is not None:
            # A crash after this line sends the same mail twice: better than not at all.
            _post(settings, addressed)
            letters.invited(tx, invitation_id, clock.now())

    def request_issued(tx: Session, event: Event) -> None:
        ids = [UUID(each["request_id"]) for each in event["requests"]]
        for addressed in letters.tell(tx, ids, settings.base_url):
            # As above: a crash here repeats at most these hundred mails.
            _post(settings, addressed)

    return {
        "organization.enrolled.v1": _organization_enrolled,
        "statement.recorded.v1": statement_recorded,
        "statement.refused.v1": _statement_refused,
        "key.changed.v1": _key_changed,
        "invitation.issued.v1": invitation_issued,
        "request.issued.v1": request_issued,
        "access.revoked.v1": remember_revocation,
    }


def _organization_enrolled(tx: Session, event: Event) -> None:
    link_id = event["invitation"]["link_id"]
    issuing.enrol(
        tx,
        UUID(event["org_id"]),
        event["name"],
        event["country"],
        UUID(link_id) if link_id else None,
        clock.now(),
    )


def _statement_refused(tx: Session, event: Event) -> None:
    statement_id, codes = event["statement_id"], event["codes"]
    if event["statement_type"] == "request":
        issuing.refuse(tx, statement_id, codes)
    else:
        recording.refuse_response(tx, statement_id, codes)


def _key_changed(tx: Session, event: Event) -> None:
    # That somebody confirmed a key says nothing about whether it is alive.
    if event["event"] == "confirm":
        return
    organizations.remember_key(
        tx, event["key_id"], UUID(event["org_id"]), event["event"], event["log"]["index"]
    )


def _post(settings: Settings, addressed: Addressed) -> None:
    letter = addressed.letter
    mail.send(
        settings,
        to=addressed.to,
        subject=letter.subject,
        body=letter.body,
        language=letter.language,
    )
