"""Short mails between the ends of a request, and between colleagues: what happened, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.questionnaire.rules.letters import Letter, one_line

Place = Literal[
    "requester",
    "supplier",
    "title",
    "link",
    "person",
    "question",
    "finding",
    "due_ja",
    "due_en",
    "colleague",
    "note",
    "mailbox",
]


@dataclass(frozen=True, slots=True)
class NoticeTemplate:
    """What one kind of notice says; `frame` is what stands around every one of them."""

    language: str
    subject: str
    body: str
    frame: str


def write(template: NoticeTemplate, firm: str, person: str, places: Mapping[Place, str]) -> Letter:
    """Fill a template. A person is addressed as 様, an unknown one as ご担当者様, never both."""
    if template.language == "ja":
        addressee = f"{firm}\n{f'{person} 様' if person else 'ご担当者様'}"
    else:
        addressee = f"{firm}\n{person or 'To whom it may concern'}"
    filled: dict[str, str] = {str(name): text for name, text in places.items()}
    body = template.body.format(**filled).strip()
    subject = template.subject.format(**{name: one_line(text) for name, text in filled.items()})
    text = template.frame.format(addressee=addressee, body=body, link=places["link"])
    return Letter(subject, text, template.language)
