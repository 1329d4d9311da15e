"""Answers from paper, from others and from certificates: each with its honest place."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from rensho import statement

from services.kit import clock
from services.kit.settings import DEMO_BASE
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, Pair, World

SOURCE = {"digest": "ab" * 32, "channel": "fax", "received_at": "2026-11-01T09:00:00+09:00"}
REPLY = "cd" * 32


class Paper:
    """A supplier that never enrolled, and what it sent by fax."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.requester: Firm = world.firm()
        self.record = self.requester.supplier()
        (self.request,) = self.requester.asked(self.requester.issued())
        self.path = f"/requests/{self.request['id']}"

    def typed(self, **fields: Any) -> Any:
        opened = self.requester.post(f"{self.path}/typed-response", status=200)
        assert opened["document"]["origin"] == "transcribed"
        body = made.ResponseBody(origin="transcribed", source_document=SOURCE, **fields)
        return self.requester.put(f"/responses/{opened['id']}", body, opened["version"])

    def prepared(self, status: int = 200, role: str = "transcriber", **fields: Any) -> Any:
        saved = self.typed(**fields)
        hand = {**made.HandBody(role=role), "locale": "ja"}
        return self.requester.post(f"/responses/{saved['id']}/prepare", hand, status)

    def on_record(self) -> Any:
        prepared = self.prepared()
        for each in prepared["statements"]:
            self.world.record(each["statement_id"], each["type"])
        return prepared


@pytest.fixture
def paper(world: World) -> Paper:
    return Paper(world)


def test_the_typist_signs_in_the_requesters_name_never_in_the_suppliers(paper: Paper) -> None:
    prepared = paper.on_record()
    found = statement.parse(base64.b64decode(prepared["statements"][-1]["payload"]), (DEMO_BASE,))
    assert found.signer_org == f"urn:rensho:org:{paper.requester.id}"
    assert (found.predicate["origin"], found.predicate["signer"]["role"]) == (
        *("transcribed", "transcriber"),
    )
    assert found.predicate["sourceDocument"]["channel"] == "fax"
    shown = paper.requester.get(f"{paper.path}/answers")
    assert shown["origin"] == "transcribed"
    assert paper.requester.get(paper.path)["state"] == "signed"
    (event,) = paper.world.said("response.submitted.v1", request_id=paper.request["id"])
    assert event["respondent_org_id"] == event["requester_org_id"] == str(paper.requester.id)


def test_a_typed_answer_never_passes_for_the_suppliers_own(paper: Paper) -> None:
    saved = paper.typed()
    body = made.ResponseBody(origin="self")
    paper.requester.put(f"/responses/{saved['id']}", body, saved["version"])
    hand = {**made.HandBody(role="responsible-officer"), "locale": "ja"}
    problem = paper.requester.post(f"/responses/{saved['id']}/prepare", hand, 422)
    assert problem["type"] == "urn:rensho:problem:responses/wrong-typist"
    paper.world.firm().post(f"{paper.path}/typed-response", status=404)


def test_the_supplier_answers_itself_beside_it_and_goes_before_it(paper: Paper) -> None:
    paper.on_record()
    supplier = paper.world.firm(link_id=paper.record["link"]["id"])
    pair = Pair(paper.requester, supplier, paper.record, {}, paper.request["id"])
    pair.signed()
    shown = paper.requester.get(f"{paper.path}/answers")
    assert (shown["origin"], shown["revision"]) == ("self", 1)
    late = paper.typed(answers={})
    assert late["state"] == "started"
    assert paper.requester.get(paper.path)["state"] == "signed"


def test_a_returned_sheet_is_confirmed_by_a_reply_on_paper(paper: Paper) -> None:
    prepared = paper.on_record()
    sheet = paper.requester.post(f"{paper.path}/sheets", {"channel": "fax"})
    assert sheet["declaration_id"] == prepared["statements"][-1]["statement_id"]
    again = paper.requester.post(f"{paper.path}/sheets", {"channel": "fax"}, 409)
    assert again["type"] == "urn:rensho:problem:sheets/returned"
    path, word = f"/sheets/{sheet['id']}/decide", {"outcome": "confirmed", "confirmed_by": "工場長"}
    bare = paper.requester.post(path, word, 422)
    assert bare["type"] == "urn:rensho:problem:sheets/reply-missing"
    paper.requester.post(path, {**word, "reply_sha256": REPLY}, 200)
    decided = paper.requester.post(path, {**word, "reply_sha256": REPLY}, 409)
    assert decided["type"] == "urn:rensho:problem:sheets/decided"
    (event,) = paper.world.said("sheet.confirmed.v1", declaration_id=sheet["declaration_id"])
    assert event["confirmed"]
    (listed,) = paper.requester.get(f"{paper.path}/sheets")["items"]
    assert (listed["outcome"], listed["reply_sha256"]) == ("confirmed", REPLY)
    stranger = paper.world.firm()
    stranger.post(path, word, 404)
    stranger.get(f"{paper.path}/sheets", 404)
    stranger.post(f"{paper.path}/sheets", {"channel": "fax"}, 404)


def test_an_enrolled_supplier_confirms_or_objects_itself(world: World) -> None:
    pair = world.pair()
    saved = pair.response(origin="relayed", source_document=SOURCE)
    pair.recorded(pair.prepared(saved))
    sheet = pair.requester.post(f"/requests/{pair.request_id}/sheets", {"channel": "mail"})
    word = {"outcome": "objected", "confirmed_by": "品質保証部長", "note": "対象が異なります"}
    pair.respondent.post(f"/sheets/{sheet['id']}/decide", word, 200)
    (event,) = world.said("sheet.confirmed.v1", declaration_id=sheet["declaration_id"])
    assert not event["confirmed"]


def test_what_the_supplier_signed_itself_has_no_sheet_to_return(world: World) -> None:
    pair = world.pair()
    path = f"/requests/{pair.request_id}/sheets"
    pair.requester.post(path, {"channel": "fax"}, 404)
    pair.signed()
    problem = pair.requester.post(path, {"channel": "fax"}, 409)
    assert problem["type"] == "urn:rensho:problem:sheets/not-second-hand"


class Certified:
    """A response about one site, and a certificate whose copy is kept."""

    def __init__(self, world: World) -> None:
        requester = world.firm()
        record = requester.supplier()
        whole = requester.questionnaire("all")
        campaign = requester.issued(questionnaire_id=whole["id"])
        respondent = world.firm(link_id=record["link"]["id"])
        (request,) = requester.asked(campaign)
        self.pair = Pair(requester, respondent, record, campaign, request["id"])
        scope = {"kind": "sites", "sites": ["浜松工場"]}
        self.saved = self.pair.response(scope=scope)
        self.path = f"/responses/{self.saved['id']}"
        seen = {
            "title": "登録証の写し",
            "document_number": "IS 000000",
            "revision": "1",
            "seen_on": "2026-11-20",
            "viewer": "品質保証部長",
        }
        self.evidence = respondent.call("POST", "/evidence/seen", 201, json=seen)["id"]

    def apply(self, status: int, version: int | None = None, **fields: Any) -> Any:
        body = {
            "scheme": "iso-iec-27001",
            "number": "IS 000000",
            "issuer": "見本審査機構",
            "valid_to": (clock.now() + timedelta(days=300)).date().isoformat(),
            "sites": ["浜松工場", "豊橋工場"],
            "evidence_id": self.evidence,
            "questions": ["Q-FLOW-010"],
            **fields,
        }
        version = version or self.saved["version"]
        return self.pair.respondent.call(
            "POST",
            f"{self.path}/certificates",
            status,
            json=body,
            headers={"If-Match": f'"{version}"'},
        )


@pytest.fixture
def certified(world: World) -> Certified:
    return Certified(world)


def test_a_certificate_answers_the_questions_the_packs_allow(certified: Certified) -> None:
    listed = certified.pair.respondent.get(f"{certified.path}/certificates")["items"]
    allowed = {each["scheme"]: each["questions"] for each in listed}
    assert "Q-FLOW-010" in allowed["iso-iec-27001"]
    assert allowed["scs-star"] == allowed["iso-iec-27001"]
    assert len(allowed["iso-iec-42001"]) == 1
    found = certified.apply(200)
    answer = found["document"]["answers"]["Q-FLOW-010"]
    assert (answer["state"], answer["evidence"]) == ("answered", [certified.evidence])
    assert "ISO/IEC 27001 IS 000000" in answer["note"]
    certified.pair.requester.get(f"{certified.path}/certificates", 404)


@pytest.mark.parametrize(
    ("fields", "urn"),
    [
        ({"questions": ["Q-CORE-001"]}, "certificates/not-for-this-question"),
        ({"questions": ["Q-CORE-999"]}, "certificates/not-for-this-question"),
        ({"sites": ["豊橋工場"]}, "certificates/site-not-in-scope"),
        ({"valid_to": "2026-01-31"}, "certificates/expired"),
        (
            {"evidence_id": "0197f0a0-0000-7000-8000-000000000001"},
            "evidence/unknown",
        ),
    ],
)
def test_a_certificate_that_does_not_reach_is_refused(
    certified: Certified, fields: dict[str, Any], urn: str
) -> None:
    problem = certified.apply(422, **fields)
    assert problem["type"] == f"urn:rensho:problem:{urn}"


def test_42001_answers_only_where_its_scope_names_the_activity(certified: Certified) -> None:
    listed = certified.pair.respondent.get(f"{certified.path}/certificates")["items"]
    (question,) = next(e["questions"] for e in listed if e["scheme"] == "iso-iec-42001")
    wish: dict[str, Any] = {
        "scheme": "iso-iec-42001",
        "questions": [question],
        "activities": ["外観検査"],
    }
    problem = certified.apply(422, **wish)
    assert problem["type"] == "urn:rensho:problem:certificates/activity-not-in-scope"
    certified.apply(422, **wish, activity="需要予測")
    certified.apply(200, **wish, activity="外観検査")


def test_all_that_is_wrong_with_a_certificate_is_told_at_once(certified: Certified) -> None:
    problem = certified.apply(422, sites=[], valid_to="2026-01-31", questions=["Q-CORE-001"])
    assert [each["urn"].partition("/")[2] for each in problem["problems"]] == [
        *("expired", "site-not-in-scope", "not-for-this-question"),
    ]
    certified.apply(200, sites=[], whole_company=True)
    assert certified.apply(412)["type"].endswith("responses/changed-meanwhile")
