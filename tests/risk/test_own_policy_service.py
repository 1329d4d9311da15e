"""A requester's own weights and bands, and what it says it buys: versions, snapshots, replay."""

from __future__ import annotations

from typing import Any

import pytest
from rensho import replay

from tests.factories.risk import LinkClassified, event
from tests.factories.supply_chains import NO_LIST, Firm, Scene, component
from tests.risk.site import Site

SCOPES = {"policies.read", "policies.write", "scores.read", "snapshots.read", "audit.read"}
BANDS = {"B": 0.05, "C": 0.15, "D": 0.3, "E": 0.5}


class Own:
    def __init__(self, site: Site) -> None:
        self.site, scene = site, Scene()
        self.maker = Firm("Maker")
        self.supply = scene.supplied(self.maker, Firm("First"))
        said = [component("chat", {"Q-1": "yes", "Q-2": "no"})]
        scene.answered(self.supply, components=said, sub_tier=NO_LIST)
        site.hear(*scene.events)

    def get(self, path: str, firm: Firm | None = None) -> Any:
        headers = self.site.headers(firm or self.maker, SCOPES)
        return self.site.http.get(path, headers=headers)

    def adopt(self, **body: Any) -> Any:
        headers = self.site.headers(self.maker, SCOPES)
        return self.site.http.post("/policies", json=body, headers=headers)

    def judged(self) -> tuple[Any, Any]:
        facts, results = self.site.judge(self.maker)
        assert replay.compare(replay.replay(facts), results) == []
        return facts, results


@pytest.fixture
def own(site: Site) -> Own:
    return Own(site)


def test_own_bands_and_weights_count_from_the_next_snapshot_and_replay_agrees(own: Own) -> None:
    _, before = own.judged()
    assert before["suppliers"][0]["band"] == "D"
    made = own.adopt(bands=BANDS, weights=[1, 1, 1, 1, 1], note="as our audit board decided")
    assert made.status_code == 201, made.text
    facts, after = own.judged()
    assert after["policy_digest"] == made.json()["digest"] != before["policy_digest"]
    assert facts["policy"]["weights"] == [1, 1, 1, 1, 1]
    assert facts["policy"]["bands"]["E"] == "0.500000000"
    # Both questions are equally critical: the weights move nothing here, the bands do.
    assert after["suppliers"][0]["band"] == "E" != before["suppliers"][0]["band"]
    assert own.get("/tiers").json()["policy_digest"] == made.json()["digest"]
    history = own.get(f"/suppliers/{own.supply.supplier}/history").json()["items"]
    assert history[0]["reasons"] == [
        {"reason": "policy_changed", "component": None, "question": None}
    ]


def test_every_version_stays_and_nothing_set_goes_back_to_the_deployments(own: Own) -> None:
    default = own.get("/policy").json()
    assert default["own"] is None
    first = own.adopt(bands=BANDS).json()
    assert own.get("/policy").json()["own"] == first
    back = own.adopt(note="back").json()
    assert back["digest"] == default["digest"]
    assert own.get("/policy").json() == default
    versions = own.get("/policies").json()["items"]
    assert [one["id"] for one in versions] == [back["id"], first["id"]]
    audit = own.get("/audit").json()["items"][0]
    assert (audit["operation"], audit["details"]["digest"]) == ("adopt_policy", back["digest"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"bands": {**BANDS, "B": 0.2}}, "bands must rise"),
        ({"weights": [0, 1, 1, 1, 1]}, "fit the contract"),
        ({"weights": [1, 2]}, "fit the contract"),
    ],
)
def test_a_policy_outside_its_ranges_is_refused(own: Own, body: dict[str, Any], says: str) -> None:
    answer = own.adopt(**body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert own.get("/policies").json()["items"] == []


def test_another_firms_policy_is_its_own(own: Own) -> None:
    own.adopt(bands=BANDS)
    assert own.get("/policies", Firm("Other")).json()["items"] == []


def test_what_was_said_to_be_bought_is_kept_each_time(own: Own) -> None:
    for least in ("none", "monitored"):
        said = {"safetyFunction": [least, "monitored"]}
        own.site.hear(
            event(
                LinkClassified,
                org_id=own.maker.org,
                link_id=own.supply.link,
                classification=said,
            )
        )
    kept = own.get(f"/links/{own.supply.link}/classifications").json()["items"]
    assert [one["classification"]["safetyFunction"][0] for one in kept] == ["monitored", "none"]
    facts, _ = own.judged()
    assert facts["direct"][0]["classification"] == kept[0]["classification"]
    other = own.get(f"/links/{own.supply.link}/classifications", Firm("Other"))
    assert other.json()["items"] == []
