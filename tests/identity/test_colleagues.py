"""A colleague joins the firm that passed work on to them, by link and code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity import tasks
from services.identity.store import Code, Invitation, Member
from services.kit import clock
from services.kit.db import Database, new_id
from services.kit.outbox import receive
from services.kit.settings import Settings
from tests.factories import questionnaire as said
from tests.factories.identity import a_code, an_invitation
from tests.identity.conftest import API, Firm

Digits = Callable[[Code], str]


class Desk:
    """A firm whose member passed sections on; the worker has heard of it."""

    def __init__(
        self, settings: Settings, worker: Database, client: TestClient, rows: Session, firm: Firm
    ) -> None:
        self.settings, self.worker, self.client = settings, worker, client
        self.rows, self.firm = rows, firm
        self.handle = f"colleague-{new_id()}"
        self.mailbox = f"it-{new_id()}@firm.example"
        self.hear(
            type="delegation.issued.v1",
            delegation_id=str(new_id()),
            org_id=str(firm.org),
            org_name="見本精機株式会社",
            mailbox=self.mailbox,
            name="見本 次郎",
            language="ja",
            handle_sha256=hashlib.sha256(self.handle.encode()).hexdigest(),
            expires_at=clock.rfc3339(clock.now() + timedelta(days=30)),
        )
        digest = hashlib.sha256(self.handle.encode()).digest()
        self.invitation = rows.scalars(
            select(Invitation).where(Invitation.handle_sha256 == digest)
        ).one()

    def hear(self, **fields: Any) -> None:
        event = {"id": str(new_id()), "at": said._now(), "trace": "test", **fields}
        receive(self.worker, event, tasks.handlers(self.settings))

    def accept(self, code: str, **fields: Any) -> Any:
        path = f"/invitations/{self.handle}/accept"
        return self.client.post(path, json={"code": code, **fields}, headers=API)

    def members(self) -> list[Member]:
        self.rows.expire_all()
        return list(self.rows.scalars(select(Member).where(Member.org_id == self.firm.org)))


@pytest.fixture
def desk(
    settings: Settings,
    worker_database: Database,
    client: TestClient,
    rows: Session,
    enrol: Callable[..., Firm],
) -> Desk:
    return Desk(settings, worker_database, client, rows, enrol())


def test_a_colleague_joins_with_the_delegates_right_alone(desk: Desk, digits: Digits) -> None:
    shown = desk.client.get(f"/invitations/{desk.handle}").json()
    assert (shown["requester_name"], shown["enrolled"]) == ("見本精機株式会社", False)
    code = digits(a_code(invitation=desk.invitation))
    answer = desk.accept(code)
    assert answer.status_code == 201, answer.text
    got = answer.json()
    assert got["organization"]["id"] == str(desk.firm.org)
    assert (got["member"]["name"], got["member"]["roles"]) == ("見本 次郎", ["delegate"])
    assert got["session_token"]
    token = desk.client.post(
        "/token",
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": got["session_token"],
            "subject_token_type": "urn:rensho:token-type:session",
            "audience": "questionnaire",
        },
    )
    assert token.json()["scope"] == "delegations.answer"
    used = desk.accept(code)
    assert used.json()["type"].endswith("invitations/code-used")
    assert len(desk.members()) == 2


def test_a_wrong_code_lets_nobody_in_and_counts(desk: Desk, digits: Digits) -> None:
    code = a_code(invitation=desk.invitation)
    wrong = desk.accept("0000 0000" if digits(code) != "00000000" else "1111 1111")
    assert wrong.json()["type"].endswith("invitations/code-wrong")
    assert wrong.json()["attempts_left"] == 4
    assert len(desk.members()) == 1


def test_a_colleague_brings_no_firm_along(desk: Desk, digits: Digits) -> None:
    firm = {"name": "架空工業", "country": "JP"}
    answer = desk.accept(digits(a_code(invitation=desk.invitation)), organization=firm)
    assert (answer.status_code, len(desk.members())) == (422, 1)


def test_who_is_a_member_already_keeps_what_they_may(desk: Desk, digits: Digits) -> None:
    (admin,) = desk.members()
    desk.mailbox = admin.mailbox
    desk.invitation.mailbox = admin.mailbox
    desk.rows.commit()
    answer = desk.accept(digits(a_code(invitation=desk.invitation, mailbox_key=admin.mailbox_key)))
    assert answer.status_code == 201, answer.text
    (member,) = desk.members()
    assert member.roles == ["admin", "delegate"]


def test_codes_follow_an_invitation_to_its_new_mailbox(
    desk: Desk, rows: Session, digits: Digits
) -> None:
    handle = f"moved-{new_id()}"
    invitation = an_invitation(handle=handle)
    old = digits(a_code(invitation=invitation))
    desk.hear(
        type="invitation.readdressed.v1",
        invitation_id=str(invitation.id),
        mailbox="quality@supplier.example",
        language="en",
    )
    rows.refresh(invitation)
    assert (invitation.mailbox, invitation.language) == ("quality@supplier.example", "en")
    firm = {"name": "架空工業", "country": "JP"}
    body = {"code": old, "organization": firm}
    refused = desk.client.post(f"/invitations/{handle}/accept", json=body, headers=API)
    assert refused.json()["type"].endswith("invitations/code-wrong")


def test_an_accepted_invitation_stays_where_it_was(desk: Desk, rows: Session) -> None:
    invitation = an_invitation(accepted_at=clock.now(), accepted_org_id=UUID(int=1))
    before = invitation.mailbox
    fields = {"invitation_id": str(invitation.id), "mailbox": "x@y.example", "language": "en"}
    desk.hear(type="invitation.readdressed.v1", **fields)
    rows.refresh(invitation)
    assert invitation.mailbox == before
