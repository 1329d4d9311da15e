"""An enrolled firm accepts one more invitation: with its session, and only for itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.identity.store import Code, Invitation, Member
from tests.factories.identity import a_code, an_invitation
from tests.identity.conftest import API, Firm
from tests.identity.test_invitations import accept, urn

Digits = Callable[[Code], str]
Tokens = Callable[..., dict[str, str]]


def test_an_enrolled_firm_accepts_one_more_invitation_with_its_session(
    client: TestClient, rows: Session, enrol: Callable[..., Firm], digits: Digits, handle: str
) -> None:
    firm = enrol()
    code = digits(a_code(invitation=an_invitation(handle=handle)))
    for headers in ({"Authorization": f"Session {firm.session}"},):
        answer = client.post(
            f"/invitations/{handle}/accept", json={"code": code}, headers=API | headers
        )
    assert answer.status_code == 201
    assert answer.json()["organization"]["id"] == str(firm.org)
    assert answer.json()["session_token"] is None
    assert len(rows.scalars(select(Member).where(Member.org_id == firm.org)).all()) == 1


def test_a_session_cookie_serves_as_well(
    client: TestClient, enrol: Callable[..., Firm], rows: Session, digits: Digits, handle: str
) -> None:
    firm = enrol()
    code = digits(a_code(invitation=an_invitation(handle=handle)))
    client.cookies.set("__Host-rensho-session", firm.session)
    answer = client.post(f"/invitations/{handle}/accept", json={"code": code})
    assert answer.json()["organization"]["id"] == str(firm.org)


def test_an_old_cookie_does_not_hinder_another_firm_from_enrolling(
    client: TestClient, enrol: Callable[..., Firm], rows: Session, digits: Digits, handle: str
) -> None:
    firm = enrol()
    code = digits(a_code(invitation=an_invitation(handle=handle)))
    client.cookies.set("__Host-rensho-session", firm.session)
    answer = accept(client, handle, code)
    assert answer.status_code == 201
    assert answer.json()["organization"]["id"] != str(firm.org)


@pytest.mark.parametrize("session", [None, "no-such-session"])
def test_neither_organization_nor_session_is_refused_without_trying_the_code(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, digits: Digits,
    session: str | None,
) -> None:  # fmt: skip
    code = a_code(invitation=invitation)
    headers = {"Authorization": f"Session {session}"} if session else {}
    answer = client.post(
        f"/invitations/{handle}/accept", json={"code": digits(code)}, headers=headers
    )
    assert (answer.status_code, urn(answer)) == (422, "request/invalid")
    rows.refresh(code)
    assert (code.attempts, code.used_at) == (0, None)


def test_an_auditor_cannot_accept_for_the_firm(
    client: TestClient, rows: Session, enrol: Callable[..., Firm], digits: Digits, handle: str
) -> None:
    firm = enrol()
    rows.execute(
        text("UPDATE identity.member SET roles = '{auditor}' WHERE id = :id"), {"id": firm.member}
    )
    rows.commit()
    code = digits(a_code(invitation=an_invitation(handle=handle)))
    headers = {"Authorization": f"Session {firm.session}"}
    answer = client.post(f"/invitations/{handle}/accept", json={"code": code}, headers=headers)
    assert answer.status_code == 403


def test_a_firm_cannot_accept_its_own_invitation(
    client: TestClient, rows: Session, enrol: Callable[..., Firm], digits: Digits, handle: str
) -> None:
    firm = enrol()
    own = an_invitation(handle=handle, requester_org_id=firm.org)
    headers = {"Authorization": f"Session {firm.session}"}
    body = {"code": digits(a_code(invitation=own))}
    answer = client.post(f"/invitations/{handle}/accept", json=body, headers=headers)
    assert (answer.status_code, urn(answer)) == (409, "invitations/own")
