"""Delivery reports as mail servers send them (RFC 3464, a multipart/report of RFC 6522)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from typing import Final, Literal, cast
from uuid import UUID

from services.questionnaire.rules.refusals import Problem, Refusal, Text

Verdict = Literal["bounced", "delivered", "delayed"]
_ACTIONS: Final[dict[str, Verdict]] = {
    "failed": "bounced",
    "delivered": "delivered",
    "delayed": "delayed",
}
_REFERENCE: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one mail at one mailbox; `reference` is the id we sent it with."""

    reference: UUID
    mailbox: str
    verdict: Verdict
    text: str


def read(content: bytes) -> list[Report]:
    """Return what a delivery report says of mails of ours; what calls for nothing is left out.

    Raises:
        Refusal: `mails/not-a-report` (no delivery report), `mails/unknown-mail` (none of ours).
    """
    message = message_from_bytes(content, policy=default)
    status = next(
        (p for p in message.walk() if p.get_content_type() == "message/delivery-status"), None
    )
    if status is None or not isinstance(fields := status.get_payload(), list):
        raise _refusal("not-a-report", "配信結果の通知ではありません", "is no delivery report")
    groups = cast("list[Message]", fields)
    reference = _reference(groups, message)
    if reference is None:
        raise _refusal(
            "unknown-mail", "当システムが送信したメールではありません", "names no mail of ours"
        )
    found = []
    for group in groups:
        verdict = _ACTIONS.get(str(group.get("Action", "")).strip().lower())
        mailbox = _typed(group.get("Original-Recipient") or group.get("Final-Recipient"))
        if verdict is not None and mailbox:
            code, said = str(group.get("Status", "")), _typed(group.get("Diagnostic-Code"))
            found.append(Report(reference, mailbox, verdict, f"{code} {said}".strip()[:_LONGEST]))
    return found


def _reference(groups: list[Message], message: EmailMessage) -> UUID | None:
    """Find our id: the envelope's, else the Message-ID among the headers that came back."""
    spoken = [str(group.get("Original-Envelope-Id", "")) for group in groups]
    returned = [
        str(held.get("Message-ID", ""))
        for part in message.walk()
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers")
        for held in _held(part)
    ]
    for text in (*spoken, *returned):
        if found := _REFERENCE.search(text.lower()):
            return UUID(found[0])
    return None


def _held(part: Message) -> list[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        return cast("list[Message]", payload)
    return [message_from_bytes(str(payload).encode(), policy=default)]


def _typed(field: object) -> str:
    """Return the value of a typed field: what stands after `rfc822;` or `smtp;`."""
    return str(field or "").partition(";")[2].strip().strip("<>")


def _refusal(kind: str, ja: str, en: str) -> Refusal:
    return Refusal(Problem(f"mails/{kind}", "/", Text(ja, en)))
