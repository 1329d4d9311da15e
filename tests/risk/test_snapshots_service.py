"""Snapshots: what is heard is frozen, judged, signed and followed into the log."""

from __future__ import annotations

import hashlib
from typing import Any

import jsonschema
import pytest
from rensho import bundle, replay, strict_base64
from rensho.statement import parse

from services.kit import keyfiles
from services.kit.outbox import CONTRACTS
from tests.factories.risk import NO_LIST, Firm, Scene, component, listed
from tests.risk.site import Site


def a_chain() -> tuple[Scene, Firm]:
    """A maker, its supplier that answers, and behind that one that answers and one hidden."""
    scene = Scene()
    maker, tier_1, tier_2 = Firm("Maker"), Firm("First"), Firm("Second")
    first = scene.supplied(maker, tier_1, vendor_codes=["V-1"], tags=["press"])
    second = scene.supplied(tier_1, tier_2)
    scene.answered(
        second, components=[component("vision", {"Q-1": "yes", "Q-2": "partly"})], sub_tier=NO_LIST
    )
    scene.answered(
        first,
        components=[component("chat", {"Q-1": "partly", "Q-2": "no"})],
        sub_tier=listed(second.entry(visibility="masked"), undisclosed={"minor": 1}),
    )
    return scene, maker


@pytest.mark.parametrize("order", ["as said", "reversed", "twice"])
def test_the_order_of_events_moves_no_number(site: Site, order: str) -> None:
    scene, maker = a_chain()
    events = {
        "as said": scene.events,
        "reversed": scene.events[::-1],
        "twice": [*scene.events, *({**e, "id": e["id"]} for e in scene.events)],
    }[order]
    site.hear(*events)
    facts, results = site.judge(maker)
    (direct,) = facts["direct"]
    assert direct["declaration"]["covered"]
    assert [answer["assurance"] for answer in direct["components"][0]["answers"]] == ["L2", "L2"]
    (deeper,) = facts["deeper"]
    assert deeper["supplier"].startswith("p_")
    assert results["total"]["evidenced"] == "0.000000000"
    assert replay.compare(replay.replay(facts), results) == []
