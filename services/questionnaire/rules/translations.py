"""Reference translations of what a small supplier sees first: the Japanese text is what counts.

They lie beside the packs and outside their digests: a better translation changes no question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.packs import SCALES, Question
from services.questionnaire.rules.prescreen import SUPPLIERS, TICKS

LANGUAGES: Final = ("zh-Hans", "th", "vi", "de")
_STATES: Final = ("checking", "withheld", "not_applicable")


@dataclass(frozen=True, slots=True)
class Translation:
    """One language; `words` by path, as `questions/Q-CORE-001/options/none`.

    `note` says in that language that this is a reference translation; it goes wherever they show.
    """

    language: str
    note: str
    words: Mapping[str, str]


def parse(data: Mapping[str, Any]) -> Translation:
    """Read a translation file; raises `Refusal` (`packs/malformed`)."""
    node = Node(dict(data), "", "packs/malformed")
    node.only("language", "note", "prescreen", "starter", "states", "scales", "questions")
    parts = ("prescreen", "starter", "states", "scales", "questions")
    return Translation(
        language=node.member("language").one_of(LANGUAGES),
        note=node.member("note").text(),
        words=dict(word for part in parts for word in _flat(part, node.member(part))),
    )


def _flat(path: str, node: Node) -> Iterator[tuple[str, str]]:
    if not isinstance(node.value, dict):
        yield path, node.text()
        return
    for name, child in node.members():
        yield from _flat(f"{path}/{name}", child)


def wanted(questions: Iterable[Question]) -> set[str]:
    """Return the paths a translation of these questions and of the first page has to fill."""
    found = {"prescreen/text", "prescreen/help", "prescreen/suppliers/text"}
    found |= {f"prescreen/ticks/{tick}" for tick in TICKS}
    found |= {f"prescreen/suppliers/choices/{choice}" for choice in SUPPLIERS}
    found |= {"starter/title", "starter/help"} | {f"states/{state}" for state in _STATES}
    for question in questions:
        found |= set(_of(question))
    return found


def _of(question: Question) -> Iterator[str]:
    place = f"questions/{question.id}"
    yield from (f"{place}/text", f"{place}/help")
    kind = question.answer_type
    options = f"scales/{kind}" if kind in SCALES else f"{place}/options"
    yield from (f"{options}/{option.code}" for option in question.options)
    for detail in question.details:
        own = f"{place}/details/{detail.name}"
        yield from (f"{own}/options/{code}" for code in detail.options)
        yield f"{own}/label" if detail.options else own
