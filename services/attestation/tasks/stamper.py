"""Asks time-stamping authorities (RFC 3161, 3.4), in a thread beside the sequencer's loop.

It holds no key and decides nothing: it may be slow, fail or die, and the log goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rensho import timestamps
from rensho.errors import VerificationError
from sqlalchemy.orm import Session

from services.attestation.actions import time_stamps
from services.attestation.actions.time_stamps import Wanted
from services.attestation.rules.guard import SequencerRefused
from services.kit import clock
from services.kit.db import Actor, Database
from services.kit.log import log as out
from services.kit.settings import Settings

_TIMEOUT: Final = httpx2.Timeout(3.0, connect=1.0)
_KEPT_SECONDS: Final = 2.0
_AT_ONCE: Final = 64
_THREADS: Final = 8
_PAUSE_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 0.2
_STAMPER: Final = Actor(subject="urn:rensho:stamper")
_T = TypeVar("_T")


def roots(settings: Settings) -> tuple[bytes, ...]:
    """Return the pinned roots of time (DER) that Trust names.

    Raises:
        SequencerRefused: `tsa.settings`, the file is missing or holds no certificate, or
            authorities are asked whom nobody would believe.
    """
    pinned = settings.roots_of_time
    if pinned is None:
        if settings.tsa:
            raise SequencerRefused("tsa.settings", "RENSHO_TSA_URLS needs RENSHO_TSA_ROOTS")
        return ()
    try:
        data = pinned.read_bytes()
        if b"-----BEGIN" in data:
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
    except (OSError, ValueError) as why:
        raise SequencerRefused("tsa.settings", f"{pinned}: {why}") from why
    return tuple(one.public_bytes(Encoding.DER) for one in found)


class Stamper:
    """Gets the tokens that are missing; `sources` are URLs, named by host and path."""

    def __init__(self, db: Database, sources: Sequence[str], pinned: Sequence[bytes]) -> None:
        self._db = db
        self._urls = {_name(url): url for url in sources}
        self._roots = pinned
        # One for all rounds: making a TLS context costs more than a token.
        self._http = _client()
        self._not_before: dict[str, float] = {}
        self._again_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Stamp until told to stop; whatever goes wrong is tried again."""
        while not stop.is_set():
            done = 0
            try:
                done = self.round()
            except Exception as why:  # noqa: BLE001 (the log does not wait for us, nor end with us)
                out.warning("time-stamping failed", error=repr(why))
            if not done:
                stop.wait(_IDLE_SECONDS)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def round(self) -> int:
        """Ask for what is missing now; return how many tokens were kept."""
        now = time.monotonic()
        sources = [one for one in self._urls if self._not_before.get(one, 0.0) <= now]
        if not sources:
            return 0
        again = now >= self._again_at
        asked = self._step(
            lambda tx: time_stamps.wanted(tx, sources, clock.now(), _AT_ONCE, again=again)
        )
        if again and len(asked) < _AT_ONCE:
            self._again_at = now + _AGAIN_SECONDS
        if not asked:
            return 0
        with ThreadPoolExecutor(min(_THREADS, len(asked)), "tsa") as pool:
            answers = list(pool.map(self._ask, asked))
        return sum(
            self._keep(one, token)
            for one, token in zip(asked, answers, strict=True)
            if token is not None
        )

    def _ask(self, one: Wanted) -> bytes | None:
        if self._not_before.get(one.source, 0.0) > time.monotonic():
            return None
        try:
            return _token(self._http, self._urls[one.source], one.message)
        except (httpx2.HTTPError, VerificationError) as why:
            self._rest(one.source, repr(why))
            return None

    def _keep(self, one: Wanted, token: bytes) -> bool:
        why = self._step(lambda tx: time_stamps.keep(tx, one, token, self._roots))
        if why is not None:
            self._rest(one.source, why)
        return why is None

    def _rest(self, source: str, why: str) -> None:
        """Leave a source alone for a while: asking a dead one for each statement helps nobody."""
        self._not_before[source] = time.monotonic() + _PAUSE_SECONDS
        out.warning("no time-stamp", source=source, why=why)

    def _step(self, work: Callable[[Session], _T]) -> _T:
        with self._db.begin(_STAMPER) as tx:
            return work(tx)


def probe(settings: Settings) -> dict[str, str | None]:
    """Ask every authority of the settings for a token; return what is wrong with each, by name.

    Raises:
        SequencerRefused: `tsa.settings`.
    """
    pinned, message = roots(settings), b"renshod doctor"
    found: dict[str, str | None] = {}
    with _client() as http:
        for url in settings.tsa:
            try:
                timestamps.verify(_token(http, url, message), message, pinned)
                found[_name(url)] = None
            except (httpx2.HTTPError, VerificationError) as why:
                found[_name(url)] = repr(why)
    return found


def _client() -> httpx2.Client:
    # trust_env off: who is asked is said in the settings, not by a proxy of the machine.
    # An idle connection is dropped by us first: one that its server just closed costs a token.
    limits = httpx2.Limits(keepalive_expiry=_KEPT_SECONDS)
    return httpx2.Client(timeout=_TIMEOUT, limits=limits, trust_env=False, follow_redirects=False)


def _token(http: httpx2.Client, url: str, message: bytes) -> bytes:
    request = timestamps.make_request(message)
    headers = {"Content-Type": "application/timestamp-query"}
    with http.stream("POST", url, content=request, headers=headers) as response:
        response.raise_for_status()
        got = bytearray()
        for part in response.iter_bytes():
            got += part
            if len(got) > timestamps.MAX_TOKEN:
                break
    return timestamps.token_of(bytes(got), request)


def _name(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}{parts.path.rstrip('/')}"
