"""Invitations: a link for a supplier that has not enrolled, and the word to identity about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.db import new_id
from services.kit.log import log
from services.kit.outbox import say_many
from services.questionnaire.rules import invitations
from services.questionnaire.rules.delivery import hundreds
from services.questionnaire.store import campaigns, contacts
from services.questionnaire.store.contacts import Address
from services.questionnaire.store.suppliers import Letterhead
from services.questionnaire.store.tables import Campaign


class Invited(Protocol):
    """A request whose supplier is invited."""

    @property
    def id(self) -> UUID: ...  # noqa: D102 (as on the row)

    @property
    def link_id(self) -> UUID: ...  # noqa: D102

    @property
    def answer_by(self) -> datetime: ...  # noqa: D102


LASTS: Final = timedelta(days=30)
"""Beyond the day to answer by: a late supplier finds an open door."""


def invite(
    tx: Session,
    campaign: Campaign,
    uninvited: Sequence[tuple[Invited, Letterhead]],
    secret: bytes,
    now: datetime,
) -> None:
    """Invite the suppliers of these requests; of several links to one request the newest counts.

    The one-use code goes to the first respondent's mailbox, or is told apart from the link.
    """
    reached = contacts.recipients(tx, [supplier for _, supplier in uninvited])
    rows: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    for request, supplier in uninvited:
        to = next(iter(reached[supplier.id].to), None)
        if to is None:
            # The mailbox was taken away after the draft was checked; all others still go out.
            log.warning("nobody to invite", request_id=str(request.id))
            continue
        row = _row(request, to, secret, now)
        rows.append(row)
        told.append(_told(supplier, row, to))
    campaigns.add_invitations(tx, campaign.org_id, rows, now)
    named = {"requester_org_id": campaign.org_id, "requester_name": campaign.requester_name}
    say_many(
        tx,
        "invitation.issued.v2",
        ({**named, "invitations": some} for some in hundreds(told)),
    )


def _row(request: Invited, to: Address, secret: bytes, now: datetime) -> dict[str, Any]:
    invitation_id: UUID = new_id()
    return {
        "id": invitation_id,
        "request_id": request.id,
        "link_id": request.link_id,
        "mailbox": to.mailbox,
        "handle_sha256": invitations.digest(invitations.handle(secret, invitation_id)),
        "expires_at": max(request.answer_by, now) + LASTS,
    }


def _told(supplier: Letterhead, row: dict[str, Any], to: Address) -> dict[str, Any]:
    return {
        "invitation_id": row["id"],
        "handle_sha256": row["handle_sha256"],
        "link_id": row["link_id"],
        "supplier_name": supplier.name,
        "mailbox": row["mailbox"],
        "language": to.language,
        "expires_at": clock.rfc3339(row["expires_at"]),
    }
