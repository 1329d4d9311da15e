"""What single disclosures hold: answers, readers, suppliers asked, vouchers, sub-tiers, evidence.

Each is a frozen value with `to_json` (what goes into a disclosure) and `from_json` (what a
disclosure opened to; raises `statement.schema`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, Self, get_args

from rensho import times
from rensho.shapes import (
    LINK,
    NONCE,
    ORG,
    SHA256,
    SHA256_URL,
    UUID,
    array,
    boolean,
    day,
    either,
    integer,
    one_of,
    plain,
    record,
    refuse,
    text,
    time,
)

AnswerState = Literal["answered", "checking", "withheld", "not_applicable"]
Onward = Literal["none", "pseudonymous", "named"]
Dependency = Literal["negligible", "minor", "moderate", "major", "critical"]
Visibility = Literal["named", "masked"]
Assurance = Literal["mailbox", "confirmed"]
AnswerValue = str | int | bool | list[str]

DEPENDENCIES: Final[tuple[Dependency, ...]] = get_args(Dependency)

_ANSWER: Final = record(
    {"question": text, "state": one_of(*get_args(AnswerState))},
    {
        "value": either(text, boolean, integer(-(2**53) + 1), array(text, unique=True)),
        "reason": text,
        "evidence": array(SHA256_URL, unique=True),
    },
)
_READER: Final = record(
    {
        "org": ORG,
        "requestId": UUID,
        "nonce": NONCE,
        "onward": one_of(*get_args(Onward)),
        "notAfter": time,
    }
)
_RESPONDENT: Final = record({"respondent": LINK, "requestId": UUID, "nonce": NONCE, "dueAt": time})
_VOUCHER: Final = record({"by": ORG, "link": LINK, "assurance": one_of(*get_args(Assurance))})
_SUB_TIER: Final = record(
    {"dependency": one_of(*DEPENDENCIES), "visibility": one_of(*get_args(Visibility))},
    {
        "org": ORG,
        "component": text,
        "role": one_of("developer", "provider", "user"),
        "passThrough": boolean,
    },
)
_TOTALS: Final = record({}, {name: integer(0) for name in DEPENDENCIES})
_FILE: Final = record(
    {
        "sha256": SHA256,
        "size": integer(0),
        "mediaType": text,
        "title": text,
        "effectiveOn": day,
        "confidentiality": text,
    }
)
_SEEN: Final = record(
    {"documentNumber": text, "revision": text, "seenOn": day, "viewer": text, "title": text}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `value` is an option code, a number, a yes/no or a list of option codes.

    An answered question has a value and the other states have none; not applicable has a reason.
    `evidence` are digests of evidence commitments.
    """

    question: str
    state: AnswerState
    value: AnswerValue | None = None
    reason: str | None = None
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Raises `statement.schema` where the answer contradicts its state."""
        found: dict[str, Any] = {"question": self.question, "state": self.state}
        if self.value is not None:
            found["value"] = self.value
        if self.reason is not None:
            found["reason"] = self.reason
        if self.evidence:
            found["evidence"] = list(self.evidence)
        return self._checked(found)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what an answers disclosure opened to."""
        found = cls._checked(value)
        return cls(
            found["question"],
            found["state"],
            found.get("value"),
            found.get("reason"),
            tuple(found.get("evidence", ())),
        )

    @staticmethod
    def _checked(value: Any) -> dict[str, Any]:
        _ANSWER(value, "answer")
        found: dict[str, Any] = value
        if (found["state"] == "answered") != ("value" in found):
            raise refuse("answer.value", "belongs to an answered question and to no other")
        if found["state"] == "not_applicable" and "reason" not in found:
            raise refuse("answer.reason", "missing")
        return found


@dataclass(frozen=True, slots=True)
class Reader:
    """One entry of an audience: who may read, on which request, and how far it may go on."""

    org: str
    request_id: str
    nonce: str
    onward: Onward
    not_after: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the disclosure value."""
        found = {
            "org": self.org,
            "requestId": self.request_id,
            "nonce": self.nonce,
            "onward": self.onward,
            "notAfter": times.write(self.not_after),
        }
        _READER(found, "audience")
        return found

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what an audience disclosure opened to."""
        _READER(value, "audience")
        return cls(
            value["org"],
            value["requestId"],
            value["nonce"],
            value["onward"],
            times.read(value["notAfter"]),
        )


@dataclass(frozen=True, slots=True)
class Respondent:
    """One supplier a request statement addresses, named by its supply link."""

    link: str
    request_id: str
    nonce: str
    due_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the disclosure value."""
        found = {
            "respondent": self.link,
            "requestId": self.request_id,
            "nonce": self.nonce,
            "dueAt": times.write(self.due_at),
        }
        _RESPONDENT(found, "respondents")
        return found

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what a request's disclosure opened to."""
        _RESPONDENT(value, "respondents")
        return cls(
            value["respondent"], value["requestId"], value["nonce"], times.read(value["dueAt"])
        )


@dataclass(frozen=True, slots=True)
class Voucher:
    """Who vouches for a key, on which supply link, and how surely."""

    by: str
    link: str
    assurance: Assurance

    def to_json(self) -> dict[str, Any]:
        """Return the disclosure value."""
        found = {"by": self.by, "link": self.link, "assurance": self.assurance}
        _VOUCHER(found, "vouchedBy")
        return found

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what a vouchedBy disclosure opened to."""
        _VOUCHER(value, "vouchedBy")
        return cls(value["by"], value["link"], value["assurance"])


@dataclass(frozen=True, slots=True)
class SubTierEntry:
    """One supplier of the supplier; `org` is there for a named one, and for a masked one a
    pseudonym if any. `pass_through` marks a trading house that only handles the goods.
    """

    dependency: Dependency
    visibility: Visibility
    org: str | None = None
    component: str | None = None
    role: Literal["developer", "provider", "user"] | None = None
    pass_through: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the disclosure value."""
        found: dict[str, Any] = {"dependency": self.dependency, "visibility": self.visibility}
        optional = {"org": self.org, "component": self.component, "role": self.role}
        found |= {name: value for name, value in optional.items() if value is not None}
        if self.pass_through:
            found["passThrough"] = True
        return self._checked(found)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what a subTier disclosure opened to."""
        found = cls._checked(value)
        return cls(
            found["dependency"],
            found["visibility"],
            found.get("org"),
            found.get("component"),
            found.get("role"),
            found.get("passThrough", False),
        )

    @staticmethod
    def _checked(value: Any) -> dict[str, Any]:
        _SUB_TIER(value, "subTier")
        found: dict[str, Any] = value
        if found["visibility"] == "named" and "org" not in found:
            raise refuse("subTier.org", "missing in a named entry")
        return found


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that backs an answer: digest, size in bytes, and what it is."""

    sha256: str
    size: int
    media_type: str
    title: str
    effective_on: date
    confidentiality: str

    def to_json(self) -> dict[str, Any]:
        """Return the disclosure value."""
        found = {
            "kind": "file",
            "sha256": self.sha256,
            "size": self.size,
            "mediaType": self.media_type,
            "title": self.title,
            "effectiveOn": self.effective_on.isoformat(),
            "confidentiality": self.confidentiality,
        }
        _FILE(found, "evidence")
        return found


@dataclass(frozen=True, slots=True)
class EvidenceSeen:
    """A document shown on site or on screen, of which no copy was given."""

    document_number: str
    revision: str
    seen_on: date
    viewer: str
    title: str

    def to_json(self) -> dict[str, Any]:
        """Return the disclosure value."""
        found = {
            "kind": "seen_on_site",
            "documentNumber": self.document_number,
            "revision": self.revision,
            "seenOn": self.seen_on.isoformat(),
            "viewer": self.viewer,
            "title": self.title,
        }
        _SEEN(found, "evidence")
        return found


def read_evidence(value: Any) -> EvidenceFile | EvidenceSeen:
    """Read what an evidence disclosure opened to; without `kind` it is a file."""
    plain(value, "evidence")
    if isinstance(value, dict) and value.get("kind") == "seen_on_site":
        _SEEN(value, "evidence")
        return EvidenceSeen(
            value["documentNumber"],
            value["revision"],
            times.read_date(value["seenOn"]),
            value["viewer"],
            value["title"],
        )
    _FILE(value, "evidence")
    if value.get("kind", "file") != "file":
        raise refuse("evidence.kind", "unknown")
    return EvidenceFile(
        value["sha256"],
        value["size"],
        value["mediaType"],
        value["title"],
        times.read_date(value["effectiveOn"]),
        value["confidentiality"],
    )


def read_totals(value: Any) -> Mapping[Dependency, int]:
    """Read the number of sub-suppliers per dependency class; classes not named have none."""
    _TOTALS(value, "subTier.totals")
    return {name: value.get(name, 0) for name in DEPENDENCIES}
