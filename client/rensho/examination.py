"""The order of the steps after a statement's signature holds: one list for reader and server."""

from __future__ import annotations

from typing import Final

from rensho._steps_content import check_disclosures, check_documents, check_status
from rensho._steps_context import check_audience, check_matter, check_signer, check_target
from rensho._steps_response import check_response
from rensho.case import Case
from rensho.exhibit import Exhibit
from rensho.statement import AI_GOVERNANCE, DECLARATION, GRANT, RISK_SNAPSHOT, Statement

MAIN: Final = frozenset({AI_GOVERNANCE, DECLARATION, GRANT, RISK_SNAPSHOT})
_ADDRESSED: Final = frozenset({AI_GOVERNANCE, DECLARATION, GRANT})
_ANSWERING: Final = frozenset({AI_GOVERNANCE, DECLARATION})


def examine_context(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run steps 15 to 19, as far as they apply to the type."""
    check_signer(exhibit, statement, case)
    if statement.name in _ADDRESSED:
        check_audience(exhibit, statement, case)
    else:
        exhibit.docket.skip(16)
    if statement.name in _ANSWERING:
        check_matter(exhibit, statement, case)
    else:
        exhibit.docket.skip(17)
    check_target(exhibit, statement, case)
    if statement.name in _ANSWERING:
        check_response(exhibit, statement, case)
    else:
        exhibit.docket.skip(19)


def examine_status(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run steps 20 and 21; what is no main statement keeps its effect after its `notAfter`."""
    if statement.name in MAIN:
        check_status(exhibit, statement, case)
    else:
        exhibit.docket.skip(20, 21)


def examine_content(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run steps 22 and 23."""
    if statement.name in MAIN:
        check_documents(exhibit, statement, case)
    else:
        exhibit.docket.skip(22)
    check_disclosures(exhibit, statement, case)
