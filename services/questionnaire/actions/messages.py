"""Questions and answers between the two ends of a request, beside the question they are about."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions import notices, questionnaires
from services.questionnaire.store import requests
from services.questionnaire.store.answering import Message


class NobodyThere(Refused):
    """The other end has not enrolled yet: nobody would read it. Write a mail, or call."""

    urn = "messages/nobody-there"


class UnknownQuestion(Invalid):
    """This question was not asked."""

    urn = "messages/unknown-question"


def send(
    tx: Session, who: Principal, request_id: UUID, question: str | None, text: str, now: datetime
) -> Message:
    """Write to the other end of a request, which gets a mail that says so.

    Raises:
        NotFound: no request at whose either end you are.
        NobodyThere: the respondent has not enrolled yet.
        UnknownQuestion: not one of this request.
    """
    request = requests.shown(tx, who.org, request_id)
    if request is None:
        raise NotFound("no such request")
    if request.respondent_org_id is None:
        raise NobodyThere("the supplier has not enrolled yet")
    if (
        question is not None
        and question not in questionnaires.shown(tx, request.questionnaire_id)[1]
    ):
        raise UnknownQuestion("this question was not asked", question=question)
    made = Message(
        request_id=request.id,
        requester_org_id=request.requester_org_id,
        respondent_org_id=request.respondent_org_id,
        by_org_id=who.org,
        name=who.name,
        question=question,
        text=text,
        sent_at=now,
    )
    tx.add(made)
    tx.flush()
    to: notices.To = "respondent" if who.org == request.requester_org_id else "requester"
    notices.due(tx, "message", request.id, to, made.id)
    return made
