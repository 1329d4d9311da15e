"""AI components: declared by form, or taken from an ML-BOM file."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.portal import asking, forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, first, not_found, reasons, to

book = Book()


@book.get("/requests/{id}/components")
async def list_components(visit: Visit) -> Response:
    """List what is declared, and offer the form and the file."""
    return await _list(visit, await desks.load(visit))


@book.get("/requests/{id}/components/new")
async def new_component(visit: Visit) -> Response:
    """Show an empty form."""
    return _form(visit, await desks.load(visit), None)


@book.post("/requests/{id}/components/new")
async def add_component(visit: Visit) -> Response:
    """Add one component."""
    return await _keep(visit, await desks.load(visit), None)


@book.post("/requests/{id}/components/ml-bom")
async def read_ml_bom(visit: Visit) -> Response:
    """Take the AI components of a CycloneDX file."""
    desk, form = await desks.load(visit), await visit.form()
    assert desk.response is not None
    file = form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    try:
        answer = await visit.api.call(
            "POST",
            f"/questionnaire/v1/responses/{desk.response['id']}/components/ml-bom",
            content=content,
            headers={"Content-Type": "application/vnd.cyclonedx+json"},
        )
    except Problem as why:
        return await _list(visit, desk, errors=reasons(visit, why), status=422)
    found = answer.json()
    desk.response = found["response"]
    return await _list(visit, desk, added=len(found["added"]))


# Before the rest: a component's id may be any text, a slash in it too.
@book.post("/requests/{id}/components/{name:path}/remove")
async def remove_component(visit: Visit) -> Response:
    """Take a component out of the response."""
    desk = await desks.load(visit)
    name = visit.request.path_params["name"]
    await desks.save(
        visit,
        desk,
        lambda document: {
            **document,
            "components": [
                each for each in document["components"] if each["supplier_component_id"] != name
            ],
        },
    )
    return to(f"/requests/{desk.id}/components")


@book.get("/requests/{id}/components/{name:path}")
async def show_component(visit: Visit) -> Response:
    """Show one component to be changed."""
    desk = await desks.load(visit)
    found = _named(desk, visit)
    return not_found(visit) if found is None else _form(visit, desk, found)


@book.post("/requests/{id}/components/{name:path}")
async def change_component(visit: Visit) -> Response:
    """Keep a changed component."""
    desk = await desks.load(visit)
    found = _named(desk, visit)
    return not_found(visit) if found is None else await _keep(visit, desk, found)


def _named(desk: Desk, visit: Visit) -> Json | None:
    name = visit.request.path_params["name"]
    return first(desk.document["components"], supplier_component_id=name)


async def _list(visit: Visit, desk: Desk, **more: Any) -> Response:
    uses = [
        asking.USES[tick]
        for tick in asking.TICKS
        if desk.document["pre_screen"] and desk.document["pre_screen"][tick] == "yes"
    ]
    stated = {each["use"] for each in desk.document["components"]}
    return desk_page(
        visit,
        desk,
        "components.html",
        "components",
        missing=[each for each in uses if each not in stated],
        added=more.pop("added", None),
        kinds=KINDS,
        uses=USES,
        **more,
    )


def _form(visit: Visit, desk: Desk, found: Json | None, **more: Any) -> Response:
    return desk_page(
        visit,
        desk,
        "component.html",
        "components",
        component=found,
        kinds=KINDS,
        uses=USES,
        roles=ROLES,
        attributes=ATTRIBUTES,
        **more,
    )


async def _keep(visit: Visit, desk: Desk, before: Json | None) -> Response:
    form = await visit.form()
    taken = [each["supplier_component_id"] for each in desk.document["components"]]
    try:
        made = forms.component(form, before, taken)
    except forms.Unfit as why:
        said = {**(before or {}), "name": "", "version": forms.text(form, "version")}
        blank = {"supplier_component_id": "", "kind": "", "use": "", "roles": {}, "attributes": {}}
        errors = [visit.words.plain(str(why))]
        return _form(visit, desk, {**blank, **said}, errors=errors, status=422)
    name = made["supplier_component_id"]

    def change(document: Json) -> Json:
        others = [e for e in document["components"] if e["supplier_component_id"] != name]
        return {**document, "components": [*others, made]}

    try:
        await desks.save(visit, desk, change)
    except Problem as why:
        if not why.lines:
            raise
        return _form(visit, desk, made, errors=reasons(visit, why), status=422)
    return to(f"/requests/{desk.id}/components")


KINDS = {
    "embedded-ai": "製品に組み込まれたAI",
    "ai-system": "AIシステム",
    "ai-service": "AIサービス(クラウドなど)",
    "model": "AIモデル",
    "dataset": "データセット",
}
USES = {
    "embedded": "納入する製品・サービスに組み込み",
    "process": "設計・製造・検査などの工程で利用",
    "customer-data": "お客様の図面や情報を入力する社外サービス",
}
ROLES = {
    "developer": "開発している",
    "provider": "提供している",
    "user": "利用している",
}
ATTRIBUTES = {
    "safetyFunction": (
        "安全に関わる働き",
        {
            "none": "関わらない",
            "monitored": "関わるが、人や別の仕組みが監視",
            "critical": "安全の要となる",
        },
    ),
    "relianceType": (
        "判断の使われ方",
        {"assist": "人の判断を助ける", "reliance": "AIの判断がそのまま使われる"},
    ),
    "agentOrPhysical": ("自ら操作や動作を行う", {"no": "いいえ", "yes": "はい"}),
    "personalData": ("個人情報を扱う", {"no": "いいえ", "yes": "はい"}),
    "customerData": ("お客様の図面や情報を入力する", {"no": "いいえ", "yes": "はい"}),
    "learnsAfterDelivery": ("納入後も学習して変わる", {"no": "いいえ", "yes": "はい"}),
    "userFacing": ("利用者が直接AIに接する", {"no": "いいえ", "yes": "はい"}),
    "thirdPartyBaseModel": ("他社の基盤モデルを使っている", {"no": "いいえ", "yes": "はい"}),
}
