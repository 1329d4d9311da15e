"""The schema all tables of this service live in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

from services.kit.db import NAMING, plumbing

metadata = MetaData(schema="attestation", naming_convention=NAMING)
PLUMBING = plumbing(metadata)

_T = TypeVar("_T")
_ANSWERS = "remembered"

Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Bytes = Annotated[bytes, mapped_column(LargeBinary)]
Big = Annotated[int, mapped_column(BigInteger)]
Texts = Annotated[list[str], mapped_column(ARRAY(Text))]
Sha256 = Annotated[str, mapped_column(Text)]


class Base(DeclarativeBase):
    """A table of the attestation schema."""

    metadata = metadata
    type_annotation_map = {str: Text, UUID: Uuid}  # noqa: RUF012 (SQLAlchemy's own form)


def remember(tx: Session) -> None:
    """Let this transaction ask each `remembered` question once: what it judges, it judges alike."""
    tx.info[_ANSWERS] = {}


def remembered(query: Callable[..., _T]) -> Callable[..., _T]:
    """Mark a query whose answer no write of the same transaction can alter."""

    @wraps(query)
    def ask(tx: Session, *of: Any) -> _T:
        answers: dict[Any, _T] | None = tx.info.get(_ANSWERS)
        if answers is None:
            return query(tx, *of)
        given = [
            frozenset(one) if isinstance(one, Iterable) and not isinstance(one, str) else one
            for one in of
        ]
        place = (query.__qualname__, *given)
        if place not in answers:
            answers[place] = query(tx, *given)
        return answers[place]

    return ask
