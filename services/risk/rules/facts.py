"""The facts of one requester's view, as frozen values. Field meanings: contracts/facts/README.md.

Tuples are kept in ascending id, so that the order in which facts were learned moves no number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.risk.rules.condition import Condition
from services.risk.rules.number import Interval
from services.risk.rules.policy import Policy

Role = Literal["developer", "provider", "user"]
ROLES: tuple[Role, ...] = ("developer", "provider", "user")
AnswerState = Literal["answered", "checking", "withheld", "not_applicable", "silent"]
PreScreen = Literal["yes", "none", "checking"]
Visibility = Literal["named", "masked"]

SILENT = "silent"
NONE = "none"
CLOSED = "closed"
"""Said of a deeper link alone: a direct one shows the declaration that closes it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the question table: criticality 1..5, window in days, option to alignment."""

    id: str
    criticality: int
    roles: tuple[Role, ...]
    condition: Condition | None
    principle: str
    topic: str | None
    freshness_days: int
    alignment: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The scale value a named reviewer signed for a withheld answer."""

    value: str
    assurance: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as this reader may count it; `time` is the log-proved time T."""

    question: str
    state: AnswerState
    value: str | None
    assurance: str
    covered: bool
    time: datetime | None
    accepted: bool = False
    waived: bool = False
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One AI component: its roles (None: undecided), stated attributes and own answers."""

    id: str
    statement: str | None
    assurance: str
    covered: bool
    time: datetime
    superseded_at: datetime | None
    roles: Mapping[Role, bool | None]
    attributes: Mapping[str, str]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Declaration:
    """The signed whole of a response, apart from components and list."""

    statement: str | None
    assurance: str
    covered: bool
    time: datetime
    superseded_at: datetime | None
    pre_screen: Mapping[str, PreScreen]
    withheld_components: int

    @property
    def says_no_ai(self) -> bool:
        """Whether all three ticks of the pre-screen are signed "none"."""
        return all(tick == "none" for tick in self.pre_screen.values())


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What a customer knows of one supplier, apart from the supplier's own suppliers."""

    classification: Mapping[str, tuple[str, str]]
    asked: frozenset[str]
    due_at: datetime | None
    submitted: bool
    declaration: Declaration | None
    organization: tuple[Answer, ...]
    components: tuple[Component, ...]

    def is_awaiting(self, as_of: datetime) -> bool:
        """Whether the deadline is still open and nothing was submitted."""
        return self.due_at is not None and as_of <= self.due_at and not self.submitted


@dataclass(frozen=True, slots=True)
class DirectLink:
    """A link of the requester's own, with its own class; `list` as in the contract."""

    id: str
    supplier: str
    dependency: str
    pass_through: bool
    facts: LinkFacts
    list: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Gap and coverage under one principle or topic; None where nothing was required."""

    gap: Interval | None
    coverage: float | None


@dataclass(frozen=True, slots=True)
class DeeperLink:
    """A link beyond, as its customer sees it, rounded outward; ℓ in nats."""

    id: str
    supplier: str
    own: Interval
    coverage: float | None
    awaiting: bool
    principles: Mapping[str, Standing]
    topics: Mapping[str, Standing]
    list: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One opened entry of a sub-tier list, with the class signed there."""

    link: str
    dependency: str
    visibility: Visibility
    pass_through: bool


def entry_order(entry: Entry) -> tuple[str, str, str, bool]:
    """Entries stand by link, then by what was signed for it."""
    return entry.link, entry.dependency, entry.visibility, entry.pass_through


@dataclass(frozen=True, slots=True)
class SubTierList:
    """A list signed as complete: opened entries, and how many it has per class."""

    id: str
    entries: tuple[Entry, ...]
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Pack:
    """A guidance pack in use; for the record, no number depends on it."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where in the log the facts were read."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """One requester's whole view at one moment; tables by ascending id."""

    requester: str
    as_of: datetime
    synthetic: bool
    log: LogPosition | None
    policy: Policy
    packs: tuple[Pack, ...]
    questions: Mapping[str, Question]
    starter: frozenset[str]
    direct: tuple[DirectLink, ...]
    deeper: Mapping[str, DeeperLink]
    lists: Mapping[str, SubTierList]


def is_live(superseded_at: datetime | None, as_of: datetime, grace: timedelta) -> bool:
    """A superseded statement still counts for the grace, the last moment included."""
    return superseded_at is None or as_of - superseded_at <= grace
