"""Small files of every sort, made here: what a respondent hands in, and what nobody should."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 32 + b"\xff\xd9"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)
HTML = b"<!doctype html><script>alert(1)</script>"

_MAIN = "application/vnd.openxmlformats-officedocument.{}.main+xml"
XLSX, DOCX, PPTX = (
    _MAIN.format(f"{each}ml.{part}")
    for each, part in (
        ("spreadsheet", "sheet"),
        ("wordprocessing", "document"),
        ("presentation", "presentation"),
    )
)
XLSM = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"


def png() -> bytes:
    """One black pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        )

    header = struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\x00\x00")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def zipped(entries: dict[str, str], *, stored: bool = False) -> bytes:
    """A zip of these texts."""
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, text in entries.items():
            file.writestr(name, text)
    return out.getvalue()


def office(
    main: str = XLSX, *, stored: bool = False, more: Mapping[str, str] | None = None
) -> bytes:
    """An office document whose main part has this type, with more entries by name."""
    override = f'<Override PartName="/part.xml" ContentType="{main}"/>'
    types = f'<?xml version="1.0"?><Types>{override}</Types>'
    return zipped({"[Content_Types].xml": types, "part.xml": "<x/>", **(more or {})}, stored=stored)


def tarred() -> bytes:
    """A tar with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.txt"))
    return out.getvalue()
