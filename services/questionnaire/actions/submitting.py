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
from services.kit.problems import NotFound, TooLarge
from services.questionnaire.actions import questionnaires, sub_tiers
from services.questionnaire.actions.laying_out import Prepared, Revision, lay_out
from services.questionnaire.actions.signing import Deployment, Hand, making, refuse_hand
from services.questionnaire.rules import drafts
from services.questionnaire.rules.answers import Answer
from services.questionnaire.store import requests, responses
from services.questionnaire.store.tables import Response, ResponsePreparation

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
        TooMuchForOne: the revision does not fit one event.
        WrongSigningTime, DeadKey, Unsignable: see `signing`.
    """
    refuse_hand(tx, hand, now)
    response = responses.own_for_update(tx, who.org, response_id)
    if response is None:
        raise NotFound("no such response")
    revision = _next(tx, response, hand, deployment, locale=locale, onward=onward)
    pre_screen = drafts.refuse_contradictions(revision.draft)
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
    *,
    locale: str,
    onward: Onward,
) -> Revision:
    request = requests.answered_by(tx, response.respondent_org_id, response.request_id)
    assert request is not None
    questionnaire, by_id = questionnaires.shown(tx, response.questionnaire_id)
    before = responses.newest_recorded(tx, response_id=response.id)
    return Revision(
        org=response.respondent_org_id,
        number=before.revision + 1 if before else 1,
        response=response,
        request=request,
        questionnaire=questionnaire,
        questions=tuple(by_id.values()),
        draft=drafts.read(response.document, by_id),
        hand=hand,
        deployment=deployment,
        locale=locale,
        onward=onward,
        superseded={
            each["component"]: each["statement_id"]
            for each in (before.statements if before else ())
        },
    )


def _keep(tx: Session, revision: Revision, made: Prepared, told: dict[str, Any]) -> None:
    """Note what was handed out, tell risk, and move both states on."""
    response, request = revision.response, revision.request
    fields = {
        "response": revision.name.to_json(),
        "request_id": str(request.id),
        "respondent_org_id": str(revision.org),
        "requester_org_id": str(request.requester_org_id),
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
            opened=_opened(revision, told),
            created_at=clock.now(),
        )
    )
    response.state = "prepared"
    if request.state != "signed":
        request.state = "prepared"
    tx.flush()
    say(tx, "response.submitted.v1", **fields)
    tx.info["details"].update(revision=revision.number, declaration_id=told["declaration_id"])


def _opened(revision: Revision, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the requester may read once it is signed: all answers, no supplier of the supplier."""
    draft = revision.draft
    sub_tier = told["sub_tier"]
    return {
        "pre_screen": draft.pre_screen.document() if draft.pre_screen else {},
        "scope": dict(draft.scope),
        "origin": draft.origin,
        "locale": revision.locale,
        "answers": _readable(drafts.about_organization(revision.questions, draft)),
        "components": [
            {
                **{name: value for name, value in line.items() if name != "answers"},
                "name": one.name,
                "version": one.version,
                "answers": _readable(drafts.about_component(revision.questions, draft, one)),
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
