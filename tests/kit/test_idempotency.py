"""A POST with a key has one effect, however often it comes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient

from services.kit.db import new_id
from tests.kit.bicycles import Admin, said, urn

Tokens = Callable[..., dict[str, str]]


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
