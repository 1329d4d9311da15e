"""How clauses of our sources relate to those of other frameworks: our judgement, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.refusals import Text

RELATIONS: Final = (
    "equal-to",
    "equivalent-to",
    "subset-of",
    "superset-of",
    "intersects-with",
    "no-relationship",
)
"""The words of the OSCAL 1.2 mapping model."""
CONFIDENCES: Final = ("high", "medium", "low")
_MARK: Final = r"[A-Za-z0-9][A-Za-z0-9._() -]{0,63}"


@dataclass(frozen=True, slots=True)
class Row:
    """One relation, read from source to target."""

    source: str
    target: str
    relation: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """All relations between two instruments; `author` answers for every one of them."""

    id: str
    source: str
    source_edition: str
    target: str
    target_edition: str
    target_title: Text
    author: str
    rows: tuple[Row, ...]


def parse(data: Mapping[str, Any]) -> Crosswalk:
    """Read a crosswalk; raises `Refusal` (`packs/malformed`)."""
    node = Node(dict(data), "", "packs/malformed")
    node.only("id", "source", "target", "author", "rows")
    source, target = node.member("source"), node.member("target")
    source.only("instrument", "edition")
    target.only("instrument", "edition", "title")
    rows = tuple(_row(each) for each in node.member("rows").elements(1))
    pairs = [(row.source, row.target) for row in rows]
    if len(set(pairs)) < len(pairs):
        node.member("rows").refuse("同じ組が重複しています", "the same pair twice")
    return Crosswalk(
        id=node.member("id").text(_MARK),
        source=source.member("instrument").text(_MARK),
        source_edition=source.member("edition").text(),
        target=target.member("instrument").text(_MARK),
        target_edition=target.member("edition").text(),
        target_title=target.member("title").in_both_languages(),
        author=node.member("author").text(),
        rows=rows,
    )


def _row(node: Node) -> Row:
    node.only("source", "target", "relation", "confidence")
    return Row(
        node.member("source").text(_MARK),
        node.member("target").text(_MARK),
        node.member("relation").one_of(RELATIONS),
        node.member("confidence").one_of(CONFIDENCES),
    )
