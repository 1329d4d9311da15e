"""One response lives its whole life over HTTP, in the processes of `renshod up`."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest

from services.demo.http import Where
from tests.questionnaire.mails import text_of
from tests.system.answering_chapters import (
    answer_together,
    believed,
    close_to_another,
    improve,
    open_to_another,
    send_back_and_correct,
)
from tests.system.answering_life import Life
from tests.system.test_up import House, a_house

pytestmark = [pytest.mark.slow, pytest.mark.system]


def invited(house: House, name: str) -> tuple[str, str]:
    done = house.run("invite", name, f"procurement@{len(name)}.example")
    assert done.returncode == 0, done.stderr
    link, code = (line.split(maxsplit=1)[1] for line in done.stdout.splitlines()[:2])
    return link, code


def mails(house: House) -> str:
    found = [
        message_from_bytes(path.read_bytes(), policy=default)
        for path in sorted((house.folder / "data" / "mail").glob("*.eml"))
    ]
    return "\n".join(f"To: {m['To']}\nSubject: {m['Subject']}\n{text_of(m)}" for m in found)


def test_a_response_lives_its_whole_life_over_http() -> None:
    with a_house() as house:
        house.up()
        life = Life(Where(f"http://127.0.0.1:{house.port}"))
        first = life.customer("見本自動車工業株式会社", "mihon", *invited(house, "見本自動車工業"))
        second = life.customer("架空精機株式会社", "kakuu-seiki", *invited(house, "架空精機"))
        asked = life.ask(first)
        life.name_another_contact(asked, f"quality@{life.supplier.firm.slug}.example")
        life.join(asked)
        statements = answer_together(life, asked)
        corrected = send_back_and_correct(life, asked, statements)
        improve(life, asked)
        other = life.ask(second)
        life.join(other)
        grant, statement_id = open_to_another(life, other, corrected)
        believed(other, statement_id)
        close_to_another(life, other, grant, statement_id)
        check_mails(mails(house))


def check_mails(text: str) -> None:
    """Each end heard of what the other did, in its language, and nothing is claimed."""
    for words in (
        "【担当者変更のお知らせ】",
        "【ご回答の分担のお願い】",
        "【分担分のご回答】",
        "【お問い合わせ】",
        "【修正のお願い】",
        "【ご回答受領のお知らせ】",
        "【改善のご相談】",
        "【改善確認のお知らせ】",
        "【回答の開示】",
        "【回答の開示終了】",
    ):
        assert words in text, words
    assert "{" not in text
    assert not re.search(r"督促|準拠|適合|合格", text)
