"""Which of the mails this build can write were written, by their subjects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from typing import Any

import yaml

from services.questionnaire.store.mails import FOLDER
from tests.questionnaire.mails import text_of
from tests.questionnaire.test_forbidden_claims import claims

LANGUAGES = ("ja", "en")


def templates() -> Iterator[tuple[str, str, str]]:
    """Yield language, name and subject of every template there is in Japanese and English."""
    for language in LANGUAGES:
        for path in sorted((FOLDER / language).glob("*.yaml")):
            found: dict[str, Any] = yaml.safe_load(path.read_bytes())
            if path.stem == "notices":
                for kind, words in found["notices"].items():
                    yield language, f"notices/{kind}", words["subject"]
            elif "subject" in found:
                yield language, path.stem, found["subject"]


def unseen(mails: Iterable[EmailMessage]) -> list[tuple[str, str]]:
    """Return the templates of which there is no mail; those with one subject are one kind."""
    subjects: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for mail in mails:
        subjects.setdefault(str(mail["Content-Language"]), set()).add(str(mail["Subject"]).lstrip())
    return [
        (language, name)
        for language, name, subject in templates()
        if not any(_of(subject).fullmatch(each) for each in subjects[language])
    ]


def ill(mails: Iterable[EmailMessage]) -> list[str]:
    """Return the subjects of mails nobody should get: an open place, a claim, other HTML."""
    return [str(mail["Subject"]) for mail in mails if not _is_well(mail)]


def _is_well(mail: EmailMessage) -> bool:
    text, html, language = text_of(mail), text_of(mail, "html"), mail["Content-Language"]
    told = f"{mail['Subject']}\n{text}"
    whole = f'<html lang="{language}">' in html
    for link in re.findall(r"http://\S+", text):
        whole = whole and f'<a href="{link}">' in html
    return whole and not re.search(r"[{}]|督促", told) and claims(text) == []


def _of(subject: str) -> re.Pattern[str]:
    parts = re.split(r"\{[a-z_]+\}", subject)
    return re.compile(".+".join(re.escape(part) for part in parts))
