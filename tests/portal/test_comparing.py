"""What a signed response says otherwise than the one before it."""

from __future__ import annotations

from typing import Any

from services.portal.comparing import compare

ASKED = {"Q-1", "Q-2"}


def answer(question: str, value: str = "yes", **more: Any) -> dict[str, Any]:
    return {"question": question, "state": "answered", "value": value, **more}


def answers(*company: dict[str, Any], **components: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [{"supplier_component_id": name, "answers": own} for name, own in components.items()]
    return {"answers": list(company), "components": parts}


def test_an_answer_with_another_value_state_or_reason_is_changed() -> None:
    before = answers(answer("Q-1"), ai=[answer("Q-1"), answer("Q-2")])
    withheld = {"question": "Q-1", "state": "withheld", "value": None, "reason": "know-how"}
    now = answers(answer("Q-1", "no"), ai=[withheld, answer("Q-2")])
    found = compare(now, before, ASKED)
    assert found.changed == {(None, "Q-1"): answer("Q-1"), ("ai", "Q-1"): answer("Q-1")}
    assert not found.new
    assert not found.gone


def test_a_note_is_no_answer() -> None:
    found = compare(answers(answer("Q-1", note="now")), answers(answer("Q-1", note="then")), ASKED)
    assert not found.changed


def test_a_component_of_another_id_is_new_and_the_old_one_gone() -> None:
    found = compare(answers(b=[answer("Q-1")]), answers(a=[answer("Q-1")]), ASKED)
    assert found.new == {("b", "Q-1")}
    assert set(found.gone) == {("a", "Q-1")}


def test_what_is_asked_no_longer_is_not_gone() -> None:
    found = compare(answers(answer("Q-1")), answers(answer("Q-1"), answer("Q-9")), ASKED)
    assert not found.gone
