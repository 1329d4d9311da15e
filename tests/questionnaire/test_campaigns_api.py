"""Campaigns: drafted, prepared, signed once, issued to all or none."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from rensho import disclosure, statement
from rensho.documents import QuestionnaireDocument
from rensho.dsse import statement_id
from rensho.entries import Respondent

from services.kit import clock
from services.kit.settings import DEMO_BASE, Settings
from tests.factories import questionnaire as made
from tests.questionnaire.mails import mails_to
from tests.questionnaire.world import PACKS, World, document, somebody


def test_a_pack_is_shown_as_a_draft_with_its_note(world: World) -> None:
    firm = world.firm()
    listed = firm.get("/packs")["items"]
    assert {each["id"] for each in listed} >= {"jp-aigb-core", "jp-flow-down", "jp-industrial"}
    core = firm.get("/packs/jp-aigb-core/0.1.0")
    assert (core["status"], len(core["questions"])) == ("draft", 30)
    assert core["note"]["ja"]
    firm.get("/packs/jp-aigb-core/9.9.9", 404)


def test_a_questionnaire_is_frozen_under_the_digest_of_its_document(world: World) -> None:
    firm = world.firm()
    starter, whole = firm.questionnaire(), firm.questionnaire("all")
    assert (len(starter["questions"]), len(whole["questions"])) == (12, 45)
    for found in (starter, whole):
        content = base64.b64decode(found["document"])
        assert hashlib.sha256(content).hexdigest() == found["digest"]
        assert list(QuestionnaireDocument.parse(content).questions) == [
            each["id"] for each in found["questions"]
        ]
        (event,) = world.said("questionnaire.published.v1", questionnaire_id=found["id"])
        assert event["digest"] == found["digest"]
    assert firm.questionnaire()["digest"] != starter["digest"]
    assert len(firm.get("/questionnaires")["items"]) == 3


def test_an_unknown_pack_version_is_refused(world: World) -> None:
    body = {"title": "x", "packs": [{**PACKS[0], "version": "7.0.0"}], "selection": "all"}
    problem = world.firm().post("/questionnaires", body, 422)
    assert problem["type"] == "urn:rensho:problem:questionnaires/unknown-pack"


def test_another_organizations_questionnaire_cannot_be_read_or_used(world: World) -> None:
    owner, other = world.firm(), world.firm()
    found = owner.questionnaire()
    other.get(f"/questionnaires/{found['id']}", 404)
    other.supplier()
    other.post("/campaigns", made.CampaignBody(questionnaire_id=found["id"]), 404)


def test_a_campaign_needs_a_record_of_fair_dealing(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    body = made.CampaignBody(questionnaire_id=requester.questionnaire()["id"])
    del body["fair_dealing"]
    problem = requester.post("/campaigns", body, 422)
    assert problem["type"] == "urn:rensho:problem:campaigns/fair-dealing-missing"


@pytest.mark.parametrize(
    ("fields", "urn"),
    [
        ({"due_on": "2020-01-01"}, "campaigns/due-on"),
        ({"all": False, "supplier_ids": [str(somebody())]}, "campaigns/suppliers"),
        ({"all": False}, "request/invalid"),
        ({"viewers": ["調達部", "調達部"]}, "request/invalid"),
    ],
)
def test_a_plan_that_will_not_do_is_refused(
    world: World, fields: dict[str, object], urn: str
) -> None:
    requester = world.firm()
    requester.supplier()
    body = made.CampaignBody(questionnaire_id=requester.questionnaire()["id"], **fields)
    assert requester.post("/campaigns", body, 422)["type"] == f"urn:rensho:problem:{urn}"


def test_a_campaign_waits_until_the_requester_is_known_by_name(world: World) -> None:
    stranger = world.as_firm(somebody())
    stranger.supplier()
    body = made.CampaignBody(questionnaire_id=stranger.questionnaire()["id"])
    stranger.post("/campaigns", body, 503)
    assert world.last_headers["retry-after"]


def test_a_supplier_without_mailbox_is_named_before_anything_is_drafted(world: World) -> None:
    requester = world.firm()
    csv = "取引先コード,会社名,国\nA-1,架空工業,JP\n"
    tried = requester.call("POST", "/imports", 201, content=csv.encode())
    (supplier_id,) = requester.post(f"/imports/{tried['id']}/confirm")["supplier_ids"]
    body = made.CampaignBody(questionnaire_id=requester.questionnaire()["id"])
    problem = requester.post("/campaigns", body, 422)
    assert problem["type"] == "urn:rensho:problem:campaigns/mailbox-missing"
    assert problem["supplier_ids"] == [supplier_id]


def test_preparing_gives_the_exact_statement_to_sign(world: World, settings: Settings) -> None:
    requester = world.firm()
    suppliers = [requester.supplier() for _ in range(3)]
    campaign = requester.campaign()
    hand = made.HandBody()
    prepared = requester.post(f"/campaigns/{campaign['id']}/prepare", hand, 200)

    payload = base64.b64decode(prepared["payload"])
    assert statement_id(payload) == prepared["statement_id"]
    found = statement.parse(payload, (DEMO_BASE,))
    assert found.name == "request"
    assert found.deployment == settings.log_origin
    assert found.signer_org == f"urn:rensho:org:{requester.id}"
    assert found.signer_key_id == hand["key_id"]
    assert found.predicate["notUsedFor"] == [
        "cost-reduction",
        "price-talks",
        "approaching-sub-suppliers",
    ]
    assert list(document(prepared, "questionnaire")) == [found.subject_sha256]
    texts = prepared["disclosures"][prepared["statement_id"]]["respondents"]
    opened = disclosure.open(found.predicate["respondents"]["_sd"], texts)
    asked = [Respondent.from_json(each.value) for each in opened.values()]
    assert {each.link for each in asked} == {
        f"urn:rensho:link:{each['link']['id']}" for each in suppliers
    }
    assert {each.request_id for each in asked} == {each["id"] for each in requester.asked(campaign)}
    assert len({each.nonce for each in asked}) == 3
    (event,) = world.said("request.prepared.v1", campaign_id=campaign["id"])
    assert event["statement_id"] == prepared["statement_id"]


def test_nothing_goes_out_before_the_log_has_the_statement(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    requester.prepared(campaign)
    (request,) = requester.asked(campaign)
    assert (request["state"], request["invitation_link"]) == ("created", None)
    assert world.said("request.issued.v1", campaign_id=campaign["id"]) == []
    assert requester.get(f"/campaigns/{campaign['id']}")["state"] == "prepared"


def test_all_requests_are_issued_once_the_statement_is_recorded(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    known = requester.supplier()
    world.firm(link_id=known["link"]["id"])
    requester.supplier()
    campaign = requester.campaign()
    prepared = requester.prepared(campaign)
    world.record(prepared["statement_id"], "request")

    shown = requester.get(f"/campaigns/{campaign['id']}")
    assert (shown["state"], shown["counts"]) == ("issued", {"issued": 2})
    first, second = requester.asked(campaign)
    assert first["respondent_org_id"]
    assert first["invitation_link"] is None
    prefix = f"{settings.base_url}/invitations/"
    assert second["invitation_link"].startswith(prefix)
    (told,) = world.said("invitation.issued.v2", requester_org_id=requester.id)
    handle = second["invitation_link"].removeprefix(prefix)
    (invitation,) = told["invitations"]
    assert invitation["handle_sha256"] == hashlib.sha256(handle.encode()).hexdigest()
    assert told["requester_name"] == requester.name
    assert handle not in json.dumps(told)
    (issued,) = world.said("request.issued.v1", campaign_id=campaign["id"])
    assert len(issued["requests"]) == 2


def test_the_same_recorded_statement_issues_once(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    statement = requester.prepared(campaign)["statement_id"]
    event = made.Recorded(statement_id=statement)
    assert world.feed(event)
    assert not world.feed(event)
    world.record(statement, "request")
    assert len(world.said("request.issued.v1", campaign_id=campaign["id"])) == 1


def test_preparing_again_replaces_and_the_first_recorded_counts(world: World) -> None:
    requester = world.firm()
    record = requester.supplier()
    campaign = requester.campaign()
    first, second = requester.prepared(campaign), requester.prepared(campaign)
    assert first["statement_id"] != second["statement_id"]
    world.record(first["statement_id"], "request")
    world.record(second["statement_id"], "request")
    assert requester.get(f"/campaigns/{campaign['id']}")["statement_id"] == first["statement_id"]
    respondent = world.firm(link_id=record["link"]["id"])
    shown = respondent.get(f"/requests/{requester.asked(campaign)[0]['id']}")
    assert shown["disclosure"] in first["disclosures"][first["statement_id"]]["respondents"]


def test_an_issued_campaign_cannot_be_prepared_again(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.issued()
    problem = requester.post(f"/campaigns/{campaign['id']}/prepare", made.HandBody(), 409)
    assert problem["type"] == "urn:rensho:problem:campaigns/already-issued"


def test_requests_and_invitations_are_told_in_hundreds(world: World) -> None:
    requester = world.firm()
    lines = "\n".join(f"C{n},架空工業{n},JP,x{n}@supplier.example" for n in range(130))
    csv = f"取引先コード,会社名,国,メールアドレス\n{lines}\n"
    tried = requester.call("POST", "/imports", 201, content=csv.encode())
    requester.post(f"/imports/{tried['id']}/confirm")
    campaign = requester.issued()
    told = world.said("request.issued.v1", campaign_id=campaign["id"])
    assert sorted(len(each["requests"]) for each in told) == [30, 100]
    invited = world.said("invitation.issued.v2", requester_org_id=requester.id)
    assert sorted(len(each["invitations"]) for each in invited) == [30, 100]
    links = {each["link_id"] for event in invited for each in event["invitations"]}
    assert links == {each["link_id"] for event in told for each in event["requests"]}
    ids = {each["request_id"] for event in told for each in event["requests"]}
    assert ids == {each["id"] for each in requester.asked(campaign)}


def test_a_refused_statement_opens_the_campaign_again_and_says_why(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    statement = requester.prepared(campaign)["statement_id"]
    world.feed(made.RefusedStatement(statement_id=statement))
    shown = requester.get(f"/campaigns/{campaign['id']}")
    assert (shown["state"], shown["refused"]) == ("draft", ["key.revoked"])
    world.record(requester.prepared(campaign)["statement_id"], "request")
    assert requester.get(f"/campaigns/{campaign['id']}")["state"] == "issued"


@pytest.mark.parametrize("offset", [timedelta(hours=-25), timedelta(minutes=6)])
def test_a_signing_time_no_verifier_would_accept_is_refused(
    world: World, offset: timedelta
) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    hand = made.HandBody(attested_at=clock.rfc3339(clock.now() + offset))
    problem = requester.post(f"/campaigns/{campaign['id']}/prepare", hand, 422)
    assert problem["type"] == "urn:rensho:problem:statements/attested-at"


def test_a_revoked_key_is_refused_before_anybody_signs(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    hand = made.HandBody()
    mine = {"key_id": hand["key_id"], "org_id": str(requester.id)}
    world.feed(made.KeyChanged(**mine, event="revoke", log={"origin": "x.example", "index": 9}))
    world.feed(made.KeyChanged(**mine, event="enrol", log={"origin": "x.example", "index": 2}))
    problem = requester.post(f"/campaigns/{campaign['id']}/prepare", hand, 409)
    assert problem["type"] == "urn:rensho:problem:keys/not-usable"


def test_another_organizations_campaign_looks_like_none(world: World) -> None:
    requester, other = world.firm(), world.firm()
    requester.supplier()
    campaign = requester.campaign()
    other.get(f"/campaigns/{campaign['id']}", 404)
    other.get(f"/campaigns/{campaign['id']}/requests", 404)
    other.post(f"/campaigns/{campaign['id']}/prepare", made.HandBody(), 404)
    assert other.get("/campaigns")["items"] == []


def test_the_invitation_mail_is_japanese_and_shows_only_pledges_that_were_made(
    world: World, settings: Settings
) -> None:
    requester = world.firm(name="見本重工株式会社")
    mailbox = f"{somebody()}@supplier.example"
    requester.supplier(mailbox=mailbox, name="架空樹脂株式会社", contact_name="")
    campaign = requester.issued(not_used_for=["price-talks"])
    assert world.carry(campaign)
    assert not world.carry(campaign)
    (issued,) = world.said("request.issued.v1", campaign_id=campaign["id"])
    assert world.feed({**issued, "id": str(somebody())}), "replayed to an inbox that forgot"
    world.carry(campaign)
    ((subject, body),) = mails_to(settings, mailbox)
    assert subject.startswith("【ご回答のお願い】AI利用状況調査 2026年度(見本重工株式会社/期限 ")
    assert "架空樹脂株式会社\nご担当者様" in body
    assert "いつもお世話になっております。" in body
    assert "価格交渉" in body
    assert "原価低減" not in body
    (asked,) = requester.asked(campaign)
    assert asked["invitation_link"] in body
    assert asked["mailed_at"]


@pytest.mark.parametrize(
    ("language", "opening"),
    [("th", "[ขอความร่วมมือในการตอบ]"), ("fr", "[Request for your answers]")],
)
def test_a_supplier_abroad_is_written_to_in_its_language_or_in_english(
    world: World, settings: Settings, language: str, opening: str
) -> None:
    requester = world.firm()
    mailbox = f"{somebody()}@supplier.example"
    requester.supplier(mailbox=mailbox, language=language, contact_name="Somchai Example")
    world.carry(requester.issued())
    ((subject, body),) = mails_to(settings, mailbox)
    assert subject.startswith(opening)
    assert "Somchai Example" in body
    assert "御中" not in body
    assert "花子 様" not in body


def test_an_enrolled_supplier_is_written_to_without_an_invitation(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    mailbox = f"{somebody()}@supplier.example"
    record = requester.supplier(mailbox=mailbox)
    world.firm(link_id=record["link"]["id"])
    campaign = requester.issued()
    world.carry(campaign)
    ((_, body),) = mails_to(settings, mailbox)
    assert f"/requests/{requester.asked(campaign)[0]['id']}" in body
