"""The writing of a response: saves, delegations, approvals, messages, changes of contact."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0006'
down_revision: str | None = '0005'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.drop_constraint('uq_response_request_id', 'response', schema='questionnaire')
    op.create_unique_constraint(
        op.f('uq_response_request_id_respondent_org_id'), 'response',
        ['request_id', 'respondent_org_id'], schema='questionnaire',
    )
    op.create_table('response_save',
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('saved_by', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['response_id'], ['questionnaire.response.id'], name=op.f('fk_response_save_response_id')),
    sa.PrimaryKeyConstraint('response_id', 'version', name=op.f('pk_response_save')),
    schema='questionnaire'
    )
    op.create_table('delegation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('mailbox', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('sections', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('delegated_by', sa.Text(), nullable=False),
    sa.Column('handle_sha256', sa.Text(), nullable=False),
    sa.Column('delegated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('returned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['response_id'], ['questionnaire.response.id'], name=op.f('fk_delegation_response_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delegation')),
    sa.UniqueConstraint('handle_sha256', name=op.f('uq_delegation_handle_sha256')),
    schema='questionnaire'
    )
    op.create_index('ix_delegation_response', 'delegation', ['response_id'], unique=False, schema='questionnaire')
    op.create_table('approval_flow',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('desks', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('pk_approval_flow')),
    schema='questionnaire'
    )
    op.create_table('approval',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('mailbox', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['response_id'], ['questionnaire.response.id'], name=op.f('fk_approval_response_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval')),
    schema='questionnaire'
    )
    op.create_index('ix_approval_response', 'approval', ['response_id', 'version'], unique=False, schema='questionnaire')
    op.create_table('message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('by_org_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('question', sa.Text(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['questionnaire.request.id'], name=op.f('fk_message_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message')),
    schema='questionnaire'
    )
    op.create_index('ix_message_request', 'message', ['request_id', 'id'], unique=False, schema='questionnaire')
    op.create_table('contact_change',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('handle_sha256', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('mailbox', sa.Text(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=True),
    sa.Column('invitation_id', sa.Uuid(), nullable=True),
    sa.Column('former_mailbox', sa.Text(), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact_change')),
    schema='questionnaire'
    )
    op.create_index('ix_contact_change_handle', 'contact_change', ['handle_sha256'], unique=False, schema='questionnaire')
    op.create_index('ix_contact_change_org', 'contact_change', ['org_id', 'id'], unique=False, schema='questionnaire')


def downgrade() -> None:
    op.drop_table('contact_change', schema='questionnaire')
    op.drop_table('message', schema='questionnaire')
    op.drop_table('approval', schema='questionnaire')
    op.drop_table('approval_flow', schema='questionnaire')
    op.drop_table('delegation', schema='questionnaire')
    op.drop_table('response_save', schema='questionnaire')
    op.drop_constraint(
        op.f('uq_response_request_id_respondent_org_id'), 'response', schema='questionnaire'
    )
    op.create_unique_constraint(
        'uq_response_request_id', 'response', ['request_id'], schema='questionnaire'
    )
