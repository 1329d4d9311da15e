"""Guidance packs and their questions, as anybody may read them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from services.kit.auth import needs
from services.kit.problems import NotFound
from services.kit.web import Model
from services.questionnaire.api.edge import Bilingual, bilingual
from services.questionnaire.rules import conditions
from services.questionnaire.rules.packs import Detail, Pack, Question
from services.questionnaire.rules.prescreen import Form
from services.questionnaire.store import packs

router = APIRouter(tags=["packs", "portal"])


class OptionOut(Model):
    """One answer to choose; `alignment` as RM-1 counts it, a decimal of nine places."""

    code: str
    alignment: str
    label: Bilingual


class DetailOut(Model):
    """An optional field beside the answer: shown to the requester, never counted."""

    name: str
    kind: str
    label: Bilingual
    unit: str | None
    options: dict[str, Bilingual]


class ClauseOut(Model):
    """The guidance item a question comes from, and how sure its identifier is."""

    id: str
    instrument: str
    confidence: str
    locator: str | None
    subject: Bilingual


class QuestionOut(Model):
    """One question. `applies_if` is a condition or null; `derived` ones are not asked."""

    id: str
    rev: int
    pack: str
    about: str
    roles: list[str]
    principle: str
    topic: str | None
    criticality: int
    text: Bilingual
    help: Bilingual
    answer_type: str
    options: list[OptionOut]
    details: list[DetailOut]
    states: list[str]
    evidence: list[str]
    freshness_days: int
    applies_if: dict[str, Any] | None
    derived: bool
    starter: bool
    clauses: list[ClauseOut]


class PackSummary(Model):
    """One version of a pack; `note` says how far a draft has been checked.

    `status`: draft, reviewed, current, superseded or withdrawn.
    """

    id: str
    version: str
    status: str
    title: Bilingual
    note: Bilingual
    sha256: str
    questions: int


class PackList(Model):
    """All packs of this build."""

    items: list[PackSummary]


class InstrumentOut(Model):
    """A source of a pack; `binding` is voluntary, supervisory or statute."""

    id: str
    title: Bilingual
    edition: str
    date: str
    binding: str
    language_of_authority: str


class PackOut(Model):
    """A whole pack."""

    id: str
    version: str
    status: str
    title: Bilingual
    note: Bilingual
    sha256: str
    supersedes: str | None
    instruments: list[InstrumentOut]
    questions: list[QuestionOut]
    states: dict[str, Bilingual]
    evidence_kinds: dict[str, Bilingual]


class FateOut(Model):
    """What became of one question: same, split, merged or retired, and what took over."""

    question: str
    outcome: str
    into: list[str]


class PackChangeOut(Model):
    """How this version came from the one before; old answers carry over where it says `same`."""

    before: str
    fates: list[FateOut]
    added: list[str]


class CrosswalkRow(Model):
    """One relation, in the words of the OSCAL mapping model."""

    source: str
    target: str
    relation: str
    confidence: str


class CrosswalkOut(Model):
    """How clauses of a source relate to another framework: the author's judgement."""

    id: str
    source: str
    source_edition: str
    target: str
    target_edition: str
    target_title: Bilingual
    author: str
    rows: list[CrosswalkRow]


class CrosswalkList(Model):
    """All crosswalks of this build."""

    items: list[CrosswalkOut]


class TranslationOut(Model):
    """A reference translation of the first page and the starter set; the Japanese text counts.

    `words` by path, as `questions/Q-CORE-001/options/none` or `prescreen/ticks/none`; `note` says
    in that language what it is worth and goes wherever the words show.
    """

    language: str
    note: str
    words: dict[str, str]


class Tick(Model):
    """One tick of the pre-screen."""

    code: str
    label: Bilingual


class PreScreenForm(Model):
    """The five ticks before any question, and the extra one under "none of these"."""

    text: Bilingual
    help: Bilingual
    ticks: list[Tick]
    suppliers_text: Bilingual
    suppliers: list[Tick]


def question_out(question: Question) -> QuestionOut:
    """Show one question."""
    return QuestionOut(
        id=question.id,
        rev=question.rev,
        pack=question.pack,
        about=question.about,
        roles=sorted(question.roles),
        principle=question.principle,
        topic=question.topic,
        criticality=question.criticality,
        text=bilingual(question.text),
        help=bilingual(question.help),
        answer_type=question.answer_type,
        options=[
            OptionOut(
                code=each.code, alignment=f"{each.alignment:.9f}", label=bilingual(each.label)
            )
            for each in question.options
        ],
        details=[_detail_out(each) for each in question.details],
        states=sorted(question.states),
        evidence=list(question.evidence),
        freshness_days=question.freshness_days,
        applies_if=question.applies_if and conditions.document(question.applies_if),
        derived=question.derived_from is not None,
        starter=question.id in packs.load_starter().questions,
        clauses=[
            ClauseOut(
                id=each.id,
                instrument=each.instrument,
                confidence=each.confidence,
                locator=each.locator,
                subject=bilingual(each.subject),
            )
            for each in question.clauses
        ],
    )


def _detail_out(detail: Detail) -> DetailOut:
    return DetailOut(
        name=detail.name,
        kind=detail.kind,
        label=bilingual(detail.label),
        unit=detail.unit,
        options={code: bilingual(label) for code, label in detail.options.items()},
    )


def pre_screen_out(form: Form) -> PreScreenForm:
    """Show the pre-screen."""
    return PreScreenForm(
        text=bilingual(form.text),
        help=bilingual(form.help),
        ticks=[Tick(code=code, label=bilingual(label)) for code, label in form.ticks.items()],
        suppliers_text=bilingual(form.suppliers_text),
        suppliers=[
            Tick(code=code, label=bilingual(label)) for code, label in form.suppliers.items()
        ],
    )


@router.get("/packs", dependencies=[needs("packs.read")])
def list_packs() -> PackList:
    """List the packs of this build."""
    return PackList(
        items=[
            PackSummary(
                id=pack.id,
                version=pack.version,
                status=packs.status(pack),
                title=bilingual(pack.title),
                note=bilingual(pack.note),
                sha256=pack.digest,
                questions=len(pack.questions),
            )
            for _, pack in sorted(packs.load_all().items())
        ]
    )


@router.get("/packs/{pack_id}/{version}", dependencies=[needs("packs.read")])
def read_pack(pack_id: str, version: str) -> PackOut:
    """Read one version of a pack with all its questions."""
    pack: Pack | None = packs.load_all().get((pack_id, version))
    if pack is None:
        raise NotFound("no such pack")
    return PackOut(
        id=pack.id,
        version=pack.version,
        status=packs.status(pack),
        title=bilingual(pack.title),
        note=bilingual(pack.note),
        sha256=pack.digest,
        supersedes=pack.supersedes,
        instruments=[
            InstrumentOut(**{**asdict(each), "title": bilingual(each.title)})
            for each in pack.instruments
        ],
        questions=[question_out(each) for each in pack.questions],
        states={name: bilingual(label) for name, label in pack.states.items()},
        evidence_kinds={name: bilingual(label) for name, label in pack.evidence_kinds.items()},
    )


@router.get("/packs/{pack_id}/{version}/changes", dependencies=[needs("packs.read")])
def read_pack_changes(pack_id: str, version: str) -> PackChangeOut:
    """Read what became of each question of the version before."""
    found = packs.load_changes().get((pack_id, version))
    if found is None:
        raise NotFound("no such pack, or its first version")
    return PackChangeOut(
        before=found.before,
        fates=[
            FateOut(question=id_, outcome=fate.outcome, into=list(fate.into))
            for id_, fate in found.fates.items()
        ],
        added=list(found.added),
    )


@router.get("/crosswalks", dependencies=[needs("packs.read")])
def list_crosswalks() -> CrosswalkList:
    """List how clauses relate to ISO/IEC 42001, the NIST AI RMF and the EU AI Act."""
    return CrosswalkList(
        items=[
            CrosswalkOut(
                **{**asdict(each), "target_title": bilingual(each.target_title)},
            )
            for each in packs.load_crosswalks()
        ]
    )


@router.get("/translations/{language}", dependencies=[needs("packs.read")])
def read_translation(language: str) -> TranslationOut:
    """Read the reference translation into `zh-Hans`, `th`, `vi` or `de`."""
    found = packs.load_translations().get(language)
    if found is None:
        raise NotFound("no such translation")
    return TranslationOut(**asdict(found))
