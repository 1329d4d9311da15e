"""The schema all tables of this service live in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, mapped_column

from services.kit.db import NAMING, plumbing

metadata = MetaData(schema="attestation", naming_convention=NAMING)
PLUMBING = plumbing(metadata)

Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Bytes = Annotated[bytes, mapped_column(LargeBinary)]
Big = Annotated[int, mapped_column(BigInteger)]
Texts = Annotated[list[str], mapped_column(ARRAY(Text))]
Sha256 = Annotated[str, mapped_column(Text)]


class Base(DeclarativeBase):
    """A table of the attestation schema."""

    metadata = metadata
    type_annotation_map = {str: Text, UUID: Uuid}  # noqa: RUF012 (SQLAlchemy's own form)
