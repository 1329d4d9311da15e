"""What is bought on a link, product lines, merged records."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0003'
down_revision: str | None = '0002'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('label', sa.Column('product_lines', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False), schema='risk')
    op.create_table('link_class',
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('classification', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('link_id', name=op.f('pk_link_class')),
    schema='risk'
    )
    op.create_table('merged',
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('kept_supplier_id', sa.Uuid(), nullable=False),
    sa.Column('undone', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('link_id', name=op.f('pk_merged')),
    schema='risk'
    )


def downgrade() -> None:
    op.drop_table('merged', schema='risk')
    op.drop_table('link_class', schema='risk')
    op.drop_column('label', 'product_lines', schema='risk')
