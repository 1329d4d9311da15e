"""Steps 20 to 23: still standing, and the documents that were signed for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rensho import disclosure
from rensho.entries import Answer
from rensho.verify import Material, Verdict, verify

from tests.client.deployment import DAY, HOUR
from tests.client.judged import expectations, judge, without
from tests.client.responses import FILE, Answered, answered, pack, submit


@pytest.fixture(scope="module")
def good() -> Answered:
    """A valid world that no test of this module changes."""
    return answered()


def test_trust_that_asks_for_a_status_list_gets_an_honest_answer(good: Answered) -> None:
    verdict = judge(good, status_max_age=DAY)
    assert verdict.codes == ("status.missing",)
    assert verdict.parts["status"] == "INDETERMINATE"


def test_outside_its_validity_a_response_is_refused(good: Answered) -> None:
    world = good.world
    assert "validity.expired" in judge(good, now=world.now + 380 * DAY).codes
    assert "validity.not_yet" in judge(good, now=world.now - DAY).codes
    old = expectations(good, freshness=HOUR)
    assert judge(good, expect=old, now=world.now + DAY).codes == ("validity.expired",)


@pytest.mark.parametrize(
    ("suffix", "code"),
    [
        (".answers.json", "answers.digest"),
        (".descriptor.json", "descriptor.digest"),
        (".evidence", "evidence.digest"),
    ],
)
def test_a_document_that_was_swapped_is_refused(suffix: str, code: str) -> None:
    done = answered()
    for name in [name for name in done.world.files if name.endswith(suffix)]:
        done.world.files[name] = b"swapped"
    assert code in judge(done).codes


def test_evidence_of_another_size_is_refused_and_absent_evidence_left_open(
    good: Answered,
) -> None:
    larger = replace(FILE, size=FILE.size + 1)
    assert judge(answered(evidence=larger)).codes == ("evidence.digest",)
    verdict = judge(good, data=without(good, ".evidence"))
    assert verdict.codes == ("content.missing",)
    assert verdict.status == "INDETERMINATE"


def reopened(change: Callable[[dict[str, tuple[str, ...]]], Any], which: int = -1) -> Verdict:
    done = answered()
    change(done.world.opened[done.ids[which]])
    return judge(done)


def test_disclosures_are_of_what_was_signed_and_each_once() -> None:
    stray = disclosure.make(Answer("Q-CORE-001", "checking").to_json())[0]
    assert reopened(lambda o: o.update(answers=(stray,))).codes == ("disclosure.unknown",)
    twice = reopened(lambda o: o.update(answers=o["answers"] * 2))
    assert twice.codes == ("disclosure.duplicate",)
    kind = reopened(lambda o: o.update(respondents=o["audience"]))
    assert kind.codes == ("disclosure.unknown",)
    evidence = reopened(lambda o: o.update(evidence=(stray,)), which=0)
    assert evidence.codes == ("disclosure.unknown",)
    audience = reopened(lambda o: o.update(audience=(stray,)))
    assert set(audience.codes) == {"context.not_opened", "disclosure.unknown"}
    sub_tier = reopened(lambda o: o.update(subTier=(o["subTier"][0],) * 2))
    assert sub_tier.codes == ("disclosure.duplicate",)


def test_a_declaration_without_a_list_of_suppliers_opens_none() -> None:
    assert judge(answered(sub_tiered=False)).codes == ("disclosure.unknown",)


def test_disclosures_of_a_statement_nobody_handed_over_are_refused() -> None:
    done = answered()
    done.world.opened["0" * 64] = {}
    assert judge(done).codes == ("disclosure.unknown",)


def test_requests_and_key_events_with_false_disclosures_are_refused() -> None:
    done = answered()
    done.world.opened[done.asked.statement_id] = {"respondents": ("AA",)}
    assert "disclosure.unknown" in judge(done).codes
    done = answered()
    done.world.opened[str(done.world.supplier.last)] = {"vouchedBy": ("AA",)}
    assert set(judge(done).codes) == {"key.pending", "disclosure.unknown"}


def test_a_leaf_logged_twice_counts_by_its_first_place() -> None:
    done = answered()
    world = done.world
    world.key_event(world.supplier, "revoke", reason="superseded")
    first = {name: world.files[name] for name in bundle_names(done)}
    submit(world, done.draft, promised=False)
    second = {name: world.files[name] for name in bundle_names(done)}
    for early, late in ((first, second), (second, first)):
        world.files |= early
        beside = tuple((f"again-{name[:8]}.json", data) for name, data in late.items())
        verdict = verify(
            Material(pack(world), beside), world.trust(), expectations(done), world.now
        )
        assert (verdict.status, verdict.codes) == ("VALID", ())
    world.files |= second
    assert judge(done).codes == ("key.revoked",)


def bundle_names(done: Answered) -> list[str]:
    return [f"{statement_id}.sigstore.json" for statement_id in done.ids]
