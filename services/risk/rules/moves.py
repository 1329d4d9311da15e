"""Why a score moved between two snapshots: what of the facts on one link became different.

Compares the rows of two facts documents (`contracts/facts/README.md`), nothing else: a reason is
told only where the documents show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.risk.rules.policy import ASSURANCE_LEVELS

Json = Mapping[str, Any]


def reasons(before: Json | None, after: Json) -> list[dict[str, Any]]:
    """What changed, each as `{"reason": …}` with component and question where it has one.

    Args:
        before, after: `{"link": row of `direct`, "list": {"state", "entries", "undisclosed"},
            "policy_digest": …}` of the older and the newer snapshot; None for the first one.
    """
    if before is None:
        return [{"reason": "first_judged"}]
    told = [*_told(before, after)]
    return told or [{"reason": "time_passed"}]


def _told(before: Json, after: Json) -> Iterator[dict[str, Any]]:
    if before["policy_digest"] != after["policy_digest"]:
        yield {"reason": "policy_changed"}
    old, new = before["link"], after["link"]
    for field, reason in (
        ("classification", "classification_changed"),
        ("dependency", "dependency_changed"),
        ("pass_through", "dependency_changed"),
        ("asked", "questions_changed"),
        ("due_at", "deadline_changed"),
    ):
        if old[field] != new[field]:
            yield {"reason": reason}
    yield from _declaration(old["declaration"], new["declaration"])
    yield from _answers(None, old["organization"], new["organization"])
    yield from _components(old["components"], new["components"])
    yield from _list(before["list"], after["list"])


def _declaration(old: Json | None, new: Json | None) -> Iterator[dict[str, Any]]:
    if old is None and new is not None:
        yield {"reason": "declared"}
    elif old is not None and new is None:
        yield {"reason": "declaration_no_longer_counts"}
    elif old is not None and new is not None:
        if old["statement"] != new["statement"]:
            yield {"reason": "declared_anew"}
        else:
            yield from _support(None, None, old, new)


def _support(
    component: str | None, question: str | None, old: Json, new: Json
) -> Iterator[dict[str, Any]]:
    """Cover and assurance of the same statement or answer."""
    at = {"component": component, "question": question}
    if old["covered"] and not new["covered"]:
        yield {"reason": "attestation_expired", **at}
    elif new["covered"] and not old["covered"]:
        yield {"reason": "attestation_counts_again", **at}
    was, now = (ASSURANCE_LEVELS.index(one["assurance"]) for one in (old, new))
    if now > was:
        names = {"L2": "key_confirmed", "L3": "evidence_checked", "L4": "independently_assessed"}
        yield {"reason": names.get(new["assurance"], "assurance_raised"), **at}
    elif now < was:
        yield {"reason": "assurance_lowered", **at}
    if old.get("superseded_at") is None and new.get("superseded_at") is not None:
        yield {"reason": "superseded", **at}


def _components(old: list[Json], new: list[Json]) -> Iterator[dict[str, Any]]:
    was, now = ({one["id"]: one for one in rows} for rows in (old, new))
    for name in sorted(now.keys() - was.keys()):
        yield {"reason": "component_declared", "component": name, "question": None}
    for name in sorted(was.keys() - now.keys()):
        yield {"reason": "component_gone", "component": name, "question": None}
    for name in sorted(was.keys() & now.keys()):
        yield from _support(name, None, was[name], now[name])
        if any(was[name][field] != now[name][field] for field in ("roles", "attributes")):
            yield {"reason": "component_described_anew", "component": name, "question": None}
        covers = was[name]["covered"] == now[name]["covered"]
        yield from _answers(name, was[name]["answers"], now[name]["answers"], support=covers)


def _answers(
    component: str | None, old: list[Json], new: list[Json], *, support: bool = True
) -> Iterator[dict[str, Any]]:
    was, now = ({one["question"]: one for one in rows} for rows in (old, new))
    for question in sorted(was.keys() | now.keys()):
        one, other = was.get(question), now.get(question)
        at = {"component": component, "question": question}
        if one is None or other is None:
            yield {"reason": "answered" if one is None else "answer_gone", **at}
            continue
        if (one["state"], one["value"]) != (other["state"], other["value"]):
            yield {"reason": "answer_changed", **at}
        for field, reason in (("accepted", "not_applicable_accepted"), ("waived", "waived")):
            if other[field] and not one[field]:
                yield {"reason": reason, **at}
        if one["seen"] is None and other["seen"] is not None:
            yield {"reason": "seen_by_reviewer", **at}
        elif support:
            yield from _support(component, question, one, other)


def _list(old: Json, new: Json) -> Iterator[dict[str, Any]]:
    if old["state"] != new["state"]:
        yield {"reason": "sub_tier_declared" if new["state"] != "silent" else "sub_tier_silent"}
    elif new["entries"] > old["entries"]:
        yield {"reason": "new_sub_supplier"}
    elif new["entries"] < old["entries"]:
        yield {"reason": "sub_supplier_gone"}
    elif old != new:
        yield {"reason": "sub_tier_changed"}
