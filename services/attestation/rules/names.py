"""How organizations and links are called inside signed statements, and who the operator is."""

from __future__ import annotations

from uuid import NAMESPACE_DNS, UUID, uuid5

_ORG = "urn:rensho:org:"
_LINK = "urn:rensho:link:"


def org_urn(org_id: UUID) -> str:
    """Return the name of an organization in a statement."""
    return f"{_ORG}{org_id}"


def org_id(urn: str) -> UUID | None:
    """Read the name of an organization; None for a pseudonym."""
    return UUID(urn.removeprefix(_ORG)) if urn.startswith(_ORG) else None


def link_urn(link_id: UUID) -> str:
    """Return the name of a supply link in a statement."""
    return f"{_LINK}{link_id}"


def link_id(urn: str) -> UUID:
    """Read the name of a supply link."""
    return UUID(urn.removeprefix(_LINK))


def log_origin(host: str, number: int) -> str:
    """Return the origin of log `number` (from 0) of a deployment (profile section 4)."""
    return host if number == 0 else f"e{number + 1}.{host}"


def operator_org(origin: str) -> UUID:
    """Return the operator's organization: the name-based id of its host name (RFC 9562, v5)."""
    return uuid5(NAMESPACE_DNS, origin)
