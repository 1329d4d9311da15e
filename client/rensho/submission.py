"""What a server checks before it promises to log a submission: the same steps, without a log.

A server that accepted what every verifier would later refuse would leave the signer with a
statement that can never be VALID and cannot be taken back, so the checks are not written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rensho import bundle as bundles
from rensho._steps_signature import check_certificate, check_signature
from rensho._steps_time import check_claimed_time
from rensho.bundle import Bundle
from rensho.case import Case, Settled
from rensho.errors import Code, VerificationError
from rensho.examination import examine_content, examine_context
from rensho.exhibit import Exhibit
from rensho.expectations import ANY, Expectations
from rensho.history import History, TreeHead
from rensho.keyring import KeyEvent, KeyRing, Position
from rensho.material import documents_only
from rensho.statement import Statement
from rensho.trust import Deployment
from rensho.verdict import Finding, in_step_order

_NOTHING_EXPECTED = Expectations(audience=ANY, request=ANY)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A statement the server has verified and logged before: what a submission may refer to."""

    statement: Statement
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Signed statements that are to be logged together, and what the server knows already.

    `bundles` are bundle files without a log entry. `files` are named as in an archive (section 7:
    `<sha256>.<kind>.json`, `<sha256>.evidence`, `disclosures.json`): what the signer handed in,
    and of earlier statements the documents and disclosures the checks need (the request's
    questionnaire and respondent entries, descriptors of superseded statements). `key_events` are
    all logged events of the signer's organization; `recorded` the request, superseded or reviewed
    statements and the other statements of the response; `heads` the server's own (origin, size)
    tree heads an anchor may name.
    """

    bundles: tuple[bytes, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    key_events: tuple[KeyEvent, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    heads: Mapping[tuple[str, int], TreeHead] = field(default_factory=dict)


def check_submission(
    submission: Submission,
    deployment: Deployment,
    now: datetime,
    expect: Expectations = _NOTHING_EXPECTED,
) -> list[Code]:
    """Return the codes of everything wrong with a submission, in step order; empty if nothing is.

    Runs steps 1 to 7, the parts of 13 and 14 that need no log entry (T is `now`), 15 to 19, 22
    and 23. Codes of `rensho.errors.INDETERMINATE` are among them: which of these a server lets
    pass (a key nobody on the link has confirmed yet) is its decision. Evidence bytes are looked at
    where they are in hand; that they are handed over apart is no code.
    """
    return list(in_step_order(findings(submission, deployment, now, expect)))


def findings(
    submission: Submission,
    deployment: Deployment,
    now: datetime,
    expect: Expectations = _NOTHING_EXPECTED,
) -> list[Finding]:
    """As `check_submission`, with the step and a sentence for each code."""
    found: list[Finding] = []
    try:
        files = documents_only(submission.files.items())
    except VerificationError as why:
        return [Finding(step_of(why.code), why.code, why.detail)]
    ring = KeyRing(submission.key_events)
    case = Case(deployment, files, expect, now, ring, evidence_apart=True)
    for earlier in submission.recorded:
        case.settled[earlier.statement.id] = Settled(earlier.statement, earlier.position)
    history = History(deployment, known=submission.heads)
    exhibits: list[Exhibit] = []
    for data in submission.bundles:
        try:
            exhibits.append(_exhibit(bundles.parse(data), deployment, now))
        except VerificationError as why:
            found.append(Finding(step_of(why.code), why.code, why.detail))
    if not exhibits and not found:
        found.append(Finding(4, "dsse.signature_count", "nothing was submitted"))
    for exhibit in exhibits:
        _settle(exhibit, case, history)
    examine_context(exhibits, case)
    examine_content(exhibits, case)
    return [*found, *(finding for exhibit in exhibits for finding in exhibit.docket.findings)]


def _exhibit(bundle: Bundle, deployment: Deployment, now: datetime) -> Exhibit:
    return Exhibit(bundle, deployment, bundle.statement_id, moment=now, revocation_moment=now)


def _settle(exhibit: Exhibit, case: Case, history: History) -> None:
    check_signature(exhibit, case.ring)
    check_certificate(exhibit)
    if exhibit.statement is not None:
        case.settled.setdefault(exhibit.statement_id, Settled(exhibit.statement))
        check_claimed_time(exhibit, exhibit.statement, history)


def step_of(code: Code) -> int:
    """The step that raises a code while files are only read: 1 to 4, and 10 for an index."""
    family = code.partition(".")[0]
    return {"input": 1, "bundle": 3, "dsse": 4, "log": 10}.get(family, 2)
