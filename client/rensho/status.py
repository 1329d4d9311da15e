"""The status document: what no longer holds, the same for everybody (profile section 2).

It may leave out what needs no list any more: statements past their own `notAfter`, and keys that
are neither suspended nor revoked. Absence therefore means "nothing is known against it as of
then", which is what a fresh list under a fresh checkpoint is for (section 8, step 20).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Self, get_args

from rensho import salted, times
from rensho.disclosure import fresh_salt
from rensho.shapes import (
    HOST,
    KEY_ID,
    NONCE,
    ORG,
    SHA256,
    array,
    integer,
    one_of,
    record,
    refuse,
    time,
)

KeyStanding = Literal["suspended", "revoked"]
Reason = Literal["superseded", "ceased", "key-compromise", "identity-false"]

_PLACE: Final = record({"origin": HOST, "size": integer(0)})
_DOCUMENT: Final = record(
    {
        "salt": NONCE,
        "asOf": _PLACE,
        "retracted": array(SHA256, unique=True),
        "superseded": array(record({"statement": SHA256, "since": time})),
        "keys": array(
            record(
                {
                    "org": ORG,
                    "keyId": KEY_ID,
                    "state": one_of(*get_args(KeyStanding)),
                    "event": record({"origin": HOST, "index": integer(0)}),
                },
                {"reason": one_of(*get_args(Reason)), "invalidSince": time},
            )
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A key that no longer signs: what ended it, and the leaf (log origin, index) that says so.

    `reason` belongs to a revocation, `invalid_since` to a compromise.
    """

    org: str
    key_id: str
    state: KeyStanding
    origin: str
    index: int
    reason: Reason | None = None
    invalid_since: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry as the document carries it."""
        found: dict[str, Any] = {
            "org": self.org,
            "keyId": self.key_id,
            "state": self.state,
            "event": {"origin": self.origin, "index": self.index},
        }
        if self.reason is not None:
            found["reason"] = self.reason
        if self.invalid_since is not None:
            found["invalidSince"] = times.write(self.invalid_since)
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read an entry of a checked document."""
        since = value.get("invalidSince")
        return cls(
            org=value["org"],
            key_id=value["keyId"],
            state=value["state"],
            origin=value["event"]["origin"],
            index=value["event"]["index"],
            reason=value.get("reason"),
            invalid_since=None if since is None else times.read(since),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDocument:
    """The list as of the tree (`origin`, `size`).

    `retracted` are ids of statements taken back; `superseded` maps the id of a replaced statement
    to when its successor was received (T): what took its place is not said, the ids of two
    revisions would otherwise be tied together for everybody. `keys` holds a key at most once.
    """

    origin: str
    size: int
    retracted: Sequence[str] = ()
    superseded: Mapping[str, datetime] = field(default_factory=dict)
    keys: Sequence[ListedKey] = ()
    salt: str = field(default_factory=fresh_salt)

    def to_bytes(self) -> bytes:
        """Return the document, sorted. Raises `statement.schema`."""
        found = {
            "salt": self.salt,
            "asOf": {"origin": self.origin, "size": self.size},
            "retracted": sorted(self.retracted),
            "superseded": [
                {"statement": one, "since": times.write(since)}
                for one, since in sorted(self.superseded.items())
            ],
            "keys": [key.to_json() for key in sorted(self.keys, key=_place)],
        }
        return salted.write(_check, found, "status")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the document. Raises `json.*`, `statement.schema`, `statement.not_canonical`."""
        found = salted.read(_check, data, "status")
        return cls(
            origin=found["asOf"]["origin"],
            size=found["asOf"]["size"],
            retracted=tuple(found["retracted"]),
            superseded={
                entry["statement"]: times.read(entry["since"]) for entry in found["superseded"]
            },
            keys=tuple(ListedKey.from_json(entry) for entry in found["keys"]),
            salt=found["salt"],
        )

    def key(self, key_id: str, org: str) -> ListedKey | None:
        """What is listed against a key of an organization; None where nothing is."""
        for listed in self.keys:
            if (listed.key_id, listed.org) == (key_id, org):
                return listed
        return None


def _check(value: Any, path: str) -> None:
    _DOCUMENT(value, path)
    statements = [entry["statement"] for entry in value["superseded"]]
    _refuse_unsorted(value["retracted"], f"{path}.retracted")
    _refuse_unsorted(statements, f"{path}.superseded")
    _refuse_unsorted([(entry["org"], entry["keyId"]) for entry in value["keys"]], f"{path}.keys")
    for entry in value["keys"]:
        if (entry["state"] == "revoked") != ("reason" in entry):
            raise refuse(f"{path}.keys.reason", "belongs to a revocation and to nothing else")
        if (entry.get("reason") == "key-compromise") != ("invalidSince" in entry):
            raise refuse(f"{path}.keys.invalidSince", "belongs to key-compromise alone")


def _refuse_unsorted(found: list[Any], path: str) -> None:
    if found != sorted(set(found)):
        raise refuse(path, "not sorted, or one is there twice")


def _place(key: ListedKey) -> tuple[str, str]:
    return key.org, key.key_id
