"""Each statement, and all that is stored around it: what of it can be read out of its payload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rensho import disclosure, dsse
from rensho import statement as said
from rensho.documents import AnswersDocument, DeclarationDocument, sha256
from rensho.entries import Voucher
from rensho.errors import VerificationError
from rensho.statement import KEY_EVENT, REQUEST, REVIEW, STATUS, WITHDRAWAL
from rensho.statement import Statement as Told
from rensho.trust import Deployment
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from services.attestation.rules import submissions as rules
from services.attestation.rules.names import org_id
from services.attestation.rules.submissions import For
from services.attestation.store.known import LinkEnd
from services.attestation.store.speaking import Grantee
from services.attestation.store.statements import (
    Disclosure,
    Document,
    Reader,
    Statement,
    StatementDocument,
)
from services.kit.damage import Damage, Look, damaged


@dataclass
class _Around:
    """What is stored beside some statements, by statement id; documents by (sha256, kind)."""

    opened: Mapping[str, list[Disclosure]]
    linked: Mapping[str, list[StatementDocument]]
    readers: Mapping[str, list[Reader]]
    documents: Mapping[tuple[UUID, str, str], bytes]
    targets: Mapping[str, UUID] = field(default_factory=dict)
    granted: Mapping[str, set[str]] = field(default_factory=dict)
    concerned: Mapping[str, set[UUID]] = field(default_factory=dict)

    def document(self, row: Statement, digest: str, kind: str) -> bytes:
        """Return one document of a statement. Raises `KeyError`; also where it was altered."""
        content = self.documents[row.owner_org_id, digest, kind]
        if sha256(content) != digest:
            raise KeyError(digest)
        return content


def statements(look: Look, here: Deployment) -> Iterator[Damage]:
    """Look at every statement: signature, columns, and everything that refers to it."""
    for rows in look.chunks(select(Statement).order_by(Statement.statement_id)):
        around = _around(look.tx, rows)
        for row in rows:
            yield from _wrong_with(row, here, around)
    yield from _misplaced(look.tx)


def documents(look: Look) -> Iterator[Damage]:
    """Look at every document's bytes, and that a statement brought it."""
    brought = (
        select(StatementDocument.sha256)
        .where(
            StatementDocument.owner_org_id == Document.owner_org_id,
            StatementDocument.sha256 == Document.sha256,
            StatementDocument.kind == Document.kind,
        )
        .exists()
    )
    for row, is_brought in look.each(select(Document, brought)):
        if sha256(row.content) != row.sha256:
            yield damaged(row, "the content has another digest")
        if not is_brought:
            yield damaged(row, "no statement brought it")


def _around(tx: Session, rows: Sequence[Statement]) -> _Around:
    ids = [row.statement_id for row in rows]
    linked = _by_statement(tx, StatementDocument, ids)
    digests = {one.sha256 for some in linked.values() for one in some}
    # Where the list of a statement's documents is damaged, its own columns still name them.
    digests |= {row.subject_sha256 for row in rows} | {row.answers_sha256 or "" for row in rows}
    carried = tx.scalars(select(Document).where(Document.sha256.in_(digests)))
    reviewed = [row.subject_sha256 for row in rows if row.type == REVIEW]
    owners = tx.execute(
        select(Statement.statement_id, Statement.owner_org_id).where(
            Statement.statement_id.in_(reviewed)
        )
    )
    return _Around(
        opened=_by_statement(tx, Disclosure, ids),
        linked=linked,
        readers=_by_statement(tx, Reader, ids),
        documents={(one.owner_org_id, one.sha256, one.kind): one.content for one in carried},
        targets=dict(owners.all()),
        granted=_granted(tx, ids),
        concerned=_concerned(tx, [row.subject_sha256 for row in rows if row.type == WITHDRAWAL]),
    )


def _granted(tx: Session, ids: Sequence[str]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for one in tx.scalars(select(Grantee).where(Grantee.statement_id.in_(ids))):
        found[one.statement_id] |= set(one.answers)
    return found


def _concerned(tx: Session, targets: Sequence[str]) -> Mapping[str, set[UUID]]:
    """Who may know that each of these was taken back: its readers and those it was granted to."""
    found: dict[str, set[UUID]] = defaultdict(set)
    tables: tuple[Any, ...] = (Reader, Grantee)
    for table in tables:
        for one in tx.scalars(select(table).where(table.statement_id.in_(targets))):
            found[one.statement_id].add(one.org_id)
    return found


def _by_statement(tx: Session, table: Any, ids: Sequence[str]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for one in tx.scalars(select(table).where(table.statement_id.in_(ids))):
        found[one.statement_id].append(one)
    return found


def _wrong_with(row: Statement, here: Deployment, around: _Around) -> Iterator[Damage]:
    if dsse.statement_id(row.payload) != row.statement_id:
        yield damaged(row, "the payload is of another statement")
        return
    try:
        row.envelope.open(row.key)
        told = said.parse(row.payload, [here.predicate_base])
    except VerificationError as why:
        yield damaged(row, f"it does not verify: {why.code}")
        return
    for what in _other_than_signed(row, told, around):
        yield damaged(row, what)
    yield from _documents_of(row, told, around)
    yield from _disclosures_of(row, told, around)
    yield from _readers_of(row, told, around)


def _other_than_signed(row: Statement, told: Told, around: _Around) -> Iterator[str]:
    repeated: dict[str, Any] = {
        "type": told.name,
        "key_id": told.signer_key_id,
        "signer_role": told.signer_role,
        "subject_sha256": told.subject_sha256,
        "response_id": UUID(told.response[0]) if told.response else None,
        "revision": told.response[1] if told.response else None,
        "supersedes": told.supersedes,
        "attested_at": told.attested_at,
        "not_after": told.not_after,
        "anchor_size": told.anchor.size if told.anchor else None,
        "owner_org_id": org_id(_owner(told)),
        "public": told.name in (KEY_EVENT, STATUS) or told.predicate.get("audience") == "public",
    }
    # Where the document is missing or altered, it is named as such.
    with suppress(KeyError, VerificationError):
        repeated["answers_sha256"] = rules.answers_of(
            told, lambda digest, kind: around.document(row, digest, kind)
        )
    for column, value in repeated.items():
        if getattr(row, column) != value:
            yield f"{column} is not what was signed"


def _owner(told: Told) -> str:
    match told.name:
        case "key-event":
            return str(told.predicate["org"])
        case "risk-snapshot":
            return str(told.predicate["requester"])
        case _:
            return told.signer_org


def _documents_of(row: Statement, told: Told, around: _Around) -> Iterator[Damage]:
    """The list of a statement's documents, and that each of them is there."""
    try:
        wanted = set(rules.documents_of(told, lambda d, k: around.document(row, d, k)))
    except (KeyError, VerificationError):
        wanted = None
    listed = around.linked.get(row.statement_id, [])
    for link in listed:
        if wanted is not None and (link.sha256, link.kind) not in wanted:
            yield damaged(link, "the statement does not refer to it")
        if link.owner_org_id != row.owner_org_id:
            yield damaged(link, "owner_org_id is not the statement's")
        if (row.owner_org_id, link.sha256, link.kind) not in around.documents:
            yield damaged(link, "its document is missing")
            yield Damage(
                "document", f"{row.owner_org_id}/{link.sha256}/{link.kind}", "missing or misnamed"
            )
    known = {(link.sha256, link.kind) for link in listed}
    for digest, kind in sorted((wanted or set()) - known):
        # Evidence may be committed to without being handed over; the rest always comes along.
        if kind != "evidence" or (row.owner_org_id, digest, kind) in around.documents:
            yield Damage("statement_document", f"{row.statement_id}/{digest}/{kind}", "missing")


def _disclosures_of(row: Statement, told: Told, around: _Around) -> Iterator[Damage]:
    arrays = _arrays(row, told, around)
    opened = around.opened.get(row.statement_id, [])
    places: dict[int, Disclosure] = {}
    for one in opened:
        try:
            whom = _meant_for(one.kind, one.text)
            intact = disclosure.digest(one.text) == one.digest
        except (VerificationError, ValueError):
            intact = False
        if not intact:
            yield damaged(one, "the text has another digest")
            continue
        if one.kind not in arrays:
            yield damaged(one, "its statement has nothing of this kind to open")
        elif (array := arrays[one.kind]) is not None and one.digest not in array:
            yield damaged(one, "its statement does not hold this digest")
        # What a grant brought along is its owner's: it is opened by the digests the grant names.
        kept = one.digest in around.granted.get(row.statement_id, ()) and one.kind == "answers"
        mine = kept and (one.reader_org_id, one.link_id) == (row.owner_org_id, None)
        if not mine and (one.reader_org_id, one.link_id) != (whom.reader, whom.link):
            yield damaged(one, "it is for another reader than it says")
        if one.owner_org_id != org_id(told.signer_org):
            yield damaged(one, "it was opened by another than who signed")
        if (other := places.setdefault(one.place, one)) is not one:
            # Nothing says which of the two was moved here.
            yield damaged(one, "another stands at its place")
            yield damaged(other, "another stands at its place")
        if not 0 <= one.place < len(opened):
            yield damaged(one, "one before it is missing")


def _meant_for(kind: str, text: str) -> For:
    if kind == "vouchedBy":
        return For(reader=org_id(Voucher.from_json(disclosure.parse(text).value).by))
    disclosure.parse(text)
    return rules.meant_for(kind, text)


def _arrays(row: Statement, told: Told, around: _Around) -> dict[str, frozenset[str] | None]:
    """Return by kind the digests that may be opened; None where a document is altered."""
    predicate = told.predicate
    found: dict[str, frozenset[str] | None] = {}
    for name in ("audience", "respondents", "vouchedBy"):
        if isinstance(block := predicate.get(name), Mapping):
            found[name] = frozenset(block["_sd"])
    if told.name == said.AI_GOVERNANCE:
        found["evidence"] = frozenset(predicate.get("evidence", ()))
    try:
        answers = rules.answers_of(told, lambda d, k: around.document(row, d, k))
        if answers is not None:
            found["answers"] = None
            data = around.document(row, answers, "answers")
            found["answers"] = frozenset(AnswersDocument.parse(data).sd)
        if told.name == said.DECLARATION:
            data = around.document(row, told.subject_sha256, "declaration")
            if (below := DeclarationDocument.parse(data).sub_tier) is not None:
                found["subTier"] = frozenset({below.totals, *below.sd})
    except (KeyError, VerificationError):
        # A document is missing or altered, and named as such.
        found |= dict.fromkeys({"answers", "subTier"} - found.keys())
    return found


def _readers_of(row: Statement, told: Told, around: _Around) -> Iterator[Damage]:
    """Who may read a statement: a row too many opens it to somebody nobody meant."""
    meant = {
        whom
        for one in around.opened.get(row.statement_id, ())
        if one.kind == "audience" and (whom := _reader(one)) is not None
    }
    if told.name == REVIEW and row.subject_sha256 in around.targets:
        meant.add(around.targets[row.subject_sha256])
    if told.name == WITHDRAWAL:
        meant |= around.concerned.get(row.subject_sha256, set())
    listed = around.readers.get(row.statement_id, [])
    for one in listed:
        if one.owner_org_id != row.owner_org_id:
            yield damaged(one, "owner_org_id is not the statement's")
        if one.org_id not in meant and told.name != REQUEST:
            yield damaged(one, "nothing that was signed makes it a reader")
    if told.name == WITHDRAWAL:
        # Who was let read the target later on learns of it from the status list.
        return
    for missing in sorted(meant - {one.org_id for one in listed} - {row.owner_org_id}, key=str):
        yield Damage("reader", f"{row.statement_id}/{missing}", "missing")


def _reader(one: Disclosure) -> UUID | None:
    try:
        return rules.meant_for(one.kind, one.text).reader
    except (VerificationError, ValueError):
        return None


def request_readers(look: Look) -> Iterator[Damage]:
    """Look at who reads a request: the firm at the other end of a link it names, nobody else."""
    named = (
        select(Disclosure.statement_id)
        .join(LinkEnd, LinkEnd.link_id == Disclosure.link_id)
        .where(
            Disclosure.statement_id == Reader.statement_id,
            LinkEnd.respondent_org_id == Reader.org_id,
        )
    )
    query = (
        select(Reader)
        .join(Statement, Statement.statement_id == Reader.statement_id)
        .where(Statement.type == REQUEST, ~named.exists())
    )
    for row in look.each(query):
        yield damaged(row, "no link of the request leads to it")


def _misplaced(tx: Session) -> Iterator[Damage]:
    """The statements of a submission are numbered from 0 without a gap."""
    beside = func.count().over(partition_by=(Statement.submission_id, Statement.place))
    before = func.row_number().over(partition_by=Statement.submission_id, order_by=Statement.place)
    counted = select(
        Statement.statement_id, Statement.place, beside.label("there"), before.label("number")
    ).subquery()
    query = select(counted.c.statement_id).where(
        # Of two at one place nothing says which was moved there: both are named.
        or_(counted.c.there > 1, counted.c.place != counted.c.number - 1)
    )
    for statement_id in tx.scalars(query):
        yield Damage("statement", statement_id, "place does not follow the one before it")
