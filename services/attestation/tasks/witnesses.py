"""Asks witnesses over HTTP, in threads of its own; all decisions are taken in the sequencer's."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import httpx2
from sqlalchemy.orm import Session

from services.attestation.actions import witnessing
from services.attestation.actions.witnessing import Standing
from services.attestation.rules.guard import SequencerRefused
from services.attestation.rules.witnesses import (
    MAX_ANSWER,
    Conflict,
    Line,
    Misfit,
    Nothing,
    Observer,
    Panel,
    answer,
    read,
)
from services.kit import clock
from services.kit.log import log as out
from services.kit.settings import Settings

_TIMEOUT: Final = httpx2.Timeout(3.0, connect=1.0)
_START_SECONDS: Final = 4.0
_ROUND_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 1.0
_T = TypeVar("_T")
_Heard = bytes | Conflict | Misfit | Nothing


class Step(Protocol):
    """Runs one step of the sequencer in one transaction."""

    def __call__(self, work: Callable[[Session], _T], /) -> _T:
        """Return what `work` returned, once it is committed."""


def panel_of(settings: Settings) -> Panel:
    """Return the witnesses that the settings name, in JSON or in a file of it.

    Raises:
        SequencerRefused: `witness.settings`.
    """
    told = settings.witnesses or "[]"
    try:
        text = told if told.lstrip().startswith("[") else Path(told).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise SequencerRefused("witness.settings", f"{told}: {why}") from why
    return read(text, settings.witness_quorum, [settings.log_origin])


@dataclass(frozen=True)
class _Question:
    observer: Observer
    seq: int
    size: int
    old: int


class Witnesses:
    """The witnesses as this run of the sequencer knows them.

    One head at a time is asked about, until it has its quorum or everybody answered or failed:
    asking each about the newest when it is free, two of different speed might never meet.
    """

    def __init__(self, step: Step, panel: Panel) -> None:
        self.panel = panel
        self._step = step
        self._pool = ThreadPoolExecutor(max(1, len(panel.asked)), "witness")
        # trust_env off: who is asked is said in the settings, not by a proxy of the machine.
        self._http = httpx2.Client(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)
        self._everybody = {one.key for one in panel.asked}
        self._epoch: int | None = None
        self._target: int | None = None
        self._last: dict[bytes, int] = {}
        self._flying: dict[Future[_Heard], _Question] = {}
        self._tried: set[bytes] = set()
        self._not_before: dict[bytes, float] = {}
        self._heard: set[bytes] = set()
        self._silent: set[bytes] = set()

    def close(self) -> None:
        """Ask nobody any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    @property
    def may_sign(self) -> bool:
        """Whether a quorum told this run that its tree continues what they saw.

        Until then a database put back from a backup, its guard file with it, could sign a fork.
        Appending goes on meanwhile.
        """
        return len(self._heard) >= self.panel.quorum

    def start(self) -> None:
        """Ask every witness about the newest head, and give all a moment to answer.

        Raises:
            SequencerRefused: `witness.ahead` or `witness.forked`.
        """
        self._step(lambda tx: witnessing.publish_policy(tx, self.panel, clock.now()))
        deadline = time.monotonic() + _START_SECONDS
        while not self._tried >= self._everybody and time.monotonic() < deadline:
            self.round()
            wait(self._flying, _ROUND_SECONDS, FIRST_COMPLETED)

    def round(self) -> int:
        """Ask whoever is free and take in who has answered; return how many lines came in.

        Waits a moment for the quorum if somebody was asked, never for one that is slow or away.

        Raises:
            SequencerRefused: `witness.ahead` or `witness.forked`.
        """
        if not self.panel.asked:
            return 0
        came = self._take_in()
        standing = self._choose()
        asked = self._send(standing)
        deadline = time.monotonic() + _ROUND_SECONDS
        while asked and not standing.target_done and self._flying:
            wait(self._flying, max(0.0, deadline - time.monotonic()), FIRST_COMPLETED)
            came += self._take_in()
            standing = self._look()
            if time.monotonic() >= deadline:
                break
        return came

    def _look(self) -> Standing:
        return self._step(lambda tx: witnessing.standing(tx, self._target))

    def _choose(self) -> Standing:
        standing = self._look()
        if standing.epoch != self._epoch:
            # Another log: what its witnesses saw is in the database, or nobody saw it yet.
            self._epoch, self._target = standing.epoch, None
            self._last = self._step(witnessing.last_sizes)
            self._heard.clear()
        over = standing.target_done or self._tried | standing.cosigned >= self._everybody
        if self._target is None or (over and self._target != standing.newest):
            self._target = standing.newest
            self._tried.clear()
            standing = self._look()
        return standing

    def _send(self, standing: Standing) -> bool:
        assert self._target is not None, "chosen before"
        busy = {question.observer.key for question in self._flying.values()}
        # Whoever cosigned this head in an earlier run has told this one nothing yet.
        done = standing.cosigned & self._heard
        asked = False
        for one in self.panel.asked:
            if one.key in busy | done or self._not_before.get(one.key, 0.0) > time.monotonic():
                continue
            old = self._last.get(one.key, 0)
            if old > standing.target_size:
                # It saw a newer head of ours; it is asked about the next one.
                self._tried.add(one.key)
                continue
            question = _Question(one, self._target, standing.target_size, old)
            body = self._step(lambda tx, q=question: witnessing.ask(tx, q.seq, q.old))  # type: ignore[misc]
            self._flying[self._pool.submit(self._post, one, body)] = question
            asked = True
        return asked

    def _post(self, observer: Observer, body: bytes) -> _Heard:
        url = f"{observer.url}/add-checkpoint"
        try:
            with self._http.stream("POST", url, content=body) as response:
                got = bytearray()
                for part in response.iter_bytes():
                    got += part
                    if len(got) > MAX_ANSWER:
                        return Nothing("its answer is too long")
                media_type = response.headers.get("content-type", "")
                return answer(response.status_code, media_type, bytes(got))
        except httpx2.HTTPError as why:
            return Nothing(repr(why))

    def _take_in(self) -> int:
        answered = [one for one in self._flying if one.done()]
        return sum(self._judge(self._flying.pop(one), one.result()) for one in answered)

    def _judge(self, question: _Question, heard: _Heard) -> bool:
        """Take one answer in; return whether it was a line that holds."""
        observer, key = question.observer, question.observer.key
        if isinstance(heard, Misfit):
            raise witnessing.refuse_fork(observer, question.size, "no proof leads there")
        if isinstance(heard, Conflict):
            self._judge_conflict(question, heard.size)
            return False
        taken = heard if isinstance(heard, Nothing) else self._keep(question, heard)
        self._tried.add(key)
        if isinstance(taken, Line):
            self._silent.discard(key)
            self._heard.add(key)
            self._last[key] = question.size
            return True
        self._not_before[key] = time.monotonic() + _PAUSE_SECONDS
        if key not in self._silent:
            # Once, not every second of a night.
            self._silent.add(key)
            out.warning("a witness gave no line", witness=observer.witness.name, why=taken.why)
        return False

    def _judge_conflict(self, question: _Question, size: int) -> None:
        newest = self._look().newest_size
        if size > newest:
            raise witnessing.refuse_ahead(question.observer, size, newest)
        if size == question.old:
            detail = f"it has another root at size {size}"
            raise witnessing.refuse_fork(question.observer, question.size, detail)
        self._last[question.observer.key] = size

    def _keep(self, question: _Question, lines: bytes) -> Line | Nothing:
        return self._step(
            lambda tx: witnessing.keep(tx, question.seq, question.observer, lines, clock.now())
        )
