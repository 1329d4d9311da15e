"""The edge every service shares: transaction, audit, tenant, permissions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from services.kit import clock
from services.kit.auth import PUBLIC, Issuer, needs
from services.kit.db import Database, new_id
from services.kit.web import UndeclaredPermission, make_app
from tests.kit.bicycles import Admin, audited, said, urn

Tokens = Callable[..., dict[str, str]]


@pytest.fixture
def broken_commit(admin: Admin) -> Iterator[None]:
    """A constraint that PostgreSQL checks at commit and that never holds."""
    admin.execute("""
        CREATE FUNCTION identity.refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE 'the disk is on fire'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON identity.organization
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION identity.refuse();
    """)
    yield
    admin.execute("DROP FUNCTION identity.refuse() CASCADE")


@pytest.mark.usefixtures("broken_commit")
def test_a_commit_that_fails_is_a_500_and_never_a_201(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    answer = client.post("/shops", json={"name": "架空輪業"}, headers=headers)
    assert (answer.status_code, urn(answer)) == (500, "request/failed")
    assert "fire" not in answer.text
    assert audited(admin, org) == []
    kept = admin.execute("SELECT FROM identity.organization WHERE id = %s", [org]).fetchall()
    assert kept == []


def test_the_same_call_is_kept_when_the_commit_succeeds(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    assert client.post("/shops", json={"name": "架空輪業"}, headers=headers).status_code == 201
    kept = admin.execute("SELECT name FROM identity.organization WHERE id = %s", [org]).fetchall()
    assert kept == [("架空輪業",)]


def test_a_connection_lost_before_the_commit_is_no_success(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    admin.execute("""
        CREATE FUNCTION identity.hang_up() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
        CREATE CONSTRAINT TRIGGER hang_up AFTER INSERT ON identity.organization
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION identity.hang_up();
        ALTER FUNCTION identity.hang_up() SECURITY DEFINER;
    """)
    try:
        answer = client.post("/shops", json={"name": "架空輪業"}, headers=headers)
    finally:
        admin.execute("DROP FUNCTION identity.hang_up() CASCADE")
    assert (answer.status_code, urn(answer)) == (503, "request/unavailable")
    assert answer.headers["retry-after"]
    assert client.get("/bicycles", headers=headers).status_code == 200


def test_a_get_that_writes_fails_and_keeps_nothing(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    assert client.get("/sneaky", headers=headers).status_code == 500
    kept = admin.execute("SELECT FROM identity.organization WHERE id = %s", [org]).fetchall()
    assert kept == []


def test_every_answer_carries_the_security_headers(
    client: TestClient, headers: dict[str, str]
) -> None:
    for answer in (client.get("/bicycles", headers=headers), client.get("/bicycles")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def test_each_write_leaves_one_audit_row_and_a_read_leaves_none(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    client.get("/bicycles", headers=headers)
    assert audited(admin, org) == []
    answer = client.post("/bicycles", json={"name": "銀輪"}, headers=headers)
    [(operation, resource, subject, trace, details)] = audited(admin, org)
    assert (operation, resource) == ("sell", "/bicycles")
    assert subject.startswith("urn:rensho:member:")
    assert trace == answer.headers["x-request-id"]
    assert details == {"sold": answer.json()["id"]}


def test_a_write_whose_audit_row_cannot_be_written_is_refused(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    admin.execute("REVOKE INSERT ON identity.audit FROM identity_app")
    try:
        answer = client.post("/bicycles", json={"name": "銀輪"}, headers=headers)
    finally:
        admin.execute("GRANT INSERT ON identity.audit TO identity_app")
    assert answer.status_code == 500
    assert said(admin, org) == 0


def test_the_audit_row_names_who_proved_to_be_there_during_the_request(
    client: TestClient, admin: Admin
) -> None:
    org = new_id()
    assert client.post("/enter", json={"name": str(org)}).status_code == 204
    assert [row[2] for row in audited(admin, org)] == [f"urn:rensho:member:{org}"]


def test_an_organization_reads_its_own_audit_trail_newest_first(
    client: TestClient, tokens: Tokens, headers: dict[str, str]
) -> None:
    for name in ("一", "二", "三"):
        client.post("/bicycles", json={"name": name}, headers=headers)
    stranger = tokens(org=new_id(), audience="identity", scopes={"audit.read"})
    assert client.get("/audit", headers=stranger).json()["items"] == []
    first = client.get("/audit?limit=2", headers=headers).json()
    rest = client.get(f"/audit?limit=2&cursor={first['next_cursor']}", headers=headers).json()
    ids = [row["id"] for row in first["items"] + rest["items"]]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert rest["next_cursor"] is None
    assert client.get("/audit?cursor=x", headers=headers).status_code == 422
    huge = client.get(f"/audit?cursor={'9' * 30}", headers=headers)
    assert huge.status_code == 422


def test_the_organization_of_the_token_is_the_tenant_of_the_transaction(
    client: TestClient, org: UUID, headers: dict[str, str]
) -> None:
    got = client.get("/bicycles", headers=headers).json()
    assert got == {"org": str(org), "name": "Test Member"}


def test_withdrawn_access_is_refused_in_the_next_request(
    client: TestClient, admin: Admin, tokens: Tokens
) -> None:
    subject = f"urn:rensho:member:{new_id()}"
    mine = tokens(org=new_id(), audience="identity", scopes={"bicycles.read"}, subject=subject)
    assert client.get("/bicycles", headers=mine).status_code == 200
    admin.execute("INSERT INTO identity.access_revoked VALUES (%s, %s)", [subject, clock.now()])
    answer = client.get("/bicycles", headers=mine)
    assert (answer.status_code, urn(answer)) == (401, "request/unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def _app_with(app_db: Database, issuer: Issuer, *routers: APIRouter) -> FastAPI:
    return make_app(
        "identity", title="x", routers=routers, db=app_db, issuer=issuer, refusals={}, state={}
    )


def test_a_route_without_a_permission_refuses_to_start(app_db: Database, issuer: Issuer) -> None:
    open_door = APIRouter()
    open_door.add_api_route("/open", lambda: None)
    with pytest.raises(UndeclaredPermission, match="/open"):
        _app_with(app_db, issuer, open_door)


def test_nor_does_one_that_hides_in_an_included_router(app_db: Database, issuer: Issuer) -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/open", lambda: None)
    outer.include_router(inner)
    with pytest.raises(UndeclaredPermission, match="/open"):
        _app_with(app_db, issuer, outer)


def test_nor_does_a_route_with_two_permissions(app_db: Database, issuer: Issuer) -> None:
    two = APIRouter()
    two.add_api_route("/two", lambda: None, dependencies=[needs("a.read"), needs(PUBLIC)])
    with pytest.raises(UndeclaredPermission, match="/two"):
        _app_with(app_db, issuer, two)


def test_nor_does_what_is_no_operation_at_all(app_db: Database, issuer: Issuer) -> None:
    odd = APIRouter()
    odd.mount("/files", FastAPI())
    with pytest.raises(UndeclaredPermission):
        _app_with(app_db, issuer, odd)


def test_the_openapi_document_names_each_permission(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert paths["/bicycles"]["post"]["x-permission"] == "bicycles.write"
    assert paths["/enter"]["post"]["security"] == []


def test_the_openapi_document_promises_problem_documents_only(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
