"""What a file is, told by its bytes and never by its name: few types pass, all else is refused.

Accepted: PDF, PNG, JPEG, xlsx, docx, pptx without macros, JSON, CSV, plain text (UTF-8, CP932).
"""

from __future__ import annotations

import codecs
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, overload

from services.questionnaire.rules.refusals import Problem, Refusal, Text

EXTENSIONS: Final[Mapping[str, str]] = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/json": ".json",
    "text/csv": ".csv",
    "text/plain": ".txt",
}
"""Media type → the file name's end it is served under."""

# What an OOXML package calls its main part (ECMA-376 part 1, clauses 11.3, 12.3 and 13.3); the
# macro-enabled ones have other names and are not in this table.
_OOXML: Final[Mapping[bytes, str]] = {
    b"spreadsheetml.sheet": ".xlsx",
    b"wordprocessingml.document": ".docx",
    b"presentationml.presentation": ".pptx",
}
_ARCHIVES: Final = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"\x1f\x9d"),
    *(b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"LZIP"),
    *(
        b"MSCF",
        b"!<arch>\n",
        b"070701",
        b"070702",
        b"070707",
        b"xar!",
        b"\x60\xea",
        b"\xed\xab\xee\xdb",
    ),
)
_TAR_MAGIC: Final = slice(257, 262)
_ISO_MAGIC: Final = slice(32769, 32774)
_EXECUTABLES: Final = (
    *(b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf"),
    *(
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\x00asm",
        b"dex\n",
        b"L\x00\x00\x00\x01\x14\x02\x00",
    ),
)
_MACROS: Final = re.compile(rb"macroEnabled|vbaProject", re.IGNORECASE)
_CONTENT_TYPES: Final = b"[Content_Types].xml"
_MOST_CONTENT_TYPES: Final = 256 * 1024
_MOST_DIRECTORY: Final = 1024 * 1024
_END: Final = struct.Struct("<4s4H2LH")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ALLOWED_CONTROLS: Final = b"\t\n\r\f"
_CONTROLS: Final = bytes(set(range(0x20)) | {0x7F})
_REFUSED_CONTROLS: Final = bytes(set(_CONTROLS) - set(_ALLOWED_CONTROLS))
_CHUNK: Final = 256 * 1024
_HEAD: Final = 64 * 1024


class Content(Protocol):
    """The bytes of a file: `bytes`, or a file mapped into memory."""

    def __len__(self) -> int:
        """As of `bytes`."""

    @overload
    def __getitem__(self, key: int, /) -> int: ...

    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...

    def rfind(self, sub: bytes, start: int, end: int, /) -> int:
        """As of `bytes`."""


def detect(content: Content) -> str:
    """Return the media type of a whole file.

    Raises `Refusal`: `evidence/empty`, `evidence/archive`, `evidence/executable`,
    `evidence/macros` (an office document that brings programs), `evidence/type-not-accepted`.
    """
    if len(content) == 0:
        raise _refusal("empty", "ファイルが空です", "the file is empty")
    head = content[:_HEAD]
    if head.startswith(_EXECUTABLES):
        raise _refusal("executable", "実行ファイルは受け付けません", "programs are not accepted")
    directory = _zip_directory(content)
    if directory is not None or _is_archive(content, head):
        return _ooxml(content, directory)
    if found := _binary(content, head):
        return found
    return _text(content, head)


def _is_archive(content: Content, head: bytes) -> bool:
    return (
        head.startswith(_ARCHIVES)
        or content[_TAR_MAGIC] == b"ustar"
        or content[_ISO_MAGIC] == b"CD001"
    )


def _binary(content: Content, head: bytes) -> str | None:
    """Told by the first bytes and the last: a file with something else behind it is two files."""
    tail = content[max(0, len(content) - 1024) :]
    if head.startswith(b"%PDF-") and b"%%EOF" in tail:
        return "application/pdf"
    if head.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR") and tail.endswith(b"IEND\xaeB`\x82"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff") and tail.rstrip(b"\x00").endswith(b"\xff\xd9"):
        return "image/jpeg"
    return None


def _text(content: Content, head: bytes) -> str:
    if not _is_text(content):
        raise _not_accepted()
    start = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n\f")
    if start.startswith(b"<"):
        # HTML, SVG and XML run in a browser that is talked into showing them.
        raise _not_accepted()
    last = content[max(0, len(content) - 1024) :].rstrip(b" \t\r\n\f")[-1:]
    if (start[:1], last) in {(b"{", b"}"), (b"[", b"]")}:
        return "application/json"
    return "text/csv" if _is_table(head) else "text/plain"


def _is_text(content: Content) -> bool:
    return any(_decodes(content, encoding) for encoding in ("utf-8", "cp932"))


def _decodes(content: Content, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(content):
            if chunk.translate(None, _REFUSED_CONTROLS) != chunk:
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_table(head: bytes) -> bool:
    """Whether the first lines all have the same number of separators, at least one."""
    lines = [line for line in head.splitlines()[:5] if line.strip()]
    return any(
        len(lines) > 1 and counts[0] > 0 and len(set(counts)) == 1
        for counts in ([line.count(mark) for line in lines] for mark in (b",", b";", b"\t"))
    )


def _chunks(content: Content) -> Iterator[bytes]:
    return (content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))


def _zip_directory(content: Content) -> bytes | None:
    """Return the central directory if any reader would open the file as a zip.

    Readers look from the end, so whatever stands before it (a PDF, an image) hides nothing.
    """
    size = len(content)
    at = content.rfind(b"PK\x05\x06", max(0, size - 0xFFFF - _END.size), size)
    if at < 0 or at + _END.size > size:
        return None
    *_, length, _offset, comment = _END.unpack(content[at : at + _END.size])
    start = at - length
    if at + _END.size + comment != size or start < 0:
        return None
    if length > _MOST_DIRECTORY:
        raise _archive()
    directory = content[start:at]
    return directory if directory.startswith(b"PK\x01\x02") or not length else None


def _ooxml(content: Content, directory: bytes | None) -> str:
    """Return the type of an office document by its own list of parts; refuse every other zip."""
    if directory is None or content[:4] != b"PK\x03\x04":
        raise _archive()
    names = dict(_entries(directory))
    if any(_MACROS.search(name) for name in names):
        raise _macros()
    at = names.get(_CONTENT_TYPES)
    listed = None if at is None else _inflated(content, at)
    if listed is None:
        raise _archive()
    if _MACROS.search(listed):
        raise _macros()
    for name, extension in _OOXML.items():
        main = b'"application/vnd.openxmlformats-officedocument.' + name + b'.main+xml"'
        if main in listed:
            return next(kind for kind, end in EXTENSIONS.items() if end == extension)
    raise _archive()


def _entries(directory: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield (name, place of the local header) of a central directory."""
    at = 0
    while at + _CENTRAL.size <= len(directory):
        fields = _CENTRAL.unpack_from(directory, at)
        name_length, extra, comment, local = fields[10], fields[11], fields[12], fields[16]
        if fields[0] != b"PK\x01\x02":
            raise _archive()
        start = at + _CENTRAL.size
        yield directory[start : start + name_length], local
        at = start + name_length + extra + comment


def _inflated(content: Content, at: int) -> bytes | None:
    """Return an entry by its local header, or None where it is larger than a list of parts is."""
    header = content[at : at + _LOCAL.size]
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        return None
    _, _, _, method, _, _, _, packed, _, name_length, extra = _LOCAL.unpack(header)
    start = at + _LOCAL.size + name_length + extra
    data = content[start : start + _MOST_CONTENT_TYPES]
    if method == _STORED:
        return data[:packed]
    if method != _DEFLATED:
        return None
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(data, _MOST_CONTENT_TYPES)
    except zlib.error:
        return None
    return found if inflater.eof else None


def _refusal(urn: str, ja: str, en: str) -> Refusal:
    return Refusal(Problem(f"evidence/{urn}", "", Text(ja, en)))


def _archive() -> Refusal:
    return _refusal(
        "archive",
        "圧縮ファイルは受け付けません。中のファイルを1つずつ添付してください",
        "archives are not accepted: attach the files inside one by one",
    )


def _macros() -> Refusal:
    return _refusal(
        "macros",
        "マクロを含む文書は受け付けません。マクロなしの形式で保存し直してください",
        "documents with macros are not accepted: save it without",
    )


def _not_accepted() -> Refusal:
    return _refusal(
        "type-not-accepted",
        "PDF、PNG、JPEG、xlsx、docx、pptx、JSON、CSV、テキストのいずれかを添付してください",
        "accepted are PDF, PNG, JPEG, xlsx, docx, pptx, JSON, CSV and plain text",
    )
