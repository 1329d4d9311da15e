"""The edge every service shares: one transaction per request, one audit row per write, problems."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit import clock, problems
from services.kit.auth import PUBLIC, Issuer, Needs, Principal, Who, needs
from services.kit.db import Actor, Database
from services.kit.log import request_id
from services.kit.problems import Invalid, Refused

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_EVERY_ANSWER = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
MAX_BODY_BYTES = 1024 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Model(BaseModel):
    """What our APIs take and give: fields listed explicitly, unknown ones refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


def _transaction(request: Request) -> Iterator[Session]:
    """One request, one transaction, closed before the answer leaves."""
    db: Database = request.app.state.db
    who: Principal | None = getattr(request.state, "principal", None)
    actor = who.actor if who else Actor(subject="anonymous")
    reading = request.method in SAFE_METHODS
    with db.begin(actor, read_only=reading) as tx:
        yield tx
        if not reading:
            _audit(tx, request)


def _audit(tx: Session, request: Request) -> None:
    # In the write's own transaction: no audit row, no change.
    actor: Actor = tx.info["actor"]
    route: APIRoute = request.scope["route"]
    tx.execute(
        insert(tx.info["plumbing"].audit).values(
            request_id=request_id.get(),
            subject=actor.subject,
            org_id=actor.org,
            operation=route.operation_id or route.name,
            resource=request.url.path,
            details=tx.info["details"],
        )
    )


# The default scope would commit after the 201 has left: a receipt we might not keep.
Tx = Annotated[Session, Depends(_transaction, scope="function")]
Now = Annotated[datetime, Depends(clock.now)]


def act_as(tx: Session, actor: Actor) -> None:
    """Go on in this transaction as `actor`, who has just proved who they are."""
    tx.info["actor"] = actor
    tx.execute(text("SELECT set_config('rensho.org', :org, true)"), {"org": str(actor.org or "")})


class IdempotencyMismatch(Refused):
    """The same Idempotency-Key came with another request before."""

    urn = "request/idempotency-mismatch"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Once:
    """Makes a POST repeatable: the first answer is kept with its effect and given again."""

    def __init__(self, request: Request, tx: Session, key: str | None, digest: bytes) -> None:
        self._request, self._tx, self._key, self._digest = request, tx, key, digest

    def __call__(self, work: Callable[[], BaseModel], status: int = 201) -> Response:
        """Do `work` unless this key was used before; return its answer as JSON.

        Raises:
            IdempotencyMismatch: the key was used with another body.
        """
        if self._key is None:
            return JSONResponse(work().model_dump(mode="json"), status)
        table = self._tx.info["plumbing"].idempotency
        mine = {
            "subject": self._tx.info["actor"].subject,
            "operation": self._request.scope["route"].name,
            "key": self._key,
        }
        # Serialises equal keys: the second waits here and then finds the first one's answer.
        self._tx.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": "\0".join(mine.values()).replace("\0", "\x1f")},
        )
        found = self._tx.execute(select(table).filter_by(**mine)).first()
        if found is not None:
            if found.request_digest != self._digest:
                msg = "this Idempotency-Key was used with another request"
                raise IdempotencyMismatch(msg)
            return JSONResponse(found.answer, found.status, {"Idempotency-Replayed": "true"})
        answer = work().model_dump(mode="json")
        self._tx.execute(
            insert(table).values(**mine, request_digest=self._digest, answer=answer, status=status)
        )
        return JSONResponse(answer, status)


async def _body_digest(request: Request) -> bytes:
    return hashlib.sha256(request.url.path.encode() + b"\n" + await request.body()).digest()


def _once(
    request: Request,
    tx: Tx,
    digest: Annotated[bytes, Depends(_body_digest)],
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Once:
    return Once(request, tx, idempotency_key, digest)


OnceOnly = Annotated[Once, Depends(_once, scope="function")]


class Page(Model):
    """Where a list goes on: send `next_cursor` as `cursor`; null at the end."""

    next_cursor: str | None


Cursor = Annotated[str | None, Query(max_length=200, description="where the last page ended")]
Limit = Annotated[int, Query(ge=1, le=500, description="rows per page")]


class EdgeMiddleware:
    """Pure ASGI: request id in and out, security headers, the body's limit, the blank 500.

    Here and not in the framework's outer layers, whose answers would be no problem documents and
    would have lost the request id.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, larger: Mapping[str, int]) -> None:
        self.app, self.max_body_bytes, self.larger = app, max_body_bytes, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        token = request_id.set(given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16))
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = self.larger.get(path, self.max_body_bytes)
        started = False
        size = 0

        async def receive_within_limit() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise _too_large(limit)
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _secure(message["headers"])
            await send(message)

        try:
            declared = headers.get(b"content-length", b"0")
            if declared.isdigit() and int(declared) > limit:
                answer = problems.of_http(_too_large(limit))
                await answer(scope, receive, send_with_headers)
            else:
                await self.app(scope, receive_within_limit, send_with_headers)
        except Exception as why:
            if started:
                raise
            await problems.unexpected(why)(scope, receive, send_with_headers)
        finally:
            request_id.reset(token)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body is over {limit} bytes")


def _secure(headers: list[tuple[bytes, bytes]]) -> None:
    """Add what every answer carries, to headers whose names are lower case (ASGI)."""
    if all(name != b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    headers += [(b"x-request-id", request_id.get().encode()), *_EVERY_ANSWER]


class UndeclaredPermission(Exception):
    """A route does not say which permission it needs; the process must not start."""


def _operations(router: APIRouter) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(included := getattr(route, "original_router", None), APIRouter):
            # FastAPI keeps an included router whole: its routes are not in this list.
            yield from _operations(included)
        else:
            msg = f"{route} is no operation that could declare a permission"
            raise UndeclaredPermission(msg)


def _refuse_undeclared(routers: Sequence[APIRouter]) -> None:
    for route in (operation for router in routers for operation in _operations(router)):
        declared = [d.dependency for d in route.dependencies if isinstance(d.dependency, Needs)]
        if len(declared) != 1:
            msg = (
                f"{sorted(route.methods or ())} {route.path} must declare one permission: needs(…)"
            )
            raise UndeclaredPermission(msg)
        route.openapi_extra = {
            "x-permission": declared[0].permission,
            **({"security": []} if declared[0].permission == PUBLIC else {}),
            **(route.openapi_extra or {}),
        }


def make_app(  # noqa: PLR0913 (the one place where an app's parts meet)
    service: str,
    *,
    title: str,
    routers: Sequence[APIRouter],
    db: Database,
    issuer: Issuer,
    refusals: Mapping[type[Exception], HTTPStatus],
    state: Mapping[str, Any],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    larger_bodies: Mapping[str, int] = MappingProxyType({}),
    audited: bool = True,
) -> FastAPI:
    """Wire one service's routes into an app served under `/<service>/v1`.

    Args:
        state: what the routes find as `request.app.state.<name>`.
        max_body_bytes: a larger body is a 413 before anything is read whole.
        larger_bodies: route path → its own limit, for routes that read a body piece by piece.
        audited: whether the audit trail is shown here; an app beside the API leaves it to that.

    Raises:
        UndeclaredPermission: a route has no permission.
    """
    routers = [*routers, *([_audit_router()] if audited else [])]
    _refuse_undeclared(routers)
    app = FastAPI(
        title=title,
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        servers=[{"url": f"/{service}/v1"}],
        responses=problems.DECLARED,
        generate_unique_id_function=lambda route: route.name,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.service, app.state.db, app.state.issuer = service, db, issuer
    for name, value in state.items():
        setattr(app.state, name, value)
    problems.install(app, refusals)
    app.add_middleware(EdgeMiddleware, max_body_bytes=max_body_bytes, larger=larger_bodies)
    for router in routers:
        app.include_router(router)
    return app


class AuditRow(Model):
    """One write: who did what to which resource, when."""

    id: int
    at: datetime
    request_id: str
    subject: str
    operation: str
    resource: str
    details: dict[str, Any]


class AuditPage(Page):
    """A page of the audit trail of the asking organization, newest first."""

    items: list[AuditRow]


def _audit_router() -> APIRouter:
    router = APIRouter(tags=["audit"])

    @router.get("/audit", dependencies=[needs("audit.read")])
    def list_audit(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> AuditPage:
        """List the writes of your organization, newest first."""
        table = tx.info["plumbing"].audit
        query = select(table).where(table.c.org_id == who.org).order_by(table.c.id.desc())
        if cursor is not None:
            if not cursor.isascii() or not cursor.isdigit():
                msg = "this cursor is none of ours"
                raise Invalid(msg)
            query = query.where(table.c.id < int(cursor))
        rows = tx.execute(query.limit(limit + 1)).all()
        return AuditPage(
            items=[_row(row) for row in rows[:limit]],
            next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None,
        )

    return router


def _row(row: Any) -> AuditRow:
    return AuditRow(**{name: getattr(row, name) for name in AuditRow.model_fields})


def ready(db: Database) -> bool:
    """Whether this process can reach its database (readiness; liveness asks nothing)."""
    try:
        with db.begin(Actor(subject="readiness"), read_only=True) as tx:
            tx.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
