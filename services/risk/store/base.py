"""The schema all tables of risk live in, and the types their columns have."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

from services.kit.db import NAMING, plumbing

metadata = MetaData(schema="risk", naming_convention=NAMING)
PLUMBING = plumbing(metadata)

Json = dict[str, Any]


class Base(DeclarativeBase):
    """All tables of risk."""

    metadata = metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        list[int]: JSONB,
        list[UUID]: ARRAY(Uuid),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }
