"""A colleague fills in some sections, by a link of their own; nothing else of the firm is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions import notices, questionnaires, responses
from services.questionnaire.rules import invitations, merging, outline
from services.questionnaire.store import answering, organizations
from services.questionnaire.store import responses as drafts
from services.questionnaire.store.answering import Delegation
from services.questionnaire.store.tables import Response

LASTS: Final = timedelta(days=30)


class UnknownSection(Invalid):
    """The response has no such section, or it cannot be passed on."""

    urn = "delegations/unknown-section"


class NotDelegated(Refused):
    """This place belongs to none of the sections that were passed on to you."""

    urn = "delegations/not-yours"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Ended(Refused):
    """It was taken back, or its time is over; ask whoever passed it on."""

    urn = "delegations/ended"


def delegate(
    tx: Session,
    who: Principal,
    response_id: UUID,
    fields: Mapping[str, Any],
    secret: bytes,
    now: datetime,
) -> tuple[Delegation, str]:
    """Pass sections on to a colleague; return the delegation and the handle of its link.

    The colleague gets the link by mail and proves to read the mailbox by a one-use code; the first
    contact is told.

    Raises:
        NotFound: no such response of yours.
        UnknownSection: a section that is not there, or that only the firm itself fills in.
    """
    found = drafts.own(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    _refuse_strange_sections(tx, found, fields["sections"])
    delegation_id = new_id()
    handle = invitations.handle(secret, delegation_id)
    made = Delegation(
        id=delegation_id,
        response_id=found.id,
        respondent_org_id=who.org,
        delegated_by=who.name,
        handle_sha256=invitations.digest(handle),
        delegated_at=now,
        expires_at=now + LASTS,
        **fields,
    )
    tx.add(made)
    tx.flush()
    say(
        tx,
        "delegation.issued.v1",
        delegation_id=made.id,
        org_id=who.org,
        org_name=organizations.name_of(tx, who.org) or "",
        mailbox=made.mailbox,
        name=made.name,
        language=made.language,
        handle_sha256=made.handle_sha256,
        expires_at=made.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    notices.due(tx, "delegated", found.request_id, "colleague", made.id)
    notices.due(tx, "delegation-told", found.request_id, "respondent", made.id)
    tx.info["details"].update(delegation_id=str(made.id), sections=made.sections)
    return made, handle


def end(tx: Session, who: Principal, delegation_id: UUID, now: datetime) -> Delegation:
    """Take sections back: what was filled in stays, the link opens nothing any more.

    Raises:
        NotFound: no such delegation in your firm.
    """
    found = answering.delegation(tx, who.org, delegation_id)
    if found is None:
        raise NotFound("no such delegation")
    found.ended_at = found.ended_at or now
    return found


def mine(tx: Session, who: Principal, delegation_id: UUID, now: datetime) -> Delegation:
    """Return what was passed on to the reader of one's own mailbox.

    Raises:
        NotFound: nothing of that id was passed on to you.
        Ended: it was, and is over.
    """
    found = answering.delegation(tx, who.org, delegation_id)
    if found is None or found.mailbox.lower() != who.mailbox.lower():
        raise NotFound("no such delegation")
    if found.ended_at is not None or found.expires_at <= now:
        raise Ended("these sections were taken back, or the time is over")
    return found


def answer(
    tx: Session,
    who: Principal,
    delegation_id: UUID,
    version: int | None,
    given: Mapping[str, Any],
    now: datetime,
) -> tuple[Response, Sequence[str]]:
    """Fill in places of the sections that were passed on; None takes an answer out.

    Raises:
        NotFound, Ended: as for `mine`.
        NotDelegated: a place outside of them.
        IfMatchMissing, ChangedMeanwhile, Refusal, UnknownEvidence: as for `responses.save`.
    """
    delegation = mine(tx, who, delegation_id, now)
    found = responses.own_for_change(tx, who, delegation.response_id, version)
    assert version is not None
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    sections = {where: outline.section_of(where, questions) for where in given}
    if strange := sorted(
        w for w, section in sections.items() if section not in delegation.sections
    ):
        raise NotDelegated("not among your sections", places=strange)
    base = responses.base_of(tx, found, version)
    laid = {where: value for where, value in base.items() if where not in given}
    laid |= {where: value for where, value in given.items() if value is not None}
    order = [each["supplier_component_id"] for each in found.document["components"]]
    document = merging.document_of(laid, order)
    delegation.opened_at = delegation.opened_at or now
    return responses.settle(tx, who, found, version, document, now)


def give_back(tx: Session, who: Principal, delegation_id: UUID, now: datetime) -> Delegation:
    """Say that one's sections are done; whoever passed them on is told.

    Raises:
        NotFound, Ended: as for `mine`.
    """
    found = mine(tx, who, delegation_id, now)
    response = drafts.own(tx, who.org, found.response_id)
    assert response is not None
    found.returned_at = now
    notices.due(tx, "delegation-returned", response.request_id, "respondent", found.id)
    return found


def _refuse_strange_sections(tx: Session, found: Response, sections: Sequence[str]) -> None:
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    known = {f"{outline.COMPANY}/{question.pack}" for question in questions.values()}
    known |= {
        f"{outline.COMPONENT}/{each['supplier_component_id']}"
        for each in found.document["components"]
    }
    if strange := sorted(set(sections) - known):
        raise UnknownSection("no such section to pass on", sections=strange)
