"""No text we ship may claim that we or a score are certified, compliant or approved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.questionnaire.store.packs import FOLDER

RULES = FOLDER.parent / "rules"
SHIPPED = sorted([*FOLDER.glob("**/*.yaml"), *RULES.glob("*.py")])

FORBIDDEN = re.compile(
    r"準拠|適合|認証|認定|合格|\b(?:compliant|compliance|certified|approved)\b", re.IGNORECASE
)
# Words about somebody else's scheme, or about another thing altogether, are no claims.
HARMLESS = re.compile(
    r"準拠法|(?:多要素|二要素|電子)認証"
    r"|(?:ISO|IEC|JIS|SCS)[^。.\n]{0,20}(?:認証|認定)(?:の)?(?:取得状況|取得|登録)"
    r"|\btop management has approved\b"
)


def claims(text: str) -> list[str]:
    """Return every forbidden word that stands outside a harmless phrase."""
    return FORBIDDEN.findall(HARMLESS.sub("", text))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_text_makes_no_forbidden_claim(path: Path) -> None:
    assert claims(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "本システムはガイドラインに準拠しています",
        "貴社は適合と判定されました",
        "連証認定サプライヤー",
        "METIの認証を受けた評価",
        "リスク指数A:合格",
        "Your company is compliant with the guideline",
        "Rensho-certified supplier",
        "This score is approved by METI",
    ],
)
def test_a_claim_is_found(text: str) -> None:
    assert claims(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "準拠法は日本法とします",
        "ISO/IEC 27001の認証取得状況をお知らせください",
        "多要素認証を利用していますか",
        "ガイドラインへの対応状況をお伺いします",
        "a policy that top management has approved",
    ],
)
def test_words_that_claim_nothing_are_let_pass(text: str) -> None:
    assert claims(text) == []
