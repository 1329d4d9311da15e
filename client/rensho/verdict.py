"""What a verification says: six parts, each with its codes, and an honest middle.

A step that never ran is not a step that passed: a part is VALID only when each of its steps ran,
or was declared as not applying, and none of them found anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from rensho.errors import CODES, INDETERMINATE, Code, VerificationError

Status = Literal["VALID", "INVALID", "INDETERMINATE", "NOT_REQUIRED"]

PARTS: Final = ("signature", "log", "time", "context", "status", "content")
STEPS: Final[Mapping[str, range]] = MappingProxyType(
    {
        "signature": range(1, 8),
        "log": range(8, 12),
        "time": range(12, 15),
        "context": range(15, 20),
        "status": range(20, 22),
        "content": range(22, 24),
    }
)
STATUS_LIST: Final = 20
"""The one step whose being skipped makes its part NOT_REQUIRED."""
_BY_SEVERITY: Final[tuple[Status, ...]] = ("NOT_REQUIRED", "VALID", "INDETERMINATE", "INVALID")


@dataclass(frozen=True)
class Finding:
    """One failed check: its step (1 to 23), its code, and a sentence safe to show.

    `refuted` makes an indeterminate code INVALID: of `cert.chain`, that an anchor was given and
    the chain does not lead to it.
    """

    step: int
    code: Code
    detail: str
    refuted: bool = False

    @property
    def wrong(self) -> bool:
        """Whether this says "wrong" and not only "could not be told"."""
        return self.refuted or self.code not in INDETERMINATE


@dataclass(frozen=True)
class Verdict:
    """The answer of `rensho.verify.verify` (attestation profile, section 8).

    `status` is VALID, INVALID or INDETERMINATE; `parts` has the six parts, of which only `status`
    may be NOT_REQUIRED; `codes` are all failures in step order, each once; `notes` say which
    steps were skipped and which expectations were ANY; `payload` are the verified bytes of the
    main statement (nothing else may be parsed) and is None unless its signature part is VALID;
    `statements` holds the verdict of each single statement by its id.
    """

    status: Status
    parts: Mapping[str, Status]
    codes: tuple[Code, ...]
    notes: tuple[str, ...] = ()
    payload: bytes | None = None
    statements: Mapping[str, Verdict] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass
class Docket:
    """What has been found so far about one statement, step by step."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ran: set[int] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Run one step; a `VerificationError` inside becomes its finding."""
        try:
            yield
        except VerificationError as why:
            self.report(number, why.code, why.detail)
        self.ran.add(number)

    def report(self, step: int, code: Code, detail: str = "", *, refuted: bool = False) -> None:
        """Write down a failed check; one step may find several. `refuted`: see `Finding`."""
        finding = Finding(step, code, detail, refuted)
        if finding not in self.findings:
            self.findings.append(finding)

    def skip(self, *steps: int, note: str | None = None) -> None:
        """Leave steps out because they do not apply; `note` is what the reader is told."""
        self.skipped.update(steps)
        if note is not None:
            self.note(note)

    def note(self, text: str) -> None:
        """Tell the reader something that is no failure."""
        self.notes.append(text)

    def clean(self, *steps: int) -> bool:
        """Whether each of these steps ran and found nothing."""
        failed = {finding.step for finding in self.findings}
        return self.ran >= set(steps) and failed.isdisjoint(steps)

    @property
    def refuted(self) -> bool:
        """Whether anything was found that says "wrong"."""
        return any(finding.wrong for finding in self.findings)

    def passed(self, part: str) -> bool:
        """Whether every step of a part ran without a finding."""
        return self.part(part) in {"VALID", "NOT_REQUIRED"}

    def part(self, part: str) -> Status:
        """How one of the six parts stands so far."""
        steps = STEPS[part]
        found = [finding for finding in self.findings if finding.step in steps]
        if any(finding.wrong for finding in found):
            return "INVALID"
        if found or not set(steps) <= self.ran | self.skipped:
            return "INDETERMINATE"
        return "NOT_REQUIRED" if part == "status" and STATUS_LIST in self.skipped else "VALID"

    def verdict(self, payload: bytes | None) -> Verdict:
        """Close the docket; `payload` is given out only if its signature part is VALID."""
        parts = {part: self.part(part) for part in PARTS}
        return Verdict(
            status=overall(parts.values()),
            parts=MappingProxyType(parts),
            codes=in_step_order(self.findings),
            notes=tuple(dict.fromkeys(self.notes)),
            payload=payload if parts["signature"] == "VALID" else None,
            findings=tuple(sorted(self.findings, key=_place)),
        )


def refusal(step: int, why: VerificationError) -> Verdict:
    """Return the verdict over material nothing could be read from."""
    docket = Docket()
    docket.report(step, why.code, why.detail)
    return docket.verdict(None)


def combine(
    verdicts: Iterable[Verdict],
    *,
    own: Verdict,
    statements: Mapping[str, Verdict],
) -> Verdict:
    """Return `own` (the main statement's verdict) worsened by those it relies on."""
    judged = [own, *verdicts]
    parts = {part: worst(one.parts[part] for one in judged) for part in PARTS}
    findings = [finding for one in judged for finding in one.findings]
    return Verdict(
        status=overall(parts.values()),
        parts=MappingProxyType(parts),
        codes=in_step_order(findings),
        notes=tuple(dict.fromkeys(note for one in judged for note in one.notes)),
        payload=own.payload,
        statements=MappingProxyType(dict(statements)),
        findings=tuple(sorted(dict.fromkeys(findings), key=_place)),
    )


def worst(statuses: Iterable[Status]) -> Status:
    """The status that decides: INVALID before INDETERMINATE before VALID before NOT_REQUIRED."""
    return max(statuses, key=_BY_SEVERITY.index)


def overall(statuses: Iterable[Status]) -> Status:
    """INVALID if any part is; else INDETERMINATE if any is; else VALID."""
    found = worst(statuses)
    return "VALID" if found == "NOT_REQUIRED" else found


def in_step_order(findings: Iterable[Finding]) -> tuple[Code, ...]:
    """The codes, each once, in the order of the steps."""
    return tuple(dict.fromkeys(finding.code for finding in sorted(findings, key=_place)))


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.step, CODES.index(finding.code), finding.detail
