"""Taking in what was signed: every check before the 202, all statements or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rensho import bundle as bundles
from rensho.archive import DISCLOSURES
from rensho.bundle import Bundle
from rensho.documents import sha256
from rensho.errors import CODES, Code, VerificationError
from rensho.keyring import KeyEvent, KeyRing
from rensho.statement import DECLARATION, GRANT, REQUEST, Statement, parse
from rensho.trust import Deployment
from rensho.verify import Submission as ForChecking
from rensho.verify import check_submission
from sqlalchemy.orm import Session

from services.attestation.actions.earlier import (
    Earlier,
    file_name,
    lay_beside,
    merged,
    refuse_unprepared,
    requests_answered,
)
from services.attestation.actions.keeping import Checked, keep
from services.attestation.actions.refusals import (
    AlreadyRecorded,
    LogFrozen,
    SubmissionRefused,
    UnknownDocument,
    WrongKind,
)
from services.attestation.actions.speaking import (
    concerned,
    keep_grant,
    keep_withdrawal,
    refuse_second,
    wrong_with_grant,
)
from services.attestation.actions.trust import deployment
from services.attestation.rules import submissions as rules
from services.attestation.rules.names import org_urn
from services.attestation.rules.submissions import Disclosures, Kind
from services.attestation.store import epochs, keys, statements
from services.attestation.store.base import remembered
from services.attestation.store.statements import Submission
from services.kit.auth import Principal
from services.kit.clock import whole_second


@dataclass(frozen=True)
class Handed:
    """What a signer hands in: bundle files, documents by file name, disclosures by statement."""

    kind: Kind
    bundles: tuple[bytes, ...]
    documents: Mapping[str, bytes] = field(default_factory=dict)
    disclosures: Disclosures = field(default_factory=dict)

    def document(self, digest: str, kind: str) -> bytes:
        """Return one document. Raises `KeyError`."""
        return self.documents[file_name(digest, kind)]

    def opened(self, statement_id: str) -> Mapping[str, Sequence[str]]:
        """Return the disclosures of one statement by kind."""
        return self.disclosures.get(statement_id, {})


@dataclass(frozen=True)
class Read:
    """One bundle and what its payload says: a claim until `check_submission` found nothing."""

    bundle: Bundle
    statement: Statement


def record(tx: Session, who: Principal, handed: Handed, now: datetime) -> Submission:
    """Check a submission as every verifier will, and queue it whole.

    Raises:
        AlreadyRecorded: a statement of it was submitted before, maybe this very moment.
        Refused: whatever `examine` raises.
    """
    checked = examine(tx, who, handed, now)
    # T is a whole second, as the promise will write it.
    kept = keep(tx, who.org, handed.kind, checked, whole_second(now))
    match handed.kind:
        case "grant":
            keep_grant(tx, who.org, checked[0].statement, handed.disclosures)
        case "withdrawal":
            keep_withdrawal(tx, who.org, checked[0].statement)
        case _:
            pass
    return kept


def examine(tx: Session, who: Principal, handed: Handed, now: datetime) -> list[Checked]:
    """Check a submission and write nothing; return its statements, ready to be kept.

    Raises:
        SubmissionRefused: with all codes of section 8 that were found.
        WrongKind, UnknownDocument: it holds what does not belong to it.
        AlreadyRecorded: a statement of it was submitted before.
        AlreadyWithdrawn: it takes back what was taken back.
        RequestNotKnownYet: what it answers or asks has not been heard of yet.
        PreparationReplaced: the campaign was prepared anew.
        LogFrozen: the log takes no more.
    """
    here = _here(tx)
    read = _read(handed, here)
    said = [one.statement for one in read]
    _refuse_other_things(handed, said)
    if known := statements.known_ids(tx, (one.id for one in said)):
        msg = "a statement of this submission was submitted before"
        raise AlreadyRecorded(msg, statement_ids=sorted(known))
    requests: set[str] = set()
    match handed.kind:
        case "response" | "grant":
            requests = requests_answered(tx, who, handed.disclosures, said)
        case "request":
            refuse_unprepared(tx, who, said[0])
        case "withdrawal":
            refuse_second(tx, said[0])
        case "review":
            pass
    hints = {one.bundle.hint for one in read if one.bundle.hint is not None}
    # With the key events of whoever holds the key, a refusal can say that it is another firm's.
    events = keys.ring_events(tx, {who.org, *keys.holders(tx, hints)})
    earlier = lay_beside(tx, who, here, said, requests)
    _check(tx, who, handed, said, _for_checking(handed, earlier, events), here, now)
    _refuse_other_documents(handed, said)
    ring = KeyRing(events)
    return [_checked(tx, who, handed, one, place, ring) for place, one in enumerate(read)]


@remembered
def _here(tx: Session) -> Deployment:
    found = deployment(tx)
    if epochs.is_frozen(tx, len(found.epochs) - 1):
        raise LogFrozen
    return found


def _for_checking(handed: Handed, earlier: Earlier, events: tuple[KeyEvent, ...]) -> ForChecking:
    return ForChecking(
        bundles=handed.bundles,
        files={
            **earlier.documents,
            **handed.documents,
            DISCLOSURES: merged(handed.disclosures, earlier.disclosures),
        },
        key_events=events,
        recorded=earlier.recorded,
        heads=earlier.heads,
    )


def _read(handed: Handed, here: Deployment) -> list[Read]:
    """Read the bundles to find the rows they must be held against; nothing is believed yet."""
    found: list[Read] = []
    for data in handed.bundles:
        try:
            bundle = bundles.parse(data)
            found.append(Read(bundle, parse(bundle.envelope.payload, [here.predicate_base])))
        except VerificationError as why:
            raise SubmissionRefused([why.code], why.detail or why.code) from why
    return found


def _refuse_other_things(handed: Handed, said: Sequence[Statement]) -> None:
    ids = {one.id for one in said}
    if not rules.is_of_kind(handed.kind, [one.name for one in said]) or len(ids) != len(said):
        msg = f"these statements are not one {handed.kind}"
        raise WrongKind(msg)
    # A grant may open an answer of its target that no reader was given before.
    ids |= {one.subject_sha256 for one in said if one.name == GRANT}
    if handed.disclosures.keys() - ids:
        raise SubmissionRefused(["disclosure.unknown"], "a disclosure is of no statement in hand")


def _check(
    tx: Session,
    who: Principal,
    handed: Handed,
    said: Sequence[Statement],
    for_checking: ForChecking,
    here: Deployment,
    now: datetime,
) -> None:
    """Run the profile's checks, and those only this service can: by whom, for whom, complete."""
    found: set[Code] = {*check_submission(for_checking, here, now)} - rules.TOLERATED
    for one in said:
        opened = handed.opened(one.id)
        if one.signer_org != org_urn(who.org):
            found.add("signer.org_mismatch")
        is_public = one.predicate.get("audience") == "public"
        if one.name == DECLARATION and not is_public and not opened.get("audience"):
            found.add("context.not_opened")
        if one.name == REQUEST and not _reaches_everybody(one, handed):
            found.add("content.missing")
        if one.name == GRANT:
            found |= wrong_with_grant(tx, one, handed.disclosures)
    if found:
        raise SubmissionRefused(sorted(found, key=CODES.index))


def _reaches_everybody(request: Statement, handed: Handed) -> bool:
    """Whether each respondent will be able to read that and what it is asked."""
    asked = handed.opened(request.id).get("respondents", ())
    complete = len(asked) == len(request.predicate["respondents"]["_sd"])
    return complete and file_name(request.subject_sha256, "questionnaire") in handed.documents


def _refuse_other_documents(handed: Handed, said: Sequence[Statement]) -> None:
    wanted = {
        file_name(*place) for one in said for place in rules.documents_of(one, handed.document)
    }
    for name, content in handed.documents.items():
        if name not in wanted:
            msg = f"no statement refers to {name[:80]}"
            raise UnknownDocument(msg)
        if sha256(content) != name.partition(".")[0]:
            raise SubmissionRefused(["descriptor.digest"], f"{name[:80]} is something else")


def _checked(
    tx: Session,
    who: Principal,
    handed: Handed,
    read: Read,
    place: int,
    ring: KeyRing,
) -> Checked:
    said, opened = read.statement, handed.opened(read.statement.id)
    documents = rules.documents_of(said, handed.document)
    given = [
        (kind, text, rules.meant_for(kind, text))
        for kind, texts in opened.items()
        for text in texts
    ]
    readers = {whom.reader for _, _, whom in given if whom.reader is not None}
    if handed.kind == "review":
        target = statements.statements_by_id(tx, [said.subject_sha256])[said.subject_sha256]
        readers.add(target.owner_org_id)
    if handed.kind == "withdrawal":
        readers |= concerned(tx, said.subject_sha256)
    return Checked(
        statement=said,
        envelope=read.bundle.envelope,
        key=ring.key(read.bundle.hint or ""),
        opener=who.org,
        place=place,
        public=said.predicate.get("audience") == "public",
        answers_sha256=rules.answers_of(said, handed.document),
        readers=frozenset(readers),
        documents=tuple((kind, handed.document(digest, kind)) for digest, kind in documents),
        opened=tuple(given),
    )
