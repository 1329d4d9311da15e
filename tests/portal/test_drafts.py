"""A draft is written and written again by forms; what was typed survives a refusal."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from services.demo.story import _campaign
from tests.portal.conftest import Place
from tests.portal.office import text_of
from tests.portal.screen import open_screen

REQUESTER = "mihon-jidosha"
STEP = {"kind": "approve", "name": "承認 花子", "mailbox": "hanako@mihon-jidosha.example"}


@pytest.fixture
def draft(place: Place) -> dict[str, Any]:
    """A draft to everybody, of the questionnaire that was made last."""
    party = place.story.requester
    asked = party.api.every("/questionnaire/v1/questionnaires")[-1]
    return party.api.post("/questionnaire/v1/campaigns", _campaign(party, asked["id"]))


def fields_of(answer: httpx2.Response) -> dict[str, Any]:
    """Return what a browser would send if nobody touched the form."""
    form = answer.text.partition("/draft")[2].partition("</form>")[0]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        ticked = said.get("type") not in ("checkbox", "radio") or " checked" in tag
        if ticked and said.get("type") == "checkbox":
            sent.setdefault(said["name"], []).append(said["value"])
        elif ticked:
            sent[said["name"]] = said["value"]
    sent |= dict(re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>([^<]*)', form))
    for name, options in re.findall(r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', form):
        chosen = re.findall(r'<option value="([^"]*)" selected', options)
        sent[name] = (chosen or re.findall(r'<option value="([^"]*)"', options))[0]
    return sent


def test_a_draft_sent_back_untouched_stays_as_it_was(place: Place, draft: dict[str, Any]) -> None:
    api, path = place.story.requester.api, f"/questionnaire/v1/campaigns/{draft['id']}"
    dealt = api.every(f"{path}/fair-dealing")
    with place.browser_of(REQUESTER) as browser:
        assert "下書きを直す" in browser.get(f"/campaigns/{draft['id']}").text
        form = browser.get(f"/campaigns/{draft['id']}/draft")
        done = browser.post(f"/campaigns/{draft['id']}/draft", data=fields_of(form))
    assert done.headers["location"] == f"/campaigns/{draft['id']}"
    after = api.get(path)
    assert after == {**draft, "version": draft["version"] + 1}
    same = [{k: v for k, v in each.items() if k != "recorded_at"} for each in dealt]
    assert [
        {k: v for k, v in each.items() if k != "recorded_at"}
        for each in api.every(f"{path}/fair-dealing")
    ] == same


def test_whom_it_asks_and_who_must_agree_are_changed_on_the_page(
    place: Place, draft: dict[str, Any]
) -> None:
    api, path = place.story.requester.api, f"/questionnaire/v1/campaigns/{draft['id']}"
    with place.browser_of(REQUESTER) as browser:
        form = browser.get(f"/campaigns/{draft['id']}/draft")
        sent = fields_of(form)
        step = {f"step_{name}_0": value for name, value in STEP.items()}
        chosen = {"whom": "some", "supplier": sent["supplier"][:2]}
        letter = {"department": "調達部", "viewers": "調達部、品質保証部\n監査室"}
        done = browser.post(f"/campaigns/{draft['id']}/draft", data=sent | step | chosen | letter)
        assert done.status_code == 303, text_of(done)
        shown = text_of(browser.get(f"/campaigns/{draft['id']}"))
    after = api.get(path)
    assert after["flow"] == [STEP]
    assert after["letterhead"]["department"] == "調達部"
    assert after["viewers"] == ["調達部", "品質保証部", "監査室"]
    asked = {each["supplier_id"] for each in api.every(f"{path}/requests")}
    assert asked == set(chosen["supplier"])
    assert len(api.every(f"{path}/fair-dealing")) == 2
    assert "承認 花子" in shown
    assert "社内の確認に回す" in shown


def test_a_refusal_shows_again_all_that_was_typed(place: Place, draft: dict[str, Any]) -> None:
    with place.browser_of(REQUESTER) as browser:
        sent = fields_of(browser.get(f"/campaigns/{draft['id']}/draft"))
        changes = {"whom": "some", "supplier": sent["supplier"][1:3], "due_on": "2020-01-01"}
        changes |= {"not_used_for": ["price-talks"], "step_name_1": "確認 太郎"}
        changes |= {"step_mailbox_1": "taro@mihon-jidosha.example", "telephone": "00-0000-0000"}
        refused = browser.post(f"/campaigns/{draft['id']}/draft", data=sent | changes)
        assert refused.status_code == 422
        assert "ご確認ください" in refused.text
        again = fields_of(refused)
        stale = browser.post(f"/campaigns/{draft['id']}/draft", data=sent | {"version": "7"})
    for name in ("supplier", "due_on", "not_used_for", "whom", "telephone"):
        assert again[name] == changes[name], name
    assert again["step_name_0"] == "確認 太郎"
    assert stale.status_code == 422
    assert "ほかの方" in text_of(stale)


def test_a_campaign_that_went_out_and_anothers_draft_have_no_form_that_works(
    place: Place, draft: dict[str, Any]
) -> None:
    out = place.story.requester.api.every("/questionnaire/v1/campaigns")[0]["id"]
    with place.browser_of(REQUESTER) as browser:
        assert "下書きを直す" not in browser.get(f"/campaigns/{out}").text
        sent = fields_of(browser.get(f"/campaigns/{draft['id']}/draft"))
        refused = browser.post(f"/campaigns/{out}/draft", data=sent)
        assert refused.status_code == 422
    with place.browser_of("reiji-denso") as other:
        assert other.get(f"/campaigns/{draft['id']}/draft").status_code == 404
        assert other.post(f"/campaigns/{draft['id']}/draft", data=sent).status_code == 404


@pytest.mark.needs("chromium")
def test_the_form_of_a_draft_shuts_nobody_out(
    chromium: Any, place: Place, draft: dict[str, Any]
) -> None:
    screen = open_screen(chromium, place).log_in_as(REQUESTER)
    screen.go(f"/campaigns/{draft['id']}/draft")
    assert screen.violations() == []
    assert screen.noise == []
