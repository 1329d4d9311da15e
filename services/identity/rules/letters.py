"""The mail that carries a one-use code, in Japanese or English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]


@dataclass(frozen=True)
class Letter:
    """One text mail."""

    subject: str
    body: str
    language: Language


def language_of(preferred: str) -> Language:
    """Return the language to write in: English for whoever does not read Japanese."""
    return "ja" if preferred.lower().split("-")[0] == "ja" else "en"


def code_letter(code: str, *, preferred: str, requester: str | None, minutes: int) -> Letter:
    """Return the mail with a code.

    Args:
        code: the digits, shown as given.
        preferred: the reader's language tag.
        requester: who invites; None for a log-in or when the operator invites.
        minutes: how long the code is good for.
    """
    spaced = f"{code[:4]} {code[4:]}"
    if language_of(preferred) == "ja":
        about = f"{requester}様からのご回答依頼のページ" if requester else "ログイン画面"
        return Letter(
            f"【確認コード】{spaced}",
            "いつもお世話になっております。\n\n"
            f"{about}でご入力いただく確認コードをお送りいたします。\n\n"
            f"  確認コード:{spaced}\n\n"
            f"有効期間は{minutes}分間、ご利用は1回限りです。お心当たりのない場合は、"
            "本メールを破棄していただければ何も変更されません。\n"
            "弊社からお電話やメールで確認コードをお尋ねすることはございません。\n",
            "ja",
        )
    about = f"the page with the request of {requester}" if requester else "the log-in page"
    return Letter(
        f"Your one-use code: {spaced}",
        f"Please type this code into {about}:\n\n"
        f"  {spaced}\n\n"
        f"It is good for {minutes} minutes and for one use. If you did not ask for it, ignore this "
        "mail and nothing changes.\nWe never ask you for this code by telephone or mail.\n",
        "en",
    )
