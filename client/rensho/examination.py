"""The order of the steps after a statement's signature holds: one list for reader and server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rensho._steps_content import check_disclosures, check_documents
from rensho._steps_context import check_audience, check_matter, check_signer
from rensho._steps_response import check_response
from rensho._steps_status import check_status
from rensho._steps_targets import check_target
from rensho._steps_time import check_key_state
from rensho._sub_tiers import firms_above
from rensho.case import Case
from rensho.exhibit import Exhibit
from rensho.history import History
from rensho.statement import AI_GOVERNANCE, DECLARATION, GRANT, RISK_SNAPSHOT, Statement

MAIN: Final = frozenset({AI_GOVERNANCE, DECLARATION, GRANT, RISK_SNAPSHOT})
_ADDRESSED: Final = frozenset({AI_GOVERNANCE, DECLARATION, GRANT})
_ANSWERING: Final = frozenset({AI_GOVERNANCE, DECLARATION})


def examine_context(exhibits: Sequence[Exhibit], case: Case) -> None:
    """Run steps 14 to 19 over statements that may lean on each other, as far as they apply.

    Who may say such a thing is settled of all of them before anything said has an effect: a
    withdrawal or a grant by the wrong hand is refused, and changes nothing else.
    """
    for exhibit, statement in _spoken(exhibits):
        exhibit.handed_on_by = firms_above(statement, case)
        check_key_state(exhibit, statement, case.ring)
        check_signer(exhibit, statement, case)
    leave_out_refuted(exhibits, case)
    for exhibit, statement in _spoken(exhibits):
        check_target(exhibit, statement, case)
    leave_out_refuted(exhibits, case)
    for exhibit, statement in _spoken(exhibits):
        if statement.name in _ADDRESSED:
            check_audience(exhibit, statement, case)
        else:
            exhibit.docket.skip(16)
        if statement.name in _ANSWERING:
            check_matter(exhibit, statement, case)
            check_response(exhibit, statement, case)
        else:
            exhibit.docket.skip(17, 19)


def leave_out_refuted(exhibits: Sequence[Exhibit], case: Case) -> None:
    """Take from what was found against a statement its effect on others."""
    case.refused.update(one.statement_id for one in exhibits if one.docket.refuted)


def examine_status(exhibits: Sequence[Exhibit], case: Case, history: History) -> None:
    """Run steps 20 and 21; what is no main statement keeps its effect after its `notAfter`."""
    for exhibit, statement in _spoken(exhibits):
        if statement.name in MAIN:
            check_status(exhibit, statement, case, history)
        else:
            exhibit.docket.skip(20, 21)


def examine_content(exhibits: Sequence[Exhibit], case: Case) -> None:
    """Run steps 22 and 23."""
    for exhibit, statement in _spoken(exhibits):
        if statement.name in MAIN:
            check_documents(exhibit, statement, case)
        else:
            exhibit.docket.skip(22)
        check_disclosures(exhibit, statement, case)


def _spoken(exhibits: Sequence[Exhibit]) -> Iterator[tuple[Exhibit, Statement]]:
    for exhibit in exhibits:
        if exhibit.statement is not None:
            yield exhibit, exhibit.statement
