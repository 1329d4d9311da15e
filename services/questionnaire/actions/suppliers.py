"""Keeping supplier records and supply links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import NotFound
from services.questionnaire.rules.names import match_key
from services.questionnaire.store import suppliers
from services.questionnaire.store.tables import Supplier, SupplyLink, VendorCode


@dataclass(frozen=True)
class Code:
    """A vendor code: system, site and validity only where the requester keeps them."""

    code: str
    system: str | None = None
    site: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class Record:
    """What a requester writes down about one supplier."""

    name: str
    country: str
    mailbox: str
    language: str
    contact_name: str = ""
    sites: Sequence[str] = ()
    tags: Sequence[str] = ()
    vendor_codes: Sequence[Code] = field(default_factory=tuple)
    dependency: str = "critical"
    pass_through: bool = False


_OF_LINK = ("dependency", "pass_through", "ended")


def add(tx: Session, who: Principal, record: Record) -> Supplier:
    """Add a supplier record with its supply link, and say so."""
    supplier = _made(who.org, record)
    tx.add(supplier)
    tx.flush()
    say_linked(tx, supplier)
    tx.info["details"]["supplier_id"] = str(supplier.id)
    return supplier


def add_many(tx: Session, who: Principal, records: Sequence[Record]) -> list[Supplier]:
    """Add many at once, in their order."""
    made = [_made(who.org, record) for record in records]
    tx.add_all(made)
    tx.flush()
    for supplier in made:
        say_linked(tx, supplier)
    tx.info["details"]["suppliers"] = len(made)
    return made


def change(tx: Session, who: Principal, supplier_id: UUID, changes: Mapping[str, Any]) -> Supplier:
    """Change the named fields of a record or of its link, and say so.

    Args:
        changes: fields of `Record` and `ended`; `vendor_codes` (`Code`s) replaces all.

    Raises:
        NotFound: no such supplier of yours.
    """
    supplier = suppliers.for_update(tx, who.org, supplier_id)
    if supplier is None:
        raise NotFound("no such supplier")
    for name, value in changes.items():
        if name in _OF_LINK:
            setattr(supplier.link, name, value)
        elif name == "vendor_codes":
            supplier.vendor_codes = [_code(who.org, each) for each in value]
        else:
            setattr(supplier, name, list(value) if name in ("sites", "tags") else value)
    supplier.match_key = match_key(supplier.name)
    tx.flush()
    say_linked(tx, supplier)
    tx.info["details"]["changed"] = sorted(changes)
    return supplier


def say_linked(tx: Session, supplier: Supplier) -> None:
    """Tell risk what it may know of a supply link: never contacts."""
    link = supplier.link
    say(
        tx,
        "supplier.linked.v1",
        org_id=link.org_id,
        link_id=link.id,
        supplier_id=supplier.id,
        supplier_org_id=link.supplier_org_id,
        name=supplier.name,
        vendor_codes=[each.code for each in supplier.vendor_codes],
        tags=supplier.tags,
        dependency=link.dependency,
        pass_through=link.pass_through,
        ended=link.ended,
    )


def _made(org: UUID, record: Record) -> Supplier:
    own = {each.name: getattr(record, each.name) for each in fields(Record)}
    link = SupplyLink(
        id=new_id(),
        org_id=org,
        dependency=own.pop("dependency"),
        pass_through=own.pop("pass_through"),
        ended=False,
        supplier_org_id=None,
    )
    codes = [_code(org, each) for each in own.pop("vendor_codes")]
    own["sites"], own["tags"] = list(record.sites), list(record.tags)
    return Supplier(
        **own,
        id=new_id(),
        org_id=org,
        match_key=match_key(record.name),
        vendor_codes=codes,
        link=link,
    )


def _code(org: UUID, code: Code) -> VendorCode:
    return VendorCode(
        id=new_id(),
        org_id=org,
        system=code.system,
        code=code.code,
        site=code.site,
        valid_from=code.valid_from,
        valid_to=code.valid_to,
    )
