"""Step 18 and its effects: reviews, withdrawals, grants."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from rensho import blocks, disclosure, dsse, sign, statement
from rensho.entries import Reader
from rensho.keys import PrivateKey
from rensho.verify import (
    ANY,
    Expectations,
    Material,
    verify,
)

from tests.client.deployment import DAY, Party, org
from tests.client.judged import judge
from tests.client.responses import Answered, answered, pack, prepare, submit


def test_a_review_by_the_addressed_requester_is_valid() -> None:
    done = answered()
    reviewed(done, done.world.requester)
    assert judge(done).codes == ()


def test_an_assessor_reviews_without_being_addressed() -> None:
    done = answered()
    assessor = Party(PrivateKey.generate(), ("assessor",))
    done.world.key_event(assessor)
    reviewed(done, assessor)
    assert judge(done).codes == ()


def test_a_review_by_a_stranger_is_foreign() -> None:
    done = answered()
    stranger = Party(PrivateKey.generate(), ("requester",))
    done.world.key_event(stranger)
    reviewed(done, stranger)
    assert judge(done).codes == ("target.foreign",)


def test_a_review_of_what_was_not_opened_cannot_be_placed() -> None:
    done = answered()
    reviewed(done, done.world.requester)
    for statement_id in done.ids:
        del done.world.opened[statement_id]["audience"]
    verdict = judge(done)
    assert set(verdict.codes) == {"context.not_opened"}
    assert verdict.status == "INDETERMINATE"


def test_only_answers_are_reviewed() -> None:
    done = answered()
    reviewed(done, done.world.requester, target=done.asked.statement_id)
    assert judge(done).codes == ("target.mismatch",)


def reviewed(done: Answered, reviewer: Party, target: str | None = None) -> str:
    world = done.world
    payload = sign.review(
        world.common(reviewer),
        statement_id=target or done.ids[0],
        decisions=[sign.Decision(question="Q-CORE-001", outcome="accepted")],
    )
    return world.record((dsse.sign(reviewer.key, payload), reviewer.key))[0]


def said(done: Answered, party: Party, name: str, target: str, **fields: object) -> str:
    """Log a statement type `rensho.sign` has no maker for yet."""
    world = done.world
    payload = statement.build(
        "https://rensho.example/attestation",
        name,  # type: ignore[arg-type]
        target,
        {**world.common(party).to_json(), **fields},
    )
    return world.record((dsse.sign(party.key, payload), party.key))[0]


def test_a_withdrawal_by_the_same_firm_takes_effect_at_once() -> None:
    done = answered()
    said(done, done.world.supplier, "withdrawal", done.ids[0], effect="retracted", reason="wrong")
    verdict = judge(done)
    assert verdict.codes == ("validity.withdrawn",)
    assert verdict.parts["status"] == "INVALID"


def test_a_withdrawal_by_somebody_else_is_foreign_and_has_no_effect() -> None:
    done = answered()
    said(done, done.world.requester, "withdrawal", done.ids[0], effect="retracted", reason="no")
    verdict = judge(done)
    assert verdict.codes == ("target.foreign",)
    assert verdict.statements[done.ids[0]].codes == ()


def granted(done: Answered, reader: str, target: str, party: Party | None = None) -> str:
    entry = Reader(reader, str(uuid.uuid4()), done.asked.nonce, "none", done.world.now + DAY)
    block, texts = blocks.audience([entry])
    grant = said(done, party or done.world.supplier, "grant", target, audience=block, answers=[])
    done.world.opened[grant] = {"audience": texts}
    return grant


def lone(done: Answered, reader: str, statement_id: str, **at: object) -> tuple[str, ...]:
    """What a further reader, expecting nothing of the request, finds about one statement."""
    bundle = done.world.files[f"{statement_id}.sigstore.json"]
    verdict = verify(
        Material(bundle, (("all.zip", pack(done.world)),)),
        done.world.trust(),
        Expectations(audience=reader, request=ANY),
        done.world.now + timedelta(days=float(at.get("days", 0))),  # type: ignore[arg-type]
    )
    return verdict.statements[statement_id].codes


def test_a_grant_opens_a_component_statement_to_a_further_reader() -> None:
    done = answered()
    other = org()
    for texts in done.world.opened.values():
        texts.pop("audience", None)
    granted(done, org(), done.ids[0])
    granted(done, other, done.ids[0])
    assert "context.not_opened" not in lone(done, other, done.ids[0])
    assert "context.not_opened" in lone(done, other, done.ids[1])


@pytest.mark.parametrize("why", ["of a declaration", "by another firm", "run out"])
def test_a_grant_that_is_not_one_is_refused(why: str) -> None:
    done = answered()
    other = org()
    for texts in done.world.opened.values():
        texts.pop("audience", None)
    target = done.ids[-1] if why == "of a declaration" else done.ids[0]
    party = done.world.requester if why == "by another firm" else done.world.supplier
    granted(done, other, target, party)
    days = 366.0 if why == "run out" else 0.0
    assert "context.grant" in lone(done, other, target, days=days)


def test_what_is_wrong_with_a_grant_of_other_answers_is_nothing_to_these() -> None:
    done = answered()
    world = done.world
    foreign = granted(done, org(), done.ids[0], world.requester)
    assert "target.foreign" in judge(done).codes
    submit(world, prepare(world, done.asked))
    verdict = judge(done)
    assert "target.foreign" in verdict.statements[foreign].codes
    assert verdict.codes == ()


def test_only_answers_the_statement_holds_are_granted() -> None:
    done = answered()
    entry = Reader(org(), str(uuid.uuid4()), done.asked.nonce, "none", done.world.now + DAY)
    block, texts = blocks.audience([entry])
    stranger = disclosure.make({"question": "Q-CORE-001"})[1]
    world = done.world
    payload = sign.grant(
        world.common(world.supplier), statement_id=done.ids[0], audience=block, answers=[stranger]
    )
    (grant,) = world.record((dsse.sign(world.supplier.key, payload), world.supplier.key))
    world.opened[grant] = {"audience": texts}
    assert "target.mismatch" in judge(done).statements[grant].codes


def test_an_assessor_takes_its_own_review_back() -> None:
    done = answered()
    assessor = Party(PrivateKey.generate(), ("assessor",))
    done.world.key_event(assessor)
    review = reviewed(done, assessor)
    said(done, assessor, "withdrawal", review, effect="retracted", reason="wrong")
    assert judge(done).codes == ()
