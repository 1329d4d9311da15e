"""Firms over time: new names, two records of one firm, and firms that go on in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions.supplier_history import note
from services.questionnaire.actions.suppliers import living, say_linked
from services.questionnaire.rules.names import match_key
from services.questionnaire.store import firms, suppliers
from services.questionnaire.store.firm_rows import Contact, Succession, SupplierMerge, SupplierSite
from services.questionnaire.store.tables import Supplier, VendorCode

UNDO_WITHIN: Final = timedelta(days=1)

Kind = Literal["merger", "split", "business-transfer"]


class Itself(Invalid):
    """A record is not another one."""

    urn = "suppliers/same-record"


class TwoOrganizations(Refused):
    """Both records belong to enrolled organizations, and to different ones: these are two firms."""

    urn = "suppliers/two-organizations"


class KeepTheEnrolled(Refused):
    """The record to be given up is the one an organization enrolled by: keep that one."""

    urn = "suppliers/keep-the-enrolled"


class UndoTooLate(Refused):
    """A merge is undone within a day, and only while nothing was issued or enrolled by it."""

    urn = "suppliers/undo-too-late"


class InTheFuture(Invalid):
    """What has not happened yet is not recorded as having happened."""

    urn = "suppliers/in-the-future"


class SameName(Refused):
    """The firm goes by this very name."""

    urn = "suppliers/same-name"


class RecordedBefore(Refused):
    """This succession is on record."""

    urn = "suppliers/succession-recorded"


def rename(
    tx: Session, who: Principal, supplier_id: UUID, name: str, on: date, today: date
) -> Supplier:
    """Give a supplier its new name and keep the old one with the day it ended.

    What was signed under the old name keeps it.

    Args:
        on: the first day of the new name.

    Raises:
        NotFound, Merged, SameName, InTheFuture: no such record, or nothing to rename yet.
    """
    supplier = living(tx, who.org, supplier_id)
    if on > today:
        raise InTheFuture("record a new name once it holds")
    if name == supplier.name:
        raise SameName("the supplier goes by this name")
    old = {"name": supplier.name, "match_key": supplier.match_key, "until": on.isoformat()}
    note(tx, who, supplier, "renamed", {"name": {"from": supplier.name, "to": name}}, on)
    supplier.former_names = [*supplier.former_names, old]
    supplier.name, supplier.match_key = name, match_key(name)
    tx.flush()
    say_linked(tx, supplier)
    tx.info["details"]["renamed"] = str(supplier.id)
    return supplier


def merge(
    tx: Session, who: Principal, kept_id: UUID, merged_id: UUID, now: datetime
) -> SupplierMerge:
    """Find two records to be one firm: sites, vendor codes and contacts move to the kept one.

    Requests stay on the link their statement was signed for, and count for the kept record.

    Raises:
        NotFound, Merged, Itself, TwoOrganizations, KeepTheEnrolled: these are not two records of
            one firm, or the wrong one would be kept.
    """
    if kept_id == merged_id:
        raise Itself("a record cannot be merged into itself")
    # In one order, so that two people merging the same two records cannot wait for each other.
    both = {each: living(tx, who.org, each) for each in sorted((kept_id, merged_id))}
    kept, merged = both[kept_id], both[merged_id]
    _refuse_other_firm(kept, merged)
    made = SupplierMerge(
        id=new_id(),
        org_id=who.org,
        kept_id=kept.id,
        merged_id=merged.id,
        moved=_moved(tx, kept, merged),
        merged_at=now,
        merged_by=who.subject,
    )
    tx.add(made)
    _move(tx, made, merged.id, kept.id)
    _take_over(kept, merged)
    merged.merged_into, merged.link.ended = kept.id, True
    note(tx, who, kept, "merged", {"supplier_id": str(merged.id), "name": merged.name})
    note(tx, who, merged, "merged-away", {"supplier_id": str(kept.id), "name": kept.name})
    _say_merged(tx, kept, merged, undone=False)
    tx.info["details"]["merge_id"] = str(made.id)
    return made


def undo(tx: Session, who: Principal, merge_id: UUID, now: datetime) -> SupplierMerge:
    """Take a merge back: what moved returns, and both records are as they were apart.

    Raises:
        NotFound: no such merge of yours.
        UndoTooLate: a day has passed, it was undone, or something was issued or enrolled by it.
    """
    made = firms.merge_for_update(tx, who.org, merge_id)
    if made is None:
        raise NotFound("no such merge")
    kept = suppliers.for_update(tx, who.org, made.kept_id)
    merged = suppliers.for_update(tx, who.org, made.merged_id)
    assert kept is not None
    assert merged is not None
    _refuse_late_undo(tx, made, kept, merged, now)
    made.undone_at, made.undone_by = now, who.subject
    _move(tx, made, kept.id, merged.id)
    _give_back(kept, merged, made.moved["kept"])
    merged.merged_into, merged.link.ended = None, made.moved["merged"]["ended"]
    note(tx, who, kept, "merge-undone", {"supplier_id": str(merged.id)})
    note(tx, who, merged, "merge-undone", {"supplier_id": str(kept.id)})
    _say_merged(tx, kept, merged, undone=True)
    tx.info["details"]["merge_id"] = str(made.id)
    return made


@dataclass(frozen=True)
class Passing:
    """That one firm goes on in another: of `kind`, since `effective_on`."""

    kind: Kind
    predecessor_id: UUID
    successor_id: UUID
    effective_on: date
    note: str
    ends_predecessor: bool


def succeed(tx: Session, who: Principal, passing: Passing, now: datetime) -> Succession:
    """Record a succession. Both records stay, nothing moves: the successor signs anew.

    Raises:
        NotFound, Merged, Itself, InTheFuture, RecordedBefore: it cannot be so, or is on record.
    """
    if passing.predecessor_id == passing.successor_id:
        raise Itself("a firm does not succeed itself")
    if passing.effective_on > now.date():
        raise InTheFuture("record a succession once it took effect")
    ends = sorted((passing.predecessor_id, passing.successor_id))
    both = {each: living(tx, who.org, each) for each in ends}
    before, after = both[passing.predecessor_id], both[passing.successor_id]
    if firms.succession(tx, before.id, after.id, passing.effective_on) is not None:
        raise RecordedBefore("this succession is on record")
    made = Succession(
        id=new_id(),
        org_id=who.org,
        kind=passing.kind,
        predecessor_id=before.id,
        successor_id=after.id,
        effective_on=passing.effective_on,
        note=passing.note,
        recorded_at=now,
        recorded_by=who.subject,
    )
    tx.add(made)
    told = {"kind": passing.kind, "succession_id": str(made.id)}
    on = passing.effective_on
    note(tx, who, before, "succeeded", {**told, "supplier_id": str(after.id)}, on)
    note(tx, who, after, "succeeds", {**told, "supplier_id": str(before.id)}, on)
    if passing.ends_predecessor and not before.link.ended:
        before.link.ended = True
        say_linked(tx, before)
    _say_succeeded(tx, made, before, after)
    tx.flush()
    tx.info["details"]["succession_id"] = str(made.id)
    return made


def _refuse_other_firm(kept: Supplier, merged: Supplier) -> None:
    ours, theirs = kept.link.supplier_org_id, merged.link.supplier_org_id
    if ours is not None and theirs is not None and ours != theirs:
        raise TwoOrganizations("these records belong to two enrolled organizations")
    if ours is None and theirs is not None:
        raise KeepTheEnrolled("keep the record the organization enrolled by")


def _take_over(kept: Supplier, merged: Supplier) -> None:
    kept.identifiers = {**merged.identifiers, **kept.identifiers}
    kept.tags = list(dict.fromkeys([*kept.tags, *merged.tags]))


def _give_back(kept: Supplier, merged: Supplier, before: Mapping[str, Any]) -> None:
    # What somebody changed by hand since then stays.
    if kept.identifiers == {**merged.identifiers, **before["identifiers"]}:
        kept.identifiers = before["identifiers"]
    if kept.tags == list(dict.fromkeys([*before["tags"], *merged.tags])):
        kept.tags = before["tags"]


def _moved(tx: Session, kept: Supplier, merged: Supplier) -> dict[str, Any]:
    """Return what moves by its ids, and what both were before."""
    return {
        "sites": _ids(merged.sites),
        "vendor_codes": _ids(merged.vendor_codes),
        "contacts": [str(each) for each in firms.contact_ids(tx, merged.id)],
        "merged_earlier": [str(each) for each in firms.merged_into(tx, merged.id)],
        "kept": {
            "identifiers": kept.identifiers,
            "tags": kept.tags,
            "organization": _organization(kept),
        },
        "merged": {"ended": merged.link.ended, "organization": _organization(merged)},
    }


def _ids(rows: Sequence[SupplierSite] | Sequence[VendorCode]) -> list[str]:
    return [str(row.id) for row in rows]


def _organization(supplier: Supplier) -> str | None:
    found = supplier.link.supplier_org_id
    return None if found is None else str(found)


def _move(tx: Session, made: SupplierMerge, source: UUID, target: UUID) -> None:
    moved = made.moved
    tx.flush()
    for table, name in (
        (SupplierSite, "sites"),
        (VendorCode, "vendor_codes"),
        (Contact, "contacts"),
    ):
        firms.move(tx, table, [UUID(each) for each in moved[name]], source, target)
    firms.point(tx, [UUID(each) for each in moved["merged_earlier"]], source, target)
    for each in (source, target):
        firms.forget_lists(tx, each)


def _refuse_late_undo(
    tx: Session, made: SupplierMerge, kept: Supplier, merged: Supplier, now: datetime
) -> None:
    if made.undone_at is not None:
        raise UndoTooLate("this merge was undone before")
    if now > made.merged_at + UNDO_WITHIN:
        raise UndoTooLate("a merge is undone within a day")
    if kept.merged_into is not None or merged.merged_into != kept.id:
        raise UndoTooLate("the kept record was merged since; undo that first")
    then = made.moved["kept"]["organization"], made.moved["merged"]["organization"]
    if then != (_organization(kept), _organization(merged)):
        raise UndoTooLate("an organization enrolled since")
    if firms.issued_since(tx, (kept.id, merged.id), made.merged_at):
        raise UndoTooLate("requests were issued since")


def _say_merged(tx: Session, kept: Supplier, merged: Supplier, *, undone: bool) -> None:
    tx.flush()
    say(
        tx,
        "supplier.merged.v1",
        org_id=kept.org_id,
        merged_supplier_id=merged.id,
        merged_link_id=merged.link.id,
        kept_supplier_id=kept.id,
        kept_link_id=kept.link.id,
        undone=undone,
    )
    say_linked(tx, merged)
    say_linked(tx, kept)


def _say_succeeded(tx: Session, made: Succession, before: Supplier, after: Supplier) -> None:
    def end(of: Supplier) -> dict[str, Any]:
        link = of.link
        return {"supplier_id": of.id, "link_id": link.id, "org_id": link.supplier_org_id}

    say(
        tx,
        "supplier.succeeded.v1",
        org_id=made.org_id,
        kind=made.kind,
        predecessor=end(before),
        successor=end(after),
        effective_on=made.effective_on.isoformat(),
    )
