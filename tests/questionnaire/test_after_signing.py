"""What follows a signature: review, return, acceptance, a table to file, the next round."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest

from services.kit import clock
from services.kit.db import Actor
from services.kit.settings import Settings
from services.questionnaire.actions import renewals
from services.questionnaire.actions.excel import MEDIA_TYPE
from tests.factories import questionnaire as made
from tests.questionnaire.mails import letters_to, text_of
from tests.questionnaire.world import Pair, World

NONE = {"embedded": "none", "process": "none", "customer_data": "none"}
ANSWERS = {
    "Q-CORE-001": {"state": "answered", "value": "complete"},
    "Q-CORE-004": {"state": "checking"},
}


def review(pair: Pair, statement_id: str, *decisions: dict[str, Any]) -> None:
    body = {**made.HandBody(), "statement_id": statement_id, "decisions": list(decisions)}
    prepared = pair.requester.post("/reviews/prepare", body)
    pair.requester.world.record(prepared["statement_id"], "review")
    pair.requester.world.pump("notice.due.v1")


def back(question: str) -> dict[str, Any]:
    return {"question": question, "outcome": "sent_back", "reason": "責任者をご記入ください"}


def accepted(question: str) -> dict[str, Any]:
    return {"question": question, "outcome": "accepted"}


@pytest.fixture
def pair(world: World) -> Pair:
    return world.pair(mailbox=f"after-{made.HandBody()['key_id'][:6].strip('/+')}@supplier.example")


def sign(pair: Pair, *, again: bool = False, **fields: Any) -> str:
    given = {"pre_screen": NONE, "components": [], "answers": ANSWERS, **fields}
    saved = pair.saved_again(**given) if again else pair.response(**given)
    return str(pair.recorded(pair.prepared(saved))["statements"][-1]["statement_id"])


def standing(pair: Pair) -> tuple[str, dict[str, str]]:
    found = pair.requester.get(f"/requests/{pair.request_id}/standing")
    assert pair.respondent.get(f"/requests/{pair.request_id}/standing") == found
    return found["verdict"], {each["question"]: each["standing"] for each in found["items"]}


def state(pair: Pair) -> str:
    return str(pair.requester.get(f"/requests/{pair.request_id}")["state"])


def test_one_question_is_sent_back_corrected_and_all_accepted(
    pair: Pair, settings: Settings
) -> None:
    first = sign(pair)
    assert standing(pair) == ("in_review", {"Q-CORE-001": "open", "Q-CORE-004": "open"})
    review(pair, first, accepted("Q-CORE-001"), back("Q-CORE-004"))
    assert standing(pair)[0] == state(pair) == "returned"

    alike = sign(pair, again=True, answers={**ANSWERS, "Q-CORE-007": {"state": "checking"}})
    assert state(pair) == "signed"
    assert standing(pair)[1] == {
        "Q-CORE-001": "accepted",
        "Q-CORE-004": "unchanged",
        "Q-CORE-007": "open",
    }
    corrected = {**ANSWERS, "Q-CORE-004": {"state": "answered", "value": "appointed"}}
    newest = sign(pair, again=True, answers=corrected)
    assert standing(pair)[1] == {"Q-CORE-001": "accepted", "Q-CORE-004": "open"}
    stale = {**made.HandBody(), "statement_id": alike, "decisions": [accepted("Q-CORE-004")]}
    problem = pair.requester.post("/reviews/prepare", stale, 409)
    assert problem["type"] == "urn:rensho:problem:reviews/superseded"
    assert problem["declaration_id"] == newest

    review(pair, newest, accepted("Q-CORE-004"))
    assert standing(pair)[0] == state(pair) == "accepted"
    subjects = [mail["Subject"] for mail in letters_to(settings, pair.record["mailbox"])]
    told = [each for each in subjects if "修正" in each or "受領" in each]
    assert [each.partition("】")[0] for each in told] == [
        "【修正のお願い",
        "【ご回答受領のお知らせ",
    ]
    pair.requester.world.firm().get(f"/requests/{pair.request_id}/standing", 404)


def test_a_correction_that_the_log_refuses_leaves_the_request_sent_back(pair: Pair) -> None:
    review(pair, sign(pair), accepted("Q-CORE-001"), back("Q-CORE-004"))
    prepared = pair.prepared(pair.saved_again(answers=ANSWERS))
    refused = prepared["statements"][-1]["statement_id"]
    pair.requester.world.feed(
        made.RefusedStatement(statement_id=refused, statement_type="declaration")
    )
    assert state(pair) == standing(pair)[0] == "returned"


def test_a_waiver_has_an_owner_and_ends(pair: Pair) -> None:
    statement = sign(pair)
    until = (clock.now() + timedelta(days=30)).date().isoformat()
    waived = {"question": "Q-CORE-004", "outcome": "waived", "until": until}
    review(pair, statement, accepted("Q-CORE-001"), {**waived, "owner": "購買部長"})
    assert standing(pair)[0] == "accepted"
    found = pair.respondent.get(f"/requests/{pair.request_id}/standing")["items"]
    (one,) = [each for each in found if each["standing"] == "waived"]
    assert (one["owner"], one["until"]) == ("購買部長", until)
    past = {**waived, "until": (clock.now() - timedelta(days=3)).date().isoformat()}
    other = pair.requester.world.pair()
    review(other, sign(other), accepted("Q-CORE-001"), {**past, "owner": "購買部長"})
    assert standing(other)[0] == "in_review"


def test_evidence_checked_and_independent_name_what_was_looked_at(pair: Pair) -> None:
    seen = {
        "title": "教育記録",
        "document_number": "QA-17",
        "revision": "3",
        "seen_on": "2026-11-20",
        "viewer": "品質保証部長",
    }
    kept = pair.respondent.call("POST", "/evidence/seen", 201, json=seen)
    answers = {
        "Q-CORE-001": {"state": "answered", "value": "complete", "evidence": [kept["id"]]},
        "Q-CORE-004": {"state": "answered", "value": "appointed", "evidence": [kept["id"]]},
    }
    statement = sign(pair, answers=answers)
    (opened,) = pair.requester.get(f"/requests/{pair.request_id}/evidence")["items"]
    assert sorted(opened["questions"]) == ["Q-CORE-001", "Q-CORE-004"]
    named = {"evidence": [opened["commitment"]]}
    review(
        pair,
        statement,
        {"question": "Q-CORE-001", "outcome": "evidence_checked", **named},
        {"question": "Q-CORE-004", "outcome": "independent", **named},
    )
    assert standing(pair)[1] == {"Q-CORE-001": "evidence_checked", "Q-CORE-004": "independent"}


def table(pair: Pair, language: str, status: int = 200) -> Any:
    answer = pair.requester.world.client.get(
        f"/requests/{pair.request_id}/answers/workbook?language={language}",
        headers=pair.requester.headers,
    )
    assert answer.status_code == status, answer.text
    if status != 200:
        return None
    assert answer.headers["content-type"] == MEDIA_TYPE
    return openpyxl.load_workbook(io.BytesIO(answer.content))


@pytest.mark.parametrize(("language", "sheet"), [("ja", "回答"), ("en", "Answers")])
def test_a_reviewed_response_is_filed_as_a_workbook_without_formulas(
    pair: Pair, language: str, sheet: str
) -> None:
    table(pair, language, 404)
    hostile = {"state": "answered", "value": "complete", "note": "=1+1\x07"}
    statement = sign(
        pair,
        pre_screen={**NONE, "process": "yes"},
        answers={**ANSWERS, "Q-CORE-001": hostile},
        components=[made.ComponentBody(name="=検査AI")],
    )
    review(pair, statement, back("Q-CORE-004"))
    book = table(pair, language)
    cells = [cell for page in book for row in page.iter_rows() for cell in row if cell.value]
    assert {cell.data_type for cell in cells} == {"s"}
    rows = [[cell.value or "" for cell in row] for row in book[sheet].iter_rows(min_row=2)]
    by_question = {(row[0], row[1]): row for row in rows}
    company = "会社" if language == "ja" else "Company"
    assert by_question[company, "Q-CORE-001"][6] == "=1+1 "
    sent = by_question[company, "Q-CORE-004"]
    assert sent[8] == ("差戻し" if language == "ja" else "Sent back")
    assert sent[9] == "責任者をご記入ください"
    assert ("=検査AI", "Q-CORE-001") in by_question


def beat(world: World, after: timedelta) -> None:
    with world.worker.begin(Actor("test")) as tx:
        renewals.open_due(tx, clock.now() + after)


def expiring(pair: Pair, in_days: int) -> str:
    given = {"pre_screen": NONE, "components": [], "answers": ANSWERS}
    prepared = pair.prepared(pair.response(**given))
    statement = prepared["statements"][-1]
    ends = clock.rfc3339(clock.now() + timedelta(days=in_days))
    pair.requester.world.record(statement["statement_id"], statement["type"], not_after=ends)
    return str(statement["statement_id"])


def test_the_next_round_opens_two_months_ahead_and_closes_with_the_new_signature(
    pair: Pair, world: World, settings: Settings
) -> None:
    declaration = expiring(pair, 400)
    beat(world, timedelta(days=339))
    assert pair.respondent.get("/renewals")["items"] == []
    beat(world, timedelta(days=341))
    beat(world, timedelta(days=341))
    (round_,) = pair.respondent.get("/renewals")["items"]
    assert (round_["declaration_id"], round_["closed_at"]) == (declaration, None)
    assert pair.requester.get("/renewals")["items"] == [round_]
    assert world.firm().get("/renewals")["items"] == []
    draft = pair.respondent.get(f"/responses/{round_['response_id']}")
    assert (draft["state"], draft["revision"]) == ("started", 1)
    assert draft["document"]["answers"]["Q-CORE-001"]["value"] == "complete"
    world.pump("notice.due.v1")
    mails = [m for m in letters_to(settings, pair.record["mailbox"]) if "更新" in m["Subject"]]
    assert len(mails) == 1
    assert "変更点のみ" in text_of(mails[0])
    assert pair.requester.get(f"/requests/{pair.request_id}/answers")["revision"] == 1

    pair.recorded(pair.prepared(draft))
    (closed,) = pair.respondent.get("/renewals")["items"]
    assert closed["closed_at"]


def test_what_was_signed_again_in_time_needs_no_round(pair: Pair, world: World) -> None:
    expiring(pair, 30)
    renewed = pair.prepared(pair.saved_again(pre_screen=NONE, components=[], answers=ANSWERS))
    far = clock.rfc3339(clock.now() + timedelta(days=400))
    statement = renewed["statements"][-1]
    world.record(statement["statement_id"], statement["type"], not_after=far)
    beat(world, timedelta(days=10))
    assert pair.respondent.get("/renewals")["items"] == []
