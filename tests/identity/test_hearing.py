"""What identity hears, mails and forgets."""

from __future__ import annotations

import email
import email.policy
import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.identity import app as identity
from services.identity.actions import invite_first
from services.identity.store import PLUMBING, Code, Invitation
from services.kit import clock, keyfiles
from services.kit.db import Actor, Database, new_id
from services.kit.outbox import Event, receive
from services.kit.settings import Settings
from tests.factories.identity import a_client, a_code, a_member, an_invitation
from tests.identity.conftest import Firm
from tests.identity.test_invitations import accept

WORKER = Actor(subject="urn:rensho:service:identity")


@pytest.fixture
def folder_settings(settings: Settings, tmp_path: Path) -> Settings:
    """The same deployment with an empty mail folder of its own."""
    return settings.model_copy(update={"data_dir": tmp_path})


def event(kind: str, **fields: Any) -> Event:
    usual = {"id": str(new_id()), "type": kind, "at": clock.rfc3339(clock.now()), "trace": "-"}
    return usual | fields


def invitation(handle: str, **fields: str) -> dict[str, str]:
    return {
        "invitation_id": str(new_id()),
        "handle_sha256": hashlib.sha256(handle.encode()).hexdigest(),
        "link_id": str(new_id()),
        "supplier_name": "架空部品株式会社",
        "mailbox": "taro@supplier.example",
        "language": "ja",
        "expires_at": clock.rfc3339(clock.now() + timedelta(days=30)),
        **fields,
    }


def invitations_issued(*invitations: dict[str, str]) -> Event:
    return event(
        "invitation.issued.v2",
        requester_org_id=str(new_id()),
        requester_name="架空工業株式会社",
        invitations=invitations,
    )


def mails(settings: Settings) -> Iterator[Any]:
    for file in sorted(settings.mail_dir.glob("*.eml")):
        yield email.message_from_bytes(file.read_bytes(), policy=email.policy.default)


def hear(db: Database, settings: Settings, heard: Event) -> bool:
    return receive(db, heard, identity.handlers(settings))


def test_an_invitation_heard_of_is_greeted_by_its_link(
    client: TestClient, worker_database: Database, settings: Settings
) -> None:
    handles = [f"handle-{new_id()}" for _ in range(3)]
    heard = invitations_issued(*(invitation(handle) for handle in handles))
    assert client.get(f"/invitations/{handles[0]}").status_code == 404
    assert hear(worker_database, settings, heard)
    for handle in handles:
        assert client.get(f"/invitations/{handle}").json()["enrolled"] is False


def test_an_invitation_said_the_old_way_is_greeted_too(
    client: TestClient, worker_database: Database, settings: Settings
) -> None:
    handle = f"handle-{new_id()}"
    told = {"requester_org_id": str(new_id()), "requester_name": "架空工業株式会社"}
    assert hear(
        worker_database, settings, event("invitation.issued.v1", **told, **invitation(handle))
    )
    shown = client.get(f"/invitations/{handle}").json()
    assert (shown["requester_name"], shown["enrolled"]) == ("架空工業株式会社", False)


def test_an_invitation_heard_of_again_changes_nothing(
    rows: Session, worker_database: Database, settings: Settings
) -> None:
    known = invitation(f"handle-{new_id()}")
    heard = invitations_issued(known)
    hear(worker_database, settings, heard)
    assert not hear(worker_database, settings, heard)
    late = invitation(f"handle-{new_id()}")
    hear(worker_database, settings, invitations_issued(known | {"supplier_name": "別会社"}, late))
    kept = rows.get(Invitation, known["invitation_id"])
    assert kept is not None
    assert kept.supplier_name == "架空部品株式会社"
    assert rows.get(Invitation, late["invitation_id"]) is not None


@pytest.mark.parametrize(("language", "words"), [("ja", "確認コード"), ("en", "one-use code")])
def test_the_code_goes_to_the_invited_mailbox_in_its_language(
    rows: Session, worker_database: Database, folder_settings: Settings,
    digits: Callable[[Code], str], language: str, words: str,
) -> None:  # fmt: skip
    invitation = an_invitation(language=language)
    code = a_code(invitation=invitation)
    hear(worker_database, folder_settings, event("code.issued.v1", code_id=str(code.id)))
    [mail] = mails(folder_settings)
    assert mail["To"] == invitation.mailbox
    assert mail["Content-Language"] == language
    assert words in mail["Subject"]
    shown = digits(code)
    for kind in ("plain", "html"):
        assert f"{shown[:4]} {shown[4:]}" in mail.get_body((kind,)).get_content()


def test_a_log_in_code_is_mailed_to_a_member_and_to_nobody_else(
    rows: Session, worker_database: Database, folder_settings: Settings
) -> None:
    member = a_member(language="en")
    for mailbox in (member.mailbox, "nobody@firm.example"):
        code = a_code(invitation=None, invitation_id=None, mailbox_key=mailbox)
        hear(worker_database, folder_settings, event("code.issued.v1", code_id=str(code.id)))
    [mail] = mails(folder_settings)
    assert mail["To"] == member.mailbox
    assert mail["Content-Language"] == "en"


@pytest.mark.parametrize("change", ["expired", "used", "dead", "unknown"])
def test_a_code_nobody_can_use_is_not_mailed(
    rows: Session, worker_database: Database, folder_settings: Settings, change: str
) -> None:
    now = clock.now()
    kinds: dict[str, dict[str, Any]] = {
        "expired": {"expires_at": now},
        "used": {"used_at": now},
        "dead": {"attempts": 5},
    }
    changes = kinds.get(change, {})
    code_id = a_code(**changes).id if change != "unknown" else new_id()
    assert hear(worker_database, folder_settings, event("code.issued.v1", code_id=str(code_id)))
    assert list(mails(folder_settings)) == []


def test_a_mail_server_that_is_away_leaves_the_event_to_be_tried_again(
    rows: Session, worker_database: Database, mailing_settings: Settings
) -> None:
    heard = event("code.issued.v1", code_id=str(a_code().id))
    with pytest.raises(OSError, match="refused"):
        hear(worker_database, mailing_settings, heard)
    inbox = PLUMBING.inbox
    known = rows.execute(select(inbox).where(inbox.c.event_id == heard["id"])).first()
    assert known is None


def test_the_operator_invites_the_first_organization(
    client: TestClient, worker_database: Database, settings: Settings
) -> None:
    with worker_database.begin(WORKER) as tx:
        handle, code = invite_first(
            tx,
            mailbox="taro@kaku-kogyo.example",
            name="架空工業株式会社",
            now=clock.now(),
            code_secret=keyfiles.secret_bytes(settings, "code"),
        )
    greeted = client.get(f"/invitations/{handle}").json()
    assert greeted["requester_name"] is None
    assert client.post(f"/invitations/{handle}/code").status_code == 202
    assert accept(client, handle, code).status_code == 201


def test_what_can_no_longer_be_used_is_forgotten(
    rows: Session, worker_database: Database, settings: Settings, enrol: Callable[..., Firm]
) -> None:
    enrol()
    now = clock.now()
    old = a_code(expires_at=now - timedelta(days=2))
    young = a_code(expires_at=now - timedelta(hours=2))
    program = a_client()
    rows.execute(
        text("INSERT INTO identity.client_assertion VALUES (:c, 'old', :a), (:c, 'new', :b)"),
        {"c": program.id, "a": now - timedelta(minutes=5), "b": now + timedelta(minutes=1)},
    )
    rows.execute(text("UPDATE identity.session SET started_at = :t"), {"t": now})
    ids, keep = (old.id, young.id), young.id
    rows.commit()
    [(_, tick)] = identity.ticks(settings).values()
    with worker_database.begin(WORKER) as tx:
        tick(tx, now)
    left = rows.scalars(select(Code.id).where(Code.id.in_(ids))).all()
    assert left == [keep]
    used = rows.scalars(
        text("SELECT jti FROM identity.client_assertion WHERE client_id = :c"), {"c": program.id}
    )
    assert used.all() == ["new"]
    before = rows.scalar(text("SELECT count(*) FROM identity.session"))
    with worker_database.begin(WORKER) as tx:
        tick(tx, now + timedelta(days=2))
    rows.rollback()
    assert before
    assert rows.scalar(text("SELECT count(*) FROM identity.session")) == 0
