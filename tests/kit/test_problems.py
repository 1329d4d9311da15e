"""Every refusal is a problem document, and none shows more than it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.kit.bicycles import Admin, audited, said, urn

Tokens = Callable[..., dict[str, str]]


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
