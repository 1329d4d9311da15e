"""The map of tiers: places made by the server, drawn in time, and told by a table as well."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from services.portal import rings
from tests.factories.maps import chain
from tests.portal.conftest import FLAGS
from tests.portal.stub import ORG, pages_over

FIRST_FRAME_SECONDS = 1.0
SNAPSHOT = "00000000-0000-4000-8000-00000000000a"
FACTS = {
    "direct": [
        {"id": "d-1", "supplier": "s-1", "list": "list-1"},
        {"id": "d-2", "supplier": "s-2", "list": "silent"},
    ],
    "deeper": [
        {"id": "l-1", "supplier": "p-1", "list": "none"},
        {"id": "l-2", "supplier": "s-2", "list": "silent"},
    ],
    "lists": [
        {
            "id": "list-1",
            "entries": [{"link": "l-1"}, {"link": "l-2"}],
            "totals": {"minor": 3, "major": 2},
        }
    ],
}
RESULTS = {
    "firms": [
        {"id": "s-1", "band": "D", "risk": {"claimed": "0.100000000", "evidenced": "0.612345678"}}
    ]
}


def test_a_firm_stands_once_in_its_nearest_tier_with_all_its_customers() -> None:
    firms = {each.id: each for each in rings.read(FACTS, RESULTS)}
    assert {name: each.tier for name, each in firms.items()} == {
        rings.YOU: 0,
        "s-1": 1,
        "s-2": 1,
        "p-1": 2,
    }
    assert firms["s-2"].customers == [rings.YOU, "s-1"]
    assert firms["s-1"].suppliers == ["p-1", "s-2"]
    assert firms["s-2"].below == "silent"
    assert firms["p-1"].below == "none"


def test_what_a_list_only_counts_is_told_beside_its_owner() -> None:
    firms = {each.id: each for each in rings.read(FACTS, RESULTS)}
    assert firms["s-1"].undisclosed == 3
    assert firms["s-1"].below == "listed"


def test_an_index_is_an_interval_or_nothing() -> None:
    firms = rings.read(FACTS, RESULTS)
    drawn = rings.drawn(firms)
    rows = {row[0]: row for row in drawn["nodes"]}
    assert rows["s-1"][1:6] == [1, rings.BANDS.index("D"), 10.0, 61.2, 3]
    assert rows["p-1"][3:5] == [None, None]
    assert [0, 1] in drawn["edges"]


def test_a_circle_of_suppliers_ends() -> None:
    facts = {
        "direct": [{"id": "d", "supplier": "a", "list": "la"}],
        "deeper": [
            {"id": "ab", "supplier": "b", "list": "lb"},
            {"id": "ba", "supplier": "a", "list": "la"},
        ],
        "lists": [
            {"id": "la", "entries": [{"link": "ab"}], "totals": {"minor": 1}},
            {"id": "lb", "entries": [{"link": "ba"}], "totals": {"minor": 1}},
        ],
    }
    firms = {each.id: each for each in rings.read(facts, {"firms": []})}
    assert firms["b"].suppliers == ["a"]
    assert firms["a"].tier == 1


def test_no_two_firms_lie_on_each_other_and_tiers_do_not_mix() -> None:
    facts, results = chain(3_000, 5_000)
    firms = rings.read(facts, results)
    assert len({(round(each.x, 3), round(each.y, 3)) for each in firms}) == len(firms) == 3_001
    away: dict[int, list[float]] = {}
    for each in firms:
        away.setdefault(each.tier, []).append(math.hypot(each.x, each.y))
    for inner, outer in pairwise(sorted(away)):
        assert max(away[inner]) < min(away[outer])


@pytest.mark.needs("chromium")
def test_ten_thousand_firms_are_drawn_within_a_second(
    record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only where a browser is)

    facts, results = chain(10_000, 19_880)
    answers = {
        "/risk/v1/tiers": {"snapshot": SNAPSHOT},
        f"/risk/v1/snapshots/{SNAPSHOT}/facts": facts,
        f"/risk/v1/snapshots/{SNAPSHOT}/results": results,
        "/questionnaire/v1/suppliers": {"items": [], "next_cursor": None},
    }
    flags = [*FLAGS, "--enable-unsafe-swiftshader"]
    with pages_over(answers) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_context(locale="ja-JP").new_page()
        noise: list[str] = []
        page.on("console", lambda m: noise.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.context.add_cookies([{"name": "rensho-session", "value": ORG, "url": base}])
        tries = [_draw(page, base) for _ in range(3)]
        assert "10,000社" in page.inner_text("main")
        assert page.locator("table tbody tr").count() == 100
        browser.close()
    # Work of the page's own thread: whoever else uses the machine does not count.
    work = min(each[0] for each in tries)
    record_property("first_frame_work_seconds", round(work, 3))
    with capsys.disabled():
        told = [" / ".join(f"{each:.2f}" for each in one) for one in tries]
        print(f"\n10,000 firms, s of work / to the frame / since navigation: {told}")  # noqa: T201
    assert noise == []
    assert work < FIRST_FRAME_SECONDS


def _draw(page: Any, base: str) -> tuple[float, float, float]:
    """Open the map; return s of work of the page's thread, to the frame, and since navigation."""
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(f"{base}/risk/map")
    # Not by animation frames: software GL may leave none for anybody else.
    drawn_yet = "() => document.getElementById('map').dataset.drawn === '10001'"
    page.wait_for_function(drawn_yet, polling=100, timeout=60_000)
    marks = "name => performance.getEntriesByName(name)[0].startTime / 1000"
    begun, drawn = (page.evaluate(marks, f"map-{name}") for name in ("begun", "drawn"))
    told = metrics.send("Performance.getMetrics")["metrics"]
    work = next(each["value"] for each in told if each["name"] == "TaskDuration")
    metrics.detach()
    return work, drawn - begun, drawn
