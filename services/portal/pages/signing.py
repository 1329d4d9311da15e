"""Signing: looked through on the desk, signed on pages of their own, in the browser or elsewhere.

The pages under `/sign` and `/keys` carry nothing a user wrote and a stricter policy; what is signed
comes to them as data, and they read it themselves.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from services.kit import clock
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import SIGNING_POLICY, Book, Visit, field, reasons, to

book = Book()

ROLES: Final = {
    "responsible-officer": "責任者(役員・部門長など)",
    "ai-governance-lead": "AIガバナンスの担当責任者",
    "delegate": "委任を受けた担当者",
}
# A browser's key signs for whatever its holder does on these pages.
_KEY_ROLES: Final = [*ROLES, "requester"]
_MAX_JSON: Final = 8 * 1024 * 1024


@book.get("/requests/{id}/check")
async def check(visit: Visit) -> Response:
    """Show what is about to be signed, and what is still open."""
    return desk_page(visit, await desks.load(visit), "check.html", "check")


@book.get("/sign/keys")
async def list_keys(visit: Visit) -> Response:
    """List the organization's keys, as data."""
    return JSONResponse({"org": await visit.org(), "keys": await _keys(visit)})


@book.post("/sign/keys/challenge")
async def challenge(visit: Visit) -> Response:
    """Ask for what a new key of this browser must sign."""
    given = await body_of(visit)
    return JSONResponse(
        await visit.api.post(
            "/attestation/v1/keys/challenges",
            {
                "spki": given.get("spki", ""),
                "roles": _KEY_ROLES,
                "custody": "browser",
                "purpose": given.get("purpose", "enrol"),
                "replaces": given.get("replaces"),
            },
        )
    )


@book.post("/sign/keys")
async def enrol(visit: Visit) -> Response:
    """Hand in the signed challenge."""
    return JSONResponse(await visit.api.post("/attestation/v1/keys", await body_of(visit)))


@book.post("/sign/rotations/{rotation}/veto")
async def veto(visit: Visit) -> Response:
    """Hand in the old key's objection to its heir."""
    wanted = quote(visit.request.path_params["rotation"], safe="")
    path = f"/attestation/v1/rotations/{wanted}/vetoes"
    return JSONResponse(await visit.api.post(path, await body_of(visit)))


@book.post("/sign/submissions")
async def submit(visit: Visit) -> Response:
    """Hand in what was signed."""
    return JSONResponse(await visit.api.post("/attestation/v1/submissions", await body_of(visit)))


@book.get("/sign/submissions/{submission}")
async def submission(visit: Visit) -> Response:
    """Ask how far a submission is."""
    wanted = quote(visit.request.path_params["submission"], safe="")
    return JSONResponse(await visit.api.get(f"/attestation/v1/submissions/{wanted}"))


@book.get("/sign/{id}")
async def show(visit: Visit) -> Response:
    """Show the signing page of one response."""
    return await _page(visit, await desks.load(visit))


@book.get("/sign/{id}/facts")
async def facts(visit: Visit) -> Response:
    """Say whom the response is for, and what its question ids mean, as data."""
    desk = await desks.load(visit)
    assert desk.response is not None
    request = desk.request
    return JSONResponse(
        {
            "org": await visit.org(),
            "response_id": desk.response["id"],
            "requester_org": request["requester_org_id"],
            "requester_name": request["requester_name"],
            "title": request["title"],
            "keys": await _keys(visit),
            "questions": {
                each["id"]: {
                    "text": visit.words.pick(each["text"]),
                    "options": {o["code"]: visit.words.pick(o["label"]) for o in each["options"]},
                }
                for each in request["questionnaire"]["questions"]
            },
        }
    )


@book.post("/sign/{id}/prepare")
async def prepare(visit: Visit) -> Response:
    """Fix the next revision and give its statements to sign."""
    desk, given = await desks.load(visit), await body_of(visit)
    return JSONResponse(
        await _prepared(visit, desk, str(given.get("key_id")), str(given.get("role")))
    )


@book.post("/sign/{id}/files")
async def files(visit: Visit) -> Response:
    """Give the statements as files, to be signed by the command line or another signer."""
    desk, form = await desks.load(visit), await visit.form()
    try:
        made = await _prepared(visit, desk, field(form, "key_id"), field(form, "role"))
    except Problem as why:
        return await _page(visit, desk, errors=reasons(visit, why))
    name = f"rensho-to-sign-r{made['revision']}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_to_sign(made), media_type="application/zip", headers=headers)


@book.post("/sign/{id}/bundles")
async def bundles(visit: Visit) -> Response:
    """Take bundles signed elsewhere, with the file that came beside them."""
    desk, form = await desks.load(visit), await visit.form()
    sent = [await e.read() for e in form.getlist("files") if isinstance(e, UploadFile)]
    beside, signed = _sorted_out(sent)
    if beside is None or not signed:
        missing = "submission.json と、署名済みのファイル(.sigstore.json)をすべてお選びください。"
        return await _page(visit, desk, errors=[visit.words.plain(missing)])
    order = {each: place for place, each in enumerate(beside.get("payloads", []))}
    signed.sort(key=lambda each: order.get(str(each.get("dsseEnvelope", {}).get("payload")), 0))
    body = {
        "kind": "response",
        "bundles": signed,
        "documents": beside.get("documents", {}),
        "disclosures": beside["disclosures"],
    }
    try:
        await visit.api.post("/attestation/v1/submissions", body)
    except Problem as why:
        codes = [str(code) for code in why.document.get("codes", [])]
        return await _page(visit, desk, errors=[*reasons(visit, why), *codes])
    return to(f"/requests/{desk.id}/receipt")


def _sorted_out(files: list[bytes]) -> tuple[Json | None, list[Json]]:
    """Tell the file that goes in beside from the signed bundles; what is no JSON is passed over."""
    beside, signed = None, []
    for content in files:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "verificationMaterial" in found:
            signed.append(found)
        elif isinstance(found, dict) and "disclosures" in found:
            beside = found
    return beside, signed


async def _page(visit: Visit, desk: Desk, errors: list[str] | None = None) -> Response:
    usable = [each for each in await _keys(visit) if each["state"] == "enrolled"]
    return visit.page(
        "sign.html",
        422 if errors else 200,
        policy=SIGNING_POLICY,
        request_id=desk.id,
        roles=ROLES,
        keys=usable,
        errors=errors or [],
    )


async def _keys(visit: Visit) -> list[Json]:
    return await visit.api.every("/attestation/v1/keys")


async def body_of(visit: Visit) -> Json:
    """Read the JSON object a signing page sent.

    Raises:
        Problem: 400 or 413, it is none or too large.
    """
    if int(visit.request.headers.get("content-length", "0")) > _MAX_JSON:
        raise Problem(413, {"detail": "too large"})
    try:
        return dict(await visit.request.json())
    except (ValueError, TypeError) as why:
        raise Problem(400, {"detail": "this is no JSON object"}) from why


async def hand(visit: Visit, key_id: str, role: str) -> Json:
    """Return who is about to sign, when, and the newest tree head the signer has seen."""
    note = (await visit.api.raw("GET", "/log/checkpoint")).text.splitlines()
    return {
        "key_id": key_id,
        "role": role,
        "attested_at": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "anchor": {
            "origin": note[0],
            "size": int(note[1]),
            "root_hash": base64.b64decode(note[2]).hex(),
        },
    }


async def _prepared(visit: Visit, desk: Desk, key_id: str, role: str) -> Json:
    assert desk.response is not None
    return await visit.api.post(
        f"/questionnaire/v1/responses/{desk.response['id']}/prepare",
        {**await hand(visit, key_id, role), "locale": visit.language},
    )


def _to_sign(made: Json) -> bytes:
    """Return the zip: each statement's payload as a file of its own, and what goes in beside."""
    packed = io.BytesIO()
    beside = {
        "payloads": [each["payload"] for each in made["statements"]],
        "documents": made["documents"],
        "disclosures": made["disclosures"],
    }
    with zipfile.ZipFile(packed, "w") as archive:
        for number, each in enumerate(made["statements"], start=1):
            archive.writestr(f"{number:02d}-{each['type']}.json", base64.b64decode(each["payload"]))
        archive.writestr("submission.json", json.dumps(beside, ensure_ascii=False))
    return packed.getvalue()
