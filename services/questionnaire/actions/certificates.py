"""A certificate stands for answers, where the packs allow it and its scope reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.questionnaire.actions import questionnaires, responses
from services.questionnaire.actions.corrective import today
from services.questionnaire.actions.evidence import UnknownEvidence
from services.questionnaire.rules import certificates as rules
from services.questionnaire.rules.certificates import Certificate
from services.questionnaire.store import evidence
from services.questionnaire.store.tables import Response


@dataclass(frozen=True)
class Use:
    """A certificate, its kept copy, and the questions and activity it is to answer for."""

    certificate: Certificate
    evidence_id: UUID
    questions: Sequence[str]
    activity: str | None


def apply(
    tx: Session, who: Principal, response_id: UUID, version: int | None, use: Use, now: datetime
) -> tuple[Response, Sequence[str]]:
    """Answer questions of a draft by a certificate whose copy is kept.

    Raises:
        NotFound, IfMatchMissing, ChangedMeanwhile: as for `responses.save`.
        UnknownEvidence: you keep no such copy.
        Refusal: `certificates/…`.
    """
    found = responses.own_for_change(tx, who, response_id, version)
    responses.refuse_older(found, version)
    if not evidence.by_id(tx, who.org, [use.evidence_id]):
        raise UnknownEvidence("upload the certificate first", evidence_ids=[str(use.evidence_id)])
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    given = rules.answers(
        use.certificate,
        questions,
        use.questions,
        scope=found.document["scope"],
        activity=use.activity,
        today=today(now),
        evidence=str(use.evidence_id),
    )
    document: Mapping[str, Any] = {
        **found.document,
        "answers": {**found.document["answers"], **given},
    }
    tx.info["details"].update(scheme=use.certificate.scheme, questions=list(given))
    return responses.keep(tx, who, found, document, now), list(given)
