"""Sending webhooks, in a process of its own: what it fetches from outside can hold up nobody else.

An address is resolved once, judged, and connected to as it was judged: a name that points elsewhere
a moment later changes nothing. Redirects are not followed, no body is read, time is limited.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from services.kit import clock, keyfiles
from services.kit.db import Actor, Database
from services.kit.log import log
from services.kit.settings import Settings
from services.risk.actions import hooks
from services.risk.actions.hooks import Attempt
from services.risk.rules.hooks import UrlRefused, check_url, is_refused

_AT_ONCE = 50
_SECONDS = 15.0
_STEP_SECONDS = 5.0
_ACTOR = Actor(subject="urn:rensho:webhook-sender")


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the status of the answer, if any, and a few words."""

    status: int | None
    words: str


class Sender:
    """Takes what is due, sends it, and records how that went."""

    def __init__(self, settings: Settings, db: Database) -> None:
        """Take the database as the worker role.

        Raises:
            UnsafeKeys: the webhook secret is missing or open to others.
        """
        self._db = db
        self._production = settings.env == "production"
        self._master = keyfiles.secret_bytes(settings, "webhook")

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; looks once a second."""
        while not stop.is_set():
            try:
                busy = self.round() > 0
            except Exception as why:  # noqa: BLE001 (the database is away, in one of its ways)
                log.warning("webhooks could not be sent", error=repr(why))
                busy = False
            if not busy:
                stop.wait(1.0)

    def round(self) -> int:
        """Send what is due now, once; returns how many attempts were made."""
        with self._db.begin(_ACTOR) as tx:
            due = hooks.take(tx, self._master, clock.now(), _AT_ONCE)
        # Between the two transactions nothing is held. A crash here sends once more after the
        # lease: the id in the headers lets a receiver know a message it had.
        outcomes = asyncio.run(self._send_all(due)) if due else []
        for attempt, outcome in zip(due, outcomes, strict=True):
            with self._db.begin(_ACTOR) as tx:
                hooks.settle(tx, attempt, outcome.status, outcome.words, clock.now())
        return len(due)

    async def _send_all(self, due: Sequence[Attempt]) -> list[Outcome]:
        return list(await asyncio.gather(*map(self._send, due)))

    async def _send(self, attempt: Attempt) -> Outcome:
        try:
            async with asyncio.timeout(_SECONDS):
                status = await self._post(attempt)
        except TimeoutError:
            return Outcome(None, f"no answer within {_SECONDS:.0f} seconds")
        except UrlRefused as why:
            return Outcome(None, str(why))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as why:
            return Outcome(None, f"{type(why).__name__}: {why}")
        return Outcome(status, f"HTTP {status}")

    async def _post(self, attempt: Attempt) -> int:
        # Once more: an address kept by a demo must not be sent to in production.
        check_url(attempt.url, production=self._production)
        parts = urlsplit(attempt.url)
        assert parts.hostname is not None
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        address = await self._resolve(parts.hostname, port)
        pinned = httpx2.URL(attempt.url).copy_with(host=address)
        headers = {
            **attempt.headers,
            "Host": parts.netloc,
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Rensho-Webhooks/1",
        }
        async with (
            httpx2.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=_STEP_SECONDS
            ) as http,
            http.stream(
                "POST",
                pinned,
                content=attempt.body,
                headers=headers,
                # The certificate must be that of the name, whatever address it has.
                extensions={"sni_hostname": parts.hostname},
            ) as answer,
        ):
            return answer.status_code

    async def _resolve(self, host: str, port: int) -> str:
        """Return the one address to connect to.

        Raises:
            UrlRefused: one of the host's addresses leads where nothing is sent.
            OSError: the name has no address.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        for address in addresses:
            if is_refused(ipaddress.ip_address(address), production=self._production):
                msg = "the host leads into a private network; nothing was sent"
                raise UrlRefused(msg)
        return addresses[0]
