"""C2SP signed notes that carry a tree head: tlog-checkpoint and tlog-cosignature/v1.

A note is a body, an empty line and signature lines. The body is origin, size, root, and whatever
extension lines its log adds. Lines of unknown keys are passed over; a known key whose line fails
rejects the whole note (profile section 8, step 9).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from rensho import strict_base64
from rensho.errors import VerificationError
from rensho.keys import PrivateKey, PublicKey
from rensho.merkle import EMPTY_ROOT, HASH_SIZE

MAX_LINES: Final = 32
_DASH: Final = "\N{EM DASH} "
_HASH: Final = 4
_TIMESTAMP: Final = 8
_LATEST: Final = 253402300799  # 9999-12-31T23:59:59Z, the last second a datetime can hold
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_MAX_SIZE: Final = 2**53 - 1
_NAME: Final = re.compile(r"[^\s+\x00-\x20\x7f]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VKEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(.+)")

Kind = Literal["log", "cosignature"]
_TYPE: Final[Mapping[Kind, bytes]] = {"log": b"\x01", "cosignature": b"\x04"}


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key a reader trusts to sign notes under `name`; `public` is the raw 32 Ed25519 bytes.

    A log key's name is its origin. The operator's time key cosigns under the same name: its
    signature type gives it another key hash. A witness cosigns under its own name.
    """

    name: str
    public: bytes
    kind: Kind = "log"

    @property
    def full_hash(self) -> bytes:
        """sha256(name, newline, type, key): 32 bytes, for a log key the `logId` of a bundle."""
        return hashlib.sha256(
            self.name.encode("utf-8") + b"\n" + _TYPE[self.kind] + self.public
        ).digest()

    @property
    def key_hash(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        return self.full_hash[:_HASH]

    @property
    def vkey(self) -> str:
        """The key in C2SP text form: name+hash+base64(type, key)."""
        blob = strict_base64.encode(_TYPE[self.kind] + self.public)
        return f"{self.name}+{self.key_hash.hex()}+{blob}"

    @classmethod
    def from_vkey(cls, text: str) -> NoteKey:
        """Read the C2SP text form. Raises `key.algorithm_not_allowed`."""
        parts = _VKEY.fullmatch(text)
        if parts is None:
            raise VerificationError("key.algorithm_not_allowed", "not a note key")
        blob = strict_base64.decode(parts[3])
        kinds = {code: kind for kind, code in _TYPE.items()}
        if blob[:1] not in kinds:
            raise VerificationError("key.algorithm_not_allowed", "unknown note key type")
        PublicKey.from_raw_ed25519(blob[1:])
        found = cls(parts[1], blob[1:], kinds[blob[:1]])
        if found.key_hash.hex() != parts[2]:
            raise VerificationError("key.algorithm_not_allowed", "key hash does not match")
        return found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head whose known signatures all hold.

    Compare checkpoints by `body`: witness lines may arrive later.
    """

    origin: str
    size: int
    root_hash: bytes
    body: bytes
    cosigned_at: Mapping[NoteKey, datetime] = field(default_factory=dict)
    """When each known time key or witness says it saw this head (UTC, whole seconds)."""


def sign(origin: str, size: int, root_hash: bytes, key: PrivateKey) -> bytes:
    """Make the note of one tree head, signed by the log's Ed25519 key.

    Raises `checkpoint.malformed` for an origin, size or root that no note can carry.
    """
    body = f"{origin}\n{size}\n{strict_base64.encode(root_hash)}\n".encode()
    _parse_body(body)
    signer = NoteKey(origin, key.public.raw_ed25519)
    return body + b"\n" + _line(signer, key.sign(body))


def add_cosignature(note: bytes, name: str, key: PrivateKey, time: datetime) -> bytes:
    """Append the `cosignature/v1` line of `key` under `name`, saying it saw the head at `time`.

    `time` is aware and cut to whole seconds. The note's other lines are not verified here: a
    cosigner opens the note first.
    """
    body, lines = _split(note)
    if len(body.splitlines()) + 1 + len(lines) >= MAX_LINES:
        raise VerificationError("input.too_many_items", "note lines")
    seconds = int(time.timestamp())
    signer = NoteKey(name, key.public.raw_ed25519, "cosignature")
    signature = key.sign(_cosigned(seconds, body))
    return note + _line(signer, seconds.to_bytes(_TIMESTAMP, "big") + signature)


def open(note: bytes, keys: Iterable[NoteKey | str]) -> Checkpoint:  # noqa: A001
    """Verify a note and read its tree head.

    `keys` are the log keys, time keys and witnesses the reader trusts (a string is a C2SP vkey).
    The note must be signed by the log key named as its origin.

    Raises `input.too_many_items` (more than 32 lines), `checkpoint.malformed`,
    `base64.not_canonical`, `checkpoint.origin` (no log key of that origin is known) or
    `checkpoint.signature`.
    """
    body, lines = _split(note)
    origin, size, root_hash = _parse_body(body)
    known = {
        (key.name, key.key_hash): key
        for key in (NoteKey.from_vkey(k) if isinstance(k, str) else k for k in keys)
    }
    if not any(key.kind == "log" and key.name == origin for key in known.values()):
        raise VerificationError("checkpoint.origin", "no known log key of this origin")
    signed_by: set[NoteKey] = set()
    cosigned_at: dict[NoteKey, datetime] = {}
    for line in lines:
        name, blob = _parse_line(line)
        signer = known.get((name, blob[:_HASH]))
        if signer is None:
            continue
        if signer in signed_by:
            raise VerificationError("checkpoint.malformed", "two lines of one key")
        signed_by.add(signer)
        if signer.kind == "cosignature":
            cosigned_at[signer] = _check_cosignature(signer, body, blob[_HASH:])
        else:
            _check(signer, blob[_HASH:], body)
    if not any(key.kind == "log" and key.name == origin for key in signed_by):
        raise VerificationError("checkpoint.signature", "not signed by its log")
    return Checkpoint(origin, size, root_hash, body, cosigned_at)


def _split(note: bytes) -> tuple[bytes, list[str]]:
    """Return the body with its last newline, and the signature lines without theirs."""
    if note.count(b"\n") > MAX_LINES:
        raise VerificationError("input.too_many_items", "note lines")
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError as why:
        raise VerificationError("checkpoint.malformed", "not UTF-8") from why
    head, blank, tail = text.rpartition("\n\n")
    if not (blank and tail.endswith("\n")) or _CONTROL.search(text):
        raise VerificationError("checkpoint.malformed", "not a signed note")
    return (head + "\n").encode("utf-8"), tail.removesuffix("\n").split("\n")


def _parse_body(body: bytes) -> tuple[str, int, bytes]:
    lines = body.decode("utf-8").removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size, root
        raise VerificationError("checkpoint.malformed", "origin, size or root is missing")
    origin, digits, encoded = lines[:3]
    if not _NAME.fullmatch(origin) or not _SIZE.fullmatch(digits) or int(digits) > _MAX_SIZE:
        raise VerificationError("checkpoint.malformed", "origin or size")
    size, root_hash = int(digits), strict_base64.decode(encoded, HASH_SIZE)
    if size == 0 and root_hash != EMPTY_ROOT:
        raise VerificationError("checkpoint.malformed", "an empty tree has one root")
    return origin, size, root_hash


def _parse_line(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not (line.startswith(_DASH) and space and _NAME.fullmatch(name)):
        raise VerificationError("checkpoint.malformed", "signature line")
    blob = strict_base64.decode(encoded)
    if len(blob) <= _HASH:
        raise VerificationError("checkpoint.malformed", "signature line is too short")
    return name, blob


def _line(signer: NoteKey, signature: bytes) -> bytes:
    if not _NAME.fullmatch(signer.name):
        raise VerificationError("checkpoint.malformed", "name")
    return f"{_DASH}{signer.name} {strict_base64.encode(signer.key_hash + signature)}\n".encode()


def _cosigned(seconds: int, body: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (seconds, body)


def _check_cosignature(signer: NoteKey, body: bytes, blob: bytes) -> datetime:
    seconds = int.from_bytes(blob[:_TIMESTAMP], "big")
    if seconds > _LATEST:
        raise VerificationError("checkpoint.malformed", "time of a cosignature")
    _check(signer, blob[_TIMESTAMP:], _cosigned(seconds, body))
    return datetime.fromtimestamp(seconds, UTC)


def _check(signer: NoteKey, signature: bytes, message: bytes) -> None:
    try:
        PublicKey.from_raw_ed25519(signer.public).verify(signature, message)
    except VerificationError as why:
        raise VerificationError("checkpoint.signature", f"line of {signer.name}") from why
