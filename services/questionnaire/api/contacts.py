"""Sites of suppliers, and whom to reach there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, OnceOnly, Page, Tx
from services.questionnaire.actions import contacts as actions
from services.questionnaire.api.edge import Line, after, cursor_after
from services.questionnaire.api.suppliers import Country, Language, Mailbox
from services.questionnaire.store import contacts as store
from services.questionnaire.store import suppliers

router = APIRouter(prefix="/suppliers/{supplier_id}", tags=["suppliers"])

Role = Literal["sales", "respondent", "quality", "it", "approver", "signer"]
# Names stay as received, blanks inside and around them too.
Name = Annotated[str, StringConstraints(max_length=200)]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as why:
        msg = "not a time zone such as Asia/Tokyo"
        raise ValueError(msg) from why
    return value


def _once_each(value: list[Role]) -> list[Role]:
    return list(dict.fromkeys(value))


Roles = Annotated[list[Role], Field(min_length=1, max_length=6), AfterValidator(_once_each)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_zone)]


class SiteIn(Model):
    """A place of a supplier."""

    name: Line
    country: Country | None = None


class SiteChange(SiteIn):
    """What to change of a site; a field left out stays."""

    name: Line | None = None  # type: ignore[assignment]


class SiteOut(Model):
    """A site."""

    id: UUID
    supplier_id: UUID
    name: str
    country: str | None
    created_at: datetime


class SitePage(Page):
    """A page of sites, oldest first."""

    items: list[SiteOut]


class ContactIn(Model):
    """A person or a shared mailbox; `name` may be blank, `kana` (フリガナ) is for telephone calls.

    Without a `language` the supplier's counts; without a `site_id` it is for all sites.
    """

    name: Name = ""
    kana: Name | None = None
    department: Name | None = None
    title: Name | None = None
    mailbox: Mailbox | None = None
    telephone: Annotated[str, StringConstraints(pattern=r"^[0-9+() .#x-]{3,40}$")] | None = None
    language: Language | None = None
    time_zone: Zone | None = None
    roles: Roles
    site_id: UUID | None = None


class ContactChange(ContactIn):
    """What to change of a contact; a field left out stays, null clears it."""

    roles: Roles = Field(default_factory=list)

    def changes(self) -> dict[str, Any]:
        """Return what was given, as the actions know it."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ContactOut(Model):
    """A contact."""

    id: UUID
    supplier_id: UUID
    site_id: UUID | None
    name: str
    kana: str | None
    department: str | None
    title: str | None
    mailbox: str | None
    telephone: str | None
    language: str | None
    time_zone: str | None
    roles: list[str]
    created_at: datetime


class ContactPage(Page):
    """A page of contacts, oldest first."""

    items: list[ContactOut]


def _known(tx: Session, org: UUID, supplier_id: UUID) -> None:
    if suppliers.one(tx, org, supplier_id) is None:
        raise NotFound("no such supplier")


@router.get("/sites", dependencies=[needs("suppliers.read")])
def list_sites(
    tx: Tx, who: Who, supplier_id: UUID, cursor: Cursor = None, limit: Limit = 100
) -> SitePage:
    """List the sites of a supplier."""
    _known(tx, who.org, supplier_id)
    rows = store.sites(tx, supplier_id, after(cursor), limit + 1)
    return SitePage(
        items=[SiteOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.post(
    "/sites", dependencies=[needs("suppliers.write")], status_code=201, response_model=SiteOut
)
def add_site(tx: Tx, who: Who, supplier_id: UUID, body: SiteIn, once: OnceOnly) -> Response:
    """Add a site to a supplier."""
    return once(
        lambda: SiteOut.model_validate(
            actions.add_site(tx, who, supplier_id, body.name, body.country)
        )
    )


@router.patch("/sites/{site_id}", dependencies=[needs("suppliers.write")])
def change_site(tx: Tx, who: Who, supplier_id: UUID, site_id: UUID, body: SiteChange) -> SiteOut:
    """Change a site; null clears its country."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if given.get("name", "") is None:
        raise Invalid("name cannot be null; leave it out to keep it")
    return SiteOut.model_validate(actions.change_site(tx, who, supplier_id, site_id, given))


@router.delete("/sites/{site_id}", dependencies=[needs("suppliers.write")], status_code=204)
def remove_site(tx: Tx, who: Who, supplier_id: UUID, site_id: UUID) -> None:
    """Remove a site that no contact and no vendor code refers to."""
    actions.remove_site(tx, who, supplier_id, site_id)


@router.get("/contacts", dependencies=[needs("suppliers.read")])
def list_contacts(
    tx: Tx,
    who: Who,
    supplier_id: UUID,
    cursor: Cursor = None,
    limit: Limit = 100,
    role: Role | None = None,
    site_id: UUID | None = None,
) -> ContactPage:
    """List the contacts of a supplier."""
    _known(tx, who.org, supplier_id)
    rows = store.page(tx, supplier_id, after(cursor), limit + 1, role=role, site_id=site_id)
    return ContactPage(
        items=[ContactOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.post(
    "/contacts",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=ContactOut,
)
def add_contact(tx: Tx, who: Who, supplier_id: UUID, body: ContactIn, once: OnceOnly) -> Response:
    """Add a contact to a supplier."""
    fields = {name: getattr(body, name) for name in ContactIn.model_fields}
    return once(
        lambda: ContactOut.model_validate(actions.add_contact(tx, who, supplier_id, fields))
    )


@router.patch("/contacts/{contact_id}", dependencies=[needs("suppliers.write")])
def change_contact(
    tx: Tx, who: Who, supplier_id: UUID, contact_id: UUID, body: ContactChange
) -> ContactOut:
    """Change a contact."""
    changed = actions.change_contact(tx, who, supplier_id, contact_id, body.changes())
    return ContactOut.model_validate(changed)


@router.delete("/contacts/{contact_id}", dependencies=[needs("suppliers.write")], status_code=204)
def remove_contact(tx: Tx, who: Who, supplier_id: UUID, contact_id: UUID) -> None:
    """Remove a contact for good."""
    actions.remove_contact(tx, who, supplier_id, contact_id)
