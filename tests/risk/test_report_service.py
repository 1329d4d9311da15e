"""The page for management: what it says, on one A4 page, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.risk.api import report
from services.risk.rules import management
from tests.factories.risk import DialogueRecorded, event
from tests.factories.supply_chains import Firm
from tests.risk.site import Site
from tests.risk.test_scores_api import Chain

FORBIDDEN = re.compile(r"準拠|適合|認証|認定|合格|compliant|certified|approved", re.IGNORECASE)


@pytest.fixture
def chain(site: Site) -> Chain:
    made = Chain(site)
    site.ask(made.maker)
    return made


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the page was printed from, besides the page itself."""
    kept: list[dict[str, Any]] = []
    really = report._print

    def listening(data: dict[str, Any], words: dict[str, Any]) -> bytes:
        kept.append(data)
        return really(data, words)

    monkeypatch.setattr(report, "_print", listening)
    return kept


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_report_is_one_page_in_either_language(chain: Chain, lang: str) -> None:
    answer = chain.get("/report", params={"lang": lang})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", answer.content)) == 1
    assert f'-{lang}.pdf"' in answer.headers["content-disposition"]


def test_the_report_says_what_the_snapshot_says(chain: Chain, said: list[dict[str, Any]]) -> None:
    assert chain.get("/report").status_code == 200
    (data,) = said
    tiers = chain.get("/tiers").json()
    assert data["index"]["evidenced"] == tiers["portfolio_score"]
    assert data["tiers"][0]["evidenced"] == tiers["tiers"][0]["score"]
    assert (data["asked"], data["answered"], data["rate"]) == (1, 1, 100.0)
    assert (data["change"], data["since"]) == (None, None)
    assert data["actions"][0] == {
        "action": "declare_components",
        "supplier": "Silent",
        "question": None,
        "from": 99.2,
        "to": chain.get("/advice").json()["items"][0]["index"]["after"],
        "share": data["actions"][0]["share"],
    }
    assert data["disputes"] == {"open": 0, "overdue": 0, "settled": 0}


def test_the_report_compares_with_the_end_of_the_last_fiscal_year(
    site: Site, at: Callable[[datetime], None], said: list[dict[str, Any]]
) -> None:
    chain = Chain(site)
    at(datetime(2027, 3, 30, tzinfo=UTC))
    site.ask(chain.maker)
    at(datetime(2027, 4, 20, tzinfo=UTC))
    site.ask(chain.maker)
    assert chain.get("/report").status_code == 200
    (data,) = said
    assert data["since"] == "2027-03-30"
    assert data["change"] == 0.0


def test_the_report_counts_suppliers_helped_and_talked_to_since_the_year_began(
    site: Site, at: Callable[[datetime], None], said: list[dict[str, Any]]
) -> None:
    chain = Chain(site)
    mine = {"org_id": chain.maker.org}
    at(datetime(2027, 3, 31, 14, tzinfo=UTC))
    site.hear(event(DialogueRecorded, **mine, at="2027-03-31T14:00:00Z"))
    at(datetime(2027, 4, 20, tzinfo=UTC))
    site.ask(chain.maker)
    first = event(DialogueRecorded, **mine, at="2027-04-02T01:00:00Z")
    again = event(
        DialogueRecorded, **mine, at="2027-04-03T01:00:00Z", supplier_id=first["supplier_id"]
    )
    helped = event(DialogueRecorded, **mine, at="2027-04-03T01:00:00Z", kind="support")
    elses = event(DialogueRecorded, at="2027-04-03T01:00:00Z", kind="support")
    site.hear(first, again, helped, elses, first)
    assert chain.get("/report").status_code == 200
    (data,) = said
    assert (data["cost_talks"], data["supported"]) == (1, 1)


def test_before_the_first_snapshot_there_is_no_report(site: Site) -> None:
    answer = site.get(Firm("Maker"), "/report")
    assert answer.json()["type"] == "urn:rensho:problem:snapshots/none-yet"


def test_both_languages_say_the_same_things_and_claim_nothing_forbidden() -> None:
    ja, en = report._words()["ja"], report._words()["en"]
    assert ja.keys() == en.keys()
    assert ja["kinds"].keys() == en["kinds"].keys()
    assert not FORBIDDEN.search(str(ja) + str(en))


@pytest.mark.parametrize(
    ("moment", "began"),
    [
        (datetime(2027, 3, 31, 14, 59, tzinfo=UTC), 2026),
        (datetime(2027, 3, 31, 15, 0, tzinfo=UTC), 2027),
    ],
)
def test_the_fiscal_year_begins_on_the_first_of_april_in_japan(
    moment: datetime, began: int
) -> None:
    assert management.fiscal_year_began(moment).date().isoformat() == f"{began}-04-01"


def test_a_requester_without_suppliers_gets_a_page_without_numbers() -> None:
    nothing: dict[str, Any] = {"tiers": [], "portfolio_index": None}
    told = management.page(nothing, None, asked=0, answered=0, synthetic=True)
    assert (told["rate"], told["index"], told["tiers"], told["synthetic"]) == (None, None, [], True)
