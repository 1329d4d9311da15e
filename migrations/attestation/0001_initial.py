"""Keys, statements, the log and its queue."""

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
    schema='attestation'
    )
    op.create_table('audit',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=True),
    sa.Column('operation', sa.Text(), nullable=False),
    sa.Column('resource', sa.Text(), nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    schema='attestation'
    )
    op.create_index('ix_audit_org', 'audit', ['org_id', 'id'], unique=False, schema='attestation')
    op.create_table('campaign_prepared',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('campaign_id', sa.UUID(), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('questionnaire_digest', sa.Text(), nullable=False),
    sa.Column('event_id', sa.UUID(), nullable=False),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_campaign_prepared')),
    schema='attestation'
    )
    op.create_index('ix_campaign_prepared_campaign', 'campaign_prepared', ['campaign_id'], unique=False, schema='attestation')
    op.create_table('challenge',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('spki', sa.LargeBinary(), nullable=False),
    sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('custody', sa.Text(), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_challenge')),
    schema='attestation'
    )
    op.create_table('checkpoint',
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('root_hash', sa.LargeBinary(), nullable=False),
    sa.Column('note', sa.LargeBinary(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_checkpoint')),
    schema='attestation'
    )
    op.create_index('ix_checkpoint_size', 'checkpoint', ['size'], unique=False, schema='attestation')
    op.create_table('confirmation',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('link_id', sa.UUID(), nullable=False),
    sa.Column('by_org_id', sa.UUID(), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_confirmation')),
    sa.UniqueConstraint('key_id', 'link_id', name=op.f('uq_confirmation_key_id_link_id')),
    schema='attestation'
    )
    op.create_table('delivery',
    sa.Column('event_id', sa.UUID(), nullable=False),
    sa.Column('subscriber', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('effect_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('event_id', 'subscriber', name=op.f('pk_delivery')),
    schema='attestation'
    )
    op.create_index('ix_delivery_due', 'delivery', ['next_attempt_at'], unique=False, schema='attestation', postgresql_where=sa.text('effect_at IS NULL'))
    op.create_table('document',
    sa.Column('owner_org_id', sa.UUID(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('owner_org_id', 'sha256', 'kind', name=op.f('pk_document')),
    schema='attestation'
    )
    op.create_table('epoch',
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('predicate_base', sa.Text(), nullable=False),
    sa.Column('log_key', sa.LargeBinary(), nullable=False),
    sa.Column('time_key', sa.LargeBinary(), nullable=False),
    sa.Column('demo', sa.Boolean(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_epoch')),
    sa.UniqueConstraint('origin', name=op.f('uq_epoch_origin')),
    schema='attestation'
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
    schema='attestation'
    )
    op.create_table('inbox',
    sa.Column('event_id', sa.UUID(), nullable=False),
    sa.Column('handled_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_inbox')),
    schema='attestation'
    )
    op.create_table('leaf',
    sa.Column('index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('index', name=op.f('pk_leaf')),
    sa.UniqueConstraint('statement_id', name=op.f('uq_leaf_statement_id')),
    schema='attestation'
    )
    op.create_table('node',
    sa.Column('level', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint('octet_length(hash) = 32', name=op.f('ck_node_hash_is_sha256')),
    sa.PrimaryKeyConstraint('level', 'index', name=op.f('pk_node')),
    schema='attestation'
    )
    op.create_table('organization',
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('enrolled_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('pk_organization')),
    schema='attestation'
    )
    op.create_table('outbox',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    schema='attestation'
    )
    op.create_table('queue',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_queue')),
    schema='attestation'
    )
    op.create_index('ix_queue_state', 'queue', ['state', 'kind', 'id'], unique=False, schema='attestation')
    op.create_table('request_known',
    sa.Column('request_id', sa.UUID(), nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('link_id', sa.UUID(), nullable=False),
    sa.Column('requester_org_id', sa.UUID(), nullable=False),
    sa.Column('nonce', sa.Text(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('questionnaire_digest', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_request_known')),
    schema='attestation'
    )
    op.create_index('ix_request_known_link', 'request_known', ['link_id'], unique=False, schema='attestation')
    op.create_table('submission',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('owner_org_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_submission')),
    schema='attestation'
    )
    op.create_table('trusted_key',
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('spki', sa.LargeBinary(), nullable=False),
    sa.Column('trust_version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('role', 'spki', name=op.f('pk_trusted_key')),
    schema='attestation'
    )
    op.create_table('enrolment',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('challenge_id', sa.UUID(), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('spki', sa.LargeBinary(), nullable=False),
    sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('custody', sa.Text(), nullable=False),
    sa.Column('proof', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['challenge_id'], ['attestation.challenge.id'], name=op.f('fk_enrolment_challenge_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_enrolment')),
    sa.UniqueConstraint('challenge_id', name=op.f('uq_enrolment_challenge_id')),
    schema='attestation'
    )
    op.create_index('ix_enrolment_key', 'enrolment', ['key_id'], unique=False, schema='attestation')
    op.create_table('link_end',
    sa.Column('link_id', sa.UUID(), nullable=False),
    sa.Column('requester_org_id', sa.UUID(), nullable=False),
    sa.Column('respondent_org_id', sa.UUID(), nullable=False),
    sa.Column('known_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['respondent_org_id'], ['attestation.organization.org_id'], name=op.f('fk_link_end_respondent_org_id')),
    sa.PrimaryKeyConstraint('link_id', name=op.f('pk_link_end')),
    schema='attestation'
    )
    op.create_index('ix_link_end_respondent', 'link_end', ['respondent_org_id'], unique=False, schema='attestation')
    op.create_table('refusal',
    sa.Column('submission_id', sa.UUID(), nullable=False),
    sa.Column('codes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('refused_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['submission_id'], ['attestation.submission.id'], name=op.f('fk_refusal_submission_id')),
    sa.PrimaryKeyConstraint('submission_id', name=op.f('pk_refusal')),
    schema='attestation'
    )
    op.create_table('statement',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('submission_id', sa.UUID(), nullable=False),
    sa.Column('place', sa.BigInteger(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('owner_org_id', sa.UUID(), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('spki', sa.LargeBinary(), nullable=False),
    sa.Column('signer_role', sa.Text(), nullable=False),
    sa.Column('subject_sha256', sa.Text(), nullable=False),
    sa.Column('response_id', sa.UUID(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=True),
    sa.Column('answers_sha256', sa.Text(), nullable=True),
    sa.Column('supersedes', sa.Text(), nullable=True),
    sa.Column('attested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('anchor_size', sa.BigInteger(), nullable=True),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['submission_id'], ['attestation.submission.id'], name=op.f('fk_statement_submission_id')),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_statement')),
    schema='attestation'
    )
    op.create_index('ix_statement_owner', 'statement', ['owner_org_id', 'type'], unique=False, schema='attestation')
    op.create_index('ix_statement_response', 'statement', ['response_id', 'revision'], unique=False, schema='attestation')
    op.create_index('ix_statement_submission', 'statement', ['submission_id'], unique=False, schema='attestation')
    op.create_index('uq_statement_declaration', 'statement', ['owner_org_id', 'response_id', 'revision'], unique=True, schema='attestation', postgresql_where=sa.text("type = 'declaration'"))
    op.create_index('uq_statement_supersedes', 'statement', ['supersedes'], unique=True, schema='attestation', postgresql_where=sa.text('supersedes IS NOT NULL'))
    op.create_table('bundle',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('tree_size', sa.BigInteger(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_bundle_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_bundle')),
    schema='attestation'
    )
    op.create_table('disclosure',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('owner_org_id', sa.UUID(), nullable=False),
    sa.Column('reader_org_id', sa.UUID(), nullable=True),
    sa.Column('link_id', sa.UUID(), nullable=True),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_disclosure_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', 'kind', 'digest', name=op.f('pk_disclosure')),
    schema='attestation'
    )
    op.create_index('ix_disclosure_link', 'disclosure', ['link_id'], unique=False, schema='attestation')
    op.create_table('key_event',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('key_id', sa.Text(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('prev', sa.Text(), nullable=True),
    sa.Column('cause_id', sa.UUID(), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_key_event_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_key_event')),
    sa.UniqueConstraint('cause_id', name=op.f('uq_key_event_cause_id')),
    sa.UniqueConstraint('org_id', 'prev', name=op.f('uq_key_event_org_id_prev'), postgresql_nulls_not_distinct=True),
    sa.UniqueConstraint('seq', name=op.f('uq_key_event_seq')),
    schema='attestation'
    )
    op.create_index('ix_key_event_key', 'key_event', ['key_id'], unique=False, schema='attestation')
    op.create_table('promise',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_promise_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', name=op.f('pk_promise')),
    schema='attestation'
    )
    op.create_table('reader',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('org_id', sa.UUID(), nullable=False),
    sa.Column('owner_org_id', sa.UUID(), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_reader_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', 'org_id', name=op.f('pk_reader')),
    schema='attestation'
    )
    op.create_index('ix_reader_org', 'reader', ['org_id'], unique=False, schema='attestation')
    op.create_table('statement_document',
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('owner_org_id', sa.UUID(), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['attestation.statement.statement_id'], name=op.f('fk_statement_document_statement_id')),
    sa.PrimaryKeyConstraint('statement_id', 'sha256', 'kind', name=op.f('pk_statement_document')),
    schema='attestation'
    )
    op.create_index('ix_statement_document_sha256', 'statement_document', ['sha256'], unique=False, schema='attestation')


def downgrade() -> None:
    op.drop_index('ix_statement_document_sha256', table_name='statement_document', schema='attestation')
    op.drop_table('statement_document', schema='attestation')
    op.drop_index('ix_reader_org', table_name='reader', schema='attestation')
    op.drop_table('reader', schema='attestation')
    op.drop_table('promise', schema='attestation')
    op.drop_index('ix_key_event_key', table_name='key_event', schema='attestation')
    op.drop_table('key_event', schema='attestation')
    op.drop_index('ix_disclosure_link', table_name='disclosure', schema='attestation')
    op.drop_table('disclosure', schema='attestation')
    op.drop_table('bundle', schema='attestation')
    op.drop_index('uq_statement_supersedes', table_name='statement', schema='attestation', postgresql_where=sa.text('supersedes IS NOT NULL'))
    op.drop_index('uq_statement_declaration', table_name='statement', schema='attestation', postgresql_where=sa.text("type = 'declaration'"))
    op.drop_index('ix_statement_submission', table_name='statement', schema='attestation')
    op.drop_index('ix_statement_response', table_name='statement', schema='attestation')
    op.drop_index('ix_statement_owner', table_name='statement', schema='attestation')
    op.drop_table('statement', schema='attestation')
    op.drop_table('refusal', schema='attestation')
    op.drop_index('ix_link_end_respondent', table_name='link_end', schema='attestation')
    op.drop_table('link_end', schema='attestation')
    op.drop_index('ix_enrolment_key', table_name='enrolment', schema='attestation')
    op.drop_table('enrolment', schema='attestation')
    op.drop_table('trusted_key', schema='attestation')
    op.drop_table('submission', schema='attestation')
    op.drop_index('ix_request_known_link', table_name='request_known', schema='attestation')
    op.drop_table('request_known', schema='attestation')
    op.drop_index('ix_queue_state', table_name='queue', schema='attestation')
    op.drop_table('queue', schema='attestation')
    op.drop_table('outbox', schema='attestation')
    op.drop_table('organization', schema='attestation')
    op.drop_table('node', schema='attestation')
    op.drop_table('leaf', schema='attestation')
    op.drop_table('inbox', schema='attestation')
    op.drop_table('idempotency', schema='attestation')
    op.drop_table('epoch', schema='attestation')
    op.drop_table('document', schema='attestation')
    op.drop_index('ix_delivery_due', table_name='delivery', schema='attestation', postgresql_where=sa.text('effect_at IS NULL'))
    op.drop_table('delivery', schema='attestation')
    op.drop_table('confirmation', schema='attestation')
    op.drop_index('ix_checkpoint_size', table_name='checkpoint', schema='attestation')
    op.drop_table('checkpoint', schema='attestation')
    op.drop_table('challenge', schema='attestation')
    op.drop_index('ix_campaign_prepared_campaign', table_name='campaign_prepared', schema='attestation')
    op.drop_table('campaign_prepared', schema='attestation')
    op.drop_index('ix_audit_org', table_name='audit', schema='attestation')
    op.drop_table('audit', schema='attestation')
    op.drop_table('access_revoked', schema='attestation')
