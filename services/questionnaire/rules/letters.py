"""The words of a mail that asks: Japanese first; reference translations; English for the rest."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

from services.questionnaire.rules.refusals import Text

LANGUAGES: Final = ("ja", "en", "zh-Hans", "th", "vi", "de")
_FIGURES: Final = {
    "zh-Hans": "{0.year}年{0.month}月{0.day}日",
    "th": "{0:%d/%m/%Y}",
    "vi": "{0:%d/%m/%Y}",
    "de": "{0:%d.%m.%Y}",
}
_WEEKDAYS: Final = "月火水木金土日"
_JAPAN: Final = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Template:
    """A mail with places to fill; `words` are what pledges are called in its language.

    `leads` are the first sentences by what the mail is about, where there are several.
    """

    language: str
    subject: str
    body: str
    pledge: str
    words: Mapping[str, str]
    leads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What one mail is about. `contact` names the asking person or department, or is blank.

    Attributes:
        lead: which of the template's first sentences, where it has several (a reminder's rung).
        facts: further places of the template; a `date` is written as the language writes it.
        copied: who gets a copy, as they are addressed.
    """

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
    lead: str | None = None
    facts: Mapping[str, str | date] = field(default_factory=dict)
    department: str = ""
    position: str = ""
    copied: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, ready to go."""

    subject: str
    body: str
    language: str


def language(stated: str) -> str:
    """Return the language a mail is written in: the stated one where there are words, else en."""
    if stated in LANGUAGES:
        return stated
    base = stated.partition("-")[0]
    if base == "zh":
        # Traditional characters are another language; English is the safer guess for them.
        return "zh-Hans" if stated in ("zh", "zh-CN", "zh-SG", "zh-Hans-CN") else "en"
    return base if base in LANGUAGES else "en"


def write(template: Template, occasion: Occasion) -> Letter:
    """Fill a template. A pledge is printed only where the requester made it."""
    japanese = template.language == "ja"
    separator = "、" if template.language in ("ja", "zh-Hans") else ", "
    pledges = separator.join(template.words.get(each, each) for each in occasion.not_used_for)
    lead = template.leads[occasion.lead] if occasion.lead else ""
    written = {
        name: _due(fact, template.language) if isinstance(fact, date) else fact
        for name, fact in occasion.facts.items()
    }
    places = {
        "requester_name": occasion.requester_name,
        "contact": _contact(occasion.contact, japanese=japanese),
        "addressee": addressee(occasion).ja if japanese else addressee(occasion).en,
        "title": occasion.title,
        "why": occasion.why,
        "purpose": occasion.purpose,
        "viewers": separator.join(occasion.viewers),
        "pledge": template.pledge.format(not_used_for=pledges) if pledges else "",
        "due": _due(occasion.due_on, template.language),
        "link": occasion.link,
    }
    places |= written
    places["lead"] = lead.format(**places)
    subject = template.subject.format(**{name: one_line(text) for name, text in places.items()})
    return Letter(subject, template.body.format(**places), template.language)


def with_copies(occasion: Occasion, lead: str | None, names: Sequence[str]) -> Occasion:
    """Return the occasion as one mail of it is written."""
    return replace(occasion, lead=lead, copied=tuple(names))


def day_of(moment: datetime) -> date:
    """Return the day to answer by: it ends in Japan, where the requester's calendar is."""
    return moment.astimezone(_JAPAN).date()


def end_of(day: date) -> datetime:
    """Return the last second of a day in Japan: until then it is answered in time."""
    return datetime.combine(day, time(23, 59, 59), _JAPAN).astimezone(UTC)


def addressee(occasion: Occasion) -> Text:
    """Address a person (様), a department (御中), or whoever is in charge; never two forms at once.

    A title stands before the name (domain.md, Words and tone); foreign names stay as given.
    """
    named = Text(
        _japanese_person(occasion.department, occasion.position, occasion.contact_name),
        ", ".join(
            part for part in (occasion.contact_name, occasion.position, occasion.department) if part
        )
        or "To whom it may concern",
    )
    ja = f"{occasion.supplier_name}\n{named.ja}"
    en = f"{occasion.supplier_name}\n{named.en}"
    if occasion.copied:
        ja += f"\n(cc:{'、'.join(occasion.copied)})"
        en += f"\n(cc: {', '.join(occasion.copied)})"
    return Text(ja, en)


def copied(*, department: str, position: str, name: str, mailbox: str, japanese: bool) -> str:
    """Name who gets a copy; a mailbox where nobody is named."""
    if japanese and (department or name):
        return _japanese_person(department, position, name)
    return name or department or mailbox


def _japanese_person(department: str, position: str, name: str) -> str:
    if name:
        return " ".join(part for part in (department, position, f"{name} 様") if part)
    return f"{department} 御中" if department else "ご担当者様"


def due(day: date) -> Text:
    """Write the day to answer by."""
    japanese = f"{day.year}年{day.month}月{day.day}日({_WEEKDAYS[day.weekday()]})"
    return Text(japanese, f"{day.day} {day:%B %Y} ({day:%A})")


def _due(day: date, language: str) -> str:
    if language == "ja":
        return due(day).ja
    # Months and weekdays are spelled by nobody's catalogue here: figures, in the local order.
    return due(day).en if language == "en" else _FIGURES[language].format(day)


def _contact(name: str, *, japanese: bool) -> str:
    if not name:
        return ""
    return f"の{name}" if japanese else f", {name}"


def one_line(text: str) -> str:
    """Put text into one line: a subject is a header, no control character may leave it."""
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
