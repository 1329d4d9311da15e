"""The portable archive `<response-id>.rensho.zip` (attestation profile, section 7).

The zip is deterministic: entries sorted by name, dated 1980-01-01, stored, mode 0644, flat names
out of a closed list. Reading is done here and not by `zipfile`, because two readers that look at
different headers (local or central) see two different archives; here the headers must agree in
every field, follow each other without a gap, and end with the file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rensho import jcs, strict_base64, strict_json
from rensho.errors import VerificationError

MAX_ARCHIVE: Final = 50 * 1024 * 1024
MAX_PROOF_HASHES: Final = 63

DISCLOSURES: Final = "disclosures.json"
CONSISTENCY: Final = "consistency.json"
CHECKPOINT: Final = "checkpoint.txt"
TIME_STAMP: Final = "archive.tsr"

DOCUMENT_KINDS: Final = (
    "descriptor",
    "answers",
    "declaration",
    "questionnaire",
    "status",
    "facts",
    "results",
)
_KINDS = "|".join(DOCUMENT_KINDS)
_NAME: Final = re.compile(
    rf"[0-9a-f]{{64}}\.(?:sigstore\.json|promise\.json|(?:{_KINDS})\.json|evidence)"
    r"|disclosures\.json|consistency\.json|checkpoint\.txt|archive\.tsr"
)
DISCLOSURE_KINDS: Final = (
    "audience",
    "answers",
    "evidence",
    "subTier",
    "vouchedBy",
    "respondents",
)
_STATEMENT_ID: Final = re.compile(r"[0-9a-f]{64}")

_LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END: Final = struct.Struct("<4sHHHHLLH")
_VERSION: Final = 20
_MADE_BY_UNIX: Final = 3 << 8 | _VERSION
_DATE_1980_01_01: Final = 1 << 5 | 1
_REGULAR_0644: Final = 0o100644
_UTF8_FLAG: Final = 0x800
_MAX_ENTRIES: Final = 0xFFFE


@dataclass(frozen=True)
class ConsistencyLink:
    """One proof of `consistency.json`: the note at the smaller size and the way to the newer one.

    `smaller` and `larger` are tree sizes, `checkpoint` the signed note at `smaller`, `hashes` the
    RFC 6962 consistency proof (each 32 bytes) from `smaller` to `larger`.
    """

    origin: str
    smaller: int
    larger: int
    checkpoint: bytes
    hashes: tuple[bytes, ...]


Disclosures = Mapping[str, Mapping[str, tuple[str, ...]]]


def is_name(name: str) -> bool:
    """Whether an archive may hold an entry of this name (section 7)."""
    return _NAME.fullmatch(name) is not None


def write(entries: Mapping[str, bytes]) -> bytes:
    """Return the one zip for these entries: the same mapping gives the same bytes everywhere.

    Raises `VerificationError` for a name outside section 7 and for more than 50 MiB.
    """
    body = bytearray()
    central = bytearray()
    for name in sorted(entries):
        if not is_name(name):
            raise VerificationError("archive.name", f"an archive has no entry named {name!r}")
        data = entries[name]
        raw = name.encode("ascii")
        fields = (0, 0, 0, _DATE_1980_01_01, zlib.crc32(data), len(data), len(data), len(raw), 0)
        central += _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY_UNIX, _VERSION, *fields, 0, 0, 0, _REGULAR_0644 << 16, len(body)
        )
        central += raw
        body += _LOCAL.pack(b"PK\x03\x04", _VERSION, *fields) + raw + data
        _refuse_beyond_limits(len(body) + len(central), 0)
    _refuse_beyond_limits(len(body) + len(central) + _END.size, len(entries))
    end = _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(central), len(body), 0)
    return bytes(body + central + end)


def read(data: bytes) -> dict[str, bytes]:
    """Return the entries of an archive by name.

    Raises `VerificationError`: `input.too_large`, `input.too_many_items`, `archive.name` for a
    name outside section 7, `archive.malformed` for anything `write` would not have produced that
    could make two readers disagree.
    """
    _refuse_beyond_limits(len(data), 0)
    count, central_size, central_at = _end_record(data)
    entries: dict[str, bytes] = {}
    previous = ""
    at = central_at
    expected_local = 0
    for _ in range(count):
        name, size, crc, local_at, shared = _central_record(data, at, central_at + central_size)
        if name <= previous:
            raise _malformed("entries are not sorted by name, or one is there twice")
        if local_at != expected_local:
            raise _malformed("entries do not follow each other")
        start = _local_record(data, local_at, name, shared)
        content = data[start : start + size]
        if start + size > central_at or zlib.crc32(content) != crc:
            raise _malformed(f"entry {name} is damaged")
        entries[name] = content
        previous = name
        expected_local = start + size
        at += _CENTRAL.size + len(name)
    if expected_local != central_at or at != central_at + central_size:
        raise _malformed("there are bytes no entry accounts for")
    return entries


def _end_record(data: bytes) -> tuple[int, int, int]:
    """Return (entries, size of the central directory, offset of it) of the record at the end."""
    at = len(data) - _END.size
    if at < 0:
        raise _malformed("it is too short")
    magic, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(data, at)
    if magic != b"PK\x05\x06" or comment or disk or first_disk or here != count:
        raise _malformed("its end record is not that of a plain one-part archive")
    if offset + size != at:
        raise _malformed("its central directory does not end where the end record begins")
    _refuse_beyond_limits(0, count)
    return count, size, offset


def _central_record(data: bytes, at: int, limit: int) -> tuple[str, int, int, int, tuple[int, ...]]:
    """Return (name, size, crc, local offset, the fields a local header repeats)."""
    if at + _CENTRAL.size > limit:
        raise _malformed("its central directory is cut short")
    magic, _made_by, *shared, comment, disk, _internal, attributes, local_at = _CENTRAL.unpack_from(
        data, at
    )
    _version, flags, method, time, date, crc, packed, size, name_length, extra = shared
    if magic != b"PK\x01\x02" or comment or extra or disk:
        raise _malformed("an entry carries extra fields")
    if flags not in {0, _UTF8_FLAG} or method != 0 or packed != size:
        raise _malformed("an entry is not plainly stored")
    mode = attributes >> 16
    if (time, date) != (0, _DATE_1980_01_01) or mode not in {_REGULAR_0644, 0o644}:
        raise _malformed("an entry has another date or mode than the fixed one")
    raw = data[at + _CENTRAL.size : min(at + _CENTRAL.size + name_length, limit)]
    name = raw.decode("latin-1")
    if not is_name(name):
        raise VerificationError("archive.name", f"an archive has no entry named {name[:80]!r}")
    return name, size, crc, local_at, tuple(shared)


def _local_record(data: bytes, at: int, name: str, shared: tuple[int, ...]) -> int:
    """Return where the content starts; refuse a header that differs from the central one."""
    raw = name.encode("ascii")
    expected = _LOCAL.pack(b"PK\x03\x04", *shared) + raw
    if data[at : at + len(expected)] != expected:
        raise _malformed(f"the two headers of {name} disagree")
    return at + len(expected)


def _refuse_beyond_limits(size: int, count: int) -> None:
    if size > MAX_ARCHIVE:
        raise VerificationError("input.too_large", "an archive is at most 50 MiB")
    if count > _MAX_ENTRIES:
        raise VerificationError("input.too_many_items", "an archive has at most 65534 entries")


def _malformed(why: str) -> VerificationError:
    return VerificationError("archive.malformed", f"the archive is refused: {why}")


def write_disclosures(disclosures: Disclosures) -> bytes:
    """Return `disclosures.json`: `{statement id: {kind: [disclosure]}}`, canonical."""
    return jcs.dumps(
        {
            statement: {kind: list(opened) for kind, opened in kinds.items()}
            for statement, kinds in disclosures.items()
        }
    )


def read_disclosures(data: bytes) -> dict[str, dict[str, tuple[str, ...]]]:
    """Parse `disclosures.json`. Raises `VerificationError` (`json.*`, `archive.malformed`)."""
    value = strict_json.loads(data)
    if not isinstance(value, dict):
        raise _malformed("disclosures.json is not an object")
    result: dict[str, dict[str, tuple[str, ...]]] = {}
    for statement, kinds in value.items():
        if not _STATEMENT_ID.fullmatch(statement) or not isinstance(kinds, dict):
            raise _malformed("disclosures.json is not keyed by statement id")
        opened: dict[str, tuple[str, ...]] = {}
        for kind, items in kinds.items():
            if kind not in DISCLOSURE_KINDS or not isinstance(items, list):
                raise _malformed(f"disclosures.json knows no {kind[:40]!r}")
            if not all(isinstance(item, str) for item in items):
                raise _malformed("a disclosure is a string")
            opened[kind] = tuple(items)
        result[statement] = opened
    return result


def write_consistency(links: Sequence[ConsistencyLink]) -> bytes:
    """Return `consistency.json`, ordered by origin and size."""
    return jcs.dumps(
        [
            {
                "origin": link.origin,
                "from": link.smaller,
                "to": link.larger,
                "checkpoint": link.checkpoint.decode(),
                "hashes": [strict_base64.encode(item) for item in link.hashes],
            }
            for link in sorted(links, key=lambda link: (link.origin, link.smaller, link.larger))
        ]
    )


def read_consistency(data: bytes) -> tuple[ConsistencyLink, ...]:
    """Parse `consistency.json`; raises `VerificationError`."""
    value = strict_json.loads(data)
    if not isinstance(value, list):
        raise _malformed("consistency.json is not a list")
    return tuple(_link(item) for item in value)


def _link(item: Any) -> ConsistencyLink:
    match item:
        case {
            "origin": str(origin),
            "from": int(smaller),
            "to": int(larger),
            "checkpoint": str(note),
            "hashes": list(hashes),
        } if 0 <= smaller <= larger and not isinstance(smaller, bool):
            pass
        case _:
            raise _malformed("an entry of consistency.json has another shape")
    if len(hashes) > MAX_PROOF_HASHES:
        raise VerificationError("input.too_many_items", "a proof has at most 63 hashes")
    return ConsistencyLink(
        origin,
        smaller,
        larger,
        note.encode(),
        tuple(strict_base64.decode(one, 32) for one in hashes),
    )
