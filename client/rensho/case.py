"""What the steps look at together: files, settled statements, keys, expectations, the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from rensho import disclosure
from rensho.checkpoint import Checkpoint
from rensho.documents import (
    AnswersDocument,
    ComponentDescriptor,
    DeclarationDocument,
    QuestionnaireDocument,
    StatusDocument,
    sha256,
)
from rensho.entries import EvidenceFile, EvidenceSeen, Reader, Respondent, Voucher, read_evidence
from rensho.errors import Code, VerificationError
from rensho.expectations import Expectations
from rensho.keyring import NOT_LOGGED, KeyRing, Position
from rensho.material import Files
from rensho.statement import AI_GOVERNANCE, DECLARATION, REQUEST, Statement, TypeName
from rensho.trust import Deployment

_T = TypeVar("_T")

# Of the documents only answers and evidence have a digest code of their own; the others are what
# a statement is about, as a descriptor is.
_DIGEST_CODES: Final[Mapping[str, Code]] = {
    "answers": "answers.digest",
    "results": "answers.digest",
    "evidence": "evidence.digest",
}


@dataclass(frozen=True, slots=True)
class Settled:
    """A statement whose signature and place in the log are settled: what a step may rely on.

    `position` is `NOT_LOGGED` for what is about to be logged; `moment` is T, and `head` the tree
    head it is included under, where they are known.
    """

    statement: Statement
    position: Position = NOT_LOGGED
    moment: datetime | None = None
    head: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest status list at hand: its statement, and the document that was published."""

    settled: Settled
    document: StatusDocument


@dataclass
class Case:
    """The material of one deployment, as one reader with its expectations sees it at `now`."""

    deployment: Deployment
    files: Files
    expect: Expectations
    now: datetime
    ring: KeyRing = field(default_factory=lambda: KeyRing(()))
    settled: dict[str, Settled] = field(default_factory=dict)
    listed: Listed | None = None
    refused: set[str] = field(default_factory=set)
    """Ids of settled statements a step has refuted: they have no effect on others."""
    evidence_apart: bool = False
    """Whether evidence bytes that are not in hand are no fault: a log holds none."""

    def named(self, name: TypeName) -> list[Settled]:
        """All settled statements of one type, in log order."""
        found = [one for one in self.settled.values() if one.statement.name == name]
        return sorted(found, key=lambda one: (one.position, one.statement.id))

    def standing(self, name: TypeName) -> list[Settled]:
        """As `named`, of those nothing has been found against: their signer may say such things."""
        return [one for one in self.named(name) if one.statement.id not in self.refused]

    def document(self, digest: str, kind: str) -> bytes:
        """Return a document by digest. Raises `content.missing` or the digest code of its kind."""
        data = self.files.documents.get((digest, kind))
        if data is None:
            raise VerificationError("content.missing", f"{kind} {digest[:16]}… is not in hand")
        if sha256(data) != digest:
            raise VerificationError(
                _DIGEST_CODES.get(kind, "descriptor.digest"), f"{kind} {digest[:16]}…"
            )
        return data

    def descriptor(self, digest: str) -> ComponentDescriptor:
        """Read a descriptor by digest. Raises as `document`, and what parsing raises."""
        return ComponentDescriptor.parse(self.document(digest, "descriptor"))

    def answers(self, digest: str) -> AnswersDocument:
        """Read an answers document by digest. Raises as `descriptor`."""
        return AnswersDocument.parse(self.document(digest, "answers"))

    def declaration(self, statement: Statement) -> DeclarationDocument:
        """Read the document a declaration is about. Raises as `descriptor`."""
        return DeclarationDocument.parse(self.document(statement.subject_sha256, "declaration"))

    def questionnaire(self, digest: str) -> QuestionnaireDocument:
        """Read a questionnaire by digest. Raises as `descriptor`."""
        return QuestionnaireDocument.parse(self.document(digest, "questionnaire"))

    def answers_of(self, statement: Statement) -> AnswersDocument:
        """The answers a component statement names, or a declaration's organization-level ones."""
        if statement.name == AI_GOVERNANCE:
            return self.answers(statement.predicate["answers"]["sha256"])
        return self.answers(self.declaration(statement).answers_sha256)

    def texts(self, statement_id: str, kind: str) -> tuple[str, ...]:
        """The disclosures handed over for one array of one statement."""
        return tuple(self.files.disclosures.get(statement_id, {}).get(kind, ()))

    def readers(self, statement: Statement) -> tuple[Reader, ...]:
        """The opened audience entries. Raises `disclosure.*`, `statement.schema`."""
        return self._opened(statement, "audience", Reader.from_json)

    def respondents(self, statement: Statement) -> tuple[Respondent, ...]:
        """The opened entries of a request. Raises as `readers`."""
        return self._opened(statement, "respondents", Respondent.from_json)

    def vouchers(self, statement: Statement) -> tuple[Voucher, ...]:
        """The opened entries of a key event. Raises as `readers`."""
        return self._opened(statement, "vouchedBy", Voucher.from_json)

    def evidence(self, statement: Statement) -> tuple[EvidenceFile | EvidenceSeen, ...]:
        """The opened evidence commitments. Raises as `readers`."""
        opened = disclosure.open(
            statement.predicate["evidence"], self.texts(statement.id, "evidence")
        )
        return tuple(read_evidence(found.value) for found in opened.values())

    def _opened(self, statement: Statement, kind: str, read: Callable[[Any], _T]) -> tuple[_T, ...]:
        block = statement.predicate[kind]
        digests: Iterable[str] = block["_sd"] if isinstance(block, Mapping) else ()
        opened = disclosure.open(digests, self.texts(statement.id, kind))
        return tuple(read(found.value) for found in opened.values())

    def readers_in_hand(self, statement: Statement) -> tuple[Reader, ...]:
        """As `readers`, and none where they do not open: step 23 is the one to say why."""
        return opened_or_none(lambda: self.readers(statement))

    def requests(self) -> list[tuple[Statement, Respondent]]:
        """Every respondent entry, of every settled request, that opens."""
        return [
            (request.statement, entry)
            for request in self.standing(REQUEST)
            for entry in self._respondents_in_hand(request.statement)
        ]

    def _respondents_in_hand(self, request: Statement) -> tuple[Respondent, ...]:
        return opened_or_none(lambda: self.respondents(request))

    def asker(self) -> str | None:
        """The organization through whose eyes this is seen: the audience, else who asked."""
        if isinstance(self.expect.audience, str):
            return self.expect.audience
        askers = {request.statement.signer_org for request in self.named(REQUEST)}
        return askers.pop() if len(askers) == 1 else None

    def declaration_of(self, statement: Statement) -> Settled | None:
        """The newest declaration of a statement's response by the same organization."""
        found = [one for one in self.named(DECLARATION) if is_of_response(one.statement, statement)]
        return found[-1] if found else None


def is_of_response(one: Statement, other: Statement) -> bool:
    """Whether both answer the same request in the same name, whatever the revision."""
    if one.response is None or other.response is None:
        return False
    return (one.signer_org, one.response[0]) == (other.signer_org, other.response[0])


def opened_or_none(open_entries: Callable[[], tuple[_T, ...]]) -> tuple[_T, ...]:
    """Return what opens, and nothing where it does not."""
    try:
        return open_entries()
    except VerificationError:
        return ()
