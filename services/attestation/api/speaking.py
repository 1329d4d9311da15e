"""Grants and withdrawals: laid out for signing here, handed in as submissions, listed here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, Field, StringConstraints
from rensho import strict_base64
from rensho.entries import Onward
from rensho.statement import Anchor

from services.attestation.actions import speaking as preparing
from services.attestation.actions.speaking import Hand, Opening, Prepared
from services.attestation.store import speaking
from services.kit.auth import Who, needs
from services.kit.clock import whole_second
from services.kit.web import Cursor, Limit, Model, Page, Tx

router = APIRouter(tags=["statements"])
_PREPARE = [needs("submissions.write")]
_READ = [needs("statements.read")]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
SupplierRole = Literal[
    "responsible-officer", "ai-governance-lead", "delegate", "transcriber", "requester"
]


class AnchorIn(Model):
    """The checkpoint the signer has seen; `root_hash` as in statements: lowercase hex sha256."""

    origin: Annotated[str, Field(min_length=1, max_length=253)]
    size: Annotated[int, Field(ge=0)]
    root_hash: Sha256


class HandIn(Model):
    """Who is about to sign: the key's id (base64 sha256 of its SPKI), role, time, checkpoint."""

    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")]
    role: SupplierRole
    attested_at: AwareDatetime
    anchor: AnchorIn

    def hand(self) -> Hand:
        """Return it as the actions know it, in whole seconds."""
        return Hand(
            self.key_id,
            self.role,
            whole_second(self.attested_at),
            Anchor(self.anchor.origin, self.anchor.size, bytes.fromhex(self.anchor.root_hash)),
        )


class GrantIn(HandIn):
    """Which component statement to open, on whose request, which answers, and until when.

    `questions` null opens every answer that the statement opens to its own readers.
    """

    statement_id: Sha256
    request_id: UUID
    questions: Annotated[list[str], Field(max_length=1_000)] | None = None
    onward: Onward = "none"
    not_after: AwareDatetime


class WithdrawalIn(HandIn):
    """Which statement to take back, and why: the reason is signed and its readers see it."""

    statement_id: Sha256
    effect: Literal["retracted", "superseded"]
    reason: Prose


class PreparedOut(Model):
    """One statement to sign: DSSE over `payload` (base64) as it is.

    Hand it in as a submission of `kind` with these `disclosures`.
    """

    kind: Literal["grant", "withdrawal"]
    statement_id: str
    payload: str
    disclosures: dict[str, dict[str, list[str]]]


class GrantOut(Model):
    """A grant that your organization gave or got; it reads once it is `logged`."""

    grant_id: str
    statement_id: str
    by_org_id: UUID
    to_org_id: UUID
    request_id: UUID
    onward: str
    not_after: datetime
    logged: bool
    withdrawn: bool


class GrantsOut(Page):
    """A page of grants, by id."""

    items: list[GrantOut]


class WithdrawalOut(Model):
    """A statement that was taken back; in force once it is `logged`."""

    withdrawal_id: str
    statement_id: str
    effect: Literal["retracted", "superseded"]
    logged: bool


class WithdrawalsOut(Page):
    """A page of withdrawals, by id."""

    items: list[WithdrawalOut]


@router.post("/grants/prepare", dependencies=_PREPARE)
def prepare_grant(body: GrantIn, tx: Tx, who: Who) -> PreparedOut:
    """Lay out a grant: one further requester reads one of your component statements."""
    wish = Opening(
        body.statement_id,
        body.request_id,
        body.questions,
        body.onward,
        whole_second(body.not_after),
    )
    return _prepared(preparing.prepare_grant(tx, who, body.hand(), wish))


@router.post("/withdrawals/prepare", dependencies=_PREPARE)
def prepare_withdrawal(body: WithdrawalIn, tx: Tx, who: Who) -> PreparedOut:
    """Lay out a withdrawal of one of your statements; any of your active keys may sign it."""
    return _prepared(
        preparing.prepare_withdrawal(
            tx, who, body.hand(), body.statement_id, body.effect, body.reason
        )
    )


@router.get("/grants", dependencies=_READ)
def list_grants(tx: Tx, cursor: Cursor = None, limit: Limit = 100) -> GrantsOut:
    """List the grants your organization gave or got."""
    rows = speaking.grants(tx, cursor, limit + 1)
    back = {one.target_id for one in speaking.withdrawals_of(tx, [g.grant_id for g, _ in rows])}
    return GrantsOut(
        items=[
            GrantOut(
                grant_id=grant.grant_id,
                statement_id=grant.statement_id,
                by_org_id=grant.owner_org_id,
                to_org_id=grant.org_id,
                request_id=grant.request_id,
                onward=grant.onward,
                not_after=grant.not_after,
                logged=logged,
                withdrawn=grant.grant_id in back,
            )
            for grant, logged in rows[:limit]
        ],
        next_cursor=rows[limit - 1][0].grant_id if len(rows) > limit else None,
    )


@router.get("/withdrawals", dependencies=_READ)
def list_withdrawals(tx: Tx, cursor: Cursor = None, limit: Limit = 100) -> WithdrawalsOut:
    """List what was taken back, of your own statements and of those you may read."""
    rows = speaking.withdrawals(tx, cursor, limit + 1)
    return WithdrawalsOut(
        items=[
            WithdrawalOut(
                withdrawal_id=one.statement_id,
                statement_id=one.target_id,
                effect=cast("preparing.Effect", one.effect),
                logged=logged,
            )
            for one, logged in rows[:limit]
        ],
        next_cursor=rows[limit - 1][0].statement_id if len(rows) > limit else None,
    )


def _prepared(made: Prepared) -> PreparedOut:
    return PreparedOut(
        kind=made.kind,
        statement_id=made.statement_id,
        payload=strict_base64.encode(made.payload),
        disclosures={
            name: {kind: list(texts) for kind, texts in kinds.items()}
            for name, kinds in made.disclosures.items()
        },
    )
