"""What is served, by bytes made once; webhooks; the nightly folder."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0006'
down_revision: str | None = '0005'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

SERVED_TO = """
CREATE FUNCTION risk.served_to(reader text, org uuid, issued timestamptz, scheme text, wanted text,
                               known text[])
RETURNS TABLE (state text, firm text, tag text, bytes bytea)
LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  IF EXISTS (SELECT FROM risk.access_revoked r
             WHERE r.subject IN (reader, org::text) AND r.not_before >= issued) THEN
    RETURN QUERY SELECT 'revoked', NULL::text, NULL::text, NULL::bytea;
    RETURN;
  END IF;
  PERFORM set_config('rensho.org', org::text, true);
  IF scheme = 'id' THEN
    RETURN QUERY
      SELECT 'found', s.id, s.etag, CASE WHEN s.etag = ANY(known) THEN NULL ELSE s.body END
      FROM risk.served s WHERE s.org_id = org AND s.id = wanted AND s.etag IS NOT NULL;
  ELSE
    RETURN QUERY
      SELECT 'found', s.id, s.etag, CASE WHEN s.etag = ANY(known) THEN NULL ELSE s.body END
      FROM risk.served_name n JOIN risk.served s ON s.org_id = n.org_id AND s.id = n.id
      WHERE n.org_id = org AND n.name = scheme || ':' || wanted AND s.etag IS NOT NULL
      ORDER BY s.id LIMIT 10;
  END IF;
  IF NOT FOUND THEN
    RETURN QUERY
      SELECT CASE WHEN EXISTS (SELECT FROM risk.served s WHERE s.org_id = org)
                  THEN 'unknown' ELSE 'none yet' END, NULL::text, NULL::text, NULL::bytea;
  END IF;
END $$;
"""
"""The hot read in one statement: was the reader's access withdrawn, which firm is meant, its bytes
unless the reader holds them. It runs with the rights of who calls it: row-level security judges."""


def _moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    empty = sa.text("'{}'::jsonb")
    op.add_column('label', sa.Column('identifiers', postgresql.JSONB(astext_type=sa.Text()), server_default=empty, nullable=False), schema='risk')
    op.add_column('enrolment', sa.Column('identifiers', postgresql.JSONB(astext_type=sa.Text()), server_default=empty, nullable=False), schema='risk')
    op.create_table('served',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('snapshot_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=True),
    sa.Column('names', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('tier', sa.SmallInteger(), nullable=False),
    sa.Column('band', sa.Text(), nullable=True),
    sa.Column('score', sa.Float(), nullable=True),
    sa.Column('content', sa.Text(), nullable=True),
    sa.Column('change', sa.BigInteger(), nullable=False),
    _moment('changed_at', nullable=False),
    sa.Column('etag', sa.Text(), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('line', sa.Text(), nullable=True),
    sa.Column('rows', sa.Text(), nullable=True),
    sa.Column('row_count', sa.SmallInteger(), nullable=False),
    sa.Column('unholdable', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('pk_served')),
    schema='risk'
    )
    op.create_index('ix_served_change', 'served', ['org_id', 'change'], unique=False, schema='risk')
    op.create_index('ix_served_totals', 'served', ['org_id'], unique=False, schema='risk', postgresql_include=['row_count', 'score', 'unholdable'], postgresql_where=sa.text('etag IS NOT NULL'))
    op.create_table('served_name',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'name', 'id', name=op.f('pk_served_name')),
    schema='risk'
    )
    op.create_index('ix_served_name_id', 'served_name', ['org_id', 'id'], unique=False, schema='risk')
    op.execute(SERVED_TO)
    op.create_table('webhook',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('types', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('secret_number', sa.Integer(), nullable=False),
    _moment('old_secret_until'),
    _moment('created_at', nullable=False),
    _moment('failing_since'),
    _moment('disabled_at'),
    sa.Column('disabled_because', sa.Text(), nullable=True),
    _moment('removed_at'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook')),
    schema='risk'
    )
    op.create_index('ix_webhook_org', 'webhook', ['org_id', 'id'], unique=False, schema='risk')
    op.create_table('webhook_message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('about', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    _moment('created_at', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_message')),
    sa.UniqueConstraint('org_id', 'type', 'about', name=op.f('uq_webhook_message_org_id_type_about')),
    schema='risk'
    )
    op.create_table('webhook_delivery',
    sa.Column('webhook_id', sa.Uuid(), nullable=False),
    sa.Column('message_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    _moment('next_attempt_at'),
    _moment('delivered_at'),
    _moment('attempted_at'),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['risk.webhook_message.id'], name=op.f('fk_webhook_delivery_message_id')),
    sa.ForeignKeyConstraint(['webhook_id'], ['risk.webhook.id'], name=op.f('fk_webhook_delivery_webhook_id')),
    sa.PrimaryKeyConstraint('webhook_id', 'message_id', name=op.f('pk_webhook_delivery')),
    schema='risk'
    )
    op.create_index('ix_webhook_delivery_due', 'webhook_delivery', ['next_attempt_at'], unique=False, schema='risk', postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
    op.create_table('folder_drop',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('encoding', sa.Text(), nullable=False),
    _moment('asked_at', nullable=False),
    _moment('stopped_at'),
    sa.PrimaryKeyConstraint('org_id', name=op.f('pk_folder_drop')),
    schema='risk'
    )


def downgrade() -> None:
    op.drop_table('folder_drop', schema='risk')
    op.drop_table('webhook_delivery', schema='risk')
    op.drop_table('webhook_message', schema='risk')
    op.drop_table('webhook', schema='risk')
    op.execute('DROP FUNCTION risk.served_to')
    op.drop_table('served_name', schema='risk')
    op.drop_table('served', schema='risk')
    op.drop_column('enrolment', 'identifiers', schema='risk')
    op.drop_column('label', 'identifiers', schema='risk')
