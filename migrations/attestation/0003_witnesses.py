"""Witness cosignatures over checkpoints."""

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
    op.create_table('witness_policy',
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('names', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('keys', postgresql.ARRAY(sa.LargeBinary()), nullable=False),
    sa.Column('quorum', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_witness_policy')),
    schema='attestation'
    )
    op.create_table('cosignature',
    sa.Column('checkpoint_seq', sa.BigInteger(), nullable=False),
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('line', sa.LargeBinary(), nullable=False),
    sa.Column('cosigned_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['checkpoint_seq'], ['attestation.checkpoint.seq'], name=op.f('fk_cosignature_checkpoint_seq')),
    sa.PrimaryKeyConstraint('checkpoint_seq', 'key', name=op.f('pk_cosignature')),
    schema='attestation'
    )


def downgrade() -> None:
    op.drop_table('cosignature', schema='attestation')
    op.drop_table('witness_policy', schema='attestation')
