"""Organizations: one's own in full, others by name and country."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import StringConstraints

from services.identity.rules.identifiers import Scheme
from services.identity.store import Identifier, Organization, people
from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Tx

router = APIRouter(prefix="/organizations", tags=["organizations"])

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class IdentifierIn(Model):
    """A number a firm gives for itself; full-width digits and hyphens are accepted."""

    scheme: Scheme
    value: Annotated[str, StringConstraints(min_length=1, max_length=60)]


class IdentifierOut(Model):
    """A claimed number, compact."""

    scheme: str
    value: str


class OrganizationName(Model):
    """What everybody who is enrolled may know of an organization."""

    id: UUID
    name: str
    country: str


class OrganizationOut(OrganizationName):
    """One's own organization. `identifiers` are claims: their form was checked, nothing else."""

    identifiers: list[IdentifierOut]
    enrolled_at: datetime


def in_full(organization: Organization, identifiers: list[Identifier]) -> OrganizationOut:
    """Return an organization as it sees itself."""
    return OrganizationOut(
        id=organization.id,
        name=organization.name,
        country=organization.country,
        identifiers=[IdentifierOut.model_validate(i) for i in identifiers],
        enrolled_at=organization.enrolled_at,
    )


@router.get("/me", dependencies=[needs("organizations.read")])
def get_own_organization(tx: Tx, who: Who) -> OrganizationOut:
    """Read your own organization."""
    return in_full(_known(tx, who.org), people.identifiers(tx, who.org))


@router.get("/{organization_id}", dependencies=[needs("organizations.read")])
def get_organization(tx: Tx, organization_id: UUID) -> OrganizationName:
    """Read the name and country of an enrolled organization."""
    return OrganizationName.model_validate(_known(tx, organization_id))


def _known(tx: Tx, org: UUID) -> Organization:
    found = people.organization(tx, org)
    if found is None:
        msg = "there is no such organization"
        raise NotFound(msg)
    return found
