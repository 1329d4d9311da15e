"""What became of each question from one version of a pack to the next.

An id never changes its meaning, so a new edition never scores old answers anew in silence: this
map says which answers carry over and which questions are new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.packs import Pack, Question
from services.questionnaire.rules.refusals import Text

OUTCOMES: Final = ("same", "split", "merged", "retired")
_UNSAID: Final = Text("", "")
_QUESTION_ID: Final = r"Q-[A-Z]{3,5}-[0-9]{3}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one question; `into` are the questions of the new version that took over."""

    outcome: str
    into: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackChange:
    """The way from `before` to `after` of one pack; `added` are questions that nothing led to."""

    pack: str
    before: str
    after: str
    fates: Mapping[str, Fate]
    added: tuple[str, ...]


def parse(data: Mapping[str, Any], packs: Mapping[tuple[str, str], Pack]) -> PackChange:
    """Read a migration map and hold it against the two versions it speaks of.

    Raises `Refusal` (`packs/migration`) where a question of the old version has no fate, a fate
    leads to what the new version does not ask, or "same" is said of what is not.
    """
    node = Node(dict(data), "", "packs/migration")
    node.only("pack", "from", "to", "questions")
    named = node.member("pack").text()
    before, after = (_version(node.member(end), named, packs) for end in ("from", "to"))
    if after.supersedes != before.version:
        node.refuse("連続する版ではありません", "not a version and its successor")
    fates = {id_: _fate(each) for id_, each in node.member("questions").members()}
    old, new = ({q.id: q for q in pack.questions} for pack in (before, after))
    if set(fates) != set(old):
        strange = min(set(fates) ^ set(old))
        node.refuse(f"旧版の設問と一致しません: {strange}", f"not the old questions: {strange}")
    for id_, fate in fates.items():
        _refuse_other(node, old[id_], fate, new)
    reached = {each for fate in fates.values() for each in fate.into}
    reached |= {id_ for id_, fate in fates.items() if fate.outcome == "same"}
    added = tuple(id_ for id_ in new if id_ not in reached)
    return PackChange(named, before.version, after.version, fates, added)


def _version(node: Node, pack: str, packs: Mapping[tuple[str, str], Pack]) -> Pack:
    found = packs.get((pack, node.text()))
    if found is None:
        node.refuse("その版はありません", "no such version")
    return found


def _fate(node: Node) -> Fate:
    node.only("outcome", "into")
    into = node.optional("into")
    ids = tuple(each.text(_QUESTION_ID) for each in into.elements(1)) if into else ()
    return Fate(node.member("outcome").one_of(OUTCOMES), ids)


def _refuse_other(node: Node, old: Question, fate: Fate, new: Mapping[str, Question]) -> None:
    def refuse(ja: str, en: str) -> NoReturn:
        node.refuse(f"{old.id}: {ja}", f"{old.id}: {en}")

    expected = {"same": (0, 0), "split": (2, 99), "merged": (1, 1), "retired": (0, 0)}
    least, most = expected[fate.outcome]
    if not least <= len(fate.into) <= most:
        refuse("引継ぎ先の数が合いません", f"{fate.outcome} with {len(fate.into)} successors")
    if not set(fate.into) <= set(new):
        refuse("引継ぎ先が新版にありません", "its successor is not in the new version")
    if (fate.outcome == "same") != (old.id in new):
        refuse("新版の有無と一致しません", "asked again only where it is the same")
    if fate.outcome == "same" and _meaning(new[old.id]) != _meaning(old):
        refuse("内容が変わっています", "its meaning changed: give it a new id")


def _meaning(question: Question) -> Question:
    # Clauses may be found out better and wording mended; what is asked and counted may not move.
    return replace(question, clauses=(), rev=1, text=_UNSAID, help=_UNSAID)
