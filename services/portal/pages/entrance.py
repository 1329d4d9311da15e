"""Coming in: an invitation's link and its code, log-in by a code to the mailbox, log-out."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal.client import Api, Json, Problem
from services.portal.pages import colleague
from services.portal.pages.requests import OVER, SETTLED
from services.portal.visit import Book, Visit, field, reasons, safe_path, to

book = Book()

_TOKEN_WANTED: Final = {"X-Rensho-Client": "api"}
# Which requests a new organization is asked travels by event; it takes a moment.
_ARRIVAL_SECONDS: Final = 8.0
_NOT_DIGITS: Final = re.compile(r"\D+")
_NOT_FOUND: Final = 404


@book.get("/", public=True)
async def home(visit: Visit) -> Response:
    """Show whoever is logged in what waits for them, and everybody else the way in."""
    if visit.session is None:
        return to("/login")
    scopes = await visit.scopes("questionnaire")
    if "requests.read" not in scopes:
        return to(await colleague.waiting(visit))
    asked = await _asked(visit.api)
    if not asked and "campaigns.write" in scopes:
        return to("/campaigns")
    return to("/requests")


@book.get("/about", public=True)
async def about(visit: Visit) -> Response:
    """Say what these pages are and where their parts come from."""
    return visit.page("about.html")


@book.get("/login", public=True)
async def show_login(visit: Visit) -> Response:
    """Ask for the mailbox."""
    query = visit.request.query_params
    return visit.page(
        "login.html",
        bare=True,
        step="mailbox",
        mailbox=query.get("mailbox", ""),
        next=safe_path(query.get("next")),
        errors=[],
        organizations=[],
    )


@book.post("/login", public=True)
async def send_code(visit: Visit) -> Response:
    """Have a code sent; whether anybody reads that mailbox is not told."""
    form = await visit.form()
    mailbox, errors, step = field(form, "mailbox"), [], "code"
    try:
        await Api(visit.pages.gateway, None).call(
            "POST", "/identity/v1/sessions", json={"mailbox": mailbox}
        )
    except Problem as why:
        errors, step = reasons(visit, why), "mailbox"
    return visit.page(
        "login.html",
        422 if errors else 200,
        bare=True,
        step=step,
        mailbox=mailbox,
        next=safe_path(field(form, "next")),
        errors=errors,
        organizations=[],
    )


@book.post("/login/code", public=True)
async def log_in(visit: Visit) -> Response:
    """Open a session with the code from the mailbox."""
    form = await visit.form()
    mailbox, goes_on = field(form, "mailbox"), safe_path(field(form, "next"))
    body = {"mailbox": mailbox, "code": _digits(field(form, "code"))}
    if organization := field(form, "organization_id"):
        body["organization_id"] = organization
    try:
        made = await Api(visit.pages.gateway, None).post(
            "/identity/v1/sessions/confirm", body, headers=_TOKEN_WANTED
        )
    except Problem as why:
        several = why.document.get("organizations", [])
        return visit.page(
            "login.html",
            200 if several else 422,
            bare=True,
            step="organization" if several else "code",
            mailbox=mailbox,
            next=goes_on,
            errors=[] if several else [_code_refusal(visit, why)],
            organizations=several,
            code=body["code"],
        )
    return visit.start_session(to(goes_on), made["session_token"])


@book.post("/logout", public=True)
async def log_out(visit: Visit) -> Response:
    """End the session here and at identity."""
    if visit.session is not None:
        await visit.api.raw(
            "DELETE",
            "/identity/v1/sessions/current",
            headers={"Authorization": f"Session {visit.session}"},
        )
    return visit.end_session(to("/login"))


@book.get("/invitations/{handle}", public=True)
async def show_invitation(visit: Visit) -> Response:
    """Say who asks. Opening the link changes nothing: mail scanners open links too."""
    return await _invitation(visit, step="hello")


@book.post("/invitations/{handle}/code", public=True)
async def ask_for_code(visit: Visit) -> Response:
    """Have the one-use code sent, or say who tells it."""
    handle = visit.request.path_params["handle"]
    try:
        answer = await Api(visit.pages.gateway, None).post(
            f"/identity/v1/invitations/{quote(handle, safe='')}/code"
        )
    except Problem as why:
        return await _invitation(visit, step="hello", errors=reasons(visit, why))
    return await _invitation(visit, step="code", delivery=answer["delivery"])


@book.post("/invitations/{handle}/accept", public=True)
async def accept(visit: Visit) -> Response:
    """Enrol with the code, or accept one more request for an organization already enrolled."""
    form = await visit.form()
    handle = quote(visit.request.path_params["handle"], safe="")
    body: Json = {"code": _digits(field(form, "code"))}
    headers = dict(_TOKEN_WANTED)
    if visit.session is not None and field(form, "as") == "member":
        headers["Authorization"] = f"Session {visit.session}"
    elif field(form, "as") != "colleague":
        body |= _newcomer(form)
    try:
        answer = await Api(visit.pages.gateway, None).post(
            f"/identity/v1/invitations/{handle}/accept", body, headers=headers
        )
    except Problem as why:
        given = {name: field(form, name) for name in ("name", "country", "number", "person")}
        return await _invitation(
            visit, step="code", errors=[_code_refusal(visit, why)], given=given, status=422
        )
    token = answer["session_token"] or visit.session
    return visit.start_session(to("/welcome"), token) if token else to("/login")


@book.get("/invitations/{handle}/contact", public=True)
async def ask_for_contact(visit: Visit) -> Response:
    """Ask whom to write to instead, before any code."""
    return await _contact(visit)


@book.post("/invitations/{handle}/contact", public=True)
async def name_contact(visit: Visit) -> Response:
    """Name another contact. What comes of it is told to nobody but the contacts themselves."""
    form, handle = await visit.form(), quote(visit.request.path_params["handle"], safe="")
    body = {"name": field(form, "name"), "mailbox": field(form, "mailbox")}
    try:
        await Api(visit.pages.gateway, None).post(
            f"/questionnaire/v1/invitations/{handle}/contact", body
        )
    except Problem as why:
        if not why.lines:
            raise
        return await _contact(visit, errors=reasons(visit, why), given=body, status=422)
    return await _contact(visit, named=body)


@book.get("/welcome")
async def welcome(visit: Visit) -> Response:
    """Lead somebody who has just come in to what they are asked."""
    if "requests.read" not in await visit.scopes("questionnaire"):
        return to(await colleague.waiting(visit))
    until = time.monotonic() + _ARRIVAL_SECONDS
    while time.monotonic() < until:
        asked = await _asked(visit.api)
        waiting = [each for each in asked if each["state"] not in (*SETTLED, *OVER)]
        if waiting:
            return to(f"/requests/{waiting[-1]['id']}" if len(waiting) == 1 else "/requests")
        await asyncio.sleep(0.25)
    return to("/")


async def _asked(api: Api) -> list[Json]:
    return await api.every("/questionnaire/v1/requests", side="respondent")


async def _found(visit: Visit) -> Json | None:
    handle = quote(visit.request.path_params["handle"], safe="")
    try:
        return await Api(visit.pages.gateway, None).get(f"/identity/v1/invitations/{handle}")
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
        return None


async def _contact(visit: Visit, *, status: int = 200, **more: Any) -> Response:
    found = await _found(visit)
    if found is None:
        return visit.page("invitation_gone.html", 404, bare=True)
    return visit.page(
        "contact.html",
        status,
        bare=True,
        invitation=found,
        handle=visit.request.path_params["handle"],
        **{"errors": [], "named": None, "given": {"name": "", "mailbox": ""}, **more},
    )


async def _invitation(visit: Visit, *, step: str, status: int = 200, **more: Any) -> Response:
    found = await _found(visit)
    if found is None:
        return visit.page("invitation_gone.html", 404, bare=True)
    blank = {
        "name": found["supplier_name"],
        "country": "JP" if visit.language == "ja" else "",
        "number": "",
        "person": "",
    }
    context = {"errors": [], "delivery": None, "given": blank, **more}
    return visit.page(
        "invitation.html",
        status,
        bare=True,
        invitation=found,
        handle=visit.request.path_params["handle"],
        step=step,
        countries=_countries(visit),
        **context,
    )


def _newcomer(form: Any) -> Json:
    number = field(form, "number")
    scheme = "corporate-number" if field(form, "country") == "JP" else None
    identifiers = [{"scheme": scheme, "value": number}] if number and scheme else []
    person = field(form, "person")
    return {
        "organization": {
            "name": field(form, "name"),
            "country": field(form, "country"),
            "identifiers": identifiers,
        },
        **({"member": {"name": person}} if person else {}),
    }


def _countries(visit: Visit) -> list[tuple[str, str]]:
    names = {
        code: name
        for code, name in visit.words.locale.territories.items()
        if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "XA", "XB", "ZZ")  # noqa: PLR2004 (ISO 3166)
    }
    near = ("JP", "CN", "TW", "KR", "TH", "VN", "DE", "US")
    rest = sorted(set(names) - set(near), key=lambda code: names[code])
    return [(code, names[code]) for code in (*near, *rest)]


def _digits(code: str) -> str:
    # Typed from a telephone call or pasted from a mail: blanks, hyphens, full-width digits.
    return _NOT_DIGITS.sub("", code).translate({ord("０") + n: str(n) for n in range(10)})


def _code_refusal(visit: Visit, why: Problem) -> str:
    known = {
        "wrong": "確認コードが違います。もう一度ご確認ください。",
        "expired": "確認コードの有効期限が切れました。新しいコードをお受け取りください。",
        "used": "この確認コードはすでに使われました。新しいコードをお受け取りください。",
        "dead": "入力の誤りが続き、このコードは使えません。新しいコードをお受け取りください。",
    }
    # A log-in names the reason, an invitation's refusals have a name each.
    reason = why.document.get("reason") or why.urn.rpartition("code-")[2]
    message = known.get(str(reason))
    return visit.words.plain(message) if message else reasons(visit, why)[0]
