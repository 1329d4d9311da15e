"""The public HTTP APIs, seen by whoever holds a session; nothing else of the system is touched."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final
from uuid import UUID

import httpx2

Json = dict[str, Any]

_TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a name)
_SESSION: Final = "urn:rensho:token-type:session"
# Tokens live 300 s; a page must not begin with one that ends under it.
_KEPT_SECONDS: Final = 240.0
_MOST_TOKENS: Final = 20_000
_PATIENCE_SECONDS: Final = 8.0
_UNAUTHORIZED: Final = 401


class Problem(Exception):
    """A refusal of an API: its problem document (RFC 9457)."""

    def __init__(self, status: int, document: Json) -> None:
        self.status, self.document = status, document
        self.urn = str(document.get("type", "")).removeprefix("urn:rensho:problem:")
        self.detail = str(document.get("detail", ""))
        super().__init__(f"{status} {self.urn}: {self.detail}")

    @property
    def lines(self) -> list[Json]:
        """The single complaints: `reason` in both languages, or `what` in English, and `where`."""
        return [*self.document.get("problems", []), *self.document.get("errors", [])]


@dataclass(frozen=True)
class Held:
    """An access token, who it speaks for, and until when (monotonic seconds) it is used."""

    text: str
    org: UUID
    scopes: frozenset[str]
    until: float


@dataclass
class Gateway:
    """One process's way to the APIs: connections, addresses and the tokens kept meanwhile.

    Attributes:
        bases: service → where its paths are found, such as `http://identity-web:8040`.
    """

    http: httpx2.AsyncClient
    bases: Mapping[str, str]
    _tokens: dict[tuple[str, str], Held] = field(default_factory=dict, repr=False)

    def url(self, path: str) -> str:
        """Return the address of a path; the log is the attestation service's."""
        service = path.split("/")[1]
        return self.bases["attestation" if service == "log" else service] + path

    def kept(self, session: str, audience: str) -> Held | None:
        """Return the token kept for a session, unless it is about to end."""
        found = self._tokens.get((_digest(session), audience))
        return found if found and found.until > time.monotonic() else None

    def keep(self, session: str, audience: str, held: Held) -> None:
        """Keep a token; the eldest goes where there are too many."""
        while len(self._tokens) >= _MOST_TOKENS:
            self._tokens.pop(next(iter(self._tokens)))
        self._tokens[_digest(session), audience] = held

    def forget(self, session: str) -> None:
        """Drop every token of a session."""
        digest = _digest(session)
        for key in [key for key in self._tokens if key[0] == digest]:
            del self._tokens[key]


def make_http(transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Make the one HTTP client of the process; `transport` None goes over the network.

    It is shared by everybody's requests, so it must never keep anybody's cookie; and a proxy of
    the machine must not stand between our own services.
    """
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx2.AsyncClient(transport=transport, trust_env=False, timeout=30.0, cookies=jar)


class Api:
    """The APIs for one visitor; `session` None is a visitor who has not logged in."""

    def __init__(self, gateway: Gateway, session: str | None) -> None:
        self.gateway, self.session = gateway, session

    async def held(self, audience: str) -> Held:
        """Return an access token for one service.

        Raises:
            Problem: 401, the session has ended.
        """
        if self.session is None:
            raise Problem(_UNAUTHORIZED, {"type": "urn:rensho:problem:sessions/none"})
        if known := self.gateway.kept(self.session, audience):
            return known
        answer = await self.raw(
            "POST",
            "/identity/v1/token",
            data={
                "grant_type": _TOKEN_EXCHANGE,
                "subject_token": self.session,
                "subject_token_type": _SESSION,
                "audience": audience,
            },
        )
        if answer.status_code in (400, _UNAUTHORIZED):
            raise Problem(_UNAUTHORIZED, {"type": "urn:rensho:problem:sessions/none"})
        text = str(checked(answer).json()["access_token"])
        claims = _claims(text)
        held = Held(
            text,
            UUID(claims["org"]),
            frozenset(claims["scope"].split()),
            time.monotonic() + _KEPT_SECONDS,
        )
        self.gateway.keep(self.session, audience, held)
        return held

    async def raw(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send one request as it is, and give the answer whatever it says.

        Raises:
            Problem: 503, the service is away.
        """
        try:
            return await self.gateway.http.request(method, self.gateway.url(path), **options)
        except httpx2.TransportError as why:
            gone = {"type": "urn:rensho:problem:request/unavailable", "detail": str(why)}
            raise Problem(503, gone) from why

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Call one operation as the visitor; waits where the answer says `Retry-After`.

        Raises:
            Problem: the service refused.
        """
        service = path.split("/")[1]
        given = dict(options.pop("headers", {}))
        until, renewed = time.monotonic() + _PATIENCE_SECONDS, False
        while True:
            headers = given
            if self.session is not None:
                token = (await self.held("attestation" if service == "log" else service)).text
                headers = {**given, "Authorization": f"Bearer {token}"}
            answer = await self.raw(method, path, headers=headers, **options)
            if answer.status_code == _UNAUTHORIZED and self.session and not renewed:
                # Rights changed since the token was kept: one new token decides.
                self.gateway.forget(self.session)
                renewed = True
                continue
            waits = answer.status_code in (409, 503) and "retry-after" in answer.headers
            if not waits or time.monotonic() > until:
                return checked(answer)
            await asyncio.sleep(min(float(answer.headers["retry-after"]), 0.5))

    async def get(self, path: str, **query: Any) -> Json:
        """Read one thing."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return dict((await self.call("GET", path, params=given)).json())

    async def post(self, path: str, body: Json | None = None, **options: Any) -> Json:
        """Create or do one thing."""
        answer = await self.call("POST", path, json=body or {}, **options)
        return dict(answer.json()) if answer.content else {}

    async def every(self, path: str, most: int = 2_000, **query: Any) -> list[Json]:
        """Read a whole list, page by page, up to `most` rows."""
        items: list[Json] = []
        cursor: str | None = None
        while len(items) < most:
            page = await self.get(path, **query, cursor=cursor)
            items += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                break
        return items


def checked(answer: httpx2.Response) -> httpx2.Response:
    """Return a good answer.

    Raises:
        Problem: it was a refusal.
    """
    if answer.is_success:
        return answer
    try:
        document = dict(answer.json())
    except ValueError:
        document = {"detail": answer.text[:200]}
    raise Problem(answer.status_code, document)


def _digest(session: str) -> str:
    return hashlib.sha256(session.encode()).hexdigest()


def _claims(token: str) -> Json:
    # Read, not verified: it came from identity itself, and only chooses what to show. Each API
    # verifies the token it gets.
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
