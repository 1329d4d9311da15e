"""Talks about cost and help given, for the page of management."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0008'
down_revision: str | None = '0007'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('dialogue',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('said_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_dialogue')),
    schema='risk'
    )
    op.create_index('ix_dialogue_org', 'dialogue', ['org_id', 'said_at'], unique=False, schema='risk')


def downgrade() -> None:
    op.drop_table('dialogue', schema='risk')
