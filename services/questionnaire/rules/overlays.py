"""What a requester lays over the packs: questions of its own, more weight, and what it leaves out.

It may add and raise; it never lowers, never touches the starter set, and leaves a safety question
out only with a reason that stays with the questionnaire. All of it is under the digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rensho import jcs

from services.questionnaire.rules import packs
from services.questionnaire.rules.packs import Pack, Question
from services.questionnaire.rules.refusals import Problem, Refusal, Text

ID: Final = "own-questions"
VERSION: Final = "1.0.0"
_NOTE: Final = {
    "ja": "依頼元が独自に加えた設問です。ガイダンスの文言ではありません。",
    "en": "Questions the requester added itself; they are no wording of any guidance.",
}
_NAME: Final = {"ja": "依頼元の追加設問", "en": "Questions of the requester"}


@dataclass(frozen=True, slots=True)
class Overlay:
    """One requester's overlay.

    Attributes:
        questions: its own, as in a pack but without clauses (`contracts/packs`).
        criticality: question → the raised weight.
        dropped: question → why it is left out; blank only where it is none about safety.
    """

    questions: tuple[Mapping[str, Any], ...] = ()
    criticality: Mapping[str, int] | None = None
    dropped: Mapping[str, str] | None = None

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.questions or self.criticality or self.dropped)

    def document(self) -> dict[str, Any]:
        """Return it as JSON, as its digest covers it."""
        return {
            "questions": [dict(each) for each in self.questions],
            "criticality": dict(self.criticality or {}),
            "dropped": dict(self.dropped or {}),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Overlay:
        """Read what `document` returned."""
        return cls(tuple(document["questions"]), document["criticality"], document["dropped"])


def pack_of(overlay: Overlay, like: Pack, scales: Mapping[str, Any]) -> Pack:
    """Return the overlay as a pack under its own digest.

    Args:
        overlay: what is laid over.
        like: a shipped pack whose words for states and evidence kinds are used.
        scales: the answer scales of the shipped packs, as data.

    Raises `Refusal`: what `packs.parse` raises.
    """
    digest = hashlib.sha256(jcs.dumps(overlay.document())).hexdigest()
    if not overlay.questions:
        return replace(
            like,
            id=ID,
            version=VERSION,
            status="draft",
            title=Text(**_NAME),
            note=Text(**_NOTE),
            supersedes=None,
            instruments=(),
            questions=(),
            digest=digest,
        )
    parsed = packs.parse(
        {
            "id": ID,
            "version": VERSION,
            "status": "draft",
            "title": _NAME,
            "note": _NOTE,
            "instruments": [
                {
                    "id": "OWN",
                    "title": _NAME,
                    "edition": VERSION,
                    "date": "2026",
                    "binding": "voluntary",
                    "language_of_authority": "ja",
                }
            ],
            "scales": scales,
            "states": {name: text.document() for name, text in like.states.items()},
            "evidence_kinds": {n: text.document() for n, text in like.evidence_kinds.items()},
            "clauses": [{"id": "OWN-1", "instrument": "OWN", "confidence": "G", "subject": _NAME}],
            "questions": [{**each, "clauses": ["OWN-1"]} for each in overlay.questions],
        }
    )
    return replace(parsed, digest=digest)


def refuse(overlay: Overlay, questions: Mapping[str, Question], starter: Sequence[str]) -> None:
    """Refuse an overlay that lowers, or leaves out what must be asked.

    Raises `Refusal`, all reasons at once: `questionnaires/unknown-question`,
    `questionnaires/criticality-lowered`, `questionnaires/starter-dropped`,
    `questionnaires/safety-dropped`.
    """
    found = [
        _problem("unknown-question", each, "含まれない設問です", "is not among the questions")
        for each in sorted({*(overlay.criticality or {}), *(overlay.dropped or {})})
        if each not in questions
    ]
    for each, weight in sorted((overlay.criticality or {}).items()):
        if each in questions and not questions[each].criticality < weight <= packs.HEAVIEST:
            found.append(
                _problem(
                    "criticality-lowered",
                    each,
                    "重要度は引き上げのみ可能です",
                    "may only be raised",
                )
            )
    for each, reason in sorted((overlay.dropped or {}).items()):
        if each in starter:
            found.append(
                _problem("starter-dropped", each, "基本12問は外せません", "is of the starter set")
            )
        elif each in questions and about_safety(questions[each]) and not reason.strip():
            found.append(
                _problem(
                    "safety-dropped",
                    each,
                    "安全に関する設問を外すには理由が必要です",
                    "is about safety: leaving it out needs a reason",
                )
            )
    if found:
        raise Refusal(*found)


def about_safety(question: Question) -> bool:
    """Whether a question is about safety: the principle C-2, or safety verification."""
    return question.principle == "C-2" or question.topic == "safety-verification"


def raised(questions: Sequence[Question], overlay: Overlay) -> tuple[Question, ...]:
    """Return the questions with the weights an overlay gives them."""
    weights = overlay.criticality or {}
    return tuple(
        replace(each, criticality=weights.get(each.id, each.criticality)) for each in questions
    )


def _problem(kind: str, question: str, ja: str, en: str) -> Problem:
    reason = Text(f"{question}: {ja}", f"{question} {en}")
    return Problem(f"questionnaires/{kind}", f"/overlay/{question}", reason)
