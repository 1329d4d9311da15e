"""Giving a choice of suppliers a name, so that campaigns can be sent to it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import NotFound, Refused
from services.questionnaire.rules.segments import Filter
from services.questionnaire.store import segments
from services.questionnaire.store.firm_rows import Segment


class NameTaken(Refused):
    """Another segment of yours has this name."""

    urn = "segments/name-taken"


def save(tx: Session, who: Principal, name: str, wanted: Filter) -> Segment:
    """Keep a choice under a name.

    Raises:
        NameTaken: another segment has it.
    """
    _refuse_taken(tx, who.org, name, None)
    made = Segment(id=new_id(), org_id=who.org, name=name, filter=wanted.document())
    tx.add(made)
    tx.flush()
    tx.info["details"]["segment_id"] = str(made.id)
    return made


def replace(tx: Session, who: Principal, segment_id: UUID, name: str, wanted: Filter) -> Segment:
    """Give a segment another name or choice; campaigns that were drafted stay as they are.

    Raises:
        NotFound, NameTaken: no such segment of yours, or another one has the name.
    """
    found = _own(tx, who.org, segment_id)
    _refuse_taken(tx, who.org, name, segment_id)
    found.name, found.filter = name, wanted.document()
    return found


def remove(tx: Session, who: Principal, segment_id: UUID) -> None:
    """Forget a segment; the suppliers stay.

    Raises:
        NotFound: no such segment of yours.
    """
    tx.delete(_own(tx, who.org, segment_id))


def _own(tx: Session, org: UUID, segment_id: UUID) -> Segment:
    found = segments.one(tx, org, segment_id)
    if found is None:
        raise NotFound("no such segment")
    return found


def _refuse_taken(tx: Session, org: UUID, name: str, but: UUID | None) -> None:
    found = segments.named(tx, org, name)
    if found is not None and found.id != but:
        raise NameTaken("another segment has this name")
