"""The process that alone writes and signs the log."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from rensho.merkle import root
from sqlalchemy.orm import Session

from services.attestation.actions import epochs, guard_file, sequencing
from services.attestation.actions.epochs import Terms
from services.attestation.actions.key_events import state_changes
from services.attestation.actions.publishing import publish
from services.attestation.actions.sequencing import Keys
from services.attestation.actions.status_lists import make_list
from services.attestation.actions.time_stamps import PATIENCE
from services.attestation.rules.guard import Head, SequencerRefused, refuse_other_tree
from services.attestation.rules.names import log_origin
from services.attestation.rules.witnesses import Panel
from services.attestation.store import PLUMBING, log
from services.attestation.store import epochs as store
from services.attestation.store.log import CHANNEL
from services.attestation.tasks.stamper import Stamper, roots
from services.attestation.tasks.witnesses import Witnesses, panel_of
from services.kit import clock, keyfiles
from services.kit.db import Actor, Database
from services.kit.log import log as out
from services.kit.settings import Settings

_LOCK: Final = 7_201_127
_IDLE_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 5.0
_ENDED_SECONDS: Final = 0.5
_STAMPER_SECONDS: Final = 5.0
_CLOCK_PATIENCE_SECONDS: Final = 5.0
_SEQUENCER: Final = Actor(subject="urn:rensho:sequencer")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Sequencer:
    """The steps of `actions.sequencing`, each in its transaction, in their order."""

    db: Database
    keys: Keys
    guard: Path
    origin: str
    predicate_base: str
    demo: bool
    panel: Panel = field(default_factory=Panel)
    terms: Terms = field(default_factory=Terms)
    status_every: timedelta = timedelta(hours=1)
    stamped: bool = False

    @cached_property
    def witnesses(self) -> Witnesses:
        """Whoever cosigns what is signed here."""
        return Witnesses(self.step, self.panel)

    def step(self, work: Callable[[Session], _T]) -> _T:
        """Run one step in one transaction."""
        with self.db.begin(_SEQUENCER) as tx:
            return work(tx)

    def start(self) -> None:
        """Look at guard and log before anything is signed, and open the log if there is none.

        Raises:
            SequencerRefused: another key, another tree, an older copy, damage, or a witness that
                saw more of this log, or another.
        """
        if self.step(_has_ended):
            # Nothing of this log will be signed any more; whoever begins the next one looks.
            return
        remembered = guard_file.read(self.guard)
        signed = self.step(lambda tx: self._examine(tx, remembered))
        if signed is None:
            # Guard first, here as in every round: a signed head that the guard has not seen could
            # be forgotten together with the database.
            guard_file.write(self.guard, Head(self.origin, 0, root([])))
            self.step(self._open)
        self.step(lambda tx: sequencing.publish_keys(tx, self.keys))
        self.step(lambda tx: epochs.publish_terms(tx, self.terms))
        self.witnesses.start()

    def round(self) -> int:
        """Run every step once; return how much was done, 0 if there was nothing to do.

        What a run before this one left between two steps is taken up by the same calls.
        """
        frozen = self.step(_is_frozen)
        done = 0
        if not frozen:
            done += self.step(lambda tx: state_changes(tx, self.keys))
            done += self.step(lambda tx: make_list(tx, self.keys, clock.now(), self.status_every))
        done += self.step(lambda tx: sequencing.promise(tx, self.keys))
        done += self.step(sequencing.append)
        head = None
        if self.witnesses.may_sign:
            head = self.step(lambda tx: sequencing.next_head(tx, self.keys, clock.now()))
        if head is not None:
            # A crash after this line and before the commit below: the guard is one head ahead,
            # the leaves are stored, and the next run signs exactly this tree.
            guard_file.write(self.guard, head)
            self.step(lambda tx: sequencing.sign_head(tx, self.keys, head, clock.now()))
            done += 1
        # Signed and shown to nobody yet: bundles are made under heads with their quorum only.
        done += self.witnesses.round()
        while published := self.step(lambda tx: publish(tx, self._unstamped())):
            done += published
        if frozen:
            self.step(lambda tx: epochs.end(tx, clock.now()))
        return done

    def _unstamped(self) -> datetime | None:
        return clock.now() - PATIENCE if self.stamped else None

    def _examine(self, tx: Session, remembered: Head | None) -> Head | None:
        """Return the newest signed head after checking that this is the tree it was signed for."""
        last = log.newest_checkpoint(tx)
        opened = log.epochs(tx)
        signed = None
        if last is not None and opened:
            mine = (self.keys.log.public.raw_ed25519, self.keys.time.public.raw_ed25519)
            if (opened[-1].log_key, opened[-1].time_key) != mine:
                raise SequencerRefused("log.other_key", "this log was begun with other keys")
            if (opened[-1].origin, opened[-1].predicate_base) != (self.origin, self.predicate_base):
                raise SequencerRefused(
                    "log.other_key", f"this log is {opened[-1].origin}, not {self.origin}"
                )
            signed = Head(self.origin, last.size, last.root_hash)
        number = opened[-1].number if opened else 0
        size = log.stored_size(tx, number)
        refuse_other_tree(remembered, signed, size, lambda n: _root(tx, number, n))
        if last is not None:
            sequencing.refuse_altered_head(last, self.keys.note_keys(self.origin))
            if _root(tx, number, last.size) != last.root_hash:
                raise SequencerRefused(
                    "log.corrupt", f"the leaves below size {last.size} are not those signed for"
                )
        return signed

    def _open(self, tx: Session) -> None:
        sequencing.open_log(
            tx, self.keys, self.origin, self.predicate_base, clock.now(), demo=self.demo
        )


def run_sequencer(settings: Settings, stop: threading.Event) -> None:
    """Sequence until told to stop; over to the next log when there is one.

    Raises:
        SequencerRefused: it will not sign; `busy` if another sequencer is at work.
        Exception: the outcome of a write is unknown, or the database is away: start anew, which
            looks at what is really there.
    """
    while not stop.is_set():
        with exclusive(settings) as connection:
            sequencer = make(settings)
            try:
                sequencer.start()
                out.info("sequencer runs", origin=sequencer.origin)
                with _stamping(settings, sequencer):
                    _loop(sequencer, connection, stop)
            except SequencerRefused as why:
                out.error("sequencer refuses", code=why.code, detail=why.detail)
                raise
            finally:
                sequencer.witnesses.close()
                sequencer.db.close()
        # The log has ended. `renshod log succeed` needs the place that was held above.
        while not stop.wait(_ENDED_SECONDS) and _number(settings)[1]:
            pass


@contextmanager
def _stamping(settings: Settings, sequencer: Sequencer) -> Iterator[None]:
    """Have time-stamps fetched while the block runs."""
    if not sequencer.stamped:
        yield
        return
    done = threading.Event()
    stamper = Stamper(sequencer.db, settings.tsa, sequencer.terms.tsa)
    thread = threading.Thread(target=stamper.run, args=(done,), name="stamper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_STAMPER_SECONDS)
        stamper.close()


def _number(settings: Settings) -> tuple[int, bool]:
    """Return the number of the newest log (0 before there is one), and whether it has ended."""
    db = worker(settings)
    try:
        with db.begin(_SEQUENCER, read_only=True) as tx:
            opened = log.epochs(tx)
            return (opened[-1].number if opened else 0), _has_ended(tx)
    finally:
        db.close()


def worker(settings: Settings) -> Database:
    """Return the database as the sequencer may use it."""
    return Database(
        PLUMBING,
        settings.service_url("attestation", "worker"),
        pool_size=3,
        statement_timeout_ms=60_000,
    )


def make(settings: Settings) -> Sequencer:
    """Load the keys of the newest log and make its sequencer; nothing is signed yet.

    Raises:
        services.kit.keyfiles.UnsafeKeys: a key is missing or open to others.
        SequencerRefused: `witness.settings` or `tsa.settings`.
    """
    number, _ = _number(settings)
    return Sequencer(
        db=worker(settings),
        keys=keys_of(settings, number),
        guard=settings.guard,
        origin=log_origin(settings.log_origin, number),
        predicate_base=settings.predicate_base,
        demo=keyfiles.demo(settings),
        panel=panel_of(settings),
        terms=Terms(roots(settings), settings.status_max_age),
        status_every=timedelta(seconds=settings.status_every),
        stamped=bool(settings.tsa),
    )


def keys_of(settings: Settings, number: int) -> Keys:
    """Load the keys by which log `number` is written. Raises `UnsafeKeys`."""
    log_key, time_key = keyfiles.log_keys(number)
    return Keys(
        log=keyfiles.signing_key(settings, log_key),
        time=keyfiles.signing_key(settings, time_key),
        operator=keyfiles.signing_key(settings, "operator"),
        risk=keyfiles.risk_public_key(settings),
    )


@contextmanager
def exclusive(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """Hold the one place of the sequencer for as long as the connection lives.

    Raises:
        SequencerRefused: `busy`, another sequencer holds it.
    """
    url = settings.service_url("attestation", "worker").set(drivername="postgresql")
    plain = url.render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, application_name="sequencer") as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row is None or not row[0]:
            raise SequencerRefused("busy", "another sequencer is at work on this log")
        connection.execute(f"LISTEN {CHANNEL}".encode())
        yield connection


def _loop(sequencer: Sequencer, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
    stuck_since: float | None = None
    look_by = 0.0
    while not stop.is_set():
        # The lock lives and dies with this connection: if it is gone, somebody else may be at
        # work, so we must not be. (The keys of leaf and checkpoint would stop us all the same.)
        connection.execute("SELECT 1")
        if time.monotonic() < look_by and sequencer.step(log.nothing_waits):
            # Nobody waits; what is due by the clock alone may wait a moment too.
            _wait(connection)
            continue
        try:
            done = sequencer.round()
            stuck_since = None
        except SequencerRefused as why:
            # A clock set back by a moment comes round again; one that stands still does not.
            stuck_since = stuck_since or time.monotonic()
            if why.code != "clock" or time.monotonic() - stuck_since > _CLOCK_PATIENCE_SECONDS:
                raise
            done = 0
        if done:
            look_by = 0.0
        elif sequencer.step(_has_ended):
            return
        else:
            look_by = time.monotonic() + _LOOK_SECONDS
            _wait(connection)


def _wait(connection: psycopg.Connection[Any]) -> None:
    ready, _, _ = select.select([connection.fileno()], [], [], _IDLE_SECONDS)
    if ready:
        for _ in connection.notifies(timeout=0):
            pass


def _is_frozen(tx: Session) -> bool:
    opened = log.epochs(tx)
    return bool(opened) and store.is_frozen(tx, opened[-1].number)


def _has_ended(tx: Session) -> bool:
    opened = log.epochs(tx)
    return bool(opened) and store.end_of(tx, opened[-1].number) is not None


def _root(tx: Session, epoch: int, size: int) -> bytes:
    try:
        return root(log.leaf_hashes(tx, epoch, 0, size))
    except LookupError as why:
        raise SequencerRefused("log.corrupt", str(why)) from why
