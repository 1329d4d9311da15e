"""Asking: mails and what became of them, times, calls, due dates, reasons, approval, calendars."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0004'
down_revision: str | None = '0003'
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_SCHEMA = 'questionnaire'
_JSONB = postgresql.JSONB(astext_type=sa.Text())


def _uuid(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _moment(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column:
    default = sa.text('now()') if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f'questionnaire.{target}.id'], name=op.f(f'fk_{table}_{column}')
    )


def _pk(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f'pk_{table}'))


def _table(name: str, *parts: sa.Column | sa.Constraint) -> None:
    op.create_table(name, *parts, schema=_SCHEMA)


def upgrade() -> None:
    _columns()
    _mails()
    _what_happened()
    _approval()


def _columns() -> None:
    empty = {'owner': "'{}'::jsonb", 'flow': "'[]'::jsonb"}
    for name, default in empty.items():
        column = sa.Column(name, _JSONB, server_default=sa.text(default), nullable=False)
        op.add_column('campaign', column, schema=_SCHEMA)
    for table in ('campaign', 'campaign_preparation'):
        column = sa.Column('version', sa.Integer(), server_default='1', nullable=False)
        op.add_column(table, column, schema=_SCHEMA)
    # A corrected mailbox is invited anew.
    op.drop_constraint('uq_invitation_request_id', 'invitation', schema=_SCHEMA, type_='unique')
    op.create_index('ix_questionnaire_invitation_request_id', 'invitation', ['request_id'], schema=_SCHEMA)
    op.add_column('request', _moment('extended_to', nullable=True), schema=_SCHEMA)


def _mails() -> None:
    _table('mail',
    _uuid('id'), _uuid('org_id'), _uuid('campaign_id'), _uuid('request_id', nullable=True),
    _text('occasion'), _text('lead', nullable=True), _text('kind'), _text('mailbox'),
    _text('name'), _text('language'), _text('shown_to'),
    sa.Column('copies', _JSONB, nullable=False), sa.Column('facts', _JSONB, nullable=False),
    _text('state', default='queued'),
    sa.Column('attempts', sa.SmallInteger(), server_default='0', nullable=False),
    _text('error', nullable=True), _moment('queued_at'), _moment('next_attempt_at', nullable=True),
    _moment('sent_at', nullable=True), _moment('settled_at', nullable=True),
    _to('mail', 'campaign_id', 'campaign'), _to('mail', 'request_id', 'request'),
    _pk('mail', 'id'),
    )
    op.create_index('ix_mail_org_campaign', 'mail', ['org_id', 'campaign_id', 'id'], schema=_SCHEMA)
    op.create_index('ix_mail_request', 'mail', ['request_id', 'id'], schema=_SCHEMA)
    op.create_index('ix_mail_due', 'mail', ['next_attempt_at'], schema=_SCHEMA,
    postgresql_where=sa.text("state IN ('sending', 'failed')"))
    _table('request_mark',
    _uuid('request_id'), _text('mark'), _moment('at'),
    _to('request_mark', 'request_id', 'request'), _pk('request_mark', 'request_id', 'mark'),
    )
    _table('rung_taken',
    _uuid('request_id'), _text('rung'), sa.Column('due_on', sa.Date(), nullable=False),
    _uuid('org_id'), _moment('taken_at'),
    _to('rung_taken', 'request_id', 'request'), _pk('rung_taken', 'request_id', 'rung', 'due_on'),
    )


def _what_happened() -> None:
    _table('contact_record',
    _uuid('id'), _uuid('org_id'), _uuid('request_id'), _text('channel'), _text('outcome'),
    _text('spoke_with'), _text('note'), sa.Column('again_on', sa.Date(), nullable=True),
    _moment('at'), _text('by'), _text('by_name'),
    _to('contact_record', 'request_id', 'request'), _pk('contact_record', 'id'),
    )
    _table('due_change',
    _uuid('id'), _uuid('requester_org_id'), _uuid('request_id'), _moment('from_at'),
    _moment('to_at'), _text('reason'), _moment('at'), _text('by'),
    _to('due_change', 'request_id', 'request'), _pk('due_change', 'id'),
    )
    _table('non_response',
    _uuid('id'), _uuid('requester_org_id'), _uuid('request_id'), _uuid('by_org_id'),
    _text('effect'), _text('reason'), _text('note'), _moment('at'), _text('by'),
    _to('non_response', 'request_id', 'request'), _pk('non_response', 'id'),
    )
    for table in ('contact_record', 'due_change', 'non_response'):
        op.create_index(f'ix_{table}_request', table, ['request_id', 'id'], schema=_SCHEMA)
    _table('company_day',
    _uuid('org_id'), sa.Column('day', sa.Date(), nullable=False),
    sa.Column('works', sa.Boolean(), nullable=False), _text('name'),
    _pk('company_day', 'org_id', 'day'),
    )


def _approval() -> None:
    _table('campaign_step',
    _uuid('id'), _uuid('org_id'), _uuid('campaign_id'),
    sa.Column('round', sa.SmallInteger(), nullable=False),
    sa.Column('position', sa.SmallInteger(), nullable=False),
    _text('kind'), _text('name'), _text('mailbox'), _text('decision', nullable=True),
    _text('comment', nullable=True), _moment('decided_at', nullable=True),
    _text('decided_by', nullable=True), _text('decided_by_name', nullable=True),
    sa.Column('by_deputy', sa.Boolean(), nullable=True),
    _to('campaign_step', 'campaign_id', 'campaign'), _pk('campaign_step', 'id'),
    sa.UniqueConstraint('campaign_id', 'round', 'position',
    name=op.f('uq_campaign_step_campaign_id_round_position')),
    )
    op.create_index('ix_campaign_step_mailbox', 'campaign_step', ['org_id', 'mailbox'],
    schema=_SCHEMA)
    _table('deputy',
    _uuid('id'), _uuid('org_id'), _text('mailbox'), _text('deputy_name'), _text('deputy_mailbox'),
    sa.Column('from_on', sa.Date(), nullable=False), sa.Column('to_on', sa.Date(), nullable=False),
    _moment('created_at', now=True), _pk('deputy', 'id'),
    )
    op.create_index('ix_deputy_of', 'deputy', ['org_id', 'mailbox'], schema=_SCHEMA)
