"""Evidence enters what is signed: one salted commitment per statement and piece of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rensho import disclosure
from rensho.entries import EvidenceFile, EvidenceSeen

from services.questionnaire.rules.answers import Answer
from services.questionnaire.store.evidence import Evidence


@dataclass(frozen=True)
class Commitment:
    """What one statement commits to: the digest it holds and the text that opens it.

    Both None for a document that the component's descriptor names by its own digest.
    """

    evidence: Evidence
    digest: str | None = None
    text: str | None = None

    def row(self) -> dict[str, Any]:
        """Return what is remembered of the use, but for the statement."""
        found = self.evidence
        return {
            "evidence_id": found.id,
            "kind": found.kind,
            "title": found.title,
            "commitment": self.digest,
            "disclosure": self.text,
            "sha256": found.sha256,
            "size": found.size,
            "media_type": found.media_type,
        }


def commit(
    given: Iterable[Answer], known: Mapping[str, Evidence]
) -> tuple[list[Answer], list[Commitment]]:
    """Put fresh commitments in the place of the evidence that answers name.

    Fresh for each statement, so that no two statements can be matched by them; one evidence that
    backs many answers of a statement is one commitment.

    Raises:
        VerificationError: a value does not fit what can be signed.
    """
    made: dict[str, Commitment] = {}
    answers = []
    for answer in given:
        for each in answer.evidence:
            made.setdefault(each, _commitment(known[each]))
        digests = tuple(str(made[each].digest) for each in answer.evidence)
        answers.append(replace(answer, evidence=digests))
    return answers, list(made.values())


def texts(commitments: Sequence[Commitment]) -> list[str]:
    """Return what opens the commitments."""
    return [each.text for each in commitments if each.text is not None]


def _commitment(evidence: Evidence) -> Commitment:
    text, digest = disclosure.make(_entry(evidence).to_json())
    return Commitment(evidence, digest, text)


def _entry(evidence: Evidence) -> EvidenceFile | EvidenceSeen:
    if evidence.kind == "seen_on_site":
        assert evidence.document_number is not None
        assert evidence.revision is not None
        assert evidence.seen_on is not None
        assert evidence.viewer is not None
        return EvidenceSeen(
            document_number=evidence.document_number,
            revision=evidence.revision,
            seen_on=evidence.seen_on,
            viewer=evidence.viewer,
            title=evidence.title,
        )
    assert evidence.sha256 is not None
    assert evidence.size is not None
    assert evidence.media_type is not None
    assert evidence.effective_on is not None
    assert evidence.confidentiality is not None
    return EvidenceFile(
        sha256=evidence.sha256,
        size=evidence.size,
        media_type=evidence.media_type,
        title=evidence.title,
        effective_on=evidence.effective_on,
        confidentiality=evidence.confidentiality,
    )
