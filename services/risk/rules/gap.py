"""From one answer to one gap on both bounds: the rows of RM-1 section 2, first that fits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from services.risk.rules.facts import Answer, Question
from services.risk.rules.policy import Policy

SECONDS_PER_DAY = 86_400


class Row(IntEnum):
    """Which row of the gap table a question fell into; the numbers are those of the contract."""

    OUT = 1
    UNDECIDED = 2
    ANSWERED = 3
    NOT_COVERED = 4
    SEEN = 5
    NOT_APPLICABLE_ACCEPTED = 6
    WAIVED = 7
    NOT_APPLICABLE = 8
    SILENT = 9


@dataclass(frozen=True, slots=True)
class Gap:
    """Gap in 0..1 per bound; None where the question has left the sums of that bound."""

    row: Row
    evidenced: float | None
    claimed: float | None
    counts_as_answered: bool = False


def gap(
    question: Question,
    answer: Answer | None,
    *,
    applies: bool | None,
    policy: Policy,
    as_of: datetime,
) -> Gap:
    """The gap of one question of one component."""
    if applies is False:
        return Gap(Row.OUT, None, None)
    if applies is None:
        return Gap(Row.UNDECIDED, 1.0, 0.0)
    found = None if answer is None else _found(question, answer, policy, as_of)
    return _unanswered(answer) if found is None else found


def _found(question: Question, answer: Answer, policy: Policy, as_of: datetime) -> Gap | None:
    if answer.state == "answered" and (a := alignment(question, answer.value, policy)) is not None:
        if not answer.covered:
            return Gap(Row.NOT_COVERED, 1.0, 1 - a)
        return _supported(Row.ANSWERED, a, question, answer.assurance, answer.time, policy, as_of)
    if answer.state == "withheld" and answer.covered and (seen := answer.seen) is not None:
        a_seen = alignment(question, seen.value, policy)
        if a_seen is not None:
            return _supported(Row.SEEN, a_seen, question, seen.assurance, seen.time, policy, as_of)
    return None


def _unanswered(answer: Answer | None) -> Gap:
    not_applicable = answer is not None and answer.state == "not_applicable"
    if answer is not None and not_applicable and answer.accepted and answer.covered:
        return Gap(Row.NOT_APPLICABLE_ACCEPTED, None, None)
    if answer is not None and answer.waived:
        return Gap(Row.WAIVED, 1.0, 0.0)
    if not_applicable:
        return Gap(Row.NOT_APPLICABLE, 1.0, None)
    return Gap(Row.SILENT, 1.0, 0.0)


def _supported(
    row: Row,
    aligned: float,
    question: Question,
    assurance: str,
    time: datetime | None,
    policy: Policy,
    as_of: datetime,
) -> Gap:
    support = 0.0
    if time is not None:
        support = policy.assurance[assurance] * freshness(
            time, question.freshness_days, policy, as_of
        )
    return Gap(row, 1 - aligned * support, 1 - aligned, counts_as_answered=True)


def alignment(question: Question, value: str | None, policy: Policy) -> float | None:
    """How far an option is aligned, 0..1; None for an option its table does not know."""
    table = policy.alignment if question.alignment is None else question.alignment
    return None if value is None else table.get(value)


def freshness(time: datetime, window_days: int, policy: Policy, as_of: datetime) -> float:
    """1 while the log-proved time lies in the window, then halved every half life."""
    age_days = (as_of - time).total_seconds() / SECONDS_PER_DAY
    overdue: float = max(0.0, age_days - window_days) / policy.half_life_days
    return float(0.5**overdue)
