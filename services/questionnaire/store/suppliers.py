"""Supplier records and supply links, private to the requester that keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from services.questionnaire.rules import identifiers, vendor_codes
from services.questionnaire.rules.segments import Filter
from services.questionnaire.store.firm_rows import CodePadding, Contact
from services.questionnaire.store.tables import Supplier, SupplyLink, VendorCode

_SOME = 500


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What one needs of a record to write to the firm, and no more: ten thousand are asked."""

    id: UUID
    name: str
    country: str
    contact_name: str
    mailbox: str
    language: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A record with a living link, as a campaign sees it; `reached` where a mail could go."""

    id: UUID
    link_id: UUID
    org_id: UUID | None
    country: str
    reached: bool


def among(column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Whether a column is one of these ids; they travel as one array: it may be ten thousand."""
    found: ColumnElement[bool] = column == any_(cast(list(ids), ARRAY(Uuid)))
    return found


def one(tx: Session, org: UUID, supplier_id: UUID) -> Supplier | None:
    """Return one supplier record of `org`, a merged one too."""
    return tx.scalar(select(Supplier).where(Supplier.org_id == org, Supplier.id == supplier_id))


def for_update(tx: Session, org: UUID, supplier_id: UUID) -> Supplier | None:
    """Return one supplier record of `org`, locked until the transaction ends."""
    query = select(Supplier).where(Supplier.org_id == org, Supplier.id == supplier_id)
    return tx.scalar(query.with_for_update(of=Supplier))


def page(
    tx: Session, org: UUID, after: UUID | None, limit: int, *wanted: ColumnElement[bool]
) -> Sequence[Supplier]:
    """Return up to `limit` living records that fit, in the order they were made."""
    query = select(Supplier).join(SupplyLink, SupplyLink.supplier_id == Supplier.id)
    query = query.where(Supplier.org_id == org, Supplier.merged_into.is_(None), *wanted)
    if after is not None:
        query = query.where(Supplier.id > after)
    return tx.scalars(query.order_by(Supplier.id).limit(limit)).all()


def every(tx: Session, org: UUID) -> Iterator[Supplier]:
    """Go through all living records of `org`, some at a time."""
    last: UUID | None = None
    while rows := page(tx, org, last, _SOME):
        last = rows[-1].id
        yield from rows
        tx.expunge_all()


def numbered(scheme: str, value: str) -> ColumnElement[bool]:
    """Who has an identifier: a corporate number also finds the invoice number made of it."""
    keys = identifiers.keys({scheme: value})
    spelled = (each for key in keys for each in identifiers.spellings(key))
    return or_(*(Supplier.identifiers.contains(each) for each in spelled))


def named_like(key: str) -> ColumnElement[bool]:
    """Whose name holds these letters, by the key of `rules.names`."""
    return Supplier.match_key.contains(key, autoescape=True)


def called(tx: Session, org: UUID, code: str) -> ColumnElement[bool]:
    """Whom `org` calls by a vendor code, with or without the zeros its systems pad with."""
    coded = select(VendorCode.supplier_id).where(VendorCode.org_id == org)
    return Supplier.id.in_(coded.where(_spelled(code, padding(tx, org))))


def that_fit(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """Whom a segment's filter chooses, as conditions on a record joined to its link."""
    if wanted.tags_any:
        yield or_(*(Supplier.tags.contains([tag]) for tag in wanted.tags_any))
    yield from (Supplier.tags.contains([tag]) for tag in wanted.tags_all)
    yield from (~Supplier.tags.contains([tag]) for tag in wanted.tags_none)
    if wanted.product_lines:
        yield or_(*(SupplyLink.product_lines.contains([line]) for line in wanted.product_lines))
    for column, values in (
        (Supplier.country, wanted.countries),
        (Supplier.language, wanted.languages),
        (SupplyLink.dependency, wanted.dependencies),
    ):
        if values:
            yield column.in_(values)
    if wanted.pass_through is not None:
        yield SupplyLink.pass_through.is_(wanted.pass_through)
    if wanted.enrolled is not None:
        known = SupplyLink.supplier_org_id.is_not(None)
        yield known if wanted.enrolled else ~known


def asked(tx: Session, org: UUID, ids: Collection[UUID] | None) -> list[Asked]:
    """Return the records with these ids, or all, whose supply link is alive."""
    contact = exists().where(
        Contact.supplier_id == Supplier.id,
        Contact.mailbox.is_not(None),
        Contact.roles.contains(["respondent"]),
    )
    query = (
        select(
            Supplier.id,
            SupplyLink.id,
            SupplyLink.supplier_org_id,
            Supplier.country,
            or_(Supplier.mailbox != "", contact),
        )
        .join(SupplyLink, SupplyLink.supplier_id == Supplier.id)
        .where(Supplier.org_id == org, SupplyLink.ended.is_(False), Supplier.merged_into.is_(None))
        .order_by(Supplier.id)
    )
    if ids is not None:
        query = query.where(among(Supplier.id, ids))
    return [Asked(*row) for row in tx.execute(query)]


def letterheads(tx: Session, org: UUID, ids: Collection[UUID]) -> dict[UUID, Letterhead]:
    """Return id → how to write to the firm; a merged id gives the living record's."""
    own = aliased(Supplier)
    query = (
        select(
            own.id,
            Supplier.id,
            Supplier.name,
            Supplier.country,
            Supplier.contact_name,
            Supplier.mailbox,
            Supplier.language,
        )
        .join(own, Supplier.id == func.coalesce(own.merged_into, own.id))
        .where(own.org_id == org, among(own.id, ids))
    )
    return {row[0]: Letterhead(*row[1:]) for row in tx.execute(query)}


def ids_alive(tx: Session, org: UUID, wanted: Filter) -> list[UUID]:
    """Return the ids of those a filter chooses whose supply link is alive."""
    query = (
        select(Supplier.id)
        .join(SupplyLink, SupplyLink.supplier_id == Supplier.id)
        .where(Supplier.org_id == org, SupplyLink.ended.is_(False), Supplier.merged_into.is_(None))
        .where(*that_fit(wanted))
        .order_by(Supplier.id)
    )
    return list(tx.scalars(query))


def padding(tx: Session, org: UUID) -> Mapping[str, int]:
    """Return system → width of its padded numeric codes; what is usual where `org` set nothing."""
    rows = tx.scalars(select(CodePadding).where(CodePadding.org_id == org))
    return {row.system: row.width for row in rows} or vendor_codes.PADDED


def set_padding(tx: Session, org: UUID, widths: Mapping[str, int]) -> None:
    """Replace the padding rules of `org`."""
    tx.execute(delete(CodePadding).where(CodePadding.org_id == org))
    tx.add_all(CodePadding(org_id=org, system=name, width=width) for name, width in widths.items())


def codes_like(tx: Session, org: UUID, codes: Collection[str]) -> Sequence[VendorCode]:
    """Return the codes `org` has given, now or earlier, that may be one of these."""
    spelled = set(codes).union(
        *(
            vendor_codes.spellings(code, width)
            for width in set(padding(tx, org).values())
            for code in codes
        )
    )
    query = select(VendorCode).where(VendorCode.org_id == org, _among(VendorCode.code, spelled))
    return tx.scalars(query.order_by(VendorCode.id)).all()


def codes_page(
    tx: Session, org: UUID, code: str, after: UUID | None, limit: int, on: date | None
) -> Sequence[VendorCode]:
    """Return the rows of one vendor code, with or without padding, in force on a day or ever."""
    query = select(VendorCode).where(VendorCode.org_id == org, _spelled(code, padding(tx, org)))
    if on is not None:
        query = query.where(
            or_(VendorCode.valid_from.is_(None), VendorCode.valid_from <= on),
            or_(VendorCode.valid_to.is_(None), VendorCode.valid_to >= on),
        )
    if after is not None:
        query = query.where(VendorCode.id > after)
    return tx.scalars(query.order_by(VendorCode.id).limit(limit)).all()


def _spelled(code: str, widths: Mapping[str, int]) -> ColumnElement[bool]:
    return or_(
        VendorCode.code == code,
        *(
            and_(
                VendorCode.system == system,
                VendorCode.code.in_(vendor_codes.spellings(code, width)),
            )
            for system, width in widths.items()
        ),
    )


def identified(tx: Session, org: UUID, keys: Collection[str]) -> Sequence[Supplier]:
    """Return the living records that one of these keys (`identifiers.keys`) names."""
    values: dict[str, set[str]] = {}
    for key in keys:
        for spelling in identifiers.spellings(key):
            for scheme, value in spelling.items():
                values.setdefault(scheme, set()).add(value)
    if not values:
        return []
    named = (_among(Supplier.identifiers[scheme].astext, each) for scheme, each in values.items())
    query = select(Supplier).where(Supplier.org_id == org, Supplier.merged_into.is_(None))
    return tx.scalars(query.where(or_(*named)).order_by(Supplier.id)).all()


def with_match_keys(tx: Session, org: UUID, keys: Collection[str]) -> Sequence[Supplier]:
    """Return the records, merged ones too, whose name's key is one of these, and all renamed ones.

    Who goes by another name today may have gone by one of these: see `former_names`.
    """
    query = select(Supplier).where(
        Supplier.org_id == org,
        or_(_among(Supplier.match_key, keys), Supplier.former_names != []),
    )
    return tx.scalars(query.order_by(Supplier.id)).all()


def _among(column: Any, values: Collection[str]) -> ColumnElement[bool]:
    """Whether the column is one of many: one parameter, however many there are."""
    found: ColumnElement[bool] = column == any_(bindparam(None, sorted(values), ARRAY(Text)))
    return found


def firm_links_for_update(tx: Session, link_id: UUID) -> Sequence[SupplyLink]:
    """Return a supply link and those of all records merged with its own, locked (worker).

    Rows that refer to them can still be added: an invitation being issued at this moment must not
    wait for an enrolment that waits for its request.
    """
    own, other = aliased(Supplier), aliased(Supplier)
    firm = (
        select(func.coalesce(own.merged_into, own.id))
        .join(SupplyLink, SupplyLink.supplier_id == own.id)
        .where(SupplyLink.id == link_id)
        .scalar_subquery()
    )
    query = (
        select(SupplyLink)
        .join(other, other.id == SupplyLink.supplier_id)
        .where(or_(other.id == firm, other.merged_into == firm))
        .order_by(SupplyLink.id)
    )
    return tx.scalars(query.with_for_update(of=SupplyLink, key_share=True)).all()


def of_link(tx: Session, link_id: UUID) -> Supplier | None:
    """Return the living record a link belongs to (worker)."""
    own = aliased(Supplier)
    query = (
        select(Supplier)
        .join(own, Supplier.id == func.coalesce(own.merged_into, own.id))
        .join(SupplyLink, SupplyLink.supplier_id == own.id)
    )
    return tx.scalar(query.where(SupplyLink.id == link_id))


def known_ids(tx: Session, org: UUID, ids: Collection[UUID]) -> dict[UUID, Supplier]:
    """Return id → record for those of `ids` that are of `org`; a merged id gives the living one."""
    own = aliased(Supplier)
    query = (
        select(own.id, Supplier)
        .join(own, Supplier.id == func.coalesce(own.merged_into, own.id))
        .where(own.org_id == org, among(own.id, ids))
    )
    return {known: supplier for known, supplier in tx.execute(query)}  # noqa: C416 (typed)
