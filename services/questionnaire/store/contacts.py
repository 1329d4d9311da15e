"""Sites and contacts of a supplier, and to whom mail about it goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.questionnaire.store.firm_rows import Contact, SupplierSite
from services.questionnaire.store.suppliers import Letterhead, among
from services.questionnaire.store.tables import Supplier, VendorCode


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox and whose it is; `name` may be blank (ご担当者様), `language` is always set."""

    mailbox: str
    name: str
    department: str
    title: str
    language: str
    time_zone: str | None
    contact_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom to write to about one supplier: respondents, and the sales contacts in copy."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...]


def site(tx: Session, org: UUID, site_id: UUID) -> SupplierSite | None:
    """Return one site of a supplier of `org`."""
    query = select(SupplierSite).where(SupplierSite.org_id == org, SupplierSite.id == site_id)
    return tx.scalar(query)


def sites(tx: Session, supplier_id: UUID, after: UUID | None, limit: int) -> Sequence[SupplierSite]:
    """Return up to `limit` sites of a supplier, oldest first."""
    query = select(SupplierSite).where(SupplierSite.supplier_id == supplier_id)
    if after is not None:
        query = query.where(SupplierSite.id > after)
    return tx.scalars(query.order_by(SupplierSite.id).limit(limit)).all()


def site_in_use(tx: Session, site_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the sites that a vendor code or a contact refers to."""
    coded = select(VendorCode.site_id).where(VendorCode.site_id.in_(site_ids))
    manned = select(Contact.site_id).where(Contact.site_id.in_(site_ids))
    return {found for found in tx.scalars(coded.union(manned)) if found is not None}


def contact(tx: Session, org: UUID, supplier_id: UUID, contact_id: UUID) -> Contact | None:
    """Return one contact at a supplier of `org`."""
    query = select(Contact).where(
        Contact.org_id == org, Contact.supplier_id == supplier_id, Contact.id == contact_id
    )
    return tx.scalar(query)


def page(
    tx: Session,
    supplier_id: UUID,
    after: UUID | None,
    limit: int,
    *,
    role: str | None = None,
    site_id: UUID | None = None,
) -> Sequence[Contact]:
    """Return up to `limit` contacts at a supplier, oldest first."""
    query = select(Contact).where(Contact.supplier_id == supplier_id)
    if role is not None:
        query = query.where(Contact.roles.contains([role]))
    if site_id is not None:
        query = query.where(Contact.site_id == site_id)
    if after is not None:
        query = query.where(Contact.id > after)
    return tx.scalars(query.order_by(Contact.id).limit(limit)).all()


def recipients(tx: Session, suppliers: Collection[Supplier | Letterhead]) -> dict[UUID, Recipients]:
    """Return by supplier id whom to write to.

    Contacts with a mailbox and the role respondent; where there is none, the record's own mailbox.
    Nobody is written to twice: who answers is not also in copy.
    """
    of = {supplier.id: supplier for supplier in suppliers}
    query = select(Contact).where(among(Contact.supplier_id, of), Contact.mailbox.is_not(None))
    told: dict[UUID, list[Contact]] = {}
    for found in tx.scalars(query.order_by(Contact.id)):
        told.setdefault(found.supplier_id, []).append(found)
    return {key: _recipients(of[key], told.get(key, [])) for key in of}


def callable_at(tx: Session, supplier_ids: Collection[UUID]) -> dict[UUID, list[Contact]]:
    """Return per supplier the contacts, oldest first."""
    query = select(Contact).where(Contact.supplier_id.in_(supplier_ids))
    found: dict[UUID, list[Contact]] = {}
    for row in tx.scalars(query.order_by(Contact.id)):
        found.setdefault(row.supplier_id, []).append(row)
    return found


def _recipients(supplier: Supplier | Letterhead, contacts: Sequence[Contact]) -> Recipients:
    to = [_address(supplier, each) for each in contacts if "respondent" in each.roles]
    if not to and supplier.mailbox:
        own = Address(supplier.mailbox, supplier.contact_name, "", "", supplier.language, None)
        to = [own]
    reached = {each.mailbox.casefold() for each in to}
    cc = [
        _address(supplier, each)
        for each in contacts
        if "sales" in each.roles and (each.mailbox or "").casefold() not in reached
    ]
    return Recipients(tuple(to), tuple(cc))


def _address(supplier: Supplier | Letterhead, contact: Contact) -> Address:
    return Address(
        contact.mailbox or "",
        contact.name,
        contact.department or "",
        contact.title or "",
        contact.language or supplier.language,
        contact.time_zone,
        contact.id,
    )
