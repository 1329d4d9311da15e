"""Which questions a certificate of somebody else may answer, and whether its scope reaches.

An SCS star or ISO/IEC 27001 answers for the security of information and the flow-down of it, never
for the security of AI in the product or the plant; ISO/IEC 42001 only where its scope names the
site and the activity (domain.md). The packs say which question takes which (`substitutes`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.refusals import Problem, Refusal, Text

SCHEMES: Final[Mapping[str, Text]] = {
    "scs-star": Text("SCS評価制度(★)", "SCS star"),
    "iso-iec-27001": Text("ISO/IEC 27001", "ISO/IEC 27001"),
    "iso-iec-42001": Text("ISO/IEC 42001", "ISO/IEC 42001"),
}
_NAMES_ACTIVITY: Final = frozenset({"iso-iec-42001"})


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says: `whole_company`, or the sites and activities its scope names."""

    scheme: str
    number: str
    issuer: str
    valid_to: date
    whole_company: bool
    sites: frozenset[str]
    activities: frozenset[str]


def answerable(questions: Collection[Question], scheme: str) -> tuple[str, ...]:
    """Return the ids of the questions that a certificate of this scheme may answer."""
    return tuple(each.id for each in questions if scheme in each.substitutes)


def answers(
    certificate: Certificate,
    questions: Mapping[str, Question],
    wanted: Sequence[str],
    *,
    scope: Mapping[str, Any],
    activity: str | None,
    today: date,
    evidence: str,
) -> dict[str, dict[str, Any]]:
    """Return the answers a certificate gives: the best aligned option, backed by its own copy.

    Args:
        certificate: the certificate.
        questions: those of the questionnaire by id.
        wanted: ids of the questions it is to answer.
        scope: of the response (`kind`, `sites`).
        activity: what the site does with AI that is asked about; needed for ISO/IEC 42001.
        today: the certificate must not have run out.
        evidence: id of its kept copy.

    Raises `Refusal`, all of it: `certificates/unknown-scheme`, `certificates/expired`,
    `certificates/not-for-this-question`, `certificates/site-not-in-scope`,
    `certificates/activity-not-in-scope`.
    """
    problems = [*_scope_problems(certificate, scope, activity, today)]
    for asked in wanted:
        question = questions.get(asked)
        if question is None or certificate.scheme not in question.substitutes:
            reason = Text(
                "この設問のご回答は、この証明書では代えられません",
                "this certificate cannot stand for an answer to this question",
            )
            problems.append(Problem("certificates/not-for-this-question", asked, reason))
    if problems:
        raise Refusal(*problems)
    return {asked: _answer(certificate, questions[asked], evidence) for asked in wanted}


def _scope_problems(
    certificate: Certificate, scope: Mapping[str, Any], activity: str | None, today: date
) -> list[Problem]:
    found: list[Problem] = []
    if certificate.scheme not in SCHEMES:
        reason = Text("対象外の証明書です", "not a scheme that may stand for an answer")
        found.append(Problem("certificates/unknown-scheme", "/scheme", reason))
    if certificate.valid_to < today:
        reason = Text("有効期限が過ぎています", "it has run out")
        found.append(Problem("certificates/expired", "/valid_to", reason))
    sites = set(scope["sites"]) if scope["kind"] == "sites" else set()
    covers = certificate.whole_company or (sites and sites <= certificate.sites)
    if not covers:
        reason = Text(
            "証明書の範囲に、ご回答の対象拠点が含まれていません",
            "its scope does not name the sites this response is about",
        )
        found.append(Problem("certificates/site-not-in-scope", "/sites", reason))
    if certificate.scheme in _NAMES_ACTIVITY and activity not in certificate.activities:
        reason = Text(
            "証明書の範囲に、対象の業務が含まれていません",
            "its scope does not name the activity that is asked about",
        )
        found.append(Problem("certificates/activity-not-in-scope", "/activities", reason))
    return found


def _answer(certificate: Certificate, question: Question, evidence: str) -> dict[str, Any]:
    # The highest alignment; of equal ones the first, as the pack lists them.
    best = max(question.options, key=lambda option: option.alignment)
    note = f"{SCHEMES[certificate.scheme].ja} {certificate.number} ({certificate.issuer})"
    return {"state": "answered", "value": best.code, "note": note, "evidence": [evidence]}
