"""Explanation, advice, history and what-if, as a requester asks for them over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.factories.risk import NOW
from tests.factories.supply_chains import NO_LIST, Firm, Scene, component, listed
from tests.risk.site import Site
from tests.risk.test_scores_api import Chain


@pytest.fixture
def chain(site: Site) -> Chain:
    made = Chain(site)
    site.ask(made.maker)
    return made


def results_of(chain: Chain) -> Any:
    snapshot = chain.get("/snapshots").json()["items"][0]
    return chain.get(f"/snapshots/{snapshot['id']}/results").json()


def test_an_explanation_splits_a_score_to_its_single_answers(chain: Chain) -> None:
    told = chain.get(f"/suppliers/{chain.good.supplier}/explanation").json()
    (row,) = [r for r in results_of(chain)["suppliers"] if r["supplier"] == chain.good.supplier]
    assert told["split"] == row
    (chat,) = told["split"]["components"]
    parts = [float(each["contribution"]["evidenced"]) for each in chat["questions"]]
    assert sum(parts) == pytest.approx(float(row["retained"]["evidenced"]), abs=1e-8)
    assert told["dispute"] is None


def test_the_ways_to_a_firm_carry_what_it_contributes(chain: Chain) -> None:
    (below,) = chain.items(tier=2)
    told = chain.get(f"/suppliers/{below['id']}/explanation").json()
    assert told["split"] is None
    (way,) = told["ways"]
    assert [step["id"] for step in way["steps"]] == [chain.good.supplier, below["id"]]
    assert way["steps"][1]["dependency"] == "0.350000000"
    (tier_2,) = [t for t in results_of(chain)["tiers"] if t["tier"] == 2]
    kept = {each["id"]: each["contribution"] for each in tier_2["largest"]}[below["id"]]
    assert way["kept"] == kept


def test_a_trading_house_on_the_way_has_no_name(site: Site) -> None:
    scene, maker = Scene(), Firm("Maker")
    house = scene.supplied(maker, Firm("House"), pass_through=True)
    made = scene.supplied(house.firm, Firm("Behind"))
    scene.answered(house, components=[], sub_tier=listed(made.entry(visibility="masked")))
    scene.answered(made, components=[component("eye", {"Q-1": "yes"})], sub_tier=NO_LIST)
    site.hear(*scene.events)
    site.ask(maker)
    items = site.get(maker, "/suppliers").json()["items"]
    (behind,) = [one for one in items if one["id"].startswith("p_")]
    told = site.get(maker, f"/suppliers/{behind['id']}/explanation").json()
    assert [step["id"] for step in told["ways"][0]["steps"]] == [None, behind["id"]]


def test_advice_is_told_as_index_from_to_with_the_best_first(chain: Chain) -> None:
    items = chain.get("/advice").json()["items"]
    effects = [float(one["effect"]) for one in items]
    assert effects == sorted(effects, reverse=True)
    assert effects[0] > 0
    best = items[0]
    assert (best["action"], best["supplier"]) == ("declare_components", chain.silent.supplier)
    assert best["index"]["before"] == 99.2
    assert best["index"]["after"] < 99.2
    assert 0 < best["share"] < 1
    assert len(chain.get("/advice", params={"limit": 2}).json()["items"]) == 2


def test_advice_and_explanation_are_unchanged_for_who_has_them(chain: Chain) -> None:
    for path in ("/advice", f"/suppliers/{chain.good.supplier}/explanation"):
        first = chain.get(path)
        headers = {**chain.site.headers(chain.maker), "If-None-Match": first.headers["etag"]}
        assert chain.site.http.get(path, headers=headers).status_code == 304


def imagine(chain: Chain, *changes: dict[str, Any]) -> Any:
    return chain.site.http.post(
        "/what-if", json={"changes": list(changes)}, headers=chain.site.headers(chain.maker)
    )


def test_what_advice_says_of_one_action_what_if_says_too(chain: Chain) -> None:
    best = chain.get("/advice").json()["items"][0]
    told = imagine(chain, {"kind": best["action"], "link_id": best["link_id"]}).json()
    assert told["total_after"]["evidenced"] == pytest.approx(
        best["total_after"]["evidenced"], abs=2e-9
    )
    (moved,) = told["suppliers"]
    assert moved["supplier"] == chain.silent.supplier
    assert moved["after"] == best["index"]["after"]
    assert (moved["band_before"], moved["band_after"]) == ("unseen", "E")


def test_what_was_imagined_is_nowhere_afterwards(chain: Chain) -> None:
    before = results_of(chain)
    answer = imagine(
        chain,
        {"kind": "go_silent", "link_id": chain.good.link},
        {"kind": "end", "link_id": chain.silent.link},
    )
    assert answer.status_code == 200
    assert answer.json()["portfolio"]["after"] > 0
    facts, results = chain.site.judge(chain.maker)
    assert len(facts["direct"]) == 3
    assert {**results, "as_of": before["as_of"]} == before


def test_a_change_of_nothing_that_is_there_is_refused(chain: Chain) -> None:
    answer = imagine(chain, {"kind": "renew", "link_id": "p_nowhere"})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:risk/change-refused"


def test_history_tells_why_a_score_moved(site: Site, at: Callable[[datetime], None]) -> None:
    scene, maker = Scene(), Firm("Maker")
    supply = scene.supplied(maker, Firm("First"))
    site.hear(*scene.events)
    site.ask(maker)
    told = scene.answered(
        supply, components=[component("chat", {"Q-1": "yes", "Q-2": "partly"})], sub_tier=NO_LIST
    )
    site.hear(*scene.events)
    site.ask(maker)
    statement = told["components"][0]["statement_id"]
    scene.reviewed(supply, statement, {"question": "Q-1", "outcome": "evidence_checked"})
    site.hear(*scene.events)
    site.ask(maker)
    at(NOW + timedelta(days=800))
    site.ask(maker)
    history = site.get(maker, f"/suppliers/{supply.supplier}/history").json()
    reasons = [[one["reason"] for one in move["reasons"]] for move in history["items"]]
    assert "attestation_expired" in reasons[0]
    assert reasons[1] == ["evidence_checked"]
    assert {"declared", "component_declared", "sub_tier_declared"} <= set(reasons[2])
    assert reasons[3] == ["first_judged"]
    scores = [move["score"] for move in history["items"]]
    assert scores[3] == 99.2
    assert scores[1] < scores[2] < scores[3]
    assert history["items"][2]["change"] == round(scores[2] - scores[3], 1)


def test_history_goes_on_page_by_page_and_an_unmoved_score_has_no_reasons(chain: Chain) -> None:
    chain.site.ask(chain.maker)
    path = f"/suppliers/{chain.good.supplier}/history"
    first = chain.get(path, params={"limit": 1}).json()
    assert first["items"][0]["reasons"] == []
    rest = chain.get(path, params={"cursor": first["next_cursor"]}).json()
    assert [one["reason"] for one in rest["items"][0]["reasons"]] == ["first_judged"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("path", ["explanation", "history"])
def test_an_unknown_supplier_and_another_firms_look_the_same(chain: Chain, path: str) -> None:
    other = Chain(chain.site)
    chain.site.ask(other.maker)
    for supplier in (other.good.supplier, "p_nobody"):
        answer = chain.get(f"/suppliers/{supplier}/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "no such supplier")
