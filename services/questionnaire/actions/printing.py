"""Requests as PDF, set by typst with the fonts of this machine."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import typst
from sqlalchemy.orm import Session

from services.kit.problems import Refused
from services.questionnaire.actions import mailing
from services.questionnaire.actions.questionnaires import shown
from services.questionnaire.rules import letters, request_letter
from services.questionnaire.rules.request_letter import Printed
from services.questionnaire.store import approvals, contacts, mails, suppliers
from services.questionnaire.store.tables import Campaign, Request

_TEMPLATE: Final = Path(__file__).resolve().parent.parent / "prints" / "request.typ"
JAPANESE_FONTS: Final = (
    *("Noto Serif CJK JP", "Noto Serif JP", "IPAexMincho", "IPAMincho", "Yu Mincho"),
    *("Hiragino Mincho ProN", "Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAGothic"),
    *("BIZ UDMincho", "BIZ UDGothic", "TakaoMincho", "TakaoGothic", "VL Gothic"),
)
_LATIN: Final = "Libertinus Serif"
"""Comes with typst itself."""


class NoJapaneseFont(Refused):
    """This machine has no font that holds Japanese; install one, such as fonts-noto-cjk."""

    urn = "letters/no-japanese-font"
    status = HTTPStatus.SERVICE_UNAVAILABLE


def pdf(tx: Session, request: Request, link: str, language: str | None, now: datetime) -> bytes:
    """Return the printed letter of one request.

    Args:
        link: where the supplier answers.
        language: ja or en; None: Japanese where the supplier reads it, else English.

    Raises:
        NoJapaneseFont: there are Japanese words to print and nothing to print them with.
    """
    printed, read = _printed(tx, request, link, now)
    japanese = (language or read) == "ja"
    said = request_letter.lay_out(printed, japanese=japanese)
    return _set(said | {"fonts": fonts_for(json.dumps(said, ensure_ascii=False))})


@cache
def japanese_font() -> str | None:
    """Return the first font of this machine that is known to hold Japanese."""
    known = set(_fonts().families())
    return next((name for name in JAPANESE_FONTS if name in known), None)


def fonts_for(text: str) -> list[str]:
    """Return the fonts to set a text in.

    Raises:
        NoJapaneseFont: the text needs one and there is none.
    """
    font = japanese_font()
    if font is None:
        # The firm's own marks (— “ ”) stand in every Latin font.
        if any(char > "\u2e7f" for char in text):
            raise NoJapaneseFont("no font with Japanese is installed; try fonts-noto-cjk")
        return [_LATIN]
    return [font, _LATIN]


def _set(said: dict[str, Any]) -> bytes:
    made = typst.compile(
        _TEMPLATE,
        font_paths=_fonts(),
        sys_inputs={"said": json.dumps(said, ensure_ascii=False)},
    )
    assert isinstance(made, bytes), "one document, one PDF"
    return made


@cache
def _fonts() -> typst.Fonts:
    # Reading the machine's fonts takes longer than setting the page.
    return typst.Fonts()


def _printed(tx: Session, request: Request, link: str, now: datetime) -> tuple[Printed, str]:
    campaign = tx.get_one(Campaign, request.campaign_id)
    known = suppliers.letterheads(tx, campaign.org_id, [request.supplier_id])
    firm = known[request.supplier_id]
    told = contacts.recipients(tx, [firm])[firm.id].to
    to = told[0] if told else None
    occasion = mailing.asked_of(campaign, request, firm, to, link, {})
    language = letters.language(to.language if to else firm.language)
    _, questions = shown(tx, request.questionnaire_id)
    steps = approvals.newest_round(tx, campaign.id)
    names = [(each.kind, each.decided_by_name or "") for each in steps if each.decision == "agreed"]
    number = f"AI-{letters.day_of(campaign.created_at).year}-{str(request.id)[-8:].upper()}"
    return (
        Printed(
            occasion=occasion,
            number=number,
            on=letters.day_of(request.issued_at or now),
            letterhead=campaign.contact.get("letterhead", {}),
            names=[("draft", campaign.contact["name"]), *names] if names else [],
            questions=len(questions),
            clauses=campaign.terms["clauses"],
            nda_basis=campaign.terms["nda_basis"],
            statement_id=request.statement_id,
            pledges=mails.words("ja" if language == "ja" else "en"),
        ),
        "ja" if language == "ja" else "en",
    )
