"""One transaction per request: kept whole before the answer leaves, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InternalError, ProgrammingError
from sqlalchemy.orm import Session

from services.identity.store import PLUMBING, Organization
from services.kit.db import Actor, Database, new_id
from services.kit.problems import Unauthenticated
from services.kit.web import ready

Admin = psycopg.Connection[Any]


def _firm(org: Any, name: str = "架空工業株式会社") -> Organization:
    return Organization(id=org, name=name, country="JP", enrolled_at=datetime.now(UTC))


def _found(tx: Session, org: Any) -> None:
    tx.add(_firm(org))
    tx.flush()


def _fail_after_writing(tx: Session, org: Any) -> None:
    _found(tx, org)
    raise RuntimeError


def _count(admin: Admin, org: Any) -> int:
    row = admin.execute("SELECT count(*) FROM identity.organization WHERE id = %s", [org])
    found = row.fetchone()
    assert found is not None
    return int(found[0])


def test_what_an_exception_leaves_is_nothing(app_db: Database, admin: Admin) -> None:
    org = new_id()
    with pytest.raises(RuntimeError), app_db.begin(Actor("urn:rensho:member:x", org)) as tx:
        _fail_after_writing(tx, org)
    assert _count(admin, org) == 0


def test_a_reading_transaction_cannot_write(app_db: Database, admin: Admin) -> None:
    org = new_id()
    with (
        pytest.raises(InternalError, match="read-only"),
        app_db.begin(Actor("urn:rensho:member:x", org), read_only=True) as tx,
    ):
        _found(tx, org)
    assert _count(admin, org) == 0


def test_the_organization_of_one_transaction_is_gone_in_the_next(app_db: Database) -> None:
    org = new_id()
    with app_db.begin(Actor("urn:rensho:member:x", org)) as tx:
        assert tx.scalar(text("SELECT current_setting('rensho.org')")) == str(org)
    with app_db.begin(Actor("anonymous")) as tx:
        assert tx.scalar(text("SELECT current_setting('rensho.org')")) == ""


def test_nobody_may_write_for_another_organization(app_db: Database) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        app_db.begin(Actor("urn:rensho:member:x", new_id())) as tx,
    ):
        _found(tx, new_id())


def test_nobody_at_all_sees_and_writes_nothing(app_db: Database) -> None:
    with app_db.begin(Actor("anonymous")) as tx:
        assert tx.execute(text("SELECT * FROM identity.organization")).all() == []
    with pytest.raises(ProgrammingError, match="row-level"), app_db.begin(Actor("anon")) as tx:
        _found(tx, new_id())


@pytest.mark.parametrize("what", ["member", "organization"])
def test_withdrawn_access_is_refused_in_the_next_transaction(
    app_db: Database, admin: Admin, what: str
) -> None:
    org, now = new_id(), datetime.now(UTC).replace(microsecond=0)
    actor = Actor(f"urn:rensho:member:{new_id()}", org, issued_at=now)
    with app_db.begin(actor):
        pass
    subject = actor.subject if what == "member" else str(org)
    admin.execute("INSERT INTO identity.access_revoked VALUES (%s, %s)", [subject, now])
    with pytest.raises(Unauthenticated), app_db.begin(actor):
        pass
    later = Actor(actor.subject, org, issued_at=now + timedelta(seconds=1))
    with app_db.begin(later):
        pass


def test_a_statement_that_takes_too_long_is_stopped(own_settings: Any) -> None:
    db = Database(PLUMBING, own_settings.service_url("identity", "app"), statement_timeout_ms=50)
    with pytest.raises(DBAPIError, match="statement timeout"), db.begin(Actor("a")) as tx:
        tx.execute(text("SELECT pg_sleep(5)"))
    db.close()


def test_an_error_does_not_carry_the_values_of_its_statement(app_db: Database) -> None:
    with pytest.raises(DBAPIError) as caught, app_db.begin(Actor("a")) as tx:
        tx.execute(text("SELECT 1 / 0 WHERE :secret = :secret"), {"secret": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)


def test_a_process_is_ready_only_with_its_database(app_db: Database, own_settings: Any) -> None:
    assert ready(app_db)
    gone = Database(app_db.plumbing, app_db.url.set(port=2))
    assert not ready(gone)


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(set(made))
