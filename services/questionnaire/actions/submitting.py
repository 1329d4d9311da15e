"""A response is fixed as one revision and laid out as statements, the declaration last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from rensho import blocks, sign
from rensho.documents import (
    AnswersDocument,
    ComponentDescriptor,
    ComponentLine,
    DeclarationDocument,
    QuestionnaireDocument,
    Scope,
    ScopeMember,
)
from rensho.documents import Response as Revision
from rensho.entries import Answer as SignedAnswer
from rensho.entries import Onward, Reader
from rensho.salted import sha256
from rensho.sign import Answering, Origin, SourceDocument
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.auth import Principal
from services.kit.outbox import MAX_EVENT_BYTES, say
from services.kit.problems import NotFound, TooLarge
from services.questionnaire.actions import questionnaires, sub_tiers
from services.questionnaire.actions.signing import (
    VALID_FOR,
    Deployment,
    Hand,
    ToSign,
    common,
    making,
    named,
    refuse_hand,
    to_sign,
)
from services.questionnaire.actions.sub_tiers import SubTierToSign
from services.questionnaire.rules import drafts
from services.questionnaire.rules.answers import Answer
from services.questionnaire.rules.drafts import Draft, DraftComponent
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.prescreen import PreScreen
from services.questionnaire.store import requests, responses
from services.questionnaire.store.tables import (
    Questionnaire,
    Request,
    Response,
    ResponsePreparation,
)

_ROOM_IN_EVENT: Final = 4_000


class TooMuchForOne(TooLarge):
    """One response holds more than can be told on in one piece; leave components to another."""

    urn = "responses/too-large"


@dataclass
class Prepared:
    """A revision ready to sign: statements in the order of signing, the declaration last.

    `documents` by file name, base64; `disclosures` by statement id, in the shape of
    `disclosures.json`, holding what opens to the audience. `kept_back` has the same shape and
    holds what the respondent keeps to itself.
    """

    revision: int
    request_statement_id: str
    statements: list[ToSign] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    disclosures: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    kept_back: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Revision:
    """What all statements of one revision share."""

    org: UUID
    number: int
    response: Response
    request: Request
    questionnaire: Questionnaire
    questions: tuple[Question, ...]
    draft: Draft
    hand: Hand
    deployment: Deployment
    locale: str
    onward: Onward
    superseded: Mapping[str | None, str]

    @property
    def name(self) -> Revision:
        return Revision(str(self.response.id), self.number)

    def audience(self) -> tuple[blocks.Block, tuple[str, ...]]:
        """Hide the one reader anew for each statement, so that no two look alike."""
        assert self.request.nonce is not None
        reader = Reader(
            f"urn:rensho:org:{self.request.requester_org_id}",
            str(self.request.id),
            self.request.nonce,
            self.onward,
            self.hand.attested_at + VALID_FOR,
        )
        return blocks.audience([reader])

    def answering(self, audience: blocks.Block) -> Answering:
        document = QuestionnaireDocument.parse(self.questionnaire.document)
        source = self.draft.source
        return Answering(
            response=self.name,
            questionnaire_sha256=self.questionnaire.digest,
            packs=document.packs,
            locale=self.locale,
            audience=audience,
            origin=cast("Origin", self.draft.origin),
            source=(
                SourceDocument(source.digest, source.channel, source.received_at)
                if source
                else None
            ),
        )


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
    request = requests.answered_by(tx, who.org, response.request_id)
    assert request is not None
    assert request.statement_id is not None
    questionnaire, by_id = questionnaires.shown(tx, response.questionnaire_id)
    draft = drafts.read(response.document, by_id)
    pre_screen = drafts.refuse_contradictions(draft)
    before = responses.newest_recorded(tx, response_id=response.id)
    revision = _Revision(
        org=who.org,
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
        superseded=_superseded(before),
    )
    sub_tier = sub_tiers.resolve(tx, who.org, draft.sub_tier)
    with making():
        made, told = _lay_out(revision, pre_screen, sub_tier)
    _keep(tx, revision, made, told)
    return made


def _superseded(before: ResponsePreparation | None) -> Mapping[str | None, str]:
    """Component id (None for the declaration) → id of its statement on record."""
    if before is None:
        return {}
    return {each["component"]: each["statement_id"] for each in before.statements}


def _lay_out(
    revision: _Revision, pre_screen: PreScreen, sub_tier: SubTierToSign | None
) -> tuple[Prepared, dict[str, Any]]:
    """Make all documents and statements; return them and what risk is told of them."""
    assert revision.request.statement_id is not None
    made = Prepared(revision.number, revision.request.statement_id)
    lines: list[ComponentLine] = []
    components: list[dict[str, Any]] = []
    for one in revision.draft.components:
        line, told = _component(revision, one, made)
        lines.append(line)
        components.append(told)
    given = drafts.about_organization(revision.questions, revision.draft)
    answers, texts = AnswersDocument.make(_signed(given))
    answers_bytes = answers.to_bytes()
    document = DeclarationDocument(
        response=revision.name,
        pre_screen=pre_screen.document(),
        answers_sha256=sha256(answers_bytes),
        scope=_scope(revision.draft.scope),
        components=tuple(lines),
        sub_tier=sub_tier.block if sub_tier else None,
    ).to_bytes()
    audience, readers = revision.audience()
    payload = sign.declaration(
        common(revision.deployment, revision.org, revision.hand, revision.superseded.get(None)),
        revision.answering(audience),
        declaration_sha256=sha256(document),
    )
    statement = to_sign("declaration", payload)
    made.statements.append(statement)
    made.documents.update(named("answers", answers_bytes) | named("declaration", document))
    made.disclosures[statement.statement_id] = {"audience": list(readers), "answers": list(texts)}
    if sub_tier is not None:
        made.disclosures[statement.statement_id]["subTier"] = list(sub_tier.opened)
        if sub_tier.kept_back:
            made.kept_back[statement.statement_id] = {"subTier": list(sub_tier.kept_back)}
        made.notes.extend(sub_tier.notes)
    return made, {
        "declaration_id": statement.statement_id,
        "declaration_sha256": sha256(document),
        "pre_screen": dict(pre_screen.uses),
        "origin": revision.draft.origin,
        "components": components,
        "answers_sha256": sha256(answers_bytes),
        "answers": _told(given),
        "sub_tier": sub_tier.told if sub_tier else sub_tiers.SILENT,
    }


def _component(
    revision: _Revision, one: DraftComponent, made: Prepared
) -> tuple[ComponentLine, dict[str, Any]]:
    descriptor = ComponentDescriptor(
        supplier_component_id=one.supplier_component_id,
        name=one.name,
        version=one.version,
        kind=cast("Any", one.kind),
        use=cast("Any", one.use),
        roles=one.roles,
        attributes=one.attributes,
        purl=one.purl,
        ml_bom=one.ml_bom_sha256,
    ).to_bytes()
    given = drafts.about_component(revision.questions, revision.draft, one)
    answers, texts = AnswersDocument.make(_signed(given))
    answers_bytes = answers.to_bytes()
    audience, readers = revision.audience()
    superseded = revision.superseded.get(one.supplier_component_id)
    payload = sign.ai_governance(
        common(revision.deployment, revision.org, revision.hand, superseded),
        revision.answering(audience),
        descriptor_sha256=sha256(descriptor),
        answers_sha256=sha256(answers_bytes),
        evidence=sorted({digest for answer in given for digest in answer.evidence}),
    )
    statement = to_sign("ai-governance", payload)
    made.statements.append(statement)
    made.documents.update(named("descriptor", descriptor) | named("answers", answers_bytes))
    made.disclosures[statement.statement_id] = {"audience": list(readers), "answers": list(texts)}
    told = {
        "statement_id": statement.statement_id,
        "descriptor_sha256": sha256(descriptor),
        "answers_sha256": sha256(answers_bytes),
        "supplier_component_id": one.supplier_component_id,
        "kind": one.kind,
        "use": one.use,
        "roles": dict(one.roles),
        "attributes": dict(one.attributes),
        "answers": _told(given),
    }
    return ComponentLine(sha256(descriptor), statement.statement_id), told


def _keep(tx: Session, revision: _Revision, made: Prepared, told: dict[str, Any]) -> None:
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


def _opened(revision: _Revision, told: Mapping[str, Any]) -> dict[str, Any]:
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


def _signed(given: Sequence[Answer]) -> list[SignedAnswer]:
    return [SignedAnswer.from_json(answer.document()) for answer in given]


def _told(given: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {"question": each.question, "state": each.state, "value": each.value, "opened": True}
        for each in given
    ]


def _readable(given: Sequence[Answer]) -> list[dict[str, Any]]:
    return [{**each.document(), "note": each.note, "details": dict(each.details)} for each in given]


def _scope(scope: Mapping[str, Any]) -> Scope:
    goods = scope["goods"]
    return Scope(
        kind=scope["kind"],
        goods="all" if goods == "all" else tuple(goods),
        sites=tuple(scope["sites"]),
        products=tuple(scope["products"]),
        members=tuple(ScopeMember(each["name"], each["basis"]) for each in scope["members"]),
    )
