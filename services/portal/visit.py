"""One request to the pages: who comes, in which language, and how a page goes back."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlsplit

from jinja2 import Environment
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from services.kit.log import log
from services.kit.settings import Settings
from services.portal.client import Api, Gateway, Json, Problem
from services.portal.refusals import JAPANESE
from services.portal.words import COMPLETE, LANGUAGES, Words, best, words

_LANGUAGE: Final = "rensho-language"
_YEAR: Final = 365 * 24 * 3600
_SESSION_DAYS: Final = 30 * 24 * 3600
_MAX_FIELDS: Final = 5_000
MAX_FILE_BYTES: Final = 20 * 1024 * 1024
_NOT_FOUND: Final = 404
_UNAUTHORIZED: Final = 401
_SERVER: Final = 500

# Nothing from outside, nothing inline: what the page needs lies under /static.
POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# As above, for pages where a key is used: no picture, and no text that becomes markup.
SIGNING_POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True)
class Pages:
    """What every page of the process shares."""

    settings: Settings
    gateway: Gateway
    templates: Environment

    @property
    def secure(self) -> bool:
        """Whether people come by https; browsers keep `__Host-` cookies only then."""
        return self.settings.base_url.startswith("https:")

    @property
    def cookie(self) -> str:
        """The name of the session cookie; it is identity's own, so one log-in serves both."""
        return "__Host-rensho-session" if self.secure else "rensho-session"


class Visit:
    """One request with its session, its language and the APIs as this visitor may use them."""

    def __init__(self, request: Request, pages: Pages) -> None:
        self.request, self.pages = request, pages
        self.nonce = secrets.token_urlsafe(16)
        self.session = request.cookies.get(pages.cookie)
        self.api = Api(pages.gateway, self.session)
        self.language = self._language()
        self.words: Words = words(self.language)

    def _language(self) -> str:
        asked = self.request.query_params.get("lang") or self.request.cookies.get(_LANGUAGE)
        return (
            asked if asked in LANGUAGES else best(self.request.headers.get("accept-language", ""))
        )

    @property
    def complete_language(self) -> str:
        """Japanese or English, whichever this reader is nearer to."""
        return self.language if self.language in COMPLETE else "en"

    @property
    def partly(self) -> bool:
        """Whether htmx asks for a piece of a page."""
        return self.request.headers.get("hx-request") == "true"

    @cached_property
    def path(self) -> str:
        """The address of this page, to come back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    async def form(self) -> FormData:
        """Read the form that was sent."""
        return await self.request.form(
            max_files=20, max_fields=_MAX_FIELDS, max_part_size=MAX_FILE_BYTES
        )

    async def scopes(self, service: str) -> frozenset[str]:
        """Return what this visitor may do in a service; nothing before log-in."""
        return (await self.api.held(service)).scopes if self.session else frozenset()

    def may(self, service: str, permission: str) -> bool:
        """Whether to offer a page that needs a permission: unless a kept token says no."""
        held = self.pages.gateway.kept(self.session, service) if self.session else None
        return self.session is not None and (held is None or permission in held.scopes)

    async def org(self) -> str:
        """Return the id of the visitor's organization."""
        return str((await self.api.held("questionnaire")).org)

    def page(
        self, template: str, status: int = 200, *, policy: str = POLICY, **context: Any
    ) -> Response:
        """Return a page made of a template."""
        found = self.pages.templates.get_template(template)
        html = found.render(
            _=self.words.text,
            n_=self.words.count,
            visit=self,
            words=self.words,
            pick=self.words.pick,
            languages=LANGUAGES,
            **context,
        )
        response = HTMLResponse(html, status)
        response.headers["Content-Security-Policy"] = policy.format(nonce=self.nonce)
        if asked := self.request.query_params.get("lang"):
            self._keep_language(response, asked)
        return response

    def _keep_language(self, response: Response, language: str) -> None:
        if language in LANGUAGES:
            response.set_cookie(
                _LANGUAGE, language, max_age=_YEAR, secure=self.pages.secure, samesite="lax"
            )

    def start_session(self, response: Response, token: str) -> Response:
        """Give the browser its session: no script reads it, no other site sends it along."""
        response.set_cookie(
            self.pages.cookie,
            token,
            max_age=_SESSION_DAYS,
            path="/",
            secure=self.pages.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def end_session(self, response: Response) -> Response:
        """Take the session from the browser."""
        if self.session:
            self.pages.gateway.forget(self.session)
        response.delete_cookie(
            self.pages.cookie, path="/", secure=self.pages.secure, httponly=True, samesite="lax"
        )
        return response


def to(path: str) -> Response:
    """Go on with another page after a form; the browser gets it, and never sends twice."""
    return RedirectResponse(path, 303)


def safe_path(path: str | None) -> str:
    """Return where to go on after log-in: a path of ours, or the start page."""
    parts = urlsplit(path or "/")
    ours = not parts.scheme and not parts.netloc and (path or "/").startswith("/")
    return path or "/" if ours and not (path or "/").startswith(("//", "/\\")) else "/"


Handler = Callable[[Visit], Awaitable[Response]]
Shared = Callable[[Request], Pages]


class Book:
    """The routes of some pages. A page asks for a session unless it says `public`."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, Handler, bool]] = []

    def get(self, path: str, *, public: bool = False) -> Callable[[Handler], Handler]:
        """Show a page at `path`."""
        return self._add("GET", path, public=public)

    def post(self, path: str, *, public: bool = False) -> Callable[[Handler], Handler]:
        """Take a form at `path`."""
        return self._add("POST", path, public=public)

    def _add(self, method: str, path: str, *, public: bool) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.entries.append((method, path, handler, public))
            return handler

        return add

    def routes(self, pages: Pages) -> list[Route]:
        """Return the Starlette routes."""
        return [
            Route(path, _endpoint(handler, pages, public=public), methods=[method])
            for method, path, handler, public in self.entries
        ]


def _endpoint(
    handler: Handler, pages: Pages, *, public: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        visit = Visit(request, pages)
        if not public and visit.session is None:
            return log_in_first(visit)
        try:
            return await handler(visit)
        except Problem as why:
            return refused(visit, why)

    return endpoint


def log_in_first(visit: Visit) -> Response:
    """Send somebody without a session to the log-in page, and back afterwards."""
    if visit.partly:
        return Response(status_code=204, headers={"HX-Redirect": "/login"})
    back = visit.path if visit.request.method == "GET" else "/"
    return to(f"/login?next={quote(back, safe='')}")


def refused(visit: Visit, why: Problem) -> Response:
    """Show why an API refused; whoever's session has ended logs in again."""
    if visit.request.headers.get("accept") == "application/json":
        return JSONResponse(why.document, why.status)
    if why.status == _UNAUTHORIZED:
        return visit.end_session(log_in_first(visit))
    if why.status >= _SERVER:
        log.warning("an API failed", status=why.status, urn=why.urn)
    template = "parts/problem.html" if visit.partly else "problem.html"
    status = why.status if why.status >= 400 else 502  # noqa: PLR2004 (HTTP)
    return visit.page(template, status, problem=why, reasons=reasons(visit, why))


def not_found(visit: Visit) -> Response:
    """Show that there is no such page, or that it is not the visitor's: the two look the same."""
    return refused(visit, Problem(_NOT_FOUND, {"type": "urn:rensho:problem:request/not-found"}))


def field(form: FormData | Mapping[str, Any], name: str) -> str:
    """Return one field of a form without the blanks around it; a missing one is empty."""
    found = form.get(name)
    return found.strip() if isinstance(found, str) else ""


def reasons(visit: Visit, why: Problem) -> list[str]:
    """Return the complaints of a refusal in the reader's language."""
    bilingual = [visit.words.pick(each["reason"]) for each in why.lines if each.get("reason")]
    if bilingual:
        return bilingual
    known = JAPANESE.get(why.urn) if visit.language == "ja" else None
    where = [f"{each['where']}: {each['what']}" for each in why.lines if each.get("what")]
    return [known or why.detail, *where]


def complaints(visit: Visit, why: Problem) -> list[str]:
    """Return what to say beside a form that was refused.

    Raises:
        Problem: the log-in has ended; a form is of no use to somebody who must log in first.
    """
    if why.status == _UNAUTHORIZED:
        raise why
    return reasons(visit, why)


def first(items: list[Json], **wanted: Any) -> Json | None:
    """Return the first item whose fields have these values."""
    return next((i for i in items if all(i.get(k) == v for k, v in wanted.items())), None)
