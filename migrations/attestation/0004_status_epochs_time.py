"""Status lists, epochs and time-stamps.

What was logged so far is of the first epoch, number 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0004'
down_revision: str | None = '0003'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for table in ('leaf', 'node', 'checkpoint'):
        op.add_column(table, sa.Column('epoch', sa.Integer(), server_default='0', nullable=False), schema='attestation')
        op.alter_column(table, 'epoch', server_default=None, schema='attestation')
    for table, place in (('leaf', ['index']), ('node', ['level', 'index'])):
        op.drop_constraint(f'pk_{table}', table, schema='attestation')
        op.create_primary_key(f'pk_{table}', table, ['epoch', *place], schema='attestation')
    op.drop_index('ix_checkpoint_size', table_name='checkpoint', schema='attestation')
    op.create_index('ix_checkpoint_epoch_size', 'checkpoint', ['epoch', 'size'], unique=False, schema='attestation')
    op.add_column('epoch', sa.Column('succession', sa.LargeBinary(), nullable=True), schema='attestation')
    op.create_index('ix_statement_status', 'statement', ['submission_id'], unique=False, schema='attestation', postgresql_where=sa.text("type = 'status'"))
    op.create_index('ix_promise_received', 'promise', ['received_at'], unique=False, schema='attestation')
    op.create_table('epoch_freeze',
    sa.Column('epoch', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('epoch', name=op.f('pk_epoch_freeze')),
    schema='attestation'
    )
    op.create_table('epoch_end',
    sa.Column('epoch', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('checkpoint_seq', sa.BigInteger(), nullable=False),
    sa.Column('lost', sa.LargeBinary(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['checkpoint_seq'], ['attestation.checkpoint.seq'], name=op.f('fk_epoch_end_checkpoint_seq')),
    sa.PrimaryKeyConstraint('epoch', name=op.f('pk_epoch_end')),
    schema='attestation'
    )
    op.create_table('trust_terms',
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('terms', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_trust_terms')),
    schema='attestation'
    )
    op.create_table('time_stamp',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('stamped_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_time_stamp_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', 'source', name=op.f('pk_time_stamp')),
    schema='attestation'
    )
    op.create_table('checkpoint_time_stamp',
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('stamped_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['seq'], ['attestation.checkpoint.seq'], name=op.f('fk_checkpoint_time_stamp_seq')),
    sa.PrimaryKeyConstraint('seq', 'source', name=op.f('pk_checkpoint_time_stamp')),
    schema='attestation'
    )


def downgrade() -> None:
    op.drop_table('checkpoint_time_stamp', schema='attestation')
    op.drop_table('time_stamp', schema='attestation')
    op.drop_table('trust_terms', schema='attestation')
    op.drop_table('epoch_end', schema='attestation')
    op.drop_table('epoch_freeze', schema='attestation')
    op.drop_index('ix_promise_received', table_name='promise', schema='attestation')
    op.drop_index('ix_statement_status', table_name='statement', schema='attestation', postgresql_where=sa.text("type = 'status'"))
    op.drop_column('epoch', 'succession', schema='attestation')
    op.drop_index('ix_checkpoint_epoch_size', table_name='checkpoint', schema='attestation')
    op.create_index('ix_checkpoint_size', 'checkpoint', ['size'], unique=False, schema='attestation')
    for table, place in (('leaf', ['index']), ('node', ['level', 'index'])):
        op.drop_constraint(f'pk_{table}', table, schema='attestation')
        op.create_primary_key(f'pk_{table}', table, place, schema='attestation')
    for table in ('leaf', 'node', 'checkpoint'):
        op.drop_column(table, 'epoch', schema='attestation')
