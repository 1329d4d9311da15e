"""What a requester says of its own links: what it buys on them, and records that are one firm."""

from __future__ import annotations

from typing import Any

import pytest

from services.kit.outbox import event_contract
from tests.factories.risk import LinkClassified, SupplierMerged, event
from tests.factories.supply_chains import Firm, Supply, listed
from tests.risk.site import Site
from tests.risk.two import Two

HARMLESS = {name: ["no", "no"] for name in ("agentOrPhysical", "personalData", "customerData")}


def classified(two: Two, supply: Supply, bought: dict[str, list[str]]) -> Any:
    return two.scene.say(
        LinkClassified, org_id=supply.customer.org, link_id=supply.link, classification=bought
    )


def merged(two: Two, gone: Supply, kept: Supply, *, undone: bool = False) -> Any:
    return two.scene.say(
        SupplierMerged,
        org_id=kept.customer.org,
        merged_supplier_id=gone.supplier,
        merged_link_id=gone.link,
        kept_supplier_id=kept.supplier,
        kept_link_id=kept.link,
        undone=undone,
    )


def test_what_is_bought_bounds_what_could_go_wrong(two: Two) -> None:
    two.scene.asked(two.supply)
    before = two.facts()
    assert before["direct"][0]["classification"] == {}
    worst = two.site.judge(two.supply.customer)[1]["total"]["evidenced"]

    classified(two, two.supply, HARMLESS)
    after = two.facts()
    assert after["direct"][0]["classification"] == HARMLESS
    assert float(two.site.judge(two.supply.customer)[1]["total"]["evidenced"]) < float(worst)


def test_what_was_said_last_of_a_link_counts_in_whatever_order_it_arrives(two: Two) -> None:
    first = classified(two, two.supply, HARMLESS)
    last = classified(two, two.supply, {"userFacing": ["yes", "yes"]})
    two.scene.events.remove(first)
    two.scene.events.remove(last)
    two.scene.events += [last, first]
    assert two.direct()["classification"] == {"userFacing": ["yes", "yes"]}


def test_what_a_supplier_says_it_buys_lowers_nothing_for_its_customer(two: Two) -> None:
    below = two.scene.supplied(two.supply.firm, Firm("Second"))
    two.answered(sub_tier=listed(below.entry(org_id=None, visibility="masked")))
    before = two.facts()
    classified(two, below, HARMLESS)
    after = two.facts()
    assert {**after, "as_of": None} == {**before, "as_of": None}


def test_a_request_on_a_merged_record_counts_for_the_kept_one(two: Two) -> None:
    gone = two.scene.supplied(two.supply.customer, Firm("First again"))
    two.scene.asked(gone)
    assert len(two.facts()["direct"]) == 2

    merged(two, gone, two.supply)
    two.scene.link(gone, ended=True)
    direct = two.direct()
    assert direct["supplier"] == two.supply.supplier
    assert direct["due_at"] is not None

    merged(two, gone, two.supply, undone=True)
    two.scene.link(gone, ended=False)
    assert len(two.facts()["direct"]) == 2


def test_an_organization_behind_a_merged_record_stays_its_own_firm(two: Two) -> None:
    gone = two.scene.supplied(two.supply.customer, Firm("Other"))
    two.scene.enrolled(gone)
    two.scene.enrolled(two.supply)
    two.scene.asked(gone)
    merged(two, gone, two.supply)
    two.scene.link(gone, ended=True)
    assert two.direct()["due_at"] is None


@pytest.mark.parametrize("circle", [False, True])
def test_merges_are_followed_to_the_last_record_and_a_circle_ends(two: Two, circle: bool) -> None:
    first, second = (two.scene.supplied(two.supply.customer, Firm(n)) for n in ("A", "B"))
    two.scene.asked(first)
    merged(two, first, second)
    merged(two, second, first if circle else two.supply)
    for gone in (first, second):
        two.scene.link(gone, ended=True)
    assert (two.direct()["due_at"] is not None) is not circle


def test_a_merge_below_hides_no_entry_of_a_signed_list(two: Two) -> None:
    gone, kept = (two.scene.supplied(two.supply.firm, Firm(n)) for n in ("A", "B"))
    both = [each.entry(org_id=None, visibility="masked") for each in (gone, kept)]
    two.answered(sub_tier=listed(*both))
    before = two.facts()
    merged(two, gone, kept)
    assert two.facts()["deeper"] == before["deeper"]
    assert len(before["deeper"]) == 2


def test_a_score_is_shown_with_the_product_lines_of_its_link(two: Two, site: Site) -> None:
    two.scene.link(two.supply, product_lines=["制御盤"])
    two.facts()
    (shown,) = site.get(two.supply.customer, "/suppliers").json()["items"]
    assert shown["product_lines"] == ["制御盤"]


@pytest.mark.parametrize(
    "bought", [{"colour": ["no", "yes"]}, {"userFacing": ["perhaps", "yes"]}, {"userFacing": []}]
)
def test_a_range_off_the_scales_breaks_the_contract(two: Two, bought: Any) -> None:
    said = event(LinkClassified, classification=bought)
    assert not event_contract("link.classified.v1").validator.is_valid(said)
