"""A supplier's response in the miniature deployment: documents, statements, and the archive."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rensho import archive, blocks, disclosure, dsse, sign
from rensho.documents import (
    AnswersDocument,
    ComponentDescriptor,
    ComponentLine,
    DeclarationDocument,
    QuestionnaireDocument,
    Response,
    Scope,
    SubTier,
)
from rensho.entries import Answer, EvidenceFile, EvidenceSeen, Reader, SubTierEntry
from rensho.keys import PrivateKey
from rensho.salted import sha256

from tests.client.deployment import DAY, HOUR, START, Asked, World, enrolled, org

REPORT = b"a test report"
FILE = EvidenceFile(sha256(REPORT), len(REPORT), "text/plain", "report", START.date(), "shared")


@dataclass(frozen=True)
class Draft:
    """A prepared, unsigned response: payloads in signing order, the declaration last."""

    response: Response
    payloads: tuple[bytes, ...]
    component_ids: tuple[str, ...]


def prepare(
    world: World,
    asked: Asked,
    *,
    components: Iterable[str] = ("vision-1", "chat-1"),
    response: Response | None = None,
    supersedes: Mapping[str, str] | None = None,
    reader: Mapping[str, Any] | None = None,
    answering: Mapping[str, Any] | None = None,
    common: Mapping[str, Any] | None = None,
    declared: Callable[[tuple[ComponentLine, ...]], tuple[ComponentLine, ...]] = lambda x: x,
    questions: tuple[str, ...] = ("Q-CORE-001",),
    evidence: EvidenceFile | EvidenceSeen | None = FILE,
    also: Iterable[Reader] = (),
    scope: Scope | None = None,
    sub_tiered: bool = True,
) -> Draft:
    """Write the documents of one response and the statements that are to be signed.

    Longer than a function should be: it is the story of one response, told once and in order.
    """
    replaced = dict(supersedes or {})
    response = response or Response(str(uuid.uuid4()), 1)
    readers: dict[str, Any] = {
        "org": world.requester.org,
        "request_id": asked.request_id,
        "nonce": asked.nonce,
        "onward": "none",
        "not_after": world.now + 200 * DAY,
    }
    questionnaire = QuestionnaireDocument.parse(asked.questionnaire)
    payloads: list[bytes] = []
    lines: list[ComponentLine] = []
    opened: list[dict[str, tuple[str, ...]]] = []

    def answers() -> tuple[str, tuple[str, ...]]:
        made, texts = AnswersDocument.make(Answer(q, "answered", "yes") for q in questions)
        document = made.to_bytes()
        world.files[f"{sha256(document)}.answers.json"] = document
        return sha256(document), texts

    def said(name: str) -> tuple[sign.Common, sign.Answering]:
        more = also if name == "declaration" else ()
        block, texts = blocks.audience([Reader(**readers | dict(reader or {})), *more])
        opened.append({"audience": texts})
        fields: dict[str, Any] = {
            "response": response,
            "questionnaire_sha256": sha256(asked.questionnaire),
            "packs": questionnaire.packs,
            "locale": "ja",
            "audience": block,
        }
        head = world.common(world.supplier, supersedes=replaced.get(name), **dict(common or {}))
        return head, sign.Answering(**fields | dict(answering or {}))

    for name in components:
        descriptor = ComponentDescriptor(
            supplier_component_id=name, name=name, version="1", kind="model", use="embedded"
        ).to_bytes()
        world.files[f"{sha256(descriptor)}.descriptor.json"] = descriptor
        digest, answer_texts = answers()
        head, body = said(name)
        commitments: list[str] = []
        if evidence is not None:
            text, commitment = disclosure.make(evidence.to_json())
            commitments.append(commitment)
            opened[-1]["evidence"] = (text,)
            world.files[f"{sha256(REPORT)}.evidence"] = REPORT
        payloads.append(
            sign.ai_governance(
                head,
                body,
                descriptor_sha256=sha256(descriptor),
                answers_sha256=digest,
                evidence=commitments,
            )
        )
        opened[-1]["answers"] = answer_texts
        lines.append(ComponentLine(sha256(descriptor), dsse.statement_id(payloads[-1])))
    sub_tier, sub_texts = SubTier.make([SubTierEntry("major", "named", org())])
    digest, answer_texts = answers()
    document = DeclarationDocument(
        response=response,
        pre_screen={"embedded": "yes", "process": "none", "customerData": "none"},
        answers_sha256=digest,
        components=declared(tuple(lines)),
        sub_tier=sub_tier if sub_tiered else None,
        scope=scope or Scope(),
    ).to_bytes()
    world.files[f"{sha256(document)}.declaration.json"] = document
    head, body = said("declaration")
    opened[-1] |= {"answers": answer_texts, "subTier": (sub_texts.totals, *sub_texts.entries)}
    payloads.append(sign.declaration(head, body, declaration_sha256=sha256(document)))
    for payload, texts in zip(payloads, opened, strict=True):
        world.opened[dsse.statement_id(payload)] = texts
    ids = tuple(dsse.statement_id(payload) for payload in payloads)
    return Draft(response, tuple(payloads), ids)


def submit(world: World, draft: Draft, *, key: PrivateKey | None = None, **how: Any) -> list[str]:
    """Sign a draft and log it as one submission."""
    signer = key or world.supplier.key
    return world.record(
        *((dsse.sign(signer, payload), signer) for payload in draft.payloads), **how
    )


def pack(world: World, **replaced: bytes | None) -> bytes:
    """The archive of everything; `replaced` overrides or (None) leaves out the special files."""
    files: dict[str, bytes | None] = dict(world.files)
    newest = len(world.log.leaves)
    files["checkpoint.txt"] = world.log.heads[newest]
    links = [
        log.link(size)
        for log in (*world.past, world.log)
        for size in log.heads
        if size < len(log.leaves)
    ]
    files["consistency.json"] = archive.write_consistency(links)
    files["disclosures.json"] = archive.write_disclosures(world.opened)
    files |= {name.replace("__", "."): data for name, data in replaced.items()}
    return archive.write({name: data for name, data in files.items() if data is not None})


@dataclass(frozen=True)
class Answered:
    """A world in which the supplier has answered once."""

    world: World
    asked: Asked
    draft: Draft
    ids: tuple[str, ...]


def answered(**how: Any) -> Answered:
    """A request and a logged response of two components."""
    world = enrolled()
    asked = world.ask()
    world.now += DAY
    draft = prepare(world, asked, **how)
    ids = submit(world, draft)
    world.now += HOUR
    return Answered(world, asked, draft, tuple(ids))
