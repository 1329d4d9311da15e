"""The root app of a process: mounted lifespans, health, readiness, metrics, docs, problems."""

from __future__ import annotations

import gc
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services.front import Metrics, make_front
from services.processes import spare_the_collector


def app_that_counts(events: list[str], name: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        events.append(f"{name} up")
        yield
        events.append(f"{name} down")

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/things")
    def things() -> list[str]:
        return ["thing"]

    return app


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def front(events: list[str]) -> Callable[..., TestClient]:
    def make(checks: dict[str, Callable[[], bool]] | None = None) -> TestClient:
        mounts = {f"/{name}/v1": app_that_counts(events, name) for name in ("one", "two", "three")}
        return TestClient(make_front(mounts, checks or {}, Metrics()))

    return make


def test_each_mounted_app_starts_once_and_ends_in_reverse(
    front: Callable[..., TestClient], events: list[str]
) -> None:
    with front():
        assert events == ["one up", "two up", "three up"]
    assert events[3:] == ["three down", "two down", "one down"]


def test_liveness_asks_nothing_and_readiness_asks_everything(
    front: Callable[..., TestClient],
) -> None:
    state = {"database": True}
    with front({"database": lambda: state["database"]}) as http:
        assert http.get("/readyz").status_code == 200
        state["database"] = False
        answer = http.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.json() == {"status": "not ready", "checks": {"database": False}}
        assert http.get("/healthz").status_code == 200


def test_metrics_count_answers_by_mount_method_and_status(
    front: Callable[..., TestClient],
) -> None:
    with front() as http:
        http.get("/one/v1/things")
        http.get("/one/v1/nothing")
        text = http.get("/metrics").text
    line = 'rensho_http_answers_total{{method="GET",mount="/one/v1",status="{}"}} 1.0'
    assert line.format(200) in text
    assert line.format(404) in text
    assert 'rensho_http_seconds_count{mount="/one/v1"} 2.0' in text


def test_an_unknown_address_is_a_problem_document(front: Callable[..., TestClient]) -> None:
    with front() as http:
        answer = http.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:rensho:problem:request/not-found"


def test_api_docs_are_served_without_any_outside_address(front: Callable[..., TestClient]) -> None:
    with front() as http:
        index = http.get("/")
        assert index.url.path == "/docs"
        pages = re.findall(r'href="(/docs/\w+)"', index.text)
        assert pages == ["/docs/one", "/docs/two", "/docs/three"]
        page = http.get(pages[0])
        assert 'data-url="/one/v1/openapi.json"' in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(loaded) == 3
        for path in loaded:
            assert path.startswith("/docs/")
            assert http.get(path).status_code == 200
        assert http.get("/docs/unknown").status_code == 404


def test_pages_take_every_path_that_is_nobody_elses_and_their_lifespan_runs() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        events.append("pages up")
        yield
        events.append("pages down")

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"page {request.url.path}")

    pages = Starlette(routes=[Route("/{path:path}", page)], lifespan=lifespan)
    mounts = {"/one/v1": app_that_counts(events, "one")}
    with TestClient(make_front(mounts, {}, Metrics(), pages)) as http:
        assert http.get("/").text == "page /"
        assert http.get("/requests/1").text == "page /requests/1"
        assert http.get("/one/v1/things").json() == ["thing"]
        assert http.get("/docs").status_code == 200
        assert http.get("/healthz").json() == {"status": "ok"}
        assert 'mount="/"' in http.get("/metrics").text
    assert events == ["one up", "pages up", "pages down", "one down"]


def test_the_docs_page_asks_no_outside_validator(front: Callable[..., TestClient]) -> None:
    with front() as http:
        assert "validatorUrl: null" in http.get("/docs/start.js").text


def test_what_a_process_started_with_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    began_with: list[list[int]] = [[1]]
    spare_the_collector()
    assert gc.get_freeze_count() > before
    assert not any(each is began_with for each in gc.get_objects())
