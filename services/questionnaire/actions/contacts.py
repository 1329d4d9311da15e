"""Sites of a supplier, and the people and shared mailboxes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import Invalid, NotFound
from services.questionnaire.actions.supplier_history import note
from services.questionnaire.actions.suppliers import SiteInUse, living
from services.questionnaire.store import contacts
from services.questionnaire.store.firm_rows import Contact, SupplierSite

ROLES: Final = ("sales", "respondent", "quality", "it", "approver", "signer")
"""What a contact is for: sales is written to in copy, respondent is asked."""


class StrangeSite(Invalid):
    """The site a contact is at is none of this supplier's."""

    urn = "contacts/site"


def add_site(
    tx: Session, who: Principal, supplier_id: UUID, name: str, country: str | None
) -> SupplierSite:
    """Add a site to a supplier.

    Raises:
        NotFound, Merged: no such record of yours.
    """
    supplier = living(tx, who.org, supplier_id)
    made = SupplierSite(
        id=new_id(), org_id=who.org, supplier_id=supplier.id, name=name, country=country
    )
    tx.add(made)
    tx.flush()
    note(tx, who, supplier, "site-added", {"site_id": str(made.id), "name": name})
    return made


def change_site(
    tx: Session, who: Principal, supplier_id: UUID, site_id: UUID, changes: Mapping[str, Any]
) -> SupplierSite:
    """Change the name or country of a site.

    Raises:
        NotFound, Merged: no such site of a record of yours.
    """
    supplier = living(tx, who.org, supplier_id)
    found = _site(tx, who.org, supplier_id, site_id)
    before = {name: getattr(found, name) for name in changes}
    for name, value in changes.items():
        setattr(found, name, value)
    note(tx, who, supplier, "site-changed", {"site_id": str(site_id), "from": before})
    return found


def remove_site(tx: Session, who: Principal, supplier_id: UUID, site_id: UUID) -> None:
    """Remove a site nothing refers to.

    Raises:
        NotFound, Merged, SiteInUse: no such site, or contacts or vendor codes refer to it.
    """
    supplier = living(tx, who.org, supplier_id)
    found = _site(tx, who.org, supplier_id, site_id)
    if contacts.site_in_use(tx, {site_id}):
        raise SiteInUse("contacts or vendor codes refer to this site", sites=[found.name])
    tx.delete(found)
    note(tx, who, supplier, "site-removed", {"site_id": str(site_id), "name": found.name})


def add_contact(
    tx: Session, who: Principal, supplier_id: UUID, fields: Mapping[str, Any]
) -> Contact:
    """Add a contact to a supplier.

    Raises:
        NotFound, Merged, StrangeSite: no such record of yours, or no such site of it.
    """
    supplier = living(tx, who.org, supplier_id)
    _refuse_strange_site(tx, who.org, supplier_id, fields)
    made = Contact(id=new_id(), org_id=who.org, supplier_id=supplier.id, **fields)
    tx.add(made)
    tx.flush()
    note(tx, who, supplier, "contact-added", {"contact_id": str(made.id), "roles": made.roles})
    return made


def change_contact(
    tx: Session, who: Principal, supplier_id: UUID, contact_id: UUID, changes: Mapping[str, Any]
) -> Contact:
    """Change the given fields of a contact.

    Raises:
        NotFound, Merged, StrangeSite: no such contact of yours, or no such site.
    """
    supplier = living(tx, who.org, supplier_id)
    found = _contact(tx, who.org, supplier_id, contact_id)
    _refuse_strange_site(tx, who.org, supplier_id, changes)
    for name, value in changes.items():
        setattr(found, name, value)
    told = {"contact_id": str(contact_id), "changed": sorted(changes), "roles": found.roles}
    note(tx, who, supplier, "contact-changed", told)
    return found


def remove_contact(tx: Session, who: Principal, supplier_id: UUID, contact_id: UUID) -> None:
    """Remove a contact for good: what is kept of it is that there was one.

    Raises:
        NotFound, Merged: no such contact of yours.
    """
    supplier = living(tx, who.org, supplier_id)
    tx.delete(_contact(tx, who.org, supplier_id, contact_id))
    note(tx, who, supplier, "contact-removed", {"contact_id": str(contact_id)})


def _site(tx: Session, org: UUID, supplier_id: UUID, site_id: UUID) -> SupplierSite:
    found = contacts.site(tx, org, site_id)
    if found is None or found.supplier_id != supplier_id:
        raise NotFound("no such site")
    return found


def _contact(tx: Session, org: UUID, supplier_id: UUID, contact_id: UUID) -> Contact:
    found = contacts.contact(tx, org, supplier_id, contact_id)
    if found is None:
        raise NotFound("no such contact")
    return found


def _refuse_strange_site(
    tx: Session, org: UUID, supplier_id: UUID, fields: Mapping[str, Any]
) -> None:
    site_id = fields.get("site_id")
    if site_id is None:
        return
    found = contacts.site(tx, org, site_id)
    if found is None or found.supplier_id != supplier_id:
        raise StrangeSite("this site is none of the supplier's")
