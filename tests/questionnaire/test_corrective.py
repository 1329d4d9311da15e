"""Corrective actions over HTTP from both ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from services.kit.settings import Settings
from tests.questionnaire.mails import letters_to
from tests.questionnaire.world import Pair, World


class Finding:
    """A corrective action opened on a question of one request."""

    def __init__(self, world: World) -> None:
        self.pair: Pair = world.pair()
        self.day = clock.now().date() + timedelta(days=90)
        self.made = self.open(201)
        self.path = f"/corrective-actions/{self.made['id']}/steps"

    def open(self, status: int, **fields: Any) -> Any:
        body = {
            "question": "Q-CORE-009",
            "finding": "学習データの確認者が決まっていない",
            "due_on": self.day.isoformat(),
            **fields,
        }
        path = f"/requests/{self.pair.request_id}/corrective-actions"
        return self.pair.requester.post(path, body, status)

    def step(self, by: str, version: int, step: str, status: int = 200, **fields: Any) -> Any:
        body = {"version": version, "step": step, "note": "確認者を定めます", **fields}
        return getattr(self.pair, by).post(self.path, body, status)


@pytest.fixture
def finding(world: World) -> Finding:
    return Finding(world)


def test_it_is_opened_agreed_done_and_checked_with_both_ends_watching(
    finding: Finding, world: World, settings: Settings
) -> None:
    day = (finding.day + timedelta(days=30)).isoformat()
    finding.step("respondent", 1, "agree", due_on=day)
    seen = finding.pair.respondent.call(
        "POST",
        "/evidence/seen",
        201,
        json={
            "title": "学習データ管理手順",
            "document_number": "QA-17",
            "revision": "3",
            "seen_on": "2026-11-20",
            "viewer": "品質保証部長",
        },
    )
    finding.step("respondent", 2, "done", evidence=[seen["id"]])
    found = finding.step("requester", 3, "check", note="")
    assert (found["state"], found["due_on"], found["overdue"]) == ("checked", day, False)
    assert [each["step"] for each in found["history"]] == ["open", "agree", "done", "check"]
    assert found["history"][2]["evidence"] == [seen["id"]]
    for end in (finding.pair.requester, finding.pair.respondent):
        (listed,) = end.get(f"/corrective-actions?request_id={finding.pair.request_id}")["items"]
        assert listed == found
    world.pump("notice.due.v1")
    subjects = [mail["Subject"] for mail in letters_to(settings, finding.pair.record["mailbox"])]
    told = [each.partition("】")[0] for each in subjects if "改善" in each]
    assert told == ["【改善のご相談", "【改善確認のお知らせ"]


def test_who_was_slower_looks_again(finding: Finding) -> None:
    finding.step("respondent", 1, "agree", due_on=finding.day.isoformat())
    problem = finding.step("requester", 1, "drop", 412)
    assert problem["type"] == "urn:rensho:problem:corrective/moved-meanwhile"
    assert problem["version"] == 2


def test_each_refusal_has_its_name(finding: Finding, world: World) -> None:
    past = (clock.now().date() - timedelta(days=3)).isoformat()
    tries = [
        (finding.open(422, question="Q-CORE-999"), "corrective/unknown-question"),
        (finding.open(409, due_on=None), "corrective/due-missing"),
        (finding.open(409, due_on=past), "corrective/due-past"),
        (finding.step("requester", 1, "check", 409), "corrective/not-now"),
        (finding.step("respondent", 1, "drop", 409), "corrective/other-end"),
        (finding.step("respondent", 1, "agree", 409, note=""), "corrective/note-missing"),
        (finding.step("respondent", 1, "agree", 409), "corrective/due-missing"),
        (
            finding.step(
                *("respondent", 1, "agree", 422),
                due_on=finding.day.isoformat(),
                evidence=["0197f0a0-0000-7000-8000-000000000001"],
            ),
            "evidence/unknown",
        ),
    ]
    assert [problem["type"].partition("problem:")[2] for problem, _ in tries] == [
        urn for _, urn in tries
    ]
    stranger = world.firm()
    stranger.post(finding.path, {"version": 1, "step": "drop", "note": "x"}, 404)
    body = {"finding": "x", "due_on": finding.day.isoformat()}
    finding.pair.respondent.post(
        f"/requests/{finding.pair.request_id}/corrective-actions", body, 404
    )
    assert stranger.get("/corrective-actions")["items"] == []


def test_nobody_agrees_for_a_supplier_that_has_not_enrolled(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    (request,) = requester.asked(requester.issued())
    body = {"finding": "x", "due_on": (clock.now().date() + timedelta(days=9)).isoformat()}
    problem = requester.post(f"/requests/{request['id']}/corrective-actions", body, 409)
    assert problem["type"] == "urn:rensho:problem:corrective/nobody-there"
