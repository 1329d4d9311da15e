"""Step 18: the earlier statement that this one replaces, withdraws, grants or reviews."""

from __future__ import annotations

from typing import Final

from rensho.case import Case, Settled, is_of_response, opened_or_none
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.keyring import NOT_LOGGED
from rensho.statement import (
    AI_GOVERNANCE,
    DECLARATION,
    GRANT,
    KEY_EVENT,
    REVIEW,
    STATUS,
    WITHDRAWAL,
    Statement,
)

_ANSWERING: Final = (AI_GOVERNANCE, DECLARATION)


def check_target(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 18."""
    docket = exhibit.docket

    # (18) what it replaces or speaks about: earlier, of the right firm, of the same matter
    with docket.step(18):
        if statement.supersedes is not None:
            _check_superseded(exhibit, statement, statement.supersedes, case)
    with docket.step(18):
        if statement.name in (GRANT, WITHDRAWAL, REVIEW):
            target = _target(exhibit, statement.subject_sha256, case)
            match statement.name:
                case "review":
                    _check_reviewed(statement, target.statement, case)
                case "grant":
                    _check_granted(statement, target.statement, case)
                case _:
                    _check_taken_back(statement, target.statement)


def _target(exhibit: Exhibit, statement_id: str, case: Case) -> Settled:
    target = case.settled.get(statement_id)
    if target is None:
        raise VerificationError("target.unknown", "the statement spoken about is not in hand")
    if target.position >= (exhibit.position or NOT_LOGGED):
        raise VerificationError("target.mismatch", "the statement spoken about is not earlier")
    return target


def _check_superseded(exhibit: Exhibit, statement: Statement, superseded: str, case: Case) -> None:
    target = _target(exhibit, superseded, case).statement
    if target.signer_org != statement.signer_org:
        raise VerificationError("target.foreign", "another organization's statement")
    if target.name != statement.name:
        raise VerificationError("target.mismatch", "a statement of another type")
    if statement.response is not None and target.response is not None:
        if not is_of_response(statement, target):
            raise VerificationError("target.mismatch", "of another response")
        if target.response[1] >= statement.response[1]:
            raise VerificationError("target.mismatch", "its revision is not a lower one")
    if any(_is_rival(other, exhibit, statement, case) for other in case.settled.values()):
        raise VerificationError("target.already_superseded", "something else replaced it")
    if statement.name == AI_GOVERNANCE:
        ours = case.descriptor(statement.subject_sha256)
        theirs = case.descriptor(target.subject_sha256)
        if ours.supplier_component_id != theirs.supplier_component_id:
            raise VerificationError("target.mismatch", "about another component")


def _is_rival(other: Settled, exhibit: Exhibit, statement: Statement, case: Case) -> bool:
    """Whether the same firm replaced the same statement by another one before.

    What somebody else says of it is `target.foreign` there, and takes nothing away here.
    """
    said = other.statement
    return (
        said.id != statement.id
        and said.id not in case.refused
        and (said.supersedes, said.signer_org) == (statement.supersedes, statement.signer_org)
        and other.position <= (exhibit.position or NOT_LOGGED)
    )


def _check_granted(grant: Statement, target: Statement, case: Case) -> None:
    if target.signer_org != grant.signer_org:
        raise VerificationError("target.foreign", "another organization's statement")
    if target.name != AI_GOVERNANCE:
        raise VerificationError("target.mismatch", "only component statements are granted")
    held = opened_or_none(lambda: case.answers_of(target).sd)
    if held and not set(grant.predicate["answers"]) <= set(held):
        raise VerificationError("target.mismatch", "grants answers the statement does not hold")


def _check_taken_back(withdrawal: Statement, target: Statement) -> None:
    if target.signer_org != withdrawal.signer_org:
        raise VerificationError("target.foreign", "another organization's statement")
    if target.name in (WITHDRAWAL, KEY_EVENT, STATUS):
        raise VerificationError("target.mismatch", f"a {target.name} is not withdrawn")


def _check_reviewed(review: Statement, target: Statement, case: Case) -> None:
    if target.name not in _ANSWERING:
        raise VerificationError("target.mismatch", "only answers are reviewed")
    if review.signer_role == "assessor" or target.predicate["audience"] == "public":
        return
    readers = case.readers_in_hand(target)
    if not readers:
        raise VerificationError("context.not_opened", "whom it addresses was not handed over")
    if all(reader.org != review.signer_org for reader in readers):
        raise VerificationError("target.foreign", "the reviewer was not addressed")
