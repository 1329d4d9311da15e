"""Made-up chains: every event keeps its contract, and everything that comes of it says so."""

from __future__ import annotations

import json
import random
import re
import secrets
from typing import Any

import pytest
from rensho import replay

from services.kit import clock
from services.kit.db import new_id
from services.kit.outbox import Event, event_contract
from services.risk.app import feed
from services.risk.store.world import SYNTHETIC
from services.synthetic.chain import Chain, build
from services.synthetic.events import ORIGIN, Asked, Teller
from tests.factories.risk import NOW, CheckpointSigned, QuestionnairePublished, event, question
from tests.factories.supply_chains import Firm
from tests.risk.site import Site

QUESTIONS = [question("Q-1", starter=True), question("Q-2"), question("Q-3", criticality=5)]


NAME = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def fresh(name: str) -> str:
    return secrets.token_hex() if len(name) == 64 else str(new_id())


def renamed(events: list[Event], kept: set[str]) -> list[Event]:
    names = {name: name for name in kept}

    def other(hit: re.Match[str]) -> str:
        return names.setdefault(hit.group(), fresh(hit.group()))

    found: list[Event] = json.loads(NAME.sub(other, json.dumps(events)))
    return found


def told(maker: Firm, chain: Chain) -> list[Event]:
    asked = event(QuestionnairePublished, org_id=maker.org, questions=QUESTIONS)
    by = Asked(asked["questionnaire_id"], asked["digest"], QUESTIONS)
    teller = Teller(chain, maker.org, by, by, NOW, random.Random(3))
    return [asked, *teller.events()]


@pytest.fixture(scope="module")
def chain() -> Chain:
    return build(300, 4, seed=5)


def test_every_event_of_a_made_up_chain_keeps_its_contract(chain: Chain) -> None:
    events = told(Firm("Maker"), chain)
    for one in events:
        event_contract(one["type"]).validator.validate(one)
    assert {one["type"] for one in events} >= {
        "supplier.linked.v1",
        "request.issued.v1",
        "response.submitted.v1",
        "statement.recorded.v1",
        "key.changed.v1",
        "review.decided.v1",
    }


def test_equal_seeds_make_equal_chains_and_every_firm_is_there_once() -> None:
    one, other = build(500, 6, seed=1), build(500, 6, seed=1)
    assert [m.org for m in one.makers] == [m.org for m in other.makers]
    assert len({m.org for m in one.makers}) == len(one.makers) == 500
    assert {m.tier for m in one.makers} == {1, 2, 3, 4, 5, 6}
    assert build(500, 6, seed=2).makers[0].org != one.makers[0].org


def test_what_comes_of_made_up_facts_says_so_everywhere(site_alone: Site, chain: Chain) -> None:
    maker = Firm("Maker")
    site_alone.hear(event(CheckpointSigned))
    events = told(maker, chain)
    assert feed(site_alone.worker, events, site_alone.handlers) == len(events)
    assert feed(site_alone.worker, events, site_alone.handlers) == 0
    facts, results = site_alone.judge(maker)
    assert replay.compare(replay.replay(facts), results) == []
    assert (facts["synthetic"], results["synthetic"]) == (True, True)
    scores: Any = site_alone.get(maker, "/suppliers").json()["items"]
    assert all(one["synthetic"] for one in scores)
    for path in ("/tiers", "/advice", f"/suppliers/{scores[0]['id']}/explanation"):
        assert site_alone.get(maker, path).json()["synthetic"] is True
    assert len(results["tiers"]) >= 4
    assert ORIGIN == SYNTHETIC


def test_many_at_once_have_the_effect_of_one_by_one(site_alone: Site) -> None:
    site_alone.hear(event(CheckpointSigned))
    small = build(30, 3, seed=9)
    judged = []
    for together in (True, False):
        maker = Firm("Maker")
        events = told(maker, small)
        # The same chain under other names: both worlds live in one database.
        events = renamed(events, {maker.org, events[0]["questionnaire_id"]})
        if together:
            feed(site_alone.worker, events, site_alone.handlers)
        else:
            site_alone.hear(*events)
        _, results = site_alone.judge(maker)
        judged.append((results["total"], results["portfolio_index"]))
    assert judged[0] == judged[1]
    assert clock.now() > NOW
