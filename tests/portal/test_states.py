"""Every state a request can be in has its word on the pages, and the office a next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.portal import app, asking
from services.portal.pages import boards
from services.questionnaire.rules import progress

STATES = ("created", *progress.OPEN, *progress.SETTLED)
TEMPLATES = Path(app.__file__).parent / "templates"


@pytest.mark.parametrize("page", ["parts/state.html", "campaign.html"])
def test_every_state_has_a_word(page: str) -> None:
    text = (TEMPLATES / page).read_text(encoding="utf-8")
    assert [state for state in STATES if f'"{state}": _(' not in text] == []


def test_the_board_knows_the_states_the_questionnaire_has() -> None:
    assert sorted(boards.STATES) == sorted(STATES)
    assert asking.ANSWERED == progress.ANSWERED


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("issued", "ご回答状況をお伺いする"),
        ("started", "回答の完了を待つ"),
        ("signed", "回答を確認する"),
        ("returned", "修正をお待ちする"),
        ("accepted", "確認を終えました"),
        ("granted", "確認の要否を決める"),
        ("declined", "辞退の理由を確認する"),
        ("cancelled", "–"),
    ],
)
def test_the_next_step_follows_the_state(state: str, step: str) -> None:
    request = {"state": state, "stage": state, "respondent_org_id": "somebody"}
    assert boards.next_step(request, late=False, bounced=False) == step
