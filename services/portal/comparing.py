"""What a signed response says otherwise than the one before it. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
Spot = tuple[str | None, str]
"""A component by the supplier's own id (None for the company), and a question."""


@dataclass(frozen=True)
class Compared:
    """Beside the answers of last time.

    Attributes:
        changed: where the answer is another one → what it was.
        new: where nothing was answered last time.
        gone: what is asked now too, was answered last time and is not now.
    """

    changed: Mapping[Spot, Json]
    new: frozenset[Spot]
    gone: Mapping[Spot, Json]


def compare(now: Json, before: Json, asked: Container[str]) -> Compared:
    """Compare two sets of answers as `GET /requests/{id}/answers` gives them.

    `asked` are the ids of the questions. State, value and reason count; a note is no answer. A
    component is the same where the supplier gave it the same id.
    """
    new, old = _spots(now), _spots(before)
    return Compared(
        changed={at: old[at] for at in new.keys() & old.keys() if _said(new[at]) != _said(old[at])},
        new=frozenset(new.keys() - old.keys()),
        gone={at: old[at] for at in old.keys() - new.keys() if at[1] in asked},
    )


def _spots(answers: Json) -> dict[Spot, Json]:
    parts = [(None, answers["answers"])]
    parts += [(each["supplier_component_id"], each["answers"]) for each in answers["components"]]
    return {(name, each["question"]): each for name, given in parts for each in given}


def _said(answer: Json) -> tuple[Any, ...]:
    return answer["state"], answer.get("value"), answer.get("reason")
