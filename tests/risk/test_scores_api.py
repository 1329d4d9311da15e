"""The ERP's face: scores by firm and by tier, of the requester's newest snapshot."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.kit.db import new_id
from tests.factories.supply_chains import NO_LIST, Firm, Scene, Supply, component, listed
from tests.risk.site import Site


class Chain:
    """A maker with a good supplier, a silent one and a trading house; one masked firm below."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.maker = Firm("Maker")
        scene = Scene()
        self.good = self._supplied(scene, "Good", vendor_codes=["V-1", "X/9"], tags=["press"])
        self.silent = self._supplied(scene, "Silent", vendor_codes=["V-2"])
        self.house = self._supplied(scene, "House", pass_through=True)
        below = scene.supplied(self.good.firm, Firm("Below"))
        scene.answered(
            self.good,
            components=[component("chat", {"Q-1": "yes", "Q-2": "partly"})],
            sub_tier=listed(below.entry(visibility="masked", dependency="moderate")),
        )
        scene.answered(below, components=[component("eye", {"Q-1": "yes"})], sub_tier=NO_LIST)
        site.hear(*scene.events)

    def _supplied(self, scene: Scene, name: str, **fields: Any) -> Supply:
        return scene.supplied(self.maker, Firm(name), **fields)

    def get(self, path: str, **given: Any) -> Any:
        return self.site.get(self.maker, path, **given)

    def items(self, **params: Any) -> list[Any]:
        answer = self.get("/suppliers", params=params)
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["items"]
        return found


@pytest.fixture
def chain(site: Site) -> Chain:
    made = Chain(site)
    site.ask(made.maker)
    return made


@pytest.mark.parametrize("path", ["/suppliers", "/tiers", "/suppliers/x"])
def test_before_the_first_snapshot_there_is_none_yet(site: Site, path: str) -> None:
    answer = site.get(Firm("Maker"), path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:rensho:problem:snapshots/none-yet"


def test_each_score_says_where_it_comes_from(chain: Chain) -> None:
    snapshot = chain.get("/snapshots").json()["items"][0]
    scores = {score["id"]: score for score in chain.items()}
    good = scores[chain.good.supplier]
    results = chain.get(f"/snapshots/{snapshot['id']}/results").json()
    row = next(one for one in results["suppliers"] if one["supplier"] == chain.good.supplier)
    assert good == {
        "id": chain.good.supplier,
        "name": "Good",
        "vendor_codes": ["V-1", "X/9"],
        "identifiers": {},
        "tags": ["press"],
        "product_lines": [],
        "tier": 1,
        "tiers": [1],
        "score": round(float(row["risk"]["evidenced"]) * 100, 1),
        "score_exact": row["risk"],
        "band": row["band"],
        "coverage": 1.0,
        "dispute": None,
        "synthetic": False,
        "snapshot": snapshot["id"],
        "as_of": "2026-11-21T03:00:00Z",
        "model_version": "rm-1",
        "policy_digest": results["policy_digest"],
        "explanation_url": (
            f"{chain.site.settings.base_url}/risk/v1/suppliers/{chain.good.supplier}"
        ),
    }
    silent = scores[chain.silent.supplier]
    assert (silent["score"], silent["band"], silent["coverage"]) == (99.2, "unseen", 0.0)


def test_a_trading_house_has_no_score_and_not_a_zero(chain: Chain) -> None:
    house = next(score for score in chain.items() if score["id"] == chain.house.supplier)
    assert [house[name] for name in ("score", "score_exact", "band", "coverage")] == [None] * 4
    assert house["name"] == "House"


def test_a_firm_further_down_has_a_pseudonym_and_no_name(chain: Chain) -> None:
    (below,) = chain.items(tier=2)
    assert below["id"].startswith("p_")
    assert (below["name"], below["vendor_codes"], below["tags"]) == (None, [], [])
    assert below["coverage"] == pytest.approx(0.5)
    explained = chain.get(f"/suppliers/{below['id']}").json()
    assert explained["explanation"] is None
    assert {name: explained[name] for name in below} == below


def test_scores_are_found_by_tier_band_and_vendor_code(chain: Chain) -> None:
    def found(**params: Any) -> set[str]:
        return {score["id"] for score in chain.items(**params)}

    assert found(tier=1) == {chain.good.supplier, chain.silent.supplier, chain.house.supplier}
    assert found(tier=9) == set()
    assert found(band="unseen") == {chain.silent.supplier}
    assert found(vendor_code="V-1") == {chain.good.supplier}
    assert found(vendor_code="V-9") == set()


@pytest.mark.parametrize("code", ["V-1", "X/9"])
def test_a_supplier_is_found_by_its_vendor_code(chain: Chain, code: str) -> None:
    answer = chain.get(f"/suppliers/by-vendor-code/{code}")
    assert answer.json()["id"] == chain.good.supplier
    assert answer.json()["explanation"]["components"][0]["id"] == "chat"


def test_an_unknown_vendor_code_is_not_found(chain: Chain) -> None:
    answer = chain.get("/suppliers/by-vendor-code/V-9")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:rensho:problem:request/not-found"


def test_a_vendor_code_of_two_suppliers_is_no_answer(site: Site) -> None:
    scene, maker = Scene(), Firm("Maker")
    twins = [scene.supplied(maker, Firm(name), vendor_codes=["V-1"]) for name in ("One", "Two")]
    site.hear(*scene.events)
    site.ask(maker)
    answer = site.get(maker, "/suppliers/by-vendor-code/V-1")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:suppliers/ambiguous-vendor-code"
    assert set(answer.json()["supplier_ids"]) == {twin.supplier for twin in twins}


@pytest.mark.parametrize("firm", ["p_aaaaaaaaaaaaaaaa", str(UUID(int=1))])
def test_an_unknown_firm_is_not_found(chain: Chain, firm: str) -> None:
    answer = chain.get(f"/suppliers/{firm}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "no such supplier"


def test_a_score_is_explained_down_to_single_questions(chain: Chain) -> None:
    told = chain.get(f"/suppliers/{chain.good.supplier}").json()["explanation"]
    (chat,) = told["components"]
    assert [question["id"] for question in chat["questions"]] == ["Q-1", "Q-2"]
    parts = sum(float(question["contribution"]["evidenced"]) for question in chat["questions"])
    assert parts == pytest.approx(float(chat["contribution"]["evidenced"]), abs=1e-8)


def test_the_tier_table_is_that_of_the_results(chain: Chain) -> None:
    table = chain.get("/tiers").json()
    results = chain.get(f"/snapshots/{table['snapshot']}/results").json()
    assert table["explanation_url"].endswith(f"/snapshots/{table['snapshot']}/results")
    assert (table["total"], table["portfolio_exact"]) == (
        results["total"],
        results["portfolio_index"],
    )
    for shown, row in zip(table["tiers"], results["tiers"], strict=True):
        assert shown["score_exact"] == row["index"]
        assert shown["score"] == round(float(row["index"]["evidenced"]) * 100, 1)
        same = shown.keys() & row.keys() - {"coverage"}
        assert {name: shown[name] for name in same} == {name: row[name] for name in same}


@pytest.mark.parametrize("name", ["facts", "results"])
def test_a_document_is_named_by_its_digest(chain: Chain, name: str) -> None:
    (snapshot,) = chain.get("/snapshots").json()["items"]
    path, tag = f"/snapshots/{snapshot['id']}/{name}", f'"{snapshot[f"{name}_sha256"]}"'
    assert chain.get(path).headers["etag"] == tag
    headers = {**chain.site.headers(chain.maker), "If-None-Match": tag}
    assert chain.site.http.get(path, headers=headers).status_code == 304


@pytest.mark.parametrize("path", ["/suppliers", "/tiers", "/suppliers/by-vendor-code/V-1"])
def test_who_holds_the_answer_already_is_told_so_without_it(chain: Chain, path: str) -> None:
    first = chain.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"

    def again(known: str) -> Any:
        headers = {**chain.site.headers(chain.maker), "If-None-Match": known}
        return chain.site.http.get(path, headers=headers)

    for known in (tag, f'"other", W/{tag}', "*"):
        assert (again(known).status_code, again(known).content) == (304, b"")
    assert again('"other"').status_code == 200
    chain.site.ask(chain.maker)
    assert again(tag).status_code == 200


def test_a_new_name_changes_the_answer_but_no_score(chain: Chain) -> None:
    before = chain.get(f"/suppliers/{chain.good.supplier}")
    scene = Scene()
    scene.link(chain.good, name="Renamed")
    chain.site.hear(*scene.events)
    after = chain.get(f"/suppliers/{chain.good.supplier}")
    assert after.headers["etag"] != before.headers["etag"]
    assert {**after.json(), "name": "Good", "vendor_codes": ["V-1", "X/9"], "tags": ["press"]} == (
        before.json()
    )


def test_a_walk_over_the_pages_stays_with_its_snapshot(chain: Chain) -> None:
    first = chain.get("/suppliers", params={"limit": 3})
    walked, cursor = first.json()["items"], first.json()["next_cursor"]
    assert f"cursor={cursor}" in first.headers["link"]
    chain.site.ask(chain.maker)
    rest = chain.get("/suppliers", params={"limit": 3, "cursor": cursor})
    walked += rest.json()["items"]
    assert rest.json()["next_cursor"] is None
    assert "link" not in rest.headers
    assert [score["id"] for score in walked] == sorted({score["id"] for score in walked})
    assert len(walked) == 4
    assert len({score["snapshot"] for score in walked}) == 1


@pytest.mark.parametrize(
    "cursor",
    [
        "%",
        "e30",
        "WyJhIl0",
        "WyJhIiwiYiJd",
        "WzEsMl0",
        "WyIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiLCJ4Il0",
    ],
)
def test_a_foreign_cursor_is_refused(chain: Chain, cursor: str) -> None:
    answer = chain.get("/suppliers", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "this cursor is none of ours"


@pytest.mark.parametrize(
    "path",
    [
        "/suppliers?tier=0",
        "/suppliers?band=F",
        "/suppliers?vendor_code=%00",
        "/suppliers/by-vendor-code/a%00b",
        "/suppliers/%00",
        "/suppliers?limit=501",
    ],
)
def test_what_cannot_be_meant_is_refused(chain: Chain, path: str) -> None:
    answer = chain.get(path)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:request/invalid"


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/suppliers", "scores.read"),
        ("GET", "/suppliers/x", "scores.read"),
        ("GET", "/suppliers/by-vendor-code/x", "scores.read"),
        ("GET", "/tiers", "scores.read"),
        ("POST", "/snapshots", "snapshots.write"),
        ("GET", "/snapshots", "snapshots.read"),
        ("GET", f"/snapshots/{UUID(int=1)}", "snapshots.read"),
        ("GET", f"/snapshots/{UUID(int=1)}/facts", "snapshots.read"),
        ("GET", f"/snapshots/{UUID(int=1)}/results", "snapshots.read"),
    ],
)
def test_every_route_asks_for_its_own_permission(
    site: Site, method: str, path: str, needed: str
) -> None:
    maker = Firm("Maker")
    others = {"scores.read", "snapshots.read", "snapshots.write", "audit.read"} - {needed}
    lacking = site.http.request(method, path, headers=site.headers(maker, others))
    assert lacking.status_code == 403
    assert lacking.json()["detail"] == f"this needs the permission {needed}"
    assert site.http.request(method, path).status_code == 401
    assert site.http.request(method, path, headers=site.headers(maker, {needed})).status_code in (
        200,
        202,
        404,
    )


def test_asking_for_a_snapshot_leaves_an_audit_row(site: Site) -> None:
    maker = Firm("Maker")
    made = site.ask(maker)
    (row,) = site.get(maker, "/audit").json()["items"]
    assert (row["operation"], row["details"]) == ("create_snapshot", {"snapshot_id": made["id"]})


def test_withdrawn_access_is_refused_at_once(site: Site) -> None:
    maker = Firm("Maker")
    subject = f"urn:rensho:member:{new_id()}"
    headers = site.tokens(org=new_id(), audience="risk", scopes={"snapshots.read"}, subject=subject)
    assert site.http.get("/snapshots", headers=headers).status_code == 200
    site.hear(
        {
            "id": str(new_id()),
            "type": "access.revoked.v1",
            "at": "2026-11-21T03:00:00Z",
            "trace": "-",
            "subject": subject,
            "not_before": "2026-11-21T03:00:01Z",
        }
    )
    assert site.http.get("/snapshots", headers=headers).status_code == 401
    assert site.get(maker, "/snapshots").status_code == 200
