"""Every page as people meet it: nobody shut out, nothing loaded from outside, no script let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest

from tests.portal import seeds
from tests.portal.conftest import Place
from tests.portal.office import office
from tests.portal.screen import PHONE, Screen, open_screen

pytestmark = pytest.mark.needs("chromium")

LIMIT = 150_000
STRINGS = [
    f"{before}{inside}{after}"
    for before in ("", '">', "'>", "</textarea>", "</title>", "--><", "]]>", "</script>")
    for inside, after in (
        ("<script>window.xss=1</script>", ""),
        ("<img src=x onerror=window.xss=1>", ""),
        ("<svg onload=window.xss=1>", ""),
        ("<details open ontoggle=window.xss=1>", ""),
        ("<iframe srcdoc='<script>parent.xss=1</script>'>", ""),
        ("<a href=javascript:window.xss=1>", "x</a>"),
        ('" autofocus onfocus=window.xss=1 x="', ""),
        ("{{7*7}}${7*7}<%=7*7%>", ""),
        ("<x hx-get=/login hx-trigger=load hx-on:load=window.xss=1>", ""),
        ("<style>*{display:none}</style>", ""),
        ("%3Cscript%3Ewindow.xss=1%3C/script%3E", ""),
        ("<math><mtext></form><form><mglyph><style></math><img src onerror=window.xss=1>", ""),
        ("\u202e<script>window.xss=1</script>", "\u202c"),
    )
]


@pytest.fixture(scope="module")
def lives(place: Place) -> Iterator[dict[str, list[str]]]:
    """Let suppliers have done all that their pages show; yield the pages by whose session.

    What binds other tests of the same firms is undone at the end.
    """
    prepared(place)
    seeds.written(place, "supplier", "reiji-denso")
    seeds.written(place, "requester", "reiji-denso", "はい、対象です。")
    seeds.asked_to_correct(place, "reiji-denso")
    mailbox = "hinshitsu@reiji-denso.example"
    passed_on = seeds.delegated(place, "reiji-denso", mailbox)
    seeds.ticked(place, "mugon-kako", "starter")
    seeds.flow(place, "mugon-kako", "write", "check", "approve")
    declined = f"/questionnaire/v1/requests/{place.asked('mugon-kako')['id']}"
    silent = seeds.api_of(place, "mugon-kako")
    silent.post(f"{declined}/decline", {"reason": "other", "note": "納入品はねじのみです。"})
    dispute = seeds.disputed(place, "tuayang-parts")
    with closing(seeds.colleague(place, passed_on["link"], mailbox)) as colleague:
        yield {
            place.session_of("reiji-denso"): supplier_pages(place),
            place.session_of("tuayang-parts"): signed_pages(place, dispute),
            place.session_of("mugon-kako"): [
                f"/requests/{place.asked('mugon-kako')['id']}",
                f"/requests/{place.asked('mugon-kako', 'starter')['id']}/approval",
                *("/requests", "/approval-flow"),
            ],
            str(colleague.cookies["rensho-session"]): [
                "/delegations",
                f"/delegations/{passed_on['delegation']['id']}",
                f"/delegations/{passed_on['delegation']['id']}?done=1",
            ],
            "": [_path(place.links["kasou-shoji"]), f"{_path(place.links['kasou-shoji'])}/contact"],
        }
    seeds.flow(place, "mugon-kako")
    silent.post(f"{declined}/reopen")
    seeds.api_of(place, "tuayang-parts").post(f"/risk/v1/disputes/{dispute['id']}/withdraw")


def _path(link: str) -> str:
    return f"/invitations/{link.rpartition('/')[2]}"


def supplier_pages(place: Place) -> list[str]:
    id_ = place.asked("reiji-denso")["id"]
    here = f"/requests/{id_}"
    parts = ("", "/components", "/components/new", "/sections/basic", "/chain", "/check", "/excel")
    more = (
        "/messages",
        "/messages?question=Q-CORE-001",
        "/delegations",
        "/corrective",
        "/approval",
    )
    rest = ("/certificates", "/differences", "/decline", "/components/ai-1/answers", "/receipt")
    return [
        *(here + part for part in parts + more + rest),
        f"/sign/{id_}",
        "/requests",
        "/evidence",
    ]


def signed_pages(place: Place, dispute: dict[str, Any]) -> list[str]:
    here = f"/requests/{place.asked('tuayang-parts')['id']}"
    statements = place.story.signed["mihon-jidosha", "tuayang-parts"]["statements"]
    component = next(each for each in statements if each["type"] == "ai-governance")
    id_ = component["statement_id"]
    return [
        *(
            f"{here}/receipt",
            f"{here}/differences",
            f"/sign/grant/{id_}",
            f"/sign/withdrawal/{id_}",
        ),
        *("/own-scores", f"/own-scores/{dispute['link_id']}", "/keys"),
        f"/own-scores/disputes/{dispute['id']}",
    ]


def office_pages(screen: Screen) -> list[str]:
    def link(path: str, selector: str) -> str:
        return str(screen.go(path).page.locator(selector).first.get_attribute("href"))

    campaign = link("/campaigns", "tbody th a")
    return [
        *("/evidence", "/keys", "/suppliers", "/suppliers/import", "/campaigns", "/campaigns/new"),
        *("/packs", "/packs/jp-aigb-core/0.1.0", "/members", "/audit", "/risk", "/mails", "/about"),
        *(campaign, f"/sign{campaign.replace('campaigns', 'campaign')}", "/no-such-page"),
        *(link("/suppliers", "tbody th a"), link(campaign, "td a[href^='/reviews']")),
        link("/mails", "tbody th a"),
        *office(screen.place).pages,
    ]


def prepared(place: Place) -> None:
    """Let the supplier have a component, so that its pages are as full as they get."""
    place.session_of("reiji-denso")
    api = place.story.parties["reiji-denso"].api
    path = f"/questionnaire/v1/requests/{place.asked('reiji-denso')['id']}/response"
    response = api.post(path)
    component = {
        "supplier_component_id": "ai-1",
        "name": "外観検査AI",
        "version": "1",
        "kind": "ai-system",
        "use": "process",
        "roles": {"user": "yes"},
    }
    ticks = {"embedded": "none", "process": "yes", "customer_data": "none"}
    document = {**response["document"], "pre_screen": ticks, "components": [component]}
    api.call(
        "PUT",
        f"/questionnaire/v1/responses/{response['id']}",
        json=document,
        headers={"If-Match": f'"{response["version"]}"'},
    )


def test_axe_finds_what_is_wrong_when_something_is(chromium: Any, place: Place) -> None:
    screen = open_screen(chromium, place).go("/login")
    screen.page.locator("label").first.evaluate("label => label.remove()")
    assert "label" in [rule for rule, _ in screen.violations()]


@pytest.mark.parametrize(
    ("language", "look"),
    [("ja", {}), ("en", {"color_scheme": "dark", "viewport": PHONE})],
    ids=["ja-light-desktop", "en-dark-phone"],
)
def test_no_page_shuts_anybody_out_or_asks_elsewhere(
    chromium: Any,
    place: Place,
    lives: dict[str, list[str]],
    language: str,
    look: dict[str, Any],
) -> None:
    found: dict[str, Any] = {}
    for session in (place.session_of("mihon-jidosha"), *lives):
        screen = open_screen(chromium, place, locale=language, **look)
        if session:
            screen.hold(session)
        for path in lives[session] if session in lives else office_pages(screen):
            screen.go(path)
            wide = screen.page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if problems := screen.violations():
                found[path] = problems
            if wide > 0:
                found[f"{path} is wider than the window"] = wide
        assert screen.strays == []
        assert screen.noise == []
        screen.context.close()
    assert found == {}


def test_no_first_load_is_heavier_than_150_kb(
    chromium: Any, place: Place, lives: dict[str, list[str]]
) -> None:
    of_office = [path for path in office(place).pages if path != "/risk/map"]
    heavy: dict[str, int] = {}
    for session, paths in {**lives, place.session_of("mihon-jidosha"): of_office}.items():
        for path in paths:
            screen = open_screen(chromium, place)
            if session:
                screen.hold(session)
            if (weight := _weight(screen, path)) > LIMIT:
                heavy[path] = weight
    assert heavy == {}


def _weight(screen: Screen, path: str) -> int:
    """Load a page into a fresh window and return what was transferred, in bytes."""
    session = screen.context.new_cdp_session(screen.page)
    session.send("Network.enable")
    loaded: list[int] = []
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    screen.go(path).page.wait_for_load_state("networkidle")
    screen.context.close()
    assert sum(loaded) > 0
    return sum(loaded)


def test_a_hundred_hostile_strings_in_every_text_run_no_script(
    chromium: Any, place: Place, lives: dict[str, list[str]]
) -> None:
    assert len(STRINGS) >= 100
    prepared(place)
    _plant(place)
    _plant_between(place)
    screen = open_screen(chromium, place).log_in_as("reiji-denso")
    id_ = place.asked("reiji-denso")["id"]
    here = f"/requests/{id_}"
    pages = [f"{here}/components", f"{here}/sections/basic", f"{here}/chain", f"{here}/check"]
    pages += [f"{here}/components/ai-1", f"/sign/{id_}", "/suppliers", "/campaigns", "/evidence"]
    pages += [here, f"{here}/messages", f"{here}/delegations", f"{here}/corrective"]
    pages += [f"{here}/components/ai-1/answers"]
    for path in pages:
        screen.go(path)
        assert screen.page.evaluate("() => window.xss") is None, path
        assert screen.page.locator("main iframe, main x, main [onerror]").count() == 0, path
    shown = screen.go(f"{here}/components").page.inner_text("main")
    assert shown.count("window.xss") > 80, "the strings are shown, as text"
    for part in ("messages", "delegations", "corrective"):
        shown = screen.go(f"{here}/{part}").page.inner_text("main")
        assert shown.count("window.xss") >= 80, part
    assert screen.strays == []
    assert screen.noise == []


def _plant(place: Place) -> None:
    """Put the strings into every text a supplier or requester writes."""
    api = place.story.parties["reiji-denso"].api
    path = f"/questionnaire/v1/requests/{place.asked('reiji-denso')['id']}/response"
    response = api.post(path)
    document = response["document"]
    first = document["components"][0]
    document["components"] = [
        {**first, "name": text[:190], "version": text[:190], "supplier_component_id": f"ai-{n}"}
        for n, text in enumerate(STRINGS, start=1)
    ]
    questions = api.get(f"/questionnaire/v1/requests/{place.asked('reiji-denso')['id']}")
    asked = [q for q in questions["questionnaire"]["questions"] if not q["derived"]]
    document["answers"] = {
        q["id"]: {
            "state": "answered",
            "value": q["options"][0]["code"],
            "note": " ".join(STRINGS[n % len(STRINGS) :][:12]),
            "details": {d["name"]: STRINGS[n] for d in q["details"] if d["kind"] == "text"},
        }
        for n, q in enumerate(asked)
    }
    api.call(
        "PUT",
        f"/questionnaire/v1/responses/{response['id']}",
        json=document,
        headers={"If-Match": f'"{response["version"]}"'},
    )
    rows = "\r\n".join(
        'H{1:04d},"{0}",JP,"{0}",p{1}@hostile.example,ja'.format(text.replace('"', '""')[:150], n)
        for n, text in enumerate(STRINGS)
    )
    content = f"取引先コード,会社名,国,担当者,メール,言語\r\n{rows}\r\n".encode()
    headers = {"Content-Type": "text/csv"}
    made = api.call("POST", "/questionnaire/v1/imports", content=content, headers=headers).json()
    assert made["accepted"] >= 100, made["rejected"][:3]
    decisions = [
        {"line": row["line"], "action": "new"} for row in made["rows"] if row["outcome"] == "ask"
    ]
    api.post(f"/questionnaire/v1/imports/{made['id']}/confirm", {"decisions": decisions})


def test_what_others_write_to_the_office_runs_no_script(chromium: Any, place: Place) -> None:
    made = office(place)
    screen = open_screen(chromium, place).log_in_as("mihon-jidosha")
    shown = ""
    for path in made.pages:
        screen.go(path).page.wait_for_load_state("networkidle")
        assert screen.page.evaluate("() => window.xss") is None, path
        assert screen.page.locator("main script, main [onerror]").count() == 0, path
        shown += screen.page.inner_text("main")
    for text in STRINGS[:20]:
        screen.go(f"/risk/what-if?change={quote(json.dumps(['end', text, text, text, text]))}")
        assert screen.page.evaluate("() => window.xss") is None, text
    assert shown.count("window.xss") > 5, "the strings are shown, as text"
    assert screen.strays == []
    assert screen.noise == []


def _plant_between(place: Place) -> None:
    """Put the strings into what people write to each other."""
    for number in range(0, len(STRINGS), 12):
        text = " ".join(STRINGS[number : number + 12])
        for end in ("supplier", "requester"):
            seeds.written(place, end, "reiji-denso", text)
        seeds.asked_to_correct(place, "reiji-denso", text)
        seeds.delegated(place, "reiji-denso", f"x{number}@reiji-denso.example", text)
