"""The ground the pages stand on: policy, cookies, vendored files, the client of the APIs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from starlette.datastructures import Headers

from services.kit.settings import Settings
from services.portal import charts
from services.portal.app import HERE, Unaddressed, make_pages
from services.portal.client import Api, Gateway, Problem, make_http
from services.portal.guard import Guard, from_our_own_page
from services.portal.visit import POLICY, SIGNING_POLICY, safe_path

T = TypeVar("T")
TEMPLATES = sorted((HERE / "templates").rglob("*.html"))
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|\sstyle=|<style|\son[a-z]+=|javascript:", re.IGNORECASE
)
OUTSIDE = re.compile(r"(?:src|href|action)=[\"']?(?:https?:)?//", re.IGNORECASE)
SITE = {"origin": "http://here", "host": "here"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_script_or_style_of_its_own_or_an_outside_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert INLINE.findall(text) == []
    assert OUTSIDE.findall(text) == []
    assert "|safe" not in text


@pytest.mark.parametrize("folder", [HERE / "static" / "vendor", Path(__file__).parent / "vendor"])
def test_every_vendored_file_is_the_published_one_and_brings_its_licence(folder: Path) -> None:
    listed = json.loads((folder / "vendor.json").read_bytes())
    for name, entry in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"]
        assert (folder / entry["licence_file"]).stat().st_size > 100
        assert {"package", "version", "path", "licence"} <= set(entry)
    licences = {entry["licence_file"] for entry in listed.values()}
    assert {path.name for path in folder.iterdir()} == {*listed, *licences, "vendor.json"}


@pytest.mark.parametrize("policy", [POLICY, SIGNING_POLICY])
def test_no_policy_lets_anything_in_that_the_page_does_not_name(policy: str) -> None:
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "base-uri 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.findall(r"https?:|\*", policy) == []


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        (SITE, True),
        ({"sec-fetch-site": "same-origin", **SITE}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site", **SITE}, False),
        ({"sec-fetch-site": "same-site", **SITE}, False),
        ({"sec-fetch-site": "none", **SITE}, False),
        ({"origin": "http://there", "host": "here"}, False),
        ({"origin": "null", "host": "here"}, False),
        ({"host": "here"}, False),
        ({}, False),
    ],
)
def test_only_a_form_of_our_own_pages_is_taken(headers: dict[str, str], ours: bool) -> None:
    assert from_our_own_page(Headers(headers)) is ours


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: a browser's driver keeps this one's loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _through_guard(headers: dict[str, str], body: list[bytes]) -> list[dict[str, Any]]:
    """Send a POST of our own through the guard, to an app that reads it whole and says how much."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                await send({"type": "http.response.start", "status": 400, "headers": []})
                return
            size, more = size + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def run() -> None:
        parts = [{"type": "http.request", "body": b, "more_body": True} for b in body]
        parts.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> dict[str, Any]:
            return parts.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(k.encode(), v.encode()) for k, v in ({**SITE, **headers}).items()]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": raw}
        await Guard(app, max_body_bytes=10, secure=True)(scope, receive, send)

    in_a_loop(run())
    return sent


def test_a_body_over_the_limit_is_refused_by_its_length_and_cut_off_without_one() -> None:
    assert _through_guard({"content-length": "11"}, [b"x" * 11])[0]["status"] == 413
    assert _through_guard({}, [b"x" * 6, b"x" * 5])[0]["status"] == 400
    within = _through_guard({"content-length": "10"}, [b"x" * 10])[0]
    assert within["status"] == 200
    names = {name.decode() for name, _ in within["headers"]}
    assert {"strict-transport-security", "x-request-id", "content-security-policy"} <= names


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/requests/1?x=y", "/requests/1?x=y"),
        (None, "/"),
        ("", "/"),
        ("https://there.example/", "/"),
        ("//there.example/", "/"),
        ("/\\there.example", "/"),
        ("javascript:alert(1)", "/"),
        ("requests", "/"),
    ],
)
def test_after_log_in_one_stays_on_our_own_pages(given: str | None, path: str) -> None:
    assert safe_path(given) == path


def test_the_session_cookie_has_its_prefix_wherever_people_come_by_https() -> None:
    async def cookies(settings: Settings) -> list[str]:
        async def apis(scope: Any, receive: Any, send: Any) -> None:
            body = json.dumps({"session_token": "opaque", "organization": {}}).encode()
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 201, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        base = settings.base_url
        transport = httpx2.ASGITransport(make_pages(settings, apis))
        async with httpx2.AsyncClient(transport=transport, base_url=base) as browser:
            answer = await browser.post(
                "/invitations/h/accept", data={"code": "12345678"}, headers={"Origin": base}
            )
        assert answer.status_code == 303
        return [each.lower() for each in answer.headers.get_list("set-cookie")]

    (safe,) = in_a_loop(cookies(Settings(public_url="https://rensho.test")))
    assert safe.startswith("__host-rensho-session=opaque;")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= set(safe.split("; "))
    assert "domain" not in safe
    (plain,) = in_a_loop(cookies(Settings(public_url="http://127.0.0.1:8040")))
    assert plain.startswith("rensho-session=opaque;")
    assert "httponly" in plain


def test_pages_that_run_alone_want_every_address() -> None:
    with pytest.raises(Unaddressed, match="RENSHO_QUESTIONNAIRE_URL"):
        make_pages(Settings(identity_url="http://identity/identity/v1"), None)


def _talk(answer: Callable[[httpx2.Request], httpx2.Response], work: Any) -> Any:
    async def run() -> Any:
        http = make_http(httpx2.MockTransport(answer))
        async with http:
            bases = dict.fromkeys(("identity", "questionnaire", "attestation", "risk"), "http://a")
            return await work(Gateway(http, bases))

    return in_a_loop(run())


def _token(request: httpx2.Request) -> httpx2.Response:
    claims = {"org": "00000000-0000-4000-8000-000000000001", "scope": "requests.read"}
    body = httpx2.Response(200, json=claims).content
    encoded = base64.urlsafe_b64encode(body).decode().rstrip("=")
    return httpx2.Response(200, json={"access_token": f"h.{encoded}.s"})


def test_nobodys_cookie_is_kept_for_the_next_visitor() -> None:
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("cookie"))
        return httpx2.Response(200, json={}, headers={"Set-Cookie": "secret=1; Path=/"})

    async def work(gateway: Gateway) -> None:
        for _ in range(2):
            await Api(gateway, None).get("/identity/v1/invitations/x")

    _talk(answer, work)
    assert seen == [None, None]


def test_a_token_that_is_refused_is_fetched_anew_once_and_then_the_session_is_over() -> None:
    calls: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls.append(request.url.path)
        if request.url.path.endswith("/token"):
            return _token(request)
        return httpx2.Response(401, json={"type": "urn:rensho:problem:request/unauthenticated"})

    async def work(gateway: Gateway) -> None:
        await Api(gateway, "session").get("/questionnaire/v1/requests")

    with pytest.raises(Problem) as refused:
        _talk(answer, work)
    assert refused.value.status == 401
    assert calls.count("/identity/v1/token") == 2


def test_what_is_not_there_yet_is_asked_for_again() -> None:
    tries: list[int] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        tries.append(1)
        if len(tries) < 3:
            return httpx2.Response(409, json={}, headers={"Retry-After": "0"})
        return httpx2.Response(200, json={"found": True})

    async def work(gateway: Gateway) -> Any:
        return await Api(gateway, None).get("/attestation/v1/submissions/x")

    assert _talk(answer, work) == {"found": True}
    assert len(tries) == 3


def test_a_service_that_is_away_is_a_problem_and_no_traceback() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    async def work(gateway: Gateway) -> None:
        await Api(gateway, None).get("/risk/v1/tiers")

    with pytest.raises(Problem) as away:
        _talk(answer, work)
    assert away.value.status == 503


def test_the_log_is_asked_for_where_the_attestation_service_is() -> None:
    gateway = Gateway(httpx2.AsyncClient(), {"attestation": "http://att", "risk": "http://risk"})
    assert gateway.url("/log/checkpoint") == "http://att/log/checkpoint"
    assert gateway.url("/risk/v1/tiers") == "http://risk/risk/v1/tiers"


def test_an_index_is_drawn_and_told_as_an_interval_never_as_a_lone_number() -> None:
    row = charts.interval("<Tier>", {"claimed": "0.124778904", "evidenced": "0.564764657"})
    picture = charts.intervals([row, charts.interval("none", None)], "t")
    assert row.told == "12.5–56.5"
    assert charts.interval("none", None).told == "–"
    assert "&lt;Tier&gt;" in picture
    assert picture.count('class="unseen"') == 1
    assert "style=" not in picture
