"""Keeping supplier records and supply links."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import NotFound, Refused
from services.questionnaire.actions.supplier_history import note
from services.questionnaire.rules import classification, vendor_codes
from services.questionnaire.rules.names import match_key
from services.questionnaire.store import contacts, suppliers
from services.questionnaire.store.firm_rows import SupplierSite
from services.questionnaire.store.tables import Supplier, SupplyLink, VendorCode


class CodeInUse(Refused):
    """Another supplier has one of these vendor codes at the same time."""

    urn = "suppliers/vendor-code-in-use"


class SiteInUse(Refused):
    """A site that contacts or vendor codes refer to cannot be left out."""

    urn = "suppliers/site-in-use"


class Merged(Refused):
    """This record was merged into another, which goes on in its place."""

    urn = "suppliers/merged"


@dataclass(frozen=True)
class Code:
    """A vendor code: system, organization, site and validity only where the requester keeps them.

    `plant` is a plant or a purchasing organization, `site` the name of one of the supplier's.
    """

    code: str
    system: str | None = None
    site: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    company_code: str | None = None
    plant: str | None = None


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
    vendor_codes: Sequence[Code] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    dependency: str = "critical"
    pass_through: bool = False
    product_lines: Sequence[str] = ()
    classification: Mapping[str, Sequence[str]] = field(default_factory=dict)
    visibility: str = "masked"


OF_LINK: Final = (
    *("dependency", "pass_through", "product_lines", "classification", "visibility", "ended"),
)
"""The fields that say how one buys, not from whom."""


def add(tx: Session, who: Principal, record: Record) -> Supplier:
    """Add a supplier record with its supply link, and say so.

    Raises:
        CodeInUse: another supplier has one of the vendor codes.
        Refusal: the classification is off its scales.
    """
    (supplier,) = add_many(tx, who, [record])
    del tx.info["details"]["suppliers"]
    tx.info["details"]["supplier_id"] = str(supplier.id)
    return supplier


def add_many(
    tx: Session, who: Principal, records: Sequence[Record], *, because: str = "added"
) -> list[Supplier]:
    """Add many at once, in their order.

    Args:
        because: what their history begins with.

    Raises:
        CodeInUse, Refusal: as `add`.
    """
    made = [_made(who.org, record) for record in records]
    tx.add_all(made)
    tx.flush()
    for supplier, record in zip(made, records, strict=True):
        places = _places(supplier, [*record.sites, *_named(record.vendor_codes)])
        supplier.sites = list(places.values())
    tx.flush()
    _refuse_taken(tx, who.org, {s.id: r.vendor_codes for s, r in zip(made, records, strict=True)})
    for supplier, record in zip(made, records, strict=True):
        supplier.vendor_codes = _coded(supplier, record.vendor_codes)
        note(tx, who, supplier, because, {"name": supplier.name})
    tx.flush()
    for supplier in made:
        say_linked(tx, supplier)
        if supplier.link.classification:
            say_classified(tx, supplier.link)
    tx.info["details"]["suppliers"] = len(made)
    return made


def change(
    tx: Session,
    who: Principal,
    supplier_id: UUID,
    changes: Mapping[str, Any],
    *,
    more_codes: Sequence[Code] = (),
) -> Supplier:
    """Change the named fields of a record or of its link, note what they were, and say so.

    Args:
        changes: fields of `Record` and `ended`; `vendor_codes` (`Code`s), `sites`, `tags`,
            `product_lines`, `identifiers` and `classification` replace all.
        more_codes: vendor codes beside those there are.

    Raises:
        NotFound, Merged, CodeInUse, SiteInUse: no such supplier of yours, or it cannot be so.
        Refusal: the classification is off its scales.
    """
    supplier = living(tx, who.org, supplier_id)
    before = as_told(supplier)
    given = dict(changes)
    codes, sites = given.pop("vendor_codes", None), given.pop("sites", None)
    if "classification" in given:
        given["classification"] = classification.read(given["classification"])
    for name, value in given.items():
        of = supplier.link if name in OF_LINK else supplier
        setattr(of, name, list(value) if isinstance(value, tuple) else value)
    supplier.match_key = match_key(supplier.name)
    if codes is not None:
        _set_codes(tx, supplier, codes)
    if sites is not None:
        _set_sites(tx, supplier, [*sites, *_named(codes or ())])
    if more_codes:
        _add_codes(tx, supplier, more_codes)
    tx.flush()
    differs = differences(before, as_told(supplier))
    if differs:
        note(tx, who, supplier, "changed", differs)
        say_linked(tx, supplier)
    if "classification" in differs:
        say_classified(tx, supplier.link)
    tx.info["details"]["changed"] = sorted(changes)
    return supplier


def living(tx: Session, org: UUID, supplier_id: UUID) -> Supplier:
    """Return one record of `org`, locked, that is not merged into another.

    Raises:
        NotFound: no such supplier of yours.
        Merged: it goes on in another record.
    """
    found = suppliers.for_update(tx, org, supplier_id)
    if found is None:
        raise NotFound("no such supplier")
    if found.merged_into is not None:
        raise Merged("this record was merged into another", merged_into=str(found.merged_into))
    return found


def set_padding(tx: Session, who: Principal, widths: Mapping[str, int]) -> Mapping[str, int]:
    """Say to how many digits each system pads; no rule at all brings back the usual one."""
    suppliers.set_padding(tx, who.org, widths)
    tx.flush()
    return suppliers.padding(tx, who.org)


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
        product_lines=link.product_lines,
        identifiers=supplier.identifiers,
        dependency=link.dependency,
        pass_through=link.pass_through,
        ended=link.ended,
    )


def say_classified(tx: Session, link: SupplyLink) -> None:
    """Tell risk what is bought on a link."""
    say(
        tx,
        "link.classified.v1",
        org_id=link.org_id,
        link_id=link.id,
        classification=link.classification,
    )


def as_told(supplier: Supplier) -> dict[str, Any]:
    """Return a record and its link as plain data, to see later what differs."""
    own = ("name", "country", "mailbox", "language", "contact_name", "tags", "identifiers")
    names = {place.id: place.name for place in supplier.sites}
    return {
        **{name: getattr(supplier, name) for name in own},
        **{name: getattr(supplier.link, name) for name in OF_LINK},
        "sites": [place.name for place in supplier.sites],
        "vendor_codes": [
            {
                "code": code.code,
                "system": code.system,
                "company_code": code.company_code,
                "plant": code.plant,
                "site": names.get(code.site_id) if code.site_id else None,
                "valid_from": code.valid_from and code.valid_from.isoformat(),
                "valid_to": code.valid_to and code.valid_to.isoformat(),
            }
            for code in supplier.vendor_codes
        ],
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, as `{name: {"from", "to"}}`, of what `after` names."""
    return {
        name: {"from": before[name], "to": value}
        for name, value in after.items()
        if before[name] != value
    }


def _made(org: UUID, record: Record) -> Supplier:
    link = SupplyLink(
        id=new_id(),
        org_id=org,
        dependency=record.dependency,
        pass_through=record.pass_through,
        product_lines=list(record.product_lines),
        classification=classification.read(dict(record.classification)),
        visibility=record.visibility,
        ended=False,
        supplier_org_id=None,
    )
    return Supplier(
        id=new_id(),
        org_id=org,
        name=record.name,
        match_key=match_key(record.name),
        country=record.country,
        contact_name=record.contact_name,
        mailbox=record.mailbox,
        language=record.language,
        tags=list(record.tags),
        identifiers=dict(record.identifiers),
        former_names=[],
        merged_into=None,
        link=link,
        vendor_codes=[],
        sites=[],
    )


def _named(codes: Sequence[Code]) -> list[str]:
    return [code.site for code in codes if code.site is not None]


def _places(
    supplier: Supplier, names: Sequence[str], *, keep: bool = False
) -> dict[str, SupplierSite]:
    """Return the sites with these names: the ones there are, and new ones after them."""
    there = {place.name: place for place in supplier.sites}
    found = dict(there) if keep else {name: there[name] for name in there if name in set(names)}
    for name in names:
        if name not in found:
            found[name] = SupplierSite(id=new_id(), org_id=supplier.org_id, name=name)
    return found


def _set_sites(tx: Session, supplier: Supplier, names: Sequence[str]) -> None:
    places = _places(supplier, names)
    gone = {place.id for place in supplier.sites} - {place.id for place in places.values()}
    if used := contacts.site_in_use(tx, gone):
        raise SiteInUse(
            "contacts or vendor codes refer to a site that was left out",
            sites=sorted(place.name for place in supplier.sites if place.id in used),
        )
    supplier.sites = list(places.values())


def _add_codes(tx: Session, supplier: Supplier, codes: Sequence[Code]) -> None:
    _refuse_taken(tx, supplier.org_id, {supplier.id: codes})
    supplier.sites = list(_places(supplier, _named(codes), keep=True).values())
    tx.flush()
    supplier.vendor_codes = [*supplier.vendor_codes, *_coded(supplier, codes)]


def _set_codes(tx: Session, supplier: Supplier, codes: Sequence[Code]) -> None:
    _refuse_taken(tx, supplier.org_id, {supplier.id: codes})
    supplier.sites = list(_places(supplier, _named(codes), keep=True).values())
    tx.flush()
    supplier.vendor_codes = _coded(supplier, codes)
    tx.flush()


def _coded(supplier: Supplier, codes: Sequence[Code]) -> list[VendorCode]:
    places = {place.name: place.id for place in supplier.sites}
    return [
        VendorCode(
            id=new_id(),
            org_id=supplier.org_id,
            system=code.system,
            company_code=code.company_code,
            plant=code.plant,
            code=code.code,
            site_id=places[code.site] if code.site is not None else None,
            valid_from=code.valid_from,
            valid_to=code.valid_to,
        )
        for code in codes
    ]


def _refuse_taken(tx: Session, org: UUID, wanted: Mapping[UUID, Collection[Code]]) -> None:
    """Refuse a code that another supplier holds in the same system and unit on the same day."""
    widths = suppliers.padding(tx, org)
    held: dict[tuple[Any, ...], list[tuple[UUID, VendorCode | Code]]] = {}
    for row in suppliers.codes_like(tx, org, {c.code for codes in wanted.values() for c in codes}):
        held.setdefault(_scope(row, widths), []).append((row.supplier_id, row))
    taken = set()
    for supplier_id, codes in wanted.items():
        for code in codes:
            same = held.setdefault(_scope(code, widths), [])
            if any(other != supplier_id and _at_once(row, code) for other, row in same):
                taken.add(code.code)
            same.append((supplier_id, code))
    if taken:
        raise CodeInUse("vendor codes are in use", vendor_codes=sorted(taken))


def _scope(code: VendorCode | Code, widths: Mapping[str, int]) -> tuple[Any, ...]:
    width = widths.get(code.system or "")
    return code.system, code.company_code, code.plant, vendor_codes.padded(code.code, width)


def _at_once(one: VendorCode | Code, other: VendorCode | Code) -> bool:
    return vendor_codes.overlap((one.valid_from, one.valid_to), (other.valid_from, other.valid_to))
