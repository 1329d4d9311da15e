"""What the logged key events say about a key: whose it is, since when, until when.

Order is (epoch, index) of the log and nothing else; clocks are asked only where the profile asks
them (the key's period, and a compromise that reaches back in time). Profile sections 3 and 8,
steps 5, 14 and 15.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rensho import strict_base64, times
from rensho.entries import Voucher
from rensho.errors import Code, VerificationError
from rensho.keys import PublicKey

Position = tuple[int, int]
"""(number of the epoch, index of the leaf); epoch 0 is the first."""

NOT_LOGGED: Final[Position] = (2**53, 0)
"""The position of what is about to be logged: after everything that is."""

_INTRODUCES: Final = frozenset({"enrol", "rotate"})
_ENDS: Final[Mapping[str, tuple[Code, str]]] = {
    "suspend": ("key.suspended", "logged while the key was suspended"),
    "revoke": ("key.revoked", "logged after the key was revoked"),
}


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """One logged key event, whose own signature and place in the log somebody has checked.

    `predicate` is the checked predicate of the statement, `vouched_by` the `vouchedBy` entries
    opened to this reader.
    """

    statement_id: str
    position: Position
    predicate: Mapping[str, Any]
    vouched_by: tuple[Voucher, ...] = ()

    @property
    def event(self) -> str:
        """What happened: enrol, rotate, suspend, revoke or confirm."""
        return str(self.predicate["event"])

    @property
    def org(self) -> str:
        """Whose key it is."""
        return str(self.predicate["org"])

    @property
    def key(self) -> PublicKey:
        """The key itself, not the operator's that signed the event."""
        return PublicKey.from_der(strict_base64.decode(self.predicate["key"]["spki"]))


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key of one organization, with all its events in log order; the first introduces it."""

    key: PublicKey
    org: str
    events: tuple[KeyEvent, ...]
    chain_holds: bool

    def introduction(self, position: Position) -> KeyEvent:
        """The newest enrolment before `position`, else the first there is."""
        found = [event for event in self.events if event.event in _INTRODUCES]
        earlier = [event for event in found if event.position < position]
        return earlier[-1] if earlier else found[0]

    def roles(self, position: Position) -> frozenset[str]:
        """The roles the key was enrolled for as of `position`."""
        return frozenset(self.introduction(position).predicate["roles"])

    def state_at(
        self, position: Position, moment: datetime | None, revocation_moment: datetime | None
    ) -> list[tuple[Code, str]]:
        """What step 14 finds about a statement at `position` that existed at `moment` (T).

        `revocation_moment` is the T of a theft that reaches back in time (section 5).
        """
        found: list[tuple[Code, str]] = []
        introduced = self.introduction(position)
        if introduced.position >= position:
            found.append(("key.not_enrolled_yet", "the key was enrolled later"))
        if not self.chain_holds:
            found.append(("key.chain_broken", "a key event of this organization is missing"))
        period = introduced.predicate["validity"]
        first, last = times.read(period["notBefore"]), times.read(period["notAfter"])
        if moment is not None and not first <= moment <= last:
            found.append(("time.key_not_valid", "outside the key's period"))
        for event in self.events:
            found.extend(_ended_by(event, position, revocation_moment, introduced.position))
        return found

    def vouched_for_by(self, asker: str | None) -> tuple[Voucher, ...]:
        """The opened entries by which `asker` (None: anybody) stands for this key."""
        return tuple(
            entry
            for event in self.events
            if event.event in _INTRODUCES | {"confirm"}
            for entry in event.vouched_by
            if asker is None or entry.by == asker
        )


def _ended_by(
    event: KeyEvent, position: Position, moment: datetime | None, introduced: Position
) -> list[tuple[Code, str]]:
    reason = event.predicate.get("reason") if event.event == "revoke" else None
    if reason == "identity-false":
        return [("key.identity_false", "the key was never this organization's")]
    if reason == "key-compromise":
        since = times.read(event.predicate["invalidSince"])
        # Without a T before the theft nobody can tell the thief's statements from the owner's.
        if moment is None or moment >= since:
            return [("key.compromised", "the key was in other hands")]
    # What ended a key has no effect on what it signed before, nor after it was enrolled anew.
    if not introduced < event.position < position:
        return []
    ended = _ENDS.get(event.event)
    return [] if ended is None else [ended]


Endings = Mapping[tuple[str, str], KeyEvent]
"""Endings known from a status list, by (key id, organization): they are of no chain of `prev`."""


class KeyRing:
    """Every key the key events at hand tell about, by key id and organization."""

    def __init__(self, events: Iterable[KeyEvent], listed: Endings | None = None) -> None:
        """Order the events; `listed` holds against a key even where its own event was left out."""
        ended = listed or {}
        in_order = sorted(events, key=lambda event: event.position)
        by_org: dict[str, list[KeyEvent]] = {}
        by_key: dict[tuple[str, str], list[KeyEvent]] = {}
        self._keys: dict[str, PublicKey] = {}
        for event in in_order:
            by_org.setdefault(event.org, []).append(event)
            by_key.setdefault((event.key.key_id, event.org), []).append(event)
            if event.event in _INTRODUCES:
                self._keys[event.key.key_id] = event.key
        chains = {org: _is_chain(chain) for org, chain in by_org.items()}
        self._records = {
            place: KeyRecord(
                found[0].key,
                place[1],
                (*found, *((ended[place],) if place in ended else ())),
                chains[place[1]],
            )
            for place, found in by_key.items()
            if any(event.event in _INTRODUCES for event in found)
        }

    def key(self, key_id: str) -> PublicKey:
        """Return the key of this id. Raises `key.unknown`."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise VerificationError("key.unknown", "no key event for this key") from None

    def record(self, key_id: str, org: str) -> KeyRecord | None:
        """Return what is known of a key as this organization's; None if it is not."""
        return self._records.get((key_id, org))


def _is_chain(events: Iterable[KeyEvent]) -> bool:
    """Whether each event names the one before it as `prev`, the first one none."""
    previous: str | None = None
    for event in events:
        if event.predicate["prev"] != previous:
            return False
        previous = event.statement_id
    return True
