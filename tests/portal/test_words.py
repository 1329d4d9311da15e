"""The words of the pages: Japanese in the source, English complete, the rest as far as they go."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from services.kit.settings import SERVICES
from services.portal.refusals import JAPANESE
from services.portal.words import LANGUAGES, LOCALES, best, words
from tests.portal.messages import catalogue, messages

PLACES = re.compile(r"%\(\w+\)s|\{\w+\}|%(?!\(|%)")
CLAIMS = re.compile(
    r"(?i)\b(compliant|compliance|certified|approved by)\b|準拠し|適合し|認定され|合格"
)


def test_every_message_has_its_english() -> None:
    assert sorted(messages() - set(catalogue("en"))) == []


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "ja"])
def test_no_catalogue_holds_words_that_no_page_says(language: str) -> None:
    assert sorted(set(catalogue(language)) - messages()) == []


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "ja"])
def test_every_translation_fills_in_the_same_places_and_claims_nothing(language: str) -> None:
    for message, said in catalogue(language).items():
        for text in said:
            assert set(PLACES.findall(text)) == set(PLACES.findall(message)), message
            assert text, message
            assert not CLAIMS.search(text), text
    assert not [each for each in messages() if CLAIMS.search(each)]


@pytest.mark.parametrize("language", ["zh-Hans", "th", "vi", "de"])
def test_the_first_page_and_the_answering_are_in_the_suppliers_language(language: str) -> None:
    wanted = {
        "確認コードを受け取る",
        "依頼の内容",
        "回答期限",
        "お願いする理由",
        "ご回答を見る人",
        "根拠資料の添付",
        "該当しない設問",
        "お問い合わせ先",
        "保存して回答に進む",
        "確認中",
        "非開示",
        "該当なし",
        "保存して次へ",
    }
    assert wanted <= set(catalogue(language))


def test_a_language_that_lacks_a_message_says_it_in_english() -> None:
    assert "操作の記録" not in catalogue("th")
    assert words("th").text("操作の記録") == "Audit trail"


def test_values_are_escaped_where_they_are_put_in() -> None:
    told = words("en").text("A request from %(name)s.", name="<b>x</b>")
    assert told == "A request from &lt;b&gt;x&lt;/b&gt;."
    assert words("ja").plain("%(name)s 御中", name="A&B") == "A&B 御中"


def test_numbers_choose_their_form_in_english_and_need_none_in_japanese() -> None:
    assert words("en").count("%(n)s件", 1) == "1 item"
    assert words("en").count("%(n)s件", 1200) == "1,200 items"
    assert words("ja").count("%(n)s件", 1) == "1件"


def test_days_are_written_in_full_and_in_japanese_time() -> None:
    late = datetime(2027, 2, 25, 15, 0, tzinfo=UTC)
    assert words("ja").day(late) == "2027年2月26日(金)"
    assert words("en").day("2027-02-26") == "Friday, February 26, 2027"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ja"),
        ("ja", "ja"),
        ("en-US,en;q=0.9,ja;q=0.8", "en"),
        ("fr-FR,de-AT;q=0.7,en;q=0.3", "de"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW", "en"),
        ("th-TH", "th"),
        ("fr", "en"),
        ("vi;q=nonsense, th", "th"),
    ],
)
def test_the_browsers_language_decides_until_the_reader_does(header: str, language: str) -> None:
    assert best(header) == language


def test_no_compiled_catalogue_lies_in_the_tree() -> None:
    assert [path.name for path in LOCALES.iterdir() if path.suffix != ".po"] == []


# What no form of a page can meet, or a page says in words of its own.
NOT_FOR_PAGES = re.compile(
    r"(odata|tokens|changes|log/no-such-tile|invitations/code|sessions/(code-refused|none)|"
    r"risk/(refused|facts-refused|not-settled)|request/unauthenticated|responses/if-match)"
)


def _in_the_services(pattern: str) -> set[str]:
    return {
        found
        for service in (*SERVICES, "kit")
        for path in (LOCALES.parents[1] / service).rglob("*.py")
        for found in re.findall(pattern, path.read_text(encoding="utf-8"))
    }


def test_every_refusal_that_has_japanese_is_one_the_services_know() -> None:
    assert set(JAPANESE) <= _in_the_services(r'"([a-z-]+/[a-z-]+)"')


def test_every_refusal_a_page_may_meet_has_japanese() -> None:
    known = _in_the_services(r'urn = "([a-z-]+/[a-z-]+)"')
    assert len(known) > len(JAPANESE) / 2
    missing = {each for each in known - set(JAPANESE) if not NOT_FOR_PAGES.match(each)}
    assert sorted(missing) == []
