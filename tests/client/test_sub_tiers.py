"""Answers of firms below: found by reference, judged through the firm above."""

from __future__ import annotations

from typing import Any

from rensho.entries import SubTierEntry
from rensho.verdict import Verdict
from rensho.verify import Expectations, ExpectedRequest, Material, verify

from tests.client.deployment import org
from tests.client.museum.below import Chain, answer, chained
from tests.client.responses import pack


def judged(chain: Chain, **expect: Any) -> Verdict:
    """What the requester finds in the archive of everything."""
    world, asked = chain.world, chain.asked
    wanted = Expectations(
        audience=world.requester.org,
        request=ExpectedRequest(asked.request_id, asked.nonce),
        **expect,
    )
    return verify(Material(pack(world)), world.trust(), wanted, world.now)


def test_what_is_handed_on_is_valid_by_itself_and_does_not_become_the_main_statement() -> None:
    chain = chained(2)
    verdict = judged(chain)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    for one in (*chain.said[1], *chain.said[2]):
        assert verdict.statements[one].status == "VALID"
    assert verdict.payload == verdict.statements[chain.said[0][-1]].payload


def test_expectations_of_the_reader_are_not_asked_of_firms_below() -> None:
    chain = chained(1)
    chain.firms[1].roles = ("delegate",)
    verdict = judged(chain, signer_role="responsible-officer", line="anything")
    assert verdict.codes == ()


def test_a_reference_that_names_a_component_means_that_component() -> None:
    named = chained(entry={"component": "part", "role": "provider"}, roles={"provider": "yes"})
    assert judged(named).codes == ()
    other = chained(entry={"component": "wheel"})
    verdict = judged(other)
    component, _ = other.said[1]
    assert verdict.codes == ()
    assert verdict.statements[component].codes == ("key.pending", "context.audience")


def test_an_answer_below_that_is_left_open_is_told_and_spoils_nothing() -> None:
    verdict = judged(chained(vouched=False))
    assert verdict.codes == ()
    assert any(note.startswith("step 23: the attestation") for note in verdict.notes)


def test_a_firm_nobody_has_heard_of_and_a_mere_class_are_passed_over() -> None:
    chain = chained(
        0, last=[SubTierEntry("minor", "masked"), SubTierEntry("major", "named", org())]
    )
    assert judged(chain).codes == ()


def test_without_the_descriptor_below_the_reference_is_followed_all_the_same() -> None:
    chain = chained(entry={"component": "part", "role": "developer"}, roles={"developer": "yes"})
    world = chain.world
    above = {line for line in world.files if line.endswith(".descriptor.json")}
    assert len(above) == 2
    lowest = min(above, key=list(world.files).index)
    del world.files[lowest]
    verdict = judged(chain)
    assert "context.component" in verdict.statements[chain.said[1][0]].codes
    assert verdict.codes == ()


def test_a_list_below_that_does_not_open_refers_to_nobody() -> None:
    chain = chained(2)
    world = chain.world
    texts = world.opened[chain.said[1][-1]]
    texts["subTier"] = (*texts["subTier"], texts["subTier"][0])
    verdict = judged(chain)
    assert verdict.codes == ("sub.invalid",)
    assert verdict.statements[chain.said[1][-1]].codes == ("disclosure.duplicate",)


def test_a_silent_list_refers_to_nobody() -> None:
    chain = chained(0)
    silent = answer(chain, chain.firms[0], chain.world.requester.org, [], reader={})
    assert judged(chain).statements[silent[-1]].codes == ()
