"""In which order statements enter the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from rensho.predicates import TypeName
from rensho.statement import DECLARATION, KEY_EVENT


@dataclass(frozen=True)
class Queued:
    """One promised statement that waits for its leaf.

    `place` is its order within its submission; for a key event, among all key events.
    """

    statement_id: str
    submission_id: UUID
    type: TypeName
    place: int


def in_log_order(
    queued: Iterable[Queued], shuffle: Callable[[list[list[Queued]]], None]
) -> list[Queued]:
    """Return the order of the leaves of one batch (profile sections 2 and 4).

    Key events come first and in the order they were made: each names its predecessor, and what a
    key signs must stand behind its enrolment. Submissions are shuffled, so the log does not tell
    who came first. Within a submission the declaration is the last.
    """
    listed = list(queued)
    events = sorted((q for q in listed if q.type == KEY_EVENT), key=lambda q: q.place)
    submissions: dict[UUID, list[Queued]] = {}
    for one in listed:
        if one.type != KEY_EVENT:
            submissions.setdefault(one.submission_id, []).append(one)
    groups = [
        sorted(group, key=lambda q: (q.type == DECLARATION, q.place))
        for _, group in sorted(submissions.items(), key=lambda item: item[0].int)
    ]
    shuffle(groups)
    return [*events, *(one for group in groups for one in group)]
