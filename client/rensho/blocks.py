"""Arrays of hidden entries: audience, respondents, vouchers, sub-tier (profile section 2).

The makers return the JSON block for a predicate or document and the disclosure texts in the order
of the entries; who is handed which text is the caller's choice. Only `respondents` is not padded:
the profile lets its length show.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from rensho import disclosure
from rensho.disclosure import SD_ALG
from rensho.entries import (
    DEPENDENCIES,
    Dependency,
    Reader,
    Respondent,
    SubTierEntry,
    Voucher,
    read_totals,
)
from rensho.errors import VerificationError
from rensho.shapes import SHA256_URL, array, exactly, one_of, record

Block = dict[str, Any]
Decoy = Callable[[int], bytes]

SUB_TIER: Final = record(
    {
        "declared": one_of("complete", "none"),
        "totals": SHA256_URL,
        "_sd_alg": exactly(SD_ALG),
        "_sd": array(SHA256_URL, unique=True),
    }
)


def audience(
    readers: Iterable[Reader], *, decoy: Decoy = secrets.token_bytes
) -> tuple[Block, tuple[str, ...]]:
    """Hide who may read."""
    return _padded((reader.to_json() for reader in readers), decoy)


def vouched_by(
    vouchers: Iterable[Voucher], *, decoy: Decoy = secrets.token_bytes
) -> tuple[Block, tuple[str, ...]]:
    """Hide who vouches for a key."""
    return _padded((voucher.to_json() for voucher in vouchers), decoy)


def respondents(asked: Iterable[Respondent]) -> tuple[Block, tuple[str, ...]]:
    """Hide whom a request statement addresses, but not how many."""
    made = [disclosure.make(respondent.to_json()) for respondent in asked]
    sd = disclosure.sorted_array(digest for _, digest in made)
    return {"_sd_alg": SD_ALG, "_sd": sd}, tuple(text for text, _ in made)


def _padded(values: Iterable[Block], decoy: Decoy) -> tuple[Block, tuple[str, ...]]:
    made = [disclosure.make(value) for value in values]
    sd = disclosure.sd_array((digest for _, digest in made), decoy=decoy)
    return {"_sd_alg": SD_ALG, "_sd": sd}, tuple(text for text, _ in made)


@dataclass(frozen=True, slots=True)
class SubTierTexts:
    """What opens a sub-tier block: the totals, and each entry in the order it was given."""

    totals: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenedSubTier:
    """A sub-tier as one reader sees it.

    `totals` is None where it was not opened: then the list is silent, whatever entries were.
    `undisclosed` are totals minus opened entries, per class.
    """

    declared: Literal["complete", "none"]
    totals: Mapping[Dependency, int] | None
    entries: tuple[SubTierEntry, ...]
    undisclosed: Mapping[Dependency, int]


@dataclass(frozen=True, slots=True)
class SubTier:
    """The signed list of a supplier's own suppliers, hidden entry by entry."""

    declared: Literal["complete", "none"]
    totals: str
    sd: tuple[str, ...]

    @classmethod
    def make(
        cls,
        entries: Iterable[SubTierEntry],
        undisclosed: Mapping[Dependency, int] | None = None,
        *,
        decoy: Decoy = secrets.token_bytes,
    ) -> tuple[Self, SubTierTexts]:
        """Hide `entries`; `undisclosed` counts, per class, firms that get no entry at all.

        Declares "none" where there is nothing to list, "complete" otherwise.
        """
        listed = list(entries)
        counted = Counter(dict.fromkeys(DEPENDENCIES, 0))
        counted.update(entry.dependency for entry in listed)
        counted.update(undisclosed or {})
        totals_text, totals_digest = disclosure.make(dict(read_totals(dict(counted))))
        block, texts = _padded((entry.to_json() for entry in listed), decoy)
        declared: Literal["complete", "none"] = "complete" if counted.total() else "none"
        return cls(declared, totals_digest, tuple(block["_sd"])), SubTierTexts(totals_text, texts)

    def to_json(self) -> Block:
        """Return it as a declaration document carries it."""
        return {
            "declared": self.declared,
            "totals": self.totals,
            "_sd_alg": SD_ALG,
            "_sd": list(self.sd),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the block of a checked declaration document."""
        return cls(value["declared"], value["totals"], tuple(value["_sd"]))

    def open(self, texts: Iterable[str]) -> OpenedSubTier:
        """Read what `texts` disclose, the totals among them or not.

        Raises `disclosure.*`, and `sub.invalid` where entries exceed the totals of their class or
        a list signed as "none" holds something.
        """
        given = list(texts)
        named = [text for text in given if disclosure.digest(text) == self.totals]
        if len(named) > 1:
            raise VerificationError("disclosure.duplicate", "totals")
        rest = (text for text in given if text not in named)
        opened = disclosure.open(self.sd, rest)
        entries = tuple(SubTierEntry.from_json(found.value) for found in opened.values())
        if self.declared == "none" and entries:
            raise VerificationError("sub.invalid", "entries in a list signed as none")
        if not named:
            return OpenedSubTier(self.declared, None, entries, {})
        totals = read_totals(disclosure.parse(named[0]).value)
        seen = Counter(entry.dependency for entry in entries)
        left = {name: totals[name] - seen[name] for name in DEPENDENCIES}
        if min(left.values()) < 0 or (self.declared == "none") != (not any(totals.values())):
            raise VerificationError("sub.invalid", "totals contradict the list")
        return OpenedSubTier(self.declared, totals, entries, left)
