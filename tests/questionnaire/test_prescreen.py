from __future__ import annotations

import pytest

from services.questionnaire.rules import prescreen
from services.questionnaire.rules.prescreen import PreScreen
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.store import packs as shipped
from tests.questionnaire.pack_data import words

NONE = {"embedded": "none", "process": "none", "customer_data": "none"}


def test_none_of_these_is_none_of_all_three() -> None:
    found = prescreen.from_ticks(["none"])
    assert found == PreScreen(NONE, None)
    assert found.is_none


def test_what_is_not_ticked_is_none() -> None:
    found = prescreen.from_ticks(["process"])
    assert found.uses == {**NONE, "process": "yes"}
    assert not found.is_none


def test_still_checking_leaves_the_rest_open() -> None:
    found = prescreen.from_ticks(["embedded", "checking"])
    assert found.uses == {"embedded": "yes", "process": "checking", "customer_data": "checking"}


def test_the_tick_about_suppliers_is_recorded_and_is_no_use() -> None:
    found = prescreen.from_ticks(["none"], "unknown")
    assert found.is_none
    assert found.document() == {
        "embedded": "none",
        "process": "none",
        "customerData": "none",
        "suppliers": "unknown",
    }


def test_the_declaration_leaves_out_a_tick_that_was_not_made() -> None:
    assert prescreen.read(NONE).document() == {
        "embedded": "none",
        "process": "none",
        "customerData": "none",
    }


@pytest.mark.parametrize(
    ("ticks", "suppliers"),
    [
        ([], None),
        (["none", "embedded"], None),
        (["none", "checking"], None),
        (["embedded", "embedded"], None),
        (["other"], None),
        ("none", None),
        (["embedded"], "none"),
        (["none"], "perhaps"),
    ],
)
def test_ticks_that_contradict_are_refused(ticks: object, suppliers: object) -> None:
    with pytest.raises(Refusal) as caught:
        prescreen.from_ticks(ticks, suppliers)
    assert caught.value.urn == "answers/pre-screen"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {**NONE, "embedded": "no"},
        {**NONE, "price": "100"},
        {**NONE, "process": "yes", "suppliers": "none"},
        {"embedded": "none", "process": "none"},
        None,
    ],
)
def test_a_broken_pre_screen_is_refused(data: object) -> None:
    with pytest.raises(Refusal) as caught:
        prescreen.read(data)
    assert caught.value.urn == "answers/pre-screen"


def test_the_shipped_form_has_five_ticks_and_two_about_suppliers() -> None:
    form = shipped.load_prescreen()
    assert tuple(form.ticks) == prescreen.TICKS
    assert tuple(form.suppliers) == prescreen.SUPPLIERS


def test_a_form_without_still_checking_is_refused() -> None:
    ticks = [{"code": code, "label": words(code)} for code in prescreen.TICKS[:-1]]
    suppliers = {"text": words("s"), "choices": []}
    with pytest.raises(Refusal) as caught:
        prescreen.parse_form(
            {"text": words("t"), "help": words("h"), "ticks": ticks, "suppliers": suppliers}
        )
    assert caught.value.problems[0].where == "/ticks"
