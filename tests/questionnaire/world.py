"""Firms that use the questionnaire service over HTTP, and the events that reach it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from services.kit.db import Actor, Database, new_id
from services.kit.outbox import Event, Handler, event_contract, receive
from tests.factories import questionnaire as made

ALL_SCOPES = {
    *("packs.read", "questionnaires.read", "questionnaires.write", "suppliers.read"),
    *("suppliers.write", "campaigns.read", "campaigns.write", "requests.read", "responses.read"),
    *("responses.write", "delegations.answer", "reviews.write", "audit.read"),
}
PACKS = [
    {"id": "jp-aigb-core", "version": "0.1.0"},
    {"id": "jp-flow-down", "version": "0.1.0"},
    {"id": "jp-industrial", "version": "0.1.0"},
]


@dataclass
class Firm:
    """One organization and the calls it makes."""

    world: World
    id: UUID
    name: str
    headers: dict[str, str]

    def call(self, method: str, path: str, status: int, **options: Any) -> Any:
        """Call the service, expect a status, return the JSON."""
        headers = {**self.headers, **options.pop("headers", {})}
        answer = self.world.client.request(method, path, headers=headers, **options)
        assert answer.status_code == status, answer.text
        self.world.last_headers = dict(answer.headers)
        return answer.json()

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        return self.call("GET", path, status, **options)

    def post(self, path: str, body: Any = None, status: int = 201, **options: Any) -> Any:
        return self.call("POST", path, status, json=body, **options)

    def put(self, path: str, body: Any, version: int | None, status: int = 200) -> Any:
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return self.call("PUT", path, status, json=body, headers=headers)

    def member(self, mailbox: str, name: str = "見本 太郎", scopes: set[str] | None = None) -> Firm:
        """A member of this firm who reads a mailbox."""
        mint, scopes = self.world.mint, scopes or ALL_SCOPES
        headers = mint(
            org=self.id, audience="questionnaire", scopes=scopes, mailbox=mailbox, name=name
        )
        return Firm(self.world, self.id, self.name, headers)

    def supplier(self, **fields: Any) -> Any:
        return self.post("/suppliers", made.SupplierBody(**fields))

    def questionnaire(self, selection: str = "starter") -> Any:
        body = {"title": "基本12問", "packs": PACKS, "selection": selection}
        return self.post("/questionnaires", body)

    def campaign(self, **fields: Any) -> Any:
        fields.setdefault("questionnaire_id", self.questionnaire()["id"])
        return self.post("/campaigns", made.CampaignBody(**fields))

    def prepared(self, campaign: Mapping[str, Any]) -> Any:
        return self.post(f"/campaigns/{campaign['id']}/prepare", made.HandBody(), 200)

    def issued(self, **fields: Any) -> Any:
        """A campaign whose statement the log has."""
        campaign = self.campaign(**fields)
        self.world.record(self.prepared(campaign)["statement_id"], "request")
        return campaign

    def asked(self, campaign: Mapping[str, Any]) -> Any:
        return self.get(f"/campaigns/{campaign['id']}/requests?limit=500")["items"]


@dataclass
class World:
    """The service with its web app and its worker."""

    app: FastAPI
    worker: Database
    handlers: Mapping[str, Handler]
    mint: Callable[..., dict[str, str]]
    client: TestClient = field(init=False)
    last_headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = TestClient(self.app)

    def feed(self, event: Mapping[str, Any]) -> bool:
        """Deliver one event to the worker."""
        return receive(self.worker, json.loads(json.dumps(dict(event))), self.handlers)

    def firm(self, *, link_id: str | None = None, **fields: Any) -> Firm:
        """A firm that enrolled, by an invitation on a link or by the operator's."""
        event = made.Enrolled(**fields)
        event["invitation"]["link_id"] = link_id
        self.feed(event)
        return self.as_firm(UUID(event["org_id"]), event["name"])

    def as_firm(self, org: UUID, name: str = "", scopes: set[str] | None = None) -> Firm:
        # Long-lived, so that a test may move the clock.
        headers = self.mint(
            org=org,
            audience="questionnaire",
            scopes=scopes or ALL_SCOPES,
            lifetime=timedelta(days=400),
        )
        return Firm(self, org, name, headers)

    def pump(self, *event_types: str) -> None:
        """Deliver what the service tells itself."""
        for event_type in event_types:
            for event in self.said(event_type):
                self.feed(event)

    def record(self, statement_id: str, kind: str, **fields: Any) -> bool:
        """The log has a statement."""
        return self.feed(made.Recorded(statement_id=statement_id, statement_type=kind, **fields))

    def said(self, event_type: str, **having: Any) -> list[Event]:
        """Events in the outbox with these fields, each held against its contract."""
        with self.worker.begin(Actor("test")) as tx:
            rows = tx.scalars(
                text(
                    "SELECT body FROM questionnaire.outbox WHERE type = :type"
                    " AND body @> cast(:having AS jsonb) ORDER BY id"
                ),
                {"type": event_type, "having": json.dumps(having, default=str)},
            ).all()
        for row in rows:
            event_contract(event_type).validator.validate(row)
        return [dict(row) for row in rows]

    def carry(self, campaign: Mapping[str, Any]) -> int:
        """Deliver what was said of a campaign to the worker until nothing is new; how many."""
        kinds = ("request.issued.v1", "request.ended.v1", "mail.queued.v1")
        carried = 0
        while True:
            events = [e for kind in kinds for e in self.said(kind, campaign_id=campaign["id"])]
            new = sum(self.feed(event) for event in events)
            if not new:
                return carried
            carried += new

    def pair(self, **supplier: Any) -> Pair:
        """A requester, its one supplier enrolled, and an issued request between them."""
        requester = self.firm()
        record = requester.supplier(**supplier)
        campaign = requester.issued()
        respondent = self.firm(link_id=record["link"]["id"])
        request = requester.asked(campaign)[0]
        return Pair(requester, respondent, record, campaign, request["id"])


@dataclass
class Pair:
    """Both ends of one request."""

    requester: Firm
    respondent: Firm
    record: dict[str, Any]
    campaign: dict[str, Any]
    request_id: str

    def response(self, **fields: Any) -> Any:
        """The respondent's draft, saved once."""
        opened = self.respondent.post(f"/requests/{self.request_id}/response", status=200)
        body = made.ResponseBody(**fields)
        return self.respondent.put(f"/responses/{opened['id']}", body, opened["version"])

    def prepared(self, response: Mapping[str, Any], **fields: Any) -> Any:
        body = {**made.HandBody(role="responsible-officer"), "locale": "ja", **fields}
        return self.respondent.post(f"/responses/{response['id']}/prepare", body, 200)

    def signed(self, **fields: Any) -> Any:
        """A revision the log has; returns what was prepared."""
        prepared = self.prepared(self.response(**fields))
        return self.recorded(prepared)

    def saved_again(self, **fields: Any) -> Any:
        """The draft saved once more, over its newest version."""
        draft = self.respondent.get(f"/requests/{self.request_id}")["response_id"]
        version = self.respondent.get(f"/responses/{draft}")["version"]
        return self.respondent.put(f"/responses/{draft}", made.ResponseBody(**fields), version)

    def recorded(self, prepared: Any) -> Any:
        """The log has all statements of a revision."""
        for statement in prepared["statements"]:
            self.respondent.world.record(statement["statement_id"], statement["type"])
        return prepared


def document(prepared: Mapping[str, Any], ending: str) -> dict[str, bytes]:
    """Documents of a kind by their sha256."""
    return {
        name.partition(".")[0]: base64.b64decode(content)
        for name, content in prepared["documents"].items()
        if name.endswith(f".{ending}.json")
    }


def somebody() -> UUID:
    """An organization nobody knows."""
    return new_id()
