"""The short mails between the two ends: every kind, both languages, polite and without a claim."""

from __future__ import annotations

import json
from typing import get_args

import jsonschema_rs
import pytest
import yaml

from services.kit.outbox import CONTRACTS, event_contract
from services.questionnaire.actions.notices import Kind
from services.questionnaire.rules import notices
from services.questionnaire.rules.notices import Place
from services.questionnaire.store import mails
from tests.questionnaire.test_forbidden_claims import claims

PLACES: dict[Place, str] = {
    "requester": "見本自動車工業株式会社",
    "supplier": "架空部品株式会社",
    "title": "AI利用状況調査",
    "link": "https://rensho.example/requests/1",
    "person": "見本 次郎",
    "question": "Q-CORE-009",
    "finding": "止めた後の方法が未定",
    "due_ja": "2027年2月26日(金)",
    "due_en": "26 February 2027 (Friday)",
    "colleague": "見本 花子",
    "note": "",
    "mailbox": "quality@supplier.example",
}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_notice_is_filled_whole_and_claims_nothing(kind: Kind, language: str) -> None:
    template = mails.notice(language, kind)
    letter = notices.write(template, "架空部品株式会社", "見本 花子", PLACES)
    text = f"{letter.subject}\n{letter.body}"
    assert not set("{}") & set(text)
    assert claims(text) == []
    assert "督促" not in text
    assert PLACES["link"] in letter.body
    assert "\n" not in letter.subject
    if language == "ja":
        assert "いつもお世話になっております。" in letter.body
        assert "見本 花子 様" in letter.body
        assert "拝啓" not in text


def test_whoever_is_not_known_by_name_is_addressed_by_office() -> None:
    for language, words in (("ja", "ご担当者様"), ("en", "To whom it may concern")):
        template = mails.notice(language, "returned")
        letter = notices.write(template, "架空部品株式会社", "", PLACES)
        assert words in letter.body
        assert "御中" not in letter.body


def test_a_name_with_a_line_break_stays_in_the_subject_line() -> None:
    places: dict[Place, str] = {**PLACES, "title": "調査\nBcc: x@y.example"}
    letter = notices.write(mails.notice("ja", "message"), "架空部品", "", places)
    assert "\n" not in letter.subject


def test_both_languages_have_the_kinds_the_event_knows() -> None:
    schema = json.loads((CONTRACTS / "events" / "notice.due.v1.json").read_bytes())
    kinds = set(schema["properties"]["kind"]["enum"])
    assert kinds == set(get_args(Kind))
    for language in ("ja", "en"):
        path = mails.FOLDER / language / "notices.yaml"
        assert set(yaml.safe_load(path.read_bytes())["notices"]) == kinds


NEW = (
    *("notice.due.v1", "delegation.issued.v1", "contact.change_asked.v1", "grant.recorded.v1"),
    *("invitation.readdressed.v1", "answers.granted.v1", "sheet.confirmed.v1"),
)


@pytest.mark.parametrize("name", NEW)
def test_the_example_of_an_event_keeps_its_contract(name: str) -> None:
    contract = event_contract(name)
    examples = json.loads((CONTRACTS / "events" / f"{name}.json").read_bytes())["examples"]
    assert examples
    for example in examples:
        contract.validator.validate(example)
        broken = {key: value for key, value in example.items() if key != "id"}
        with pytest.raises(jsonschema_rs.ValidationError):
            contract.validator.validate(broken)
