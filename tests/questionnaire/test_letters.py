"""The words of mails."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pytest

from services.questionnaire.rules import letters
from services.questionnaire.rules.letters import Occasion
from services.questionnaire.rules.reminders import MAILED, Rung
from services.questionnaire.store import mails
from tests.questionnaire.test_forbidden_claims import claims


def _occasion(**fields: object) -> Occasion:
    values: dict[str, object] = {
        "requester_name": "見本重工株式会社",
        "contact": "",
        "supplier_name": "架空樹脂株式会社",
        "contact_name": "",
        "title": "AI利用状況調査",
        "why": "理由",
        "purpose": "目的",
        "viewers": ("調達部",),
        "not_used_for": (),
        "due_on": date(2027, 2, 26),
        "link": "https://rensho.example/invitations/x",
    }
    return Occasion(**{**values, **fields})  # type: ignore[arg-type]


def test_a_named_person_is_addressed_by_name_an_unknown_one_by_function() -> None:
    assert letters.addressee(_occasion(contact_name="山田 太郎")).ja.endswith("山田 太郎 様")
    assert letters.addressee(_occasion()).ja.endswith("ご担当者様")


def test_the_day_is_written_with_its_weekday() -> None:
    assert letters.due(date(2027, 2, 26)).ja == "2027年2月26日(金)"
    assert letters.due(date(2027, 2, 26)).en == "26 February 2027 (Friday)"


@pytest.mark.parametrize("language", letters.LANGUAGES)
@pytest.mark.parametrize("kind", ["invitation", "request"])
def test_every_mail_names_its_link_and_day_and_leaves_no_place_open(
    language: str, kind: str
) -> None:
    letter = letters.write(mails.template(language, kind), _occasion())
    assert "https://rensho.example/invitations/x" in letter.body
    assert "2027" in letter.subject
    assert "{" not in letter.subject + letter.body


@pytest.mark.parametrize("path", sorted(mails.FOLDER.glob("*/*.yaml")), ids=str)
def test_no_mail_claims_what_we_must_not(path: Path) -> None:
    assert claims(path.read_text(encoding="utf-8")) == []


def test_a_title_cannot_break_out_of_the_subject() -> None:
    occasion = _occasion(title="件名\r\nBcc: x@y.example", why="{link}")
    letter = letters.write(mails.template("ja", "invitation"), occasion)
    assert "\r" not in letter.subject
    assert "\n" not in letter.subject
    assert "{link}" in letter.body


@pytest.mark.parametrize("language", letters.LANGUAGES)
@pytest.mark.parametrize("rung", MAILED)
def test_a_reminder_asks_how_things_stand_and_never_duns(language: str, rung: Rung) -> None:
    template = mails.template(language, "reminder")
    letter = letters.write(template, _occasion(lead=rung, contact="調達部"))
    assert letter.language == language
    assert letter.body.count("AI利用状況調査") == 1
    assert "{" not in letter.subject + letter.body
    assert "督促" not in letter.subject + letter.body
    assert set(template.leads) == {*MAILED, "nudge"}


@pytest.mark.parametrize("language", ["zh-Hans", "th", "vi", "de"])
@pytest.mark.parametrize("kind", ["invitation", "request", "reminder"])
def test_a_translated_mail_says_that_the_japanese_text_counts(
    language: str, kind: Literal["invitation", "request", "reminder"]
) -> None:
    note = {"zh-Hans": "日文", "th": "ญี่ปุ่นเป็นหลัก", "vi": "Bản tiếng Nhật", "de": "japanische"}
    last = mails.template(language, kind).body.strip().splitlines()[-1]
    assert note[language] in last


def test_languages_without_own_words_are_written_to_in_english() -> None:
    stated = ("ja", "ja-JP", "th", "zh", "zh-CN", "zh-Hant", "zh-TW", "de-AT", "fr", "pt-BR")
    assert [letters.language(each) for each in stated] == [
        *("ja", "ja", "th", "zh-Hans", "zh-Hans", "en", "en", "de", "en", "en")
    ]
