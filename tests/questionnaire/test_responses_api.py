"""Drafts of responses over HTTP."""

from __future__ import annotations

import hashlib
import json

from tests.factories import questionnaire as made
from tests.questionnaire.world import World


def test_opening_twice_gives_the_same_response(world: World) -> None:
    pair = world.pair()
    first = pair.respondent.post(f"/requests/{pair.request_id}/response", status=200)
    assert world.last_headers["etag"] == '"1"'
    again = pair.respondent.post(f"/requests/{pair.request_id}/response", status=200)
    assert first == again
    assert first["progress"]["silent"] > 0
    assert pair.respondent.get(f"/requests/{pair.request_id}")["state"] == "opened"


def test_the_requester_cannot_open_or_read_a_draft(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    pair.requester.post(f"/requests/{pair.request_id}/response", status=404)
    pair.requester.get(f"/responses/{saved['id']}", 404)
    pair.requester.put(f"/responses/{saved['id']}", made.ResponseBody(), 2, 404)
    pair.requester.get(f"/requests/{pair.request_id}/answers", 404)
    assert pair.requester.get(f"/requests/{pair.request_id}")["response_id"] is None


def test_a_save_needs_the_version_that_was_read(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    path = f"/responses/{saved['id']}"
    assert (saved["version"], world.last_headers["etag"]) == (2, '"2"')
    missing = pair.respondent.put(path, made.ResponseBody(), None, 428)
    assert missing["type"] == "urn:rensho:problem:responses/if-match-required"
    stale = pair.respondent.put(path, made.ResponseBody(), 9, 412)
    assert stale["type"] == "urn:rensho:problem:responses/changed-meanwhile"
    assert stale["version"] == 2
    pair.respondent.call("PUT", path, 412, json=made.ResponseBody(), headers={"If-Match": "*"})
    kept = pair.respondent.get(path)
    assert (kept["version"], kept["document"]) == (2, saved["document"])


def test_an_unknown_question_is_named_and_nothing_is_lost(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    body = made.ResponseBody(answers={"Q-CORE-999": {"state": "checking"}})
    problem = pair.respondent.put(f"/responses/{saved['id']}", body, 2, 422)
    assert problem["type"] == "urn:rensho:problem:answers/unknown-question"
    assert problem["problems"][0]["where"] == "/answers/Q-CORE-999"
    assert pair.respondent.get(f"/responses/{saved['id']}")["document"] == saved["document"]


def test_every_problem_of_a_document_is_told_at_once(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    twins = [made.ComponentBody(supplier_component_id="A") for _ in range(2)]
    body = made.ResponseBody(
        answers={"Q-CORE-001": {"state": "answered", "value": "nope"}},
        components=twins,
    )
    problem = pair.respondent.put(f"/responses/{saved['id']}", body, 2, 422)
    assert {each["urn"] for each in problem["problems"]} == {
        "answers/unknown-option",
        "components/duplicate-id",
    }


def test_a_question_answered_twice_in_one_body_is_refused(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    text = json.dumps(made.ResponseBody())
    twice = text.replace('"answers": {', '"answers": {"Q-CORE-001": {"state": "checking"}, ', 1)
    assert twice.count("Q-CORE-001") == 2
    problem = pair.respondent.call(
        "PUT",
        f"/responses/{saved['id']}",
        422,
        content=twice.encode(),
        headers={"If-Match": '"2"', "Content-Type": "application/json"},
    )
    assert problem["type"] == "urn:rensho:problem:json.duplicate_key"
    assert pair.respondent.get(f"/responses/{saved['id']}")["version"] == 2


def test_a_document_over_a_megabyte_is_refused(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    body = made.ResponseBody(pre_screen=None, scope={"sites": ["x" * 190] * 6000})
    problem = pair.respondent.put(f"/responses/{saved['id']}", body, 2, 413)
    assert problem["type"] == "urn:rensho:problem:request/too-large"


def test_an_ml_bom_adds_components_once_and_keeps_the_answers(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    bom = json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "components": [
                {"type": "machine-learning-model", "bom-ref": "m1", "name": "検査", "version": "3"},
                {"type": "library", "name": "numpy"},
            ],
        }
    ).encode()
    path = f"/responses/{saved['id']}/components/ml-bom"
    added = pair.respondent.call("POST", path, 200, content=bom)
    assert added["added"] == ["m1"]
    document = added["response"]["document"]
    assert document["answers"] == saved["document"]["answers"]
    assert document["components"][-1]["ml_bom_sha256"] == hashlib.sha256(bom).hexdigest()
    assert pair.respondent.call("POST", path, 200, content=bom)["added"] == []
    broken = pair.respondent.call("POST", path, 422, content=b'{"bomFormat": "SPDX"}')
    assert broken["type"] == "urn:rensho:problem:ml-bom/malformed"
    twice = pair.respondent.call("POST", path, 422, content=b'{"a": 1, "a": 2}')
    assert twice["type"] == "urn:rensho:problem:json.duplicate_key"


def test_last_answers_are_copied_as_far_as_the_questions_are_the_same(world: World) -> None:
    pair = world.pair()
    source = pair.response()
    other = world.firm()
    record = other.supplier()
    world.record(other.prepared(campaign := other.campaign())["statement_id"], "request")
    event = made.Enrolled(org_id=str(pair.respondent.id), name=pair.respondent.name)
    event["invitation"]["link_id"] = record["link"]["id"]
    world.feed(event)
    request_id = other.asked(campaign)[0]["id"]
    target = pair.respondent.post(f"/requests/{request_id}/response", status=200)
    path = f"/responses/{target['id']}/copy"
    body = {"from_response_id": source["id"]}
    pair.respondent.post(path, body, 428)
    copied = pair.respondent.post(path, body, 200, headers={"If-Match": '"1"'})
    assert copied["left_out"] == []
    assert copied["response"]["document"] == source["document"]
    other.post(path, body, 404, headers={"If-Match": '"2"'})
