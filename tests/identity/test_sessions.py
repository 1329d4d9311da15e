"""Log-in by mailbox, and what ends a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.identity import app as identity
from services.identity.actions import Deployment
from services.kit.auth import Issuer
from services.kit.db import new_id
from services.kit.settings import Settings
from tests.factories.identity import a_member
from tests.identity.conftest import API, Firm
from tests.identity.test_invitations import urn

Enrol = Callable[..., Firm]
NewestLogIn = Callable[[str], str]


def log_in(client: TestClient, mailbox: str, code: str, **more: Any) -> Any:
    body = {"mailbox": mailbox, "code": code} | more
    return client.post("/sessions/confirm", json=body, headers=API)


def exchange(client: TestClient, session: str) -> Any:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": "identity",
        "subject_token": session,
    }
    return client.post("/token", data=form)


def age(rows: Session, **changes: timedelta) -> None:
    for column, by in changes.items():
        rows.execute(text(f"UPDATE identity.session SET {column} = {column} - :by"), {"by": by})
    rows.commit()


def test_a_member_logs_in_with_the_code_from_the_mailbox(
    client: TestClient, enrol: Enrol, newest_log_in: NewestLogIn
) -> None:
    firm = enrol()
    assert client.post("/sessions", json={"mailbox": firm.mailbox.upper()}).status_code == 202
    answer = log_in(client, firm.mailbox, newest_log_in(firm.mailbox))
    assert answer.status_code == 201
    assert answer.json()["organization_id"] == str(firm.org)
    assert exchange(client, answer.json()["session_token"]).status_code == 200
    again = log_in(client, firm.mailbox, newest_log_in(firm.mailbox))
    assert (again.status_code, urn(again)) == (409, "sessions/code-refused")
    assert again.json()["reason"] == "used"


def test_whether_somebody_reads_a_mailbox_is_not_told(
    client: TestClient, enrol: Enrol, newest_log_in: NewestLogIn
) -> None:
    known, unknown = enrol().mailbox, f"nobody-{new_id()}@firm.example"
    asked = [client.post("/sessions", json={"mailbox": m}) for m in (known, unknown)]
    assert asked[0].json() == asked[1].json()
    refused = [log_in(client, m, "00000000").json() | {"request_id": ""} for m in (known, unknown)]
    assert refused[0] == refused[1]
    right = log_in(client, unknown, newest_log_in(unknown))
    assert right.json() | {"request_id": ""} == refused[0]


def test_wrong_log_in_codes_count_and_kill_the_code(
    client: TestClient, enrol: Enrol, newest_log_in: NewestLogIn
) -> None:
    firm = enrol()
    client.post("/sessions", json={"mailbox": firm.mailbox})
    right = newest_log_in(firm.mailbox)
    wrong = str((int(right) + 1) % 10**8).zfill(8)
    reasons = [log_in(client, firm.mailbox, wrong).json()["reason"] for _ in range(6)]
    assert reasons == ["wrong"] * 5 + ["dead"]
    assert log_in(client, firm.mailbox, right).status_code == 409


def test_more_than_six_codes_an_hour_are_silently_not_sent(
    client: TestClient, enrol: Enrol, rows: Session
) -> None:
    firm = enrol()
    for _ in range(8):
        assert client.post("/sessions", json={"mailbox": firm.mailbox}).status_code == 202
    count = text(
        "SELECT count(*) FROM identity.code WHERE mailbox_key = :m AND invitation_id IS NULL"
    )
    assert rows.scalar(count, {"m": firm.mailbox}) == 6


def test_a_mailbox_of_two_firms_chooses_and_the_code_stays_unused(
    client: TestClient, enrol: Enrol, rows: Session, newest_log_in: NewestLogIn
) -> None:
    firm, other = enrol(), enrol()
    a_member(org_id=other.org, mailbox=firm.mailbox, organization=None)
    client.post("/sessions", json={"mailbox": firm.mailbox})
    code = newest_log_in(firm.mailbox)
    asked = log_in(client, firm.mailbox, code)
    assert (asked.status_code, urn(asked)) == (409, "sessions/choose-organization")
    assert {o["id"] for o in asked.json()["organizations"]} == {str(firm.org), str(other.org)}
    chosen = log_in(client, firm.mailbox, code, organization_id=str(other.org))
    assert chosen.json()["organization_id"] == str(other.org)


def test_the_code_opens_no_organization_the_mailbox_does_not_belong_to(
    client: TestClient, enrol: Enrol, newest_log_in: NewestLogIn
) -> None:
    firm, stranger = enrol(), enrol()
    client.post("/sessions", json={"mailbox": firm.mailbox})
    answer = log_in(
        client, firm.mailbox, newest_log_in(firm.mailbox), organization_id=str(stranger.org)
    )
    assert (answer.status_code, urn(answer)) == (409, "sessions/code-refused")


@pytest.mark.parametrize("mailbox", ["no-address-at-all", "a@b.example\r\nBcc: x@y.example"])
def test_what_is_no_mailbox_is_refused(client: TestClient, mailbox: str) -> None:
    answer = client.post("/sessions", json={"mailbox": mailbox})
    assert (answer.status_code, urn(answer)) == (422, "members/malformed-mailbox")


@pytest.fixture
def own(settings: Settings) -> Iterator[TestClient]:
    """The service with its own keys as issuer: it takes the very tokens it gives."""
    issuer = Issuer(lambda: Deployment.of(settings).jwks)
    issuer.refresh()
    app = identity.web(settings, issuer)
    yield TestClient(app, base_url="https://rensho.test", raise_server_exceptions=False)
    app.state.db.close()


def test_logging_out_ends_the_session_and_the_tokens_made_from_it(
    own: TestClient, enrol: Enrol
) -> None:
    firm = enrol()
    token = exchange(own, firm.session).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert own.get("/organizations/me", headers=bearer).status_code == 200
    out = own.delete("/sessions/current", headers={"Authorization": f"Session {firm.session}"})
    assert out.status_code == 204
    assert 'rensho-session=""' in out.headers["set-cookie"]
    assert exchange(own, firm.session).status_code == 400
    assert own.get("/organizations/me", headers=bearer).status_code == 401


def test_a_new_token_works_in_the_very_second_the_old_ones_were_withdrawn(
    own: TestClient, enrol: Enrol, newest_log_in: NewestLogIn
) -> None:
    firm = enrol()
    own.post("/sessions", json={"mailbox": firm.mailbox})
    second = log_in(own, firm.mailbox, newest_log_in(firm.mailbox)).json()["session_token"]
    own.delete("/sessions/current", headers={"Authorization": f"Session {firm.session}"})
    token = exchange(own, second).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert own.get("/organizations/me", headers=bearer).status_code == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Session unknown"}])
def test_logging_out_without_a_session_is_refused(
    client: TestClient, header: dict[str, str]
) -> None:
    answer = client.delete("/sessions/current", headers=header)
    assert (answer.status_code, urn(answer)) == (401, "sessions/none")


def test_an_idle_session_ends_after_thirty_minutes(
    client: TestClient, enrol: Enrol, rows: Session
) -> None:
    firm = enrol()
    age(rows, last_seen_at=timedelta(minutes=29))
    assert exchange(client, firm.session).status_code == 200
    age(rows, last_seen_at=timedelta(minutes=29))
    assert exchange(client, firm.session).status_code == 200, "its use had not been noted"
    age(rows, last_seen_at=timedelta(minutes=31))
    answer = exchange(client, firm.session)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_busy_session_ends_after_twelve_hours(
    client: TestClient, enrol: Enrol, rows: Session
) -> None:
    firm = enrol()
    age(rows, started_at=timedelta(hours=12))
    assert exchange(client, firm.session).json()["error"] == "invalid_grant"
