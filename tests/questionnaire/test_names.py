from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questionnaire.rules.names import match_key, propose


@pytest.mark.parametrize(
    "name",
    [
        "㈱架空製作所",
        "架空製作所㈱",
        "株式会社架空製作所",
        "架空製作所 株式会社",
        "(株)架空製作所",
        "架空製作所（株）",
        "架空・製作所　(有)",
        "合同会社 架空製作所",
    ],
)
def test_the_legal_form_before_or_after_makes_no_difference(name: str) -> None:
    assert match_key(name) == "架空製作所"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ﾔﾏﾀﾞ工業", "ヤマダ工業"),
        ("キヤラメル電機", "キャラメル電機"),
        ("髙﨑鐵工", "高崎鉄工"),
        ("渡邊精機", "渡邉精機"),
        ("ＡＢＣ商事", "abc商事"),
        ("Muster Co., Ltd.", "MUSTER"),
        ("Muster K.K.", "Muster"),
        ("Muster GmbH", "muster gmbh"),
        ("深圳示例有限公司", "深圳示例"),
    ],
)
def test_width_case_and_old_kanji_make_no_difference(one: str, other: str) -> None:
    assert match_key(one) == match_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("架空製作所", "架空工業"),
        ("Musterinc", "Muster Inc."),
        ("ケーキ工房", "ケキ工房"),
        ("株式会社架空大阪", "株式会社架空東京"),
    ],
)
def test_different_names_stay_apart(one: str, other: str) -> None:
    assert match_key(one) != match_key(other)


@pytest.mark.parametrize("name", ["株式会社", "Inc.", "★★", "Ltd"])
def test_a_name_of_nothing_but_form_still_has_a_key(name: str) -> None:
    assert match_key(name)


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_every_name_has_a_key_that_is_its_own_key(name: str) -> None:
    assert match_key(name) == match_key(f" {name} ")


def test_a_merge_is_only_proposed_and_the_names_stay_as_they_are() -> None:
    names = {
        "c": "㈱髙田精機",
        "a": "高田精機株式会社",
        "b": "仮想商事",
        "d": " ",
        "e": "",
    }
    before = dict(names)
    assert propose(names) == (("a", "c"),)
    assert names == before
