"""The words of a mail that asks: Japanese first, English for everybody else (domain.md)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.questionnaire.rules.refusals import Text

_WEEKDAYS: Final = "月火水木金土日"


@dataclass(frozen=True, slots=True)
class Template:
    """A mail with places to fill; `words` are what pledges are called in its language."""

    language: str
    subject: str
    body: str
    pledge: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What one mail is about. `contact` names the asking person or department, or is blank."""

    requester_name: str
    contact: str
    supplier_name: str
    contact_name: str
    title: str
    why: str
    purpose: str
    viewers: Sequence[str]
    not_used_for: Sequence[str]
    due_on: date
    link: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, ready to go."""

    subject: str
    body: str
    language: str


def language(stated: str) -> str:
    """Return ja or en: the languages that are always complete."""
    return "ja" if stated.partition("-")[0] == "ja" else "en"


def write(template: Template, occasion: Occasion) -> Letter:
    """Fill a template. A pledge is printed only where the requester made it."""
    japanese = template.language == "ja"
    separator = "、" if japanese else ", "
    pledges = separator.join(template.words.get(each, each) for each in occasion.not_used_for)
    places = {
        "requester_name": occasion.requester_name,
        "contact": _contact(occasion.contact, japanese=japanese),
        "addressee": addressee(occasion).ja if japanese else addressee(occasion).en,
        "title": occasion.title,
        "why": occasion.why,
        "purpose": occasion.purpose,
        "viewers": separator.join(occasion.viewers),
        "pledge": template.pledge.format(not_used_for=pledges) if pledges else "",
        "due": due(occasion.due_on).ja if japanese else due(occasion.due_on).en,
        "link": occasion.link,
    }
    subject = template.subject.format(**{name: _one_line(text) for name, text in places.items()})
    return Letter(subject, template.body.format(**places), template.language)


def addressee(occasion: Occasion) -> Text:
    """Address a person (様) or, where nobody is named, whoever is in charge; never both forms."""
    person = occasion.contact_name
    return Text(
        f"{occasion.supplier_name}\n{f'{person} 様' if person else 'ご担当者様'}",
        f"{occasion.supplier_name}\n{person or 'To whom it may concern'}",
    )


def due(day: date) -> Text:
    """Write the day to answer by."""
    japanese = f"{day.year}年{day.month}月{day.day}日({_WEEKDAYS[day.weekday()]})"
    return Text(japanese, f"{day.day} {day:%B %Y} ({day:%A})")


def _contact(name: str, *, japanese: bool) -> str:
    if not name:
        return ""
    return f"の{name}" if japanese else f", {name}"


def _one_line(text: str) -> str:
    """A subject is a header: no line break or other control may leave it."""
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
