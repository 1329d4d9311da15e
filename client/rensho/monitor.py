"""Watches a log from outside, with a memory of its own, and says what must not be.

Each round reads the newest checkpoint and every leaf since the last one, computes the root anew
and compares. What does not fit is an `Alarm` with the signed notes as evidence, and the memory
stays at the last good head, so the alarm comes again until somebody has looked into it.

Codes: those of `rensho.errors` where one fits (`checkpoint.*`, `log.split_view`,
`log.succession`), and `log.rollback`, `log.stalled`, `promise.missed`, `key.unknown_statement`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from rensho import checkpoint, merkle, salted, strict_base64, strict_json, succession
from rensho._steps_log import witness_times
from rensho.checkpoint import Checkpoint
from rensho.errors import VerificationError
from rensho.log_reader import LogReader, Unreachable
from rensho.monitor_state import State, Tail
from rensho.promises import Promise
from rensho.trust import Deployment, Trust

_AHEAD: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that must not be; `evidence` are signed notes that show it."""

    code: str
    detail: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look for besides the tree itself.

    `key_ids` are mine (base64 of sha256 of the DER SPKI) and `known` the ids of all statements I
    made with them. `promises` were verified. Without `entries` only hashes are read, so nobody
    can tell whose statements the leaves are.
    """

    key_ids: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    promises: tuple[Promise, ...] = ()
    stalled_after: timedelta = timedelta(hours=3)
    entries: bool = False


@dataclass(slots=True)
class Report:
    """One round: the newest head that holds, what is wrong, what was left out, and why."""

    alarms: list[Alarm] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    head: Checkpoint | None = None
    failure: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command prints it."""
        head = self.head
        return {
            "origin": head.origin if head else None,
            "size": head.size if head else None,
            "rootHash": head.root_hash.hex() if head else None,
            "alarms": [
                {"code": one.code, "detail": one.detail, "evidence": list(one.evidence)}
                for one in self.alarms
            ],
            "notes": list(self.notes),
            "failure": self.failure,
        }


class _Wrong(Exception):
    """An alarm on the way up."""

    def __init__(self, code: str, detail: str, *evidence: str) -> None:
        super().__init__(code)
        self.alarm = Alarm(code, detail, evidence)


def look(
    reader: LogReader, trust: Trust, watch: Watch, state: State, now: datetime
) -> tuple[Report, State]:
    """Look once; return what was found and what to remember for the next time."""
    return _Round(reader, trust, watch, state.prepared(_read_for(watch)), now).run()


def _read_for(watch: Watch) -> frozenset[str]:
    return watch.key_ids if watch.entries else frozenset()


class _Round:
    def __init__(
        self, reader: LogReader, trust: Trust, watch: Watch, state: State, now: datetime
    ) -> None:
        self.reader, self.trust, self.watch, self.now = reader, trust, watch, now
        self.logs: dict[str, Tail] = dict(state.logs)
        self.state = state
        self.kept = set(state.kept)
        self.report = Report()

    def run(self) -> tuple[Report, State]:
        try:
            self._run()
        except _Wrong as why:
            self.report.alarms.append(why.alarm)
        except Unreachable as why:
            self.report.failure = str(why)
        self._check_statements()
        state = replace(self.state, logs=self.logs, kept=frozenset(self.kept))
        return self.report, state

    def _run(self) -> None:
        note = self._newest()
        head, deployment = self._open(note)
        number = deployment.epoch_number(head.origin) or 0
        self._check_quorum(deployment, head, note)
        seen_at = head.cosigned_at.get(deployment.epochs[number].time_note_key)
        self._check_age(seen_at)
        for ended in range(number):
            self._finish(deployment, ended)
        later = [one.origin for one in deployment.epochs[number + 1 :] if one.origin in self.logs]
        if later:
            detail = f"{head.origin} is shown as the newest log after {later[-1]} was"
            raise _Wrong("log.rollback", detail, note.decode(), self.logs[later[-1]].note)
        self._follow(head, note)
        self.state = replace(self.state, seen_at=seen_at)
        self.report.head = head
        if not self.watch.entries:
            self.report.notes.append("hash tiles only: whose statements were logged was not looked")
        for promise in self.watch.promises:
            self._check_promise(deployment, promise)

    def _newest(self) -> bytes:
        try:
            return self.reader.checkpoint()
        except Unreachable:
            # Not to answer must not look better than to answer with an old head.
            if self.state.seen_at is not None:
                self._check_age(self.state.seen_at)
            raise

    def _open(self, note: bytes) -> tuple[Checkpoint, Deployment]:
        """Verify a note under whatever log of Trust it names."""
        keys = {
            key: deployment
            for deployment in self.trust.deployments
            for epoch in deployment.epochs
            for key in deployment.note_keys(epoch)
        }
        try:
            head = checkpoint.open(note, keys)
        except VerificationError as why:
            raise _Wrong(why.code, why.detail, note.decode(errors="replace")) from why
        (found,) = {
            deployment.origin: deployment
            for key, deployment in keys.items()
            if (key.kind, key.name) == ("log", head.origin)
        }.values()
        return head, found

    def _check_quorum(self, deployment: Deployment, head: Checkpoint, note: bytes) -> None:
        found = len(witness_times(deployment, head))
        if found < deployment.witness_quorum:
            detail = f"{found} of {deployment.witness_quorum} witnesses on the head of {head.size}"
            self.report.alarms.append(Alarm("checkpoint.witness_quorum", detail, (note.decode(),)))

    def _check_age(self, seen_at: datetime | None) -> None:
        if seen_at is None:
            detail = "no head with a time of the operator's time key was ever seen"
        elif -_AHEAD <= self.now - seen_at <= self.watch.stalled_after:
            return
        else:
            detail = f"the newest head is of {seen_at:%Y-%m-%dT%H:%M:%SZ}"
        self.report.alarms.append(Alarm("log.stalled", detail))

    def _finish(self, deployment: Deployment, number: int) -> None:
        """Follow a log to the end that Trust names, and check that it named its successor."""
        old, successor = deployment.epochs[number : number + 2]
        if old.final_checkpoint is None:
            raise _Wrong("log.succession", f"Trust does not say how {old.origin} ended")
        final, _ = self._open(old.final_checkpoint)
        if final.origin != old.origin:
            raise _Wrong("log.succession", f"{old.origin} ended with a head of {final.origin}")
        try:
            self._follow(final, old.final_checkpoint)
            succession.check_succession(deployment.origin, old, final, successor)
        except VerificationError as why:
            raise _Wrong(why.code, why.detail, old.final_checkpoint.decode()) from why
        begun = self.logs.get(successor.origin, Tail())
        self.logs[successor.origin] = begun.must_pass(1, succession.first_root(old))

    def _follow(self, head: Checkpoint, note: bytes) -> None:
        """Read on to `head` and check that its root, and every head to be passed, comes out."""
        tail = self.logs.get(head.origin, Tail())
        notes = (note.decode(), *([tail.note] if tail.note else []))
        if head.size < tail.greatest:
            detail = f"{head.origin} has {head.size} leaves, and had {tail.greatest}"
            raise _Wrong("log.rollback", detail, *notes)
        grown = tail.growing()
        for leaf_hash, claim in self._leaves(head.origin, tail.size, head.size):
            if claim is not None and claim[0] in self.watch.key_ids:
                grown.mine[claim[1]] = (grown.size, claim[0])
            if not grown.add(leaf_hash):
                detail = f"{head.origin}: another tree of size {grown.size} was signed before"
                raise _Wrong("log.split_view", detail, *notes)
        if grown.root != head.root_hash or not grown.passes(head.size, head.root_hash):
            what = "two roots of" if head.size == tail.size else "the leaves do not lead to"
            raise _Wrong("log.split_view", f"{what} {head.origin}, size {head.size}", *notes)
        self.logs[head.origin] = grown.done(note.decode())

    def _leaves(
        self, origin: str, start: int, end: int
    ) -> Iterator[tuple[bytes, tuple[str, str] | None]]:
        if self.watch.entries:
            for leaf in self.reader.entries(origin, start, end):
                yield merkle.leaf_hash(leaf), claims(leaf)
        else:
            for leaf_hash in self.reader.hashes(origin, start, end):
                yield leaf_hash, None

    def _check_statements(self) -> None:
        """Whatever stands under my key and is not known to me, in this round or an earlier one."""
        for origin, tail in self.logs.items():
            for statement_id, (index, key_id) in tail.mine.items():
                if key_id in self.watch.key_ids and statement_id not in self.watch.known:
                    detail = f"{statement_id} was logged under your key: {origin}, leaf {index}"
                    self.report.alarms.append(Alarm("key.unknown_statement", detail))

    def _check_promise(self, deployment: Deployment, promise: Promise) -> None:
        if promise.statement_id in self.kept or self.now <= promise.include_by:
            return
        if deployment.epoch_number(promise.origin) is None:
            self.report.notes.append(f"the promise for {promise.statement_id} is of another log")
            return
        try:
            why = self._why_missed(promise.statement_id)
        except (VerificationError, _Wrong) as wrong:
            why = f"its proof does not hold: {wrong}"
        if why is None:
            self.kept.add(promise.statement_id)
        else:
            due = f"{promise.include_by:%Y-%m-%dT%H:%M:%SZ}"
            detail = f"{promise.statement_id} was promised until {due}: {why}"
            self.report.alarms.append(Alarm("promise.missed", detail))

    def _why_missed(self, statement_id: str) -> str | None:
        """Return why a statement is not in the log; None where it is. Raises for a bad proof."""
        match self.reader.proof(statement_id):
            case {"index": int(index), "hashes": list(hashes), "checkpoint": str(note)}:
                head, _ = self._open(note.encode())
            case None:
                return "it is not in the log"
            case _:
                return "its proof is malformed"
        tail = self.logs.get(head.origin, Tail())
        if not 0 <= index < head.size or head.size < tail.greatest:
            return "its proof is under an older head, or under none"
        # To the end of its tile, as a log need not keep every width of it.
        end = min(head.size, (index // 256 + 1) * 256)
        leaf_hash, claim = next(self._leaves(head.origin, index, end))
        if claim is not None and claim[1] != statement_id:
            return f"something else stands at leaf {index}"
        proof = [strict_base64.decode(one, merkle.HASH_SIZE) for one in hashes]
        merkle.verify_inclusion(leaf_hash, index, head.size, proof, head.root_hash)
        if not tail.passes(head.size, head.root_hash):
            raise VerificationError("log.split_view", "another tree than the one followed")
        # It may be newer than the head that was just followed: the next round must pass it.
        self.logs[head.origin] = tail.signed(head.size, head.root_hash)
        return None


def claims(leaf: bytes) -> tuple[str, str] | None:
    """Return (key id, statement id) of a leaf; None for one that no bundle could be of."""
    try:
        value: Mapping[str, Any] = strict_json.loads(leaf)
        spec = value["spec"]["hashedRekordV002"]
        spki = strict_base64.decode(spec["signature"]["verifier"]["publicKey"]["rawBytes"])
        digest = strict_base64.decode(spec["data"]["digest"], merkle.HASH_SIZE)
    except (VerificationError, LookupError, TypeError):
        return None
    return strict_base64.encode(bytes.fromhex(salted.sha256(spki))), digest.hex()
