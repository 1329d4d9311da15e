"""What happens to one response, chapter by chapter, in whatever system runs."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import openpyxl
from rensho.trust import Trust
from rensho.verify import Expectations, ExpectedRequest, Material, verify

from services.demo.http import until
from services.kit import clock
from tests.system import answering_life
from tests.system.answering_life import ASK, CHECKING, CORE, Asked, Life

PART = {
    "supplier_component_id": "vision-1",
    "name": "外観検査AI",
    "version": "1.0",
    "kind": "embedded-ai",
    "use": "process",
    "roles": {"developer": "no", "provider": "no", "user": "yes"},
    "attributes": {},
    "answers": {"Q-CORE-009": {"state": "answered", "value": "stop_only"}},
}


def answer_together(life: Life, asked: Asked) -> Any:
    """Half by a colleague over the API, half by Excel, beside each other; then one signature."""
    draft = life.draft(asked, components=[PART])
    colleague = life.delegate(draft, CORE)
    answered = life.answer_section(
        colleague, {"Q-CORE-001": CHECKING, "Q-CORE-004": {"state": "withheld"}}
    )
    assert [each["id"] for each in answered["sections"]] == [CORE]
    for path in ("/requests", f"/responses/{draft['id']}"):
        assert colleague.raw("GET", f"{ASK}{path}").status_code == 401
    filled = {"answers/Q-FLOW-001": "確認中", "answers/Q-FLOW-006": "非開示"}
    saved = life.answer_by_excel(draft["id"], filled)
    assert saved["document"]["origin"] == "excel"
    states = {name: each["state"] for name, each in saved["document"]["answers"].items()}
    assert states == {
        "Q-CORE-001": "checking",
        "Q-CORE-004": "withheld",
        "Q-FLOW-001": "checking",
        "Q-FLOW-006": "withheld",
    }
    progress = life.supplier.api.get(f"{ASK}/responses/{draft['id']}/progress")
    assert progress["next"]
    question = {"question": "Q-CORE-009", "text": "試作ラインも対象でしょうか。"}
    life.supplier.api.post(f"{asked.path}/messages", question)
    asked.customer.api.post(f"{asked.path}/messages", {**question, "text": "対象外です。"})
    thread = life.supplier.api.get(f"{asked.path}/messages")["items"]
    assert [each["text"] for each in thread] == [question["text"], "対象外です。"]
    prepared = life.sign(draft["id"])
    life.wait_state(asked, "signed")
    return prepared["statements"]


def send_back_and_correct(life: Life, asked: Asked, statements: Any) -> Any:
    declaration = statements[-1]["statement_id"]
    back = {"question": "Q-CORE-001", "outcome": "sent_back", "reason": "対象をご確認ください"}
    life.review(asked, declaration, [back])
    life.wait_state(asked, "returned")
    draft = life.draft(asked)
    answers = {
        **draft["document"]["answers"],
        "Q-CORE-001": {"state": "answered", "value": "complete"},
    }
    saved = life.save(draft["id"], {**draft["document"], "answers": answers}, draft["version"])
    changes = life.supplier.api.get(f"{ASK}/responses/{draft['id']}/differences")["items"]
    assert [each["where"] for each in changes] == ["/answers/Q-CORE-001"]
    prepared = life.sign(saved["id"])
    assert prepared["revision"] == 2
    api = asked.customer.api
    until(lambda: api.get(f"{asked.path}/answers")["revision"] == 2 or None, "revision 2")
    found = api.get(f"{asked.path}/standing")["items"]
    assert {each["standing"] for each in found} == {"open"}
    for statement, component in zip(prepared["statements"], ("vision-1", None), strict=True):
        mine = [each["question"] for each in found if each["component"] == component]
        decisions = [{"question": each, "outcome": "accepted"} for each in mine]
        life.review(asked, statement["statement_id"], decisions)
    life.wait_state(asked, "accepted")
    content = api.call("GET", f"{asked.path}/answers/workbook").content
    rows = list(openpyxl.load_workbook(io.BytesIO(content))["回答"].iter_rows(values_only=True))
    assert {row[8] for row in rows[1:]} == {"承認"}
    return prepared["statements"]


def improve(life: Life, asked: Asked) -> None:
    """A finding is opened, agreed, done and checked, with both ends watching."""
    day = (clock.now().date() + timedelta(days=90)).isoformat()
    body = {"question": "Q-CORE-009", "finding": "止めた後の方法が未定", "due_on": day}
    api, supplier = asked.customer.api, life.supplier.api
    path = f"{ASK}/corrective-actions/"
    path += api.post(f"{asked.path}/corrective-actions", body)["id"] + "/steps"
    supplier.post(path, {"version": 1, "step": "agree", "note": "手順を定めます", "due_on": day})
    supplier.post(path, {"version": 2, "step": "done", "note": "手順書を改訂しました"})
    again = {"step": "reopen", "note": "止めた後の手順が見当たりません", "due_on": day}
    api.post(path, {"version": 3, **again})
    supplier.post(path, {"version": 4, "step": "agree", "note": "追記いたします", "due_on": day})
    supplier.post(path, {"version": 5, "step": "done", "note": "追記しました"})
    assert api.post(path, {"version": 6, "step": "check"})["state"] == "checked"
    other = api.post(f"{asked.path}/corrective-actions", body)["id"]
    drop = {"version": 1, "step": "drop", "note": "別の件に含まれるため"}
    assert api.post(f"{ASK}/corrective-actions/{other}/steps", drop)["state"] == "dropped"


def open_to_another(life: Life, other: Asked, statements: Any) -> tuple[str, str]:
    """Signed once, granted to a second customer: only the delta is asked.

    Returns the grant and the statement it opens.
    """
    supplier, reader = life.supplier.api, other.customer.api
    offers = supplier.get(f"{other.path}/reuse")
    (offer,) = offers["items"]
    assert offer["statement_id"] == statements[0]["statement_id"]
    # Still checking and withheld are no answers: two of the five that were signed, here.
    assert set(offer["questions"]) == {"Q-CORE-001", "Q-CORE-009"}
    grant = life.grant(other, offer)
    (seen,) = until(lambda: reader.get(f"{other.path}/grants")["items"] or None, "the grant")
    assert {each["question"] for each in seen["opened"]["answers"]} == set(offer["questions"])
    left = supplier.get(f"{other.path}/reuse")["left"]
    assert len(left) == offers["asked"] - 2
    assert not set(left) & set(offer["questions"])
    rest = {name: CHECKING for name in left if name.startswith("Q-FLOW-00")}
    life.sign(life.draft(other, answers=rest)["id"])
    life.wait_state(other, "signed")
    until(lambda: _granted_in_risk(other) == (1, 0) or None, "the grant in the risk index")
    return grant, str(offer["statement_id"])


def close_to_another(life: Life, other: Asked, grant: str, statement_id: str) -> None:
    """What was opened is taken back: neither read nor counted any more."""
    reader = other.customer.api
    life.withdraw(grant)
    until(
        lambda: reader.get(f"{other.path}/grants")["items"][0]["ended_at"] or None,
        "the end of the grant",
    )
    path = f"/attestation/v1/statements/{statement_id}.rensho.zip"
    token = {"Authorization": f"Bearer {reader.token('attestation')}"}
    assert reader.raw("GET", path, headers=token).status_code == 404
    until(lambda: _granted_in_risk(other) == (0, 1) or None, "the gap in the risk index")


def believed(other: Asked, statement_id: str) -> None:
    """The second customer verifies the granted statement offline.

    It is of revision 2 and supersedes one that was not granted: that alone stays open.
    """
    api = other.customer.api
    content = api.call("GET", f"/attestation/v1/statements/{statement_id}.rensho.zip").content
    trust = Trust.load(api.raw("GET", "/attestation/v1/trust.json").content)
    request = api.get(other.path)
    expect = Expectations(
        audience=f"urn:rensho:org:{other.customer.org_id}",
        request=ExpectedRequest(request["id"], request["nonce"]),
    )
    verdict = verify(Material(content), trust, expect, clock.now())
    assert verdict.codes == ("target.unknown",)
    parts = {name: part for name, part in verdict.parts.items() if name != "context"}
    assert set(parts.values()) <= {"VALID", "NOT_REQUIRED"}


def _granted_in_risk(other: Asked) -> tuple[int, int]:
    links = {each["id"]: each for each in answering_life.judged(other.customer)["direct"]}
    direct = links[other.link_id]
    if direct["declaration"] is None:
        return 0, 0
    return len(direct["components"]), direct["declaration"]["withheld_components"]
