"""Forms read into the response document, and back. Pure: what a form leaves out stays as it was."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from services.portal.asking import TICKS

Json = dict[str, Any]

ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "safetyFunction": ("none", "monitored", "critical"),
    "relianceType": ("assist", "reliance"),
    **dict.fromkeys(
        (
            "agentOrPhysical",
            "personalData",
            "customerData",
            "learnsAfterDelivery",
            "userFacing",
            "thirdPartyBaseModel",
        ),
        ("no", "yes"),
    ),
}
ROLES: Final = ("developer", "provider", "user")
KINDS: Final = ("ai-system", "ai-service", "embedded-ai", "model", "dataset")
DEPENDENCIES: Final = ("negligible", "minor", "moderate", "major", "critical")

_UNSAFE_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Form(Protocol):
    """A form as it was sent."""

    def get(self, key: str, /) -> object:
        """Return the last value of a field."""

    def getlist(self, key: str, /) -> Sequence[object]:
        """Return every value of a field."""


class Unfit(ValueError):
    """The form contradicts itself; the text is a message of the catalogue."""


def text(form: Form, name: str) -> str:
    """Return a field without the blanks around it; missing fields and files are empty."""
    found = form.get(name)
    return found.strip().replace("\r\n", "\n") if isinstance(found, str) else ""


def pre_screen(form: Form) -> Json:
    """Read the five ticks.

    What is not ticked is none, or checking where "still checking" is ticked beside it.

    Raises:
        Unfit: nothing was ticked, or "none of these" beside another.
    """
    ticked = {each for each in form.getlist("tick") if isinstance(each, str)}
    if not ticked:
        raise Unfit("あてはまるものを一つ以上お選びください。")
    if "none" in ticked and len(ticked) > 1:
        raise Unfit("「いずれにもあてはまらない」は、ほかの項目と同時に選べません。")
    rest = "checking" if "checking" in ticked else "none"
    found: Json = {tick: "yes" if tick in ticked else rest for tick in TICKS}
    extra = text(form, "suppliers")
    alone = ticked == {"none"} and extra in ("none", "unknown")
    return {**found, "suppliers": extra if alone else None}


def ticks_of(stated: Json | None) -> set[str]:
    """Return which of the five boxes are ticked."""
    if stated is None:
        return set()
    found = {tick for tick in TICKS if stated[tick] == "yes"}
    if any(stated[tick] == "checking" for tick in TICKS):
        found.add("checking")
    return found or {"none"}


def answers(form: Form, questions: Mapping[str, Mapping[str, Any]]) -> dict[str, Json | None]:
    """Read the answers that this form changed; None takes one back.

    A form sends every question of its page. What it leaves as it was shown is none of its doing:
    a colleague may have answered it since, on a page of their own.

    Args:
        form: hidden fields `q` name the places that were shown, `<place>.was` how; `only` names
            the one that is saved by itself.
        questions: those of the page by place; others are passed over.
    """
    only = text(form, "only")
    named = (str(each) for each in form.getlist("q"))
    shown = [each for each in named if each in questions and only in ("", each)]
    read = {id_: answer(form, f"{id_}.", questions[id_]) for id_ in shown}
    return {id_: each for id_, each in read.items() if mark(each) != text(form, f"{id_}.was")}


def place(question: str, component: str | None = None) -> str:
    """Return what a question is called in a form; a component's id may be any text, so not it."""
    if component is None:
        return question
    return f"{question}@{hashlib.sha256(component.encode()).hexdigest()[:12]}"


def mark(given: Mapping[str, Any] | None) -> str:
    """Return a short digest of an answer, however it is spelled; the same for the same answer."""
    said = {name: value for name, value in (given or {}).items() if value}
    if "evidence" in said:
        said["evidence"] = sorted(said["evidence"])
    told = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def answer(form: Form, prefix: str, question: Mapping[str, Any]) -> Json | None:
    """Read one answer; None where nothing was chosen.

    A choice is an option's code after `=`, or a state after `!`.
    """
    choice = text(form, f"{prefix}choice")
    if choice[:1] not in ("=", "!"):
        return None
    details = {
        each["name"]: value
        for each in question["details"]
        if (value := text(form, f"{prefix}detail.{each['name']}"))
    }
    said = {
        "state": "answered" if choice[0] == "=" else choice[1:],
        "value": choice[1:] if choice[0] == "=" else None,
        "reason": text(form, f"{prefix}reason") if choice == "!not_applicable" else None,
        "note": text(form, f"{prefix}note"),
        "details": details,
        "evidence": [str(each) for each in form.getlist(f"{prefix}evidence")],
    }
    return {name: value for name, value in said.items() if value}


def merged(document: Json, given: Mapping[str, Json | None]) -> Json:
    """Return the document, or a component, with these answers and all others as they were."""
    kept = {id_: each for id_, each in document["answers"].items() if id_ not in given}
    return {**document, "answers": kept | {id_: each for id_, each in given.items() if each}}


def merged_for(document: Json, component: str, given: Mapping[str, Json | None]) -> Json:
    """Return the document with these answers about one component, and all others as they were."""
    return {
        **document,
        "components": [
            merged(each, given) if each["supplier_component_id"] == component else each
            for each in document["components"]
        ],
    }


def component(form: Form, before: Mapping[str, Any] | None, taken: Sequence[str]) -> Json:
    """Read one AI component; what the form does not show stays as it was.

    Raises:
        Unfit: it has no name.
    """
    name = text(form, "name")
    if not name:
        raise Unfit("AIコンポーネントの名称をご記入ください。")
    attributes = {
        each: value
        for each, values in ATTRIBUTES.items()
        if (value := text(form, f"attribute.{each}")) in values
    }
    roles = {
        each: value for each in ROLES if (value := text(form, f"role.{each}")) in ("yes", "no")
    }
    kind, use = text(form, "kind"), text(form, "use")
    kept = dict(before or {"answers": {}, "artifacts": []})
    return {
        **kept,
        "supplier_component_id": kept.get("supplier_component_id")
        or new_component_id(text(form, "number") or name, taken),
        "name": name,
        "version": text(form, "version") or "-",
        "kind": kind if kind in KINDS else "ai-system",
        "use": use or "process",
        "roles": roles,
        "attributes": attributes,
    }


def new_component_id(wanted: str, taken: Sequence[str]) -> str:
    """Return an id that no other component of the response has."""
    base = _UNSAFE_ID.sub("-", wanted).strip("-")[:80] or "ai"
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    return next(each for each in names if each not in taken)


def sub_tier(form: Form, supplier_ids: Sequence[str]) -> Json | None:
    """Read the list of one's own suppliers; None is silence about the tier below.

    Raises:
        Unfit: "none" beside a supplier, or a list without one.
    """
    declared = text(form, "declared")
    if declared not in ("complete", "none"):
        return None
    entries = [
        {
            "supplier_id": each,
            "dependency": chosen
            if (chosen := text(form, f"{each}.dependency")) in DEPENDENCIES
            else None,
            "visibility": "named" if text(form, f"{each}.visibility") == "named" else "masked",
            "pass_through": None,
        }
        for each in supplier_ids
        if text(form, f"{each}.listed") == "yes"
    ]
    undisclosed = {
        each: int(count)
        for each in DEPENDENCIES
        if (count := text(form, f"undisclosed.{each}")).isdecimal() and int(count)
    }
    if declared == "none" and (entries or undisclosed):
        raise Unfit("「なし」を選ばれた場合は、仕入先を選択できません。")
    if declared == "complete" and not (entries or undisclosed):
        raise Unfit("仕入先を一つ以上お選びいただくか、非開示の件数をご記入ください。")
    return {
        "declared": declared,
        "open_totals": True,
        "entries": entries,
        "undisclosed": undisclosed,
    }
