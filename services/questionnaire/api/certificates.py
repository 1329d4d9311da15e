"""Certificates that may stand for answers: SCS star, ISO/IEC 27001, ISO/IEC 42001."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Now, Tx
from services.questionnaire.actions import certificates as actions
from services.questionnaire.actions import questionnaires
from services.questionnaire.actions.certificates import Use
from services.questionnaire.api.edge import Bilingual, Line, Version, bilingual
from services.questionnaire.api.responses import QuestionId, ResponseOut, response_out
from services.questionnaire.rules import certificates as rules
from services.questionnaire.rules.certificates import Certificate
from services.questionnaire.store import responses

router = APIRouter(tags=["portal"])

Scheme = Literal["scs-star", "iso-iec-27001", "iso-iec-42001"]


class CertificateIn(Model):
    """A certificate whose copy is kept as evidence, and the questions it is to answer.

    Its scope: the whole company, or the sites it names. ISO/IEC 42001 answers only where its scope
    names the `activity` that is asked about as well.
    """

    scheme: Scheme
    number: Line
    issuer: Line
    valid_to: date
    whole_company: bool = False
    sites: Annotated[list[Line], Field(max_length=200)] = Field(default_factory=list)
    activities: Annotated[list[Line], Field(max_length=200)] = Field(default_factory=list)
    evidence_id: UUID
    activity: Line | None = None
    questions: Annotated[list[QuestionId], Field(min_length=1, max_length=50)]


class CertifiableOut(Model):
    """A scheme, and the questions of this response that it may answer."""

    scheme: Scheme
    title: Bilingual
    questions: list[str]


class CertifiablesOut(Model):
    """What certificates may answer here."""

    items: list[CertifiableOut]


@router.get("/responses/{response_id}/certificates", dependencies=[needs("responses.read")])
def list_certifiable(tx: Tx, who: Who, response_id: UUID) -> CertifiablesOut:
    """List which questions of a response a certificate may answer, by scheme."""
    found = responses.own(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    return CertifiablesOut.model_validate(
        {
            "items": [
                CertifiableOut.model_validate(
                    {
                        "scheme": scheme,
                        "title": bilingual(title),
                        "questions": list(rules.answerable(questions.values(), scheme)),
                    }
                )
                for scheme, title in rules.SCHEMES.items()
            ]
        }
    )


@router.post("/responses/{response_id}/certificates", dependencies=[needs("responses.write")])
def answer_by_certificate(
    tx: Tx,
    who: Who,
    now: Now,
    response_id: UUID,
    body: CertificateIn,
    version: Version,
    http: Response,
) -> ResponseOut:
    """Answer questions by a certificate (`If-Match`)."""
    certificate = Certificate(
        scheme=body.scheme,
        number=body.number,
        issuer=body.issuer,
        valid_to=body.valid_to,
        whole_company=body.whole_company,
        sites=frozenset(body.sites),
        activities=frozenset(body.activities),
    )
    use = Use(certificate, body.evidence_id, body.questions, body.activity)
    found, _ = actions.apply(tx, who, response_id, version, use, now)
    return response_out(tx, found, http)
