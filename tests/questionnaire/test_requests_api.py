"""Requests over HTTP, from both ends."""

from __future__ import annotations

import json

from tests.questionnaire.world import World, somebody

DISCLAIMER = (
    "本書は回答時点で知り得る範囲の状況を申告するもので、"
    "性能・品質の保証や契約条件の変更を意味しません。"
)


def test_a_supplier_sees_its_request_once_it_enrolled_by_the_link(world: World) -> None:
    requester = world.firm()
    record = requester.supplier()
    campaign = requester.issued()
    (asked,) = requester.asked(campaign)
    stranger = world.firm()
    stranger.get(f"/requests/{asked['id']}", 404)

    respondent = world.firm(link_id=record["link"]["id"])
    shown = respondent.get(f"/requests/{asked['id']}")
    assert shown["requester_name"] == requester.name
    assert (shown["viewers"], shown["nda_basis"]) == (["調達部", "品質保証部"], "basic-contract")
    assert shown["disclaimer"]["ja"] == DISCLAIMER
    assert shown["supplier_id"] is None
    assert len(shown["questionnaire"]["questions"]) == 12
    assert [each["code"] for each in shown["questionnaire"]["pre_screen"]["ticks"]] == [
        *("embedded", "process", "customer_data", "none", "checking")
    ]
    (listed,) = respondent.get("/requests?side=respondent&state=issued")["items"]
    assert listed["id"] == asked["id"]
    told = world.said("supplier.linked.v1", link_id=record["link"]["id"])[-1]
    assert told["supplier_org_id"] == str(respondent.id)
    assert stranger.get("/requests")["items"] == []


def test_enrolment_before_and_after_issuing_end_the_same(world: World) -> None:
    early, late = world.firm(), world.firm()
    bound = early.supplier()
    respondent = world.firm(link_id=bound["link"]["id"])
    campaign = early.issued()
    assert respondent.get(f"/requests/{early.asked(campaign)[0]['id']}")["nonce"]
    assert late.get("/requests?side=requester")["items"] == []


def test_a_second_organization_cannot_take_over_a_link(world: World) -> None:
    pair = world.pair()
    thief = world.firm(link_id=pair.record["link"]["id"])
    thief.get(f"/requests/{pair.request_id}", 404)
    pair.respondent.get(f"/requests/{pair.request_id}")


def test_an_unissued_request_is_not_shown_to_the_supplier(world: World) -> None:
    requester = world.firm()
    record = requester.supplier()
    respondent = world.firm(link_id=record["link"]["id"])
    campaign = requester.campaign()
    respondent.get(f"/requests/{requester.asked(campaign)[0]['id']}", 404)
    assert respondent.get("/requests")["items"] == []


def test_the_requester_reads_the_answers_once_the_log_has_the_declaration(world: World) -> None:
    pair = world.pair()
    masked = pair.respondent.supplier()
    world.firm(link_id=masked["link"]["id"])
    entries = [{"supplier_id": masked["id"], "visibility": "masked"}]
    noted = {"Q-CORE-001": {"state": "answered", "value": "complete", "note": "第2版"}}
    prepared = pair.prepared(
        pair.response(answers=noted, sub_tier={"declared": "complete", "entries": entries})
    )
    path = f"/requests/{pair.request_id}/answers"
    pair.requester.get(path, 404)
    component, declaration = prepared["statements"]
    world.record(component["statement_id"], "ai-governance")
    pair.requester.get(path, 404)
    assert pair.respondent.get(f"/requests/{pair.request_id}")["state"] == "prepared"
    world.record(declaration["statement_id"], "declaration")

    found = pair.requester.get(path)
    assert found["declaration_id"] == declaration["statement_id"]
    assert found["answers"][0]["note"] == "第2版"
    assert found["components"][0]["name"] == "外観検査モデル"
    assert found["sub_tier"]["entries"] == [
        {"dependency": "major", "visibility": "masked", "org_id": None, "pass_through": False}
    ]
    assert masked["id"] not in json.dumps(found)
    assert pair.requester.get(f"/requests/{pair.request_id}")["state"] == "signed"
    world.firm().get(path, 404)
    pair.respondent.get(path, 404)


def test_a_supplier_asks_its_own_suppliers_through_the_same_calls(world: World) -> None:
    pair = world.pair()
    record = pair.respondent.supplier()
    campaign = pair.respondent.issued()
    below = world.firm(link_id=record["link"]["id"])
    request = pair.respondent.asked(campaign)[0]
    assert below.get(f"/requests/{request['id']}")["requester_name"] == pair.respondent.name
    sides = {
        side: [each["id"] for each in pair.respondent.get(f"/requests?side={side}")["items"]]
        for side in ("requester", "respondent")
    }
    assert sides == {"requester": [request["id"]], "respondent": [pair.request_id]}
    pair.requester.get(f"/requests/{request['id']}", 404)


def test_a_withdrawn_access_ends_at_once(world: World) -> None:
    subject = f"urn:rensho:member:{somebody()}"
    org = somebody()
    headers = world.mint(
        org=org, audience="questionnaire", scopes={"suppliers.read"}, subject=subject
    )
    assert world.client.get("/suppliers", headers=headers).status_code == 200
    event = {
        "id": str(somebody()),
        "type": "access.revoked.v1",
        "trace": "test",
        "at": "2099-01-01T00:00:00Z",
        "subject": subject,
        "not_before": "2099-01-01T00:00:00Z",
    }
    world.feed(event)
    assert world.client.get("/suppliers", headers=headers).status_code == 401


def test_the_respondents_routes_are_tagged_portal(world: World) -> None:
    paths = world.app.openapi()["paths"]
    tagged = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "portal" in operation["tags"]
    }
    assert {
        "GET /requests",
        "GET /requests/{request_id}",
        "POST /requests/{request_id}/response",
        "GET /responses/{response_id}",
        "PUT /responses/{response_id}",
        "POST /responses/{response_id}/components/ml-bom",
        "POST /responses/{response_id}/copy",
        "POST /responses/{response_id}/prepare",
    } <= tagged
