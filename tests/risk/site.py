"""The risk service under test: its API over HTTP, its worker by the events it hears."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy import select

from services.kit.auth import Issuer
from services.kit.db import Actor, Database
from services.kit.outbox import Event, receive
from services.kit.settings import Settings
from services.risk.app import PLUMBING, handlers, web
from tests.factories.supply_chains import Firm

ALL = {"scores.read", "snapshots.read", "snapshots.write", "audit.read"}


class Site:
    """One deployment of risk."""

    def __init__(
        self, settings: Settings, issuer: Issuer, tokens: Callable[..., dict[str, str]]
    ) -> None:
        self.settings = settings
        self.tokens = tokens
        self.app = web(settings, issuer)
        self.http = TestClient(self.app, raise_server_exceptions=False)
        self.worker = Database(PLUMBING, settings.service_url("risk", "worker"), pool_size=2)
        self.handlers = handlers(settings)

    def close(self) -> None:
        self.http.close()
        self.app.state.db.close()
        self.app.state.direct.close()
        self.app.state.exports.close()
        self.worker.close()

    def hear(self, *events: Event) -> None:
        for event in events:
            receive(self.worker, event, self.handlers)

    def hear_all(self, events: Iterable[Event]) -> None:
        self.hear(*events)

    def headers(self, firm: Firm, scopes: set[str] | None = None) -> dict[str, str]:
        return self.tokens(org=UUID(firm.org), audience="risk", scopes=scopes or ALL)

    def get(self, firm: Firm, path: str, **given: Any) -> Any:
        return self.http.get(path, headers=self.headers(firm), **given)

    def said(self, event_type: str, **fields: Any) -> list[Event]:
        """The events of a type in the outbox whose fields are as given, oldest first."""
        outbox = PLUMBING.outbox
        with self.worker.begin(Actor("test"), read_only=True) as tx:
            query = select(outbox.c.body).where(outbox.c.type == event_type)
            found = list(tx.scalars(query.order_by(outbox.c.id)))
        return [body for body in found if all(body[name] == v for name, v in fields.items())]

    def ask(self, firm: Firm) -> Any:
        """Ask for a snapshot and let the worker hear of it; returns the snapshot's answer."""
        made = self.http.post("/snapshots", headers=self.headers(firm))
        assert made.status_code == 202, made.text
        self.hear(*self.said("snapshot.requested.v1", snapshot_id=made.json()["id"]))
        return made.json()

    def judge(self, firm: Firm) -> tuple[Any, Any]:
        """Ask for a snapshot; returns its facts and results."""
        path = f"/snapshots/{self.ask(firm)['id']}"
        facts, results = (self.get(firm, f"{path}/{name}") for name in ("facts", "results"))
        assert facts.status_code == 200, facts.text
        return json.loads(facts.content), json.loads(results.content)
