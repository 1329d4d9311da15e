"""The edge every service shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from fastapi import APIRouter, FastAPI, Response
from fastapi.testclient import TestClient
from sqlalchemy import text

from services.identity.store import Organization
from services.kit import clock
from services.kit.auth import PUBLIC, Issuer, Who, needs
from services.kit.db import Actor, Database, new_id
from services.kit.outbox import say
from services.kit.problems import Refused
from services.kit.web import Model, OnceOnly, Tx, UndeclaredPermission, act_as, make_app

Admin = psycopg.Connection[Any]
Tokens = Callable[..., dict[str, str]]

router = APIRouter()


class Bicycle(Model):
    name: str


class Sold(Model):
    id: UUID
    name: str


class OutOfStock(Refused):
    """There is none left."""

    urn = "bicycles/out-of-stock"


class FlatTyre(Exception):
    urn = "bicycles/flat-tyre"
    extensions: ClassVar = {"wheel": "front"}


@router.post("/bicycles", response_model=Sold, dependencies=[needs("bicycles.write")])
def sell(tx: Tx, who: Who, once: OnceOnly, body: Bicycle) -> Response:
    def work() -> Sold:
        sold = Sold(id=new_id(), name=body.name)
        fields = {"org_id": who.org, "member_id": sold.id, "roles": [], "active": True}
        say(tx, "member.changed.v1", **fields)
        tx.info["details"]["sold"] = str(sold.id)
        return sold

    return once(work)


@router.post("/shops", status_code=201, dependencies=[needs("bicycles.write")])
def open_shop(tx: Tx, who: Who, body: Bicycle) -> dict[str, str]:
    tx.add(Organization(id=who.org, name=body.name, country="JP", enrolled_at=clock.now()))
    tx.flush()
    return {"shop": body.name}


@router.get("/bicycles", dependencies=[needs("bicycles.read")])
def look(tx: Tx, who: Who) -> dict[str, Any]:
    return {"org": tx.scalar(text("SELECT current_setting('rensho.org')")), "name": who.name}


@router.get("/sneaky", dependencies=[needs("bicycles.read")])
def write_while_reading(tx: Tx, who: Who) -> None:
    tx.add(Organization(id=who.org, name="sneaky", country="JP", enrolled_at=clock.now()))
    tx.flush()


@router.post("/refused", dependencies=[needs("bicycles.write")])
def refuse(tx: Tx, who: Who) -> None:
    fields = {"org_id": who.org, "member_id": new_id(), "roles": [], "active": True}
    say(tx, "member.changed.v1", **fields)
    raise OutOfStock("no bicycle is left", left=0)


@router.post("/flat", dependencies=[needs("bicycles.write")])
def ride() -> None:
    raise FlatTyre("the tyre is flat")


@router.post("/crash", dependencies=[needs(PUBLIC)])
def crash() -> None:
    raise RuntimeError("the till holds 12,000 yen")


@router.post("/enter", status_code=204, dependencies=[needs(PUBLIC)])
def enter(tx: Tx, body: Bicycle) -> None:
    act_as(tx, Actor(f"urn:rensho:member:{body.name}", UUID(body.name)))


@pytest.fixture
def app(app_db: Database, issuer: Issuer) -> FastAPI:
    return make_app(
        "identity",
        title="Bicycles",
        routers=[router],
        db=app_db,
        issuer=issuer,
        refusals={FlatTyre: HTTPStatus.UNPROCESSABLE_ENTITY},
        state={},
    )


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def org() -> UUID:
    return new_id()


@pytest.fixture
def headers(tokens: Tokens, org: UUID) -> dict[str, str]:
    scopes = {"bicycles.read", "bicycles.write", "audit.read"}
    return tokens(org=org, audience="identity", scopes=scopes)


def said(admin: Admin, org: UUID) -> int:
    row = admin.execute(
        "SELECT count(*) FROM identity.outbox WHERE body->>'org_id' = %s", [str(org)]
    ).fetchone()
    assert row is not None
    return int(row[0])


def audited(admin: Admin, org: UUID) -> list[Any]:
    return admin.execute(
        "SELECT operation, resource, subject, request_id, details FROM identity.audit"
        " WHERE org_id = %s ORDER BY id",
        [org],
    ).fetchall()


def urn(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:rensho:problem:")


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


def test_a_refusal_keeps_nothing_of_what_was_done_before_it(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    answer = client.post("/refused", headers=headers)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:rensho:problem:bicycles/out-of-stock",
        "title": "Conflict",
        "status": 409,
        "detail": "no bicycle is left",
        "request_id": answer.headers["x-request-id"],
        "left": 0,
    }
    assert said(admin, org) == 0
    assert audited(admin, org) == []


def test_the_error_of_a_pure_rule_becomes_the_problem_the_app_named(
    client: TestClient, headers: dict[str, str]
) -> None:
    answer = client.post("/flat", headers=headers)
    assert (answer.status_code, urn(answer)) == (422, "bicycles/flat-tyre")
    assert answer.json()["wheel"] == "front"


def test_an_unexpected_error_shows_its_request_id_and_nothing_else(client: TestClient) -> None:
    answer = client.post("/crash", headers={"X-Request-Id": "request-of-a-test"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "request-of-a-test"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "yen" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", "/no-such-page", 404, "request/not-found"),
        ("DELETE", "/bicycles", 405, "request/method-not-allowed"),
        ("GET", "/bicycles", 401, "request/unauthenticated"),
        ("POST", "/enter", 422, "request/invalid"),
    ],
)
def test_every_refusal_is_a_problem_document_with_a_request_id(
    client: TestClient, method: str, path: str, status: int, problem: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, urn(answer)) == (status, problem)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] != "-"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space here", 'quote"quote"'])
def test_a_request_id_that_could_forge_a_log_line_is_replaced(
    client: TestClient, given: str
) -> None:
    answer = client.get("/bicycles", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] != given


def test_every_answer_carries_the_security_headers(
    client: TestClient, headers: dict[str, str]
) -> None:
    for answer in (client.get("/bicycles", headers=headers), client.get("/bicycles")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


TWENTY_MB = 20 * 1024 * 1024


def test_twenty_megabytes_are_refused_before_they_are_read(
    client: TestClient, headers: dict[str, str]
) -> None:
    body = b'{"name": "' + b"x" * TWENTY_MB + b'"}'
    for more in (headers, {}):
        answer = client.post(
            "/bicycles", content=body, headers=more | {"Content-Type": "application/json"}
        )
        assert (answer.status_code, urn(answer)) == (413, "request/too-large")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_twenty_megabytes_without_a_length_are_refused_as_they_come(
    client: TestClient, headers: dict[str, str]
) -> None:
    read = 0

    def stream() -> Iterator[bytes]:
        nonlocal read
        for _ in range(20):
            read += 1
            yield b"x" * (TWENTY_MB // 20)

    answer = client.post(
        "/bicycles", content=stream(), headers=headers | {"Content-Type": "application/json"}
    )
    assert (answer.status_code, urn(answer)) == (413, "request/too-large")


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


def test_a_repeated_post_gives_the_first_answer_and_does_nothing(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    keyed = headers | {"Idempotency-Key": "order-1"}
    first = client.post("/bicycles", json={"name": "銀輪"}, headers=keyed)
    again = client.post("/bicycles", json={"name": "銀輪"}, headers=keyed)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert said(admin, org) == 1


def test_the_same_key_with_another_body_is_refused(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    keyed = headers | {"Idempotency-Key": "order-1"}
    client.post("/bicycles", json={"name": "銀輪"}, headers=keyed)
    answer = client.post("/bicycles", json={"name": "金輪"}, headers=keyed)
    assert (answer.status_code, urn(answer)) == (422, "request/idempotency-mismatch")
    assert said(admin, org) == 1


def test_the_same_key_of_somebody_else_is_another_key(
    client: TestClient, headers: dict[str, str], tokens: Tokens
) -> None:
    other = tokens(org=new_id(), audience="identity", scopes={"bicycles.write"})
    key = {"Idempotency-Key": "order-1"}
    mine = client.post("/bicycles", json={"name": "銀輪"}, headers=headers | key)
    theirs = client.post("/bicycles", json={"name": "銀輪"}, headers=other | key)
    assert mine.json()["id"] != theirs.json()["id"]


def test_fifty_simultaneous_posts_with_one_key_have_one_effect(
    client: TestClient, admin: Admin, org: UUID, headers: dict[str, str]
) -> None:
    keyed = headers | {"Idempotency-Key": "order-50"}

    def post(_: int) -> Any:
        return client.post("/bicycles", json={"name": "銀輪"}, headers=keyed)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, range(50)))
    assert said(admin, org) == 1
    good = [a for a in answers if a.status_code == 201]
    assert len({a.json()["id"] for a in good}) == 1
    assert [a.headers.get("idempotency-replayed") for a in good].count(None) == 1
    # Whoever waits too long for a connection is told to come again.
    assert {a.status_code for a in answers} <= {201, 503}


def test_an_over_long_key_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    keyed = headers | {"Idempotency-Key": "x" * 256}
    assert client.post("/bicycles", json={"name": "銀輪"}, headers=keyed).status_code == 422


@pytest.mark.parametrize("body", [b'{"name": "a", "colour": "red"}', b'{"name": 1}', b"{", b"[]"])
def test_a_body_that_does_not_fit_the_contract_is_refused(
    client: TestClient, headers: dict[str, str], body: bytes
) -> None:
    answer = client.post(
        "/bicycles", content=body, headers=headers | {"Content-Type": "application/json"}
    )
    assert (answer.status_code, urn(answer)) == (422, "request/invalid")
    assert answer.json()["errors"]


@pytest.mark.parametrize("name", [r"zero \u0000 byte", r"half \ud800 a character"])
def test_text_that_cannot_be_stored_is_bad_input_and_not_our_failure(
    client: TestClient, headers: dict[str, str], name: str
) -> None:
    answer = client.post(
        "/shops",
        content=f'{{"name": "{name}"}}',
        headers=headers | {"Content-Type": "application/json"},
    )
    assert (answer.status_code, urn(answer)) == (422, "request/invalid")


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
