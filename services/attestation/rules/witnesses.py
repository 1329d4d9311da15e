"""The words of C2SP tlog-witness as a log speaks them, and which witnesses it speaks to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from rensho import checkpoint, strict_base64, strict_json
from rensho.checkpoint import NoteKey
from rensho.errors import VerificationError
from rensho.trust import Witness

from services.attestation.rules.guard import SequencerRefused

MAX_ANSWER: Final = 16 * 1024
MAX_SKEW: Final = timedelta(seconds=60)
_MAX_SIZE_DIGITS: Final = 16
_MAX_WITNESSES: Final = 20  # a note has 32 lines, and the log's own
_SIZE_TYPE: Final = "text/x.tlog.size"


@dataclass(frozen=True)
class Observer:
    """A witness by the name and key Trust has for it, and where it is asked.

    One without `url` has retired: its lines of before still count, it is asked no more.
    """

    witness: Witness
    url: str | None

    @property
    def key(self) -> bytes:
        """Its raw Ed25519 key."""
        return self.witness.key


@dataclass(frozen=True)
class Panel:
    """All witnesses of a deployment, and how many of them a head needs before it is shown."""

    observers: tuple[Observer, ...] = ()
    quorum: int = 0

    @property
    def asked(self) -> tuple[Observer, ...]:
        """Those that are asked."""
        return tuple(one for one in self.observers if one.url is not None)


@dataclass(frozen=True)
class Line:
    """A cosignature line that verified, and the time it names."""

    text: bytes
    cosigned_at: datetime


@dataclass(frozen=True)
class Conflict:
    """The witness cosigned a head of this size last (409), not of the one it was told."""

    size: int


@dataclass(frozen=True)
class Misfit:
    """The witness says that this head does not continue the one it cosigned (422)."""


@dataclass(frozen=True)
class Nothing:
    """No usable answer; `why` is for the log."""

    why: str


Answer = Line | Conflict | Misfit | Nothing


def read(text: str, quorum: int, origins: Iterable[str]) -> Panel:
    """Read the list of witnesses: JSON `[{"name", "key": base64, "url"?}]`.

    Raises:
        SequencerRefused: `witness.settings` for a malformed list, two witnesses of one name or
            key, one that is named like the log, or a quorum that cannot be reached.
    """
    try:
        found = Panel(tuple(_observer(one) for one in _array(text)), quorum)
    except (VerificationError, ValueError) as why:
        raise SequencerRefused("witness.settings", f"the list of witnesses: {why}") from why
    names = [one.witness.name for one in found.observers]
    # A key under two names would be one voice counted twice.
    if len({*names}) < len(names) or len({one.key for one in found.observers}) < len(names):
        raise SequencerRefused("witness.settings", "two witnesses share a name or a key")
    if set(origins) & set(names):
        raise SequencerRefused("witness.settings", "a witness is named like the log")
    if quorum > len(found.asked):
        raise SequencerRefused(
            "witness.settings", f"a quorum of {quorum} out of {len(found.asked)} asked"
        )
    return found


def question(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body of an add-checkpoint request."""
    lines = [f"old {old}", *map(strict_base64.encode, proof), "", ""]
    return "\n".join(lines).encode() + note


def answer(status: int, media_type: str, body: bytes) -> bytes | Conflict | Misfit | Nothing:
    """Return what a witness's HTTP answer means; bytes are lines nobody has verified yet."""
    if status == HTTPStatus.OK:
        return body
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return Misfit()
    size = body.removesuffix(b"\n")
    told = media_type == _SIZE_TYPE and size.isdigit() and len(size) <= _MAX_SIZE_DIGITS
    if status == HTTPStatus.CONFLICT and told:
        return Conflict(int(size))
    return Nothing(f"HTTP {status}: {body[:200].decode(errors='replace').strip()}")


def verified(
    body: bytes, note: bytes, log_key: NoteKey, observer: Observer, now: datetime
) -> Line | Nothing:
    """Return the line of `observer` over `note` among those in `body`.

    A wrong time would stay in bundles for ever and make good statements INVALID: a line whose
    clock is more than `MAX_SKEW` off ours is not taken.
    """
    key = observer.witness.note_key
    for line in body.splitlines(keepends=True):
        try:
            seen = checkpoint.open(note + line, [log_key, key]).cosigned_at.get(key)
        except VerificationError as why:
            return Nothing(f"its line does not verify: {why.code}")
        if seen is None:
            continue
        if abs(seen - now) > MAX_SKEW:
            return Nothing(f"its clock says {seen}, ours {now}")
        return Line(line, seen)
    return Nothing("no line under its name and key")


def _observer(value: Any) -> Observer:
    if not isinstance(value, dict) or not set(value) <= {"name", "key", "url"}:
        raise ValueError("an entry has name, key and url")
    raw = strict_base64.decode(value.get("key"), 32)
    witness = Witness(str(value.get("name", "")), raw)
    NoteKey.from_vkey(witness.note_key.vkey)
    url = value.get("url")
    if url is not None and (not isinstance(url, str) or not _is_http(url)):
        raise ValueError(f"{witness.name}: its url is http or https")
    return Observer(witness, url.rstrip("/") if url else None)


def _is_http(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _array(text: str) -> list[Any]:
    value = strict_json.loads(text.encode())
    if isinstance(value, list) and len(value) <= _MAX_WITNESSES:
        return value
    raise ValueError(f"it is a JSON array of at most {_MAX_WITNESSES}")
