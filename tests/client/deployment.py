"""A whole miniature deployment in memory: log, operator, a requester, a supplier, a response.

Everything is really signed, logged and proved; a test bends one thing and sees which code says so.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rensho import (
    blocks,
    bundle,
    checkpoint,
    disclosure,
    dsse,
    jcs,
    merkle,
    sign,
    strict_json,
    succession,
)
from rensho.archive import ConsistencyLink
from rensho.bundle import LogEntry
from rensho.checkpoint import NoteKey
from rensho.documents import (
    Pack,
    QuestionnaireDocument,
)
from rensho.dsse import Envelope
from rensho.entries import Respondent, Voucher
from rensho.keys import PrivateKey
from rensho.salted import sha256
from rensho.statement import Anchor
from rensho.status import ListedKey, StatusDocument
from rensho.trust import Deployment, Epoch, Trust

HOST = "log.demo.example"
BASE = "https://rensho.example/attestation"
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Bend = Callable[[dict[str, Any]], None]


def org() -> str:
    return f"urn:rensho:org:{uuid.uuid4()}"


def unbent(_: dict[str, Any]) -> None:
    """The predicate as it should be."""


@dataclass
class Party:
    """A firm with one key; `last` is its newest key event."""

    key: PrivateKey
    roles: tuple[Any, ...]
    org: str = field(default_factory=org)
    last: str | None = None


@dataclass
class Log:
    """A log with its two keys; `heads` keeps the signed note of every size that was published."""

    origin: str = HOST
    key: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))
    time_key: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))
    leaves: list[bytes] = field(default_factory=list)
    heads: dict[int, bytes] = field(default_factory=dict)
    final: bytes | None = None
    succession: bytes | None = None

    def epoch(self) -> Epoch:
        """The log as a Trust file names it."""
        keys = (self.key.public.raw_ed25519, self.time_key.public.raw_ed25519)
        return Epoch(self.origin, *keys, self.final, self.succession)

    def publish(self, at: datetime) -> bytes:
        """Sign the head of the present size, with the operator's clock."""
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves]
        note = checkpoint.sign(self.origin, len(hashes), merkle.root(hashes), self.key)
        self.heads[len(hashes)] = checkpoint.add_cosignature(note, self.origin, self.time_key, at)
        return self.heads[len(hashes)]

    def anchor(self, size: int | None = None) -> Anchor:
        size = len(self.leaves) if size is None else size
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves[:size]]
        return Anchor(self.origin, size, merkle.root(hashes))

    def entry(self, index: int, size: int) -> LogEntry:
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves[:size]]
        return LogEntry(
            index=index,
            log_id=NoteKey(self.origin, self.key.public.raw_ed25519).full_hash,
            body=self.leaves[index],
            tree_size=size,
            root_hash=merkle.root(hashes),
            hashes=tuple(merkle.inclusion_proof(hashes, index, size)),
            checkpoint=self.heads[size],
        )

    def link(self, smaller: int) -> ConsistencyLink:
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves]
        proof = merkle.consistency_proof(hashes, smaller, len(hashes))
        return ConsistencyLink(self.origin, smaller, len(hashes), self.heads[smaller], tuple(proof))


@dataclass(frozen=True)
class Asked:
    """A request to one supplier: what the supplier was told, and how to open it."""

    statement_id: str
    request_id: str
    nonce: str
    link: str
    questionnaire: bytes
    disclosure: str


@dataclass
class World:
    """The deployment. `files` and `opened` collect what an archive of everything would hold."""

    log: Log = field(default_factory=Log)
    operator: Party = field(
        default_factory=lambda: Party(PrivateKey.generate("ed25519"), ("operator",))
    )
    risk: PrivateKey = field(default_factory=lambda: PrivateKey.generate())  # noqa: PLW0108
    requester: Party = field(default_factory=lambda: Party(PrivateKey.generate(), ("requester",)))
    supplier: Party = field(
        default_factory=lambda: Party(PrivateKey.generate(), ("responsible-officer",))
    )
    now: datetime = START
    link: str = field(default_factory=lambda: f"urn:rensho:link:{uuid.uuid4()}")
    files: dict[str, bytes] = field(default_factory=dict)
    opened: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    past: list[Log] = field(default_factory=list)
    witnesses: tuple[Any, ...] = ()
    witness_keys: list[tuple[str, PrivateKey]] = field(default_factory=list)
    witness_lag: dict[str, timedelta] = field(default_factory=dict)

    def deployment(self, **changes: Any) -> Deployment:
        values: dict[str, Any] = {
            "origin": HOST,
            "predicate_base": BASE,
            "epochs": tuple(log.epoch() for log in (*self.past, self.log)),
            "operator_org": self.operator.org,
            "operator_keys": (self.operator.key.public,),
            "risk_keys": (self.risk.public,),
        }
        return Deployment(**values | changes)

    def trust(self, **changes: Any) -> Trust:
        return Trust(1, START + 400 * DAY, True, (), (self.deployment(**changes),))

    def common(self, party: Party, role: str | None = None, **changes: Any) -> sign.Common:
        values: dict[str, Any] = {
            "base": BASE,
            "deployment": HOST,
            "org": party.org,
            "role": role or party.roles[0],
            "key_id": party.key.public.key_id,
            "attested_at": self.now,
            "anchor": self.log.anchor(),
            "not_before": self.now,
            "not_after": self.now + 365 * DAY,
        }
        return sign.Common(**values | changes)

    def signed(self, key: PrivateKey, payload: bytes, bend: Bend = unbent) -> Envelope:
        """Sign a payload, after bending its predicate."""
        value = strict_json.loads(payload)
        bend(value["predicate"])
        return dsse.sign(key, jcs.dumps(value))

    def record(self, *signed: tuple[Envelope, PrivateKey], promised: bool = True) -> list[str]:
        """Promise and log statements as one submission, publish, keep their files; return ids."""
        ids = []
        first = len(self.log.leaves)
        for envelope, key in signed:
            statement_id = hashlib.sha256(envelope.pae).hexdigest()
            ids.append(statement_id)
            if promised:
                self.files[f"{statement_id}.promise.json"] = self.promise(statement_id)
            self.log.leaves.append(bundle.leaf(envelope, key.public))
        self.now += timedelta(seconds=10)
        self.publish()
        size = len(self.log.leaves)
        for index, (envelope, key) in enumerate(signed, first):
            made = bundle.make(envelope, key.public, self.log.entry(index, size))
            self.files[f"{ids[index - first]}.sigstore.json"] = made
        return ids

    def publish(self) -> None:
        """Sign the newest head, and have the witnesses sign it."""
        note = self.log.publish(self.now)
        for name, key in self.witness_keys:
            seen_at = self.now + self.witness_lag.get(name, timedelta())
            note = checkpoint.add_cosignature(note, name, key, seen_at)
            self.log.heads[len(self.log.leaves)] = note

    def succeed(self) -> Log:
        """End the log and open the next, as its old key says; return the one that ended."""
        old, new = self.log, Log(origin=f"e{len(self.past) + 2}.{HOST}")
        old.final = old.heads[len(old.leaves)]
        final = checkpoint.open(old.final, [old.epoch().log_note_key])
        envelope = succession.make_succession(old.key, HOST, final, new.epoch())
        old.succession = succession.to_bytes(envelope)
        self.past.append(old)
        self.log = new
        self.publish()
        new.leaves.append(succession.leaf_of(envelope, old.key.public.raw_ed25519))
        self.publish()
        return old

    def list_status(
        self,
        retracted: Iterable[str] = (),
        superseded: Mapping[str, datetime] | None = None,
        keys: Iterable[ListedKey] = (),
        *,
        bend: Bend = unbent,
        **changes: Any,
    ) -> str:
        """Publish the list of what no longer holds; `changes` are of the document."""
        values: dict[str, Any] = {
            "origin": self.log.origin,
            "size": len(self.log.leaves),
            "retracted": tuple(retracted),
            "superseded": superseded or {},
            "keys": tuple(keys),
        }
        document = StatusDocument(**values | changes).to_bytes()
        self.files[f"{sha256(document)}.status.json"] = document
        payload = sign.status(
            self.common(self.operator), status_sha256=sha256(document), as_of=self.log.anchor()
        )
        key = self.operator.key
        return self.record((self.signed(key, payload, bend), key))[0]

    def promise(self, statement_id: str, **changes: Any) -> bytes:
        values: dict[str, Any] = {
            "origin": HOST,
            "statement_id": statement_id,
            "received_at": self.now,
            "include_by": self.now + HOUR,
        }
        payload = sign.Promise(**values | changes).to_bytes()
        return jcs.dumps(dsse.sign(self.operator.key, payload, sign.PROMISE).to_json())

    def key_event(
        self,
        party: Party,
        event: Any = "enrol",
        vouchers: Iterable[Voucher] = (),
        *,
        bend: Bend = unbent,
        expiry: datetime | None = None,
        **changes: Any,
    ) -> str:
        """Log a key event of a firm, with the proof of possession where it enrols."""
        proof = None
        if event in ("enrol", "rotate"):
            challenge = sign.EnrolChallenge(
                origin=HOST,
                org=party.org,
                key_id=party.key.public.key_id,
                purpose="enrol this key",
                expiry=expiry or self.now + HOUR,
            )
            proof = dsse.sign(party.key, challenge.to_bytes(), sign.ENROL_CHALLENGE)
        block, texts = blocks.vouched_by(list(vouchers))
        payload = sign.key_event(
            self.common(self.operator),
            event=event,
            record=sign.KeyRecord(
                org=party.org, key=party.key.public, roles=party.roles, custody="file"
            ),
            vouched_by=block,
            **{"prev": party.last, "proof": proof} | changes,
        )
        envelope = self.signed(self.operator.key, payload, bend)
        (party.last,) = self.record((envelope, self.operator.key))
        self.opened[party.last] = {"vouchedBy": texts}
        return party.last

    def voucher(self, **changes: Any) -> Voucher:
        return Voucher(
            **{"by": self.requester.org, "link": self.link, "assurance": "mailbox"} | changes
        )

    def ask(self, *, bend: Bend = unbent, role: str = "requester") -> Asked:
        """Issue a campaign to the one supplier."""
        packs = (Pack("core", "1.0.0", hashlib.sha256(b"core").hexdigest()),)
        document = QuestionnaireDocument(packs, ("Q-CORE-001", "Q-CORE-004")).to_bytes()
        self.files[f"{sha256(document)}.questionnaire.json"] = document
        entry = Respondent(
            self.link, str(uuid.uuid4()), disclosure.fresh_salt(), self.now + 30 * DAY
        )
        block, texts = blocks.respondents([entry])
        payload = sign.request(
            self.common(self.requester, role),
            questionnaire_sha256=sha256(document),
            campaign=str(uuid.uuid4()),
            why="to know which AI is in what we buy",
            clauses=["C-1"],
            viewers=["purchasing"],
            purpose="quality",
            nda_basis="basic-contract",
            due_at=self.now + 30 * DAY,
            respondents=block,
        )
        envelope = self.signed(self.requester.key, payload, bend)
        (statement_id,) = self.record((envelope, self.requester.key))
        self.opened[statement_id] = {"respondents": texts}
        return Asked(statement_id, entry.request_id, entry.nonce, entry.link, document, texts[0])


def enrolled() -> World:
    """A deployment in which both firms have a key that counts on their link."""
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    world.key_event(world.requester)
    world.now += HOUR
    world.key_event(world.supplier, vouchers=[world.voucher()])
    world.now += HOUR
    return world
