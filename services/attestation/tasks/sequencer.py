"""The process that alone writes and signs the log."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from rensho.merkle import root
from sqlalchemy.orm import Session

from services.attestation.actions import guard_file, sequencing
from services.attestation.actions.key_events import state_changes
from services.attestation.actions.publishing import publish
from services.attestation.actions.sequencing import Keys
from services.attestation.rules.guard import Head, SequencerRefused, refuse_other_tree
from services.attestation.store import PLUMBING, log
from services.attestation.store.log import CHANNEL
from services.kit import clock, keyfiles
from services.kit.db import Actor, Database
from services.kit.log import log as out
from services.kit.settings import Settings

_LOCK: Final = 7_201_127
_IDLE_SECONDS: Final = 0.2
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

    def step(self, work: Callable[[Session], _T]) -> _T:
        """Run one step in one transaction."""
        with self.db.begin(_SEQUENCER) as tx:
            return work(tx)

    def start(self) -> None:
        """Look at guard and log before anything is signed, and open the log if there is none.

        Raises:
            SequencerRefused: another key, another tree, an older copy, or damage.
        """
        remembered = guard_file.read(self.guard)
        signed = self.step(lambda tx: self._examine(tx, remembered))
        if signed is None:
            # Guard first, here as in every round: a signed head that the guard has not seen could
            # be forgotten together with the database.
            guard_file.write(self.guard, Head(self.origin, 0, root([])))
            self.step(self._open)
        self.step(lambda tx: sequencing.publish_keys(tx, self.keys))

    def round(self) -> int:
        """Run every step once; return how much was done, 0 if there was nothing to do.

        What a run before this one left between two steps is taken up by the same calls.
        """
        done = self.step(lambda tx: state_changes(tx, self.keys))
        done += self.step(lambda tx: sequencing.promise(tx, self.keys))
        done += self.step(sequencing.append)
        head = self.step(lambda tx: sequencing.next_head(tx, self.keys, clock.now()))
        if head is not None:
            # A crash after this line and before the commit below: the guard is one head ahead,
            # the leaves are stored, and the next run signs exactly this tree.
            guard_file.write(self.guard, head)
            self.step(lambda tx: sequencing.sign_head(tx, self.keys, head, clock.now()))
        while published := self.step(publish):
            done += published
        return done

    def _examine(self, tx: Session, remembered: Head | None) -> Head | None:
        """Return the newest signed head after checking that this is the tree it was signed for."""
        last = log.newest_checkpoint(tx)
        epochs = log.epochs(tx)
        signed = None
        if last is not None and epochs:
            mine = (self.keys.log.public.raw_ed25519, self.keys.time.public.raw_ed25519)
            if (epochs[-1].log_key, epochs[-1].time_key) != mine:
                raise SequencerRefused("log.other_key", "this log was begun with other keys")
            if (epochs[-1].origin, epochs[-1].predicate_base) != (self.origin, self.predicate_base):
                raise SequencerRefused(
                    "log.other_key", f"this log is {epochs[-1].origin}, not {self.origin}"
                )
            signed = Head(self.origin, last.size, last.root_hash)
        refuse_other_tree(remembered, signed, log.stored_size(tx), lambda n: _root(tx, n))
        if last is not None:
            sequencing.refuse_altered_head(last, self.keys.note_keys(self.origin))
            if _root(tx, last.size) != last.root_hash:
                raise SequencerRefused(
                    "log.corrupt", f"the leaves below size {last.size} are not those signed for"
                )
        return signed

    def _open(self, tx: Session) -> None:
        sequencing.open_log(
            tx, self.keys, self.origin, self.predicate_base, clock.now(), demo=self.demo
        )


def run_sequencer(settings: Settings, stop: threading.Event) -> None:
    """Sequence until told to stop.

    Raises:
        SequencerRefused: it will not sign; `busy` if another sequencer is at work.
        Exception: the outcome of a write is unknown, or the database is away: start anew, which
            looks at what is really there.
    """
    with exclusive(settings) as connection:
        sequencer = make(settings)
        try:
            sequencer.start()
            out.info("sequencer runs", origin=sequencer.origin)
            _loop(sequencer, connection, stop)
        except SequencerRefused as why:
            out.error("sequencer refuses", code=why.code, detail=why.detail)
            raise
        finally:
            sequencer.db.close()


def make(settings: Settings) -> Sequencer:
    """Load the keys and make the sequencer; nothing is read or signed yet.

    Raises:
        services.kit.keyfiles.UnsafeKeys: a key is missing or open to others.
    """
    return Sequencer(
        db=Database(
            PLUMBING,
            settings.service_url("attestation", "worker"),
            pool_size=2,
            statement_timeout_ms=60_000,
        ),
        keys=Keys(
            log=keyfiles.signing_key(settings, "log"),
            time=keyfiles.signing_key(settings, "time"),
            operator=keyfiles.signing_key(settings, "operator"),
            risk=keyfiles.signing_key(settings, "risk").public,
        ),
        guard=settings.guard,
        origin=settings.log_origin,
        predicate_base=settings.predicate_base,
        demo=keyfiles.demo(settings),
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
    while not stop.is_set():
        # The lock lives and dies with this connection: if it is gone, somebody else may be at
        # work, so we must not be. (The keys of leaf and checkpoint would stop us all the same.)
        connection.execute("SELECT 1")
        try:
            done = sequencer.round()
            stuck_since = None
        except SequencerRefused as why:
            # A clock set back by a moment comes round again; one that stands still does not.
            stuck_since = stuck_since or time.monotonic()
            if why.code != "clock" or time.monotonic() - stuck_since > _CLOCK_PATIENCE_SECONDS:
                raise
            done = 0
        if not done:
            _wait(connection)


def _wait(connection: psycopg.Connection[Any]) -> None:
    ready, _, _ = select.select([connection.fileno()], [], [], _IDLE_SECONDS)
    if ready:
        for _ in connection.notifies(timeout=0):
            pass


def _root(tx: Session, size: int) -> bytes:
    try:
        return root(log.leaf_hashes(tx, 0, size))
    except LookupError as why:
        raise SequencerRefused("log.corrupt", str(why)) from why
