"""Whom a row of a supplier list means: a known record, a row before it, or somebody new.

Identifiers decide; names only propose, and a person answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from services.questionnaire.rules import identifiers
from services.questionnaire.rules.names import match_key
from services.questionnaire.rules.refusals import Text
from services.questionnaire.rules.supplier_cells import SupplierRow

Outcome = Literal["new", "update", "same-firm", "ask"]

DISAGREE: Final = Text(
    "取引先コードと識別番号が別々の登録済み取引先を指しています",
    "its vendor code and numbers name different known suppliers",
)
DIFFERS: Final = Text(
    "登録済みの識別番号と異なります", "has another number than the known supplier of this code"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A record as matching sees it; `keys` of its identifiers, `names` the keys of its names."""

    id: str
    identifiers: Mapping[str, str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a row means.

    `id`: the record it updates. `with_line`: the earlier row of the same new firm. `candidates`:
    records that may be meant. `wrong`: why it cannot be taken at all, with the stable kind.
    """

    outcome: Outcome
    id: str | None = None
    with_line: int | None = None
    candidates: tuple[str, ...] = ()
    wrong: tuple[str, Text] | None = None


@dataclass(slots=True)
class Matcher:
    """Decides row by row, in the order of the file.

    Args:
        by_code: line → ids of the records that hold the row's vendor code in its validity.
        known: all records that share a code, an identifier or a name with any row, by id.
    """

    by_code: Mapping[int, frozenset[str]]
    known: Mapping[str, Known]
    _by_key: dict[str, set[str]] = field(init=False, default_factory=dict)
    _by_name: dict[str, set[str]] = field(init=False, default_factory=dict)
    _earlier: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the records by what they can be found by."""
        for record in self.known.values():
            for key in identifiers.keys(record.identifiers):
                self._by_key.setdefault(key, set()).add(record.id)
            for name in record.names:
                self._by_name.setdefault(name, set()).add(record.id)

    def decide(self, rows: Iterable[SupplierRow]) -> dict[int, Meaning]:
        """Return line → what the row means."""
        return {row.line: self._decide(row) for row in rows}

    def _decide(self, row: SupplierRow) -> Meaning:
        keys = identifiers.keys(row.identifiers)
        coded = self.by_code.get(row.line, frozenset())
        found = coded.union(*(self._by_key.get(key, ()) for key in keys))
        if len(found) > 1:
            return Meaning("ask", wrong=("identifiers-disagree", DISAGREE))
        if found:
            (record,) = found
            if _contradicts(self.known[record].identifiers, row.identifiers):
                return Meaning("ask", wrong=("identifier-differs", DIFFERS))
            return Meaning("update", id=record)
        if lines := [self._earlier[key] for key in keys if key in self._earlier]:
            return Meaning("same-firm", with_line=min(lines))
        self._earlier.update(dict.fromkeys(keys, row.line))
        alike = self._by_name.get(match_key(row.name), set())
        # Another number is another firm, however alike the names are.
        alike = {
            each
            for each in alike
            if not _contradicts(self.known[each].identifiers, row.identifiers)
        }
        return Meaning("ask", candidates=tuple(sorted(alike))) if alike else Meaning("new")


def _contradicts(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two sets of identifiers give one scheme different values."""
    return any(
        mine.partition(":")[0] == theirs.partition(":")[0] and mine != theirs
        for mine in _of_firms(one)
        for theirs in _of_firms(other)
    )


def _of_firms(told: Mapping[str, str]) -> Sequence[str]:
    # A GLN or a D-U-N-S may be that of a place: one firm can have several.
    return [key for key in identifiers.keys(told) if not key.startswith(("gln:", "duns:"))]
