"""How a firm talks to Rensho: plain HTTP with access tokens, as any foreign client would."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import httpx2

_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a grant type)
_TOKEN_LIFE = 240.0
NOT_FOUND = 404
Json = dict[str, Any]
T = TypeVar("T")


class StoryBroken(Exception):
    """Something did not go as told; the demo ends with a non-zero code."""


class Answered(Exception):
    """A refusal: the problem document the server sent."""

    def __init__(self, status: int, problem: Json) -> None:
        wrong = problem.get("errors") or problem.get("problems") or ""
        super().__init__(f"{status} {problem.get('type')}: {problem.get('detail')} {wrong}")
        self.status, self.problem = status, problem

    @property
    def urn(self) -> str:
        """The stable end of the problem type, such as `invitations/code-used`."""
        return str(self.problem.get("type", "")).removeprefix("urn:rensho:problem:")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def until(look: Callable[[], T | None], what: str, seconds: float = 300.0) -> T:
    """Look again until something is there.

    Raises:
        StoryBroken: it did not come in time.
    """
    deadline, pause = time.monotonic() + seconds, 0.1
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(pause)
        pause = min(pause * 1.3, 0.5)
    msg = f"waited {seconds:.0f} s in vain for {what}"
    raise StoryBroken(msg)


@dataclass(frozen=True)
class Where:
    """The addresses of the system: one for all services, or some services and the relay apart."""

    base_url: str
    services: Mapping[str, str] = field(default_factory=dict)
    relay: str | None = None

    def url(self, path: str) -> str:
        """Return the address of one path; the log is the attestation service's."""
        service = path.split("/")[1]
        service = "attestation" if service == "log" else service
        return self.services.get(service, self.base_url).rstrip("/") + path

    def on_the_way(self) -> float | None:
        """Return how many events have not had their effect yet; None where nobody can tell now."""
        try:
            shown = httpx2.get(
                f"{self.relay or self.base_url}/metrics", verify=_tls(), trust_env=False
            )
        except httpx2.TransportError:
            return None
        found = re.search(r"^rensho_outbox_backlog (\S+)$", shown.text, re.MULTILINE)
        return float(found[1]) if found else None


@dataclass
class Api:
    """The system, seen by one principal."""

    where: Where
    session_token: str | None = None
    client: httpx2.Client = field(init=False, repr=False)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Open the connection pool."""
        # One TLS context for all firms: making one costs more than a request.
        self.client = httpx2.Client(timeout=30.0, verify=_tls())

    def raw(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send one request as it is, and give the answer whatever it says."""
        return self.client.request(method, self.where.url(path), **options)

    def token(self, audience: str) -> str:
        """Return an access token for one service, exchanged for the session and kept a while."""
        known = self._tokens.get(audience)
        if known and known[1] > time.monotonic():
            return known[0]
        answer = self.raw(
            "POST",
            "/identity/v1/token",
            data={
                "grant_type": _TOKEN_EXCHANGE,
                "subject_token": self.session_token or "",
                "subject_token_type": "urn:rensho:token-type:session",
                "audience": audience,
            },
        )
        token = str(_checked(answer).json()["access_token"])
        self._tokens[audience] = (token, time.monotonic() + _TOKEN_LIFE)
        return token

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Call one operation; waits and repeats where the answer says `Retry-After`.

        Raises:
            Answered: the server refused.
        """
        service = path.split("/")[1]
        headers = dict(options.pop("headers", {}))
        if self.session_token or service in self._tokens:
            headers["Authorization"] = f"Bearer {self.token(service)}"
        for _ in range(60):
            answer = self.raw(method, path, headers=headers, **options)
            if answer.status_code not in (409, 503) or "retry-after" not in answer.headers:
                break
            time.sleep(min(float(answer.headers["retry-after"]), 0.25))
        return _checked(answer)

    def get(self, path: str, **query: Any) -> Json:
        """Read one thing."""
        return dict(self.call("GET", path, params=query).json())

    def post(self, path: str, body: Json | None = None, **options: Any) -> Json:
        """Create or do one thing."""
        answer = self.call("POST", path, json=body or {}, **options)
        return dict(answer.json()) if answer.content else {}

    def every(self, path: str, **query: Any) -> list[Json]:
        """Read a whole list, page by page."""
        items: list[Json] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return items


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.is_success:
        return answer
    try:
        problem = dict(answer.json())
    except ValueError:
        problem = {"detail": answer.text[:200]}
    raise Answered(answer.status_code, problem)
