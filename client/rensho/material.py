"""What a verifier was handed, sorted by what each file is (attestation profile, section 7).

Nothing is trusted here: the files are told apart by name, limits are enforced, and whether a
document has the digest its name promises is for the step that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rensho import archive
from rensho.archive import ConsistencyLink
from rensho.errors import VerificationError

_ZIP_MAGIC: Final = b"PK\x03\x04"
_EMPTY_ZIP_MAGIC: Final = b"PK\x05\x06"
MAX_DOCUMENT: Final = 1024 * 1024


@dataclass(frozen=True)
class Material:
    """The bytes to verify: an archive or one bundle, and files given beside it.

    `main` is a `.rensho.zip` or a `.sigstore.json`; `beside` are (file name, bytes): further
    bundles under any name, other archives, and the other files of section 7 under their names.
    """

    main: bytes
    beside: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Files:
    """Material told apart: bundles, promises by statement id, documents by (sha256, kind)."""

    bundles: tuple[tuple[str | None, bytes], ...]
    promises: Mapping[str, bytes]
    documents: Mapping[tuple[str, str], bytes]
    disclosures: Mapping[str, Mapping[str, tuple[str, ...]]]
    checkpoint: bytes | None
    consistency: tuple[ConsistencyLink, ...]
    archive_token: bytes | None
    lone: bool


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as a zip does."""
    return data.startswith((_ZIP_MAGIC, _EMPTY_ZIP_MAGIC))


def sort_out(material: Material) -> Files:
    """Tell the files apart. Raises `VerificationError` (`input.*`, `archive.*`, `json.*`)."""
    named: dict[str, bytes] = {}
    unnamed: list[bytes] = []
    lone = not is_archive(material.main)
    if lone:
        unnamed.append(material.main)
    else:
        _add(named, archive.read(material.main).items())
    for name, data in material.beside:
        if is_archive(data):
            _add(named, archive.read(data).items())
        elif archive.is_name(name):
            _add(named, [(name, data)])
        else:
            unnamed.append(data)
    return _files(named, unnamed, lone=lone)


def documents_only(entries: Iterable[tuple[str, bytes]]) -> Files:
    """Tell apart files given by name, without bundles of their own (a submission's documents)."""
    named: dict[str, bytes] = {}
    _add(named, entries)
    return _files(named, [], lone=False)


def _add(named: dict[str, bytes], entries: Iterable[tuple[str, bytes]]) -> None:
    for name, data in entries:
        if not archive.is_name(name):
            raise VerificationError("archive.name", f"no file is named {name[:80]!r}")
        if named.setdefault(name, data) != data:
            raise VerificationError("archive.malformed", f"{name} is there twice and differs")


def _files(named: Mapping[str, bytes], unnamed: list[bytes], *, lone: bool) -> Files:
    bundles: list[tuple[str | None, bytes]] = [(None, data) for data in unnamed]
    promises: dict[str, bytes] = {}
    documents: dict[tuple[str, str], bytes] = {}
    for name, data in named.items():
        stem, _, kind = name.partition(".")
        match kind:
            case "sigstore.json":
                bundles.append((stem, data))
            case "promise.json":
                promises[stem] = data
            case "evidence":
                documents[stem, kind] = data
            case "json" | "txt" | "tsr":
                pass
            case _:
                documents[stem, kind.removesuffix(".json")] = _within_limit(name, data)
    disclosures = named.get(archive.DISCLOSURES)
    consistency = named.get(archive.CONSISTENCY)
    return Files(
        bundles=tuple(bundles),
        promises=MappingProxyType(promises),
        documents=MappingProxyType(documents),
        disclosures=archive.read_disclosures(disclosures) if disclosures is not None else {},
        checkpoint=named.get(archive.CHECKPOINT),
        consistency=archive.read_consistency(consistency) if consistency is not None else (),
        archive_token=named.get(archive.TIME_STAMP),
        lone=lone,
    )


def _within_limit(name: str, data: bytes) -> bytes:
    # Facts grow with the requester's suppliers, a status list with the whole deployment: these are
    # bounded by the archive alone.
    unbounded = (".facts.json", ".results.json", ".status.json")
    if len(data) > MAX_DOCUMENT and not name.endswith(unbounded):
        raise VerificationError("input.too_large", f"{name} is larger than 1 MiB")
    return data
