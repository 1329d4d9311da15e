"""Two people write one response: what each changed since a version both knew, laid together.

A response falls into places (`/answers/Q-CORE-001`, `/components/AI-001/answers/Q-CORE-009`,
`/scope`): JSON pointers in which a component is named by its id, never by its number. Two changes
meet only where they touch one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_WHOLE: Final = ("pre_screen", "scope", "origin", "source_document", "sub_tier")
_ID: Final = "supplier_component_id"

Places = Mapping[str, Any]
"""Place → value. A place that is missing has nothing in it; None is a value."""


@dataclass(frozen=True, slots=True)
class Clash:
    """One place that both changed, otherwise; a value that is missing was taken out."""

    where: str
    yours: tuple[Any, ...]
    theirs: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """The document both want; `taken` are the places taken over from the other one."""

    document: dict[str, Any]
    taken: tuple[str, ...]


def places(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the places of a saved document.

    Of two components with one id, which no saved document has, the later one counts.
    """
    found: dict[str, Any] = {pointer(name): document[name] for name in _WHOLE}
    found |= {pointer("answers", name): each for name, each in document["answers"].items()}
    for component in document["components"]:
        at = ("components", component[_ID])
        found |= {pointer(*at, name): said for name, said in component.items() if name != "answers"}
        own = component["answers"].items()
        found |= {pointer(*at, "answers", name): each for name, each in own}
    return found


def document_of(given: Places, order: Iterable[str]) -> dict[str, Any]:
    """Return the document with these places; components come in `order`, others after them."""
    document: dict[str, Any] = {name: given[pointer(name)] for name in _WHOLE}
    document["answers"] = {}
    components: dict[str, dict[str, Any]] = {}
    for where in sorted(given):
        match steps(where):
            case ["answers", question]:
                document["answers"][question] = given[where]
            case ["components", name, "answers", question]:
                components.setdefault(name, {"answers": {}})["answers"][question] = given[where]
            case ["components", name, field]:
                components.setdefault(name, {"answers": {}})[field] = given[where]
    known = [name for name in dict.fromkeys(order) if name in components]
    document["components"] = [components[name] for name in dict.fromkeys((*known, *components))]
    return document


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return place → what stood there before (`[value]`, or `[]` for nothing), where it changed."""
    old, new = places(before), places(after)
    return {
        where: _held(old, where)
        for where in sorted(old.keys() | new.keys())
        if _held(old, where) != _held(new, where)
    }


def rewound(document: Mapping[str, Any], saves: Sequence[Mapping[str, Sequence[Any]]]) -> Places:
    """Return the places as they were before some saves, the newest of them first."""
    found = places(document)
    for save in saves:
        for where, before in save.items():
            found.pop(where, None)
            found.update((where, value) for value in before)
    return found


def merge(
    base: Places, mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Merged | tuple[Clash, ...]:
    """Lay two documents together that both began as `base`; return the clashes if there are any.

    A change of something in a component that the other one took out is a clash too.
    """
    yours, others = places(mine), places(theirs)
    kept: dict[str, Any] = {}
    taken: list[str] = []
    clashes: list[Clash] = []
    for where in sorted(yours.keys() | others.keys() | base.keys()):
        was, my, their = (_held(each, where) for each in (base, yours, others))
        if my not in (their, was) and their != was:
            clashes.append(Clash(where, tuple(my), tuple(their)))
        chosen = their if my == was else my
        if their != my and chosen == their:
            taken.append(where)
        kept.update((where, value) for value in chosen)
    clashes += [
        Clash(where, tuple(_held(yours, where)), tuple(_held(others, where)))
        for where in kept
        if (head := _component(where)) and head + pointer(_ID) not in kept
    ]
    if clashes:
        return tuple(clashes)
    order = [each[_ID] for each in (*theirs["components"], *mine["components"])]
    return Merged(document_of(kept, order), tuple(taken))


def _held(given: Places, where: str) -> list[Any]:
    return [given[where]] if where in given else []


def _component(where: str) -> str:
    found = steps(where)
    return pointer(*found[:2]) if found[0] == "components" else ""


def pointer(*names: str) -> str:
    """Return the JSON pointer of these steps (RFC 6901)."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def steps(where: str) -> list[str]:
    """Return the steps of a JSON pointer of ours."""
    return [step.replace("~1", "/").replace("~0", "~") for step in where.split("/")[1:]]
