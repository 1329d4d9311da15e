"""Events this service hears, and documents a supplier signs, as factories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from factory.base import DictFactory
from factory.declarations import LazyAttribute, LazyFunction, List
from rensho import blocks, disclosure, dsse, sign
from rensho import bundle as bundles
from rensho.documents import (
    AnswersDocument,
    ComponentDescriptor,
    ComponentLine,
    DeclarationDocument,
    Pack,
    QuestionnaireDocument,
    Response,
    SubTier,
    sha256,
)
from rensho.entries import (
    Answer,
    EvidenceFile,
    EvidenceSeen,
    Reader,
    Respondent,
    SubTierEntry,
)
from rensho.keys import PrivateKey
from rensho.statement import Anchor

from services.attestation.rules.names import link_urn, org_urn
from services.kit import clock
from services.kit.db import new_id
from services.kit.outbox import Event

BASE = "https://rensho.example/attestation"
ORIGIN = "log.rensho.example"
PACK = Pack("jp-aigb-core", "0.1.0", "ab" * 32)
QUESTIONS = ("Q-CORE-001", "Q-CORE-002")


class _Event(DictFactory):
    id = LazyFunction(lambda: str(new_id()))
    at = LazyFunction(lambda: clock.rfc3339(clock.now()))
    trace = "-"


class OrganizationEnrolled(_Event):
    """A firm enrolled; give `link_id` and `inviter_org_id` for a supplier."""

    class Params:
        link_id = None
        inviter_org_id = None

    type = "organization.enrolled.v1"
    org_id = LazyFunction(lambda: str(new_id()))
    name = "Sample Industries"
    country = "JP"
    identifiers = List([])
    member_id = LazyFunction(lambda: str(new_id()))
    invitation = LazyAttribute(
        lambda o: {
            "id": str(new_id()),
            "link_id": o.link_id and str(o.link_id),
            "inviter_org_id": o.inviter_org_id and str(o.inviter_org_id),
        }
    )


class RequestPrepared(_Event):
    """A campaign awaits its signature."""

    type = "request.prepared.v1"
    campaign_id = LazyFunction(lambda: str(new_id()))
    org_id = LazyFunction(lambda: str(new_id()))
    statement_id = "00" * 32
    questionnaire_digest = "00" * 32


class RequestIssued(_Event):
    """Signed requests went out."""

    type = "request.issued.v1"
    campaign_id = LazyFunction(lambda: str(new_id()))
    org_id = LazyFunction(lambda: str(new_id()))
    statement_id = "00" * 32
    questionnaire_id = LazyFunction(lambda: str(new_id()))
    questionnaire_digest = "00" * 32
    requests = List([])


class SnapshotSigned(_Event):
    """The risk service signed a snapshot."""

    type = "snapshot.signed.v1"
    snapshot_id = LazyFunction(lambda: str(new_id()))
    org_id = LazyFunction(lambda: str(new_id()))
    statement_id = "00" * 32
    bundle = ""


def event(kind: Callable[..., Any], **fields: Any) -> Event:
    """Return an event as it comes over the wire."""
    made: Event = kind(**fields)
    return made


@dataclass(frozen=True)
class Firm:
    """An organization and its signing key."""

    org: UUID = field(default_factory=new_id)
    key: PrivateKey = field(default_factory=PrivateKey.generate)

    @property
    def urn(self) -> str:
        return org_urn(self.org)

    def common(self, role: Any, anchor: Anchor, now: datetime, **replaced: Any) -> sign.Common:
        fields: dict[str, Any] = {
            "base": BASE,
            "deployment": ORIGIN,
            "org": self.urn,
            "role": role,
            "key_id": self.key.public.key_id,
            "attested_at": now,
            "anchor": anchor,
            "not_before": now,
            "not_after": now + timedelta(days=365),
        }
        return sign.Common(**fields | replaced)


@dataclass(frozen=True)
class Made:
    """A submission as the API takes it, and what is in it."""

    kind: str
    payloads: tuple[bytes, ...]
    documents: dict[str, bytes]
    disclosures: dict[str, dict[str, list[str]]]

    @property
    def ids(self) -> list[str]:
        return [dsse.statement_id(payload) for payload in self.payloads]

    def plus(
        self, payload: bytes, documents: dict[str, bytes], opened: dict[str, list[str]]
    ) -> Made:
        """The same with one statement more; documents are by kind."""
        named = {f"{sha256(data)}.{kind}.json": data for kind, data in documents.items()}
        return Made(
            self.kind,
            (*self.payloads, payload),
            self.documents | named,
            self.disclosures | {dsse.statement_id(payload): opened},
        )

    def bundles(self, key: PrivateKey) -> list[bytes]:
        return [bundles.make(dsse.sign(key, p), key.public) for p in self.payloads]


@dataclass(frozen=True)
class Asked:
    """One respondent's entry of a campaign."""

    link: UUID = field(default_factory=new_id)
    request_id: UUID = field(default_factory=new_id)
    nonce: str = field(default_factory=disclosure.fresh_salt)


def a_request(
    requester: Firm, asked: list[Asked], anchor: Anchor, now: datetime, **replaced: Any
) -> Made:
    """A campaign of `requester` over some respondents, prepared."""
    questionnaire = QuestionnaireDocument((PACK,), QUESTIONS).to_bytes()
    due_at = now + timedelta(days=30)
    block, texts = blocks.respondents(
        Respondent(link_urn(one.link), str(one.request_id), one.nonce, due_at) for one in asked
    )
    payload = sign.request(
        requester.common("requester", anchor, now, **replaced),
        questionnaire_sha256=sha256(questionnaire),
        campaign=str(new_id()),
        why="we want to know where AI is used",
        clauses=[],
        viewers=["purchasing"],
        purpose="supply-chain care",
        nda_basis="basic-contract",
        due_at=due_at,
        respondents=block,
    )
    return Made(
        "request",
        (payload,),
        {f"{sha256(questionnaire)}.questionnaire.json": questionnaire},
        {dsse.statement_id(payload): {"respondents": list(texts)}},
    )


@dataclass
class ResponseMaker:
    """Prepares the statements and documents of one response revision."""

    respondent: Firm
    requester: Firm
    asked: Asked
    questionnaire: bytes
    anchor: Anchor
    now: datetime
    response: Response = field(default_factory=lambda: Response(str(new_id()), 1))
    components: tuple[str, ...] = ("vision-1", "chat-1")
    reader: dict[str, Any] = field(default_factory=dict)
    common: dict[str, Any] = field(default_factory=dict)
    supersedes: dict[str, str] = field(default_factory=dict)
    also_lists: tuple[ComponentLine, ...] = ()
    evidence: tuple[EvidenceFile | EvidenceSeen, ...] = ()
    origin: dict[str, Any] = field(default_factory=dict)

    def make(self) -> Made:
        made = Made("response", (), {}, {})
        lines: list[ComponentLine] = []
        for name in self.components:
            made = self._with_component(made, name)
            (descriptor,) = [n for n in list(made.documents)[-2:] if ".descriptor." in n]
            lines.append(ComponentLine(descriptor.partition(".")[0], made.ids[-1]))
        return self._with_declaration(made, lines)

    def _with_component(self, made: Made, name: str) -> Made:
        descriptor = ComponentDescriptor(
            supplier_component_id=name, name=name, version="1", kind="model", use="embedded"
        ).to_bytes()
        answers, texts = self._answers()
        answering, mine = self._answering()
        commitments = [disclosure.make(one.to_json()) for one in self.evidence]
        payload = sign.ai_governance(
            self._common(name),
            answering,
            descriptor_sha256=sha256(descriptor),
            answers_sha256=sha256(answers),
            evidence=[digest for _, digest in commitments],
        )
        documents = {"descriptor": descriptor, "answers": answers}
        opened = {"audience": mine, "answers": texts}
        if commitments:
            opened["evidence"] = [text for text, _ in commitments]
        return made.plus(payload, documents, opened)

    def _with_declaration(self, made: Made, lines: list[ComponentLine]) -> Made:
        answers, texts = self._answers()
        sub_tier, sub_texts = SubTier.make([SubTierEntry("major", "masked")])
        document = DeclarationDocument(
            response=self.response,
            pre_screen={"embedded": "yes", "process": "none", "customerData": "none"},
            answers_sha256=sha256(answers),
            components=(*lines, *self.also_lists),
            sub_tier=sub_tier,
        ).to_bytes()
        answering, mine = self._answering()
        payload = sign.declaration(
            self._common("declaration"), answering, declaration_sha256=sha256(document)
        )
        below = [sub_texts.totals, *sub_texts.entries]
        opened = {"audience": mine, "answers": texts, "subTier": below}
        return made.plus(payload, {"declaration": document, "answers": answers}, opened)

    def _common(self, name: str) -> sign.Common:
        fields = {"supersedes": self.supersedes.get(name), "role": "responsible-officer"}
        return self.respondent.common(anchor=self.anchor, now=self.now, **fields | self.common)

    def _answers(self) -> tuple[bytes, list[str]]:
        made, texts = AnswersDocument.make(Answer(q, "answered", "yes") for q in QUESTIONS)
        return made.to_bytes(), list(texts)

    def _answering(self) -> tuple[sign.Answering, list[str]]:
        reader: dict[str, Any] = {
            "org": self.requester.urn,
            "request_id": str(self.asked.request_id),
            "nonce": self.asked.nonce,
            "onward": "none",
            "not_after": self.now + timedelta(days=200),
        }
        block, texts = blocks.audience([Reader(**reader | self.reader)])
        answering = sign.Answering(
            response=self.response,
            questionnaire_sha256=sha256(self.questionnaire),
            packs=[PACK],
            locale="ja",
            audience=block,
            **self.origin,
        )
        return answering, list(texts)
