"""Answers of firms below: found by reference, judged through the firm above (profile section 6).

A sub-tier entry refers to (organization, component, role) and never to a statement, so that a
correction below leaves the list above as it is. Two firms may name each other; a firm that names
itself supplies nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rensho.case import Case, opened_or_none
from rensho.entries import SubTierEntry
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.statement import AI_GOVERNANCE, DECLARATION, Statement

MAX_DEPTH: Final = 8
_ANSWERING: Final = frozenset({AI_GOVERNANCE, DECLARATION})


def entries_of(declaration: Statement, case: Case) -> tuple[SubTierEntry, ...]:
    """The opened entries of a declaration's list that name a firm, if by a pseudonym."""

    def opened() -> tuple[SubTierEntry, ...]:
        listed = case.declaration(declaration).sub_tier
        if listed is None:
            return ()
        return listed.open(case.texts(declaration.id, "subTier")).entries

    # Step 23 says why a list does not open; nothing is referred to by one that does not.
    return tuple(entry for entry in opened_or_none(opened) if entry.org is not None)


def firms_above(statement: Statement, case: Case) -> frozenset[str]:
    """The organizations in whose lists an answer stands that is not addressed to the reader."""
    if statement.name not in _ANSWERING or _is_addressed(statement, case):
        return frozenset()
    return frozenset(
        above.statement.signer_org
        for above in case.standing(DECLARATION)
        if above.statement.signer_org != statement.signer_org
        and any(_refers(entry, statement, case) for entry in entries_of(above.statement, case))
    )


def _is_addressed(statement: Statement, case: Case) -> bool:
    return any(one.org == case.expect.audience for one in case.readers_in_hand(statement))


def _refers(entry: SubTierEntry, statement: Statement, case: Case) -> bool:
    if entry.org != statement.signer_org:
        return False
    if entry.component is None or statement.name == DECLARATION:
        return True
    # A descriptor that is not in hand is for steps 17 and 22 to miss.
    found = opened_or_none(lambda: (case.descriptor(statement.subject_sha256),))
    return all(one.supplier_component_id == entry.component for one in found)


def check_children(declaration: Exhibit, exhibits: Sequence[Exhibit], case: Case) -> None:
    """Run what step 23 asks of the answers below: none refuted, none deeper than eight.

    What was found against each of them alone stands in `case.refused` by now.
    """
    statement = declaration.statement
    if statement is None or statement.name != DECLARATION:
        return
    with declaration.docket.step(23):
        for depth, entry, child in _below(statement, exhibits, case, (statement.signer_org,)):
            if depth > MAX_DEPTH:
                raise VerificationError("sub.depth", f"more than {MAX_DEPTH} firms deep")
            _check_child(entry, child, case)
            if not _is_told(child):
                declaration.docket.note(
                    f"step 23: the attestation {child.statement_id[:16]}… below is left open"
                )


def _below(
    declaration: Statement, exhibits: Sequence[Exhibit], case: Case, path: tuple[str, ...]
) -> Iterator[tuple[int, SubTierEntry, Exhibit]]:
    """Every answer at hand below a declaration, with its depth; a circle is followed once."""
    for entry in entries_of(declaration, case):
        if entry.org == declaration.signer_org:
            raise VerificationError("sub.cycle", "a firm is listed as its own supplier")
        for child in exhibits:
            statement = child.statement
            if statement is None or statement.name not in _ANSWERING:
                continue
            if statement.signer_org in path or not _refers(entry, statement, case):
                continue
            yield len(path), entry, child
            if statement.name == DECLARATION and len(path) <= MAX_DEPTH:
                yield from _below(statement, exhibits, case, (*path, statement.signer_org))


def _check_child(entry: SubTierEntry, child: Exhibit, case: Case) -> None:
    if child.statement_id in case.refused:
        codes = ", ".join(child.docket.verdict(None).codes)
        raise VerificationError("sub.invalid", f"{child.statement_id[:16]}… below: {codes}")
    statement = child.statement
    if entry.role is None or statement is None or statement.name != AI_GOVERNANCE:
        return
    described = opened_or_none(lambda: (case.descriptor(statement.subject_sha256),))
    if any(one.roles.get(entry.role) == "no" for one in described):
        raise VerificationError("sub.invalid", f"the firm below is no {entry.role} of it")


def _is_told(child: Exhibit) -> bool:
    return child.docket.verdict(None).status == "VALID"
