"""What a questionnaire asks, in the order and the portions of a page. Pure.

The meaning of `applies_if` and of roles is the questionnaire API's: three-valued, and what is not
decided is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]

STARTER: Final = "basic"
TICKS: Final = ("embedded", "process", "customer_data")
ANSWERED: Final = ("signed", "returned", "accepted", "granted")
"""States of a request with a signed answer that stays, whatever becomes of it."""
USES: Final = {"embedded": "embedded", "process": "process", "customer_data": "customer-data"}


@dataclass(frozen=True)
class Section:
    """Questions that share a page. `key` stands in the address; `principle` names most of them."""

    key: str
    questions: tuple[Json, ...]

    def open(self, document: Json) -> list[str]:
        """Return the ids of the questions that wait for an answer."""
        return [each["id"] for each in self.questions if is_open(each, document)]


def sections(questionnaire: Json, document: Json) -> list[Section]:
    """Split what is asked of this response into pages: the starter set, then by principle.

    Questions that signing answers, or that what is stated rules out, are left out; sections
    without a question are no sections.
    """
    asked = [
        each
        for each in questionnaire["questions"]
        if not each["derived"] and is_asked(each, document)
    ]
    starter = set(questionnaire["starter"])
    groups: dict[str, list[Json]] = {STARTER: []}
    for question in asked:
        key = STARTER if question["id"] in starter else question["principle"].lower()
        groups.setdefault(key, []).append(question)
    keys = [STARTER, *sorted(set(groups) - {STARTER}, key=lambda key: int(key.removeprefix("c-")))]
    return [Section(key, tuple(groups[key])) for key in keys if groups[key]]


def of_component(questionnaire: Json, document: Json, component: Json) -> tuple[Json, ...]:
    """Return the questions that this component may answer for itself."""
    return tuple(
        each
        for each in questionnaire["questions"]
        if each["about"] == "component"
        and not each["derived"]
        and _applies(each, component, document) is not False
    )


def uses_no_ai(document: Json) -> bool:
    """Whether all three ticks say none: then no question follows."""
    ticks = document["pre_screen"]
    return ticks is not None and all(ticks[tick] == "none" for tick in TICKS)


def first_open(found: Iterable[Section], document: Json) -> tuple[Section, str] | None:
    """Return the first question that waits for an answer, with its section."""
    for section in found:
        if waiting := section.open(document):
            return section, waiting[0]
    return None


def is_asked(question: Json, document: Json) -> bool:
    """Whether a question is to be answered: unless it is ruled out.

    One about components is asked once a component is declared; then it may be answered once for
    all of them.
    """
    if uses_no_ai(document):
        return False
    stated: Sequence[Json] = document["components"]
    if question["about"] == "component":
        return any(_applies(question, each, document) is not False for each in stated)
    blank: Json = {"roles": {}, "attributes": {}, "answers": {}}
    return any(_applies(question, each, document) is not False for each in stated or (blank,))


def is_open(question: Json, document: Json) -> bool:
    """Whether somebody still has to answer a question that is asked."""
    if question["id"] in document["answers"]:
        return False
    if question["about"] == "organization":
        return True
    return any(
        question["id"] not in each["answers"] and _applies(question, each, document) is not False
        for each in document["components"]
    )


def _applies(question: Json, component: Json, document: Json) -> bool | None:
    """True, False, or None where it is not decided yet."""
    roles = component["roles"]
    known = {"yes": True, "no": False}
    by_role = _any(known.get(str(roles.get(role) or "")) for role in question["roles"])
    if question["applies_if"] is None:
        return by_role
    values = {
        id_: answer["value"]
        for part in (document["answers"], component["answers"])
        for id_, answer in part.items()
        if answer.get("value")
    }
    return _all((by_role, decide(question["applies_if"], component["attributes"], values)))


def decide(condition: Json, attributes: Json, values: Json) -> bool | None:
    """Decide a condition as the API gives it; None where a needed value is missing.

    Raises:
        ValueError: this is no condition.
    """
    match condition:
        case {"all": parts}:
            return _all(decide(part, attributes, values) for part in parts)
        case {"any": parts}:
            return _any(decide(part, attributes, values) for part in parts)
        case {"not": part}:
            found = decide(part, attributes, values)
            return None if found is None else not found
        case {"attribute": name, "in": wanted}:
            return None if attributes.get(name) is None else attributes[name] in wanted
        case {"question": id_, "in": wanted}:
            return None if values.get(id_) is None else values[id_] in wanted
        case _:
            msg = f"no condition: {condition}"
            raise ValueError(msg)


def _all(decisions: Iterable[bool | None]) -> bool | None:
    found = set(decisions)
    return False if False in found else None if None in found else True


def _any(decisions: Iterable[bool | None]) -> bool | None:
    found = set(decisions)
    return True if True in found else None if None in found else False
