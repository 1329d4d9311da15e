"""Why keys ended, and what was taken back."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0002'
down_revision: str | None = '0001'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('key_change', sa.Column('reason', sa.Text(), nullable=True), schema='risk')
    op.add_column('key_change', sa.Column('invalid_since', sa.DateTime(timezone=True), nullable=True), schema='risk')
    op.create_table('withdrawn',
    sa.Column('withdrawal_id', sa.Text(), nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('effect', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('withdrawal_id', name=op.f('pk_withdrawn')),
    schema='risk'
    )
    op.create_index('ix_withdrawn_statement', 'withdrawn', ['statement_id'], unique=False, schema='risk')


def downgrade() -> None:
    op.drop_table('withdrawn', schema='risk')
    op.drop_column('key_change', 'invalid_since', schema='risk')
    op.drop_column('key_change', 'reason', schema='risk')
