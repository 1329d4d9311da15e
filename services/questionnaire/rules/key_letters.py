"""The words of a mail that tells a requester of a change of its supplier's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from services.questionnaire.rules.letters import Letter, due, one_line

_WITHOUT_NEWS = ("superseded",)


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """A mail with places to fill; `changes` has the words for each kind of change."""

    language: str
    subject: str
    body: str
    changes: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class KeyNews:
    """What happened to a key: `kind` is the event, or the reason of a revocation."""

    kind: str
    key_id: str
    recorded_at: datetime
    invalid_since: datetime | None


@dataclass(frozen=True, slots=True)
class KeyReader:
    """The requester that is told, and what it calls the supplier."""

    name: str
    contact: str
    supplier_name: str
    link: str


def kind(event: str, reason: str | None, *, first: bool) -> str | None:
    """Return which news a key event is to a requester; None for none.

    Args:
        event: of the key.
        reason: of a revocation.
        first: the firm had no key before, so that this one is no change.
    """
    if event == "enrol":
        return None if first else event
    if event == "revoke":
        return None if reason in _WITHOUT_NEWS else reason
    # That somebody confirmed a key is no news of the key.
    return event if event in ("rotate", "suspend") else None


def write(template: KeyTemplate, news: KeyNews, reader: KeyReader) -> Letter:
    """Fill the template."""
    japanese = template.language == "ja"
    words = template.changes[news.kind]
    since = _day(news.invalid_since.date(), japanese=japanese) if news.invalid_since else ""
    if japanese:
        addressee = f"{reader.name}\n{f'{reader.contact} 様' if reader.contact else 'ご担当者様'}"
    else:
        addressee = f"{reader.name}\n{reader.contact or 'To whom it may concern'}"
    places = {
        "addressee": addressee,
        "supplier_name": reader.supplier_name,
        "change": words["change"],
        "advice": words["advice"].format(since=since),
        "key_id": news.key_id,
        "day": _day(news.recorded_at.date(), japanese=japanese),
        "link": reader.link,
    }
    subject = template.subject.format(supplier_name=one_line(reader.supplier_name))
    return Letter(subject, template.body.format(**places), template.language)


def _day(day: date, *, japanese: bool) -> str:
    return due(day).ja if japanese else due(day).en
