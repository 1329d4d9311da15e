"""Questionnaires for a tier and for roles, with what their requester lays over the packs."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0005'
down_revision: str | None = '0004'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    for column in (
        sa.Column('tier', sa.SmallInteger(), nullable=True),
        sa.Column('roles', _JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column('overlay', _JSONB, nullable=True),
    ):
        op.add_column('questionnaire', column, schema='questionnaire')
