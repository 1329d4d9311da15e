"""A firm's own way from written to signed (作成 → 確認 → 承認), where it wants one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import Invalid, NotFound
from services.questionnaire.actions.responses import ChangedMeanwhile
from services.questionnaire.rules.approvals import STEPS, Deputy, Desk, Flow, Step, Taken
from services.questionnaire.store import answering, responses
from services.questionnaire.store.answering import Approval, ApprovalFlow
from services.questionnaire.store.tables import Response

_JAPAN: Final = timezone(timedelta(hours=9))
"""Deputies stand in for calendar days of the office, which is where the form was made."""


class MalformedFlow(Invalid):
    """A flow begins with writing, and has each step once and in order."""

    urn = "approvals/malformed-flow"


def set_flow(
    tx: Session, who: Principal, desks: Sequence[Mapping[str, Any]], now: datetime
) -> ApprovalFlow:
    """Set the steps of one's firm; none for no flow at all.

    Raises:
        MalformedFlow: steps that are no flow.
    """
    steps = [desk["step"] for desk in desks]
    if steps and (steps[0] != "write" or steps != [step for step in STEPS if step in steps]):
        raise MalformedFlow("a flow begins with writing, and has each step once and in order")
    found = answering.flow_of(tx, who.org)
    if found is None:
        found = ApprovalFlow(org_id=who.org)
        tx.add(found)
    found.desks, found.changed_at = [dict(desk) for desk in desks], now
    tx.flush()
    return found


def hand_over(
    tx: Session, who: Principal, former: str, successor: str, now: datetime
) -> ApprovalFlow:
    """Put one mailbox in another's place at every desk: for the moves of April and October.

    Raises:
        NotFound: the former one sits at no desk.
    """
    found = answering.flow_of(tx, who.org)
    if found is None or not any(former.lower() in _holders(desk) for desk in found.desks):
        raise NotFound("nobody of this mailbox has a step")
    found.desks = [
        {
            **desk,
            "mailboxes": sorted(
                {
                    successor if each.lower() == former.lower() else each
                    for each in desk["mailboxes"]
                }
            ),
        }
        for desk in found.desks
    ]
    found.changed_at = now
    tx.flush()
    return found


def flow_on(tx: Session, found: Response) -> Flow | None:
    """Return how far a response is in its firm's flow; None where the firm has none."""
    stored = answering.flow_of(tx, found.respondent_org_id)
    if stored is None or not stored.desks:
        return None
    taken = tuple(
        Taken(each.step, each.action, each.mailbox)  # type: ignore[arg-type]
        for each in answering.approvals(tx, found.id, found.version)
    )
    return Flow(tuple(_desk(desk) for desk in stored.desks), taken)


def decide(
    tx: Session,
    who: Principal,
    response_id: UUID,
    version: int,
    step: Step | None,
    reason: str,
    now: datetime,
) -> Response:
    """Do the next step on a version, or give it back (`step` None) with a reason.

    Raises:
        NotFound: no such response of yours, or no flow in your firm.
        ChangedMeanwhile: somebody saved since; look again.
        ApprovalRefused: see `rules.approvals`.
    """
    found = responses.own_for_update(tx, who.org, response_id)
    flow = flow_on(tx, found) if found is not None else None
    if found is None or flow is None:
        raise NotFound("no such response, or no approval flow")
    if version != found.version:
        msg = "somebody saved since you read it"
        raise ChangedMeanwhile(msg, version=found.version, conflicts=[])
    if step is None:
        after = flow.send_back(who.mailbox, reason, _today(now))
    else:
        after = flow.take(step, who.mailbox, _today(now))
    done = after.taken[-1]
    tx.add(
        Approval(
            response_id=found.id,
            respondent_org_id=who.org,
            version=version,
            step=done.step,
            action=done.action,
            mailbox=done.mailbox,
            name=who.name,
            reason=reason,
            decided_at=now,
        )
    )
    tx.flush()
    return found


def refuse_unless_approved(tx: Session, who: Principal, found: Response, now: datetime) -> None:
    """Let only the last step of a firm's flow fix a response for signing.

    Raises:
        ApprovalRefused: `approvals/unfinished`, `approvals/not-your-turn`.
    """
    flow = flow_on(tx, found)
    if flow is not None:
        flow.refuse_unless_last(who.mailbox, _today(now))


def _holders(desk: Mapping[str, Any]) -> set[str]:
    return {each.lower() for each in desk["mailboxes"]}


def _desk(stored: Mapping[str, Any]) -> Desk:
    deputies = tuple(
        Deputy(each["mailbox"], date.fromisoformat(each["first"]), date.fromisoformat(each["last"]))
        for each in stored["deputies"]
    )
    return Desk(stored["step"], frozenset(_holders(stored)), deputies)


def _today(now: datetime) -> date:
    return now.astimezone(_JAPAN).date()
