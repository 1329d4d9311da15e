"""Writing a facts document: frozen facts to JSON, every table in ascending id.

What `reading.facts` reads back is equal. The bytes that are digested are this value's JCS.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.risk.rules import condition
from services.risk.rules.facts import (
    ROLES,
    Answer,
    Component,
    Declaration,
    DeeperLink,
    DirectLink,
    Facts,
    Question,
    Standing,
    SubTierList,
)
from services.risk.rules.number import nine_places, optional
from services.risk.rules.reading import CONTRACT, DECIDED, TIME

STATED = {value: name for name, value in DECIDED.items()}


def document(of: Facts) -> dict[str, Any]:
    """The facts document of frozen facts, every table in ascending id."""
    return {
        "contract": CONTRACT,
        "model": "rm-1",
        "requester": of.requester,
        "as_of": text(of.as_of),
        "synthetic": of.synthetic,
        "log": None if of.log is None else {"origin": of.log.origin, "size": of.log.size},
        "policy": of.policy.document,
        "policy_digest": of.policy.digest,
        "packs": [{"id": p.id, "version": p.version, "sha256": p.sha256} for p in of.packs],
        "questions": [question_row(asked) for asked in of.questions.values()],
        "starter": sorted(of.starter),
        "direct": [direct_row(link) for link in of.direct],
        "deeper": [_deeper_row(link) for link in of.deeper.values()],
        "lists": [_list_row(sub_tier) for sub_tier in of.lists.values()],
    }


def text(time: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return time.strftime(TIME)


def _optional_text(time: datetime | None) -> str | None:
    return None if time is None else text(time)


def question_row(of: Question) -> dict[str, Any]:
    """One row of the question table, as JSON."""
    table = of.alignment
    return {
        "id": of.id,
        "criticality": of.criticality,
        "roles": list(of.roles),
        "condition": None if of.condition is None else condition.document(of.condition),
        "principle": of.principle,
        "topic": of.topic,
        "freshness_days": of.freshness_days,
        "alignment": None if table is None else {k: nine_places(a) for k, a in table.items()},
    }


def _answer_row(of: Answer) -> dict[str, Any]:
    seen = of.seen
    return {
        "question": of.question,
        "state": of.state,
        "value": of.value,
        "assurance": of.assurance,
        "covered": of.covered,
        "time": _optional_text(of.time),
        "accepted": of.accepted,
        "waived": of.waived,
        "seen": None
        if seen is None
        else {"value": seen.value, "assurance": seen.assurance, "time": text(seen.time)},
    }


def _statement_row(of: Component | Declaration) -> dict[str, Any]:
    return {
        "statement": of.statement,
        "assurance": of.assurance,
        "covered": of.covered,
        "time": text(of.time),
        "superseded_at": _optional_text(of.superseded_at),
    }


def _component_row(of: Component) -> dict[str, Any]:
    return _statement_row(of) | {
        "id": of.id,
        "roles": {role: STATED[of.roles[role]] for role in ROLES},
        "attributes": dict(of.attributes),
        "answers": [_answer_row(answer) for answer in of.answers],
    }


def _declaration_row(of: Declaration | None) -> dict[str, Any] | None:
    if of is None:
        return None
    return _statement_row(of) | {
        "pre_screen": dict(of.pre_screen),
        "withheld_components": of.withheld_components,
    }


def direct_row(of: DirectLink) -> dict[str, Any]:
    """One of the requester's own links, as JSON."""
    held = of.facts
    return {
        "id": of.id,
        "supplier": of.supplier,
        "dependency": of.dependency,
        "pass_through": of.pass_through,
        "classification": {name: list(bought) for name, bought in held.classification.items()},
        "asked": sorted(held.asked),
        "due_at": _optional_text(held.due_at),
        "submitted": held.submitted,
        "declaration": _declaration_row(held.declaration),
        "organization": [_answer_row(answer) for answer in held.organization],
        "components": [_component_row(component) for component in held.components],
        "list": of.list,
    }


def standing_row(of: Standing) -> dict[str, Any]:
    """Gap and coverage as JSON, null for unknown."""
    return {
        "gap": None if of.gap is None else of.gap.document(),
        "coverage": optional(of.coverage),
    }


def _deeper_row(of: DeeperLink) -> dict[str, Any]:
    return {
        "id": of.id,
        "supplier": of.supplier,
        "own": of.own.document(),
        "coverage": optional(of.coverage),
        "awaiting": of.awaiting,
        "principles": {name: standing_row(met) for name, met in of.principles.items()},
        "topics": {name: standing_row(met) for name, met in of.topics.items()},
        "list": of.list,
    }


def _list_row(of: SubTierList) -> dict[str, Any]:
    return {
        "id": of.id,
        "entries": [
            {
                "link": entry.link,
                "dependency": entry.dependency,
                "visibility": entry.visibility,
                "pass_through": entry.pass_through,
            }
            for entry in of.entries
        ],
        "totals": dict(of.totals),
    }
