"""What a page adds to the APIs it calls: a page is never twice as slow as its calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from services.kit.settings import SERVICES, Settings
from services.portal.app import make_pages
from services.portal.client import Api
from tests.portal.conftest import Place
from tests.portal.office import office
from tests.portal.test_stack import in_a_loop

FACTOR = 2.0
_TRIES = 5


@dataclass
class Watch:
    """When API calls ran, in seconds."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def seconds(self) -> float:
        """How long at least one of them ran."""
        total, end = 0.0, 0.0
        for begun, ended in sorted(self.spans):
            total += max(0.0, ended - max(begun, end))
            end = max(end, ended)
        return total


async def _times(base: str, session: str, paths: list[str], watch: Watch) -> dict[str, Any]:
    """Return for each page its seconds and its calls' seconds, the try with the least between."""
    services: dict[str, Any] = {f"{name}_url": f"{base}/{name}/v1" for name in SERVICES}
    app = make_pages(Settings(public_url=base, **services), None)
    found: dict[str, Any] = {}
    cookies = {"rensho-session": session}
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=base, cookies=cookies) as browser,
    ):
        for path in paths:
            await browser.get(path)
            for _ in range(_TRIES):
                watch.spans.clear()
                begun = time.perf_counter()
                answer = await browser.get(path)
                whole = time.perf_counter() - begun
                assert answer.status_code == 200
                best = found.get(path, (0.0, 0.0, float("inf")))
                ratio = whole / watch.seconds()
                found[path] = min(best, (whole, watch.seconds(), ratio), key=lambda one: one[2])
    return found


def test_no_page_takes_twice_as_long_as_its_calls(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, watch, raw = office(place), Watch(), Api.raw

    async def timed(self: Api, method: str, path: str, **options: Any) -> httpx2.Response:
        begun = time.perf_counter()
        try:
            return await raw(self, method, path, **options)
        finally:
            watch.spans.append((begun, time.perf_counter()))

    monkeypatch.setattr(Api, "raw", timed)
    session = place.session_of("mihon-jidosha")
    times = in_a_loop(_times(place.base, session, made.pages, watch))
    heaviest = sorted(times.items(), key=lambda item: -item[1][0])[:3]
    with capsys.disabled():
        for path, (whole, calls, ratio) in heaviest:
            told = f"{whole * 1000:.0f} ms, of it {calls * 1000:.0f} in APIs ({ratio:.2f})"
            print(f"\n{path[:60]}: {told}", end="")  # noqa: T201
    assert {path: one for path, one in times.items() if one[2] > FACTOR} == {}
