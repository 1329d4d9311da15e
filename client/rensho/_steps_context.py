"""Steps 15 to 18: who speaks, to whom, about what, and about which earlier statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rensho.case import Case, Settled, is_of_response, opened_or_none
from rensho.entries import Reader
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.expectations import ANY
from rensho.keyring import NOT_LOGGED, KeyRecord
from rensho.predicates import Role
from rensho.statement import (
    AI_GOVERNANCE,
    DECLARATION,
    GRANT,
    KEY_EVENT,
    REQUEST,
    REVIEW,
    RISK_SNAPSHOT,
    STATUS,
    WITHDRAWAL,
    Statement,
    TypeName,
)

_SUPPLIER: Final[frozenset[Role]] = frozenset(
    {"responsible-officer", "ai-governance-lead", "delegate"}
)
_TYPIST: Final[frozenset[Role]] = frozenset({"transcriber"})
_ROLES: Final[Mapping[TypeName, frozenset[Role]]] = {
    AI_GOVERNANCE: _SUPPLIER | _TYPIST,
    DECLARATION: _SUPPLIER | _TYPIST,
    GRANT: _SUPPLIER,
    WITHDRAWAL: _SUPPLIER | _TYPIST | {"requester"},
    REQUEST: frozenset({"requester"}),
    REVIEW: frozenset({"requester", "assessor"}),
    KEY_EVENT: frozenset({"operator"}),
    STATUS: frozenset({"operator"}),
    RISK_SNAPSHOT: frozenset({"service"}),
}
_ANSWERING: Final = (AI_GOVERNANCE, DECLARATION)


def check_signer(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 15."""
    docket = exhibit.docket

    # (15) the key is this organization's, in this role, and counts on this link
    with docket.step(15):
        if statement.signer_role not in _ROLES[statement.name]:
            raise VerificationError("signer.role", f"no {statement.signer_role} signs such a thing")
        if statement.name in _ANSWERING:
            _check_answering_role(statement, case)
        if exhibit.fixed_role is None:
            _check_enrolled_signer(exhibit, statement, case)
            return
        if statement.signer_role != exhibit.fixed_role:
            raise VerificationError("signer.role", "Trust gives this key another role")
        if statement.signer_org != case.deployment.operator_org:
            raise VerificationError("signer.org_mismatch", "the key is the operator's")


def _check_answering_role(statement: Statement, case: Case) -> None:
    role = statement.signer_role
    if (role in _TYPIST) != (statement.predicate["origin"] == "transcribed"):
        raise VerificationError("signer.role", "transcribed answers are signed by who typed them")
    if case.expect.signer_role is not ANY and role != case.expect.signer_role:
        raise VerificationError("signer.role", f"signed by a {role}")


def _check_enrolled_signer(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    record = case.ring.record(statement.signer_key_id, statement.signer_org)
    if record is None:
        raise VerificationError("signer.org_mismatch", "the key is another organization's")
    if statement.signer_role not in record.roles(exhibit.position or NOT_LOGGED):
        raise VerificationError("signer.role", "the key was not enrolled for this role")
    if statement.name in (*_ANSWERING, GRANT) and statement.signer_org != case.asker():
        _check_vouched(record, case)


def _check_vouched(record: KeyRecord, case: Case) -> None:
    """A key counts on a link by the asker's own invitation to that link, or its confirmation."""
    asker = case.asker()
    links = {entry.link for request, entry in case.requests() if request.signer_org == asker}
    for voucher in record.vouched_for_by(asker):
        if not links or voucher.link in links:
            return
    raise VerificationError("key.pending", "nobody on this link has vouched for the key")


def check_audience(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 16 (for an answering statement or a grant)."""
    docket = exhibit.docket

    # (16) opened to me, on my request, and not past its end
    with docket.step(16):
        if statement.predicate["audience"] == "public":
            docket.note("step 16: the statement is public")
            return
        readers = case.readers_in_hand(statement)
        me = case.expect.audience
        mine = tuple(one for one in readers if me is ANY or one.org == me)
        if not mine and _is_granted(statement, case):
            return
        if not mine and readers:
            raise VerificationError("context.audience", "opened to somebody else")
        if not mine and (me is not ANY or case.expect.request is not ANY):
            raise VerificationError("context.not_opened", "no audience entry was handed over")
        for reader in mine:
            _check_reader(exhibit, reader, case)


def _check_reader(exhibit: Exhibit, reader: Reader, case: Case) -> None:
    if reader.not_after < case.now:
        raise VerificationError("context.audience", "the reader's time is over")
    wanted = case.expect.request
    if wanted is not ANY:
        if (reader.request_id, reader.nonce) != (wanted.request_id, wanted.nonce):
            raise VerificationError("context.nonce", "made for another request")
        return
    asked = [entry for request, entry in case.requests() if request.signer_org == reader.org]
    if not asked:
        exhibit.docket.note("step 16: no request in hand, the nonce was compared with nothing")
    elif all((reader.request_id, reader.nonce) != (one.request_id, one.nonce) for one in asked):
        raise VerificationError("context.nonce", "made for another request")


def _is_granted(statement: Statement, case: Case) -> bool:
    """Whether a valid grant opens the statement to the expected reader (never a declaration)."""
    granted = False
    for grant in case.named(GRANT):
        if grant.statement.subject_sha256 != statement.id:
            continue
        for reader in case.readers_in_hand(grant.statement):
            if reader.org != case.expect.audience:
                continue
            if (
                statement.name != AI_GOVERNANCE
                or grant.statement.signer_org != statement.signer_org
            ):
                raise VerificationError("context.grant", "not granted by who made it")
            if not grant.statement.not_before <= case.now <= grant.statement.not_after:
                raise VerificationError("context.grant", "the grant is not valid now")
            granted = True
    return granted


def check_matter(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 17 (for an answering statement)."""
    docket = exhibit.docket

    # (17) what was asked, which component, and how far it reaches
    with docket.step(17):
        _check_questionnaire(exhibit, statement, case)
    with docket.step(17):
        if statement.name == AI_GOVERNANCE:
            _check_component_in_hand(statement, case)
        else:
            _note_scope(exhibit, statement, case)


def _check_questionnaire(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    named = statement.predicate["questionnaire"]
    ids = {(reader.request_id, reader.nonce) for reader in case.readers_in_hand(statement)}
    for request, entry in case.requests():
        answers_it = (entry.request_id, entry.nonce) in ids
        if answers_it and request.subject_sha256 != named["digest"]:
            raise VerificationError("context.questionnaire", "another one than the request's")
    if (named["digest"], "questionnaire") not in case.files.documents:
        if case.expect.questionnaire is not ANY:
            raise VerificationError("content.missing", "the questionnaire is not in hand")
        exhibit.docket.note("step 17: no questionnaire in hand, questions were not compared")
        return
    document = case.questionnaire(named["digest"])
    packs = {(pack.id, pack.sha256) for pack in document.packs}
    if packs != {(pack["id"], pack["sha256"]) for pack in named["packs"]}:
        raise VerificationError("context.questionnaire", "packs differ from the questionnaire's")
    wanted = case.expect.questionnaire
    if wanted is not ANY and (wanted.packs != packs or wanted.questions != set(document.questions)):
        raise VerificationError("context.questionnaire", "not what was expected to be asked")
    opened = opened_or_none(
        lambda: case.answers_of(statement).open(case.texts(statement.id, "answers"))
    )
    for answer in opened:
        if answer.question not in document.questions:
            raise VerificationError("context.questionnaire", "an answer to what was not asked")


def _check_component_in_hand(statement: Statement, case: Case) -> None:
    if (statement.subject_sha256, "descriptor") not in case.files.documents:
        raise VerificationError("context.component", "the component's descriptor is not in hand")


def check_expected_component(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """The expectation `component` of step 17, asked of the main statement alone."""
    wanted = case.expect.component
    if wanted is ANY or statement.name not in _ANSWERING:
        return
    with exhibit.docket.step(17):
        if statement.name == AI_GOVERNANCE:
            digests = [statement.subject_sha256]
        else:
            digests = [line.descriptor for line in case.declaration(statement).components]
        found = {
            case.descriptor(digest).supplier_component_id
            for digest in digests
            if (digest, "descriptor") in case.files.documents
        }
        if wanted not in found:
            raise VerificationError("context.component", "nothing is said about this component")


def _note_scope(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    if (statement.subject_sha256, "declaration") not in case.files.documents:
        return
    scope = case.declaration(statement).scope
    if (scope.kind, scope.goods) != ("company", "all"):
        exhibit.docket.note(
            f"step 17: the scope is {scope.kind}; whether it covers your link is yours to compare"
        )


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
            if statement.name == REVIEW:
                _check_reviewed(statement, target.statement, case)
            elif target.statement.signer_org != statement.signer_org:
                raise VerificationError("target.foreign", "another organization's statement")
            if statement.name == GRANT and target.statement.name != AI_GOVERNANCE:
                raise VerificationError("target.mismatch", "only component statements are granted")


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
    own = exhibit.position or NOT_LOGGED
    for other in case.settled.values():
        rival = other.statement.supersedes == superseded and other.statement.id != statement.id
        if rival and other.position <= own:
            raise VerificationError("target.already_superseded", "something else replaced it")
    if statement.name == AI_GOVERNANCE:
        ours = case.descriptor(statement.subject_sha256)
        theirs = case.descriptor(target.subject_sha256)
        if ours.supplier_component_id != theirs.supplier_component_id:
            raise VerificationError("target.mismatch", "about another component")


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
