"""Evidence documents."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0002'
down_revision: str | None = '0001'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('evidence',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('media_type', sa.Text(), nullable=True),
    sa.Column('effective_on', sa.Date(), nullable=True),
    sa.Column('confidentiality', sa.Text(), nullable=True),
    sa.Column('document_number', sa.Text(), nullable=True),
    sa.Column('revision', sa.Text(), nullable=True),
    sa.Column('seen_on', sa.Date(), nullable=True),
    sa.Column('viewer', sa.Text(), nullable=True),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("CASE kind WHEN 'seen_on_site' THEN sha256 IS NULL AND num_nonnulls(document_number, revision, seen_on, viewer) = 4 ELSE num_nonnulls(sha256, size, media_type) = 3 END", name=op.f('ck_evidence_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evidence')),
    sa.UniqueConstraint('org_id', 'id', name=op.f('uq_evidence_org_id_id')),
    schema='questionnaire'
    )
    op.create_index('ix_evidence_bytes', 'evidence', ['org_id', 'sha256'], unique=False, schema='questionnaire')
    op.create_table('evidence_use',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('evidence_id', sa.Uuid(), nullable=False),
    sa.Column('declaration_id', sa.Text(), nullable=False),
    sa.Column('statement_id', sa.Text(), nullable=False),
    sa.Column('requester_org_id', sa.Uuid(), nullable=False),
    sa.Column('respondent_org_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('commitment', sa.Text(), nullable=True),
    sa.Column('disclosure', sa.Text(), nullable=True),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('media_type', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['declaration_id'], ['questionnaire.response_preparation.declaration_id'], name=op.f('fk_evidence_use_declaration_id')),
    sa.ForeignKeyConstraint(['respondent_org_id', 'evidence_id'], ['questionnaire.evidence.org_id', 'questionnaire.evidence.id'], name=op.f('fk_evidence_use_respondent_org_id_evidence_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evidence_use')),
    schema='questionnaire'
    )
    op.create_index('ix_evidence_use_declaration', 'evidence_use', ['declaration_id'], unique=False, schema='questionnaire')
    op.create_index('ix_evidence_use_evidence', 'evidence_use', ['evidence_id'], unique=False, schema='questionnaire')


def downgrade() -> None:
    op.drop_table('evidence_use', schema='questionnaire')
    op.drop_table('evidence', schema='questionnaire')
