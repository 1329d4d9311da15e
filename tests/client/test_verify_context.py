"""Steps 16 to 19: to whom, about what, in the place of what, and of which response."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from rensho import disclosure, dsse, strict_json
from rensho.documents import ComponentLine, Response
from rensho.entries import Reader
from rensho.verify import ANY, Expectations, ExpectedQuestionnaire, Material, Verdict, verify

from tests.client.deployment import DAY, START, enrolled, org
from tests.client.judged import expectations, judge, judge_world, without
from tests.client.responses import Answered, answered, pack, prepare, submit


@pytest.fixture(scope="module")
def good() -> Answered:
    """A valid world that no test of this module changes."""
    return answered()


def test_another_role_than_expected_is_refused(good: Answered) -> None:
    assert judge(good, expect=expectations(good, signer_role="delegate")).codes == ("signer.role",)


def test_what_is_opened_to_somebody_else_is_refused() -> None:
    done = answered(reader={"org": org()})
    assert "context.audience" in judge(done).codes


def test_what_is_not_opened_at_all_is_left_open() -> None:
    done = answered()
    for statement_id in done.ids:
        del done.world.opened[statement_id]["audience"]
    assert judge(done).codes == ("context.not_opened",)


def test_a_readers_time_ends(good: Answered) -> None:
    late = good.world.now + timedelta(days=250)
    assert judge(good, now=late).codes == ("context.audience",)


def test_an_answer_made_for_another_request_is_refused() -> None:
    done = answered(reader={"nonce": disclosure.fresh_salt()})
    assert judge(done).codes == ("context.nonce",)
    nothing = Expectations(audience=ANY, request=ANY)
    assert judge(done, expect=nothing).codes == ("context.nonce",)


def test_an_answer_to_what_was_not_asked_is_refused() -> None:
    done = answered(questions=("Q-CORE-999",))
    assert judge(done).codes == ("context.questionnaire",)


def test_another_questionnaire_than_expected_is_refused(good: Answered) -> None:
    wanted = ExpectedQuestionnaire(frozenset({"Q-CORE-001"}), frozenset())
    expect = expectations(good, questionnaire=wanted)
    assert judge(good, expect=expect).codes == ("context.questionnaire",)
    absent = judge(good, data=without(good, ".questionnaire.json"), expect=expect)
    assert "content.missing" in absent.codes
    told = judge(good, data=without(good, ".questionnaire.json"))
    assert "step 17: no questionnaire in hand, questions were not compared" in told.notes


def test_a_component_nobody_spoke_about_is_not_found(good: Answered) -> None:
    expect = expectations(good, component="robot-9")
    assert judge(good, expect=expect).codes == ("context.component",)
    verdict = judge(good, data=without(good, ".descriptor.json"))
    assert "context.component" in verdict.codes
    assert "content.missing" in verdict.codes
    one = good.world.files[f"{good.ids[0]}.sigstore.json"]
    alone = verify(
        Material(one, (("all.zip", pack(good.world)),)),
        good.world.trust(),
        expectations(good, component="chat-1"),
        good.world.now,
    )
    assert alone.codes == ("context.component",)


def second(first: Answered, **how: Any) -> Verdict:
    world = first.world
    world.now += DAY
    names = ("vision-1", "chat-1", "declaration")
    fields: dict[str, Any] = {
        "response": Response(first.draft.response.id, 2),
        "supersedes": dict(zip(names, first.ids, strict=True)),
    }
    draft = prepare(world, first.asked, **fields | how)
    done = Answered(world, first.asked, draft, tuple(submit(world, draft)))
    return judge(done)


def test_a_revision_supersedes_its_own_predecessor_only() -> None:
    first = answered()
    ids = first.ids
    crossed = {"vision-1": ids[1], "chat-1": ids[0], "declaration": ids[2]}
    assert second(first, supersedes=crossed).codes == ("target.mismatch",)
    first = answered()
    typed = {"vision-1": first.ids[2], "chat-1": first.ids[1]}
    assert "target.mismatch" in second(first, supersedes=typed).codes
    first = answered()
    asked = {"vision-1": first.asked.statement_id}
    assert "target.foreign" in second(first, supersedes=asked).codes
    first = answered()
    assert "target.mismatch" in second(first, response=Response(str(uuid.uuid4()), 2)).codes
    first = answered()
    assert "target.mismatch" in second(first, response=first.draft.response).codes


def test_only_one_statement_takes_the_place_of_another() -> None:
    first = answered()
    assert second(first).status == "VALID"
    verdict = second(first, response=Response(first.draft.response.id, 3))
    assert "target.already_superseded" in verdict.codes


def test_a_predecessor_whose_descriptor_is_not_in_hand_cannot_be_compared() -> None:
    first = answered()
    subject = strict_json.loads(first.draft.payloads[0])["subject"][0]["digest"]["sha256"]
    del first.world.files[f"{subject}.descriptor.json"]
    assert second(first).codes == ("content.missing",)


def test_a_declaration_lists_exactly_its_statements() -> None:
    assert judge(answered(declared=lambda lines: lines[:1])).codes == ("response.mixed",)
    stranger = ComponentLine("0" * 64, "1" * 64)
    done = answered(declared=lambda lines: (*lines, stranger))
    assert judge(done).codes == ("response.incomplete",)
    swapped = answered(
        declared=lambda lines: (
            ComponentLine(lines[1].descriptor, lines[0].statement),
            ComponentLine(lines[0].descriptor, lines[1].statement),
        )
    )
    assert judge(swapped).codes == ("response.mixed",)


def test_a_statement_logged_after_its_declaration_does_not_belong_to_it() -> None:
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked)
    key = world.supplier.key
    order = (draft.payloads[-1], *draft.payloads[:-1])
    ids = world.record(*((dsse.sign(key, payload), key) for payload in order))
    assert "response.mixed" in judge(Answered(world, asked, draft, tuple(ids))).codes


def test_without_the_declaration_a_component_statement_counts_for_nothing(good: Answered) -> None:
    data = without(good, f"{good.ids[-1]}.sigstore.json", f"{good.ids[-1]}.promise.json")
    verdict = judge(good, data=data)
    assert "response.incomplete" in verdict.codes
    verdict = judge(good, data=without(good, ".declaration.json"))
    assert "response.incomplete" in verdict.codes
    assert "content.missing" in verdict.codes


def test_a_declaration_older_than_a_statement_in_hand_is_stale() -> None:
    first = answered()
    second(first)
    newest = first.world.files
    ids = [name for name in newest if name.endswith(".sigstore.json")]
    last = ids[-1]
    data = without(first, last)
    for stray in [key for key in first.world.opened if key == last.partition(".")[0]]:
        del first.world.opened[stray]
    data = without(first, last)
    assert "response.stale" in judge(first, data=data).codes


def test_two_audiences_in_one_response_are_mixed() -> None:
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked)
    other = prepare(world, asked, reader={"org": org()}, response=draft.response)
    key = world.supplier.key
    payloads = (other.payloads[0], *draft.payloads)
    ids = world.record(*((dsse.sign(key, payload), key) for payload in payloads))
    assert "response.mixed" in judge(Answered(world, asked, draft, tuple(ids))).codes


def test_all_statements_of_a_response_have_the_same_readers() -> None:
    reader = Reader(org(), str(uuid.uuid4()), disclosure.fresh_salt(), "none", START + 90 * DAY)
    assert judge(answered(also=[reader])).codes == ("response.mixed",)


def test_what_is_superseded_stands_earlier_in_the_log() -> None:
    world = enrolled()
    asked = world.ask()
    first = prepare(world, asked)
    names = ("vision-1", "chat-1", "declaration")
    replaced = dict(zip(names, first.component_ids, strict=True))
    second_ = prepare(world, asked, response=Response(first.response.id, 2), supersedes=replaced)
    early = submit(world, second_)
    done = Answered(world, asked, first, tuple(submit(world, first)))
    verdict = judge(done)
    assert verdict.codes == ("response.stale",)
    assert {verdict.statements[one].codes[0] for one in early} == {"target.mismatch"}


def test_a_request_may_take_the_place_of_an_earlier_one() -> None:
    world = enrolled()
    earlier = world.ask().statement_id
    world.ask(bend=lambda p: p.update(supersedes=earlier))
    assert judge_world(world).codes == ()
