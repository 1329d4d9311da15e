from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from rensho import blocks, disclosure, jcs, strict_json
from rensho.blocks import SubTier
from rensho.documents import (
    AnswersDocument,
    Artifact,
    ComponentDescriptor,
    ComponentLine,
    DeclarationDocument,
    Pack,
    QuestionnaireDocument,
    Response,
    Scope,
    ScopeMember,
    sha256,
)
from rensho.entries import (
    DEPENDENCIES,
    Answer,
    EvidenceFile,
    EvidenceSeen,
    Reader,
    Respondent,
    SubTierEntry,
    Voucher,
    read_evidence,
    read_totals,
)
from rensho.errors import Code

from tests.client import made
from tests.client.refused import refused

DESCRIPTOR = ComponentDescriptor(
    supplier_component_id="VIS-1",
    name="\u5916\u89b3\u691c\u67fb",
    version="2.1",
    kind="model",
    use="embedded",
    roles={"developer": "yes", "user": "no"},
    attributes={"safetyFunction": "monitored", "personalData": "no"},
    purl="pkg:generic/vis@2.1",
    artifacts=(Artifact(made.sha("weights"), "application/octet-stream"),),
    ml_bom=made.sha("bom"),
    model_signing=made.sha("oms"),
)
BARE = ComponentDescriptor(
    supplier_component_id="X", name="x", version="1", kind="dataset", use="process"
)
QUESTIONNAIRE = QuestionnaireDocument((made.PACK,), ("Q-CORE-001", "Q-CORE-004"))
NAMED = SubTierEntry("major", "named", made.SUPPLIER, "VIS-1", "developer", pass_through=True)
MASKED = SubTierEntry("minor", "masked")
ANSWERS = (
    Answer("Q-CORE-001", "answered", "implemented", evidence=(made.sha_url("e"),)),
    Answer("Q-CORE-004", "checking"),
    Answer("Q-CORE-007", "withheld", reason="trade secret"),
    Answer("Q-CORE-008", "not_applicable", reason="no training here"),
    Answer("Q-CORE-009", "answered", ["a", "b"]),
    Answer("Q-CORE-013", "answered", value=False),
    Answer("Q-CORE-020", "answered", -3),
)


def declaration(**changes: Any) -> DeclarationDocument:
    fields: dict[str, Any] = {
        "response": Response(made.RESPONSE_ID, 1),
        "pre_screen": {"embedded": "yes", "process": "none", "customerData": "checking"},
        "answers_sha256": made.sha("answers"),
        "components": (ComponentLine(made.sha("descriptor"), made.sha("statement")),),
    }
    return DeclarationDocument(**(fields | changes))


FULL = declaration(
    scope=Scope(
        "group",
        ("line A",),
        sites=("Plant 1",),
        products=("P",),
        members=(ScopeMember("Example Parts", "parent company"),),
    ),
    withheld_components=2,
    sub_tier=SubTier.make([NAMED, MASKED], {"critical": 1})[0],
)


@pytest.mark.parametrize("document", [DESCRIPTOR, BARE, QUESTIONNAIRE, declaration(), FULL])
def test_a_document_reads_back_as_it_was(document: Any) -> None:
    data = document.to_bytes()
    assert type(document).parse(data) == document
    assert jcs.dumps(strict_json.loads(data)) == data
    assert len(sha256(data)) == 64


def test_equal_contents_do_not_make_equal_digests() -> None:
    again = dataclasses.replace(BARE, salt=disclosure.fresh_salt())
    assert sha256(again.to_bytes()) != sha256(BARE.to_bytes())


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "descriptor": (ComponentDescriptor.parse, DESCRIPTOR.to_bytes()),
    "questionnaire": (QuestionnaireDocument.parse, QUESTIONNAIRE.to_bytes()),
    "declaration": (DeclarationDocument.parse, FULL.to_bytes()),
    "answers": (AnswersDocument.parse, AnswersDocument.make(ANSWERS)[0].to_bytes()),
}


@pytest.mark.parametrize("what", PARSERS)
def test_a_document_that_is_not_its_own_jcs_is_refused(what: str) -> None:
    parse, data = PARSERS[what]
    with refused("statement.not_canonical"):
        parse(data.replace(b'":', b'": ', 1))


@pytest.mark.parametrize("what", PARSERS)
def test_a_document_with_a_fraction_is_refused_wherever_it_stands(what: str) -> None:
    parse, data = PARSERS[what]
    with refused("statement.schema"):
        parse(jcs.dumps(strict_json.loads(data) | {"new": {"deep": [0.5]}}))
    parse(jcs.dumps(strict_json.loads(data) | {"new": {"deep": ["0.500000000", 1, None, True]}}))


@pytest.mark.parametrize("what", PARSERS)
def test_a_document_without_its_salt_is_refused(what: str) -> None:
    parse, data = PARSERS[what]
    value = strict_json.loads(data)
    del value["salt"]
    with refused("statement.schema"):
        parse(jcs.dumps(value))
    with refused("statement.schema"):
        parse(b"[]")
    with refused("json.malformed"):
        parse(b"{")


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("descriptor", {"kind": "robot"}),
        ("descriptor", {"use": ["embedded"]}),
        ("descriptor", {"roles": {"user": True}}),
        ("descriptor", {"attributes": {"safetyFunction": "yes"}}),
        ("descriptor", {"name": ""}),
        ("descriptor", {"name": "x" * 2001}),
        ("descriptor", {"artifacts": [{"digest": "00", "mediaType": "x"}]}),
        ("descriptor", {"salt": "AAAA"}),
        ("questionnaire", {"questions": []}),
        ("questionnaire", {"questions": ["Q", "Q"]}),
        ("questionnaire", {"packs": []}),
        ("declaration", {"withheldComponents": -1}),
        ("declaration", {"withheldComponents": True}),
        ("declaration", {"preScreen": {"embedded": "yes"}}),
        ("declaration", {"response": {"id": made.RESPONSE_ID, "revision": 0}}),
        ("declaration", {"scope": {"kind": "company", "goods": "some"}}),
        ("declaration", {"components": [{"descriptor": "0" * 64, "statement": "1" * 64}] * 2}),
        (
            "declaration",
            {
                "subTier": {
                    "declared": "none",
                    "totals": made.sha_url("t"),
                    "_sd_alg": "sha-256",
                    "_sd": [made.sha_url("one")],
                }
            },
        ),
        ("answers", {"_sd_alg": "sha-512"}),
        ("answers", {"_sd": [made.sha_url("x")] * 2}),
        ("answers", {"_sd": sorted([made.sha_url("x"), made.sha_url("y")], reverse=True)}),
    ],
)
def test_a_document_of_another_shape_is_refused(what: str, change: dict[str, Any]) -> None:
    parse, data = PARSERS[what]
    with refused("statement.schema"):
        parse(jcs.dumps(strict_json.loads(data) | change))


def test_a_document_that_would_not_be_read_is_not_written() -> None:
    with refused("statement.schema"):
        dataclasses.replace(BARE, name="").to_bytes()
    with refused("statement.schema"):
        QuestionnaireDocument((Pack("core", "1", "no digest"),), ("Q",)).to_bytes()
    with refused("statement.schema"):
        declaration(answers_sha256="").to_bytes()


def test_answers_open_to_whom_they_are_disclosed_and_no_further() -> None:
    document, texts = AnswersDocument.make(ANSWERS)
    read = AnswersDocument.parse(document.to_bytes())
    assert read.open(texts) == ANSWERS
    assert read.open(texts[2:3]) == ANSWERS[2:3]
    assert read.open([]) == ()
    with refused("disclosure.unknown"):
        read.open(AnswersDocument.make(ANSWERS)[1])
    assert b"implemented" not in document.to_bytes()
    assert AnswersDocument.make([], made.SALT)[0].salt == made.SALT


def test_a_question_is_answered_once() -> None:
    with refused("disclosure.duplicate"):
        AnswersDocument.make([ANSWERS[0], Answer("Q-CORE-001", "checking")])
    pairs = [disclosure.make(Answer("Q", "answered", said).to_json()) for said in ("yes", "no")]
    both = AnswersDocument(tuple(sorted(digest for _, digest in pairs)))
    with refused("disclosure.duplicate"):
        both.open(text for text, _ in pairs)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("Q", "answered"),
        Answer("Q", "checking", "yes"),
        Answer("Q", "withheld", "yes"),
        Answer("Q", "not_applicable"),
        Answer("", "checking"),
        Answer("Q", "answered", ["a", "a"]),
        Answer("Q", "answered", 0.5),  # type: ignore[arg-type]
        Answer("Q", "answered", 2**60, evidence=("no digest",)),
        Answer("Q", "guessed"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_contradicts_its_state_is_refused(answer: Answer) -> None:
    with refused("statement.schema"):
        AnswersDocument.make([answer])


@pytest.mark.parametrize("entry", [made.READER, made.RESPONDENT, made.VOUCHER, NAMED, MASKED])
def test_an_entry_reads_back_as_it_was(entry: Any) -> None:
    assert type(entry).from_json(entry.to_json()) == entry
    wrongs: list[Any] = [[], {}, entry.to_json() | {"new": 0.5}]
    for wrong in wrongs:
        with refused("statement.schema"):
            type(entry).from_json(wrong)


@pytest.mark.parametrize(
    "entry",
    [
        Reader("urn:rensho:org:1", made.REQUEST_ID, made.SALT, "none", made.NOW),
        Reader(made.REQUESTER, made.REQUEST_ID.upper() + "A", made.SALT, "none", made.NOW),
        Respondent(made.SUPPLIER, made.REQUEST_ID, made.SALT, made.NOW),
        Voucher(made.SUPPLIER, made.LINK, "believed"),  # type: ignore[arg-type]
        SubTierEntry("major", "named"),
        SubTierEntry("huge", "masked"),  # type: ignore[arg-type]
    ],
)
def test_an_entry_that_would_not_be_read_is_not_written(entry: Any) -> None:
    with refused("statement.schema"):
        entry.to_json()


def test_audience_and_vouchers_are_padded_and_respondents_are_not() -> None:
    audience, audience_texts = blocks.audience([made.READER])
    vouched, vouched_texts = blocks.vouched_by([made.VOUCHER])
    asked, asked_texts = blocks.respondents([made.RESPONDENT])
    assert [len(block["_sd"]) for block in (audience, vouched, asked)] == [8, 8, 1]
    opened = [
        next(iter(disclosure.open(block["_sd"], texts).values())).value
        for block, texts in (
            (audience, audience_texts),
            (vouched, vouched_texts),
            (asked, asked_texts),
        )
    ]
    assert Reader.from_json(opened[0]) == made.READER
    assert Voucher.from_json(opened[1]) == made.VOUCHER
    assert Respondent.from_json(opened[2]) == made.RESPONDENT


def test_a_sub_tier_counts_what_it_does_not_name() -> None:
    block, texts = SubTier.make([NAMED, MASKED], {"critical": 1})
    seen = block.open([texts.totals, texts.entries[0]])
    assert seen.declared == "complete"
    assert seen.entries == (NAMED,)
    assert seen.totals == dict.fromkeys(DEPENDENCIES, 0) | {"major": 1, "minor": 1, "critical": 1}
    assert {name: n for name, n in seen.undisclosed.items() if n} == {"minor": 1, "critical": 1}


def test_without_its_totals_a_sub_tier_is_silent() -> None:
    block, texts = SubTier.make([NAMED])
    seen = block.open(texts.entries)
    assert seen.totals is None
    assert seen.undisclosed == {}


def test_an_empty_sub_tier_is_signed_as_none() -> None:
    block, texts = SubTier.make([])
    assert block.declared == "none"
    assert len(block.sd) == 8
    assert block.open([texts.totals]).totals == dict.fromkeys(DEPENDENCIES, 0)


def test_a_sub_tier_that_contradicts_its_totals_is_refused() -> None:
    block, texts = SubTier.make([NAMED])
    empty, empty_texts = SubTier.make([])
    as_none = dataclasses.replace(block, declared="none")
    less = dataclasses.replace(block, totals=disclosure.digest(empty_texts.totals))
    cases: list[tuple[SubTier, list[str], Code]] = [
        (as_none, list(texts.entries), "sub.invalid"),
        (as_none, [texts.totals], "sub.invalid"),
        (dataclasses.replace(empty, declared="complete"), [empty_texts.totals], "sub.invalid"),
        (less, [empty_texts.totals, *texts.entries], "sub.invalid"),
        (block, [texts.totals, texts.totals], "disclosure.duplicate"),
        (block, [empty_texts.totals], "disclosure.unknown"),
    ]
    for wrong, opened, code in cases:
        with refused(code):
            wrong.open(opened)


def test_totals_count_from_zero_up() -> None:
    assert read_totals({"major": 2})["minor"] == 0
    wrongs: list[Any] = [{"major": -1}, {"major": 1.0}, []]
    for wrong in wrongs:
        with refused("statement.schema"):
            read_totals(wrong)


FILE = EvidenceFile(
    made.sha("file"), 12, "application/pdf", "Test report", date(2026, 4, 1), "confidential"
)
SEEN = EvidenceSeen("QA-12", "3", date(2026, 5, 6), "quality assurance", "Test procedure")


@pytest.mark.parametrize("evidence", [FILE, SEEN])
def test_evidence_is_a_file_or_was_seen(evidence: EvidenceFile | EvidenceSeen) -> None:
    value = evidence.to_json()
    assert read_evidence(value) == evidence
    day = "effectiveOn" if isinstance(evidence, EvidenceFile) else "seenOn"
    for wrong in ({"kind": "rumour"}, {day: "2026-02-30"}, {day: "today"}, {"title": None}):
        with refused("statement.schema"):
            read_evidence(value | wrong)
    with refused("statement.schema"):
        read_evidence([])


def test_evidence_of_no_named_kind_is_a_file() -> None:
    value = FILE.to_json()
    del value["kind"]
    assert read_evidence(value) == FILE
