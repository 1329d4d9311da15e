"""What the fictional firms answer: made from the questionnaire they got, never from a table."""

from __future__ import annotations

import random
from pathlib import Path

from services.demo.cast import Firm, Kind
from services.demo.http import Json

DATA = Path(__file__).with_name("data")

# How far along a firm is: the share of the way from the worst to the best option it chooses, and
# how often it is still checking.
_PROGRESS = {"diligent": (0.95, 0.0), "average": (0.7, 0.08), "behind": (0.35, 0.25)}

_KINDS: dict[Kind, tuple[str, Json]] = {
    "vision": (
        "画像検査AI / visual inspection",
        {"safetyFunction": "monitored", "relianceType": "reliance", "learnsAfterDelivery": "yes"},
    ),
    "prediction": (
        "需要予測AI / demand forecast",
        {"safetyFunction": "none", "relianceType": "assist", "customerData": "yes"},
    ),
    "assistant": (
        "文書作成支援AI / writing assistant",
        {"relianceType": "assist", "customerData": "yes", "thirdPartyBaseModel": "yes"},
    ),
    "robot": (
        "搬送ロボット制御AI / handling robot control",
        {"safetyFunction": "monitored", "relianceType": "reliance", "agentOrPhysical": "yes"},
    ),
}
_NO = {
    "safetyFunction": "none",
    "relianceType": "assist",
    "agentOrPhysical": "no",
    "personalData": "no",
    "customerData": "no",
    "learnsAfterDelivery": "no",
    "userFacing": "no",
    "thirdPartyBaseModel": "no",
}


def component(firm: Firm, number: int) -> Json:
    """Return one AI component as the form would send it."""
    name, traits = _KINDS[firm.kind]
    return {
        "supplier_component_id": f"{firm.slug}-ai-{number}",
        "name": name if number == 1 else f"{name} {number}",
        "version": f"{number}.0",
        "kind": "embedded-ai" if firm.kind in ("vision", "robot") else "ai-service",
        "use": "embedded" if firm.kind in ("vision", "robot") else "process",
        "roles": {"developer": "no", "provider": "yes", "user": "yes"},
        "attributes": {**_NO, **traits},
        "answers": {},
    }


def answers(firm: Firm, questions: list[Json]) -> Json:
    """Answer every question of the questionnaire in the firm's manner.

    Args:
        questions: as the request shows them, each with its options and their alignment.
    """
    progress, checking = _PROGRESS[firm.manner]
    chance = random.Random(f"{firm.slug} answers")
    given: Json = {}
    for question in questions:
        options = sorted(question["options"], key=lambda option: float(option["alignment"] or 0))
        if not options or question["derived"]:
            continue
        if "checking" in question.get("states", []) and chance.random() < checking:
            given[question["id"]] = {"state": "checking"}
            continue
        at = round(progress * (len(options) - 1) - chance.choice((0, 0, 0.6)))
        given[question["id"]] = {"state": "answered", "value": options[max(at, 0)]["code"]}
    return given


def response(firm: Firm, questions: list[Json], sub_tier: Json) -> Json:
    """Return the firm's whole answer document."""
    no_ai = firm.manner == "no-ai"
    components = [] if no_ai else [component(firm, n + 1) for n in range(firm.components)]
    uses = {one["use"] for one in components} | ({"embedded"} if firm.ml_bom else set())
    return {
        "pre_screen": {
            tick: "yes" if use in uses else "none"
            for tick, use in (
                ("embedded", "embedded"),
                ("process", "process"),
                ("customer_data", "customer-data"),
            )
        },
        "scope": {"kind": "company"},
        "origin": "self",
        "answers": {} if no_ai else answers(firm, questions),
        "components": components,
        "sub_tier": sub_tier,
    }
