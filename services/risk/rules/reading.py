"""Reading a facts document: JSON to frozen facts, whole or refused.

Field by field in `contracts/facts/README.md`; the shape is `contracts/facts/v1.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from services.risk.rules import condition
from services.risk.rules.facts import (
    CLOSED,
    NONE,
    ROLES,
    SILENT,
    Answer,
    Component,
    Declaration,
    DeeperLink,
    DirectLink,
    Entry,
    Facts,
    LinkFacts,
    LogPosition,
    Pack,
    Question,
    Seen,
    Standing,
    SubTierList,
    entry_order,
)
from services.risk.rules.number import Interval
from services.risk.rules.policy import DEPENDENCY_CLASSES, policy
from services.risk.rules.refusal import FactsRefused, PolicyRefused

CONTRACT = "rensho/facts/v1"
TIME = "%Y-%m-%dT%H:%M:%SZ"
DECIDED: Mapping[str, bool | None] = {"yes": True, "no": False, "undecided": None}

Json = Mapping[str, Any]
T = TypeVar("T")


def facts(document: Json) -> Facts:
    """Frozen facts of a facts document.

    Raises FactsRefused for a document that is not of this contract or does not hold together,
    PolicyRefused for its policy.
    """
    try:
        read = _facts(document)
    except (KeyError, TypeError, AttributeError, IndexError) as why:
        raise FactsRefused(f"the facts lack or misstate {why}") from why
    except ValueError as why:
        if isinstance(why, FactsRefused | PolicyRefused):
            raise
        raise FactsRefused(f"the facts misstate a value: {why}") from why
    _check_references(read)
    return read


def _facts(document: Json) -> Facts:
    if document["contract"] != CONTRACT or document["model"] != "rm-1":
        raise FactsRefused(f"not a document of {CONTRACT} for rm-1")
    stated_policy = policy(document["policy"])
    if stated_policy.digest != document["policy_digest"]:
        raise FactsRefused("the policy is not the one its digest names")
    log = document["log"]
    return Facts(
        requester=document["requester"],
        as_of=_time(document["as_of"]),
        synthetic=document["synthetic"],
        log=None if log is None else LogPosition(log["origin"], log["size"]),
        policy=stated_policy,
        packs=tuple(Pack(p["id"], p["version"], p["sha256"]) for p in document["packs"]),
        questions=_table(document["questions"], question),
        starter=frozenset(document["starter"]),
        direct=tuple(_table(document["direct"], _direct).values()),
        deeper=_table(document["deeper"], _deeper),
        lists=_table(document["lists"], _list),
    )


def _table(rows: Iterable[Json], read: Callable[[Json], T]) -> dict[str, T]:
    table: dict[str, T] = {}
    for row in sorted(rows, key=lambda row: str(row["id"])):
        if row["id"] in table:
            raise FactsRefused(f"{row['id']} stands twice in its table")
        table[row["id"]] = read(row)
    return table


def _time(text: str) -> datetime:
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def question(raw: Json) -> Question:
    """One row of the question table."""
    table = raw["alignment"]
    return Question(
        id=raw["id"],
        criticality=raw["criticality"],
        roles=tuple(sorted(raw["roles"])),
        condition=None if raw["condition"] is None else condition.condition(raw["condition"]),
        principle=raw["principle"],
        topic=raw["topic"],
        freshness_days=raw["freshness_days"],
        alignment=None if table is None else {k: float(a) for k, a in table.items()},
    )


def _answers(rows: Iterable[Json]) -> tuple[Answer, ...]:
    found: dict[str, Answer] = {}
    for raw in sorted(rows, key=lambda row: str(row["question"])):
        if raw["question"] in found:
            raise FactsRefused(f"{raw['question']} is answered twice in one place")
        seen = raw["seen"]
        found[raw["question"]] = Answer(
            question=raw["question"],
            state=raw["state"],
            value=raw["value"],
            assurance=raw["assurance"],
            covered=raw["covered"],
            time=_optional_time(raw["time"]),
            accepted=raw["accepted"],
            waived=raw["waived"],
            seen=None
            if seen is None
            else Seen(seen["value"], seen["assurance"], _time(seen["time"])),
        )
    return tuple(found.values())


def _component(raw: Json) -> Component:
    return Component(
        id=raw["id"],
        statement=raw["statement"],
        assurance=raw["assurance"],
        covered=raw["covered"],
        time=_time(raw["time"]),
        superseded_at=_optional_time(raw["superseded_at"]),
        roles={role: DECIDED[raw["roles"][role]] for role in ROLES},
        attributes=dict(sorted(raw["attributes"].items())),
        answers=_answers(raw["answers"]),
    )


def _declaration(raw: Json | None) -> Declaration | None:
    if raw is None:
        return None
    return Declaration(
        statement=raw["statement"],
        assurance=raw["assurance"],
        covered=raw["covered"],
        time=_time(raw["time"]),
        superseded_at=_optional_time(raw["superseded_at"]),
        pre_screen={
            use: raw["pre_screen"][use] for use in ("embedded", "process", "customer_data")
        },
        withheld_components=raw["withheld_components"],
    )


def _direct(raw: Json) -> DirectLink:
    return DirectLink(
        id=raw["id"],
        supplier=raw["supplier"],
        dependency=raw["dependency"],
        pass_through=raw["pass_through"],
        facts=LinkFacts(
            classification={name: (lo, hi) for name, (lo, hi) in raw["classification"].items()},
            asked=frozenset(raw["asked"]),
            due_at=_optional_time(raw["due_at"]),
            submitted=raw["submitted"],
            declaration=_declaration(raw["declaration"]),
            organization=_answers(raw["organization"]),
            components=tuple(_table(raw["components"], _component).values()),
        ),
        list=raw["list"],
    )


def _interval(raw: Json) -> Interval:
    return Interval(float(raw["claimed"]), float(raw["evidenced"]))


def _standings(raw: Json) -> dict[str, Standing]:
    return {
        name: Standing(
            gap=None if met["gap"] is None else _interval(met["gap"]),
            coverage=None if met["coverage"] is None else float(met["coverage"]),
        )
        for name, met in sorted(raw.items())
    }


def _deeper(raw: Json) -> DeeperLink:
    return DeeperLink(
        id=raw["id"],
        supplier=raw["supplier"],
        own=_interval(raw["own"]),
        coverage=None if raw["coverage"] is None else float(raw["coverage"]),
        awaiting=raw["awaiting"],
        principles=_standings(raw["principles"]),
        topics=_standings(raw["topics"]),
        list=raw["list"],
    )


def _list(raw: Json) -> SubTierList:
    entries = [
        Entry(entry["link"], entry["dependency"], entry["visibility"], entry["pass_through"])
        for entry in raw["entries"]
    ]
    return SubTierList(
        id=raw["id"],
        entries=tuple(sorted(entries, key=entry_order)),
        totals=dict(sorted(raw["totals"].items())),
    )


def _check_references(read: Facts) -> None:
    for name in read.starter - read.questions.keys():
        raise FactsRefused(f"the starter set asks for {name}, which the table does not hold")
    for asked in read.questions.values():
        if not 1 <= asked.criticality <= len(read.policy.weights):
            raise FactsRefused(f"{asked.id} has no criticality of 1..5")
    for link in read.direct:
        _check_direct(link, read)
    listed = {SILENT, NONE, *read.lists}
    lost = [link.id for link in read.direct if link.list not in listed]
    lost += [link.id for link in read.deeper.values() if link.list not in {CLOSED, *listed}]
    for link_id in lost:
        raise FactsRefused(f"{link_id} points at a list that is not there")
    for sub_tier in read.lists.values():
        classes = {*sub_tier.totals, *(entry.dependency for entry in sub_tier.entries)}
        if not classes <= set(DEPENDENCY_CLASSES) or min(sub_tier.totals.values(), default=0) < 0:
            raise FactsRefused(f"{sub_tier.id} counts in classes that do not exist")
        if not {entry.link for entry in sub_tier.entries} <= read.deeper.keys():
            raise FactsRefused(f"{sub_tier.id} holds an entry whose link is not there")


def _check_direct(link: DirectLink, read: Facts) -> None:
    held = link.facts
    answers = [*held.organization, *(a for c in held.components for a in c.answers)]
    if not held.asked | {answer.question for answer in answers} <= read.questions.keys():
        raise FactsRefused(f"{link.id} speaks of a question that the table does not hold")
    levels = {answer.assurance for answer in answers}
    levels |= {answer.seen.assurance for answer in answers if answer.seen is not None}
    levels |= {component.assurance for component in held.components}
    levels |= set() if held.declaration is None else {held.declaration.assurance}
    if not levels <= read.policy.assurance.keys():
        raise FactsRefused(f"{link.id} speaks of an assurance that does not exist")
    if link.dependency not in DEPENDENCY_CLASSES:
        raise FactsRefused(f"{link.id} has a dependency class that does not exist")
    for name, bought in held.classification.items():
        scale = list(read.policy.attributes.get(name, ()))
        if not set(bought) <= set(scale) or scale.index(bought[0]) > scale.index(bought[1]):
            raise FactsRefused(f"{link.id} classifies {name} outside its scale")
