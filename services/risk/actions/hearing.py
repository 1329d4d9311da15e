"""Keeping what the other services say. Order is not assumed: each event fills its own rows, and
what belongs together meets only when a world is put together. Hearing one twice changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rensho import times
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from services.kit.outbox import Event, Handler
from services.risk.store import (
    Base,
    ClassVersion,
    Dialogue,
    Enrolment,
    Granted,
    KeyChange,
    Label,
    Link,
    LinkClass,
    LogHead,
    Merged,
    Questionnaire,
    Recorded,
    Refused,
    Request,
    RequestChange,
    Response,
    Review,
    SheetWord,
    SnapshotLogged,
    SnapshotRefused,
    SnapshotSigned,
    Withdrawn,
    snapshots,
)

_SNAPSHOT = "risk-snapshot"
_GATHERED = "gathered"
_SAID = ("pre_screen", "origin", "components", "answers", "sub_tier")

Row = Mapping[str, Any]


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
            "product_lines": event.get("product_lines", []),
            "identifiers": event.get("identifiers", {}),
        },
    )


def link_classified(tx: Session, event: Event) -> None:
    """Keep what a customer says it buys on a link; what it said last counts."""
    named = {name: event[name] for name in ("link_id", "org_id", "classification")}
    _keep_newest(tx, LinkClass, {**named, "event_id": event["id"]})
    said_at = times.read(event["at"])
    _keep(tx, ClassVersion, {**named, "event_id": event["id"], "said_at": said_at})


def supplier_merged(tx: Session, event: Event) -> None:
    """Keep that a record goes on in another one; of several, what was said last."""
    row = {
        "link_id": event["merged_link_id"],
        "event_id": event["id"],
        "org_id": event["org_id"],
        "kept_supplier_id": event["kept_supplier_id"],
        "undone": event["undone"],
    }
    _keep_newest(tx, Merged, row)


def organization_enrolled(tx: Session, event: Event) -> None:
    """Keep which organization stands at the far end of a link; the first to accept stays."""
    link = event["invitation"]["link_id"]
    if link is not None:
        claimed = {each["scheme"]: each["value"] for each in event["identifiers"]}
        row = {"link_id": link, "org_id": event["org_id"], "identifiers": claimed}
        _keep(tx, Enrolment, row)


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


def request_changed(tx: Session, event: Event) -> None:
    """Keep that requests ended, were opened again or have more time; of several, the last holds."""
    for each in event["requests"]:
        due_at = each.get("due_at")
        _keep(
            tx,
            RequestChange,
            {
                "event_id": event["id"],
                "request_id": each["request_id"],
                "org_id": event["org_id"],
                "link_id": each["link_id"],
                "effect": each.get("effect", "extended"),
                "due_at": times.read(due_at) if due_at else None,
                "said_at": times.read(event["at"]),
            },
        )


def dialogue_recorded(tx: Session, event: Event) -> None:
    """Keep that a talk about cost was held or help was given; no number of the model hears it."""
    named = {name: event[name] for name in ("org_id", "supplier_id", "kind")}
    _keep(tx, Dialogue, {**named, "event_id": event["id"], "said_at": times.read(event["at"])})


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
            "said": {
                **{name: event[name] for name in _SAID},
                "withheld_components": event.get("withheld_components", 0),
            },
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


def answers_granted(tx: Session, event: Event) -> None:
    """Keep that a firm opened what it had signed for another; it counts once the grant is in the
    log, and as long as it is not taken back.
    """
    named = ("grant_id", "request_id", "requester_org_id", "respondent_org_id", "origin")
    _keep(
        tx,
        Granted,
        {
            **{name: event[name] for name in named},
            "response_id": event["response"]["id"],
            "revision": event["response"]["revision"],
            "component": event["component"],
            "not_after": times.read(event["not_after"]),
        },
    )


def sheet_confirmed(tx: Session, event: Event) -> None:
    """Keep the supplier's word on what somebody else typed in or relayed for it."""
    named = ("declaration_id", "requester_org_id", "confirmed")
    _keep(tx, SheetWord, {name: event[name] for name in named})


def key_changed(tx: Session, event: Event) -> None:
    """Keep a key event; those said before this version have no reason."""
    since = event.get("invalid_since")
    named = ("org_id", "key_id", "event", "by_org_id", "link_id", "assurance")
    _keep(
        tx,
        KeyChange,
        {
            "event_id": event["id"],
            **{name: event[name] for name in named},
            "reason": event.get("reason"),
            "invalid_since": times.read(since) if since else None,
            "log_origin": event["log"]["origin"],
            "log_index": event["log"]["index"],
        },
    )


def statement_withdrawn(tx: Session, event: Event) -> None:
    """Keep that a firm took a statement of its own back."""
    named = ("withdrawal_id", "statement_id", "org_id", "effect")
    _keep(tx, Withdrawn, {name: event[name] for name in named})


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


def many(tx: Session, events: Iterable[Event], handlers: Mapping[str, Handler]) -> None:
    """Keep many events in few statements, with the same effect as one by one.

    Args:
        tx: of the worker role.
        events: such as only fill rows: no snapshot of ours among them.
        handlers: by event type.
    """
    rows: dict[tuple[type[Base], bool], list[Row]] = defaultdict(list)
    tx.info[_GATHERED] = rows
    try:
        for event in events:
            handlers[event["type"]](tx, event)
    finally:
        del tx.info[_GATHERED]
    for (table, newest), gathered in rows.items():
        make = _newest_into if newest else _into
        tx.execute(make(table, gathered[0]), gathered)


def _keep(tx: Session, table: type[Base], row: Row, *, newest: bool = False) -> None:
    if _GATHERED in tx.info:
        tx.info[_GATHERED][table, newest].append(row)
        return
    make = _newest_into if newest else _into
    tx.execute(make(table, row), [row])


def _table(of: type[Base]) -> Table:
    made = of.__table__
    assert isinstance(made, Table)
    return made


def _into(table: type[Base], row: Row) -> Insert:
    del row
    return insert(_table(table)).on_conflict_do_nothing()


def _newest_into(table: type[Base], row: Row) -> Insert:
    # Event ids are UUIDv7: what was said later is greater, in whatever order it arrives.
    said = insert(_table(table))
    return said.on_conflict_do_update(
        index_elements=["link_id"],
        set_={name: said.excluded[name] for name in row if name != "link_id"},
        where=_table(table).c.event_id < said.excluded.event_id,
    )


def _keep_newest(
    tx: Session, table: type[Link | Label | LinkClass | Merged], row: Mapping[str, Any]
) -> None:
    _keep(tx, table, row, newest=True)
