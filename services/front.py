"""What a process shows at its port: the mounted apps, health, readiness, metrics, API docs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from html import escape
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit import problems
from services.kit.db import Database
from services.kit.settings import SERVICES, Settings
from services.kit.web import ready
from services.parts import beside, issuer_of, knows_keys, log_part, part

Check = Callable[[], bool]

# The page's own script and style, nothing inline, nothing from outside.
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
_START = """
const box = document.getElementById("api");
window.SwaggerUIBundle({ url: box.dataset.url, domNode: box, validatorUrl: null });
"""


class Metrics:
    """One process's numbers, in the text format Prometheus reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "rensho_http_answers_total",
            "HTTP answers by mount, method and status.",
            ("mount", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "rensho_http_seconds",
            "Time from request to the end of the answer.",
            ("mount",),
            registry=self.registry,
        )

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Show the number that `read` returns when somebody looks."""
        Gauge(f"rensho_{name}", what, registry=self.registry).set_function(read)

    def counted(self, mount: str, app: ASGIApp) -> ASGIApp:
        """Wrap a mounted app so that its answers are counted, once per answer."""
        seconds = self._seconds.labels(mount)
        answers = cache(partial(self._answers.labels, mount))

        async def count(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status, began = 500, time.perf_counter()

            async def watch(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, watch)
            finally:
                seconds.observe(time.perf_counter() - began)
                answers(scope["method"], str(status)).inc()

        return count


def make_front(
    mounts: Mapping[str, FastAPI],
    checks: Mapping[str, Check],
    metrics: Metrics,
    pages: Starlette | None = None,
) -> Starlette:
    """Make the root app of one process.

    Args:
        mounts: prefix such as `/identity/v1` → app; each app's lifespan is entered at start and
            its database closed at the end.
        checks: what must be true for the process to be ready, by name.
        metrics: shown at `/metrics`.
        pages: what answers every other path; None leads the root to the API docs.
    """

    @asynccontextmanager
    async def lifespan(_root: Starlette) -> AsyncIterator[None]:
        # A mounted app's lifespan does not run by itself.
        async with AsyncExitStack() as stack:
            for app in mounts.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
                if isinstance(db := getattr(app.state, "db", None), Database):
                    stack.callback(db.close)
            if pages is not None:
                await stack.enter_async_context(pages.router.lifespan_context(pages))
            yield

    routes: list[BaseRoute] = [
        # First, because nearly everything that comes is for one of them.
        *(Mount(prefix, metrics.counted(prefix, app)) for prefix, app in mounts.items()),
        Route("/healthz", _healthz),
        Route("/readyz", _readyz(checks)),
        Route("/metrics", _metrics(metrics)),
        *([Route("/", _to_docs)] if mounts and pages is None else []),
        *(_docs(mounts) if mounts else []),
        *([Mount("/", metrics.counted("/", pages))] if pages is not None else []),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _problem})


def web_mounts(
    settings: Settings, services: tuple[str, ...] = SERVICES
) -> tuple[dict[str, FastAPI], dict[str, Check], Callable[[], None]]:
    """Make the apps of `services` under their prefixes.

    Returns:
        The mounts, the readiness checks, and what loads the issuer's keys once.
    """
    issuer = issuer_of(settings)
    mounts = {f"/{name}/v1": part(name).web(settings, issuer) for name in services}
    for name in services:
        mounts |= beside(name, settings, issuer)
    checks: dict[str, Check] = {
        f"database of {prefix}": _reaches(app) for prefix, app in mounts.items()
    }
    checks["token keys"] = lambda: knows_keys(issuer)
    if "attestation" in services:
        shown = mounts["/log"] = log_part().log_app(settings, issuer)
        checks |= log_part().reader_checks(settings, shown.state.db)
    return mounts, checks, issuer.refresh


def web_pages(settings: Settings, mounts: Mapping[str, FastAPI] | None) -> Starlette:
    """Make the pages: over the services of this process, else over `RENSHO_<SVC>_URL`.

    Raises:
        LookupError: the pages run alone and a service's URL is missing.
    """
    from services.portal.app import make_pages  # noqa: PLC0415 (only who serves pages loads them)

    apis = None
    if mounts is not None:
        apis = Starlette(routes=[Mount(prefix, app) for prefix, app in mounts.items()])
    return make_pages(settings, apis)


def _reaches(app: FastAPI) -> Check:
    db: Database = app.state.db
    return lambda: ready(db)


async def _healthz(_request: Request) -> Response:
    # Liveness asks nothing: a database that is away is no reason to restart this process.
    return JSONResponse({"status": "ok"})


def _readyz(checks: Mapping[str, Check]) -> Callable[[Request], Response]:
    def readyz(_request: Request) -> Response:
        found = {name: check() for name, check in checks.items()}
        good = all(found.values())
        return JSONResponse(
            {"status": "ready" if good else "not ready", "checks": found},
            200 if good else 503,
            headers={} if good else {"Retry-After": "1"},
        )

    return readyz


def _metrics(metrics: Metrics) -> Callable[[Request], Response]:
    def show(_request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return show


async def _problem(_request: Request, why: Exception) -> Response:
    assert isinstance(why, HTTPException)
    urn = "not-found" if why.status_code == 404 else "refused"  # noqa: PLR2004 (HTTP)
    return problems.response(why.status_code, f"request/{urn}", why.detail, why.headers)


async def _to_docs(_request: Request) -> Response:
    return RedirectResponse("/docs")


def _docs(mounts: Mapping[str, FastAPI]) -> list[BaseRoute]:
    """Serve each mounted app's API docs from the assets of the installed wheel."""
    found = find_spec("fastapi_offline")
    assert found is not None
    assert found.origin is not None
    assets = Path(found.origin).parent / "static"
    names = {prefix.removesuffix("/v1").split("/")[-1]: prefix for prefix in mounts}

    async def index(_request: Request) -> Response:
        links = "".join(f'<li><a href="/docs/{name}">{name}</a></li>' for name in names)
        return _page("Rensho APIs", f"<h1>Rensho APIs</h1><ul>{links}</ul>")

    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in names:
            raise HTTPException(404, "no such API")
        url = escape(f"{names[name]}/openapi.json")
        return _page(
            f"Rensho {name} API",
            f'<div id="api" data-url="{url}"></div>'
            '<script src="/docs/assets/swagger-ui-bundle.js"></script>'
            '<script src="/docs/start.js"></script>',
        )

    async def start(_request: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    return [
        Route("/docs", index),
        Route("/docs/start.js", start),
        Mount("/docs/assets", StaticFiles(directory=assets)),
        Route("/docs/{name}", one),
    ]


def _page(title: str, body: str) -> Response:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    style = '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}{style}</head><body>{body}</body></html>',
        headers={"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"},
    )
