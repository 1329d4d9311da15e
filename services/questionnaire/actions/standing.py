"""How a response stands: its revisions on record held together with what was decided on them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.questionnaire.rules import reviewing
from services.questionnaire.rules.reviewing import Decided, Signed, Spot, Standing, Verdict
from services.questionnaire.store import responses
from services.questionnaire.store.tables import ResponsePreparation

_JAPAN: Final = timezone(timedelta(hours=9))


def of_response(tx: Session, response_id: UUID, now: datetime) -> dict[Spot, Standing]:
    """Return how every answer of the newest revision on record stands; empty without one."""
    revisions = responses.recorded(tx, response_id)
    if not revisions:
        return {}
    of_statement = {
        one["statement_id"]: (revision.revision, one["component"])
        for revision in revisions
        for one in revision.statements
    }
    decided = [
        Decided(
            revision,
            (component, each["question"]),
            each["outcome"],
            date.fromisoformat(each["until"]) if each["until"] else None,
        )
        for review in responses.recorded_reviews(tx, response_id)
        for revision, component in [of_statement[review.statement_id]]
        for each in review.decisions
    ]
    signed = [Signed(each.revision, _answers(each)) for each in revisions]
    return reviewing.standings(signed, decided, now.astimezone(_JAPAN).date())


def verdict(tx: Session, response_id: UUID, now: datetime) -> Verdict:
    """Return how the newest revision stands as a whole."""
    return reviewing.verdict(of_response(tx, response_id, now))


def _answers(revision: ResponsePreparation) -> dict[Spot, dict[str, Any]]:
    parts: list[tuple[str | None, Any]] = [(None, revision.opened)]
    parts += [(part["supplier_component_id"], part) for part in revision.opened["components"]]
    return {
        (component, each["question"]): {
            name: each[name] for name in ("state", "value", "reason") if each.get(name)
        }
        for component, part in parts
        for each in part["answers"]
    }
