"""OData v4 as far as we speak it: what there is to read (CSDL), and what a reader may ask of it.

Read-only, minimal conformance (OASIS OData 4.0 part 1, section 13.1.1), and only the types that
Dataverse's virtual tables take. Whatever is not understood is refused, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.etree import ElementTree as ET

VERSION: Final = "4.0"
NAMESPACE: Final = "Rensho"
MAX_PAGE: Final = 1_000
_MAX_OPTION: Final = 2_000
_MAX_NUMBER: Final = 10_000_000
_EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"
_EDMX: Final = "http://docs.oasis-open.org/odata/ns/edmx"
OPTIONS: Final = (
    *("$filter", "$select", "$orderby", "$top", "$skip", "$count", "$format", "$skiptoken"),
)

Type = Literal["Edm.Guid", "Edm.String", "Edm.Int32", "Edm.Decimal", "Edm.DateTimeOffset"]


@dataclass(frozen=True, slots=True)
class Property:
    """A column of an entity set; `scale` of a decimal."""

    name: str
    type: Type
    nullable: bool = True
    scale: int | None = None


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A flat table with the key `Id`; in the order of `usual` unless another one is asked for."""

    name: str
    entity: str
    properties: tuple[Property, ...]
    usual: str

    def property(self, name: str) -> Property | None:
        """Return a column by its name."""
        return next((one for one in self.properties if one.name == name), None)


def _set(name: str, entity: str, *properties: Property, usual: str = "Id") -> EntitySet:
    key = Property("Id", "Edm.Guid", nullable=False)
    source = (
        Property("AsOf", "Edm.DateTimeOffset", nullable=False),
        Property("ModelVersion", "Edm.String", nullable=False),
        Property("PolicyDigest", "Edm.String", nullable=False),
        Property("Snapshot", "Edm.Guid", nullable=False),
        Property("ExplanationUrl", "Edm.String", nullable=False),
    )
    return EntitySet(name, entity, (key, *properties, *source), usual)


SUPPLIERS: Final = _set(
    "Suppliers",
    "Supplier",
    Property("SupplierId", "Edm.String", nullable=False),
    Property("Name", "Edm.String"),
    Property("VendorCode", "Edm.String"),
    Property("VendorCodes", "Edm.String", nullable=False),
    Property("CorporateNumber", "Edm.String"),
    Property("Tags", "Edm.String", nullable=False),
    Property("ProductLines", "Edm.String", nullable=False),
    Property("Tier", "Edm.Int32", nullable=False),
    Property("Score", "Edm.Decimal", scale=1),
    Property("ScoreClaimed", "Edm.Decimal", scale=1),
    Property("Band", "Edm.String"),
    Property("Coverage", "Edm.Decimal", scale=9),
    Property("ChangedAt", "Edm.DateTimeOffset"),
)
TIERS: Final = _set(
    "Tiers",
    "Tier",
    Property("Tier", "Edm.Int32", nullable=False),
    Property("Score", "Edm.Decimal", scale=1),
    Property("ScoreClaimed", "Edm.Decimal", scale=1),
    Property("Coverage", "Edm.Decimal", scale=9),
    Property("ContributionShare", "Edm.Decimal", scale=9),
    Property("Firms", "Edm.Int32", nullable=False),
    Property("FirmsUnseen", "Edm.Int32", nullable=False),
    usual="Tier",
)
SETS: Final[Mapping[str, EntitySet]] = {one.name: one for one in (SUPPLIERS, TIERS)}


class ODataRefused(ValueError):
    """An option whose value cannot be meant."""

    urn: str = "odata/invalid-option"


class NotImplementedHere(ODataRefused):
    """An option or function that this service does not have."""

    urn = "odata/not-implemented"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks of an entity set; `top` None is all, page by page.

    `order` names columns and whether each is descending; the key always comes last.
    """

    filter: str | None
    select: tuple[str, ...] | None
    order: tuple[tuple[str, bool], ...]
    top: int | None
    skip: int
    count: bool
    token: str | None


def read(entities: EntitySet, options: Sequence[tuple[str, str]]) -> Asked:
    """Read the query options of a request.

    Args:
        entities: what is asked for.
        options: names and values in their order, as the address has them.

    Raises:
        NotImplementedHere: an option with a dollar sign that we do not have.
        ODataRefused: an option twice, too long, or with a value that cannot be meant.
    """
    given: dict[str, str] = {}
    for name, value in options:
        # What has no dollar sign is a custom option: nobody's business.
        if not name.startswith("$"):
            continue
        if name not in OPTIONS:
            msg = f"{name} is not supported"
            raise NotImplementedHere(msg)
        if name in given or len(value) > _MAX_OPTION or not value.isprintable():
            msg = f"{name} is given twice, is too long, or holds control characters"
            raise ODataRefused(msg)
        given[name] = value
    if given.get("$format", "json") not in {"json", "application/json"}:
        msg = "only $format=json is supported"
        raise NotImplementedHere(msg)
    return Asked(
        filter=given.get("$filter"),
        select=_select(entities, given.get("$select")),
        order=_order(entities, given.get("$orderby")),
        top=_number("$top", given.get("$top")),
        skip=_number("$skip", given.get("$skip")) or 0,
        count=_boolean("$count", given.get("$count", "false")),
        token=given.get("$skiptoken"),
    )


def _select(entities: EntitySet, value: str | None) -> tuple[str, ...] | None:
    if value is None or value.strip() == "*":
        return None
    names = [name.strip() for name in value.split(",")]
    for name in names:
        _known(entities, "$select", name)
    return tuple(dict.fromkeys(names))


def _order(entities: EntitySet, value: str | None) -> tuple[tuple[str, bool], ...]:
    if value is None:
        return ((entities.usual, False),)
    order = []
    for part in value.split(","):
        name, _, direction = part.strip().partition(" ")
        _known(entities, "$orderby", name)
        if direction.strip() not in {"", "asc", "desc"}:
            msg = f"$orderby: {part.strip()!r} is no column with asc or desc"
            raise ODataRefused(msg)
        order.append((name, direction.strip() == "desc"))
    return tuple(order)


def _known(entities: EntitySet, option: str, name: str) -> None:
    if re.search(r"[/()]", name):
        msg = f"{option}: paths and functions are not supported"
        raise NotImplementedHere(msg)
    if entities.property(name) is None:
        msg = f"{option}: {entities.name} has no property {name!r}"
        raise ODataRefused(msg)


def _number(option: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,8}", value) or int(value) > _MAX_NUMBER:
        msg = f"{option} must be a number from 0 to {_MAX_NUMBER}"
        raise ODataRefused(msg)
    return int(value)


def _boolean(option: str, value: str) -> bool:
    if value not in {"true", "false"}:
        msg = f"{option} must be true or false"
        raise ODataRefused(msg)
    return value == "true"


def metadata() -> bytes:
    """Return the metadata document (CSDL XML 4.0)."""
    ET.register_namespace("edmx", _EDMX)
    ET.register_namespace("", _EDM)
    root = ET.Element(f"{{{_EDMX}}}Edmx", Version=VERSION)
    services = ET.SubElement(root, f"{{{_EDMX}}}DataServices")
    schema = ET.SubElement(services, f"{{{_EDM}}}Schema", Namespace=NAMESPACE)
    for one in SETS.values():
        _entity_type(schema, one)
    container = ET.SubElement(schema, f"{{{_EDM}}}EntityContainer", Name="Container")
    for one in SETS.values():
        entity = f"{NAMESPACE}.{one.entity}"
        ET.SubElement(container, f"{{{_EDM}}}EntitySet", Name=one.name, EntityType=entity)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _entity_type(schema: ET.Element, entities: EntitySet) -> None:
    entity = ET.SubElement(schema, f"{{{_EDM}}}EntityType", Name=entities.entity)
    key = ET.SubElement(entity, f"{{{_EDM}}}Key")
    ET.SubElement(key, f"{{{_EDM}}}PropertyRef", Name="Id")
    for one in entities.properties:
        facets = {"Name": one.name, "Type": one.type, "Nullable": str(one.nullable).lower()}
        if one.scale is not None:
            facets |= {"Precision": str(one.scale + 3), "Scale": str(one.scale)}
        ET.SubElement(entity, f"{{{_EDM}}}Property", facets)


def service_document(context: str) -> dict[str, object]:
    """Return the service document; `context` is the address of the metadata."""
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in SETS]
    return {"@odata.context": context, "value": sets}
