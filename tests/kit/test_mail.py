"""Mails as they leave: text and HTML, and the two say the same."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import mail, mail_html
from services.kit.settings import Settings


def test_every_mail_goes_out_as_text_and_as_html(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", smtp_url=None)
    body = "ご担当者様\n\n■期限:5月\nhttps://a.example/x"
    mail.send(here, to="taro@firm.example", subject="件名", body=body, language="ja")
    (kept,) = here.mail_dir.glob("*.eml")
    message = message_from_bytes(kept.read_bytes(), policy=default)
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").strip() == body
    assert html.get_content().replace("\r\n", "\n") == mail_html.page("件名", body, "ja")
    assert message["Content-Language"] == "ja"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_what_people_wrote_is_never_markup(text: str) -> None:
    page = mail_html.page(text, f"■{text}\n\n{text}", "ja")
    assert "<script" not in page.lower().replace("&lt;script", "")
    inside = page.partition("<body")[2].partition(">")[2]
    assert inside.count("<a ") == inside.count("</a>")


def test_a_mail_becomes_paragraphs_lists_and_links() -> None:
    text = "様\n挨拶\n\n■目的:<b>\n■期限:5月\n\nページ:\nhttps://a.example/x?y=1&z=2"
    page = mail_html.page("件名 & <x>", text, "ja")
    assert "<title>件名 &amp; &lt;x&gt;</title>" in page
    assert "<p>様<br>挨拶</p>" in page
    assert "<li>目的:&lt;b&gt;</li><li>期限:5月</li>" in page
    link = "https://a.example/x?y=1&amp;z=2"
    assert f'<a href="{link}">{link}</a>' in page
