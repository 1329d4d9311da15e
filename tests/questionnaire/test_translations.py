from __future__ import annotations

import pytest

from services.questionnaire.rules import translations
from services.questionnaire.rules.packs import SCALES
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.store import packs as shipped


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_starter_set_and_the_first_page_are_whole_in_every_language(language: str) -> None:
    starter = set(shipped.load_starter().questions)
    asked = {q.id: q for one in shipped.load_all().values() for q in one.questions}
    wanted = translations.wanted(asked[id_] for id_ in starter)
    words = set(shipped.load_translations()[language].words)
    scales = {word for word in words if word.split("/")[0] == "scales"}
    assert wanted - words == set()
    assert words - wanted - scales == set()
    assert {word.split("/")[1] for word in scales} == set(SCALES)


def test_a_translation_says_that_the_japanese_text_counts() -> None:
    notes = {each.language: each.note for each in shipped.load_translations().values()}
    assert "日文" in notes["zh-Hans"]
    assert "ญี่ปุ่น" in notes["th"]
    assert "tiếng Nhật" in notes["vi"]
    assert "japanische" in notes["de"]


@pytest.mark.parametrize(
    "bent",
    [{"language": "fr"}, {"note": " "}, {"questions": {"Q-CORE-001": 1}}, {"extra": "x"}],
)
def test_a_translation_file_of_another_shape_is_refused(bent: dict[str, object]) -> None:
    good: dict[str, object] = {
        "language": "de",
        "note": "n",
        "prescreen": {},
        "starter": {},
        "states": {},
        "scales": {},
        "questions": {},
    }
    assert translations.parse(good).words == {}
    with pytest.raises(Refusal):
        translations.parse(good | bent)
