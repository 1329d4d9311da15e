"""What risk hears, and what requesters read of its judgements: all tables, and the kit's."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0001'
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('access_revoked',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_access_revoked')),
    schema='risk'
    )
    op.create_table('audit',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=True),
    sa.Column('operation', sa.Text(), nullable=False),
    sa.Column('resource', sa.Text(), nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    schema='risk'
    )
    op.create_index('ix_audit_org', 'audit', ['org_id', 'id'], unique=False, schema='risk')
    op.create_table('delivery',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('subscriber', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('effect_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('event_id', 'subscriber', name=op.f('pk_delivery')),
    schema='risk'
    )
    op.create_index('ix_delivery_due', 'delivery', ['next_attempt_at'], unique=False, schema='risk', postgresql_where=sa.text('effect_at IS NULL'))
    op.create_table('log_head',
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('root_hash', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('origin', 'size', 'signed_at', name=op.f('pk_log_head')),
    schema='risk'
    )
    op.create_table('enrolment',
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.PrimaryKeyConstraint('link_id', name=op.f('pk_enrolment')),
    schema='risk'
    )
    op.create_table('idempotency',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('operation', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_digest', sa.LargeBinary(), nullable=False),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('subject', 'operation', 'key', name=op.f('pk_idempotency')),
    schema='risk'
    )
    op.create_table('inbox',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('handled_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_inbox')),
    schema='risk'
    )
    op.create_table('key_change',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.Column('by_org_id', sa.Uuid(), nullable=True),
    sa.Column('link_id', sa.Uuid(), nullable=True),
    sa.Column('assurance', sa.Text(), nullable=True),
    sa.Column('log_origin', sa.Text(), nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_key_change')),
    schema='risk'
    )
    op.create_index('ix_key_change_org', 'key_change', ['org_id'], unique=False, schema='risk')
    op.create_table('label',
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('vendor_codes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('tags', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('link_id', name=op.f('pk_label')),
    schema='risk'
    )
    op.create_index('ix_label_org_supplier', 'label', ['org_id', 'supplier_id'], unique=False, schema='risk')
    op.create_index('ix_label_vendor_codes', 'label', ['vendor_codes'], unique=False, schema='risk', postgresql_using='gin')
    op.create_table('link',
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_org_id', sa.Uuid(), nullable=True),
    sa.Column('dependency', sa.Text(), nullable=False),
    sa.Column('pass_through', sa.Boolean(), nullable=False),
    sa.Column('ended', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('link_id', name=op.f('pk_link')),
    schema='risk'
    )
    op.create_index('ix_link_org', 'link', ['org_id'], unique=False, schema='risk')
    op.create_table('outbox',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    schema='risk'
    )
    op.create_table('questionnaire',
    sa.Column('questionnaire_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('packs', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('questions', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('questionnaire_id', name=op.f('pk_questionnaire')),
    schema='risk'
    )
    op.create_index('ix_questionnaire_event', 'questionnaire', ['event_id'], unique=False, schema='risk')
    op.create_index('ix_questionnaire_org', 'questionnaire', ['org_id'], unique=False, schema='risk')
    op.create_table('recorded',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('signer_role', sa.Text(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('subject_sha256', sa.Text(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=True),
    sa.Column('answers_sha256', sa.Text(), nullable=True),
    sa.Column('audience', postgresql.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('supersedes', sa.Text(), nullable=True),
    sa.Column('log_origin', sa.Text(), nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_recorded')),
    schema='risk'
    )
    op.create_index('ix_recorded_place', 'recorded', ['log_origin', 'log_index'], unique=False, schema='risk')
    op.create_index('ix_recorded_received_at', 'recorded', ['received_at'], unique=False, schema='risk')
    op.create_index('ix_recorded_supersedes', 'recorded', ['supersedes'], unique=False, schema='risk')
    op.create_table('refused',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('codes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_refused')),
    schema='risk'
    )
    op.create_table('request',
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=False),
    sa.Column('questionnaire_id', sa.Uuid(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_request')),
    schema='risk'
    )
    op.create_index('ix_request_link', 'request', ['link_id'], unique=False, schema='risk')
    op.create_table('response',
    sa.Column('declaration_id', sa.Text(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('declaration_sha256', sa.Text(), nullable=False),
    sa.Column('answers_sha256', sa.Text(), nullable=False),
    sa.Column('said', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('declaration_id', name=op.f('pk_response')),
    schema='risk'
    )
    op.create_index('ix_response_ends', 'response', ['respondent_org_id', 'requester_org_id'], unique=False, schema='risk')
    op.create_table('review',
    sa.Column('review_statement_id', sa.Text(), nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('decisions', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('review_statement_id', name=op.f('pk_review')),
    schema='risk'
    )
    op.create_index('ix_review_statement', 'review', ['statement_id'], unique=False, schema='risk')
    op.create_table('snapshot',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_snapshot')),
    schema='risk'
    )
    op.create_index('ix_snapshot_org', 'snapshot', ['org_id', 'id'], unique=False, schema='risk')
    op.create_table('snapshot_signed',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('as_of', sa.DateTime(timezone=True), nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('model', sa.Text(), nullable=False),
    sa.Column('policy_digest', sa.Text(), nullable=False),
    sa.Column('facts_sha256', sa.Text(), nullable=False),
    sa.Column('results_sha256', sa.Text(), nullable=False),
    sa.Column('unchanging', sa.Text(), nullable=False),
    sa.Column('facts', sa.LargeBinary(), nullable=False),
    sa.Column('results', sa.LargeBinary(), nullable=False),
    sa.Column('summary', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot.id'], name=op.f('fk_snapshot_signed_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', name=op.f('pk_snapshot_signed')),
    sa.UniqueConstraint('statement_id', name=op.f('uq_snapshot_signed_statement_id')),
    schema='risk'
    )
    op.create_index('ix_snapshot_signed_org', 'snapshot_signed', ['org_id', 'snapshot_id'], unique=False, schema='risk')
    op.create_table('score',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=True),
    sa.Column('tier', sa.SmallInteger(), nullable=False),
    sa.Column('tiers', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('band', sa.Text(), nullable=True),
    sa.Column('claimed', sa.Text(), nullable=True),
    sa.Column('evidenced', sa.Text(), nullable=True),
    sa.Column('coverage', sa.Text(), nullable=True),
    sa.Column('explanation', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot_signed.snapshot_id'], name=op.f('fk_score_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', 'id', name=op.f('pk_score')),
    schema='risk'
    )
    op.create_index('ix_score_link', 'score', ['snapshot_id', 'link_id'], unique=False, schema='risk')
    op.create_table('snapshot_logged',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('log_origin', sa.Text(), nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot_signed.snapshot_id'], name=op.f('fk_snapshot_logged_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', name=op.f('pk_snapshot_logged')),
    schema='risk'
    )
    op.create_table('snapshot_refused',
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('codes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['snapshot_id'], ['risk.snapshot_signed.snapshot_id'], name=op.f('fk_snapshot_refused_snapshot_id')),
    sa.PrimaryKeyConstraint('snapshot_id', name=op.f('pk_snapshot_refused')),
    schema='risk'
    )


def downgrade() -> None:
    op.drop_table('snapshot_refused', schema='risk')
    op.drop_table('snapshot_logged', schema='risk')
    op.drop_index('ix_score_link', table_name='score', schema='risk')
    op.drop_table('score', schema='risk')
    op.drop_index('ix_snapshot_signed_org', table_name='snapshot_signed', schema='risk')
    op.drop_table('snapshot_signed', schema='risk')
    op.drop_index('ix_snapshot_org', table_name='snapshot', schema='risk')
    op.drop_table('snapshot', schema='risk')
    op.drop_index('ix_review_statement', table_name='review', schema='risk')
    op.drop_table('review', schema='risk')
    op.drop_index('ix_response_ends', table_name='response', schema='risk')
    op.drop_table('response', schema='risk')
    op.drop_index('ix_request_link', table_name='request', schema='risk')
    op.drop_table('request', schema='risk')
    op.drop_table('refused', schema='risk')
    op.drop_index('ix_recorded_supersedes', table_name='recorded', schema='risk')
    op.drop_index('ix_recorded_received_at', table_name='recorded', schema='risk')
    op.drop_index('ix_recorded_place', table_name='recorded', schema='risk')
    op.drop_table('recorded', schema='risk')
    op.drop_index('ix_questionnaire_org', table_name='questionnaire', schema='risk')
    op.drop_index('ix_questionnaire_event', table_name='questionnaire', schema='risk')
    op.drop_table('questionnaire', schema='risk')
    op.drop_table('outbox', schema='risk')
    op.drop_index('ix_link_org', table_name='link', schema='risk')
    op.drop_table('link', schema='risk')
    op.drop_index('ix_label_vendor_codes', table_name='label', schema='risk', postgresql_using='gin')
    op.drop_index('ix_label_org_supplier', table_name='label', schema='risk')
    op.drop_table('label', schema='risk')
    op.drop_index('ix_key_change_org', table_name='key_change', schema='risk')
    op.drop_table('key_change', schema='risk')
    op.drop_table('inbox', schema='risk')
    op.drop_table('idempotency', schema='risk')
    op.drop_table('enrolment', schema='risk')
    op.drop_index('ix_delivery_due', table_name='delivery', schema='risk', postgresql_where=sa.text('effect_at IS NULL'))
    op.drop_table('delivery', schema='risk')
    op.drop_index('ix_audit_org', table_name='audit', schema='risk')
    op.drop_table('audit', schema='risk')
    op.drop_table('access_revoked', schema='risk')
