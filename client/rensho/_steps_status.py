"""Steps 20 and 21: still standing as of the newest tree head, and valid now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rensho import times
from rensho.case import Case, Listed, Settled
from rensho.checkpoint import Checkpoint
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.expectations import ANY
from rensho.history import History
from rensho.keyring import Endings, KeyEvent
from rensho.statement import STATUS, WITHDRAWAL, Statement
from rensho.status import StatusDocument

SUPERSEDED_COUNTS: Final = timedelta(days=30)


def newest_list(case: Case, history: History) -> Listed | None:
    """Return the newest status list whose document is at hand and holds; None if there is none.

    A list nobody can read or place is as good as none: `status.missing` where Trust asks for one.
    """
    for settled in reversed(case.standing(STATUS)):
        try:
            return Listed(settled, _document(settled, case, history))
        except VerificationError:
            continue
    return None


def _document(settled: Settled, case: Case, history: History) -> StatusDocument:
    statement = settled.statement
    as_of = statement.predicate["asOf"]
    document = StatusDocument.parse(case.document(statement.subject_sha256, "status"))
    number = case.deployment.epoch_number(as_of["origin"])
    if (document.origin, document.size) != (as_of["origin"], as_of["size"]):
        raise VerificationError("status.missing", "statement and list name two tree heads")
    if number is None or (number, as_of["size"]) > settled.position:
        raise VerificationError("status.missing", "made from a later tree than it stands in")
    head = history.head_before(as_of["origin"], as_of["size"], settled.head)
    if head.root_hash.hex() != as_of["rootHash"]:
        raise VerificationError("status.missing", "made from a tree this log never was")
    return document


def listed_endings(listed: Listed | None, case: Case) -> Endings:
    """The suspended and revoked keys of a list, as the key events they were taken from."""
    found = {}
    for key in listed.document.keys if listed is not None else ():
        number = case.deployment.epoch_number(key.origin)
        if number is None:
            continue
        told: dict[str, object] = {"event": "revoke" if key.state == "revoked" else "suspend"}
        told["reason"] = key.reason
        if key.invalid_since is not None:
            told["invalidSince"] = times.write(key.invalid_since)
        found[key.key_id, key.org] = KeyEvent("", (number, key.index), told)
    return found


def check_status(exhibit: Exhibit, statement: Statement, case: Case, history: History) -> None:
    """Run steps 20 and 21 (for a main statement)."""
    docket, longest = exhibit.docket, case.deployment.status_max_age

    # (20) not taken back; and as of a fresh head of the newest log, where Trust asks for one
    with docket.step(20):
        _check_withdrawn(exhibit, statement, case)
    with docket.step(20):
        _check_listed(exhibit, statement, case)
    with docket.step(20):
        is_one_log = exhibit.checkpoint is not None and history.is_under_newest(exhibit.checkpoint)
        if longest is not None and not is_one_log:
            raise VerificationError("status.missing", "no proof from here to the newest head")
    if longest is None:
        docket.skip(20, note="step 20: Trust asks for no status list (no status_max_age)")
    else:
        with docket.step(20):
            _check_fresh(_newest_head(case, history), case, history, longest)

    # (21) the validity window, and the reader's own idea of too old
    with docket.step(21):
        _check_validity(exhibit, statement, case)


def _check_withdrawn(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    for withdrawal in case.standing(WITHDRAWAL):
        told = withdrawal.statement
        if (told.subject_sha256, told.signer_org) != (statement.id, statement.signer_org):
            continue
        if told.predicate["effect"] == "retracted":
            raise VerificationError("validity.withdrawn", "retracted")
        _check_superseded(exhibit, statement, withdrawal.moment, case)


def _check_listed(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    if case.listed is None:
        return
    document = case.listed.document
    if statement.id in document.retracted:
        raise VerificationError("validity.withdrawn", "retracted, as the status list says")
    if statement.id in document.superseded:
        _check_superseded(exhibit, statement, document.superseded[statement.id], case)


def _check_superseded(
    exhibit: Exhibit, statement: Statement, since: datetime | None, case: Case
) -> None:
    """A replaced statement counts 30 days longer for who was not given what replaced it."""
    by_whom = {
        one.statement.signer_org
        for one in case.settled.values()
        if one.statement.supersedes == statement.id and one.statement.id not in case.refused
    }
    if statement.signer_org in by_whom:
        raise VerificationError("validity.withdrawn", "superseded, and what replaced it is here")
    if since is None or case.now - since > SUPERSEDED_COUNTS:
        raise VerificationError("validity.withdrawn", "superseded more than 30 days ago")
    exhibit.docket.note(
        f"step 20: superseded, counts until {times.write(since + SUPERSEDED_COUNTS)}"
    )


def _newest_head(case: Case, history: History) -> Checkpoint:
    note = case.files.checkpoint
    if note is None:
        raise VerificationError("status.missing", "the newest checkpoint is not in hand")
    head = history.open(note)
    if head.origin != case.deployment.epochs[-1].origin:
        raise VerificationError("status.stale", "the newest checkpoint is of a log that has ended")
    return head


def _check_fresh(head: Checkpoint, case: Case, history: History, longest: timedelta) -> None:
    """Both are judged by age: an old list under a new head leaves out what came between."""
    seen_at, listed = history.seen_at(head), case.listed
    if seen_at is None or case.now - seen_at > longest:
        raise VerificationError("status.stale", "the newest checkpoint is too old")
    if listed is None:
        raise VerificationError("status.missing", "no status list is in hand")
    newest, (number, index) = len(case.deployment.epochs) - 1, listed.settled.position
    if number != newest or index >= head.size or listed.settled.head is None:
        raise VerificationError("status.missing", "the list is not under the newest checkpoint")
    if not history.is_under_newest(listed.settled.head):
        raise VerificationError("status.missing", "no proof from the list to the newest head")
    made_at = listed.settled.moment
    if made_at is None or case.now - made_at > longest:
        raise VerificationError("status.stale", "the status list is too old")


def _check_validity(exhibit: Exhibit, statement: Statement, case: Case) -> None:
    if case.now < statement.not_before:
        raise VerificationError("validity.not_yet")
    if case.now > statement.not_after:
        raise VerificationError("validity.expired")
    freshness = case.expect.freshness
    if freshness is ANY or exhibit.handed_on_by:
        return
    if exhibit.moment is None:
        raise VerificationError("timestamp.missing", "without T nobody knows how old it is")
    if case.now - exhibit.moment > freshness:
        raise VerificationError("validity.expired", "older than expected")
