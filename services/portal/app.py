"""Wiring of the pages: one Starlette app, mounted at the root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from services.kit.log import log
from services.kit.settings import SERVICES, Settings
from services.portal.client import Gateway, Problem, make_http
from services.portal.guard import Guard
from services.portal.pages import BOOKS, DEMO_BOOKS
from services.portal.visit import MAX_FILE_BYTES, Pages, Visit, not_found, refused

HERE: Final = Path(__file__).parent
_NOT_FOUND: Final = 404
_MULTIPART: Final = 256 * 1024


class Unaddressed(LookupError):
    """The pages run apart from a service, and nothing says where that is."""


class _Static(StaticFiles):
    """Files that may be kept for a day; a page names them with the build's digest behind."""

    def file_response(self, *args: object, **options: object) -> Response:
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response

    async def get_response(self, path: str, scope: Scope) -> Response:
        # Licences and checksums lie beside the files; nothing but the files is shown.
        if not path.endswith((".css", ".js", ".svg")):
            raise HTTPException(_NOT_FOUND)
        return await super().get_response(path, scope)


def make_pages(settings: Settings, apis: ASGIApp | None) -> Starlette:
    """Make the app of all pages.

    Args:
        settings: where people come in, and where services are that run apart.
        apis: the root app of the services of this process; None calls `RENSHO_<SVC>_URL`.

    Raises:
        Unaddressed: a service's URL is missing.
    """
    transport = httpx2.ASGITransport(apis) if apis is not None else None
    bases = dict.fromkeys(SERVICES, "http://127.0.0.1") if apis is not None else _bases(settings)
    gateway = Gateway(make_http(transport), bases)
    pages = Pages(settings, gateway, _templates())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with gateway.http:
            yield

    books = (*BOOKS, *(DEMO_BOOKS if settings.mail_viewer else ()))
    return Starlette(
        routes=[
            Mount("/static", _Static(directory=HERE / "static")),
            *(route for book in books for route in book.routes(pages)),
        ],
        middleware=[
            Middleware(Guard, max_body_bytes=MAX_FILE_BYTES + _MULTIPART, secure=pages.secure),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6),
        ],
        exception_handlers=_handlers(pages),
        lifespan=lifespan,
    )


def _handlers(pages: Pages) -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """Return what shows that there is no such page, and that something went wrong on our side."""

    async def missing(request: Request, why: Exception) -> Response:
        assert isinstance(why, HTTPException)
        visit = Visit(request, pages)
        if why.status_code == _NOT_FOUND:
            return not_found(visit)
        return refused(visit, Problem(why.status_code, {"detail": str(why.detail)}))

    async def failed(request: Request, why: Exception) -> Response:
        log.error("unexpected error", exc_info=why)
        return refused(Visit(request, pages), Problem(500, {}))

    return {HTTPException: missing, Exception: failed}


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _bases(settings: Settings) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for service in SERVICES:
        url = getattr(settings, f"{service}_url")
        if url is None:
            msg = f"set RENSHO_{service.upper()}_URL: the pages call the services over HTTP"
            raise Unaddressed(msg)
        parts = urlsplit(url)
        found[service] = f"{parts.scheme}://{parts.netloc}"
    return found
