"""Wiring of the risk service."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI
from sqlalchemy import Uuid, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from services.kit.auth import Issuer
from services.kit.damage import Damage, Look, Seen
from services.kit.db import Actor, Database
from services.kit.outbox import Event, Handler
from services.kit.problems import Refused
from services.kit.settings import Settings
from services.kit.web import make_app
from services.risk.actions import damage, hearing, proving, serving
from services.risk.actions.deployment import engine_of
from services.risk.actions.views import Views
from services.risk.api import ROUTERS, odata, webhooks
from services.risk.rules.hypothesis import ChangeRefused
from services.risk.rules.refusal import PolicyRefused
from services.risk.store import PLUMBING
from services.risk.store.direct import Direct
from services.risk.tasks import handlers, ticks
from services.risk.tasks.sender import Sender

SERVICE = "risk"
_IDS = ARRAY(Uuid)
_ODATA = "/risk/odata/v1"

__all__ = [
    "PLUMBING",
    "SERVICE",
    "beside",
    "engine_of",
    "engine_off",
    "feed",
    "fsck",
    "handlers",
    "run_hooks",
    "ticks",
    "web",
]


def web(settings: Settings, issuer: Issuer) -> FastAPI:
    """Return the app served under `/risk/v1`."""
    engine_of(settings)
    # Apart, so that slow readers of large files hold up nobody who asks for one score.
    direct, exports = (
        Direct(PLUMBING, settings.service_url(SERVICE, "app"), size=size) for size in (4, 3)
    )

    @asynccontextmanager
    async def closing(_app: FastAPI) -> AsyncIterator[None]:
        yield
        direct.close()
        exports.close()

    return make_app(
        SERVICE,
        title="Rensho risk",
        routers=ROUTERS,
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={
            PolicyRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
            ChangeRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
            **webhooks.STATUS,
        },
        state={
            "settings": settings,
            "views": Views(),
            "here": serving.address(settings),
            "direct": direct,
            "exports": exports,
        },
        lifespan=closing,
    )


def engine_off(db: Database) -> float:
    """How many judgements the last nightly proof found to differ (the gauge `risk_engine_off`)."""
    with db.begin(Actor(subject="urn:rensho:metrics"), read_only=True) as tx:
        return proving.off(tx)


def feed(db: Database, events: Sequence[Event], handlers: Mapping[str, Handler]) -> int:
    """Take in many events at once, in one transaction, each once in effect as by the inbox.

    That they keep their contracts is the caller's word: this is a way in for trials of size, not
    for what comes by the relay.

    Returns:
        How many had no effect before.
    """
    with db.begin(Actor(subject="urn:rensho:service:risk")) as tx:
        new = (
            insert(PLUMBING.inbox)
            .from_select(["event_id"], select(func.unnest(cast([e["id"] for e in events], _IDS))))
            .on_conflict_do_nothing()
            .returning(PLUMBING.inbox.c.event_id)
        )
        fresh = {str(found) for found in tx.scalars(new)}
        hearing.many(tx, (event for event in events if event["id"] in fresh), handlers)
    return len(fresh)


def beside(settings: Settings, issuer: Issuer) -> dict[str, FastAPI]:
    """Make what is served beside the API: the OData feed."""
    here = serving.address(settings)
    app = make_app(
        SERVICE,
        title="Rensho risk, OData v4",
        routers=[odata.router],
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={},
        state={"here": here, "odata": f"{settings.base_url}{_ODATA}"},
        audited=False,
    )
    app.servers = [{"url": _ODATA}]
    refusals: list[type[Exception]] = [Refused, *odata.STATUS]
    for kind in refusals:
        app.add_exception_handler(kind, odata.refused)
    return {_ODATA: app}


def run_hooks(settings: Settings, stop: threading.Event) -> None:
    """Send webhooks until told to stop.

    Raises:
        UnsafeKeys: the webhook secret is missing or open to others.
    """
    db = Database(PLUMBING, settings.service_url(SERVICE, "worker"), pool_size=1)
    try:
        Sender(settings, db).run(stop)
    finally:
        db.close()


def fsck(settings: Settings, seen: Seen = lambda _: None) -> list[Damage]:
    """Derive what is kept as evidence here anew and return what differs; nothing is changed.

    Args:
        settings: of this deployment.
        seen: told how many rows were looked at, again and again.

    Raises:
        sqlalchemy.exc.OperationalError: the database is away.
    """
    db = Database(PLUMBING, settings.service_url(SERVICE, "worker"))
    try:
        with db.begin(Actor(subject="urn:rensho:fsck"), snapshot=True) as tx:
            return damage.fsck(Look(tx, seen))
    finally:
        db.close()
