"""Statements about statements: a grant opens one to a further reader, a withdrawal takes it back.

Both are prepared here, because here is what they speak about; they come back as submissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast
from uuid import UUID

from rensho import disclosure, sign
from rensho.blocks import audience
from rensho.dsse import statement_id as id_of
from rensho.entries import Answer, Onward, Reader
from rensho.errors import Code, VerificationError
from rensho.predicates import Role
from rensho.statement import AI_GOVERNANCE, WITHDRAWAL, Anchor, Statement
from sqlalchemy.orm import Session

from services.attestation.actions.refusals import (
    AlreadyWithdrawn,
    KeyNotUsable,
    NotGrantable,
    RequestNotKnownYet,
    Unsignable,
)
from services.attestation.actions.trust import deployment
from services.attestation.rules import key_life
from services.attestation.rules import submissions as rules
from services.attestation.rules.names import org_urn
from services.attestation.rules.submissions import Disclosures
from services.attestation.store import keys, known, log, speaking, statements
from services.attestation.store.speaking import Grantee, Withdrawal
from services.attestation.store.statements import Disclosure
from services.kit.auth import Principal
from services.kit.problems import Invalid, NotFound

Effect = Literal["retracted", "superseded"]
_VALID_FOR: Final = timedelta(days=400)
_NOT_WITHDRAWN: Final = frozenset({WITHDRAWAL, "key-event", "status", "risk-snapshot"})


@dataclass(frozen=True)
class Hand:
    """Who is about to sign: key, role, when, and the checkpoint they had seen."""

    key_id: str
    role: str
    attested_at: datetime
    anchor: Anchor


@dataclass(frozen=True)
class Prepared:
    """One statement to sign as it is, with the disclosures that go into the submission."""

    kind: Literal["grant", "withdrawal"]
    payload: bytes
    disclosures: Disclosures

    @property
    def statement_id(self) -> str:
        """The id it will have."""
        return id_of(self.payload)


@dataclass(frozen=True)
class Opening:
    """What a grant shall open of a component statement, and on whose request.

    `questions` None means every answer that the statement opens to its own readers.
    """

    statement_id: str
    request_id: UUID
    questions: Sequence[str] | None
    onward: Onward
    not_after: datetime


def prepare_grant(tx: Session, who: Principal, hand: Hand, wish: Opening) -> Prepared:
    """Lay out a grant for signing; it reads as long as it is valid.

    Raises:
        NotFound: no logged statement of this firm.
        NotGrantable: not a component statement, or it was taken back.
        RequestNotKnownYet: no request that this firm was asked.
        Invalid: a question that the statement opens no answer to.
        KeyNotUsable: the key does not sign for this firm now.
        Unsignable: what is asked does not fit what can be signed.
    """
    target = _own_logged(tx, who, wish.statement_id)
    if target.type != AI_GOVERNANCE or speaking.withdrawals_of(tx, [target.statement_id]):
        msg = "a grant opens a component statement that was not taken back"
        raise NotGrantable(msg)
    asked = known.requests_by_id(tx, [wish.request_id]).get(wish.request_id)
    links = {link.link_id for link in known.links_of_respondent(tx, who.org)}
    if asked is None or asked.link_id not in links:
        raise RequestNotKnownYet
    answers = _digests(tx, target.statement_id, wish.questions)
    try:
        block, texts = audience(
            [
                Reader(
                    org=org_urn(asked.requester_org_id),
                    request_id=str(asked.request_id),
                    nonce=asked.nonce,
                    onward=wish.onward,
                    not_after=wish.not_after,
                )
            ]
        )
        payload = sign.grant(
            _common(tx, who, hand, wish.not_after),
            statement_id=target.statement_id,
            audience=block,
            answers=answers,
        )
    except VerificationError as why:
        raise Unsignable(why.detail or why.code, codes=[why.code]) from why
    return Prepared("grant", payload, {id_of(payload): {"audience": list(texts)}})


def prepare_withdrawal(
    tx: Session, who: Principal, hand: Hand, statement_id: str, effect: Effect, reason: str
) -> Prepared:
    """Lay out a withdrawal for signing; any key of the firm may sign it.

    Raises:
        NotFound: no logged statement of this firm, or of a type that is not taken back.
        AlreadyWithdrawn: it was, in this way.
        KeyNotUsable: the key does not sign for this firm now.
        Unsignable: what is asked does not fit what can be signed.
    """
    target = _own_logged(tx, who, statement_id)
    if target.type in _NOT_WITHDRAWN:
        msg = "no such statement to take back"
        raise NotFound(msg)
    _refuse_again(tx, target.statement_id, effect)
    try:
        payload = sign.withdrawal(
            _common(tx, who, hand, hand.attested_at + _VALID_FOR),
            statement_id=target.statement_id,
            effect=effect,
            reason=reason,
        )
    except VerificationError as why:
        raise Unsignable(why.detail or why.code, codes=[why.code]) from why
    return Prepared("withdrawal", payload, {})


def wrong_with_grant(tx: Session, grant: Statement, given: Disclosures) -> set[Code]:
    """Return what only the server can find wrong with a grant (profile section 2)."""
    found: set[Code] = set()
    if len(given.get(grant.id, {}).get("audience", ())) != 1:
        found.add("context.not_opened")
    target = statements.statements_by_id(tx, [grant.subject_sha256]).get(grant.subject_sha256)
    if target is None:
        return found
    if speaking.withdrawals_of(tx, [target.statement_id]):
        found.add("validity.withdrawn")
    granted = set(grant.predicate["answers"])
    brought = {disclosure.digest(text) for text in _brought(grant, given)}
    if not brought <= granted:
        found.add("disclosure.unknown")
    if not granted <= brought | statements.digests_of(tx, target.statement_id, "answers"):
        # The reader could never open what was granted to it.
        found.add("content.missing")
    return found


def refuse_second(tx: Session, withdrawal: Statement) -> None:
    """Refuse to take a statement back twice in one way. Raises `AlreadyWithdrawn`."""
    _refuse_again(tx, withdrawal.subject_sha256, withdrawal.predicate["effect"])


def keep_grant(tx: Session, owner: UUID, grant: Statement, given: Disclosures) -> None:
    """Note whom a checked grant opens what; in force from its leaf on, see `grants.sql`."""
    (entry,) = rules.readers(given[grant.id]["audience"])
    reader = rules.reader_of(entry)
    tx.add(
        Grantee(
            grant_id=grant.id,
            statement_id=grant.subject_sha256,
            org_id=reader,
            owner_org_id=owner,
            request_id=UUID(entry.request_id),
            answers=list(grant.predicate["answers"]),
            onward=entry.onward,
            not_after=min(entry.not_after, grant.not_after),
        )
    )
    stored = statements.digests_of(tx, grant.subject_sha256, "answers")
    brought = (text for text in _brought(grant, given) if disclosure.digest(text) not in stored)
    first = statements.next_place(tx, grant.subject_sha256)
    for place, text in enumerate(brought, start=first):
        # For its owner alone: what a grant opens, it opens by the digests it names.
        tx.add(
            Disclosure(
                statement_id=grant.subject_sha256,
                kind="answers",
                digest=disclosure.digest(text),
                place=place,
                text=text,
                owner_org_id=owner,
                reader_org_id=owner,
            )
        )
    tx.flush()


def keep_withdrawal(tx: Session, owner: UUID, withdrawal: Statement) -> None:
    """Note what a checked withdrawal takes back; in force from its leaf on."""
    tx.add(
        Withdrawal(
            statement_id=withdrawal.id,
            target_id=withdrawal.subject_sha256,
            effect=withdrawal.predicate["effect"],
            owner_org_id=owner,
        )
    )
    tx.flush()


def concerned(tx: Session, target_id: str) -> frozenset[UUID]:
    """Return who must be able to learn that a statement was taken back."""
    readers = statements.readers_of(tx, [target_id]).get(target_id, [])
    return frozenset((*readers, *(one.org_id for one in speaking.grantees_of(tx, [target_id]))))


def _brought(grant: Statement, given: Disclosures) -> Sequence[str]:
    """Return the answers handed in beside a grant, which its target opened to nobody before."""
    return given.get(grant.subject_sha256, {}).get("answers", ())


def _own_logged(tx: Session, who: Principal, statement_id: str) -> statements.Statement:
    found = statements.statements_by_id(tx, [statement_id]).get(statement_id)
    if found is None or found.owner_org_id != who.org or not log.places(tx, [statement_id]):
        msg = "no such statement"
        raise NotFound(msg)
    return found


def _refuse_again(tx: Session, target_id: str, effect: str) -> None:
    if any(one.effect == effect for one in speaking.withdrawals_of(tx, [target_id])):
        msg = f"this statement was {effect} before"
        raise AlreadyWithdrawn(msg)


def _digests(tx: Session, statement_id: str, questions: Sequence[str] | None) -> list[str]:
    by_question = {
        Answer.from_json(disclosure.parse(one.text).value).question: disclosure.digest(one.text)
        for one in statements.disclosures_of(tx, [statement_id])
        if one.kind == "answers"
    }
    if unknown := set(questions or ()) - by_question.keys():
        msg = f"the statement opens no answer to {min(unknown)}"
        raise Invalid(msg)
    return sorted(by_question[one] for one in (by_question if questions is None else questions))


def _common(tx: Session, who: Principal, hand: Hand, not_after: datetime) -> sign.Common:
    here = deployment(tx)
    events = keys.events_of(tx, who.org, hand.key_id)
    if key_life.standing(events).state != "enrolled" or hand.role not in events[-1].roles:
        msg = "this key does not sign in this role for you now"
        raise KeyNotUsable(msg)
    return sign.Common(
        base=here.predicate_base,
        deployment=here.origin,
        org=org_urn(who.org),
        role=cast("Role", hand.role),
        key_id=hand.key_id,
        attested_at=hand.attested_at,
        anchor=hand.anchor,
        not_before=hand.attested_at,
        not_after=not_after,
    )
