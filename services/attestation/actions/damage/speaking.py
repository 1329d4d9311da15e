"""Grants and withdrawals, against the statements that say them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from rensho import strict_json, times
from rensho.errors import VerificationError
from sqlalchemy import select

from services.attestation.rules import submissions as rules
from services.attestation.store.speaking import Grantee, Withdrawal
from services.attestation.store.statements import Disclosure, Statement
from services.kit.damage import Damage, Look, damaged


def grants(look: Look) -> Iterator[Damage]:
    """Look at whom grants open what: a row that says more than was signed opens a statement."""
    query = select(Grantee, Statement).join(Statement, Statement.statement_id == Grantee.grant_id)
    for row, statement in look.each(query):
        texts = list(
            look.tx.scalars(
                select(Disclosure.text).where(
                    Disclosure.statement_id == row.grant_id, Disclosure.kind == "audience"
                )
            )
        )
        try:
            (entry,) = rules.readers(texts)
            told = strict_json.loads(statement.payload)["predicate"]
            end = times.read(told["validity"]["notAfter"])
            signed = {
                "statement_id": statement.subject_sha256,
                "owner_org_id": statement.owner_org_id,
                "org_id": rules.reader_of(entry),
                "request_id": UUID(entry.request_id),
                "answers": told["answers"],
                "onward": entry.onward,
                "not_after": min(entry.not_after, end),
            }
        except (VerificationError, LookupError, ValueError, TypeError):
            # Statement or entry are damaged themselves, and named where those are looked at.
            continue
        for column, value in signed.items():
            if getattr(row, column) != value:
                yield damaged(row, f"{column} is not what was signed")
    missing = select(Statement).where(
        Statement.type == "grant",
        ~select(Grantee.grant_id).where(Grantee.grant_id == Statement.statement_id).exists(),
    )
    for statement in look.each(missing):
        yield Damage("grantee", statement.statement_id, "missing")


def withdrawals(look: Look) -> Iterator[Damage]:
    """Look at what was taken back: a row less lets stand what its firm withdrew."""
    query = (
        select(Withdrawal, Statement)
        .select_from(Statement)
        .outerjoin(Withdrawal, Withdrawal.statement_id == Statement.statement_id)
        .where(Statement.type == "withdrawal")
    )
    for row, statement in look.each(query):
        if row is None:
            yield Damage("withdrawal", statement.statement_id, "missing")
            continue
        if (row.target_id, row.owner_org_id) != (
            statement.subject_sha256,
            statement.owner_org_id,
        ):
            yield damaged(row, "it is of another statement than was signed")
        try:
            effect = strict_json.loads(statement.payload)["predicate"]["effect"]
        except (VerificationError, LookupError, TypeError):
            # The payload itself is damaged, and named where statements are looked at.
            continue
        if row.effect != effect:
            yield damaged(row, "effect is not what was signed")
