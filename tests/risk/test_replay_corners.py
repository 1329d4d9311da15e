"""The second program at the corners that a random world seldom reaches."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rensho import jcs, replay
from rensho.errors import VerificationError

from services.risk.rules import reading, results, writing
from services.risk.rules.condition import All, AnswerIn, AnyOf, AttributeIn, Not
from services.risk.rules.facts import Answer, Component, Declaration, PreScreen, Seen
from services.risk.rules.world import UNHEARD, Listed, SubTier, World, WorldLink
from tests.risk import chains
from tests.risk.worlds import AS_OF, QUESTIONS, question, seen_by, world_of

TICKS: dict[str, PreScreen] = {"embedded": "yes", "process": "none", "customer_data": "none"}


def link(customer: str, supplier: str, **changes: Any) -> WorldLink:
    plain = WorldLink(
        f"{customer}>{supplier}",
        customer,
        supplier,
        "critical",
        pass_through=False,
        facts=UNHEARD,
        sub_tier="silent",
    )
    return replace(plain, **changes)


def document_of(world: World) -> dict[str, Any]:
    return dict(json.loads(json.dumps(writing.document(seen_by("a", world)))))


def agreed(document: dict[str, Any]) -> dict[str, Any]:
    """What the replay finds, once it is held against what the service finds."""
    theirs = replay.replay(document)
    assert replay.compare(theirs, results.results(reading.facts(document))) == []
    return dict(theirs)


def both_judge(world: World) -> dict[str, Any]:
    return agreed(document_of(world))


def redigested(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the digest of the policy that was put into it."""
    digest = hashlib.sha256(jcs.dumps(document["policy"])).hexdigest()
    return {**document, "policy_digest": digest}


def answer(name: str, state: str, **changes: Any) -> Answer:
    plain = Answer(
        question=name,
        state=state,  # type: ignore[arg-type]
        value="implemented" if state == "answered" else None,
        assurance="L2",
        covered=True,
        time=AS_OF,
        accepted=False,
        waived=False,
        seen=None,
    )
    return replace(plain, **changes)


def answering(*given: Answer) -> dict[tuple[str, str], WorldLink]:
    part = Component(
        id="vision",
        statement=None,
        assurance="L2",
        covered=True,
        time=AS_OF,
        superseded_at=None,
        roles={"developer": True, "provider": True, "user": True},
        attributes={},
        answers=given,
    )
    declared = Declaration(
        statement=None,
        assurance="L2",
        covered=True,
        time=AS_OF,
        superseded_at=None,
        pre_screen=TICKS,
        withheld_components=0,
    )
    facts = replace(
        UNHEARD,
        asked=frozenset(one.question for one in given),
        declaration=declared,
        components=(part,),
    )
    return {("a", "b"): link("a", "b", facts=facts, sub_tier="none")}


@pytest.mark.parametrize(
    "given",
    [
        answer("Q-1", "withheld", seen=Seen("implemented", "L3", AS_OF)),
        answer("Q-1", "withheld", seen=Seen("no scale has this", "L3", AS_OF)),
        answer("Q-1", "not_applicable", accepted=True),
        answer("Q-1", "not_applicable"),
        answer("Q-1", "silent", waived=True),
        answer("Q-1", "answered", waived=True),
        answer("Q-1", "answered", covered=False),
    ],
    ids=lambda one: f"{one.state} {one.seen is not None} {one.accepted} {one.waived} {one.covered}",
)
def test_every_state_of_an_answer_is_judged_alike(given: Answer) -> None:
    both_judge(world_of(answering(given)))


@pytest.mark.parametrize("joined", [All, AnyOf])
@pytest.mark.parametrize("said", [["implemented"], ["no"], ["implemented", "no"]])
def test_a_joined_condition_is_decided_alike(joined: Any, said: list[str]) -> None:
    asked = QUESTIONS | {
        "Q-8": question(
            "Q-8", condition=joined(tuple(AnswerIn("Q-1", frozenset({one})) for one in said))
        )
    }
    given = (answer("Q-1", "answered"), answer("Q-8", "answered"))
    both_judge(world_of(answering(*given), questions=asked))


@pytest.mark.parametrize("said", ["implemented", "no"])
@pytest.mark.parametrize("attribute", [None, "none", "monitored", "critical"])
@pytest.mark.parametrize("bought", [None, ("none", "monitored"), ("critical", "critical")])
def test_what_is_denied_and_what_was_bought_decide_alike(
    said: str, attribute: str | None, bought: tuple[str, str] | None
) -> None:
    denied = {
        "Q-8": Not(AnswerIn("Q-1", frozenset({"no"}))),
        "Q-9": Not(AttributeIn("safetyFunction", frozenset({"critical"}))),
    }
    asked = QUESTIONS | {name: question(name, condition=each) for name, each in denied.items()}
    given = (answer("Q-1", "answered", value=said), *(answer(name, "silent") for name in denied))
    plain = answering(*given)[("a", "b")]
    (part,) = plain.facts.components
    stated = {} if attribute is None else {"safetyFunction": attribute}
    facts = replace(
        plain.facts,
        components=(replace(part, attributes=stated),),
        classification={} if bought is None else {"safetyFunction": bought},
    )
    both_judge(world_of({("a", "b"): replace(plain, facts=facts)}, questions=asked))


def test_trading_houses_that_only_hand_to_each_other_hide_a_maker() -> None:
    """Whoever is behind the circle was named by nobody: undisclosed."""
    hands_on = SubTier((Listed("c", "critical", "named", pass_through=True),), {"critical": 1})
    houses = {
        ("a", "b"): link("a", "b", pass_through=True, sub_tier=hands_on),
        ("b", "c"): link("b", "c", pass_through=True),
    }
    document = document_of(world_of(houses))
    (behind,) = document["deeper"]
    behind["list"] = document["lists"][0]["id"]
    assert agreed(document)["total"]["claimed"] == "0.000000000"


def no_ai_of(customer: str, supplier: str, **changes: Any) -> WorldLink:
    return link(customer, supplier, facts=chains.no_ai(), **changes)


def test_links_closed_by_no_ai_weigh_alike_in_every_tier() -> None:
    """One of the requester's own, one below, and a trading house that closes nothing."""
    entries = (
        Listed("c", "critical", "named", pass_through=False),
        Listed("d", "minor", "named", pass_through=True),
    )
    below = SubTier(entries, {"critical": 1, "minor": 1})
    makers = SubTier((Listed("e", "major", "named", pass_through=False),), {"major": 1})
    links = [
        no_ai_of("a", "n", sub_tier=makers),
        link("a", "b", facts=chains.answered(), sub_tier=below),
        no_ai_of("b", "c", sub_tier=makers),
        no_ai_of("b", "d", sub_tier=makers),
    ]
    closed = chains.world(*links)
    words = {row["list"] for row in document_of(closed)["deeper"]}
    assert {"closed", "silent"} < words
    assert len(words) == 3
    both_judge(closed)


def named(*suppliers: str, pass_through: bool = False) -> SubTier:
    return chains.listed(
        *(chains.entry(one, visibility="named", pass_through=pass_through) for one in suppliers)
    )


def test_a_chain_longer_than_tiers_are_counted_is_told_as_deeper_alike() -> None:
    firms = "abcdefghijklmnop"
    chain = {
        (one, to): link(one, to, facts=chains.answered(), sub_tier=named(after))
        for one, to, after in zip(firms, firms[1:], firms[2:], strict=False)
    }
    assert float(both_judge(world_of(chain))["deeper"]["evidenced"]) > 0


def test_firms_that_supply_each_other_settle_alike() -> None:
    circle = {
        ("a", "b"): link("a", "b", facts=chains.answered(), sub_tier=named("c")),
        ("b", "c"): link("b", "c", facts=chains.answered(), sub_tier=named("b")),
        ("c", "b"): link("c", "b", facts=chains.answered(), sub_tier=named("c")),
    }
    both_judge(world_of(circle))


@pytest.mark.parametrize("ahead", [-1, 0, 1])
@pytest.mark.parametrize("submitted", [False, True])
def test_an_open_deadline_is_told_alike_above_and_below(ahead: int, *, submitted: bool) -> None:
    due = AS_OF + timedelta(seconds=ahead)
    waiting = replace(chains.answered(), due_at=due, submitted=submitted)
    found = both_judge(
        chains.world(
            link("a", "b", facts=waiting, sub_tier=named("c")),
            link("b", "c", facts=waiting, sub_tier="none"),
        )
    )
    is_open = ahead >= 0 and not submitted
    assert (found["suppliers"][0]["band"] == "unseen") is is_open
    assert [tier["firms"]["unseen"] for tier in found["tiers"][:2]] == [is_open, is_open]


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_the_grace_of_what_was_superseded_ends_alike(seconds: int) -> None:
    ended = AS_OF - timedelta(days=30, seconds=seconds)
    facts = chains.answered()
    assert facts.declaration is not None
    (part,) = facts.components
    whole = both_judge(chains.world(link("a", "b", facts=facts)))
    for changed in (
        replace(facts, declaration=replace(facts.declaration, superseded_at=ended)),
        replace(facts, components=(replace(part, superseded_at=ended),)),
    ):
        found = both_judge(chains.world(link("a", "b", facts=changed)))
        assert (found["total"] == whole["total"]) is (seconds <= 0)


@pytest.mark.parametrize("days", [365, 366, 545, 3_650])
def test_what_was_said_long_ago_weakens_alike(days: int) -> None:
    given = replace(answer("Q-1", "answered"), time=AS_OF - timedelta(days=days))
    both_judge(world_of(answering(given, answer("Q-6", "answered", value="no"))))


def test_claimed_and_evidenced_add_up_alike_in_every_tier() -> None:
    """Answers that admit gaps, so that the claimed bound weighs as well, and a hidden firm."""
    given = (answer("Q-1", "answered", value="planned"), answer("Q-6", "answered", value="no"))
    admits = answering(*given)[("a", "b")].facts
    hides = chains.listed(*named("d").entries, critical=1)
    found = both_judge(
        chains.world(
            # It claims nothing, and comes first.
            link("a", "aa", facts=chains.answered(), sub_tier="none"),
            link("a", "b", facts=admits, sub_tier=named("c")),
            link("b", "c", facts=admits, sub_tier=hides),
            link("c", "d", facts=admits, sub_tier="none"),
        )
    )
    assert all(float(tier["contribution"]["claimed"]) > 0 for tier in found["tiers"][:3])
    assert float(found["tiers"][2]["undisclosed"]) > 0


@pytest.mark.parametrize(
    ("floor", "tiers"), [("0.400000000", [[1], []]), ("0.000000000", [[1], [1]])]
)
def test_the_least_share_of_a_tier_is_taken_alike(floor: str, tiers: list[list[int]]) -> None:
    two = chains.world(link("a", "b"), link("a", "c", facts=chains.answered(), sub_tier="none"))
    document = document_of(two)
    document["policy"]["tiers"]["share_floor"] = floor
    assert [firm["tiers"] for firm in agreed(redigested(document))["firms"]] == tiers


def test_a_risk_at_the_edge_of_a_band_is_in_it_alike() -> None:
    document = document_of(chains.world(link("a", "b", facts=chains.answered(), sub_tier="none")))
    risk = agreed(redigested(document))["suppliers"][0]["risk"]["evidenced"]
    rising = zip("BCDE", (float(risk) / 4, float(risk) / 2, float(risk), 0.9), strict=True)
    document["policy"]["bands"] = {name: f"{edge:.9f}" for name, edge in rising}
    assert agreed(redigested(document))["suppliers"][0]["band"] == "D"


def test_half_of_the_questions_answered_is_just_enough_to_be_seen() -> None:
    half = (answer("Q-1", "answered"), answer("Q-2", "silent"))
    found = both_judge(world_of(answering(*half)))
    assert found["suppliers"][0]["coverage"] == "0.500000000"
    assert found["suppliers"][0]["band"] != "unseen"


def test_a_trading_house_that_leads_back_to_itself_inside_a_list_is_one_undisclosed_firm() -> None:
    document = document_of(
        chains.world(
            link("a", "m", facts=chains.answered(), sub_tier=named("b", pass_through=True)),
            link("m", "b", pass_through=True),
        )
    )
    (behind,), (of_m,) = document["deeper"], document["lists"]
    behind["list"] = of_m["id"]
    hides_one = chains.listed(critical=1)
    plainly = chains.world(link("a", "m", facts=chains.answered(), sub_tier=hides_one))
    assert agreed(redigested(document))["total"] == both_judge(plainly)["total"]


@pytest.mark.parametrize("exponent", [-2, -3, -4, -5])
def test_the_replay_stops_within_a_tenth_of_what_the_policy_lets_it_miss(exponent: int) -> None:
    itself = [
        link(customer, "b", facts=chains.answered(), sub_tier=named("b")) for customer in "ab"
    ]
    document = document_of(chains.world(*itself))

    def judged_until(stop: int) -> float:
        document["policy"]["propagation"]["stop_exponent"] = stop
        found = replay.replay(redigested(document))
        return float(found["suppliers"][0]["sub_tier"]["evidenced"])

    assert 0 < judged_until(-12) - judged_until(exponent) < 10.0**exponent / 10


def test_an_own_link_closed_by_a_word_is_refused() -> None:
    document = document_of(world_of({("a", "b"): link("a", "b")}))
    document["direct"][0]["list"] = "closed"
    with pytest.raises(VerificationError) as refused:
        replay.replay(document)
    assert refused.value.code == "facts.malformed"


def test_facts_nested_without_end_are_refused() -> None:
    condition: dict[str, Any] = {"all": []}
    for _ in range(5_000):
        condition = {"all": [condition]}
    document = document_of(world_of(answering(answer("Q-1", "answered"))))
    asked = next(one for one in document["questions"] if one["id"] == "Q-1")
    asked["condition"] = condition
    with pytest.raises(VerificationError) as refused:
        replay.replay(document)
    assert refused.value.code == "facts.malformed"


def test_a_policy_that_allows_no_sweep_never_settles() -> None:
    document = document_of(world_of({("a", "b"): link("a", "b")}))
    document["policy"]["propagation"]["max_sweeps"] = 0
    with pytest.raises(VerificationError) as refused:
        replay.replay(redigested(document))
    assert refused.value.code == "facts.unstable"
