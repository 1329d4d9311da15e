"""What this service does about events: its own and those of the others.

Each handler runs in the transaction that notes the event as handled; a crash anywhere before the
commit means that the event comes again and finds everything as before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.kit import clock, keyfiles, mail
from services.kit.db import Actor, Database
from services.kit.log import log
from services.kit.mail import NotTaken, Post
from services.kit.outbox import Event, Handler, remember_revocation
from services.kit.settings import Settings
from services.questionnaire.actions import (
    chasing,
    contact_changes,
    endings,
    evidence,
    issuing,
    letters,
    mailing,
    notices,
    recording,
    renewals,
    resending,
    reuse,
)
from services.questionnaire.actions.letters import Addressed
from services.questionnaire.actions.mailing import LinkOf
from services.questionnaire.rules import delivery, key_letters
from services.questionnaire.rules.key_letters import KeyNews
from services.questionnaire.store import organizations
from services.questionnaire.store.objects import open_objects

Tick = tuple[timedelta, Callable[[Session, datetime], None]]
"""How often, and what."""


def handlers(settings: Settings) -> dict[str, Handler]:
    """Return what this service does per event type."""
    secret = keyfiles.secret_bytes(settings, "invitation")

    def statement_recorded(tx: Session, event: Event) -> None:
        statement_id, now = event["statement_id"], clock.now()
        match event["statement_type"]:
            case "request":
                issuing.issue(tx, statement_id, secret, now)
            case "declaration":
                not_after = datetime.fromisoformat(event["not_after"])
                recording.record_response(tx, statement_id, now, not_after)
            case "review":
                recording.record_review(tx, statement_id, now)
            case _:
                # A component's statement counts through its declaration, which is logged last.
                pass

    def request_issued(tx: Session, event: Event) -> None:
        issuing.announce(tx, [UUID(each["request_id"]) for each in event["requests"]], clock.now())

    def mail_queued(tx: Session, event: Event) -> None:
        # This transaction only notes that the event was handled, and waits for a mail server.
        tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = '15min'"))
        link_of = letters.link_of(secret, settings.base_url)
        with mail.post(settings) as post:
            for mail_id in event["mail_ids"]:
                _send(tx.info["database"], post, UUID(mail_id), link_of)

    return {
        "organization.enrolled.v1": _organization_enrolled,
        "notice.due.v1": _notice_due(settings, secret),
        "contact.change_asked.v1": _contact_change_asked,
        "grant.recorded.v1": _grant_recorded,
        "statement.recorded.v1": statement_recorded,
        "statement.refused.v1": _statement_refused,
        "statement.withdrawn.v1": _statement_withdrawn,
        "key.changed.v1": _key_changed(settings),
        "request.issued.v1": request_issued,
        "request.ended.v1": _request_ended,
        "mail.queued.v1": mail_queued,
        "access.revoked.v1": remember_revocation,
    }


def ticks(settings: Settings) -> dict[str, Tick]:
    """Return what the beat runs, how often, in a transaction of the worker role."""
    objects = open_objects(settings.evidence_url, settings.evidence_dir)

    def sweep(tx: Session, _now: datetime) -> None:
        try:
            removed = evidence.sweep(tx, objects)
        except OSError as why:
            # The files are away: what is to go stays until the next turn.
            log.warning("evidence not swept", error=repr(why))
        else:
            log.info("evidence swept", objects=removed)

    def chase(tx: Session, now: datetime) -> None:
        log.info("reminders", taken=chasing.climb(tx, now))

    return {
        "evidence-sweep": (timedelta(hours=1), sweep),
        "reminders": (timedelta(hours=1), chase),
        "mail-retries": (timedelta(minutes=5), resending.sweep),
        "renewals": (timedelta(hours=1), renewals.open_due),
    }


def _send(db: Database, post: Post, mail_id: UUID, link_of: LinkOf) -> None:
    """Send one mail: claimed in one transaction, settled in another, the server asked between."""
    actor = Actor("urn:rensho:service:questionnaire")
    with db.begin(actor) as tx:
        written = mailing.take(tx, mail_id, link_of, clock.now())
    if written is None:
        return
    outcome: delivery.State
    try:
        outcome, error = post.hand_over(written), None
    except NotTaken as why:
        outcome, error = ("bounced" if why.permanent else "failed"), str(why)
    # A crash here leaves the mail `sending`: it may have gone out, and a person decides.
    with db.begin(actor) as tx:
        mailing.settle(tx, mail_id, outcome, error, clock.now())


def _request_ended(tx: Session, event: Event) -> None:
    for each in event["requests"]:
        if each["effect"] == "declined":
            endings.tell_of_decline(tx, UUID(each["request_id"]), clock.now())


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
        recording.refuse_response(tx, statement_id, codes, clock.now())


def _statement_withdrawn(tx: Session, event: Event) -> None:
    recording.withdraw(tx, event["statement_id"], event["effect"])
    if event["statement_type"] == "grant" or event["effect"] == "retracted":
        reuse.end_grants(tx, event["statement_id"], clock.now())


def _grant_recorded(tx: Session, event: Event) -> None:
    reuse.record_grant(tx, event, clock.now())


def _contact_change_asked(tx: Session, event: Event) -> None:
    contact_changes.weigh(tx, UUID(event["change_id"]), clock.now())


def _notice_due(settings: Settings, secret: bytes) -> Handler:
    here = notices.Post(settings.base_url, secret)

    def post(tx: Session, event: Event) -> None:
        about = UUID(event["about"]) if event["about"] else None
        request_id = UUID(event["request_id"])
        addressed = notices.write(tx, here, event["kind"], request_id, event["to"], about)
        if addressed is not None:
            # A crash after this line sends the same mail twice: better than not at all.
            _post(settings, addressed)

    return post


def _key_changed(settings: Settings) -> Handler:
    def tell(tx: Session, event: Event) -> None:
        news = _news_of_key(tx, event)
        if news is None:
            return
        for addressed in letters.tell_of_key(tx, UUID(event["org_id"]), news, settings.base_url):
            # A crash after this line sends the same mails twice: better than not at all.
            _post(settings, addressed)

    return tell


def _news_of_key(tx: Session, event: Event) -> KeyNews | None:
    """Note what became of a key; return what there is to tell its firm's requesters, if news."""
    # That somebody confirmed a key says nothing about whether it is alive.
    if event["event"] == "confirm":
        return None
    org_id, key_id, since = UUID(event["org_id"]), event["key_id"], event.get("invalid_since")
    first = not organizations.has_another_key(tx, org_id, key_id)
    if not organizations.remember_key(tx, key_id, org_id, event["event"], event["log"]["index"]):
        return None
    kind = key_letters.kind(event["event"], event.get("reason"), first=first)
    if kind is None:
        return None
    since_at = datetime.fromisoformat(since) if since else None
    return KeyNews(kind, key_id, datetime.fromisoformat(event["recorded_at"]), since_at)


def _post(settings: Settings, addressed: Addressed) -> None:
    letter = addressed.letter
    mail.send(
        settings,
        to=addressed.to,
        subject=letter.subject,
        body=letter.body,
        language=letter.language,
    )
