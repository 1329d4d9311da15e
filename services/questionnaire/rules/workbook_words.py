"""What stands around the questions in a workbook, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

HEAD: Final = {
    "ja": ("", "番号", "設問", "補足説明", "回答", "状況", "理由(該当なしの場合)", "備考"),
    "en": ("", "No.", "Question", "Help", "Answer", "State", "Reason (if not applicable)", "Note"),
}
GUIDE: Final = {
    "ja": (
        "このブックについて",
        "薄い黄色の欄にご記入ください。ほかの欄は変更できません。",
        "選択式の欄は一覧からお選びください。数式はご利用いただけません。",
        "ご不明な設問は「確認中」、営業秘密は「非開示」をお選びいただいて差し支えございません。",
        "「該当なし」は、その設問が貴社にあてはまらない場合にお選びいただき、理由をご記入ください。",
        "会社の設問は「Company」、AIごとの設問は「AI-1」以降のシートにございます。",
        "AIが増えた場合は空いているシートをお使いください。",
        "仕入先の申告と根拠資料は、回答ページでご登録ください。",
        "記入後は回答ページに戻し、変更点をご確認のうえ反映してください。",
        "署名するまで依頼元には表示されません。",
    ),
    "en": (
        "About this workbook",
        "Please fill in the pale yellow cells. The others cannot be changed.",
        "Where there is a list, choose from it. Formulas are not taken.",
        "Where you are unsure choose still checking, where it is a trade secret choose withheld.",
        "Not applicable is for questions that do not fit your company; please give the reason.",
        "Questions on the company are on the sheet Company, those on each AI on AI-1 and after.",
        "Use an empty sheet for a further AI.",
        "Your own suppliers and evidence are entered on the answer page.",
        "Bring it back to the answer page, look at the changes, and take them over.",
        "Your customer sees nothing before you sign.",
    ),
}
_SCOPES: Final = {
    "ja": {
        "company": "貴社全体",
        "sites": "次の拠点:",
        "products": "次の製品・ブランド:",
        "group": "貴社とグループ会社:",
    },
    "en": {
        "company": "The whole company",
        "sites": "These sites: ",
        "products": "These products or brands: ",
        "group": "The company and these of its group: ",
    },
}


def scope(stated: Mapping[str, Any], language: str) -> str:
    """Say in words what a response is about, as it is drafted now."""
    named = {
        "sites": stated["sites"],
        "products": stated["products"],
        "group": [each["name"] for each in stated["members"]],
    }
    separator = "、" if language == "ja" else ", "
    words: str = _SCOPES[language][stated["kind"]]
    return words + separator.join(named.get(stated["kind"], ()))
