"""Keeping what the other services say. Order is not assumed: each event fills its own rows, and
what belongs together meets only when a world is put together. Hearing one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rensho import times
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.kit.outbox import Event
from services.risk.store import (
    Base,
    Enrolment,
    KeyChange,
    Label,
    Link,
    LogHead,
    Questionnaire,
    Recorded,
    Refused,
    Request,
    Response,
    Review,
    SnapshotLogged,
    SnapshotRefused,
    SnapshotSigned,
    snapshots,
)

_SNAPSHOT = "risk-snapshot"
_SAID = ("pre_screen", "origin", "components", "answers", "sub_tier")


def supplier_linked(tx: Session, event: Event) -> None:
    """Keep a supply link and what its owner calls the firm; of several, the one said last."""
    named = {name: event[name] for name in ("link_id", "org_id", "supplier_id")}
    _keep_newest(
        tx,
        Link,
        {
            **named,
            "event_id": event["id"],
            "supplier_org_id": event["supplier_org_id"],
            "dependency": event["dependency"],
            "pass_through": event["pass_through"],
            "ended": event["ended"],
        },
    )
    _keep_newest(
        tx,
        Label,
        {
            **named,
            "event_id": event["id"],
            "name": event["name"],
            "vendor_codes": event["vendor_codes"],
            "tags": event["tags"],
        },
    )


def organization_enrolled(tx: Session, event: Event) -> None:
    """Keep which organization stands at the far end of a link; the first to accept stays."""
    link = event["invitation"]["link_id"]
    if link is not None:
        _keep(tx, Enrolment, {"link_id": link, "org_id": event["org_id"]})


def questionnaire_published(tx: Session, event: Event) -> None:
    """Keep the questions of a frozen questionnaire."""
    _keep(
        tx,
        Questionnaire,
        {
            "questionnaire_id": event["questionnaire_id"],
            "event_id": event["id"],
            "org_id": event["org_id"],
            "packs": event["packs"],
            "questions": event["questions"],
        },
    )


def request_issued(tx: Session, event: Event) -> None:
    """Keep what was asked on which link, and until when."""
    for asked in event["requests"]:
        _keep(
            tx,
            Request,
            {
                "request_id": asked["request_id"],
                "event_id": event["id"],
                "org_id": event["org_id"],
                "link_id": asked["link_id"],
                "questionnaire_id": event["questionnaire_id"],
                "due_at": times.read(asked["due_at"]),
            },
        )


def response_submitted(tx: Session, event: Event) -> None:
    """Keep a revision that was fixed for signing; alone it counts for nothing."""
    _keep(
        tx,
        Response,
        {
            "declaration_id": event["declaration_id"],
            "response_id": event["response"]["id"],
            "revision": event["response"]["revision"],
            "request_id": event["request_id"],
            "respondent_org_id": event["respondent_org_id"],
            "requester_org_id": event["requester_org_id"],
            "declaration_sha256": event["declaration_sha256"],
            "answers_sha256": event["answers_sha256"],
            "said": {name: event[name] for name in _SAID},
        },
    )


def statement_recorded(tx: Session, event: Event) -> None:
    """Keep that a statement is in the log; a snapshot of ours is logged by it."""
    response = event["response"] or {"id": None, "revision": None}
    _keep(
        tx,
        Recorded,
        {
            "statement_id": event["statement_id"],
            "type": event["statement_type"],
            "org_id": event["org_id"],
            "signer_role": event["signer_role"],
            "key_id": event["key_id"],
            "subject_sha256": event["subject_sha256"],
            "response_id": response["id"],
            "revision": response["revision"],
            "answers_sha256": event["answers_sha256"],
            "audience": event["audience"],
            "received_at": times.read(event["received_at"]),
            "not_after": times.read(event["not_after"]),
            "supersedes": event["supersedes"],
            "log_origin": event["log"]["origin"],
            "log_index": event["log"]["index"],
        },
    )
    if (ours := _ours(tx, event)) is not None:
        place = {"log_origin": event["log"]["origin"], "log_index": event["log"]["index"]}
        _keep(
            tx,
            SnapshotLogged,
            {"snapshot_id": ours.snapshot_id, "org_id": ours.org_id, **place},
        )


def statement_refused(tx: Session, event: Event) -> None:
    """Keep that the log refused a statement; a snapshot of ours is not served then."""
    _keep(
        tx,
        Refused,
        {
            "statement_id": event["statement_id"],
            "type": event["statement_type"],
            "org_id": event["org_id"],
            "codes": event["codes"],
        },
    )
    if (ours := _ours(tx, event)) is not None:
        _keep(
            tx,
            SnapshotRefused,
            {"snapshot_id": ours.snapshot_id, "org_id": ours.org_id, "codes": event["codes"]},
        )


def review_decided(tx: Session, event: Event) -> None:
    """Keep a requester's decisions on a statement; they count once the review is recorded."""
    _keep(
        tx,
        Review,
        {
            "review_statement_id": event["review_statement_id"],
            "statement_id": event["statement_id"],
            "requester_org_id": event["requester_org_id"],
            "decisions": event["decisions"],
        },
    )


def key_changed(tx: Session, event: Event) -> None:
    """Keep a key event."""
    named = ("org_id", "key_id", "event", "by_org_id", "link_id", "assurance")
    _keep(
        tx,
        KeyChange,
        {
            "event_id": event["id"],
            **{name: event[name] for name in named},
            "log_origin": event["log"]["origin"],
            "log_index": event["log"]["index"],
        },
    )


def _ours(tx: Session, event: Event) -> SnapshotSigned | None:
    if event["statement_type"] != _SNAPSHOT:
        return None
    return snapshots.by_statement(tx, event["statement_id"])


def checkpoint_signed(tx: Session, event: Event) -> None:
    """Keep a head of the log, for snapshots to anchor to."""
    _keep(
        tx,
        LogHead,
        {
            "origin": event["origin"],
            "signed_at": times.read(event["signed_at"]),
            "size": event["size"],
            "root_hash": event["root_hash"],
        },
    )


def _keep(tx: Session, table: type[Base], row: Mapping[str, Any]) -> None:
    tx.execute(insert(table).values(row).on_conflict_do_nothing())


def _keep_newest(tx: Session, table: type[Link | Label], row: Mapping[str, Any]) -> None:
    # Event ids are UUIDv7: what was said later is greater, in whatever order it arrives.
    said = insert(table).values(row)
    later = said.on_conflict_do_update(
        index_elements=["link_id"],
        set_={name: said.excluded[name] for name in row if name != "link_id"},
        where=table.event_id < said.excluded.event_id,
    )
    tx.execute(later)
