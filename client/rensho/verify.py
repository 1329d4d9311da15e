"""Verification of signed supply-chain statements (attestation profile, section 8).

The steps, each labelled with its number where it is taken:

signature
   1  sizes and counts are within limits
   2  strict UTF-8, JSON, base64, and the form of an archive
   3  one key hint or one certificate, and each is what its field says
   4  exactly one signature over an in-toto payload
   5  the key comes from Trust, from a key event that itself passed steps 1 to 13, or from a
      certificate under an authority of Trust that holds as of T
   6  the signature over the PAE of the received bytes holds
   7  the same bytes are a statement of this deployment, in canonical form
log
   8  the leaf, rebuilt from digest, signature and key, is the logged entry
   9  the checkpoint is signed by the log Trust knows
  10  the leaf is included under it
  11  enough witnesses cosigned; each log named the next, and ended where Trust says
time
  12  T comes from time-stamps, witnesses or the operator's promise, as Trust asks
  13  the anchor bounds T from below; attestedAt lies near T
  14  the key was enrolled before, inside its period, not ended (by order of the log)
context
  15  the key is the signer's, in this role, and counts on this link
  16  the statement is opened to the reader, on its request; or granted; or handed on (main)
  17  questionnaire, component and scope are the ones in hand (main)
  18  what is superseded, withdrawn, granted or reviewed is earlier and matches
  19  the newest declaration lists exactly these statements, of one revision (main)
status
  20  not withdrawn as of a fresh status list, under a fresh head of the same log (main)
  21  inside the validity window now (main)
content
  22  documents have the digests that were signed (main)
  23  disclosures are each of what was signed; no answer of a firm below is refuted

Main statements are declaration, ai-governance, grant and risk-snapshot; the others keep their
effect without being read, so steps marked (main) do not apply to them. Steps 11, 12 and 20 that
Trust does not ask for are skipped and reported in the notes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from rensho import bundle as bundles
from rensho._steps_context import check_expected_component
from rensho._steps_log import check_log
from rensho._steps_response import components_of
from rensho._steps_signature import check_certificate, check_signature
from rensho._steps_status import listed_endings, newest_list
from rensho._steps_time import (
    archive_time,
    check_claimed_time,
    check_time_sources,
)
from rensho._sub_tiers import check_children
from rensho.bundle import Bundle
from rensho.case import Case, Settled, opened_or_none
from rensho.errors import VerificationError
from rensho.examination import (
    examine_content,
    examine_context,
    examine_status,
    leave_out_refuted,
)
from rensho.exhibit import Exhibit
from rensho.expectations import ANY, Expectations, ExpectedQuestionnaire, ExpectedRequest
from rensho.history import History
from rensho.keyring import NOT_LOGGED, KeyEvent, KeyRing, Position
from rensho.material import Files, Material, sort_out
from rensho.statement import (
    AI_GOVERNANCE,
    DECLARATION,
    GRANT,
    KEY_EVENT,
    REQUEST,
    REVIEW,
    RISK_SNAPSHOT,
    STATUS,
    WITHDRAWAL,
    TypeName,
)
from rensho.submission import Recorded, Submission, check_submission, step_of
from rensho.trust import Deployment, Trust
from rensho.verdict import Docket, Verdict, combine, refusal

__all__ = [
    "ANY",
    "Expectations",
    "ExpectedQuestionnaire",
    "ExpectedRequest",
    "Material",
    "Recorded",
    "Submission",
    "Verdict",
    "check_submission",
    "verify",
]

_MAIN_FIRST: Final[tuple[TypeName, ...]] = (
    DECLARATION,
    RISK_SNAPSHOT,
    AI_GOVERNANCE,
    GRANT,
    REQUEST,
    REVIEW,
    WITHDRAWAL,
    STATUS,
    KEY_EVENT,
)
_ANSWERING: Final = frozenset({AI_GOVERNANCE, DECLARATION})
_NOT_LOGGED_BELOW: Final = (-1, -1)


def verify(material: Material, trust: Trust, expect: Expectations, now: datetime) -> Verdict:
    """Judge an archive or a single bundle; whatever the bytes are, the answer is a `Verdict`.

    `now` is aware. Raises `VerificationError` `trust.expired`, and nothing else: a Trust file
    that has ended can neither confirm nor refute anything.
    """
    trust.refuse_expired(now)
    try:
        files = sort_out(material)
    except VerificationError as why:
        return refusal(step_of(why.code), why)
    exhibits, refused = _read(files, trust)
    cases = {
        deployment.origin: Case(deployment, files, expect, now) for deployment in trust.deployments
    }
    for deployment in trust.deployments:
        own = [one for one in exhibits if one.deployment is deployment]
        _judge(own, cases[deployment.origin], files)
    exhibits = list(_earliest(exhibits))
    main = _main(exhibits, refused, files)
    if main is not None:
        _ask_of_main(main, cases[main.deployment.origin], exhibits)
    statements = {
        one.statement_id: one.docket.verdict(one.statement.payload if one.statement else None)
        for one in exhibits
    }
    relied = [statements[one.statement_id] for one in _relied_on(main, exhibits, cases)]
    own_verdict = statements[main.statement_id] if main else Docket().verdict(None)
    answer = combine([*relied, *refused.values()], own=own_verdict, statements=statements | refused)
    return _with_notes(answer, expect, files, main)


def _read(files: Files, trust: Trust) -> tuple[list[Exhibit], dict[str, Verdict]]:
    """Steps 1 to 4 for each bundle; return those that could be read, and verdicts of the rest."""
    exhibits: list[Exhibit] = []
    refused: dict[str, Verdict] = {}
    for name, data in files.bundles:
        place = name or hashlib.sha256(data).hexdigest()
        try:
            bundle = bundles.parse(data)
            exhibit = Exhibit(bundle, _deployment(bundle, trust), bundle.statement_id)
        except VerificationError as why:
            step = 9 if why.code == "checkpoint.origin" else step_of(why.code)
            refused[place] = refusal(step, why)
            continue
        if name not in (None, exhibit.statement_id):
            exhibit.docket.report(2, "archive.name", "the file is named after another statement")
        exhibits.append(exhibit)
    return exhibits, refused


def _deployment(bundle: Bundle, trust: Trust) -> Deployment:
    if bundle.entry is not None:
        found = trust.deployment_of_log(bundle.entry.log_id)
        if found is not None:
            return found
    if len(trust.deployments) == 1:
        return trust.deployments[0]
    raise VerificationError("checkpoint.origin", "no deployment Trust knows has this log")


def _judge(exhibits: list[Exhibit], case: Case, files: Files) -> None:
    """Two passes over one deployment's statements: the operator's first, as keys hang on them."""
    history = History(case.deployment, files.consistency, files.checkpoint)
    by_operator = [one for one in exhibits if _is_by_operator(one)]
    for exhibit in by_operator:
        _settle(exhibit, case, history, files)
    leave_out_refuted(by_operator, case)
    case.listed = newest_list(case, history)
    case.ring = KeyRing(_key_events(case), listed_endings(case.listed, case))
    for exhibit in exhibits:
        if exhibit not in by_operator:
            _settle(exhibit, case, history, files)
    examine_context(exhibits, case)
    examine_status(exhibits, case, history)
    examine_content(exhibits, case)
    leave_out_refuted(exhibits, case)
    for exhibit in exhibits:
        check_children(exhibit, exhibits, case)


def _is_by_operator(exhibit: Exhibit) -> bool:
    fixed = exhibit.deployment.fixed_key(exhibit.bundle.hint or "")
    return fixed is not None and fixed[1] == "operator"


def _settle(exhibit: Exhibit, case: Case, history: History, files: Files) -> None:
    """Steps 5 to 13; what passes signature and log may be relied on by other statements."""
    check_signature(exhibit, case.ring)
    check_log(exhibit, history)
    check_time_sources(exhibit, files.promises.get(exhibit.statement_id))
    check_certificate(exhibit)
    if exhibit.statement is None:
        return
    check_claimed_time(exhibit, exhibit.statement, history)
    docket = exhibit.docket
    if not (docket.passed("signature") and docket.passed("log")) or exhibit.position is None:
        return
    known = case.settled.get(exhibit.statement_id)
    if known is None or exhibit.position < known.position:
        case.settled[exhibit.statement_id] = Settled(
            exhibit.statement, exhibit.position, exhibit.moment, exhibit.checkpoint
        )


def _key_events(case: Case) -> Iterator[KeyEvent]:
    for event in case.standing(KEY_EVENT):
        statement = event.statement
        vouchers = opened_or_none(partial(case.vouchers, statement))
        yield KeyEvent(statement.id, event.position, statement.predicate, vouchers)


def _earliest(exhibits: list[Exhibit]) -> Iterator[Exhibit]:
    """One exhibit per statement: of several leaves the lowest (epoch, index) counts."""
    by_id: dict[str, Exhibit] = {}
    for exhibit in exhibits:
        known = by_id.setdefault(exhibit.statement_id, exhibit)
        if (exhibit.position or NOT_LOGGED) < (known.position or NOT_LOGGED):
            by_id[exhibit.statement_id] = exhibit
    yield from by_id.values()


def _main(exhibits: list[Exhibit], refused: Mapping[str, Verdict], files: Files) -> Exhibit | None:
    """The bundle that was asked about; of an archive its newest declaration, else what it is for.

    None where that bundle could not even be read.
    """
    if files.lone:
        first = hashlib.sha256(files.bundles[0][1]).hexdigest()
        return None if first in refused else exhibits[0]
    readable = all(one.statement for one in exhibits) and not refused
    # What could not be read may have been the declaration: nothing else is given out in its place.
    for name in _MAIN_FIRST if readable else (DECLARATION,):
        found = [one for one in exhibits if one.statement and one.statement.name == name]
        if found:
            return max(found, key=_by_reader_and_place)
    return None


def _by_reader_and_place(exhibit: Exhibit) -> tuple[bool, Position]:
    """What a firm above hands on of those below is never what an archive is about."""
    return not exhibit.handed_on_by, exhibit.position or _NOT_LOGGED_BELOW


def _ask_of_main(main: Exhibit, case: Case, exhibits: list[Exhibit]) -> None:
    """What is asked once of the whole material, and answered on the main statement's account."""
    if main.statement is not None:
        check_expected_component(main, main.statement, case)
    for stranger in case.files.disclosures.keys() - {one.statement_id for one in exhibits}:
        main.docket.report(23, "disclosure.unknown", f"no statement {stranger[:16]}… is in hand")


def _relied_on(
    main: Exhibit | None, exhibits: list[Exhibit], cases: Mapping[str, Case]
) -> Iterator[Exhibit]:
    """Whatever the main statement stands on: all but what concerns other answers only.

    These are other responses, other revisions, and grants of them. A statement that could not be
    read counts: nobody can tell what it would have said.
    """
    answers = _answers_relied_on(main, cases)
    for exhibit in exhibits:
        statement = exhibit.statement
        if statement is None:
            yield exhibit
        elif statement.name in _ANSWERING:
            if statement.id in answers:
                yield exhibit
        elif statement.name != GRANT or exhibit is main or statement.subject_sha256 in answers:
            yield exhibit


def _answers_relied_on(main: Exhibit | None, cases: Mapping[str, Case]) -> frozenset[str]:
    if main is None or main.statement is None:
        return frozenset()
    case = cases[main.deployment.origin]
    if main.statement.name == DECLARATION:
        return components_of(main.statement, case) | {main.statement_id}
    declaration = case.declaration_of(main.statement)
    above = {declaration.statement.id} if declaration is not None else set()
    return frozenset({main.statement_id, *above})


def _with_notes(
    answer: Verdict, expect: Expectations, files: Files, main: Exhibit | None
) -> Verdict:
    notes = [f"expectation {name}: ANY, compared with nothing" for name in expect.left_open()]
    if main is None:
        notes.append("there is no statement to judge")
    if files.archive_token is not None:
        notes.append(_archive_time(files.archive_token, files, main))
    return replace(answer, notes=(*answer.notes, *notes))


def _archive_time(token: bytes, files: Files, main: Exhibit | None) -> str:
    if main is None:
        return "archive.tsr: there is no statement whose log it could be about"
    newest = [files.checkpoint] if files.checkpoint is not None else []
    return archive_time(
        token, [*newest, *(link.checkpoint for link in files.consistency)], main.deployment
    )
