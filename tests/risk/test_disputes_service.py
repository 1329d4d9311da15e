"""A respondent reads its own score, asks to look again, and the requester answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.kit import clock
from services.kit.db import Actor, new_id
from services.risk.app import ticks
from tests.factories.risk import NOW
from tests.factories.supply_chains import NO_LIST, Firm, Scene, component
from tests.risk.site import Site

SCOPES = {"disputes.read", "disputes.write", "disputes.answer", "scores.read"}


class Pair:
    """A maker that judged its one supplier."""

    def __init__(self, site: Site) -> None:
        self.site, scene = site, Scene()
        self.supply = scene.supplied(Firm("Maker"), Firm("First"))
        self.maker, self.first = self.supply.customer, self.supply.firm
        scene.answered(
            self.supply, components=[component("chat", {"Q-1": "yes"})], sub_tier=NO_LIST
        )
        site.hear(*scene.events)
        site.ask(self.maker)

    def get(self, firm: Firm, path: str) -> Any:
        return self.site.http.get(path, headers=self.site.headers(firm, SCOPES))

    def post(self, firm: Firm, path: str, **body: Any) -> Any:
        return self.site.http.post(path, json=body, headers=self.site.headers(firm, SCOPES))

    def open(self, **body: Any) -> Any:
        plain = {"link_id": self.supply.link, "text": "We sent the plan in May."}
        return self.post(self.first, "/disputes", **{**plain, **body})


@pytest.fixture
def pair(site: Site) -> Pair:
    return Pair(site)


def test_a_respondent_sees_its_own_score_as_that_requester_sees_it(pair: Pair) -> None:
    (own,) = pair.get(pair.first, "/own-scores").json()["items"]
    seen = pair.get(pair.maker, f"/suppliers/{pair.supply.supplier}").json()
    for name in ("score", "score_exact", "band", "coverage", "as_of", "policy_digest"):
        assert own[name] == seen[name]
    assert own["requester_id"] == pair.maker.org
    assert own["explanation"]["components"] == seen["explanation"]["components"]


def test_what_the_requester_thinks_of_its_dependence_stays_with_it(pair: Pair) -> None:
    (own,) = pair.get(pair.first, "/own-scores").json()["items"]
    kept_back = {"dependency", "contribution", "share", "retained", "supplier", "id"}
    assert not kept_back & own["explanation"].keys()


def test_nobody_else_sees_it(pair: Pair) -> None:
    assert pair.get(Firm("Other"), "/own-scores").json() == {"items": []}
    assert pair.get(pair.maker, "/own-scores").json() == {"items": []}


def test_a_dispute_stands_beside_the_number_until_it_is_settled(pair: Pair) -> None:
    opened = pair.open(component="chat", question="Q-1")
    assert opened.status_code == 201
    dispute = opened.json()
    assert (dispute["state"], dispute["overdue"]) == ("open", False)
    assert dispute["due_at"] == clock.rfc3339(clock.now() + timedelta(days=14))
    explained = f"/suppliers/{pair.supply.supplier}/explanation"
    mark = pair.get(pair.maker, explained).json()["dispute"]
    assert (mark["dispute_id"], mark["state"]) == (dispute["id"], "open")
    (own,) = pair.get(pair.first, "/own-scores").json()["items"]
    assert own["dispute"] == mark
    path = f"/disputes/{dispute['id']}"
    answer = pair.post(pair.maker, f"{path}/answer", outcome="will_correct", text="We look.")
    assert answer.json()["state"] == "answered"
    assert pair.get(pair.maker, explained).json()["dispute"]["state"] == "answered"
    (listed,) = pair.get(pair.maker, "/suppliers").json()["items"]
    assert listed["dispute"]["state"] == "answered"
    settled = pair.post(pair.first, f"{path}/accept").json()
    assert (settled["state"], settled["ending"], settled["due_at"]) == ("settled", "accepted", None)
    assert pair.get(pair.maker, explained).json()["dispute"] is None
    whole = pair.get(pair.maker, path).json()
    assert [step["step"] for step in whole["steps"]] == ["opened", "answered", "accepted"]
    assert whole["steps"][0]["text"] == "We sent the plan in May."


def test_both_ends_list_it_and_only_unsettled_ones_if_asked(pair: Pair) -> None:
    dispute = pair.open().json()
    for firm in (pair.maker, pair.first):
        (listed,) = pair.get(firm, "/disputes").json()["items"]
        assert listed == dispute
    pair.post(pair.first, f"/disputes/{dispute['id']}/withdraw")
    assert pair.get(pair.maker, "/disputes?unsettled=true").json()["items"] == []
    again = pair.open().json()
    page = pair.get(pair.first, "/disputes?limit=1").json()
    assert [one["id"] for one in page["items"]] == [again["id"]]
    rest = pair.get(pair.first, f"/disputes?cursor={page['next_cursor']}").json()
    assert [one["id"] for one in rest["items"]] == [dispute["id"]]


def test_a_score_is_disputed_once_at_a_time(pair: Pair) -> None:
    first = pair.open().json()
    second = pair.open()
    assert second.status_code == 409
    assert second.json()["type"] == "urn:rensho:problem:disputes/already-open"
    assert second.json()["dispute_id"] == first["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"link_id": str(new_id())},
        {"component": "nothing"},
        {"component": "chat", "question": "Q-9"},
        {"question": "Q-1"},
    ],
)
def test_only_what_is_in_ones_own_score_can_be_disputed(pair: Pair, body: dict[str, str]) -> None:
    answer = pair.open(**body)
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such score of yours")


def test_the_requester_cannot_dispute_for_its_supplier(pair: Pair) -> None:
    answer = pair.post(pair.maker, "/disputes", link_id=pair.supply.link, text="x")
    assert answer.status_code == 404


@pytest.mark.parametrize("step", ["accept", "ask-again", "withdraw"])
def test_the_respondents_steps_are_not_the_requesters(pair: Pair, step: str) -> None:
    path = f"/disputes/{pair.open().json()['id']}"
    assert pair.post(pair.maker, f"{path}/{step}").status_code == 404
    assert pair.post(Firm("Other"), f"{path}/{step}").status_code == 404


def test_the_answer_is_not_the_respondents(pair: Pair) -> None:
    path = f"/disputes/{pair.open().json()['id']}"
    answer = pair.post(pair.first, f"{path}/answer", outcome="stays", text="x")
    assert answer.status_code == 404
    assert pair.get(Firm("Other"), path).status_code == 404


def test_a_step_out_of_turn_is_refused(pair: Pair) -> None:
    path = f"/disputes/{pair.open().json()['id']}"
    early = pair.post(pair.first, f"{path}/accept")
    assert early.status_code == 409
    assert early.json()["type"] == "urn:rensho:problem:disputes/not-now"
    pair.post(pair.maker, f"{path}/answer", outcome="stays", text="It is as it is.")
    assert pair.post(pair.first, f"{path}/ask-again", text="Look.").json()["state"] == "open"
    pair.post(pair.maker, f"{path}/answer", outcome="stays", text="Still.")
    assert pair.post(pair.first, f"{path}/ask-again").status_code == 409


def test_an_answer_nobody_reacts_to_settles_and_silence_of_the_requester_does_not(
    pair: Pair, at: Callable[[datetime], None]
) -> None:
    dispute = pair.open().json()
    path = f"/disputes/{dispute['id']}"
    _, strike = ticks(pair.site.settings)["dispute-clock"]

    def later(days: int) -> Any:
        at(NOW + timedelta(days=days))
        with pair.site.worker.begin(Actor("beat")) as tx:
            strike(tx, clock.now())
        return pair.get(pair.maker, path).json()

    late = later(40)
    assert (late["state"], late["overdue"]) == ("open", True)
    pair.post(pair.maker, f"{path}/answer", outcome="stays", text="Late, but here.")
    assert later(41)["state"] == "answered"
    ended = later(60)
    assert (ended["state"], ended["ending"]) == ("settled", "lapsed")
    assert ended["steps"][-1]["by"] == "urn:rensho:clock"
