"""Colleagues who join a firm by a link that one of its members sent."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0002'
down_revision: str | None = '0001'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('invitation', sa.Column('colleague_of', sa.Uuid(), nullable=True), schema='identity')
    op.add_column('invitation', sa.Column('colleague_name', sa.Text(), nullable=True), schema='identity')


def downgrade() -> None:
    op.drop_column('invitation', 'colleague_name', schema='identity')
    op.drop_column('invitation', 'colleague_of', schema='identity')
