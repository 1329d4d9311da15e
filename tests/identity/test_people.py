"""Organizations, members and machine clients as their admins see and change them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey, OKPKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.identity.actions.deployment import load_rights
from services.kit.db import new_id
from tests.identity.conftest import Firm
from tests.identity.test_invitations import urn
from tests.identity.test_sessions import exchange

Enrol = Callable[..., Firm]
Tokens = Callable[..., dict[str, str]]


@pytest.fixture
def firm(enrol: Enrol) -> Firm:
    return enrol()


@pytest.fixture
def admin(firm: Firm, tokens: Tokens) -> dict[str, str]:
    return as_admin(firm, tokens)


def as_admin(firm: Firm, tokens: Tokens) -> dict[str, str]:
    scopes = set(load_rights().of(["admin"], "identity"))
    subject = f"urn:rensho:member:{firm.member}"
    return tokens(org=firm.org, audience="identity", scopes=scopes, subject=subject)


def new_member(client: TestClient, headers: dict[str, str], **changes: Any) -> Any:
    body = {"name": "鈴木 一郎", "mailbox": f"i-{new_id()}@firm.example", "roles": ["signer"]}
    return client.post("/members", json=body | changes, headers=headers)


def test_an_organization_sees_itself_in_full_and_others_by_name_and_country(
    client: TestClient, enrol: Enrol, tokens: Tokens
) -> None:
    claim = {"scheme": "gln", "value": "4912345678904"}
    firm = enrol(name="架空精機株式会社", identifiers=[claim])
    mine = client.get("/organizations/me", headers=as_admin(firm, tokens)).json()
    assert mine["identifiers"] == [claim]
    assert mine["id"] == str(firm.org)
    other = as_admin(enrol(), tokens)
    seen = client.get(f"/organizations/{firm.org}", headers=other).json()
    assert seen == {"id": str(firm.org), "name": "架空精機株式会社", "country": "JP"}
    unknown = client.get(f"/organizations/{new_id()}", headers=other)
    assert unknown.status_code == 404


def test_members_of_another_organization_look_like_nobody(
    client: TestClient, firm: Firm, enrol: Enrol, tokens: Tokens
) -> None:
    stranger = as_admin(enrol(), tokens)
    listed = client.get("/members", headers=stranger).json()["items"]
    assert str(firm.member) not in {m["id"] for m in listed}
    for method, path in (("PATCH", "/members/{}"), ("DELETE", "/members/{}")):
        body = {"name": "x"} if method == "PATCH" else None
        theirs = client.request(method, path.format(firm.member), json=body, headers=stranger)
        nobody = client.request(method, path.format(new_id()), json=body, headers=stranger)
        assert theirs.status_code == nobody.status_code == 404
        assert theirs.json() | {"request_id": ""} == nobody.json() | {"request_id": ""}


def test_an_added_member_is_listed_said_and_audited(
    client: TestClient, firm: Firm, admin: dict[str, str], rows: Session
) -> None:
    added = new_member(client, admin, roles=["signer", "respondent", "signer"])
    assert added.status_code == 201
    assert added.json()["roles"] == ["respondent", "signer"]
    first = client.get("/members?limit=1", headers=admin).json()
    rest = client.get(f"/members?cursor={first['next_cursor']}", headers=admin).json()
    assert [m["id"] for m in first["items"] + rest["items"]] == [
        str(firm.member),
        added.json()["id"],
    ]
    said = rows.scalar(
        text("SELECT body FROM identity.outbox WHERE body->>'member_id' = :id"),
        {"id": added.json()["id"]},
    )
    assert (said["roles"], said["active"]) == (["respondent", "signer"], True)
    trail = client.get("/audit", headers=admin).json()["items"]
    assert [row["operation"] for row in trail] == ["add_member", "accept_invitation"]
    assert trail[1]["subject"] == f"urn:rensho:member:{firm.member}"


def test_one_mailbox_is_one_member_whatever_its_case(
    client: TestClient, firm: Firm, admin: dict[str, str]
) -> None:
    answer = new_member(client, admin, mailbox=firm.mailbox.upper())
    assert (answer.status_code, urn(answer)) == (409, "members/already")


def test_twenty_simultaneous_additions_of_one_mailbox_add_one(
    client: TestClient, admin: dict[str, str]
) -> None:
    mailbox = f"same-{new_id()}@firm.example"
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: new_member(client, admin, mailbox=mailbox), range(20)))
    codes = [a.status_code for a in answers]
    assert codes.count(201) == 1
    assert set(codes) <= {201, 409, 503}


@pytest.mark.parametrize(
    "bad",
    [{"roles": []}, {"roles": ["owner"]}, {"name": " "}, {"mailbox": "nobody"}, {"colour": "red"}],
)
def test_a_malformed_member_is_refused(
    client: TestClient, admin: dict[str, str], bad: dict[str, Any]
) -> None:
    assert new_member(client, admin, **bad).status_code == 422


def test_a_repeated_addition_gives_the_first_answer(
    client: TestClient, admin: dict[str, str]
) -> None:
    body = {"name": "鈴木", "mailbox": f"k-{new_id()}@firm.example", "roles": ["auditor"]}
    keyed = admin | {"Idempotency-Key": f"add-{new_id()}"}
    first, again = (client.post("/members", json=body, headers=keyed) for _ in range(2))
    assert first.json() == again.json()


def test_a_member_whose_roles_shrink_loses_the_tokens_in_use(
    client: TestClient, firm: Firm, admin: dict[str, str], tokens: Tokens
) -> None:
    member = new_member(client, admin, roles=["procurement", "signer"]).json()["id"]
    subject = f"urn:rensho:member:{member}"
    held = tokens(org=firm.org, audience="identity", scopes={"members.read"}, subject=subject)
    more = client.patch(
        f"/members/{member}", json={"roles": ["procurement", "signer", "auditor"]}, headers=admin
    )
    assert more.status_code == 200
    assert client.get("/members", headers=held).status_code == 200
    less = client.patch(f"/members/{member}", json={"roles": ["auditor"]}, headers=admin)
    assert less.json()["roles"] == ["auditor"]
    assert client.get("/members", headers=held).status_code == 401


def test_a_renamed_member_keeps_roles_and_tokens(
    client: TestClient, firm: Firm, admin: dict[str, str]
) -> None:
    answer = client.patch(f"/members/{firm.member}", json={"name": "山田 良子"}, headers=admin)
    assert (answer.json()["name"], answer.json()["roles"]) == ("山田 良子", ["admin"])
    assert client.get("/members", headers=admin).status_code == 200


def test_a_removed_member_is_out_at_once(
    client: TestClient, firm: Firm, admin: dict[str, str], rows: Session
) -> None:
    assert exchange(client, firm.session).status_code == 200
    other = new_member(client, admin, roles=["admin"]).json()["id"]
    assert client.delete(f"/members/{firm.member}", headers=admin).status_code == 204
    assert exchange(client, firm.session).json()["error"] == "invalid_grant"
    assert client.get("/members", headers=admin).status_code == 401
    said = rows.scalar(
        text("SELECT count(*) FROM identity.outbox WHERE type = 'access.revoked.v1'"
             " AND body->>'subject' = :s"),
        {"s": f"urn:rensho:member:{firm.member}"},
    )  # fmt: skip
    assert said == 1
    assert UUID(other)


def test_the_last_admin_stays(client: TestClient, firm: Firm, admin: dict[str, str]) -> None:
    new_member(client, admin, roles=["signer"])
    gone = client.delete(f"/members/{firm.member}", headers=admin)
    assert (gone.status_code, urn(gone)) == (409, "members/last-admin")
    less = client.patch(f"/members/{firm.member}", json={"roles": ["auditor"]}, headers=admin)
    assert (less.status_code, urn(less)) == (409, "members/last-admin")


def test_two_admins_who_remove_each_other_leave_one(
    client: TestClient, firm: Firm, admin: dict[str, str], tokens: Tokens, rows: Session
) -> None:
    other = new_member(client, admin, roles=["admin"]).json()["id"]
    second = tokens(
        org=firm.org,
        audience="identity",
        scopes={"members.write"},
        subject=f"urn:rensho:member:{other}",
    )
    calls = [(firm.member, second), (other, admin)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda c: client.delete(f"/members/{c[0]}", headers=c[1]), calls))
    left = rows.scalar(
        text("SELECT count(*) FROM identity.member WHERE org_id = :o AND removed_at IS NULL"),
        {"o": firm.org},
    )
    assert left == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/members"),
        ("PATCH", "/members/01a2082f-673a-73c6-ba49-25c1633d67f2"),
        ("DELETE", "/members/01a2082f-673a-73c6-ba49-25c1633d67f2"),
        ("POST", "/machine-clients"),
        ("DELETE", "/machine-clients/01a2082f-673a-73c6-ba49-25c1633d67f2"),
        ("GET", "/invitations"),
    ],
)
def test_an_auditor_changes_nothing(
    client: TestClient, tokens: Tokens, method: str, path: str
) -> None:
    scopes = set(load_rights().of(["auditor"], "identity"))
    headers = tokens(org=new_id(), audience="identity", scopes=scopes)
    assert client.request(method, path, json={}, headers=headers).status_code == 403


def new_client(client: TestClient, headers: dict[str, str], **changes: Any) -> Any:
    body = {"name": "ERP", "scopes": ["risk:scores.read"]} | changes
    return client.post("/machine-clients", json=body, headers=headers)


def as_program(client: TestClient, client_id: str, secret: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "audience": "risk",
        "client_id": client_id,
        "client_secret": secret,
    }
    return client.post("/token", data=form)


def test_the_secret_of_a_program_is_shown_once_and_not_kept(
    client: TestClient, admin: dict[str, str], rows: Session
) -> None:
    keyed = admin | {"Idempotency-Key": f"erp-{new_id()}"}
    made = new_client(client, keyed).json()
    again = new_client(client, keyed).json()
    assert again == made | {"secret": None}
    listed = client.get("/machine-clients", headers=admin).json()["items"]
    assert [c["id"] for c in listed] == [made["id"]]
    assert "secret" not in listed[0]
    for table in ("machine_client", "idempotency", "audit", "outbox"):
        kept = rows.scalar(text(f"SELECT string_agg(t::text, '') FROM identity.{table} t"))
        assert made["secret"] not in str(kept)
    assert as_program(client, made["id"], made["secret"]).status_code == 200


def test_an_ended_program_gets_no_token_and_those_in_use_are_refused(
    client: TestClient, firm: Firm, admin: dict[str, str], tokens: Tokens, enrol: Enrol
) -> None:
    made = new_client(client, admin, scopes=["identity:members.read", "risk:scores.read"]).json()
    held = tokens(
        org=firm.org,
        audience="identity",
        scopes={"members.read"},
        subject=f"urn:rensho:client:{made['id']}",
    )
    assert client.get("/members", headers=held).status_code == 200
    stranger = as_admin(enrol(), tokens)
    path = f"/machine-clients/{made['id']}"
    assert client.delete(path, headers=stranger).status_code == 404
    assert client.delete(path, headers=admin).status_code == 204
    assert client.delete(path, headers=admin).status_code == 404
    assert as_program(client, made["id"], made["secret"]).status_code == 401
    assert client.get("/members", headers=held).status_code == 401


def test_programs_are_listed_page_by_page(client: TestClient, admin: dict[str, str]) -> None:
    made = [new_client(client, admin).json()["id"] for _ in range(3)]
    first = client.get("/machine-clients?limit=2", headers=admin).json()
    rest = client.get(f"/machine-clients?cursor={first['next_cursor']}", headers=admin).json()
    assert [c["id"] for c in first["items"] + rest["items"]] == made


@pytest.mark.parametrize(
    "scope", ["attestation:submissions.write", "identity:clients.write", "risk:all.read"]
)
def test_a_program_never_gets_a_scope_that_signs_or_governs(
    client: TestClient, admin: dict[str, str], scope: str
) -> None:
    answer = new_client(client, admin, scopes=["risk:scores.read", scope])
    assert (answer.status_code, urn(answer)) == (422, "clients/unknown-scope")
    assert answer.json()["scopes"] == [scope]


@pytest.mark.parametrize("key", [ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")])
def test_a_program_with_a_key_has_no_secret(
    client: TestClient, admin: dict[str, str], key: ECKey | OKPKey
) -> None:
    public = dict(key.as_dict(private=False))
    made = new_client(client, admin, jwk=public | {"use": "sig"}).json()
    assert made["secret"] is None
    assert made["jwk"] == public


def test_a_key_that_will_not_do_is_refused(client: TestClient, admin: dict[str, str]) -> None:
    good = dict(ECKey.generate_key("P-256").as_dict(private=False))
    low_order = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    bad = [
        dict(ECKey.generate_key("P-256").as_dict(private=True)),
        dict(ECKey.generate_key("P-384").as_dict(private=False)),
        dict(OKPKey.generate_key("X25519").as_dict(private=False)),
        low_order,
        good | {"x": good["y"]},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "OKP", "crv": "P-256", "x": "AA"},
        {"kty": 1},
        {},
    ]
    for jwk in bad:
        answer = new_client(client, admin, jwk=jwk)
        assert (answer.status_code, urn(answer)) == (422, "clients/unfit-key"), jwk
