"""What belongs to a submission of each kind, and who gets to read what of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from rensho import disclosure
from rensho.documents import DeclarationDocument
from rensho.entries import Reader, Respondent
from rensho.errors import Code, VerificationError
from rensho.statement import (
    AI_GOVERNANCE,
    DECLARATION,
    GRANT,
    REQUEST,
    REVIEW,
    WITHDRAWAL,
    Statement,
)

from services.attestation.rules.names import link_id, org_id

Kind = Literal["response", "request", "review", "grant", "withdrawal"]
Disclosures = Mapping[str, Mapping[str, Sequence[str]]]

TOLERATED: Final[frozenset[Code]] = frozenset({"key.pending"})
"""Codes that do not keep a submission out: a key nobody on the link has confirmed yet signs all
the same, and its statements count from the confirmation on."""

_OF_KIND: Final[Mapping[Kind, tuple[str, frozenset[str]]]] = {
    "response": (DECLARATION, frozenset({AI_GOVERNANCE, DECLARATION})),
    "request": (REQUEST, frozenset({REQUEST})),
    "review": (REVIEW, frozenset({REVIEW})),
    "grant": (GRANT, frozenset({GRANT})),
    "withdrawal": (WITHDRAWAL, frozenset({WITHDRAWAL})),
}

KINDS: Final = frozenset(_OF_KIND)
"""What may be handed in; the operator's own submissions are called like their one statement."""


@dataclass(frozen=True)
class For:
    """Whom one disclosure is for; both None: every reader of its statement."""

    reader: UUID | None = None
    link: UUID | None = None


def is_of_kind(kind: Kind, types: Sequence[str]) -> bool:
    """Whether statements of these types make up one submission of this kind."""
    chief, allowed = _OF_KIND[kind]
    return types.count(chief) == 1 and set(types) <= allowed


def readers(texts: Iterable[str]) -> list[Reader]:
    """Return the audience entries that some disclosures open to. Raises `VerificationError`."""
    return [Reader.from_json(disclosure.parse(text).value) for text in texts]


def reader_of(entry: Reader) -> UUID:
    """Return the organization an audience entry names. Raises `VerificationError`."""
    found = org_id(entry.org)
    if found is None:
        raise VerificationError("context.audience", "a pseudonym reads nothing here")
    return found


def respondents(texts: Iterable[str]) -> list[Respondent]:
    """Return the respondent entries that some disclosures open to. Raises `VerificationError`."""
    return [Respondent.from_json(disclosure.parse(text).value) for text in texts]


def meant_for(kind: str, text: str) -> For:
    """Return whom a disclosure is for (profile section 2: a reader gets its own entry only).

    Answers, evidence and sub-tier that the owner hands over are opened to the whole audience of
    the statement; opening less to some of it is what grants are for.
    """
    if kind == "audience":
        return For(reader=org_id(readers([text])[0].org))
    if kind == "respondents":
        return For(link=link_id(respondents([text])[0].link))
    return For()


def documents_of(
    statement: Statement, document: Callable[[str, str], bytes]
) -> list[tuple[str, str]]:
    """Return (sha256, kind) of the documents a checked statement refers to and this service holds.

    Evidence bytes are not among them: they stay with the service that owns them.

    Args:
        document: gives the bytes of one document; raises `KeyError` for one that is not there.
    """
    match statement.name:
        case "ai-governance":
            answers = statement.predicate["answers"]["sha256"]
            return [(statement.subject_sha256, "descriptor"), (answers, "answers")]
        case "declaration":
            named = DeclarationDocument.parse(document(statement.subject_sha256, "declaration"))
            return [(statement.subject_sha256, "declaration"), (named.answers_sha256, "answers")]
        case "request":
            return [(statement.subject_sha256, "questionnaire")]
        case "status":
            return [(statement.subject_sha256, "status")]
        case _:
            return []


def answers_of(statement: Statement, document: Callable[[str, str], bytes]) -> str | None:
    """Return the digest of the answers a statement commits to, directly or by its document."""
    if statement.name == AI_GOVERNANCE:
        return str(statement.predicate["answers"]["sha256"])
    if statement.name == DECLARATION:
        data = document(statement.subject_sha256, "declaration")
        return DeclarationDocument.parse(data).answers_sha256
    return None
