"""A whole attestation service at hand: its APIs, its worker, its sequencer, its firms."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
from fastapi.testclient import TestClient
from rensho import checkpoint, dsse, strict_json
from rensho.dsse import Envelope
from rensho.keys import PrivateKey
from rensho.sign import ENROL_CHALLENGE
from rensho.statement import Anchor
from rensho.trust import Trust

from services.attestation.actions.damage import Damage
from services.attestation.app import PLUMBING, fsck, handlers
from services.attestation.tasks import sequencer as sequencers
from services.attestation.tasks.sequencer import Sequencer
from services.kit import clock
from services.kit.db import Database
from services.kit.outbox import Event, receive
from services.kit.settings import Settings
from tests.factories.attestation import (
    Asked,
    Firm,
    Made,
    OrganizationEnrolled,
    RequestIssued,
    RequestPrepared,
    ResponseMaker,
    a_request,
    event,
)

EVERYTHING = {
    "keys.read",
    "keys.write",
    "keys.confirm",
    "submissions.read",
    "submissions.write",
    "statements.read",
    "log.read",
    "audit.read",
}
ROLES = ["responsible-officer", "requester"]


@dataclass
class Site:
    """One deployment; its sequencer works when a test says so."""

    settings: Settings
    api: TestClient
    log: TestClient
    tokens: Callable[..., dict[str, str]]
    _open: list[Database] = field(default_factory=list)

    def close(self) -> None:
        for db in self._open:
            db.close()

    def new_sequencer(self) -> Sequencer:
        """A sequencer as a new process would make it: it remembers nothing."""
        made = sequencers.make(self.settings)
        self._open.append(made.db)
        return made

    @cached_property
    def sequencer(self) -> Sequencer:
        return self.new_sequencer()

    @cached_property
    def worker(self) -> Database:
        made = Database(PLUMBING, self.settings.service_url("attestation", "worker"))
        self._open.append(made)
        return made

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the database's superuser, whom no grant binds."""
        assert self.settings.database_url is not None
        with psycopg.connect(self.settings.database_url.get_secret_value()) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def hear(self, event: Event) -> bool:
        return receive(self.worker, event, handlers(self.settings))

    def said(self, event_type: str) -> list[Event]:
        query = "SELECT body FROM attestation.outbox WHERE type = %s ORDER BY id"
        return [row[0] for row in self.sql(query, event_type)]

    def damage(self) -> list[Damage]:
        return fsck(self.settings)

    def headers(self, org: UUID, scopes: set[str] | None = None) -> dict[str, str]:
        wanted = EVERYTHING if scopes is None else scopes
        subject = f"urn:rensho:member:{org}"
        return self.tokens(org=org, scopes=wanted, audience="attestation", subject=subject)

    def get(self, path: str, org: UUID) -> Any:
        return self.api.get(path, headers=self.headers(org))

    @property
    def now(self) -> datetime:
        return clock.now().replace(microsecond=0)

    @property
    def trust(self) -> Trust:
        return Trust.load(self.api.get("/trust.json").content)

    @property
    def anchor(self) -> Anchor:
        deployment = self.trust.deployments[0]
        note = self.log.get("/checkpoint").content
        head = checkpoint.open(note, deployment.note_keys(deployment.epochs[-1]))
        return Anchor(head.origin, head.size, head.root_hash)

    def challenge(self, firm: Firm, **replaced: Any) -> Any:
        body = {
            "spki": base64.b64encode(firm.key.public.spki).decode(),
            "roles": ROLES,
            "custody": "file",
        }
        return self.api.post(
            "/keys/challenges", json=body | replaced, headers=self.headers(firm.org)
        )

    def prove(self, firm: Firm, challenge: Any, key: PrivateKey | None = None) -> Any:
        payload = base64.b64decode(challenge["payload"])
        envelope = dsse.sign(key or firm.key, payload, ENROL_CHALLENGE)
        body = {"challenge_id": challenge["challenge_id"], "envelope": envelope.to_json()}
        return self.api.post("/keys", json=body, headers=self.headers(firm.org))

    def enrol_key(self, firm: Firm) -> Any:
        answer = self.prove(firm, self.challenge(firm).json())
        assert answer.status_code == 202, answer.text
        return answer

    def enrolled(self, *, link: UUID | None = None, by: Firm | None = None) -> Firm:
        """A firm that enrolled, through `by`'s invitation to `link`, and whose key is logged."""
        firm = Firm()
        self.hear(
            event(
                OrganizationEnrolled,
                org_id=str(firm.org),
                link_id=link,
                inviter_org_id=by.org if by else None,
            )
        )
        self.enrol_key(firm)
        self.sequencer.round()
        return firm

    def submit(self, firm: Firm, made: Made, **how: Any) -> Any:
        return self.api.post(
            "/submissions",
            content=how.pop("content", None) or self.body(made, how.pop("key", firm.key)),
            headers=self.headers(firm.org) | how.pop("headers", {}),
        )

    @staticmethod
    def body(made: Made, key: PrivateKey) -> bytes:
        return json.dumps(
            {
                "kind": made.kind,
                "bundles": [strict_json.loads(one) for one in made.bundles(key)],
                "documents": {
                    name: base64.b64encode(data).decode() for name, data in made.documents.items()
                },
                "disclosures": made.disclosures,
            }
        ).encode()

    def campaign(self, requester: Firm, asked: Sequence[Asked]) -> Made:
        """A request of `requester`, logged and issued."""
        made = a_request(requester, list(asked), self.anchor, self.now)
        digest = next(iter(made.documents)).partition(".")[0]
        self.hear(
            event(
                RequestPrepared,
                org_id=str(requester.org),
                statement_id=made.ids[0],
                questionnaire_digest=digest,
            )
        )
        answer = self.submit(requester, made)
        assert answer.status_code == 202, answer.text
        self.sequencer.round()
        self.hear(issued(requester, made, asked))
        return made


def issued(requester: Firm, made: Made, asked: Sequence[Asked]) -> Event:
    """The event that says the requests of a campaign went out."""
    return event(
        RequestIssued,
        org_id=str(requester.org),
        statement_id=made.ids[0],
        questionnaire_digest=next(iter(made.documents)).partition(".")[0],
        requests=[
            {
                "request_id": str(one.request_id),
                "link_id": str(one.link),
                "respondent_org_id": None,
                "nonce": one.nonce,
                "due_at": "2030-01-01T00:00:00Z",
            }
            for one in asked
        ],
    )


@dataclass
class Relation:
    """A requester and its supplier, one request between them."""

    site: Site
    requester: Firm
    respondent: Firm
    asked: Asked
    request: Made

    def maker(self, **replaced: Any) -> ResponseMaker:
        fields: dict[str, Any] = {
            "respondent": self.respondent,
            "requester": self.requester,
            "asked": self.asked,
            "questionnaire": next(iter(self.request.documents.values())),
            "anchor": self.site.anchor,
            "now": self.site.now,
        }
        return ResponseMaker(**fields | replaced)


def relation(site: Site) -> Relation:
    """A requester with a logged campaign and a supplier that enrolled through it."""
    requester, asked = site.enrolled(), Asked()
    request = site.campaign(requester, [asked])
    respondent = site.enrolled(link=asked.link, by=requester)
    return Relation(site, requester, respondent, asked, request)


def envelope_of(data: bytes, payload_type: str) -> Envelope:
    """Read an envelope file."""
    return Envelope.from_json(strict_json.loads(data), payload_type)
