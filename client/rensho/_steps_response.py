"""Step 19: a response is atomic, and only its newest declaration says what belongs to it."""

from __future__ import annotations

from rensho.case import Case, Settled, is_of_response, opened_or_none
from rensho.documents import ComponentLine, DeclarationDocument
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.keyring import NOT_LOGGED
from rensho.statement import AI_GOVERNANCE, DECLARATION, Statement


def check_response(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 19 (for an answering statement)."""
    # (19) the newest declaration lists exactly these statements, of one revision
    with exhibit.docket.step(19):
        if statement.name == DECLARATION:
            _check_newest(exhibit, statement, case)
            document = _document(statement, case)
            _check_own_revision(statement, document)
            for line in document.components:
                _check_line(exhibit, statement, line, case)
            _check_nothing_besides(statement, document, case)
        else:
            _check_listed(exhibit, statement, case)


def _document(statement: Statement, case: Case) -> DeclarationDocument:
    if (statement.subject_sha256, "declaration") not in case.files.documents:
        raise VerificationError("response.incomplete", "the declaration document is not in hand")
    return case.declaration(statement)


def _check_newest(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    own = exhibit.position or NOT_LOGGED
    revision = statement.predicate["response"]["revision"]
    for other in case.settled.values():
        if other.statement.id == statement.id or not is_of_response(other.statement, statement):
            continue
        newer = other.statement.predicate["response"]["revision"] > revision
        if newer or (other.statement.name == DECLARATION and other.position > own):
            raise VerificationError("response.stale", "there is a newer revision of the response")


def _check_own_revision(statement: Statement, document: DeclarationDocument) -> None:
    if document.response.to_json() != {
        name: statement.predicate["response"][name] for name in ("id", "revision")
    }:
        raise VerificationError("response.mixed", "statement and document name two revisions")


def _check_line(exhibit: Exhibit, declaration: Statement, line: ComponentLine, case: Case) -> None:
    listed = case.settled.get(line.statement)
    if listed is None:
        raise VerificationError("response.incomplete", "a listed statement is not in hand")
    component = listed.statement
    same = (
        component.name == AI_GOVERNANCE
        and component.signer_org == declaration.signer_org
        and component.response == declaration.response
        and component.subject_sha256 == line.descriptor
        and component.predicate["questionnaire"] == declaration.predicate["questionnaire"]
    )
    if not same:
        raise VerificationError("response.mixed", "a listed statement is of something else")
    if listed.position > (exhibit.position or NOT_LOGGED):
        raise VerificationError("response.mixed", "a listed statement was logged afterwards")
    _check_same_audience(declaration, component, case)


def _check_same_audience(declaration: Statement, component: Statement, case: Case) -> None:
    public = [one.predicate["audience"] == "public" for one in (declaration, component)]
    if public[0] != public[1]:
        raise VerificationError("response.mixed", "one is public and the other is not")
    ours = {reader.org for reader in case.readers_in_hand(declaration)}
    theirs = {reader.org for reader in case.readers_in_hand(component)}
    if ours and theirs and ours != theirs:
        raise VerificationError("response.mixed", "made for other readers than the declaration")


def _check_nothing_besides(
    declaration: Statement, document: DeclarationDocument, case: Case
) -> None:
    listed = {line.statement for line in document.components}
    for one in case.named(AI_GOVERNANCE):
        besides = (
            is_of_response(one.statement, declaration)
            and one.statement.response == declaration.response
            and one.statement.id not in listed
        )
        if besides:
            raise VerificationError("response.mixed", "a statement of this revision is not listed")


def _check_listed(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    declaration = case.declaration_of(statement)
    if declaration is None and exhibit.granted:
        # Declarations are never granted: the grant itself says which one statement counts.
        exhibit.docket.note("step 19: granted, read without its declaration")
        return
    if declaration is None:
        raise VerificationError("response.incomplete", "no declaration lists this statement")
    document = _document(declaration.statement, case)
    if statement.id in {line.statement for line in document.components}:
        return
    if _is_older(statement, declaration):
        raise VerificationError("response.stale", "a newer declaration does not list it")
    raise VerificationError("response.mixed", "the declaration does not list this statement")


def _is_older(statement: Statement, declaration: Settled) -> bool:
    ours = int(statement.predicate["response"]["revision"])
    return ours < int(declaration.statement.predicate["response"]["revision"])


def components_of(declaration: Statement, case: Case) -> frozenset[str]:
    """The ids a declaration lists; none where its document is not in hand or does not hold."""
    lines = opened_or_none(lambda: case.declaration(declaration).components)
    return frozenset(line.statement for line in lines)
