"""作成 → 確認 → 承認 before a campaign is signed; drafts that change; what a due date heeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kit import clock
from services.kit.settings import Settings
from tests.factories import questionnaire as made
from tests.questionnaire.mails import mails_to
from tests.questionnaire.world import ALL_SCOPES, Firm, World, somebody


class Office:
    """A requester with people who draft, check and approve."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.firm = world.firm()
        self.boxes = {name: f"{name}-{somebody()}@firm.example" for name in ("check", "approve")}
        self.firm.supplier()

    def member(self, mailbox: str) -> Firm:
        headers = self.world.mint(
            org=self.firm.id,
            audience="questionnaire",
            scopes=ALL_SCOPES,
            mailbox=mailbox,
            lifetime=timedelta(days=400),
        )
        return Firm(self.world, self.firm.id, self.firm.name, headers)

    def flow(self) -> list[dict[str, str]]:
        people = {"check": "課長 見本 一郎", "approve": "部長 例示 次郎"}
        return [
            {"kind": kind, "name": name, "mailbox": self.boxes[kind]}
            for kind, name in people.items()
        ]

    def submitted(self) -> Any:
        campaign = self.firm.campaign(flow=self.flow())
        return self.firm.post(f"/campaigns/{campaign['id']}/submit", status=200)

    def decides(
        self, kind: str, campaign: Any, decision: str = "agreed", status: int = 200, **more: str
    ) -> Any:
        path = f"/campaigns/{campaign['id']}/decisions"
        member = self.member(self.boxes.get(kind, kind))
        return member.post(path, {"decision": decision, **more}, status)


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def prepare(office: Office, campaign: Any, status: int, **options: Any) -> Any:
    path = f"/campaigns/{campaign['id']}/prepare"
    return office.firm.post(path, made.HandBody(), status, **options)


def test_a_campaign_is_signed_only_after_everybody_it_names_agreed(
    office: Office, settings: Settings
) -> None:
    campaign = office.submitted()
    assert campaign["state"] == "in-approval"
    problem = prepare(office, campaign, 409)
    assert problem["type"] == "urn:rensho:problem:campaigns/approval-missing"
    assert office.decides("check", campaign)["state"] == "in-approval"
    assert office.decides("approve", campaign)["state"] == "agreed"
    prepare(office, campaign, 200)

    steps = office.firm.get(f"/campaigns/{campaign['id']}/steps")["items"]
    assert [(each["kind"], each["decision"], each["by_deputy"]) for each in steps] == [
        ("check", "agreed", False),
        ("approve", "agreed", False),
    ]
    office.world.carry(campaign)
    ((subject, text),) = mails_to(settings, office.boxes["check"])
    assert subject == f"【確認のお願い】{campaign['title']}"
    assert "■依頼先:1社" in text
    ((subject, _),) = mails_to(settings, office.boxes["approve"])
    assert subject.startswith("【承認のお願い】")


def test_sent_back_it_is_a_draft_again_and_goes_another_round(office: Office) -> None:
    campaign = office.submitted()
    problem = office.decides("check", campaign, "returned", 422)
    assert problem["type"] == "urn:rensho:problem:campaigns/comment-missing"
    back = office.decides("check", campaign, "returned", comment="期限を月央に変更してください")
    assert (back["state"], back["version"]) == ("draft", 2)
    office.firm.post(f"/campaigns/{campaign['id']}/submit", status=200)
    office.decides("check", campaign)
    office.decides("approve", campaign)
    steps = office.firm.get(f"/campaigns/{campaign['id']}/steps")["items"]
    assert [(each["round"], each["decision"]) for each in steps] == [
        *((1, "returned"), (1, None)),
        *((2, "agreed"), (2, "agreed")),
    ]


def test_nobody_decides_out_of_turn_nor_on_their_own_work(office: Office) -> None:
    campaign = office.submitted()
    problem = office.decides("approve", campaign, status=409)
    assert problem["type"] == "urn:rensho:problem:campaigns/not-your-turn"
    assert problem["waits_for"] == "課長 見本 一郎"
    problem = office.decides("member@firm.example", campaign, status=409)
    assert problem["type"] == "urn:rensho:problem:campaigns/own-work"
    other = office.world.firm()
    other.post(f"/campaigns/{campaign['id']}/decisions", {"decision": "agreed"}, 404)
    other.post(f"/campaigns/{campaign['id']}/submit", status=404)
    other.get(f"/campaigns/{campaign['id']}/steps", 404)


def test_a_deputy_stands_in_on_the_days_given(office: Office) -> None:
    campaign = office.submitted()
    today = clock.now().date()
    deputy = {"name": "代理 三郎", "mailbox": f"{somebody()}@firm.example"}
    body = {"mailbox": office.boxes["check"], "deputy": deputy}
    days = {"from_on": (today - timedelta(days=9)).isoformat()}
    late = {**days, "to_on": (today - timedelta(days=2)).isoformat()}
    office.firm.post("/deputies", {**body, **late})
    office.decides(deputy["mailbox"], campaign, status=409)
    now = {**days, "to_on": (today + timedelta(days=2)).isoformat()}
    appointed = office.firm.post("/deputies", {**body, **now})
    office.decides(deputy["mailbox"], campaign)
    step = office.firm.get(f"/campaigns/{campaign['id']}/steps")["items"][0]
    assert step["by_deputy"] is True
    assert len(office.firm.get("/deputies")["items"]) == 2
    office.world.firm().call("DELETE", f"/deputies/{appointed['id']}", 404)
    client = office.world.client
    gone = client.delete(f"/deputies/{appointed['id']}", headers=office.firm.headers)
    assert gone.status_code == 204
    backwards = {"from_on": "2027-04-02", "to_on": "2027-04-01"}
    problem = office.firm.post("/deputies", {**body, **backwards}, 422)
    assert problem["type"] == "urn:rensho:problem:deputies/dates"


def test_the_moves_of_april_hand_everything_open_to_the_next_person(office: Office) -> None:
    campaign = office.submitted()
    successor = {"name": "後任 四郎", "mailbox": f"{somebody()}@firm.example"}
    body = {"from_mailbox": office.boxes["check"], "to": successor}
    assert office.firm.post("/hand-overs", body, 200) == {"campaigns": 1, "steps": 1}
    office.decides("check", campaign, status=409)
    office.decides(successor["mailbox"], campaign)
    body = {"from_mailbox": "MEMBER@firm.example", "to": successor}
    assert office.firm.post("/hand-overs", body, 200) == {"campaigns": 1, "steps": 0}
    shown = office.firm.get(f"/campaigns/{campaign['id']}")
    assert shown["contact"] == successor


def test_a_campaign_that_names_nobody_is_not_handed_in_nor_decided(office: Office) -> None:
    campaign = office.firm.campaign()
    problem = office.firm.post(f"/campaigns/{campaign['id']}/submit", status=409)
    assert problem["type"] == "urn:rensho:problem:campaigns/no-flow"
    problem = office.decides("check", campaign, status=409)
    assert problem["type"] == "urn:rensho:problem:campaigns/not-now"


def draft_of(campaign: Any, **changes: Any) -> dict[str, Any]:
    names = ("title", "questionnaire_id", "due_on", "purpose", "why", "clauses", "viewers")
    more = ("not_used_for", "nda_basis", "owner", "flow")
    return {name: campaign[name] for name in (*names, *more)} | changes


def test_a_draft_is_changed_under_its_version_until_it_is_prepared(office: Office) -> None:
    campaign = office.firm.campaign()
    path = f"/campaigns/{campaign['id']}"
    office.firm.get(path)
    assert office.world.last_headers["etag"] == '"1"'
    due_on = (clock.now() + timedelta(days=75)).date().isoformat()
    changed = office.firm.put(path, draft_of(campaign, title="改題", due_on=due_on), 1)
    assert (changed["title"], changed["version"], changed["due_on"]) == ("改題", 2, due_on)
    (asked,) = office.firm.asked(campaign)
    assert asked["due_at"].startswith(due_on)
    stale = office.firm.put(path, draft_of(campaign), 1, 409)
    assert stale["type"] == "urn:rensho:problem:campaigns/changed-since-preview"
    office.world.firm().put(path, draft_of(campaign), None, 404)

    stale = prepare(office, campaign, 409, headers={"If-Match": '"1"'})
    assert stale["type"] == "urn:rensho:problem:campaigns/changed-since-preview"
    prepare(office, campaign, 200, headers={"If-Match": '"2"'})
    problem = office.firm.put(path, draft_of(campaign), 2, 409)
    assert problem["type"] == "urn:rensho:problem:campaigns/not-now"
    assert problem["may"] == ["prepare", "withdraw", "cancel"]


def test_what_was_handed_out_before_a_change_issues_nothing(office: Office) -> None:
    campaign = office.firm.campaign()
    path = f"/campaigns/{campaign['id']}"
    old = office.firm.prepared(campaign)
    back = office.firm.post(f"{path}/withdraw", status=200)
    assert (back["state"], back["version"]) == ("draft", 2)
    new = office.firm.prepared(campaign)
    office.world.record(old["statement_id"], "request")
    assert office.firm.get(path)["state"] == "prepared"
    office.world.record(new["statement_id"], "request")
    assert office.firm.get(path)["state"] == "issued"
    problem = office.firm.post(f"{path}/withdraw", status=409)
    assert problem["type"] == "urn:rensho:problem:campaigns/not-now"


def test_whom_a_draft_asks_is_chosen_anew_and_who_stays_keeps_its_request(office: Office) -> None:
    firm = office.firm
    campaign = firm.campaign()
    path = f"/campaigns/{campaign['id']}"
    (before,) = firm.asked(campaign)
    more = firm.supplier()
    chosen = {"supplier_ids": [before["supplier_id"], more["id"]]}
    changed = firm.put(path, draft_of(campaign, **chosen, fair_dealing=made.FairDealingBody()), 1)
    assert changed["counts"] == {"created": 2}
    asked = {each["supplier_id"]: each["id"] for each in firm.asked(campaign)}
    assert asked.keys() == set(chosen["supplier_ids"])
    assert asked[before["supplier_id"]] == before["id"]
    only = {"supplier_ids": [more["id"]], "fair_dealing": made.FairDealingBody(basis="書面で確認")}
    firm.put(path, draft_of(campaign, **only), 2)
    assert [each["supplier_id"] for each in firm.asked(campaign)] == [more["id"]]
    (record,) = firm.get(f"{path}/fair-dealing")["items"]
    assert (record["supplier_id"], record["basis"]) == (more["id"], "書面で確認")
    firm.put(path, draft_of(campaign, all=True, fair_dealing=made.FairDealingBody()), 3)
    assert len(firm.asked(campaign)) == 2


def test_how_suppliers_are_dealt_with_changes_without_choosing_them_again(office: Office) -> None:
    campaign = office.firm.campaign()
    path = f"/campaigns/{campaign['id']}"
    office.firm.supplier()
    dealt = made.FairDealingBody(cost_outcome="費用は弊社負担で合意")
    office.firm.put(path, draft_of(campaign, fair_dealing=dealt), 1)
    (record,) = office.firm.get(f"{path}/fair-dealing")["items"]
    assert record["cost_outcome"] == "費用は弊社負担で合意"
    office.firm.put(path, draft_of(campaign), 2)
    assert office.firm.get(f"{path}/fair-dealing")["items"] == [record]


@pytest.mark.parametrize(
    ("fields", "urn"),
    [
        ({"all": True}, "campaigns/fair-dealing-missing"),
        ({"supplier_ids": [str(somebody())], "fair_dealing": ...}, "campaigns/suppliers"),
        ({"supplier_ids": [str(somebody())], "all": True}, "request/invalid"),
    ],
)
def test_whom_nobody_can_ask_like_this_is_refused_and_the_draft_stays(
    office: Office, fields: dict[str, Any], urn: str
) -> None:
    campaign = office.firm.campaign()
    given = {k: made.FairDealingBody() if v is ... else v for k, v in fields.items()}
    path = f"/campaigns/{campaign['id']}"
    problem = office.firm.put(path, draft_of(campaign, **given), 1, 422)
    assert problem["type"] == f"urn:rensho:problem:{urn}"
    assert office.firm.get(path)["version"] == 1
    assert len(office.firm.asked(campaign)) == 1


def test_another_questionnaire_or_a_past_day_is_refused(office: Office) -> None:
    campaign = office.firm.campaign()
    path = f"/campaigns/{campaign['id']}"
    office.firm.put(path, draft_of(campaign, questionnaire_id=str(somebody())), 1, 404)
    problem = office.firm.put(path, draft_of(campaign, due_on="2020-01-01"), 1, 422)
    assert problem["type"] == "urn:rensho:problem:campaigns/due-on"
    assert office.firm.get(path)["version"] == 1


@pytest.mark.parametrize(
    ("due_on", "codes"),
    [
        ("2027-06-15", set()),
        ("2027-06-30", {"month_end"}),
        ("2027-05-04", {"requester_closed", "suppliers_closed"}),
        ("2027-04-09", {"fiscal_year_end", "too_short"}),
        ("2027-04-17", {"requester_closed", "suppliers_closed", "too_short"}),
    ],
)
def test_a_badly_chosen_day_is_warned_of_and_allowed(
    office: Office, due_on: str, codes: set[str]
) -> None:
    clock.configure(datetime(2027, 4, 5, 1, tzinfo=UTC).isoformat())
    try:
        campaign = office.firm.campaign(due_on=due_on)
        assert office.firm.prepared(campaign)["warnings"] == campaign["warnings"]
    finally:
        clock.configure(None)
    assert {each["code"] for each in campaign["warnings"]} == codes
    assert campaign["fiscal_year"] == 2027
    for each in campaign["warnings"]:
        assert each["text"]["ja"]
        assert each["text"]["en"]


def test_how_each_supplier_is_dealt_with_is_on_record_with_the_time_it_was_given(
    office: Office,
) -> None:
    special = office.firm.supplier(country="DE")
    different = made.FairDealingBody(
        subcontract_act="covered", necessity="安全機能の確認", cost_outcome="費用は弊社負担で合意"
    )
    campaign = office.firm.campaign(fair_dealing_for={special["id"]: different})
    path = f"/campaigns/{campaign['id']}/fair-dealing"
    records = {each["supplier_id"]: each for each in office.firm.get(path)["items"]}
    assert len(records) == 2
    mine = records.pop(special["id"])
    assert (mine["subcontract_act"], mine["cost_outcome"]) == ("covered", "費用は弊社負担で合意")
    (usual,) = records.values()
    assert usual["necessity"] == campaign["why"]
    assert 30 < usual["working_days"] < 45
    assert len(office.firm.get(f"{path}?limit=1")["items"]) == 1
    office.world.firm().get(path, 404)
