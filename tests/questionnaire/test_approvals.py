"""作成 → 確認 → 承認 over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, Pair, World


class Desks:
    """A firm with three steps and a deputy, and a response to take through them."""

    def __init__(self, world: World) -> None:
        self.pair: Pair = world.pair()
        self.writer, self.checker, self.officer, self.deputy = (
            self.pair.respondent.member(f"{name}@supplier.example", name)
            for name in ("writer", "checker", "officer", "deputy")
        )
        today = clock.now().date()
        stand_in = {
            "mailbox": "deputy@supplier.example",
            "first": (today - timedelta(days=1)).isoformat(),
            "last": (today + timedelta(days=2)).isoformat(),
        }
        self.desks = [
            {"step": "write"},
            {"step": "check", "mailboxes": ["checker@supplier.example"]},
            {"step": "approve", "mailboxes": ["officer@supplier.example"], "deputies": [stand_in]},
        ]
        self.pair.respondent.call("PUT", "/approval-flow", 200, json={"desks": self.desks})
        self.saved = self.pair.response()
        self.path = f"/responses/{self.saved['id']}"

    def take(self, who: Firm, step: str, status: int = 200) -> Any:
        body = {"version": self.saved["version"], "step": step}
        return who.post(f"{self.path}/approval", body, status)

    def prepare(self, who: Firm, status: int) -> Any:
        hand = {**made.HandBody(role="responsible-officer"), "locale": "ja"}
        return who.post(f"{self.path}/prepare", hand, status)


@pytest.fixture
def desks(world: World) -> Desks:
    return Desks(world)


def test_only_the_last_step_signs_and_only_when_all_are_done(desks: Desks) -> None:
    assert desks.prepare(desks.officer, 409)["type"].endswith("approvals/unfinished")
    desks.take(desks.writer, "write")
    assert desks.take(desks.checker, "approve", 409)["type"].endswith("approvals/not-this-step")
    assert desks.take(desks.officer, "check", 409)["type"].endswith("approvals/not-your-turn")
    found = desks.take(desks.checker, "check")
    assert found["waiting_for"] == "approve"
    desks.take(desks.deputy, "approve")
    assert desks.prepare(desks.checker, 409)["type"].endswith("approvals/not-your-turn")
    desks.prepare(desks.officer, 200)
    shown = desks.writer.get(f"{desks.path}/approval")
    assert [(each["step"], each["name"]) for each in shown["decisions"]] == [
        *(("write", "writer"), ("check", "checker"), ("approve", "deputy")),
    ]
    desks.pair.requester.get(f"{desks.path}/approval", 404)


def test_nobody_checks_their_own_work(desks: Desks) -> None:
    desks.take(desks.checker, "write")
    assert desks.take(desks.checker, "check", 409)["type"].endswith("approvals/same-person")


def test_what_is_given_back_has_a_reason_and_begins_again(desks: Desks) -> None:
    desks.take(desks.writer, "write")
    back = {"version": desks.saved["version"], "action": "returned"}
    path = f"{desks.path}/approval"
    assert desks.checker.post(path, back, 409)["type"].endswith("approvals/reason-missing")
    found = desks.checker.post(path, {**back, "reason": "対象の工程をご確認ください"}, 200)
    assert found["waiting_for"] == "write"
    assert found["decisions"][-1]["reason"] == "対象の工程をご確認ください"


def test_an_edit_begins_everything_again(desks: Desks) -> None:
    for who, step in (
        (desks.writer, "write"),
        (desks.checker, "check"),
        (desks.officer, "approve"),
    ):
        desks.take(who, step)
    desks.pair.respondent.put(desks.path, made.ResponseBody(answers={}), desks.saved["version"])
    shown = desks.writer.get(f"{desks.path}/approval")
    assert (shown["waiting_for"], shown["decisions"]) == ("write", [])
    assert desks.prepare(desks.officer, 409)["type"].endswith("approvals/unfinished")
    stale = desks.take(desks.writer, "write", 412)
    assert stale["type"].endswith("responses/changed-meanwhile")


def test_a_firm_without_a_flow_signs_as_it_is(world: World) -> None:
    pair = world.pair()
    pair.prepared(saved := pair.response())
    assert pair.respondent.get("/approval-flow") == {"desks": []}
    assert not pair.respondent.get(f"/responses/{saved['id']}/approval")["flow"]
    body = {"version": saved["version"], "step": "write"}
    pair.respondent.post(f"/responses/{saved['id']}/approval", body, 404)


@pytest.mark.parametrize(
    "steps", [["check"], ["approve", "write"], ["write", "approve", "check"], ["write", "write"]]
)
def test_a_flow_begins_with_writing_and_keeps_the_order(world: World, steps: list[str]) -> None:
    firm = world.firm()
    body = {"desks": [{"step": step} for step in steps]}
    problem = firm.call("PUT", "/approval-flow", 422, json=body)
    assert problem["type"] == "urn:rensho:problem:approvals/malformed-flow"


def test_one_persons_steps_are_handed_over_at_once(desks: Desks) -> None:
    body = {"former": "Officer@supplier.example", "successor": "new@supplier.example"}
    found = desks.pair.respondent.post("/approval-flow/hand-over", body, 200)
    assert found["desks"][2]["mailboxes"] == ["new@supplier.example"]
    assert found["desks"][1]["mailboxes"] == ["checker@supplier.example"]
    desks.pair.respondent.post("/approval-flow/hand-over", body, 404)
    desks.pair.respondent.call("PUT", "/approval-flow", 200, json={"desks": []})
    desks.prepare(desks.checker, 200)
