"""Who sends or tells a code, to whom, and how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.store import PLUMBING, Code, Invitation
from services.kit import clock
from services.kit.db import new_id
from tests.factories.identity import a_code
from tests.identity.test_invitations import accept, urn

Digits = Callable[[Code], str]
Tokens = Callable[..., dict[str, str]]


def test_each_mailed_code_is_said_once_and_six_an_hour_are_enough(
    mailing: TestClient, rows: Session, handle: str, invitation: Invitation
) -> None:
    answers = [mailing.post(f"/invitations/{handle}/code") for _ in range(7)]
    assert [a.status_code for a in answers] == [202] * 6 + [429]
    assert urn(answers[-1]) == "invitations/too-many-codes"
    ids = {str(i) for i in rows.scalars(select(Code.id).where(Code.invitation_id == invitation.id))}
    said = rows.scalars(
        select(PLUMBING.outbox.c.body["code_id"].astext).where(
            PLUMBING.outbox.c.type == "code.issued.v1",
            PLUMBING.outbox.c.body["code_id"].astext.in_(ids),
        )
    ).all()
    assert sorted(said) == sorted(ids)


def test_the_requester_reads_the_code_and_asking_again_does_not_void_it(
    client: TestClient, handle: str, invitation: Invitation, tokens: Tokens
) -> None:
    headers = tokens(org=invitation.requester_org_id, audience="identity", scopes={"codes.write"})
    told = client.post(f"/invitations/{invitation.id}/told-code", headers=headers)
    assert told.status_code == 200
    assert client.post(f"/invitations/{handle}/code").status_code == 202
    again = client.post(f"/invitations/{invitation.id}/told-code", headers=headers)
    assert again.json()["code"] == told.json()["code"]
    named = {"name": "鈴木 一郎", "mailbox": "ichiro@elsewhere.example"}
    assert accept(client, handle, told.json()["code"], member=named).status_code == 201


def test_a_code_about_to_expire_is_not_told(
    client: TestClient, invitation: Invitation, tokens: Tokens, digits: Digits
) -> None:
    old = a_code(invitation=invitation, expires_at=clock.now() + timedelta(minutes=4))
    headers = tokens(org=invitation.requester_org_id, audience="identity", scopes={"codes.write"})
    told = client.post(f"/invitations/{invitation.id}/told-code", headers=headers).json()
    assert told["code"] != digits(old)


def test_nobody_but_the_inviter_is_told_a_code(
    client: TestClient, invitation: Invitation, tokens: Tokens
) -> None:
    stranger = tokens(org=new_id(), audience="identity", scopes={"codes.write"})
    answer = client.post(f"/invitations/{invitation.id}/told-code", headers=stranger)
    random = client.post(f"/invitations/{new_id()}/told-code", headers=stranger)
    assert answer.status_code == random.status_code == 404
    assert answer.json() | {"request_id": ""} == random.json() | {"request_id": ""}
    weaker = tokens(org=invitation.requester_org_id, audience="identity", scopes={"members.read"})
    refused = client.post(f"/invitations/{invitation.id}/told-code", headers=weaker)
    assert refused.status_code == 403


def test_where_codes_are_mailed_nobody_is_told_one(
    mailing: TestClient, invitation: Invitation, tokens: Tokens
) -> None:
    headers = tokens(org=invitation.requester_org_id, audience="identity", scopes={"codes.write"})
    answer = mailing.post(f"/invitations/{invitation.id}/told-code", headers=headers)
    assert (answer.status_code, urn(answer)) == (409, "codes/mailed")
