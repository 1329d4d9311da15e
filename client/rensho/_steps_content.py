"""Steps 22 and 23: the documents are the ones signed for, and open to what was hidden in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rensho.case import Case
from rensho.entries import EvidenceFile
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.statement import (
    AI_GOVERNANCE,
    DECLARATION,
    GRANT,
    KEY_EVENT,
    REQUEST,
    Statement,
)

_OPENABLE: Final[Mapping[str, frozenset[str]]] = {
    AI_GOVERNANCE: frozenset({"audience", "answers", "evidence"}),
    DECLARATION: frozenset({"audience", "answers", "subTier"}),
    GRANT: frozenset({"audience"}),
    REQUEST: frozenset({"respondents"}),
    KEY_EVENT: frozenset({"vouchedBy"}),
}


def check_documents(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 22 (for a main statement)."""
    docket = exhibit.docket

    # (22) each document has the digest that was signed
    match statement.name:
        case "ai-governance":
            with docket.step(22):
                case.descriptor(statement.subject_sha256)
            with docket.step(22):
                case.answers_of(statement)
            _check_evidence(exhibit, statement, case)
        case "declaration":
            with docket.step(22):
                case.answers_of(statement)
        case "risk-snapshot":
            with docket.step(22):
                case.document(statement.subject_sha256, "facts")
            with docket.step(22):
                case.document(statement.predicate["results"]["sha256"], "results")
        case _:
            docket.ran.add(22)


def _check_evidence(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    docket = exhibit.docket
    try:
        opened = case.evidence(statement)
    except VerificationError:
        # Step 23 says what is wrong with the disclosures; here nothing is known to compare.
        return
    for file in opened:
        if not isinstance(file, EvidenceFile):
            docket.note("step 22: evidence seen on site has no copy to compare")
            continue
        if case.evidence_apart and (file.sha256, "evidence") not in case.files.documents:
            continue
        with docket.step(22):
            if len(case.document(file.sha256, "evidence")) != file.size:
                raise VerificationError("evidence.digest", "of another size than signed")


def check_disclosures(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 23."""
    docket = exhibit.docket

    # (23) whatever was opened is in what was signed, once
    given = case.files.disclosures.get(statement.id, {})
    with docket.step(23):
        for kind in given.keys() - _OPENABLE.get(statement.name, frozenset()):
            raise VerificationError("disclosure.unknown", f"{statement.name} has no {kind}")
    for kind in sorted(given.keys() & _OPENABLE.get(statement.name, frozenset())):
        with docket.step(23):
            _open(kind, statement, case)


def _open(kind: str, statement: Statement, case: Case) -> None:
    match kind:
        case "audience":
            case.readers(statement)
        case "respondents":
            case.respondents(statement)
        case "vouchedBy":
            case.vouchers(statement)
        case "evidence":
            case.evidence(statement)
        case "answers":
            case.answers_of(statement).open(case.texts(statement.id, kind))
        case _:
            sub_tier = case.declaration(statement).sub_tier
            if sub_tier is None:
                raise VerificationError("disclosure.unknown", "the declaration lists no sub-tier")
            sub_tier.open(case.texts(statement.id, kind))
