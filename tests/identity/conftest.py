"""Identity served in this process, its worker role, and an admin who sees every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from services.identity import app as identity
from services.identity.rules import codes
from services.identity.store import PLUMBING, Code, Invitation
from services.kit import keyfiles, log
from services.kit.auth import Issuer
from services.kit.db import Database, new_id
from services.kit.settings import Settings
from tests.factories import identity as factories

API = {"X-Rensho-Client": "api"}


@pytest.fixture(scope="session", autouse=True)
def _log_as_in_production() -> None:
    log.configure()


@pytest.fixture(scope="session")
def admin_database(settings: Settings) -> Iterator[Database]:
    assert settings.database_url is not None
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+psycopg")
    db = Database(PLUMBING, url)
    yield db
    db.close()


@pytest.fixture
def rows(admin_database: Database) -> Iterator[Session]:
    """The database as the admin sees it; factories write here."""
    with Session(admin_database.engine, expire_on_commit=True) as session:
        for made in factories.ALL:
            made._meta.sqlalchemy_session = session  # type: ignore[attr-defined]
        yield session


@pytest.fixture(scope="session")
def worker_database(settings: Settings) -> Iterator[Database]:
    db = Database(PLUMBING, settings.service_url("identity", "worker"))
    yield db
    db.close()


@pytest.fixture(scope="session")
def app_database(settings: Settings) -> Iterator[Database]:
    db = Database(PLUMBING, settings.service_url("identity", "app"))
    yield db
    db.close()


@pytest.fixture(scope="session")
def app(settings: Settings, issuer: Issuer) -> Iterator[FastAPI]:
    made = identity.web(settings, issuer)
    yield made
    made.state.db.close()


@pytest.fixture(scope="session")
def mailing_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:2")})


@pytest.fixture(scope="session")
def mailing_app(mailing_settings: Settings, issuer: Issuer) -> Iterator[FastAPI]:
    made = identity.web(mailing_settings, issuer)
    yield made
    made.state.db.close()


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="https://rensho.test", raise_server_exceptions=False)


@pytest.fixture
def mailing(mailing_app: FastAPI) -> TestClient:
    """The same service in a deployment that has a mail server."""
    return TestClient(mailing_app, base_url="https://rensho.test", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def digits(settings: Settings) -> Callable[[Code], str]:
    secret = keyfiles.secret_bytes(settings, "code")
    return lambda code: codes.derive(secret, code.id)


@pytest.fixture
def newest(rows: Session, digits: Callable[[Code], str]) -> Callable[[Invitation], str]:
    """The digits of the newest code of an invitation."""

    def read(invitation: Invitation) -> str:
        rows.rollback()
        query = select(Code).where(Code.invitation_id == invitation.id)
        found = rows.scalars(query.order_by(Code.issued_at.desc())).first()
        assert found is not None
        return digits(found)

    return read


@pytest.fixture
def newest_log_in(rows: Session, digits: Callable[[Code], str]) -> Callable[[str], str]:
    """The digits of the newest log-in code of a mailbox."""

    def read(mailbox: str) -> str:
        rows.rollback()
        query = select(Code).where(Code.mailbox_key == mailbox, Code.invitation_id.is_(None))
        found = rows.scalars(query.order_by(Code.issued_at.desc())).first()
        assert found is not None
        return digits(found)

    return read


@dataclass(frozen=True)
class Firm:
    """An enrolled organization and its admin, logged in."""

    org: UUID
    member: UUID
    mailbox: str
    session: str


@pytest.fixture
def enrol(
    client: TestClient, rows: Session, newest: Callable[[Invitation], str]
) -> Callable[..., Firm]:
    """Enrol a firm by the public calls."""

    def make(**organization: Any) -> Firm:
        handle = f"enrol-{new_id()}"
        invitation = factories.an_invitation(handle=handle)
        assert client.post(f"/invitations/{handle}/code").status_code == 202
        body = {
            "code": newest(invitation),
            "organization": {"name": "架空部品株式会社", "country": "JP"} | organization,
            "member": {"name": "山田 花子"},
        }
        fresh = TestClient(client.app, base_url="https://rensho.test")
        answer = fresh.post(f"/invitations/{handle}/accept", json=body, headers=API)
        assert answer.status_code == 201, answer.text
        got = answer.json()
        return Firm(
            UUID(got["organization"]["id"]),
            UUID(got["member"]["id"]),
            got["member"]["mailbox"],
            got["session_token"],
        )

    return make


@pytest.fixture
def handle() -> str:
    return f"handle-{new_id()}"


@pytest.fixture
def invitation(rows: Session, handle: str) -> Invitation:
    return factories.an_invitation(handle=handle)
