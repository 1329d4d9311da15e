"""How far a signed answer carries on one link: whose key, in which role, and who looked at it.

Pure: what is counted and why stands here, where it is read from in `world`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.risk.rules.facts import Answer, AnswerState, Seen
from services.risk.store import KeyChange, Recorded, Review

OFFICER = "responsible-officer"
ASSESSOR = "assessor"
# Somebody else wrote the answer down: the firm's signature is under a copy.
PROXIES = ("relayed", "transcribed")

KeyState = Literal["pending", "mailbox", "confirmed", "ended"]


@dataclass(frozen=True, slots=True)
class Support:
    """What a statement lends to everything it says: assurance, cover, and its time T."""

    assurance: str
    covered: bool
    time: datetime


def key_state(
    changes: Iterable[KeyChange], signed: Recorded, customer: UUID, links: Collection[UUID]
) -> KeyState:
    """Return what the key of a statement is worth for it on one link (profile sections 3 and 8,
    step 14).

    The end of a key takes nothing from what was logged before it, except where the key was stolen
    or never the firm's.

    Args:
        changes: the key events of the key's firm in the order of the log.
        signed: the statement.
        customer: who stands at the near end of the link.
        links: the supply links between the two firms.
    """
    state: KeyState = "pending"
    for change in changes:
        if change.key_id != signed.key_id:
            continue
        if _reaches_back(change, signed):
            return "ended"
        here = change.by_org_id == customer or change.link_id in links
        match change.event:
            case "suspend" | "revoke" if _place(change) < _place(signed):
                state = "ended"
            case "suspend" | "revoke":
                pass
            case "confirm" if here and state != "ended":
                state = "confirmed"
            case "enrol" | "rotate" if state == "ended" and _place(change) < _place(signed):
                state = _vouched(change) if here else "pending"
            case "enrol" | "rotate" if here and state not in ("ended", "confirmed"):
                state = _vouched(change)
    return state


def _reaches_back(change: KeyChange, signed: Recorded) -> bool:
    """Whether a revocation counts whatever was logged first."""
    if change.reason == "key-compromise":
        since = change.invalid_since
        return since is None or signed.received_at >= since
    return change.reason == "identity-false"


def _vouched(change: KeyChange) -> KeyState:
    return "confirmed" if change.assurance == "confirmed" else "mailbox"


def _place(logged: KeyChange | Recorded) -> tuple[int, str, int]:
    """Order by log and leaf: the origin of a later log is longer (`store.world.key_changes_of`)."""
    return len(logged.log_origin), logged.log_origin, logged.log_index


def typist_state(changes: Iterable[KeyChange], signed: Recorded) -> KeyState:
    """Return what the key of a customer's own typist is worth to that customer itself.

    Nobody vouches for one's own key to oneself: it counts unless it had ended.
    """
    found = key_state(changes, signed, signed.org_id, ())
    return "ended" if found == "ended" else "mailbox"


def support(
    statement: Recorded, origin: str, state: KeyState, as_of: datetime, *, confirmed: bool = False
) -> Support:
    """Return what a recorded statement lends, given how its key stands on the link.

    `confirmed`: of what somebody else wrote down, that the supplier confirmed the returned sheet.
    """
    if origin in PROXIES:
        assurance = "proxy_confirmed" if confirmed else "proxy"
    elif statement.signer_role == OFFICER and state == "confirmed":
        assurance = "L2"
    else:
        assurance = "L1"
    covered = state in ("mailbox", "confirmed") and as_of <= statement.not_after
    return Support(assurance, covered, statement.received_at)


@dataclass(frozen=True, slots=True)
class Found:
    """What reviews said of one question of one statement."""

    assurance: str | None = None
    accepted: bool = False
    waived: bool = False
    seen: Seen | None = None


def found(reviews: Sequence[tuple[Review, Recorded]], as_of: datetime) -> dict[str, Found]:
    """Return by question what recorded reviews said, in the order of the log.

    Sent back undoes what was found before. An independent assessment counts as one only from an
    assessor: a customer's own word for it is a look at the evidence.
    """
    told: dict[str, Found] = {}
    for review, recorded in reviews:
        for decision in review.decisions:
            before = told.get(decision["question"], Found())
            told[decision["question"]] = _after(before, decision, recorded, as_of)
    return told


def _after(before: Found, decision: Mapping[str, Any], review: Recorded, as_of: datetime) -> Found:
    match decision["outcome"]:
        case "evidence_checked" | "independent" as outcome:
            independent = outcome == "independent" and review.signer_role == ASSESSOR
            level = "L4" if independent or before.assurance == "L4" else "L3"
            value = decision["value"]
            seen = before.seen if value is None else Seen(value, level, review.received_at)
            return replace(before, assurance=level, seen=seen)
        case "na_accepted":
            return replace(before, accepted=True)
        case "waived":
            return replace(before, waived=_lasts(decision["until"], as_of))
        case "sent_back":
            return Found(waived=before.waived)
    return before


def _lasts(until: str | None, as_of: datetime) -> bool:
    return until is not None and as_of.date() <= date.fromisoformat(until)


def answers(
    told: Iterable[Mapping[str, Any]],
    by: Support,
    looked_at: Mapping[str, Found],
    known: Collection[str],
) -> tuple[Answer, ...]:
    """Return the answers of one statement to the questions in the table, in ascending id."""
    given = {
        each["question"]: _answer(each, by, looked_at.get(each["question"], Found()))
        for each in told
        if each["question"] in known
    }
    return tuple(given[question] for question in sorted(given))


def _answer(told: Mapping[str, Any], by: Support, found_: Found) -> Answer:
    # What was not opened to this reader is withheld from it, whatever it says to others.
    state: AnswerState = told["state"] if told["opened"] else "withheld"
    return Answer(
        question=told["question"],
        state=state,
        value=told["value"] if state == "answered" else None,
        assurance=found_.assurance or by.assurance,
        covered=by.covered,
        time=by.time,
        accepted=found_.accepted and state == "not_applicable",
        waived=found_.waived,
        seen=found_.seen if state == "withheld" else None,
    )


def waivers(looked_at: Mapping[str, Found], answered: Collection[str]) -> tuple[Answer, ...]:
    """Return a silent, waived row for each waived question that has no answer anywhere."""
    return tuple(
        Answer(
            question=question,
            state="silent",
            value=None,
            assurance="L1",
            covered=False,
            time=None,
            waived=True,
        )
        for question, found_ in sorted(looked_at.items())
        if found_.waived and question not in answered
    )
