"""What explains a snapshot, what a requester sets for itself, requests to look again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0004'
down_revision: str | None = '0003'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('seen_link',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('seen', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot_signed.snapshot_id'], name=op.f('fk_seen_link_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', 'link_id', name=op.f('pk_seen_link')),
    schema='risk'
    )
    op.create_index('ix_seen_link_link', 'seen_link', ['link_id', 'snapshot_id'], unique=False, schema='risk')
    op.create_table('advised',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('rank', sa.SmallInteger(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('action', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot_signed.snapshot_id'], name=op.f('fk_advised_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', 'rank', name=op.f('pk_advised')),
    schema='risk'
    )
    op.create_table('own_score',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_id', sa.Uuid(), nullable=False),
    sa.Column('as_of', sa.DateTime(timezone=True), nullable=False),
    sa.Column('model', sa.Text(), nullable=False),
    sa.Column('policy_digest', sa.Text(), nullable=False),
    sa.Column('band', sa.Text(), nullable=True),
    sa.Column('claimed', sa.Text(), nullable=True),
    sa.Column('evidenced', sa.Text(), nullable=True),
    sa.Column('coverage', sa.Text(), nullable=True),
    sa.Column('explanation', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot_signed.snapshot_id'], name=op.f('fk_own_score_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', 'link_id', name=op.f('pk_own_score')),
    schema='risk'
    )
    op.create_index('ix_own_score_respondent', 'own_score', ['respondent_id', 'org_id'], unique=False, schema='risk')
    op.create_table('policy_version',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.Text(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('changed', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('document', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_policy_version')),
    schema='risk'
    )
    op.create_index('ix_policy_version_org', 'policy_version', ['org_id', 'id'], unique=False, schema='risk')
    op.create_table('class_version',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('said_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('classification', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_class_version')),
    schema='risk'
    )
    op.create_index('ix_class_version_link', 'class_version', ['link_id', 'event_id'], unique=False, schema='risk')
    op.create_table('dispute',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('requester_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('component', sa.Text(), nullable=True),
    sa.Column('question', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispute')),
    schema='risk'
    )
    op.create_index('ix_dispute_requester', 'dispute', ['requester_id', 'id'], unique=False, schema='risk')
    op.create_index('ix_dispute_respondent', 'dispute', ['respondent_id', 'id'], unique=False, schema='risk')
    op.create_table('dispute_step',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('dispute_id', sa.Uuid(), nullable=False),
    sa.Column('requester_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('rounds', sa.SmallInteger(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('ending', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['dispute_id'], ['risk.dispute.id'], name=op.f('fk_dispute_step_dispute_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispute_step')),
    schema='risk'
    )
    op.create_index('ix_dispute_step_dispute', 'dispute_step', ['dispute_id', 'id'], unique=False, schema='risk')


def downgrade() -> None:
    op.drop_table('dispute_step', schema='risk')
    op.drop_table('dispute', schema='risk')
    op.drop_table('class_version', schema='risk')
    op.drop_table('policy_version', schema='risk')
    op.drop_table('own_score', schema='risk')
    op.drop_table('advised', schema='risk')
    op.drop_table('seen_link', schema='risk')
