"""What grants open, and the word of suppliers on what was typed in for them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0005'
down_revision: str | None = '0004'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('granted',
    sa.Column('grant_id', sa.Text(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('component', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('grant_id', name=op.f('pk_granted')),
    schema='risk'
    )
    op.create_index('ix_granted_ends', 'granted', ['respondent_org_id', 'requester_org_id'], unique=False, schema='risk')
    op.create_table('sheet_word',
    sa.Column('declaration_id', sa.Text(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('confirmed', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('declaration_id', name=op.f('pk_sheet_word')),
    schema='risk'
    )


def downgrade() -> None:
    op.drop_table('sheet_word', schema='risk')
    op.drop_table('granted', schema='risk')
