"""A response is fixed as one revision and handed out for signing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from rensho.entries import Onward
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.auth import Principal
from services.kit.outbox import MAX_EVENT_BYTES, say
from services.kit.problems import Invalid, NotFound, TooLarge
from services.questionnaire.actions import approvals, evidence, questionnaires, sub_tiers
from services.questionnaire.actions.laying_out import Prepared, Revision, lay_out
from services.questionnaire.actions.signing import Deployment, Hand, making, refuse_hand
from services.questionnaire.rules import drafts
from services.questionnaire.rules.answers import Answer
from services.questionnaire.rules.drafts import Draft
from services.questionnaire.store import evidence as kept
from services.questionnaire.store import requests, responses, reviewing
from services.questionnaire.store.evidence import Evidence, EvidenceUse
from services.questionnaire.store.tables import Response, ResponsePreparation


class WrongTypist(Invalid):
    """The origin of the answers and the role of who signs do not go together."""

    urn = "responses/wrong-typist"


_ROOM_IN_EVENT: Final = 4_000


class TooMuchForOne(TooLarge):
    """One response holds more than can be told on in one piece; leave components to another."""

    urn = "responses/too-large"


def prepare(
    tx: Session,
    who: Principal,
    response_id: UUID,
    hand: Hand,
    deployment: Deployment,
    now: datetime,
    *,
    locale: str,
    onward: Onward,
) -> Prepared:
    """Fix the next revision of a response and hand out its documents and statements for signing.

    The revision's number is one above the newest on record, fixed before anything is signed;
    every statement supersedes its predecessor there. Preparing again replaces what nobody signed.

    Raises:
        NotFound: no such response of yours.
        Refusal: what the response says contradicts itself (`responses/…`, `sub-tier/…`).
        UnknownEvidence: an answer names evidence that is not kept.
        TooMuchForOne: the revision does not fit one event.
        ApprovalRefused: the firm's own flow is not done, or its last step is somebody else's.
        WrongSigningTime, DeadKey, Unsignable: see `signing`.
    """
    refuse_hand(tx, hand, now)
    response = responses.own_for_update(tx, who.org, response_id)
    if response is None:
        raise NotFound("no such response")
    approvals.refuse_unless_approved(tx, who, response, now)
    revision = _next(tx, response, hand, deployment, now, locale=locale, onward=onward)
    pre_screen = drafts.refuse_contradictions(revision.draft)
    _refuse_wrong_typist(revision)
    sub_tier = sub_tiers.resolve(tx, who.org, revision.draft.sub_tier)
    with making():
        made, told = lay_out(revision, pre_screen, sub_tier)
    _keep(tx, revision, made, told)
    return made


def _next(
    tx: Session,
    response: Response,
    hand: Hand,
    deployment: Deployment,
    now: datetime,
    *,
    locale: str,
    onward: Onward,
) -> Revision:
    request = requests.written_by(tx, response.respondent_org_id, response.request_id)
    assert request is not None
    questionnaire, by_id = questionnaires.shown(tx, response.questionnaire_id)
    before = responses.newest_recorded(tx, response_id=response.id)
    draft = drafts.read(response.document, by_id)
    return Revision(
        org=response.respondent_org_id,
        number=before.revision + 1 if before else 1,
        response=response,
        request=request,
        questionnaire=questionnaire,
        questions=tuple(by_id.values()),
        draft=draft,
        hand=hand,
        deployment=deployment,
        locale=locale,
        onward=onward,
        superseded={
            each["component"]: each["statement_id"]
            for each in (before.statements if before else ())
        },
        evidence=evidence.refuse_unknown(tx, response.respondent_org_id, response.document),
        documents=_documents(tx, response.respondent_org_id, draft),
        granted=len({each.component for each in reviewing.granted_on(tx, request.id, now)}),
    )


def _refuse_wrong_typist(revision: Revision) -> None:
    """A typed answer is signed by who typed it, and by nobody else (profile section 8, step 15)."""
    typed, by_typist = revision.draft.origin == "transcribed", revision.hand.role == "transcriber"
    if typed != by_typist:
        raise WrongTypist(
            "what was typed in is signed in the role transcriber, and nothing else is"
        )
    if revision.org == revision.request.requester_org_id and not typed:
        raise WrongTypist(
            "what you enter for your supplier is a typed answer: say so in its origin"
        )


def _documents(tx: Session, org: UUID, draft: Draft) -> dict[str, Evidence]:
    """Return the files kept here that descriptors name by digest, and keep them from deletion."""
    boms = {one.ml_bom_sha256 for one in draft.components if one.ml_bom_sha256}
    signings = {one.model_signing_sha256 for one in draft.components if one.model_signing_sha256}
    if not boms and not signings:
        return {}
    kept.lock(tx, org)
    return {
        **kept.by_digest(tx, org, "ml-bom", boms),
        **kept.by_digest(tx, org, "model-signing", signings),
    }


def _keep(tx: Session, revision: Revision, made: Prepared, told: dict[str, Any]) -> None:
    """Note what was handed out, tell risk, and move both states on."""
    response, request = revision.response, revision.request
    fields = {
        "response": revision.name.to_json(),
        "request_id": str(request.id),
        "respondent_org_id": str(revision.org),
        "requester_org_id": str(request.requester_org_id),
        "withheld_components": revision.granted,
        **told,
    }
    if len(json.dumps(fields)) > MAX_EVENT_BYTES - _ROOM_IN_EVENT:
        raise TooMuchForOne("a response with this many components does not fit; split its scope")
    components: list[str | None] = [one.supplier_component_id for one in revision.draft.components]
    tx.add(
        ResponsePreparation(
            declaration_id=told["declaration_id"],
            response_id=response.id,
            request_id=request.id,
            requester_org_id=request.requester_org_id,
            respondent_org_id=revision.org,
            revision=revision.number,
            draft_version=response.version,
            statements=[
                {"statement_id": each.statement_id, "type": each.type, "component": component}
                for each, component in zip(made.statements, [*components, None], strict=True)
            ],
            opened=_opened(revision, made, told),
            created_at=clock.now(),
        )
    )
    response.state = "prepared"
    if not response.signed_revision and request.respondent_org_id in (None, revision.org):
        request.state = "prepared"
    tx.flush()
    tx.add_all(_uses(revision, made, told["declaration_id"]))
    tx.flush()
    say(tx, "response.submitted.v1", **fields)
    tx.info["details"].update(revision=revision.number, declaration_id=told["declaration_id"])


def _uses(revision: Revision, made: Prepared, declaration_id: str) -> list[EvidenceUse]:
    return [
        EvidenceUse(
            **commitment.row(),
            declaration_id=declaration_id,
            statement_id=statement_id,
            requester_org_id=revision.request.requester_org_id,
            respondent_org_id=revision.org,
        )
        for statement_id, commitments in made.commitments.items()
        for commitment in commitments
    ]


def _opened(revision: Revision, made: Prepared, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the requester may read once it is signed: all answers, no supplier of the supplier."""
    draft = revision.draft
    sub_tier = told["sub_tier"]
    return {
        "pre_screen": draft.pre_screen.document() if draft.pre_screen else {},
        "scope": dict(draft.scope),
        "origin": draft.origin,
        "locale": revision.locale,
        "answers": _readable(made.answers[told["declaration_id"]]),
        "components": [
            {
                **{name: value for name, value in line.items() if name != "answers"},
                "name": one.name,
                "version": one.version,
                "purl": one.purl,
                "artifacts": [{"sha256": each, "media_type": kind} for each, kind in one.artifacts],
                "ml_bom_sha256": one.ml_bom_sha256,
                "model_signing_sha256": one.model_signing_sha256,
                "model_card": one.model_card,
                "answers": _readable(made.answers[line["statement_id"]]),
            }
            for line, one in zip(told["components"], draft.components, strict=True)
        ],
        "sub_tier": {
            "declared": sub_tier["declared"],
            "totals": sub_tier["totals"],
            "entries": [
                {
                    "dependency": entry["dependency"],
                    "visibility": entry["visibility"],
                    "org_id": entry["org_id"] if entry["visibility"] == "named" else None,
                    "pass_through": entry["pass_through"],
                }
                for entry in sub_tier["entries"]
            ],
        },
    }


def _readable(given: Sequence[Answer]) -> list[dict[str, Any]]:
    return [{**each.document(), "note": each.note, "details": dict(each.details)} for each in given]
