"""Rows of the gap table, one sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.risk.rules.facts import Answer, Component, Declaration, LinkFacts, Seen
from services.risk.rules.gap import Gap, Row, freshness, gap
from services.risk.rules.number import nine_places
from services.risk.rules.standing import Judge, Judgement
from tests.risk.worlds import AS_OF, POLICY, QUESTIONS, STARTER, question

ASKED = question("Q", criticality=2)
FRESH = AS_OF - timedelta(days=10)


def answer(**changes: Any) -> Answer:
    plain = Answer(
        question="Q", state="answered", value="partial", assurance="L2", covered=True, time=FRESH
    )
    return replace(plain, **changes)


def gap_of(given: Answer | None, *, applies: bool | None = True, **asked: Any) -> Gap:
    return gap(replace(ASKED, **asked), given, applies=applies, policy=POLICY, as_of=AS_OF)


def test_a_covered_answer_is_believed_as_far_as_its_assurance_goes() -> None:
    assert gap_of(answer()) == Gap(Row.ANSWERED, 1 - 0.5 * 0.75, 0.5, counts_as_answered=True)


@pytest.mark.parametrize(
    ("level", "left"),
    [("proxy", 0.6), ("proxy_confirmed", 0.5), ("L1", 0.4), ("L2", 0.25), ("L3", 0.1), ("L4", 0)],
)
def test_each_assurance_leaves_its_part_of_a_full_answer(level: str, left: float) -> None:
    assert gap_of(answer(value="implemented", assurance=level)).evidenced == pytest.approx(left)


@pytest.mark.parametrize(
    ("value", "claimed"),
    [("not_started", 1), ("planned", 0.75), ("partial", 0.5), ("implemented", 0), ("verified", 0)],
)
def test_the_claimed_gap_follows_the_scale(value: str, claimed: float) -> None:
    assert gap_of(answer(value=value)).claimed == claimed


def test_an_answer_without_valid_attestation_is_only_a_claim() -> None:
    assert gap_of(answer(covered=False)) == Gap(Row.NOT_COVERED, 1, 0.5)


def test_an_answer_without_a_proved_time_supports_nothing() -> None:
    assert gap_of(answer(time=None)).evidenced == 1


@pytest.mark.parametrize("state", ["checking", "withheld", "silent"])
def test_silence_counts_as_worst_and_claims_nothing_bad(state: Any) -> None:
    assert gap_of(answer(state=state, value=None)) == Gap(Row.SILENT, 1, 0)
    assert gap_of(None) == Gap(Row.SILENT, 1, 0)


def test_an_option_the_table_does_not_know_is_silence() -> None:
    assert gap_of(answer(value="marvellous")).row == Row.SILENT


def test_a_question_may_bring_its_own_table() -> None:
    assert gap_of(answer(value="no"), alignment={"no": 1.0, "yes": 0.0}).claimed == 0


def test_a_withheld_answer_seen_by_a_reviewer_counts_by_what_was_seen() -> None:
    seen = Seen("implemented", "L3", FRESH)
    found = gap_of(answer(state="withheld", value=None, seen=seen))
    assert (found.row, found.claimed, found.counts_as_answered) == (Row.SEEN, 0, True)
    assert found.evidenced == pytest.approx(0.1)


def test_a_seen_value_helps_neither_an_uncovered_answer_nor_an_unknown_option() -> None:
    seen = Seen("implemented", "L3", FRESH)
    withheld = answer(state="withheld", value=None, seen=seen)
    assert gap_of(replace(withheld, covered=False)).row == Row.SILENT
    assert gap_of(replace(withheld, seen=replace(seen, value="?"))).row == Row.SILENT


def test_a_waiver_leaves_the_gap_open_on_the_evidenced_side() -> None:
    assert gap_of(answer(state="silent", waived=True)) == Gap(Row.WAIVED, 1, 0)


def test_an_answer_wins_over_a_waiver() -> None:
    assert gap_of(answer(waived=True)).row == Row.ANSWERED


def test_an_accepted_not_applicable_wins_over_a_waiver_and_leaves() -> None:
    given = answer(state="not_applicable", accepted=True, waived=True)
    assert gap_of(given) == Gap(Row.NOT_APPLICABLE_ACCEPTED, None, None)


def test_a_not_applicable_nobody_accepted_leaves_only_the_claimed_side() -> None:
    assert gap_of(answer(state="not_applicable")) == Gap(Row.NOT_APPLICABLE, 1, None)


def test_a_waiver_wins_over_a_not_applicable_nobody_accepted() -> None:
    assert gap_of(answer(state="not_applicable", waived=True)).row == Row.WAIVED


def test_an_accepted_not_applicable_whose_attestation_fell_is_not_accepted() -> None:
    given = answer(state="not_applicable", accepted=True, covered=False)
    assert gap_of(given).row == Row.NOT_APPLICABLE


def test_what_does_not_apply_is_out_and_what_is_undecided_counts_as_worst() -> None:
    assert gap_of(answer(), applies=False) == Gap(Row.OUT, None, None)
    assert gap_of(answer(), applies=None) == Gap(Row.UNDECIDED, 1, 0)


def test_support_halves_every_half_year_after_the_window() -> None:
    for days, left in ((0, 1), (365, 1), (365 + 180, 0.5), (365 + 360, 0.25)):
        assert freshness(AS_OF - timedelta(days=days), 365, POLICY, AS_OF) == left
    assert freshness(AS_OF + timedelta(days=1), 365, POLICY, AS_OF) == 1


def component(**changes: Any) -> Component:
    plain = Component(
        id="c",
        statement=None,
        assurance="L2",
        covered=True,
        time=FRESH,
        superseded_at=None,
        roles={"developer": True, "provider": False, "user": False},
        attributes={},
        answers=(answer(question="Q-1", value="implemented"), answer(question="Q-6", value="no")),
    )
    return replace(plain, **changes)


def declaration(**changes: Any) -> Declaration:
    plain = Declaration(
        statement=None,
        assurance="L2",
        covered=True,
        time=FRESH,
        superseded_at=None,
        pre_screen={"embedded": "yes", "process": "none", "customer_data": "none"},
        withheld_components=0,
    )
    return replace(plain, **changes)


def facts(*components: Component, **changes: Any) -> LinkFacts:
    plain = LinkFacts(
        classification={},
        asked=frozenset(),
        due_at=None,
        submitted=True,
        declaration=declaration(),
        organization=(),
        components=components,
    )
    return replace(plain, **changes)


def judged(link: LinkFacts) -> Judgement:
    return Judge(QUESTIONS, STARTER, POLICY, AS_OF).judge(link)


def test_the_starter_set_is_asked_of_everybody() -> None:
    (only,) = judged(facts(component())).components
    assert [item.question.id for item in only.questions] == ["Q-1", "Q-6"]
    assert only.gap.evidenced == pytest.approx(0.25)
    assert only.coverage == 1


def test_weights_double_with_criticality() -> None:
    given = component(answers=(answer(question="Q-6", value="no"),))
    (only,) = judged(facts(given)).components
    assert only.gap.evidenced == pytest.approx((16 * 1 + 8 * 0.25) / 24)
    assert only.coverage == pytest.approx(8 / 24)


def test_a_condition_on_an_answer_waits_for_a_valid_answer() -> None:
    asked = frozenset({"Q-4"})

    def row_of_the_condition(given: tuple[Answer, ...]) -> list[int]:
        (only,) = judged(facts(component(answers=given), asked=asked)).components
        return [item.gap.row for item in only.questions if item.question.id == "Q-4"]

    assert row_of_the_condition((answer(question="Q-1", value="partial"),)) == [Row.SILENT]
    assert row_of_the_condition((answer(question="Q-1", value="planned"),)) == []
    undecided = answer(question="Q-1", value="planned", covered=False)
    assert row_of_the_condition((undecided,)) == [Row.UNDECIDED]


def test_a_role_nobody_stated_leaves_its_questions_undecided() -> None:
    given = component(roles={"developer": None, "provider": False, "user": True})
    link = facts(given, asked=frozenset({"Q-2"}))
    rows = {item.question.id: item.gap.row for item in judged(link).components[0].questions}
    assert rows["Q-2"] == Row.UNDECIDED
    assert rows["Q-1"] == Row.ANSWERED


def test_a_component_whose_attestation_fell_states_no_role_and_no_attribute() -> None:
    given = component(covered=False, attributes={"safetyFunction": "none"})
    (only,) = judged(facts(given)).components
    assert {item.gap.row for item in only.questions} == {Row.UNDECIDED}
    assert only.exposure.evidenced > 0.9


def test_answers_about_the_organization_reach_every_component() -> None:
    about = (answer(question="Q-7", value="implemented"),)
    link = facts(component(), component(id="d"), organization=about, asked=frozenset({"Q-7"}))
    for one in judged(link).components:
        assert [i.gap.row for i in one.questions if i.question.id == "Q-7"] == [Row.ANSWERED]


def test_a_components_own_answer_goes_before_the_organizations() -> None:
    about = (answer(question="Q-1", value="not_started"),)
    (only,) = judged(facts(component(), organization=about)).components
    assert only.gap.claimed == 0


def test_a_superseded_component_counts_thirty_days_and_is_silent_after() -> None:
    for days, coverage in ((30, 1.0), (31, 0.0)):
        given = component(superseded_at=AS_OF - timedelta(days=days))
        assert judged(facts(given)).coverage == coverage


def test_a_superseded_declaration_counts_thirty_days_and_is_silent_after() -> None:
    for days, declared in ((30, True), (31, False)):
        old = declaration(superseded_at=AS_OF - timedelta(days=days))
        assert judged(facts(component(), declaration=old)).is_declared is declared


def test_nothing_declared_is_the_worst_component_on_the_link() -> None:
    for link in (
        facts(declaration=None),
        facts(),
        facts(component(), declaration=declaration(covered=False)),
    ):
        found = judged(link)
        assert [one.kind for one in found.components] == ["undeclared"]
        assert (nine_places(found.own.evidenced), found.own.claimed) == ("3.729513466", 0)
        assert found.coverage == 0


def test_a_withheld_entry_is_a_component_at_the_ceiling() -> None:
    link = facts(component(), declaration=declaration(withheld_components=1))
    found = judged(link)
    assert [one.id for one in found.components] == ["c", "withheld-1"]
    assert nine_places(found.own.evidenced) == "3.729513466"
    assert found.coverage == 0.5


NO_AI = {"embedded": "none", "process": "none", "customer_data": "none"}


def test_a_signed_no_ai_is_one_small_component_and_closes_the_sub_tier() -> None:
    found = judged(facts(declaration=declaration(pre_screen=NO_AI)))
    assert [one.kind for one in found.components] == ["no_ai"]
    assert nine_places(1 - 2.718281828459045**-found.own.evidenced) == "0.025000000"
    assert (found.own.claimed, found.coverage, found.is_closed) == (0, 1, True)


def test_a_no_ai_grows_old_like_any_statement() -> None:
    old = declaration(pre_screen=NO_AI, time=AS_OF - timedelta(days=365 + 180))
    assert judged(facts(declaration=old)).components[0].gap.evidenced == 1 - 0.75 * 0.5


def test_a_no_ai_beside_a_component_is_no_no_ai() -> None:
    found = judged(facts(component(), declaration=declaration(pre_screen=NO_AI)))
    assert [one.kind for one in found.components] == ["declared"]
    assert found.is_closed is False


def test_where_every_question_has_left_the_gap_is_nought_and_coverage_unknown() -> None:
    left = tuple(
        answer(question=name, state="not_applicable", accepted=True) for name in ("Q-1", "Q-6")
    )
    found = judged(facts(component(answers=left)))
    assert (found.components[0].gap.evidenced, found.coverage) == (0, None)
    assert found.own.evidenced == POLICY.floor
    assert found.principles["C-2"].gap is None


def test_where_only_the_claims_have_left_the_claimed_gap_is_nought() -> None:
    left = tuple(answer(question=name, state="not_applicable") for name in ("Q-1", "Q-6"))
    found = judged(facts(component(answers=left))).components[0]
    assert (found.gap.claimed, found.gap.evidenced, found.coverage) == (0, 1, 0)


def test_no_question_at_all_leaves_coverage_unknown() -> None:
    judge = Judge({}, frozenset(), POLICY, AS_OF)
    assert judge.judge(facts(declaration=None)).coverage is None
    assert judge.judge(facts(declaration=declaration(pre_screen=NO_AI))).coverage is None


def test_the_profile_of_a_link_goes_over_all_its_components() -> None:
    silent = component(id="d", answers=())
    found = judged(facts(component(), silent))
    principle = found.principles["C-2"]
    assert principle.gap is not None
    assert principle.gap.evidenced == pytest.approx((0.25 + 1) / 2)
    assert principle.coverage == 0.5
    assert found.topics["safety-verification"] == principle


def test_a_deadline_is_open_until_its_last_moment() -> None:
    for due, submitted, awaiting in (
        (AS_OF, False, True),
        (AS_OF - timedelta(seconds=1), False, False),
        (AS_OF, True, False),
        (None, False, False),
    ):
        assert facts(due_at=due, submitted=submitted).is_awaiting(AS_OF) is awaiting
