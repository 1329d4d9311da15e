"""The documents and statements of one revision: components first, the declaration last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from rensho import blocks, sign
from rensho.documents import (
    AnswersDocument,
    Artifact,
    ComponentDescriptor,
    ComponentLine,
    DeclarationDocument,
    QuestionnaireDocument,
    Scope,
    ScopeMember,
)
from rensho.documents import Response as Name
from rensho.entries import Answer as SignedAnswer
from rensho.entries import Onward, Reader
from rensho.salted import sha256
from rensho.sign import Answering, Origin, SourceDocument

from services.questionnaire.actions import commitments, sub_tiers
from services.questionnaire.actions.commitments import Commitment
from services.questionnaire.actions.signing import (
    VALID_FOR,
    Deployment,
    Hand,
    ToSign,
    common,
    named,
    to_sign,
)
from services.questionnaire.actions.sub_tiers import SubTierToSign
from services.questionnaire.rules import drafts
from services.questionnaire.rules.answers import Answer
from services.questionnaire.rules.drafts import Draft, DraftComponent
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.prescreen import PreScreen
from services.questionnaire.store.evidence import Evidence
from services.questionnaire.store.tables import Questionnaire, Request, Response


@dataclass
class Prepared:
    """A revision ready to sign: statements in the order of signing, the declaration last.

    `documents` by file name, base64; `disclosures` by statement id, in the shape of
    `disclosures.json`, holding what opens to the audience. `kept_back` has the same shape and
    holds what the respondent keeps to itself. `answers` by statement id are the answers as signed,
    `commitments` what each statement commits to.
    """

    revision: int
    request_statement_id: str
    statements: list[ToSign] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    disclosures: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    kept_back: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    commitments: dict[str, list[Commitment]] = field(default_factory=dict)


@dataclass(frozen=True)
class Revision:
    """What all statements of one revision share.

    `superseded`: component id (None for the declaration) → id of its statement on record.
    `evidence` by id; `documents` are ML-BOMs and model-signing bundles kept here, by sha256.
    `granted` counts the components that grants open to the reader: they are none of this response,
    and the declaration counts them as withheld from it, so that a grant taken back leaves a gap.
    """

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
    evidence: Mapping[str, Evidence]
    documents: Mapping[str, Evidence]
    granted: int = 0

    @property
    def name(self) -> Name:
        """The response and its revision, as statements name them."""
        return Name(str(self.response.id), self.number)

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
        """Return what all statements of the revision say of it."""
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


def lay_out(
    revision: Revision, pre_screen: PreScreen, sub_tier: SubTierToSign | None
) -> tuple[Prepared, dict[str, Any]]:
    """Make all documents and statements; return them and what risk is told of them.

    Raises:
        VerificationError: a value does not fit what can be signed.
    """
    assert revision.request.statement_id is not None
    made = Prepared(revision.number, revision.request.statement_id)
    lines: list[ComponentLine] = []
    components: list[dict[str, Any]] = []
    for one in revision.draft.components:
        line, told = _component(revision, one, made)
        lines.append(line)
        components.append(told)
    about = drafts.about_organization(revision.questions, revision.draft)
    given, backed = commitments.commit(about, revision.evidence)
    answers_sha256, texts = _answers(given, made)
    document = DeclarationDocument(
        response=revision.name,
        pre_screen=pre_screen.document(),
        answers_sha256=answers_sha256,
        scope=_scope(revision.draft.scope),
        components=tuple(lines),
        withheld_components=revision.granted,
        sub_tier=sub_tier.block if sub_tier else None,
    ).to_bytes()
    made.documents.update(named("declaration", document))
    declaration_id = _declaration(revision, sha256(document), texts, made)
    # A declaration has no list of commitments to open (profile section 2): its answers name them,
    # and the audience reads what they stand for where the evidence itself is handed out.
    made.answers[declaration_id], made.commitments[declaration_id] = given, backed
    if sub_tier is not None:
        _open_sub_tier(sub_tier, declaration_id, made)
    return made, {
        "declaration_id": declaration_id,
        "declaration_sha256": sha256(document),
        "pre_screen": dict(pre_screen.uses),
        "origin": revision.draft.origin,
        "components": components,
        "answers_sha256": answers_sha256,
        "answers": _told(given),
        "sub_tier": sub_tier.told if sub_tier else sub_tiers.SILENT,
    }


def _component(
    revision: Revision, one: DraftComponent, made: Prepared
) -> tuple[ComponentLine, dict[str, Any]]:
    descriptor = _descriptor(one)
    made.documents.update(named("descriptor", descriptor))
    about = drafts.about_component(revision.questions, revision.draft, one)
    given, backed = commitments.commit(about, revision.evidence)
    answers_sha256, texts = _answers(given, made)
    audience, readers = revision.audience()
    superseded = revision.superseded.get(one.supplier_component_id)
    payload = sign.ai_governance(
        common(revision.deployment, revision.org, revision.hand, superseded),
        revision.answering(audience),
        descriptor_sha256=sha256(descriptor),
        answers_sha256=answers_sha256,
        evidence={digest for answer in given for digest in answer.evidence},
    )
    statement_id = _hand_out(to_sign("ai-governance", payload), readers, texts, made)
    made.disclosures[statement_id]["evidence"] = commitments.texts(backed)
    named_by_digest = (one.ml_bom_sha256, one.model_signing_sha256)
    backed += [
        Commitment(document)
        for each in named_by_digest
        if each is not None and (document := revision.documents.get(each))
    ]
    made.answers[statement_id], made.commitments[statement_id] = given, backed
    told = {
        "statement_id": statement_id,
        "descriptor_sha256": sha256(descriptor),
        "answers_sha256": answers_sha256,
        "supplier_component_id": one.supplier_component_id,
        "kind": one.kind,
        "use": one.use,
        "roles": dict(one.roles),
        "attributes": dict(one.attributes),
        "answers": _told(given),
    }
    return ComponentLine(sha256(descriptor), statement_id), told


def _descriptor(one: DraftComponent) -> bytes:
    return ComponentDescriptor(
        supplier_component_id=one.supplier_component_id,
        name=one.name,
        version=one.version,
        kind=cast("Any", one.kind),
        use=cast("Any", one.use),
        roles=one.roles,
        attributes=one.attributes,
        purl=one.purl,
        artifacts=tuple(Artifact(*each) for each in one.artifacts),
        ml_bom=one.ml_bom_sha256,
        model_signing=one.model_signing_sha256,
    ).to_bytes()


def _answers(given: Sequence[Answer], made: Prepared) -> tuple[str, tuple[str, ...]]:
    """Add an answers document; return its digest and what opens it."""
    signed = [SignedAnswer.from_json(answer.document()) for answer in given]
    answers, texts = AnswersDocument.make(signed)
    document = answers.to_bytes()
    made.documents.update(named("answers", document))
    return sha256(document), texts


def _declaration(
    revision: Revision, declaration_sha256: str, texts: Sequence[str], made: Prepared
) -> str:
    audience, readers = revision.audience()
    payload = sign.declaration(
        common(revision.deployment, revision.org, revision.hand, revision.superseded.get(None)),
        revision.answering(audience),
        declaration_sha256=declaration_sha256,
    )
    return _hand_out(to_sign("declaration", payload), readers, texts, made)


def _hand_out(
    statement: ToSign, readers: Sequence[str], texts: Sequence[str], made: Prepared
) -> str:
    made.statements.append(statement)
    made.disclosures[statement.statement_id] = {"audience": list(readers), "answers": list(texts)}
    return statement.statement_id


def _open_sub_tier(sub_tier: SubTierToSign, declaration_id: str, made: Prepared) -> None:
    made.disclosures[declaration_id]["subTier"] = list(sub_tier.opened)
    if sub_tier.kept_back:
        made.kept_back[declaration_id] = {"subTier": list(sub_tier.kept_back)}
    made.notes.extend(sub_tier.notes)


def _told(given: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {"question": each.question, "state": each.state, "value": each.value, "opened": True}
        for each in given
    ]


def _scope(scope: Mapping[str, Any]) -> Scope:
    goods = scope["goods"]
    return Scope(
        kind=scope["kind"],
        goods="all" if goods == "all" else tuple(goods),
        sites=tuple(scope["sites"]),
        products=tuple(scope["products"]),
        members=tuple(ScopeMember(each["name"], each["basis"]) for each in scope["members"]),
    )
