"""From a link to an enrolled firm, and everything that must not get there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.identity.store import (
    PLUMBING,
    Code,
    Invitation,
    Member,
    MemberSession,
    Organization,
    metadata,
)
from services.kit import clock
from services.kit.db import new_id
from tests.factories.identity import a_code, an_invitation
from tests.identity.conftest import API

FIRM = {"name": "架空部品株式会社", "country": "JP"}
Newest = Callable[[Invitation], str]
Digits = Callable[[Code], str]
Tokens = Callable[..., dict[str, str]]


def accept(client: TestClient, handle: str, code: str, **more: Any) -> Any:
    body = {"code": code, "organization": FIRM} | more
    return client.post(f"/invitations/{handle}/accept", json=body, headers=API)


def urn(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:rensho:problem:")


def test_the_page_behind_a_link_greets_without_telling_the_mailbox(
    client: TestClient, handle: str, invitation: Invitation
) -> None:
    got = client.get(f"/invitations/{handle}").json()
    assert got == {
        "requester_name": "架空工業株式会社",
        "supplier_name": "架空部品株式会社",
        "mailbox_hint": "t***@supplier.example",
        "language": "ja",
        "expires_at": got["expires_at"],
        "enrolled": False,
        "colleague": False,
    }


def test_a_mail_scanner_that_opens_the_link_changes_nothing(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, newest: Newest
) -> None:
    client.post(f"/invitations/{handle}/code")

    def everything() -> list[tuple[str, Any]]:
        rows.rollback()
        return [
            (
                t.name,
                rows.execute(
                    text(
                        f"SELECT md5(string_agg(x::text, '' ORDER BY x::text)) FROM {t.fullname} x"
                    )
                ).scalar(),
            )
            for t in metadata.sorted_tables
        ]

    before = everything()
    for path in ("", "/code", "/accept"):
        client.get(f"/invitations/{handle}{path}")
        client.head(f"/invitations/{handle}{path}")
    assert everything() == before
    assert accept(client, handle, newest(invitation)).status_code == 201


def test_unknown_and_expired_links_look_the_same(
    client: TestClient, rows: Session, handle: str
) -> None:
    an_invitation(handle=handle, expires_at=clock.now() - timedelta(seconds=1))
    for call in (
        lambda h: client.get(f"/invitations/{h}"),
        lambda h: client.post(f"/invitations/{h}/code"),
        lambda h: accept(client, h, "12345678"),
    ):
        expired, unknown = call(handle), call(f"handle-{new_id()}")
        assert expired.status_code == unknown.status_code == 404
        assert expired.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


def test_link_and_code_enrol_a_firm_with_its_first_admin(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, newest: Newest
) -> None:
    assert client.post(f"/invitations/{handle}/code").json()["delivery"] == "ask_requester"
    answer = accept(
        client,
        handle,
        newest(invitation),
        organization=FIRM
        | {"identifiers": [{"scheme": "corporate-number", "value": "5835678256246"}]},
        member={"name": "山田 花子"},
    )
    assert answer.status_code == 201
    got = answer.json()
    assert got["organization"]["identifiers"] == [
        {"scheme": "corporate-number", "value": "5835678256246"}
    ]
    assert got["member"]["roles"] == ["admin"]
    assert got["member"]["mailbox"] == invitation.mailbox
    rows.refresh(invitation)
    assert str(invitation.accepted_org_id) == got["organization"]["id"]
    assert client.get(f"/invitations/{handle}").json()["enrolled"] is True
    event = rows.execute(
        select(PLUMBING.outbox.c.body).where(
            PLUMBING.outbox.c.type == "organization.enrolled.v1",
            PLUMBING.outbox.c.body["org_id"].astext == got["organization"]["id"],
        )
    ).scalar_one()
    assert event["invitation"] == {
        "id": str(invitation.id),
        "link_id": str(invitation.link_id),
        "inviter_org_id": str(invitation.requester_org_id),
    }


def test_the_session_is_a_cookie_no_script_reads_and_a_field_only_for_api_callers(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, newest: Newest
) -> None:
    client.post(f"/invitations/{handle}/code")
    body = {"code": newest(invitation), "organization": FIRM}
    answer = client.post(f"/invitations/{handle}/accept", json=body)
    assert answer.json()["session_token"] is None
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-rensho-session=")
    for part in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie
    token = cookie.partition("=")[2].partition(";")[0]
    kept = rows.execute(text("SELECT string_agg(s::text, '') FROM identity.session s")).scalar()
    assert token not in str(kept)


def test_a_code_typed_in_full_width_digits_with_a_space_is_right(
    client: TestClient, handle: str, invitation: Invitation, newest: Newest
) -> None:
    client.post(f"/invitations/{handle}/code")
    wide = "".join(chr(0xFF10 + int(digit)) for digit in newest(invitation))
    assert accept(client, handle, f" {wide[:4]}\u3000{wide[4:]}").status_code == 201


def test_a_wrong_code_costs_an_attempt_although_it_is_refused(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = a_code(invitation=invitation)
    wrong = str((int(digits(code)) + 1) % 10**8).zfill(8)
    for left in (4, 3, 2, 1, 0):
        answer = accept(client, handle, wrong)
        assert (answer.status_code, urn(answer)) == (409, "invitations/code-wrong")
        assert answer.json()["attempts_left"] == left
    rows.refresh(code)
    assert code.attempts == 5
    right = accept(client, handle, digits(code))
    assert (right.status_code, urn(right)) == (409, "invitations/code-dead")


def test_parallel_guesses_cannot_exceed_the_attempts(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = a_code(invitation=invitation)
    wrong = str((int(digits(code)) + 1) % 10**8).zfill(8)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: accept(client, handle, wrong), range(12)))
    assert [urn(a) for a in answers].count("invitations/code-wrong") == 5
    rows.refresh(code)
    assert code.attempts == 5


def test_without_any_code_no_digits_are_right(
    client: TestClient, handle: str, invitation: Invitation
) -> None:
    answer = accept(client, handle, "00000000")
    assert (answer.status_code, urn(answer)) == (409, "invitations/code-wrong")


def test_an_expired_code_is_refused(
    client: TestClient, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = a_code(invitation=invitation, expires_at=clock.now() - timedelta(seconds=1))
    answer = accept(client, handle, digits(code))
    assert (answer.status_code, urn(answer)) == (409, "invitations/code-expired")


def test_a_code_serves_once(
    client: TestClient, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = digits(a_code(invitation=invitation))
    assert accept(client, handle, code).status_code == 201
    answer = accept(client, handle, code)
    assert (answer.status_code, urn(answer)) == (409, "invitations/code-used")
    asked = client.post(f"/invitations/{handle}/code")
    assert (asked.status_code, urn(asked)) == (409, "invitations/accepted")


def test_a_newer_code_makes_its_elder_void(
    client: TestClient, handle: str, invitation: Invitation, digits: Digits
) -> None:
    elder = a_code(invitation=invitation, issued_at=clock.now() - timedelta(minutes=1))
    a_code(invitation=invitation)
    answer = accept(client, handle, digits(elder))
    assert urn(answer) == "invitations/code-wrong"


def test_the_code_of_another_invitation_opens_nothing(
    client: TestClient, handle: str, invitation: Invitation, digits: Digits
) -> None:
    a_code(invitation=invitation)
    other = a_code()
    assert urn(accept(client, handle, digits(other))) == "invitations/code-wrong"


def test_exactly_one_of_fifty_simultaneous_acceptances_wins(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = digits(a_code(invitation=invitation))
    before = rows.scalar(select(func.count()).select_from(Organization)) or 0
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: accept(client, handle, code), range(50)))
    won = [a for a in answers if a.status_code == 201]
    assert len(won) == 1
    lost = {urn(a) for a in answers if a.status_code != 201}
    # Whoever waits too long for a connection is told to come again, and has changed nothing.
    assert lost <= {"invitations/code-used", "request/unavailable"}
    rows.rollback()
    assert rows.scalar(select(func.count()).select_from(Organization)) == before + 1
    org = UUID(won[0].json()["organization"]["id"])
    for table in (Member, MemberSession):
        assert len(rows.scalars(select(table).where(table.org_id == org)).all()) == 1


def test_a_refused_acceptance_leaves_the_code_unused(
    client: TestClient, rows: Session, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = a_code(invitation=invitation)
    bad = FIRM | {"identifiers": [{"scheme": "corporate-number", "value": "1835678256246"}]}
    answer = accept(client, handle, digits(code), organization=bad)
    assert (answer.status_code, urn(answer)) == (422, "organizations/malformed-identifier")
    assert answer.json()["scheme"] == "corporate-number"
    rows.refresh(code)
    assert code.used_at is None
    assert accept(client, handle, digits(code)).status_code == 201


def test_a_mailed_code_proves_only_the_mailbox_it_went_to(
    mailing: TestClient, handle: str, invitation: Invitation, newest: Newest
) -> None:
    assert mailing.post(f"/invitations/{handle}/code").json()["delivery"] == "mail"
    other = {"name": "鈴木 一郎", "mailbox": "ichiro@elsewhere.example"}
    answer = accept(mailing, handle, newest(invitation), member=other)
    assert (answer.status_code, urn(answer)) == (409, "invitations/mailbox-not-proven")
    same = {"mailbox": invitation.mailbox.upper()}
    assert accept(mailing, handle, newest(invitation), member=same).status_code == 201


def test_an_organization_lists_the_invitations_it_issued_page_by_page(
    client: TestClient, rows: Session, tokens: Tokens
) -> None:
    org = new_id()
    mine = [an_invitation(requester_org_id=org) for _ in range(3)]
    an_invitation()
    headers = tokens(org=org, audience="identity", scopes={"codes.write"})
    first = client.get("/invitations?limit=2", headers=headers).json()
    rest = client.get(f"/invitations?limit=2&cursor={first['next_cursor']}", headers=headers).json()
    assert [i["id"] for i in first["items"] + rest["items"]] == [str(i.id) for i in mine]
    assert rest["next_cursor"] is None
    one = client.get(f"/invitations?link_id={mine[1].link_id}", headers=headers).json()
    assert [i["id"] for i in one["items"]] == [str(mine[1].id)]


@pytest.mark.parametrize("cursor", ["x", "%00", "あ", "AAAA", "=" * 24])
def test_a_foreign_cursor_is_refused(client: TestClient, tokens: Tokens, cursor: str) -> None:
    headers = tokens(org=new_id(), audience="identity", scopes={"codes.write"})
    assert client.get(f"/invitations?cursor={cursor}", headers=headers).status_code == 422


def test_text_the_database_cannot_hold_is_bad_input_not_our_failure(
    client: TestClient, handle: str, invitation: Invitation, digits: Digits
) -> None:
    code = digits(a_code(invitation=invitation))
    answer = accept(client, handle, code, organization=FIRM | {"name": "架空\x00部品"})
    assert answer.status_code == 422
    assert accept(client, handle, code).status_code == 201
