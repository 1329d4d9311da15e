"""Who may touch which row of risk: asked of the database itself, as the roles log in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.factories.risk import LinkClassified, StatementRecorded, StatementRefused, event
from tests.factories.supply_chains import Firm, Scene
from tests.risk.site import Site

HEARD = (
    "link",
    "enrolment",
    "questionnaire",
    "request",
    "request_change",
    "response",
    "recorded",
    "refused",
    "key_change",
    "review",
)
# Made anew from the others, and no evidence.
SERVED = ("served", "served_name")
SHOWN = (
    *("label", "snapshot", "snapshot_signed", "snapshot_logged", "snapshot_refused", "score"),
    *("seen_link", "advised", "own_score", "policy_version", "class_version"),
    *SERVED,
)
BY_REQUESTS = ("snapshot", "policy_version")
EVIDENCE = tuple(n for n in (*HEARD, *SHOWN) if n not in ("link", "label", *SERVED))


def connect(site: Site, role: Any) -> psycopg.Connection[Any]:
    url = site.settings.service_url("risk", role).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


@pytest.fixture
def app(site: Site) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the role that serves requests."""
    with connect(site, "app") as connection:
        yield connection


@pytest.fixture
def worker(site: Site) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the role that handles events."""
    with connect(site, "worker") as connection:
        yield connection


@pytest.fixture
def maker(site: Site) -> Firm:
    """A requester with a row in every table that is shown to requesters."""
    scene, firm = Scene(), Firm("Maker")
    supply = scene.supplied(firm, Firm("First"), vendor_codes=["V-1"])
    scene.enrolled(supply)
    scene.say(LinkClassified, org_id=firm.org, link_id=supply.link)
    site.hear(*scene.events)
    headers = site.headers(firm, {"policies.write"})
    assert site.http.post("/policies", json={}, headers=headers).status_code == 201
    for kind in (StatementRecorded, StatementRefused):
        made = site.get(firm, f"/snapshots/{site.ask(firm)['id']}").json()
        site.hear(event(kind, statement_id=made["statement_id"], statement_type="risk-snapshot"))
    return firm


def seen(connection: psycopg.Connection[Any], table: str, org: str | None) -> set[str]:
    """The organizations whose rows an organization sees in a table."""
    with connection.transaction():
        if org is not None:
            connection.execute("SELECT set_config('rensho.org', %s, true)", [org])
        rows = connection.execute(f"SELECT DISTINCT org_id::text FROM risk.{table}").fetchall()
    return {row[0] for row in rows}


@pytest.mark.parametrize("table", SHOWN)
def test_an_organization_sees_its_own_rows_and_nobody_elses(
    app: psycopg.Connection[Any], worker: psycopg.Connection[Any], maker: Firm, table: str
) -> None:
    assert seen(app, table, maker.org) == {maker.org}
    assert seen(app, table, Firm("Other").org) == set()
    assert seen(app, table, None) == set()
    assert maker.org in seen(worker, table, None)


@pytest.mark.parametrize("table", HEARD)
def test_requests_cannot_read_what_other_firms_said(
    app: psycopg.Connection[Any], table: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"SELECT 1 FROM risk.{table}")


@pytest.mark.parametrize("table", [*SHOWN, *HEARD])
@pytest.mark.parametrize("sentence", ["DELETE FROM risk.{}", "UPDATE risk.{} SET {column} = NULL"])
def test_requests_change_and_delete_nothing(
    app: psycopg.Connection[Any], table: str, sentence: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(sentence.format(table, column=_column(app, table)))


@pytest.mark.parametrize("table", EVIDENCE)
@pytest.mark.parametrize("sentence", ["DELETE FROM risk.{}", "UPDATE risk.{} SET {column} = NULL"])
def test_evidence_is_changed_and_deleted_by_nobody(
    worker: psycopg.Connection[Any], table: str, sentence: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.execute(sentence.format(table, column=_column(worker, table)))


def _column(connection: psycopg.Connection[Any], table: str) -> str:
    row = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1",
        [f"risk.{table}"],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_snapshot_can_be_asked_for_oneself_alone(
    app: psycopg.Connection[Any], maker: Firm
) -> None:
    sentence = "INSERT INTO risk.snapshot VALUES (gen_random_uuid(), %s, now())"
    with app.transaction():
        app.execute("SELECT set_config('rensho.org', %s, true)", [maker.org])
        app.execute(sentence, [maker.org])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(sentence, [Firm("Other").org])


@pytest.mark.parametrize("table", [name for name in SHOWN if name not in BY_REQUESTS])
def test_requests_cannot_make_up_what_the_worker_judges(
    app: psycopg.Connection[Any], table: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"INSERT INTO risk.{table} DEFAULT VALUES")


@pytest.mark.parametrize("table", ["webhook", "webhook_message", "webhook_delivery", "folder_drop"])
def test_what_a_requester_sets_up_is_its_own(
    app: psycopg.Connection[Any], worker: psycopg.Connection[Any], maker: Firm, table: str
) -> None:
    seconds = "now()"
    rows = {
        "folder_drop": f"(org_id, encoding, asked_at) VALUES (%(org)s, 'utf-8', {seconds})",
        "webhook": "(id, org_id, url, types, description, secret_number, created_at) VALUES"
        f" (gen_random_uuid(), %(org)s, 'https://erp.example/', '{{}}', '', 1, {seconds})",
        "webhook_message": "(id, org_id, type, about, body, created_at) VALUES"
        f" (gen_random_uuid(), %(org)s, 'x', gen_random_uuid()::text, '', {seconds})",
    }
    with app.transaction():
        app.execute("SELECT set_config('rensho.org', %s, true)", [maker.org])
        for name, row in rows.items():
            app.execute(f"INSERT INTO risk.{name} {row}".encode(), {"org": maker.org})
        app.execute(
            "INSERT INTO risk.webhook_delivery (webhook_id, message_id, org_id, attempts)"
            " SELECT w.id, m.id, w.org_id, 0 FROM risk.webhook w, risk.webhook_message m"
        )
    assert seen(app, table, maker.org) == {maker.org}
    assert seen(app, table, Firm("Other").org) == set()
    assert seen(app, table, None) == set()
    assert maker.org in seen(worker, table, None)
    name = table if table in rows else "webhook"
    statement = f"INSERT INTO risk.{name} {rows[name]}".encode()
    with app.transaction():
        app.execute("SELECT set_config('rensho.org', %s, true)", [maker.org])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(statement, {"org": Firm("Other").org})
