"""What the roles may not do, tried by logging in as them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from services.attestation.store import metadata
from services.kit.db import Actor, Database, new_id
from services.kit.settings import Role
from services.migrate import ROOT, migrate
from tests.attestation.site import Relation, Site, relation

EVIDENCE = [
    "submission",
    "statement",
    "reader",
    "document",
    "statement_document",
    "disclosure",
    "refusal",
    "promise",
    "bundle",
    "leaf",
    "node",
    "checkpoint",
    "key_event",
    "challenge",
    "enrolment",
    "confirmation",
    "key_change",
    "key_approval",
    "key_veto",
    "key_review",
    "voucher",
    "grantee",
    "withdrawal",
    "epoch",
    "trusted_key",
    "epoch_freeze",
    "epoch_end",
    "trust_terms",
    "time_stamp",
    "checkpoint_time_stamp",
    "cosignature",
    "witness_policy",
]
KIT = {"outbox", "delivery", "inbox", "audit", "access_revoked", "idempotency"}
PUBLIC = {
    "epoch",
    "trusted_key",
    "leaf",
    "node",
    "checkpoint",
    "key_event",
    "queue",
    "epoch_freeze",
    "epoch_end",
    "trust_terms",
    "checkpoint_time_stamp",
    "cosignature",
    "witness_policy",
}
TABLES = {table.name for table in metadata.tables.values()}


def _as(site: Site, role: Role) -> psycopg.Connection[Any]:
    url = site.settings.service_url("attestation", role).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False))


@pytest.fixture
def here(site: Site) -> Relation:
    made = relation(site)
    site.submit(made.respondent, made.maker().make())
    site.sequencer.round()
    return made


@pytest.mark.parametrize("role", ["app", "worker"])
def test_nobody_changes_or_deletes_evidence(site: Site, role: Role) -> None:
    with _as(site, role) as connection:
        for table in EVIDENCE:
            column = connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1",
                [f"attestation.{table}"],
            ).fetchone()
            assert column is not None
            for statement in (
                f'UPDATE attestation.{table} SET "{column[0]}" = "{column[0]}"',
                f"DELETE FROM attestation.{table}",
                f"TRUNCATE attestation.{table}",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
                connection.rollback()


def test_the_web_neither_writes_the_log_nor_reads_the_queue(site: Site) -> None:
    with _as(site, "app") as connection:
        for statement in (
            "INSERT INTO attestation.leaf VALUES (99, 'x', 'x')",
            "INSERT INTO attestation.checkpoint VALUES (99, 0, 'x', 'x', now())",
            "INSERT INTO attestation.promise VALUES ('x', 'x', now())",
            "INSERT INTO attestation.bundle VALUES ('x', 0, 'x')",
            "INSERT INTO attestation.trusted_key VALUES ('operator', 'x', 9)",
            "INSERT INTO attestation.link_end SELECT * FROM attestation.link_end",
            "SELECT * FROM attestation.queue",
            "SELECT * FROM attestation.inbox",
            "CREATE TABLE attestation.mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
            connection.rollback()


@pytest.fixture
def app(site: Site) -> Database:
    db: Database = site.api.app.state.db  # type: ignore[attr-defined]
    return db


def _visible(app: Database, org: UUID | None) -> dict[str, int]:
    found = {}
    with app.begin(Actor("urn:rensho:member:test", org), read_only=True) as tx:
        for table in sorted(TABLES - KIT - PUBLIC):
            count = tx.scalar(text(f"SELECT count(*) FROM attestation.{table}"))
            if count:
                found[table] = int(count)
    return found


def test_without_an_organization_only_what_is_public_is_there(
    here: Relation, app: Database
) -> None:
    status_list = {"document", "statement_document"}
    assert _visible(app, None).keys() == {"statement", "promise", "bundle"} | status_list
    with app.begin(Actor("anonymous"), read_only=True) as tx:
        kinds = tx.scalars(text("SELECT DISTINCT type FROM attestation.statement ORDER BY 1")).all()
        documents = tx.scalars(text("SELECT DISTINCT kind FROM attestation.document")).all()
    assert (kinds, documents) == (["key-event", "status"], ["status"])


def test_a_stranger_sees_what_nobody_sees(here: Relation, app: Database) -> None:
    stranger = here.site.enrolled()
    mine = _visible(app, stranger.org)
    nobody = _visible(app, None)
    own = {"organization", "challenge", "enrolment", "submission"}
    assert mine.keys() - own == nobody.keys()
    assert mine["statement"] == nobody["statement"]


def test_a_reader_sees_no_entry_of_another_reader(here: Relation, app: Database) -> None:
    with app.begin(Actor("x", here.requester.org), read_only=True) as tx:
        query = "SELECT DISTINCT kind FROM attestation.disclosure ORDER BY 1"
        assert tx.scalars(text(query)).all() == [
            "answers",
            "audience",
            "respondents",
            "subTier",
            "vouchedBy",
        ]
        other = "SELECT count(*) FROM attestation.disclosure WHERE reader_org_id <> :me"
        assert tx.scalar(text(other), {"me": here.requester.org}) == 0
    with app.begin(Actor("x", here.respondent.org), read_only=True) as tx:
        query = "SELECT count(*) FROM attestation.disclosure WHERE kind = 'vouchedBy'"
        assert tx.scalar(text(query)) == 0


def test_nobody_writes_in_anothers_name(here: Relation, app: Database) -> None:
    victim = here.respondent.org
    statements = {
        "submission": "(id, owner_org_id, kind, received_at)"
        " VALUES (gen_random_uuid(), :victim, 'response', now())",
        "reader": "(statement_id, org_id, owner_org_id)"
        " VALUES ((SELECT statement_id FROM attestation.leaf LIMIT 1), :me, :victim)",
        "document": "(owner_org_id, sha256, kind, content) VALUES (:victim, 'x', 'answers', 'x')",
        "challenge": "(id, org_id, key_id, spki, roles, custody, payload, expires_at)"
        " VALUES (gen_random_uuid(), :victim, 'x', 'x', '{}', 'file', 'x', now())",
    }
    me = new_id()
    for table, values in statements.items():
        with (
            pytest.raises(Exception, match="row-level security"),
            app.begin(Actor("urn:rensho:member:test", me)) as tx,
        ):
            tx.execute(
                text(f"INSERT INTO attestation.{table} {values}"), {"victim": victim, "me": me}
            )


def test_the_web_cannot_store_a_key_event(here: Relation, app: Database) -> None:
    columns = "statement_id, submission_id, place, type, owner_org_id, public, key_id, spki,"
    with (
        pytest.raises(Exception, match="row-level security"),
        app.begin(Actor("urn:rensho:member:test", here.respondent.org)) as tx,
    ):
        tx.execute(
            text(
                f"INSERT INTO attestation.statement ({columns} signer_role, subject_sha256,"
                " attested_at, not_after, payload, signature) SELECT 'x', id, 0, 'key-event',"
                " owner_org_id, true, 'x', 'x', 'operator', 'x', now(), now(), 'x', 'x'"
                " FROM attestation.submission LIMIT 1"
            )
        )


def test_row_level_security_is_enabled_and_forced_on_every_table_with_readers(site: Site) -> None:
    rows = site.sql(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'attestation'::regnamespace AND relkind = 'r'"
    )
    secured = {name for name, enabled, forced in rows if enabled and forced}
    assert secured == TABLES - KIT - PUBLIC
    policies = site.sql(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'attestation'"
    )
    assert set(policies) == {(table, name) for table in secured for name in ("app", "worker")}


def test_migrating_again_changes_nothing(site: Site) -> None:
    def grants() -> list[tuple[Any, ...]]:
        return site.sql(
            "SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges"
            " WHERE table_schema = 'attestation' AND grantee <> 'attestation_owner'"
            " ORDER BY 1, 2, 3"
        )

    before = grants()
    migrate(site.settings, ("attestation",))
    assert grants() == before


def test_the_tables_are_those_of_the_migrations(site: Site) -> None:
    config = Config(str(ROOT / "alembic.ini"), ini_section="attestation")
    config.attributes["url"] = site.settings.service_url("attestation", "owner")
    command.check(config)
