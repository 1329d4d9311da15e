"""依頼文書: the request on paper."""

from __future__ import annotations

import pytest

from services.questionnaire.actions import printing
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, World

FONT = pytest.mark.skipif(
    printing.japanese_font() is None, reason="no font with Japanese on this machine"
)


def letter(firm: Firm, request_id: str, query: str = "") -> bytes:
    answer = firm.world.client.get(
        f"/requests/{request_id}/letter.pdf{query}", headers=firm.headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return answer.content


@FONT
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_request_is_printed_for_the_requesters_own_channel(world: World, language: str) -> None:
    requester = world.firm(name="見本重工株式会社")
    supplier = requester.supplier(name="架空樹脂株式会社", language=language)
    contact = made.ContactBody(department="品質保証部", title="部長", name="山田 太郎")
    requester.post(f"/suppliers/{supplier['id']}/contacts", contact)
    head = {"department": "調達部", "head": "部長 例示 次郎", "telephone": "03-0000-0000"}
    campaign = requester.issued(letterhead=head, clauses=["C-7.1"], title='#set <b>"調査"</b> $x$')
    (asked,) = requester.asked(campaign)
    content = letter(requester, asked["id"])
    assert content.startswith(b"%PDF-")
    assert len(content) > 10_000
    assert requester.get(f"/campaigns/{campaign['id']}")["letterhead"] == head
    other = "en" if language == "ja" else "ja"
    assert letter(requester, asked["id"], f"?language={other}") != content


def test_the_letter_of_anothers_request_looks_like_none(world: World) -> None:
    pair = world.pair()
    for firm in (world.firm(), pair.respondent):
        firm.get(f"/requests/{pair.request_id}/letter.pdf", 404)


def test_without_a_japanese_font_it_says_so_and_english_still_prints(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "japanese_font", lambda: None)
    pair = world.pair()
    problem = pair.requester.get(f"/requests/{pair.request_id}/letter.pdf", 503)
    assert problem["type"] == "urn:rensho:problem:letters/no-japanese-font"
    assert "fonts-noto-cjk" in problem["detail"]
    assert printing.fonts_for("Yours — “sincerely”, Müller") == ["Libertinus Serif"]
