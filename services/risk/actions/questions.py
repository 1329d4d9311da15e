"""The question table of one view: what the questionnaires in it ask, each question once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.risk.rules import reading
from services.risk.rules.facts import Pack, Question
from services.risk.store import Questionnaire


@dataclass(frozen=True, slots=True)
class Questions:
    """`asked` by questionnaire; `table` and `starter` are of the whole view."""

    table: dict[str, Question]
    starter: frozenset[str]
    asked: dict[UUID, frozenset[str]]
    packs: tuple[Pack, ...]


def questions(questionnaires: Iterable[Questionnaire]) -> Questions:
    """Join questionnaires; where two tell a question differently, the later one in order holds.

    Raises:
        FactsRefused: a condition is not one of the five forms.
    """
    table: dict[str, Question] = {}
    starter: set[str] = set()
    asked: dict[UUID, frozenset[str]] = {}
    packs: set[tuple[str, str, str]] = set()
    for questionnaire in questionnaires:
        for told in questionnaire.questions:
            # An empty table is none of its own: the policy's holds.
            table[told["id"]] = reading.question({**told, "alignment": told["alignment"] or None})
            if told["starter"]:
                starter.add(told["id"])
        asked[questionnaire.questionnaire_id] = frozenset(
            told["id"] for told in questionnaire.questions if told["asked"]
        )
        packs |= {(pack["id"], pack["version"], pack["sha256"]) for pack in questionnaire.packs}
    return Questions(
        table=table,
        starter=frozenset(starter),
        asked=asked,
        packs=tuple(Pack(*pack) for pack in sorted(packs)),
    )
