"""The OData feed: what is asked comes back exactly; what cannot be meant is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from services.kit.auth import Issuer
from services.risk.app import beside
from services.risk.rules import odata as rules
from services.risk.rules.odata import SETS
from tests.factories.supply_chains import Firm, Scene, component, listed
from tests.risk.served import Maker
from tests.risk.site import Site

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
DATAVERSE = {
    *("Edm.Boolean", "Edm.DateTimeOffset", "Edm.Decimal", "Edm.Double", "Edm.Guid"),
    *("Edm.Int32", "Edm.Int64", "Edm.String"),
}


class Feed:
    def __init__(self, http: TestClient, maker: Maker) -> None:
        self.http, self.maker = http, maker

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
        asked = {f"${name}": value for name, value in params.items()}
        mine = self.maker.site.headers(self.maker.firm, {"scores.read"})
        return self.http.get(path, params=asked, headers={**mine, **(headers or {})})

    def names(self, text: str) -> set[str | None]:
        answer = self.get("/Suppliers", filter=text)
        assert answer.status_code == 200, answer.text
        return {one["Name"] for one in answer.json()["value"]}


@pytest.fixture(scope="module")
def http(running_site: Site, issuer: Issuer) -> Iterator[TestClient]:
    (app,) = beside(running_site.settings, issuer).values()
    yield TestClient(app, raise_server_exceptions=False)
    app.state.db.close()


@pytest.fixture
def feed(site: Site, http: TestClient) -> Feed:
    maker = Maker(site)
    good = maker.supply("東京精密㈱", vendor_codes=["00123"], tags=["press", "weld"])
    maker.supply("100% O'Neil_x", vendor_codes=["V-2", "V-3"], identifiers={"lei": "x"})
    maker.supply("House", pass_through=True)
    scene = Scene()
    below = scene.supplied(good.firm, Firm("Below"))
    site.hear(*scene.events)
    maker.answered(
        good,
        components=[component("chat", {"Q-1": "yes", "Q-2": "partly"})],
        sub_tier=listed(below.entry(visibility="masked", dependency="moderate")),
    )
    maker.judge()
    return Feed(http, maker)


def test_the_service_document_names_the_sets_and_the_metadata_describes_them(feed: Feed) -> None:
    document = feed.get("/").json()
    assert {one["url"] for one in document["value"]} == set(SETS)
    answer = feed.get("/$metadata")
    assert answer.headers["content-type"].startswith("application/xml")
    assert answer.headers["odata-version"] == "4.0"
    root = ET.fromstring(answer.content)
    for entity in root.iter(f"{EDM}EntityType"):
        types = {one.get("Name"): one.get("Type") for one in entity.iter(f"{EDM}Property")}
        assert types["Id"] == "Edm.Guid"
        assert set(types.values()) <= DATAVERSE


def test_a_row_holds_what_the_list_of_scores_holds(feed: Feed) -> None:
    rows = {one["SupplierId"]: one for one in feed.get("/Suppliers").json()["value"]}
    listed_ = feed.maker.get("/suppliers").json()["items"]
    assert rows.keys() == {one["id"] for one in listed_}
    for score in listed_:
        row = rows[score["id"]]
        assert list(row) == [one.name for one in SETS["Suppliers"].properties]
        assert (row["Score"], row["Band"], row["Tier"]) == (
            score["score"],
            score["band"],
            score["tier"],
        )
        assert row["Coverage"] == score["coverage"]
        assert (row["Name"], row["VendorCodes"]) == (score["name"], ";".join(score["vendor_codes"]))
        assert (row["Snapshot"], row["AsOf"]) == (score["snapshot"], score["as_of"])
        assert row["ExplanationUrl"] == score["explanation_url"]
        if score["name"] is not None:
            assert row["Id"] == score["id"]
        UUID(row["Id"])


def test_the_tiers_are_those_of_the_tier_table(feed: Feed) -> None:
    rows = feed.get("/Tiers", orderby="Tier").json()["value"]
    table = feed.maker.get("/tiers").json()["tiers"]
    assert [(one["Tier"], one["Score"], one["Firms"]) for one in rows] == [
        (one["tier"], one["score"], sum(one["firms"].values())) for one in table
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Name eq '東京精密㈱'", {"東京精密㈱"}),
        ("contains(Name,'%')", {"100% O'Neil_x"}),
        ("contains(Name,'_') or endswith(Name,'㈱')", {"100% O'Neil_x", "東京精密㈱"}),
        ("startswith(VendorCode,'001')", {"東京精密㈱"}),
        ("Name eq '100% O''Neil_x'", {"100% O'Neil_x"}),
        ("Tier eq 1 and Score gt 99.1 and Score lt 99.3", {"100% O'Neil_x"}),
        ("Score eq null", {"House"}),
        ("Name eq null", {None}),
        ("Name ne null and Band ne 'unseen'", {"東京精密㈱", "House"}),
        ("not (Tier eq 1)", {None}),
        ("Tier in (2,3)", {None}),
        ("tolower(Name) eq 'house' or length(Name) eq 5", {"House", "東京精密㈱"}),
        ("ChangedAt ge 2026-11-21T03:00:00Z and Name eq 'House'", {"House"}),
        ("ChangedAt gt 2026-11-21T12:00:00+09:00", set()),
        ("Id eq 123e4567-e89b-12d3-a456-426614174000", set()),
        ("contains(Tags,'weld')", {"東京精密㈱"}),
        ("Name eq 'x'' or 1 eq 1 --'", set()),
    ],
)
def test_a_filter_means_what_it_says(feed: Feed, text: str, names: set[str | None]) -> None:
    assert feed.names(text) == names


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Password eq 'x'", 400),
        ("org_id eq 'x'", 400),
        ("Name", 400),
        ("Name eq", 400),
        ("((((", 400),
        ("Name eq 1", 400),
        ("Score eq 'A'", 400),
        ("Id eq 'x'", 400),
        ("contains(Score,'4')", 400),
        ("contains(Name,Band)", 501),
        ("ChangedAt ge 2026-11-21T03:00:00", 400),
        ("not Name", 400),
        ("Score add 1 eq 2", 501),
        ("Suppliers/any(x: x/Name eq 'a')", 501),
        ("matchesPattern(Name,'(a+)+$')", 501),
        ("geo.distance(Name,Name) lt 1", 501),
        ("year(ChangedAt) eq 2026", 501),
        ("nosuch(Name) eq 'x'", 400),
        ("x" * 2001, 400),
        ("Name eq 'a\tb'", 400),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(feed: Feed, text: str, status: int) -> None:
    answer = feed.get("/Suppliers", filter=text)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"].startswith("odata/")
    assert answer.headers["odata-version"] == "4.0"


@pytest.mark.parametrize("text", ["(" * 900 + "Tier eq 1" + ")" * 900, "not " * 480 + "Tier eq 1"])
def test_a_filter_of_great_depth_harms_nobody(feed: Feed, text: str) -> None:
    assert feed.get("/Suppliers", filter=text).status_code in {200, 400}


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/Suppliers", {"expand": "Tier"}, 501),
        ("/Suppliers", {"apply": "x"}, 501),
        ("/Suppliers", {"search": "x"}, 501),
        ("/Suppliers", {"format": "xml"}, 501),
        ("/Suppliers", {"top": "-1"}, 400),
        ("/Suppliers", {"skip": "x"}, 400),
        ("/Suppliers", {"count": "1"}, 400),
        ("/Suppliers", {"select": "Nothing"}, 400),
        ("/Suppliers", {"select": "Tier/Name"}, 501),
        ("/Suppliers", {"orderby": "Name sideways"}, 400),
        ("/Suppliers", {"orderby": "length(Name)"}, 501),
        ("/Suppliers", {"skiptoken": "WyJhIiwiYiJd"}, 410),
        ("/Suppliers", {"skiptoken": "x"}, 422),
        ("/Vendors", {}, 404),
        ("/Suppliers(123e4567-e89b-12d3-a456-426614174000)", {}, 404),
        ("/Suppliers(1)/Name", {}, 501),
        ("/$batch", {}, 501),
    ],
)
def test_what_is_not_spoken_here_is_refused(
    feed: Feed, path: str, params: dict[str, Any], status: int
) -> None:
    assert feed.get(path, **params).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_is_written_through_the_feed(feed: Feed, method: str) -> None:
    mine = feed.maker.site.headers(feed.maker.firm, {"scores.read"})
    assert feed.http.request(method, "/Tiers(1)", headers=mine).status_code == 501


def test_an_entity_is_read_by_its_key_and_answers_304(feed: Feed) -> None:
    supplier = feed.maker.supplies["House"].supplier
    answer = feed.get(f"/Suppliers({supplier})", select="Id,Name")
    assert answer.json() == {
        "@odata.context": answer.json()["@odata.context"],
        "Id": supplier,
        "Name": "House",
    }
    assert answer.json()["@odata.context"].endswith("/$metadata#Suppliers(Id,Name)/$entity")
    again = feed.get(
        f"/Suppliers({supplier})", {"If-None-Match": answer.headers["etag"]}, select="Id,Name"
    )
    assert (again.status_code, again.content) == (304, b"")


def test_pages_lead_on_and_stay_with_their_snapshot(feed: Feed) -> None:
    small = {"Prefer": "odata.maxpagesize=2"}
    answer = feed.get("/Suppliers", small, orderby="Score desc", count="true", select="Name")
    first = answer.json()
    assert first["@odata.count"] == 4
    assert [len(first["value"]), list(first["value"][0])] == [2, ["Name"]]
    feed.maker.judge()
    mine = feed.maker.site.headers(feed.maker.firm, {"scores.read"})
    path = first["@odata.nextLink"].split("/risk/odata/v1")[1]
    rest = feed.http.get(path, headers={**mine, **small}).json()
    assert "@odata.nextLink" not in rest
    names = [one["Name"] for one in first["value"] + rest["value"]]
    assert sorted(map(str, names)) == sorted(["100% O'Neil_x", "House", "None", "東京精密㈱"])


def test_top_and_skip_cut_and_top_ends_the_walk(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [one["Id"] for one in feed.get("/Suppliers").json()["value"]]
    cut = feed.get("/Suppliers", top="2", skip="1").json()
    assert [one["Id"] for one in cut["value"]] == every[1:3]
    assert "@odata.nextLink" not in cut
    assert feed.get("/Suppliers", top="0", count="true").json()["@odata.count"] == 4
    monkeypatch.setattr(rules, "MAX_PAGE", 2)
    page = feed.get("/Suppliers", top="3").json()
    path = page["@odata.nextLink"].split("/risk/odata/v1")[1]
    mine = feed.maker.site.headers(feed.maker.firm, {"scores.read"})
    rest = feed.http.get(path, headers=mine).json()
    assert [one["Id"] for one in page["value"] + rest["value"]] == every[:3]
    assert "@odata.nextLink" not in rest


def test_a_count_is_plain_text(feed: Feed) -> None:
    answer = feed.get("/Suppliers/$count", filter="Tier eq 1")
    assert (answer.text, answer.headers["content-type"]) == ("3", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"OData-MaxVersion": "3.0"}, 400),
        ({"OData-MaxVersion": "4.01"}, 200),
        ({"Accept": "image/png"}, 406),
        ({"Accept": "application/json;odata.metadata=minimal"}, 200),
    ],
)
def test_versions_and_forms_are_agreed_on(feed: Feed, headers: dict[str, str], status: int) -> None:
    assert feed.get("/Tiers", headers).status_code == status


def test_the_feed_needs_the_right_to_scores(
    feed: Feed, tokens: Callable[..., dict[str, str]]
) -> None:
    org = UUID(feed.maker.firm.org)
    assert feed.http.get("/Suppliers").status_code == 401
    wrong = tokens(org=org, audience="risk", scopes={"snapshots.read"})
    assert feed.http.get("/Suppliers", headers=wrong).status_code == 403


def test_before_the_first_snapshot_the_feed_says_so(site: Site, http: TestClient) -> None:
    answer = Feed(http, Maker(site)).get("/Suppliers")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "snapshots/none-yet"
