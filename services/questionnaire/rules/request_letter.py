"""依頼文書: the request as a letter on paper, for the channel a supplier trusts most.

拝啓 and 敬具 belong here and in no mail. The one-use code is never printed: it is told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.questionnaire.rules import letters
from services.questionnaire.rules.letters import Occasion
from services.questionnaire.rules.refusals import Text

_NDA: Final = {
    "basic-contract": Text("取引基本契約の秘密保持条項による", "under our basic contract"),
    "own-nda": Text("別途締結の秘密保持契約による", "under our separate agreement"),
    "none": Text("未締結(資料のご提出はお控えください)", "none in place: please send no documents"),
}
_STEPS: Final = {
    "draft": Text("作成", "Drafted"),
    "check": Text("確認", "Checked"),
    "approve": Text("承認", "Agreed"),
}
_DISCLAIMER: Final = Text(
    "ご回答は、回答時点で知り得る範囲の状況を申告いただくもので、性能・品質の保証や契約条件の変更を意味"
    "しません。",
    "Answers state what is known at the time of answering. They warrant neither performance nor "
    "quality and change no contract.",
)


@dataclass(frozen=True, slots=True)
class Printed:
    """What a printed request needs beside the occasion.

    Attributes:
        letterhead: department, head and telephone of the requester, as far as given.
        names: who drafted, checked and agreed: `(kind, name)`.
        questions: how many there are at most.
        statement_id: of the signed request; None before it was issued.
    """

    occasion: Occasion
    number: str
    on: date
    letterhead: Mapping[str, str]
    names: Sequence[tuple[str, str]]
    questions: int
    clauses: Sequence[str]
    nda_basis: str
    statement_id: str | None
    pledges: Mapping[str, str]


def lay_out(printed: Printed, *, japanese: bool) -> dict[str, Any]:
    """Return the words of the letter by their place in the template, but for the fonts."""
    made = _japanese(printed) if japanese else _english(printed)
    occasion = printed.occasion
    shown = {"title": occasion.title, "requester_name": occasion.requester_name}
    names = [
        (_STEPS[kind].ja if japanese else _STEPS[kind].en, name) for kind, name in printed.names
    ]
    return {**shown, "number": printed.number, "names": names, **made}


def _japanese(printed: Printed) -> dict[str, Any]:
    occasion, head = printed.occasion, printed.letterhead
    pledges = "、".join(printed.pledges.get(each, each) for each in occasion.not_used_for)
    rows = [
        ("調査名", occasion.title),
        ("目的", occasion.purpose),
        ("回答期限", letters.due(occasion.due_on).ja),
        (
            "設問",
            f"最大{printed.questions}問(AIをお使いでない場合は、その旨のご回答のみで完了いたします)",
        ),
        ("回答方法", f"次の回答ページ(事前の登録は不要です)\n{occasion.link}"),
        ("資料の添付", "不要"),
        (
            "ご不明な設問等",
            "ご不明な設問は「確認中」、営業秘密は「非開示」で差し支えございません",
        ),
        ("参照した項目", "、".join(printed.clauses) or "AI事業者ガイドライン"),
        ("閲覧する部署", "、".join(occasion.viewers)),
        ("使用しない目的", pledges or "(記載なし)"),
        ("秘密保持", _NDA[printed.nda_basis].ja),
        ("ご負担・費用", "ご負担や費用についてのご相談を承ります"),
    ]
    telephone = f"電話 {head['telephone']}" if head.get("telephone") else ""
    closing = [
        (
            "本書の真偽は、弊社担当者へ従来の電話番号にてご確認いただけます。"
            "確認コードを本書に記載することはございません。"
        ),
        _DISCLAIMER.ja,
    ]
    if printed.statement_id:
        closing.append(f"電子署名済みの依頼の番号(改ざん検知ログ):{printed.statement_id}")
    return {
        "lang": "ja",
        "date": f"{printed.on.year}年{printed.on.month}月{printed.on.day}日",
        "heading": "AIの利用状況に関するご回答のお願い",
        "addressee": _addressee(occasion),
        "sender": _lines(
            head.get("department"),
            head.get("head"),
            f"担当 {occasion.contact}" if occasion.contact else "",
            telephone,
        ),
        "opening": [
            (
                "拝啓 時下ますますご清栄のこととお慶び申し上げます。平素は格別のお引き立てを賜り、"
                "厚く御礼申し上げます。"
            ),
            (
                f"{occasion.why}つきましては、ご多用のところ恐縮に存じますが、下記のとおりご回答を"
                "賜りますようお願い申し上げます。なお、本調査は国のAI事業者ガイドラインを参考にした"
                "もので、法的義務に基づくものではございません。"
            ),
        ],
        "rows": rows,
        "closing": closing,
        "words": {"number": "文書番号", "closing": "敬具", "note": "記", "end": "以上"},
    }


def _english(printed: Printed) -> dict[str, Any]:
    occasion, head = printed.occasion, printed.letterhead
    pledges = ", ".join(printed.pledges.get(each, each) for each in occasion.not_used_for)
    rows = [
        ("Survey", occasion.title),
        ("Purpose", occasion.purpose),
        ("Please answer by", letters.due(occasion.due_on).en),
        (
            "Questions",
            f"{printed.questions} at most; if you use no AI, saying so is all we ask",
        ),
        ("How", f"on this page; you need not register first\n{occasion.link}"),
        ("Attachments", "none"),
        (
            "If in doubt",
            "choose “still checking”; where it is a trade secret, “withheld”",
        ),
        ("Guidance items", ", ".join(printed.clauses) or "AI Guidelines for Business"),
        ("Who will read it", ", ".join(occasion.viewers)),
        ("Not used for", pledges or "(nothing stated)"),
        ("Confidentiality", _NDA[printed.nda_basis].en),
        ("Effort and cost", "we are glad to talk about them"),
    ]
    telephone = f"Telephone {head['telephone']}" if head.get("telephone") else ""
    closing = [
        (
            "To make sure this letter is genuine, call your usual contact on the number you have. "
            "The one-use code is never printed on a letter."
        ),
        _DISCLAIMER.en,
    ]
    if printed.statement_id:
        closing.append(f"Signed request in the transparency log: {printed.statement_id}")
    return {
        "lang": "en",
        "date": f"{printed.on.day} {printed.on:%B %Y}",
        "heading": "Request for your answers on the use of AI",
        "addressee": letters.addressee(occasion).en.split("\n"),
        "sender": _lines(head.get("department"), head.get("head"), occasion.contact, telephone),
        "opening": [
            "Thank you for working with us.",
            (
                f"{occasion.why} We would be grateful for your answers as set out below. The "
                "questions draw on the Japanese AI Guidelines for Business; there is no legal duty "
                "behind them."
            ),
        ],
        "rows": rows,
        "closing": closing,
        "words": {"number": "No.", "closing": "Yours sincerely", "note": "", "end": ""},
    }


def _addressee(occasion: Occasion) -> list[str]:
    """Address the firm and whoever is named there; a firm alone is addressed as 御中."""
    if occasion.contact_name or occasion.department:
        return letters.addressee(occasion).ja.split("\n")
    return [f"{occasion.supplier_name} 御中"]


def _lines(*given: str | None) -> list[str]:
    return [each for each in given if each]
