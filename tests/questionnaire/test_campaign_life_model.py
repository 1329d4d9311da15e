"""A campaign and its one request against a model of their lives, in any order of deeds.

The model below is written from the issue, not from the code: what may follow what, and what each
refusal is called.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from services.kit import clock
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, World

OVER = "urn:rensho:problem:campaigns/not-now"
SHUT = "urn:rensho:problem:requests/shut"
OPEN = ("issued", "opened", "started", "prepared")


class Life(RuleBasedStateMachine):
    """One requester, one supplier, one campaign."""

    make_world: ClassVar[Callable[[], World]]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()
        self.requester = self.world.firm()
        self.record = self.requester.supplier()
        self.campaign: Any = None
        self.respondent: Firm | None = None
        self.state, self.asked = "draft", "created"
        # As far as the answer had come when the request ended, and what was signed.
        self.came_to, self.handed_out = "issued", [""]
        self.version: int | None = None

    @initialize(depth=st.integers(min_value=0, max_value=5))
    def draft(self, depth: int) -> None:
        """Begin anywhere on the usual way: chance alone seldom walks it to the end."""
        self.campaign = self.requester.campaign()
        self.path = f"/campaigns/{self.campaign['id']}"
        (asked,) = self.requester.asked(self.campaign)
        self.request = f"/requests/{asked['id']}"
        usual = (self.prepare, self.the_log_records, self.the_supplier_enrols)
        more = (self.the_supplier_opens, self.the_supplier_saves)
        for step in (*usual, *more)[:depth]:
            step()

    @invariant()
    def shown_as_in_the_model(self) -> None:
        if self.campaign is not None:
            (asked,) = self.requester.asked(self.campaign)
            assert asked["state"] == self.asked
            assert self.requester.get(self.path)["state"] == self.state

    @rule()
    def prepare(self) -> None:
        allowed = self.state in ("draft", "prepared")
        body = self.requester.post(f"{self.path}/prepare", made.HandBody(), 200 if allowed else 409)
        if allowed:
            self.state = "prepared"
            self.handed_out.append(body["statement_id"])

    @rule()
    def withdraw(self) -> None:
        self._deed("withdraw", {"prepared": "draft"})
        if self.state == "draft":
            self.handed_out = [""]

    @precondition(lambda self: len(self.handed_out) > 1)
    @rule()
    def the_log_records(self) -> None:
        self.world.record(self.handed_out[-1], "request")
        if self.state == "prepared":
            self.state, self.asked = "issued", "issued"

    @precondition(lambda self: self.respondent is None)
    @rule()
    def the_supplier_enrols(self) -> None:
        self.respondent = self.world.firm(link_id=self.record["link"]["id"])

    @precondition(lambda self: self.respondent is not None)
    @rule()
    def the_supplier_opens(self) -> None:
        body = self._answer("POST", f"{self.request}/response")
        if body is not None:
            self.response = f"/responses/{body['id']}"
            self.version = body["version"]
            if self.asked == "issued":
                self._came("opened")

    @precondition(lambda self: self.version is not None)
    @rule()
    def the_supplier_saves(self) -> None:
        headers = {"If-Match": f'"{self.version}"'}
        body = self._answer("PUT", self.response, json=made.ResponseBody(), headers=headers)
        if body is not None:
            self.version = body["version"]
            if self.asked != "signed":
                self._came("started")

    @precondition(lambda self: self.came_to in ("started", "prepared", "signed"))
    @rule()
    def the_supplier_signs(self) -> None:
        hand = {**made.HandBody(role="responsible-officer"), "locale": "ja"}
        body = self._answer("POST", f"{self.response}/prepare", json=hand)
        if body is not None:
            for each in body["statements"]:
                self.world.record(each["statement_id"], each["type"])
            self._came("signed")

    @precondition(lambda self: self.respondent is not None)
    @rule()
    def the_supplier_declines(self) -> None:
        body = {"reason": "no-capacity"}
        if self.asked == "signed":
            refused = self._by_supplier("POST", f"{self.request}/decline", 409, json=body)
            assert refused["type"] == "urn:rensho:problem:requests/answered"
        elif self._answer("POST", f"{self.request}/decline", json=body) is not None:
            self.asked = "declined"

    @rule()
    def the_requester_gives_up(self) -> None:
        body = {"reason": "unreachable"}
        status = 404 if not self._went_out() else 409 if self.asked == "signed" else 200
        self.requester.post(f"{self.request}/non-response", body, status)
        if status == 200:
            self.asked = "closed"

    @rule()
    def the_requester_opens_again(self) -> None:
        ended = self.asked in ("declined", "closed", "cancelled")
        allowed = ended and self.state == "issued"
        status = 404 if not self._went_out() else 200 if allowed else 409
        self.requester.post(f"{self.request}/reopen", status=status)
        if allowed:
            self.asked = self.came_to

    @precondition(lambda self: self.respondent is not None)
    @rule()
    def the_supplier_takes_its_declining_back(self) -> None:
        allowed = self.asked == "declined" and self.state == "issued"
        status = 404 if not self._went_out() else 200 if allowed else 409
        self._by_supplier("POST", f"{self.request}/reopen", status)
        if allowed:
            self.asked = self.came_to

    @rule()
    def close(self) -> None:
        if self._deed("close", {"issued": "closed"}, note="年度末のため"):
            self._ended("closed")

    @rule()
    def reopen(self) -> None:
        if self._deed("reopen", {"closed": "issued"}) and self.asked == "closed":
            self.asked = self.came_to

    @rule()
    def cancel(self) -> None:
        steps = dict.fromkeys(("draft", "prepared", "issued"), "cancelled")
        if self._deed("cancel", steps, note="調査の見直しのため"):
            self._ended("cancelled")

    @rule()
    def extend(self) -> None:
        due_on = (clock.now() + timedelta(days=300)).date().isoformat()
        owes = self.asked in (*OPEN, "declined")
        status = 404 if not self._went_out() else 200 if owes and not self._extended() else 422
        body = {"due_on": due_on, "reason": "連休のため"}
        self.requester.post(f"{self.path}/due", body, status)

    def teardown(self) -> None:
        if self.campaign is None:
            return
        (asked,) = self.requester.asked(self.campaign)
        assert asked["stage"] == {"prepared": "submitted"}.get(self.asked, asked["stage"])
        times = asked["times"]
        assert times["created"] <= times.get("issued", times["created"])
        reached = {"opened", "started"} if self.came_to == "started" else set()
        assert reached <= set(times)

    def _deed(self, name: str, steps: dict[str, str], **body: str) -> bool:
        after = steps.get(self.state)
        answer = self.requester.post(f"{self.path}/{name}", body, 200 if after else 409)
        if after is None:
            assert (answer["type"], answer["state"]) == (OVER, self.state)
            return False
        assert answer["state"] == after
        self.state = after
        return True

    def _answer(self, method: str, path: str, **options: Any) -> Any:
        """What a supplier does with a request: possible while it is neither unseen nor shut."""
        if not self._went_out():
            assert self._by_supplier(method, path, 404, **options)
            return None
        if self.asked in ("closed", "cancelled"):
            refused = self._by_supplier(method, path, 409, **options)
            assert refused["type"] == SHUT
            return None
        return self._by_supplier(method, path, 200, **options)

    def _by_supplier(self, method: str, path: str, status: int, **options: Any) -> Any:
        assert self.respondent is not None
        return self.respondent.call(method, path, status, **options)

    def _came(self, state: str) -> None:
        self.asked = self.came_to = state

    def _ended(self, effect: str) -> None:
        if self.asked not in ("signed", "closed", "cancelled"):
            self.asked = effect

    def _went_out(self) -> bool:
        return bool(self.requester.get(self.path)["issued_at"])

    def _extended(self) -> bool:
        (asked,) = self.requester.asked(self.campaign)
        return bool(asked["answer_by"] != asked["due_at"])


@pytest.fixture
def made_worlds(world: World) -> Callable[[], World]:
    return lambda: world


def test_a_campaign_and_its_request_live_as_agreed_in_any_order(
    made_worlds: Callable[[], World],
) -> None:
    machine = type("Life_", (Life,), {"make_world": staticmethod(made_worlds)})
    machine.TestCase.settings = settings(  # type: ignore[attr-defined]
        max_examples=6,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase().runTest()  # type: ignore[attr-defined]
