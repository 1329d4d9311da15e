"""What a reader expects of a response; leaving something open has to be said (`ANY`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import Enum
from typing import Final, Literal


class _Any(Enum):
    ANY = "ANY"


ANY: Final = _Any.ANY
"""No expectation; reported in the verdict's notes."""
AnyValue = Literal[_Any.ANY]


@dataclass(frozen=True, slots=True)
class ExpectedRequest:
    """The reader's own record of what it asked: request id (uuid) and nonce (base64url)."""

    request_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class ExpectedQuestionnaire:
    """What was asked: question ids, and (pack id, lowercase hex sha256) of each pack."""

    questions: frozenset[str]
    packs: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What a response is held against (attestation profile, section 8).

    `audience` is the reader, `urn:rensho:org:<uuid>`; `component` a supplierComponentId one of
    the main statements must be about; `line` the goods, product or site of the reader's link that
    the declared scope must cover; `signer_role` a role of section 1; `freshness` the greatest
    age of T at now. Audience and request have no default: whoever does not check them writes so.
    """

    audience: str | AnyValue
    request: ExpectedRequest | AnyValue
    questionnaire: ExpectedQuestionnaire | AnyValue = ANY
    component: str | AnyValue = ANY
    line: str | AnyValue = ANY
    signer_role: str | AnyValue = ANY
    freshness: timedelta | AnyValue = ANY

    def left_open(self) -> Iterator[str]:
        """The names of the expectations that are ANY."""
        for each in fields(self):
            if getattr(self, each.name) is ANY:
                yield each.name
