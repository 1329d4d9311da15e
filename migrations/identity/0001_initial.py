"""Organizations, members, sessions, invitations, codes, machine clients, and the kit's tables."""

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
    schema='identity'
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
    schema='identity'
    )
    op.create_index('ix_audit_org', 'audit', ['org_id', 'id'], unique=False, schema='identity')
    op.create_table('delivery',
    sa.Column('event_id', sa.UUID(), nullable=False),
    sa.Column('subscriber', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('effect_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('event_id', 'subscriber', name=op.f('pk_delivery')),
    schema='identity'
    )
    op.create_index('ix_delivery_due', 'delivery', ['next_attempt_at'], unique=False, schema='identity', postgresql_where=sa.text('effect_at IS NULL'))
    op.create_table('idempotency',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('operation', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_digest', sa.LargeBinary(), nullable=False),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('subject', 'operation', 'key', name=op.f('pk_idempotency')),
    schema='identity'
    )
    op.create_table('inbox',
    sa.Column('event_id', sa.UUID(), nullable=False),
    sa.Column('handled_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_inbox')),
    schema='identity'
    )
    op.create_table('invitation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('handle_sha256', sa.LargeBinary(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=True),
    sa.Column('requester_org_id', sa.Uuid(), nullable=True),
    sa.Column('requester_name', sa.Text(), nullable=True),
    sa.Column('supplier_name', sa.Text(), nullable=False),
    sa.Column('mailbox', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_org_id', sa.Uuid(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitation')),
    sa.UniqueConstraint('handle_sha256', name=op.f('uq_invitation_handle_sha256')),
    schema='identity'
    )
    op.create_index(op.f('ix_identity_invitation_requester_org_id'), 'invitation', ['requester_org_id'], unique=False, schema='identity')
    op.create_table('organization',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), nullable=False),
    sa.Column('enrolled_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organization')),
    schema='identity'
    )
    op.create_table('outbox',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    schema='identity'
    )
    op.create_table('code',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('invitation_id', sa.Uuid(), nullable=True),
    sa.Column('mailbox_key', sa.Text(), nullable=False),
    sa.Column('told', sa.Boolean(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['invitation_id'], ['identity.invitation.id'], name=op.f('fk_code_invitation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_code')),
    schema='identity'
    )
    op.create_index(op.f('ix_identity_code_invitation_id'), 'code', ['invitation_id'], unique=False, schema='identity')
    op.create_index(op.f('ix_identity_code_mailbox_key'), 'code', ['mailbox_key'], unique=False, schema='identity')
    op.create_table('identifier',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('scheme', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['org_id'], ['identity.organization.id'], name=op.f('fk_identifier_org_id')),
    sa.PrimaryKeyConstraint('org_id', 'scheme', 'value', name=op.f('pk_identifier')),
    schema='identity'
    )
    op.create_table('machine_client',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('secret_sha256', sa.LargeBinary(), nullable=True),
    sa.Column('jwk', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['org_id'], ['identity.organization.id'], name=op.f('fk_machine_client_org_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_machine_client')),
    schema='identity'
    )
    op.create_index(op.f('ix_identity_machine_client_org_id'), 'machine_client', ['org_id'], unique=False, schema='identity')
    op.create_table('member',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('mailbox', sa.Text(), nullable=False),
    sa.Column('mailbox_key', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['org_id'], ['identity.organization.id'], name=op.f('fk_member_org_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_member')),
    schema='identity'
    )
    op.create_index(op.f('ix_identity_member_mailbox_key'), 'member', ['mailbox_key'], unique=False, schema='identity')
    op.create_index('uq_member_active', 'member', ['org_id', 'mailbox_key'], unique=True, schema='identity', postgresql_where=sa.text('removed_at IS NULL'))
    op.create_table('client_assertion',
    sa.Column('client_id', sa.Uuid(), nullable=False),
    sa.Column('jti', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['identity.machine_client.id'], name=op.f('fk_client_assertion_client_id')),
    sa.PrimaryKeyConstraint('client_id', 'jti', name=op.f('pk_client_assertion')),
    schema='identity'
    )
    op.create_index(op.f('ix_identity_client_assertion_expires_at'), 'client_assertion', ['expires_at'], unique=False, schema='identity')
    op.create_table('session',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_sha256', sa.LargeBinary(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['member_id'], ['identity.member.id'], name=op.f('fk_session_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_session_token_sha256')),
    schema='identity'
    )
    op.create_index(op.f('ix_identity_session_member_id'), 'session', ['member_id'], unique=False, schema='identity')


def downgrade() -> None:
    op.drop_index(op.f('ix_identity_session_member_id'), table_name='session', schema='identity')
    op.drop_table('session', schema='identity')
    op.drop_index(op.f('ix_identity_client_assertion_expires_at'), table_name='client_assertion', schema='identity')
    op.drop_table('client_assertion', schema='identity')
    op.drop_index('uq_member_active', table_name='member', schema='identity', postgresql_where=sa.text('removed_at IS NULL'))
    op.drop_index(op.f('ix_identity_member_mailbox_key'), table_name='member', schema='identity')
    op.drop_table('member', schema='identity')
    op.drop_index(op.f('ix_identity_machine_client_org_id'), table_name='machine_client', schema='identity')
    op.drop_table('machine_client', schema='identity')
    op.drop_table('identifier', schema='identity')
    op.drop_index(op.f('ix_identity_code_mailbox_key'), table_name='code', schema='identity')
    op.drop_index(op.f('ix_identity_code_invitation_id'), table_name='code', schema='identity')
    op.drop_table('code', schema='identity')
    op.drop_table('outbox', schema='identity')
    op.drop_table('organization', schema='identity')
    op.drop_index(op.f('ix_identity_invitation_requester_org_id'), table_name='invitation', schema='identity')
    op.drop_table('invitation', schema='identity')
    op.drop_table('inbox', schema='identity')
    op.drop_table('idempotency', schema='identity')
    op.drop_index('ix_delivery_due', table_name='delivery', schema='identity', postgresql_where=sa.text('effect_at IS NULL'))
    op.drop_table('delivery', schema='identity')
    op.drop_index('ix_audit_org', table_name='audit', schema='identity')
    op.drop_table('audit', schema='identity')
    op.drop_table('access_revoked', schema='identity')
