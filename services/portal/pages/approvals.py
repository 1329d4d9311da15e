"""The firm's own way from written to signed: where a response stands, and who sits where."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, reasons, to

book = Book()

STEPS: Final = {"write": "作成", "check": "確認", "approve": "承認"}
_FLOW: Final = "/questionnaire/v1/approval-flow"


@book.get("/requests/{id}/approval")
async def show(visit: Visit) -> Response:
    """Show how far the present version is."""
    return await _page(visit, await desks.load(visit))


@book.post("/requests/{id}/approval")
async def decide(visit: Visit) -> Response:
    """Do the next step on the version that was shown, or give it back with a reason."""
    desk, form = await desks.load(visit), await visit.form()
    version = forms.text(form, "version")
    body: Json = {
        "version": int(version) if version.isdecimal() else 1,
        "action": "returned" if forms.text(form, "action") == "returned" else "done",
        "reason": forms.text(form, "reason"),
        "step": forms.text(form, "step") or None,
    }
    try:
        await visit.api.post(f"{desk.path}/approval", body)
    except Problem as why:
        if why.status >= 500 or why.status == 401:  # noqa: PLR2004 (HTTP)
            raise
        return await _page(visit, desk, errors=reasons(visit, why), status=422)
    return to(f"/requests/{desk.id}/approval")


@book.get("/approval-flow")
async def show_flow(visit: Visit) -> Response:
    """Show who does which step in this firm."""
    return await _flow_page(visit, await visit.api.get(_FLOW))


@book.post("/approval-flow")
async def set_flow(visit: Visit) -> Response:
    """Set the steps; none ticked is no flow."""
    form = await visit.form()
    chosen = {str(each) for each in form.getlist("step")}
    flow = {"desks": [_desk(form, step) for step in STEPS if step in chosen]}
    return await _kept(visit, "PUT", _FLOW, flow, flow)


@book.post("/approval-flow/hand-over")
async def hand_over(visit: Visit) -> Response:
    """Put one person in another's place at every step."""
    form = await visit.form()
    body = {name: forms.text(form, name) for name in ("former", "successor")}
    flow = await visit.api.get(_FLOW)
    return await _kept(visit, "POST", f"{_FLOW}/hand-over", body, flow)


async def _kept(visit: Visit, method: str, path: str, body: Json, flow: Json) -> Response:
    try:
        await visit.api.call(method, path, json=body)
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403):  # noqa: PLR2004 (HTTP)
            raise
        return await _flow_page(visit, flow, errors=reasons(visit, why))
    return to("/approval-flow?kept=1")


def _desk(form: forms.Form, step: str) -> Json:
    deputies = [
        {"mailbox": mailbox, "first": first, "last": last}
        for mailbox, first, last in zip(
            *(_texts(form, f"{step}.{name}") for name in ("deputy", "first", "last")), strict=False
        )
        if mailbox
    ]
    listed = forms.text(form, f"{step}.mailboxes").split("\n")
    mailboxes = [each.strip() for each in listed if each.strip()]
    return {"step": step, "mailboxes": mailboxes, "deputies": deputies}


def _texts(form: forms.Form, name: str) -> list[str]:
    return [str(each).strip() for each in form.getlist(name)]


async def _page(visit: Visit, desk: Desk, **more: Any) -> Response:
    approval = await visit.api.get(f"{desk.path}/approval")
    flow = (await visit.api.get(_FLOW))["desks"]
    order = [each["step"] for each in flow]
    next_ = approval["waiting_for"]
    done = order[: order.index(next_)] if next_ in order else order
    return desk_page(
        visit, desk, "approval.html", "approval", approval=approval, flow=flow, done=done,
        step_names=STEPS, **more,
    )  # fmt: skip


async def _flow_page(visit: Visit, flow: Json, errors: list[str] | None = None) -> Response:
    return visit.page(
        "approval_flow.html",
        422 if errors else 200,
        desks={each["step"]: each for each in flow["desks"]},
        step_names=STEPS,
        kept=visit.request.query_params.get("kept") == "1",
        members=await visit.api.every("/identity/v1/members"),
        errors=errors or [],
    )
