"""What is handed out for signing, and what the log's word does to it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from rensho import disclosure, statement
from rensho.descriptor import ComponentDescriptor
from rensho.documents import AnswersDocument, DeclarationDocument
from rensho.entries import Reader

from services.kit.settings import DEMO_BASE
from tests.factories import questionnaire as made
from tests.questionnaire.world import World, document


def _opened(
    prepared: dict[str, Any], answers_sha256: str, statement_id: str
) -> set[tuple[str, str]]:
    content = document(prepared, "answers")[answers_sha256]
    given = AnswersDocument.parse(content).open(prepared["disclosures"][statement_id]["answers"])
    return {(each.question, each.state) for each in given}


def test_prepare_lays_out_components_first_and_the_declaration_last(world: World) -> None:
    pair = world.pair()
    own = {"Q-CORE-007": {"state": "checking"}}
    components = [
        made.ComponentBody(supplier_component_id="A", answers=own),
        made.ComponentBody(supplier_component_id="B"),
    ]
    prepared = pair.prepared(pair.response(components=components))
    assert prepared["revision"] == 1
    assert [each["type"] for each in prepared["statements"]] == [
        *("ai-governance", "ai-governance", "declaration")
    ]
    parsed = [
        statement.parse(base64.b64decode(each["payload"]), (DEMO_BASE,))
        for each in prepared["statements"]
    ]
    assert [each.id for each in parsed] == [each["statement_id"] for each in prepared["statements"]]
    declaration = DeclarationDocument.parse(
        document(prepared, "declaration")[parsed[-1].subject_sha256]
    )
    assert [each.statement for each in declaration.components] == [each.id for each in parsed[:2]]
    assert declaration.sub_tier is None
    assert {each.response for each in parsed} == {(declaration.response.id, 1)}
    descriptors = document(prepared, "descriptor")
    assert [
        ComponentDescriptor.parse(descriptors[each.subject_sha256]).supplier_component_id
        for each in parsed[:2]
    ] == ["A", "B"]
    first, second = (
        _opened(prepared, each.predicate["answers"]["sha256"], each.id) for each in parsed[:2]
    )
    assert ("Q-CORE-007", "checking") in first
    assert ("Q-CORE-007", "checking") not in second
    assert ("Q-CORE-001", "answered") in first & second
    assert "Q-CORE-007" not in {
        question for question, _ in _opened(prepared, declaration.answers_sha256, parsed[-1].id)
    }


def test_the_audience_opens_to_the_requester_with_its_own_nonce(world: World) -> None:
    pair = world.pair()
    prepared = pair.prepared(pair.response(), onward="pseudonymous")
    nonce = pair.respondent.get(f"/requests/{pair.request_id}")["nonce"]
    blocks = set()
    for each in prepared["statements"]:
        parsed = statement.parse(base64.b64decode(each["payload"]), (DEMO_BASE,))
        block = parsed.predicate["audience"]["_sd"]
        (text,) = prepared["disclosures"][each["statement_id"]]["audience"]
        (opened,) = disclosure.open(block, [text]).values()
        reader = Reader.from_json(opened.value)
        assert reader.org == f"urn:rensho:org:{pair.requester.id}"
        assert (reader.request_id, reader.nonce) == (pair.request_id, nonce)
        assert reader.onward == "pseudonymous"
        assert len(block) == 8
        blocks.add(tuple(block))
    assert len(blocks) == len(prepared["statements"])
    assert prepared["request_statement_id"]


def test_risk_is_told_the_very_digests_that_are_signed(world: World) -> None:
    pair = world.pair()
    prepared = pair.prepared(pair.response())
    (event,) = world.said("response.submitted.v1", request_id=pair.request_id)
    (component,) = event["components"]
    assert component["statement_id"] == prepared["statements"][0]["statement_id"]
    assert component["answers_sha256"] in document(prepared, "answers")
    assert component["descriptor_sha256"] in document(prepared, "descriptor")
    assert event["declaration_id"] == prepared["statements"][-1]["statement_id"]
    assert event["declaration_sha256"] in document(prepared, "declaration")
    assert event["sub_tier"] == {"declared": None, "totals": None, "entries": []}
    assert event["requester_org_id"] == str(pair.requester.id)


def test_a_question_that_a_role_rules_out_is_in_no_document(world: World) -> None:
    requester = world.firm()
    record = requester.supplier()
    whole = requester.questionnaire("all")
    campaign = requester.issued(questionnaire_id=whole["id"])
    respondent = world.firm(link_id=record["link"]["id"])
    request = requester.asked(campaign)[0]
    only_developers = [
        each["id"]
        for each in whole["questions"]
        if each["roles"] == ["developer"] and "not_applicable" not in each["states"]
    ]
    assert only_developers
    answers = {key: {"state": "checking"} for key in only_developers}
    opened = respondent.post(f"/requests/{request['id']}/response", status=200)
    body = made.ResponseBody(answers=answers)
    respondent.put(f"/responses/{opened['id']}", body, 1)
    hand = {**made.HandBody(role="responsible-officer"), "locale": "ja"}
    prepared = respondent.post(f"/responses/{opened['id']}/prepare", hand, 200)
    (event,) = world.said("response.submitted.v1", request_id=request["id"])
    component = {each["question"] for each in event["components"][0]["answers"]}
    assert not component & set(only_developers)
    assert len(prepared["statements"]) == 2


def test_no_ai_signs_a_declaration_alone(world: World) -> None:
    pair = world.pair()
    none = {"embedded": "none", "process": "none", "customer_data": "none", "suppliers": "unknown"}
    prepared = pair.prepared(pair.response(pre_screen=none, components=[], answers={}))
    assert [each["type"] for each in prepared["statements"]] == ["declaration"]
    (content,) = document(prepared, "declaration").values()
    declaration = DeclarationDocument.parse(content)
    assert declaration.components == ()
    assert dict(declaration.pre_screen) == {
        "embedded": "none",
        "process": "none",
        "customerData": "none",
        "suppliers": "unknown",
    }


@pytest.mark.parametrize(
    ("fields", "urn"),
    [
        ({"pre_screen": None}, "responses/pre-screen-missing"),
        (
            {"pre_screen": {"embedded": "none", "process": "none", "customer_data": "none"}},
            "responses/pre-screen-contradiction",
        ),
        ({"origin": "transcribed"}, "responses/source-missing"),
        ({"origin": "relayed"}, "responses/source-missing"),
        ({"sub_tier": {"declared": "complete"}}, "sub-tier/contradiction"),
        (
            {"sub_tier": {"declared": "none", "undisclosed": {"minor": 2}}},
            "sub-tier/contradiction",
        ),
    ],
)
def test_what_says_two_things_at_once_is_saved_but_not_signed(
    world: World, fields: dict[str, Any], urn: str
) -> None:
    pair = world.pair()
    saved = pair.response(**fields)
    hand = {**made.HandBody(role="responsible-officer"), "locale": "ja"}
    problem = pair.respondent.post(f"/responses/{saved['id']}/prepare", hand, 422)
    assert problem["type"] == f"urn:rensho:problem:{urn}"
    assert pair.respondent.get(f"/responses/{saved['id']}")["state"] == "started"


def test_a_proxy_entry_carries_its_source_document(world: World) -> None:
    pair = world.pair()
    source = {"digest": "ab" * 32, "channel": "fax", "received_at": "2026-11-01T09:00:00+09:00"}
    saved = pair.response(origin="transcribed", source_document=source)
    prepared = pair.prepared(saved, role="transcriber")
    parsed = statement.parse(base64.b64decode(prepared["statements"][-1]["payload"]), (DEMO_BASE,))
    assert parsed.predicate["origin"] == "transcribed"
    assert parsed.predicate["sourceDocument"]["receivedAt"] == "2026-11-01T00:00:00Z"


@pytest.mark.parametrize(("origin", "role"), [("transcribed", "delegate"), ("self", "transcriber")])
def test_what_was_typed_in_is_signed_by_who_typed_it(world: World, origin: str, role: str) -> None:
    pair = world.pair()
    source = {"digest": "ab" * 32, "channel": "fax", "received_at": "2026-11-01T09:00:00+09:00"}
    typed = {"source_document": source} if origin == "transcribed" else {}
    saved = pair.response(origin=origin, **typed)
    hand = {**made.HandBody(role=role), "locale": "ja"}
    problem = pair.respondent.post(f"/responses/{saved['id']}/prepare", hand, 422)
    assert problem["type"] == "urn:rensho:problem:responses/wrong-typist"


def test_the_tier_below_is_named_masked_or_counted(world: World) -> None:
    pair = world.pair()
    named, masked, absent = (pair.respondent.supplier() for _ in range(3))
    below = [world.firm(link_id=each["link"]["id"]) for each in (named, masked)]
    entries = [
        {"supplier_id": named["id"], "visibility": "named", "dependency": "critical"},
        {"supplier_id": masked["id"], "visibility": "masked", "pass_through": True},
        {"supplier_id": absent["id"], "visibility": "named"},
    ]
    sub_tier = {"declared": "complete", "entries": entries, "undisclosed": {"minor": 2}}
    prepared = pair.prepared(pair.response(sub_tier=sub_tier))
    declaration_id = prepared["statements"][-1]["statement_id"]
    (content,) = document(prepared, "declaration").values()
    block = DeclarationDocument.parse(content).sub_tier
    assert block is not None
    assert len(block.sd) == 8
    opened = block.open(prepared["disclosures"][declaration_id]["subTier"])
    assert [(each.visibility, each.org, each.dependency) for each in opened.entries] == [
        ("named", f"urn:rensho:org:{below[0].id}", "critical"),
        ("masked", None, "major"),
        ("masked", None, "major"),
    ]
    assert opened.entries[1].pass_through
    assert opened.undisclosed["minor"] == 2
    (note,) = prepared["notes"]
    assert (note["supplier_id"], note["went_as"]) == (absent["id"], "masked")
    (event,) = world.said("response.submitted.v1", request_id=pair.request_id)
    assert [each["org_id"] for each in event["sub_tier"]["entries"]] == [
        *(str(each.id) for each in below),
        None,
    ]
    assert event["sub_tier"]["totals"] == {"critical": 1, "major": 2, "minor": 2}


def test_totals_that_stay_closed_are_kept_back_from_the_audience(world: World) -> None:
    pair = world.pair()
    sub_tier = {"declared": "complete", "open_totals": False, "undisclosed": {"major": 1}}
    prepared = pair.prepared(pair.response(sub_tier=sub_tier))
    declaration_id = prepared["statements"][-1]["statement_id"]
    assert prepared["disclosures"][declaration_id]["subTier"] == []
    assert len(prepared["kept_back"][declaration_id]["subTier"]) == 1
    (event,) = world.said("response.submitted.v1", request_id=pair.request_id)
    assert event["sub_tier"]["totals"] is None


def test_the_tier_below_holds_only_suppliers_of_ones_own(world: World) -> None:
    pair = world.pair()
    foreign = world.firm().supplier()
    saved = pair.response()
    entries = [{"supplier_id": foreign["id"], "visibility": "masked"}]
    body = made.ResponseBody(sub_tier={"declared": "complete", "entries": entries})
    problem = pair.respondent.put(f"/responses/{saved['id']}", body, 2, 422)
    assert problem["type"] == "urn:rensho:problem:sub-tier/unknown-supplier"


def test_a_second_revision_supersedes_the_first_statement_by_statement(world: World) -> None:
    pair = world.pair()
    components = [made.ComponentBody(supplier_component_id=each) for each in ("A", "B")]
    first = pair.signed(components=components)
    draft = pair.respondent.get(f"/requests/{pair.request_id}")["response_id"]
    saved = pair.respondent.get(f"/responses/{draft}")
    assert (saved["state"], saved["revision"]) == ("signed", 1)
    components = [made.ComponentBody(supplier_component_id=each) for each in ("B", "C")]
    body = made.ResponseBody(components=components)
    pair.respondent.put(f"/responses/{draft}", body, saved["version"])
    assert pair.respondent.get(f"/requests/{pair.request_id}")["state"] == "signed"

    second = pair.prepared(saved)
    assert second["revision"] == 2
    ids = [each["statement_id"] for each in first["statements"]]
    superseded = [
        statement.parse(base64.b64decode(each["payload"]), (DEMO_BASE,)).supersedes
        for each in second["statements"]
    ]
    assert superseded == [ids[1], None, ids[2]]
    world.record(second["statements"][-1]["statement_id"], "declaration")
    answers = pair.requester.get(f"/requests/{pair.request_id}/answers")
    assert answers["revision"] == 2


def test_preparing_again_before_signing_keeps_the_revision_number(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    first, second = pair.prepared(saved), pair.prepared(saved)
    assert (first["revision"], second["revision"]) == (1, 1)
    assert first["statements"][-1] != second["statements"][-1]


def test_a_draft_saved_while_its_revision_is_signed_stays_a_draft(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    prepared = pair.prepared(saved)
    path = f"/responses/{saved['id']}"
    pair.respondent.put(path, made.ResponseBody(answers={}), saved["version"])
    world.record(prepared["statements"][-1]["statement_id"], "declaration")
    shown = pair.respondent.get(path)
    assert (shown["state"], shown["revision"], shown["document"]["answers"]) == ("started", 1, {})
    assert pair.requester.get(f"/requests/{pair.request_id}/answers")["answers"]


def test_a_refused_declaration_opens_the_draft_again_and_says_why(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    prepared = pair.prepared(saved)
    refused = made.RefusedStatement(
        statement_id=prepared["statements"][-1]["statement_id"], statement_type="declaration"
    )
    world.feed(refused)
    shown = pair.respondent.get(f"/responses/{saved['id']}")
    assert (shown["state"], shown["refused"]) == ("started", ["key.revoked"])
    assert pair.respondent.get(f"/requests/{pair.request_id}")["state"] == "started"
