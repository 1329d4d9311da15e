"""What follows from a signed response: corrective actions, renewals, grants, returned sheets."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0007'
down_revision: str | None = '0006'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('corrective_action',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('question', sa.Text(), nullable=True),
    sa.Column('finding', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('history', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['questionnaire.request.id'], name=op.f('fk_corrective_action_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_corrective_action')),
    schema='questionnaire'
    )
    op.create_index('ix_corrective_action_request', 'corrective_action', ['request_id'], unique=False, schema='questionnaire')
    op.create_index('ix_corrective_action_requester', 'corrective_action', ['requester_org_id', 'id'], unique=False, schema='questionnaire')
    op.create_index('ix_corrective_action_respondent', 'corrective_action', ['respondent_org_id', 'id'], unique=False, schema='questionnaire')
    op.create_table('renewal',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('declaration_id', sa.Text(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['request_id'], ['questionnaire.request.id'], name=op.f('fk_renewal_request_id')),
    sa.ForeignKeyConstraint(['response_id'], ['questionnaire.response.id'], name=op.f('fk_renewal_response_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_renewal')),
    sa.UniqueConstraint('declaration_id', name=op.f('uq_renewal_declaration_id')),
    schema='questionnaire'
    )
    op.create_index('ix_renewal_due', 'renewal', ['opened_at', 'not_after'], unique=False, schema='questionnaire')
    op.create_index('ix_renewal_requester', 'renewal', ['requester_org_id', 'id'], unique=False, schema='questionnaire')
    op.create_index('ix_renewal_respondent', 'renewal', ['respondent_org_id', 'id'], unique=False, schema='questionnaire')
    op.create_index('ix_renewal_response', 'renewal', ['response_id'], unique=False, schema='questionnaire')
    op.create_table('granted',
    sa.Column('grant_id', sa.Text(), nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('declaration_id', sa.Text(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('component', sa.Text(), nullable=False),
    sa.Column('questions', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('opened', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('onward', sa.Text(), nullable=False),
    sa.Column('not_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['declaration_id'], ['questionnaire.response_preparation.declaration_id'], name=op.f('fk_granted_declaration_id')),
    sa.ForeignKeyConstraint(['request_id'], ['questionnaire.request.id'], name=op.f('fk_granted_request_id')),
    sa.PrimaryKeyConstraint('grant_id', name=op.f('pk_granted')),
    schema='questionnaire'
    )
    op.create_index('ix_granted_request', 'granted', ['request_id'], unique=False, schema='questionnaire')
    op.create_index('ix_granted_statement', 'granted', ['statement_id'], unique=False, schema='questionnaire')
    op.create_table('sheet_return',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('declaration_id', sa.Text(), nullable=False),
    sa.Column('response_id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_org_id', sa.Uuid(), nullable=True),
    sa.Column('sheet_sha256', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('returned_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('confirmed_by', sa.Text(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('reply_sha256', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['declaration_id'], ['questionnaire.response_preparation.declaration_id'], name=op.f('fk_sheet_return_declaration_id')),
    sa.ForeignKeyConstraint(['request_id'], ['questionnaire.request.id'], name=op.f('fk_sheet_return_request_id')),
    sa.ForeignKeyConstraint(['response_id'], ['questionnaire.response.id'], name=op.f('fk_sheet_return_response_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sheet_return')),
    sa.UniqueConstraint('declaration_id', name=op.f('uq_sheet_return_declaration_id')),
    schema='questionnaire'
    )
    op.create_index('ix_sheet_return_response', 'sheet_return', ['response_id'], unique=False, schema='questionnaire')


def downgrade() -> None:
    op.drop_table('sheet_return', schema='questionnaire')
    op.drop_table('granted', schema='questionnaire')
    op.drop_table('renewal', schema='questionnaire')
    op.drop_table('corrective_action', schema='questionnaire')
