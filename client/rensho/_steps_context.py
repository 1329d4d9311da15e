"""Steps 15 to 17: who speaks, to whom, and about what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rensho import disclosure
from rensho.case import Case, opened_or_none
from rensho.entries import Reader
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.expectations import ANY, AnyValue, ExpectedRequest
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
    WITHDRAWAL: _SUPPLIER | _TYPIST | {"requester", "assessor"},
    REQUEST: frozenset({"requester"}),
    REVIEW: frozenset({"requester", "assessor"}),
    KEY_EVENT: frozenset({"operator"}),
    STATUS: frozenset({"operator"}),
    RISK_SNAPSHOT: frozenset({"service"}),
}
_ANSWERING: Final = (AI_GOVERNANCE, DECLARATION)
_PSEUDONYM: Final = "urn:rensho:pseudonym:"


def check_signer(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 15."""
    docket = exhibit.docket

    # (15) the key is this organization's, in this role, and counts on this link
    with docket.step(15):
        if statement.signer_role not in _ROLES[statement.name]:
            raise VerificationError("signer.role", f"no {statement.signer_role} signs such a thing")
        if statement.name in _ANSWERING:
            _check_answering_role(exhibit, statement, case)
        if exhibit.fixed_role is None:
            _check_enrolled_signer(exhibit, statement, case)
            return
        if statement.signer_role != exhibit.fixed_role:
            raise VerificationError("signer.role", "Trust gives this key another role")
        if statement.signer_org != case.deployment.operator_org:
            raise VerificationError("signer.org_mismatch", "the key is the operator's")


def _check_answering_role(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    role = statement.signer_role
    if (role in _TYPIST) != (statement.predicate["origin"] == "transcribed"):
        raise VerificationError("signer.role", "transcribed answers are signed by who typed them")
    wanted = ANY if exhibit.handed_on_by else case.expect.signer_role
    if wanted is not ANY and role != wanted:
        raise VerificationError("signer.role", f"signed by a {role}")


def _check_enrolled_signer(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    record = case.ring.record(statement.signer_key_id, statement.signer_org)
    if record is None:
        # Only a certificate brings a key this far that is enrolled for nobody: `key.unknown`. What
        # it says in an organization's name changes nothing for that organization.
        case.refused.add(statement.id)
        case.ring.key(statement.signer_key_id)
        raise VerificationError("signer.org_mismatch", "the key is another organization's")
    if statement.signer_role not in record.roles(exhibit.position or NOT_LOGGED):
        raise VerificationError("signer.role", "the key was not enrolled for this role")
    if statement.name not in (*_ANSWERING, GRANT):
        return
    askers = exhibit.handed_on_by or {case.asker()}
    if statement.signer_org not in askers and not any(
        _is_vouched_for(record, asker, case) for asker in askers
    ):
        raise VerificationError("key.pending", "nobody on this link has vouched for the key")


def _is_vouched_for(record: KeyRecord, asker: str | None, case: Case) -> bool:
    """A key counts on a link by the asker's own invitation to that link, or its confirmation."""
    links = {entry.link for request, entry in case.requests() if request.signer_org == asker}
    vouchers = record.vouched_for_by(asker)
    return any(not links or voucher.link in links for voucher in vouchers)


def check_audience(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """Run step 16 (for an answering statement or a grant)."""
    docket = exhibit.docket

    # (16) opened to me, on my request, and not past its end; or granted; or handed on from below
    with docket.step(16):
        if statement.predicate["audience"] == "public":
            docket.note("step 16: the statement is public")
            return
        if exhibit.handed_on_by:
            _check_handed_on(exhibit, statement, case)
            return
        readers = case.readers_in_hand(statement)
        me = case.expect.audience
        mine = tuple(one for one in readers if me is ANY or one.org == me)
        if not mine and _is_granted(exhibit, statement, case):
            exhibit.granted = True
            return
        if not mine and readers:
            raise VerificationError("context.audience", "opened to somebody else")
        if not mine and (me is not ANY or case.expect.request is not ANY):
            raise VerificationError("context.not_opened", "no audience entry was handed over")
        for reader in mine:
            _check_reader(exhibit, reader, case, case.expect.request)


def _check_reader(
    exhibit: Exhibit, reader: Reader, case: Case, wanted: ExpectedRequest | AnyValue
) -> None:
    if reader.not_after < case.now:
        raise VerificationError("context.audience", "the reader's time is over")
    if wanted is not ANY:
        if (reader.request_id, reader.nonce) != (wanted.request_id, wanted.nonce):
            raise VerificationError("context.nonce", "made for another request")
        return
    asked = [entry for request, entry in case.requests() if request.signer_org == reader.org]
    if not asked:
        exhibit.docket.note("step 16: no request in hand, the nonce was compared with nothing")
    elif all((reader.request_id, reader.nonce) != (one.request_id, one.nonce) for one in asked):
        raise VerificationError("context.nonce", "made for another request")


def _check_handed_on(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    """An answer of a firm below is judged by the firm above, and by how far that may show it."""
    readers = case.readers_in_hand(statement)
    if not readers:
        raise VerificationError("context.not_opened", "the firm above shows no entry of its own")
    above = [one for one in readers if one.org in exhibit.handed_on_by]
    if not above:
        raise VerificationError("context.audience", "opened to somebody else than the firm above")
    for reader in above:
        _check_reader(exhibit, reader, case, ANY)
        is_named = not statement.signer_org.startswith(_PSEUDONYM)
        if reader.onward == "none" or (is_named and reader.onward != "named"):
            raise VerificationError("context.onward", f"may be shown on: {reader.onward}")


def _is_granted(exhibit: Exhibit, statement: Statement, case: Case) -> bool:
    """Whether a grant opens the statement to the expected reader (never a declaration)."""
    granted = False
    for one in case.named(GRANT):
        grant = one.statement
        if grant.subject_sha256 != statement.id:
            continue
        for reader in case.readers_in_hand(grant):
            if reader.org == case.expect.audience:
                _check_grant(exhibit, grant, reader, statement, case)
                granted = True
    return granted


def _check_grant(
    exhibit: Exhibit, grant: Statement, reader: Reader, target: Statement, case: Case
) -> None:
    if target.name != AI_GOVERNANCE or grant.signer_org != target.signer_org:
        raise VerificationError("context.grant", "not granted by who made it")
    if grant.id in case.refused or _is_taken_back(grant, case):
        raise VerificationError("context.grant", "the grant does not stand")
    if not grant.not_before <= case.now <= grant.not_after:
        raise VerificationError("context.grant", "the grant is not valid now")
    try:
        _check_reader(exhibit, reader, case, case.expect.request)
    except VerificationError as why:
        raise VerificationError("context.grant", why.detail) from why
    opened = {disclosure.digest(text) for text in case.texts(target.id, "answers")}
    if not opened <= set(grant.predicate["answers"]):
        raise VerificationError("context.grant", "an answer is opened that was not granted")


def _is_taken_back(grant: Statement, case: Case) -> bool:
    listed = case.listed is not None and grant.id in case.listed.document.retracted
    return listed or any(
        (one.statement.subject_sha256, one.statement.signer_org) == (grant.id, grant.signer_org)
        for one in case.standing(WITHDRAWAL)
    )


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
            _check_scope(exhibit, statement, case)


def _check_questionnaire(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    named = statement.predicate["questionnaire"]
    wanted = ANY if exhibit.handed_on_by else case.expect.questionnaire
    ids = {(reader.request_id, reader.nonce) for reader in case.readers_in_hand(statement)}
    for request, entry in case.requests():
        answers_it = (entry.request_id, entry.nonce) in ids
        if answers_it and request.subject_sha256 != named["digest"]:
            raise VerificationError("context.questionnaire", "another one than the request's")
    if (named["digest"], "questionnaire") not in case.files.documents:
        if wanted is not ANY:
            raise VerificationError("content.missing", "the questionnaire is not in hand")
        exhibit.docket.note("step 17: no questionnaire in hand, questions were not compared")
        return
    document = case.questionnaire(named["digest"])
    packs = {(pack.id, pack.sha256) for pack in document.packs}
    if packs != {(pack["id"], pack["sha256"]) for pack in named["packs"]}:
        raise VerificationError("context.questionnaire", "packs differ from the questionnaire's")
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


def _check_scope(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    if (statement.subject_sha256, "declaration") not in case.files.documents:
        return
    scope = case.declaration(statement).scope
    wanted = ANY if exhibit.handed_on_by else case.expect.line
    goods = () if scope.goods == "all" else scope.goods
    if wanted in {*goods, *scope.products, *scope.sites}:
        return
    if wanted is not ANY and (goods or scope.kind == "products"):
        raise VerificationError("context.scope", f"nothing is said about {wanted}")
    if goods or scope.kind != "company":
        exhibit.docket.note(
            f"step 17: the scope is {scope.kind}; whether it covers your link is yours to compare"
        )
