"""What a file is, by its bytes."""

from __future__ import annotations

import gzip
import mmap
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questionnaire.rules import media
from services.questionnaire.rules.refusals import Refusal
from tests.factories import files


def refused(content: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        media.detect(content)
    assert caught.value.problems[0].reason.ja
    return caught.value.urn.removeprefix("evidence/")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (files.PDF, ".pdf"),
        (files.png(), ".png"),
        (files.JPEG, ".jpg"),
        (files.JPEG + b"\x00" * 3, ".jpg"),
        (files.office(files.XLSX), ".xlsx"),
        (files.office(files.XLSX, stored=True), ".xlsx"),
        (files.office(files.DOCX), ".docx"),
        (files.office(files.PPTX), ".pptx"),
        (b'{"a": 1}\n', ".json"),
        (b"\xef\xbb\xbf [1]", ".json"),
        (b"a,b\n1,2\n", ".csv"),
        ("品番;数量\nA;1\n".encode("cp932"), ".csv"),
        ("点検記録\t結果\n外観\t良\n".encode(), ".csv"),
        ("点検の記録です。問題ありません。".encode("cp932"), ".txt"),
        (b"one line, with a comma", ".txt"),
        (b"{ not json", ".txt"),
        (b"a,b\n1\n", ".txt"),
    ],
)
def test_accepted_types_are_told_by_content(content: bytes, expected: str) -> None:
    assert media.EXTENSIONS[media.detect(content)] == expected


@pytest.mark.parametrize(
    ("content", "urn"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00" + b"\x00" * 64, "executable"),
        (b"\x7fELF" + b"\x00" * 64, "executable"),
        (b"#!/bin/sh\nrm -rf /\n", "executable"),
        (b"\x00asm\x01\x00\x00\x00", "executable"),
        (files.zipped({"a.txt": "hello"}), "archive"),
        (files.zipped({}), "archive"),
        (files.zipped({"[Content_Types].xml": "<Types/>"}), "archive"),
        (files.zipped({"META-INF/MANIFEST.MF": "x", "A.class": "x"}), "archive"),
        (files.office("application/x-other"), "archive"),
        (b"7z\xbc\xaf\x27\x1c" + b"\x00" * 26, "archive"),
        (b"Rar!\x1a\x07\x01\x00", "archive"),
        (gzip.compress(b"hello", mtime=0), "archive"),
        (files.tarred(), "archive"),
        (b"\x00" * 32769 + b"CD001", "archive"),
        (b"PK\x03\x04 and no directory", "archive"),
        (files.office(files.XLSM), "macros"),
        (files.office(more={"xl/vbaProject.bin": "x"}), "macros"),
        (files.HTML, "type-not-accepted"),
        (b"  \n" + files.SVG, "type-not-accepted"),
        (b"\xef\xbb\xbf" + files.SVG, "type-not-accepted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 64, "type-not-accepted"),
        (b"\x80\x81\xff", "type-not-accepted"),
        (b"text with\x00a zero", "type-not-accepted"),
        (files.png()[:-4], "type-not-accepted"),
        (files.png() + b"<script>", "type-not-accepted"),
    ],
)
def test_everything_else_is_refused_by_name(content: bytes, urn: str) -> None:
    assert refused(content) == urn


@pytest.mark.parametrize("front", [files.PDF, files.png(), files.JPEG, b"a,b\n1,2\n", b"{}"])
def test_a_file_that_is_also_a_zip_is_an_archive(front: bytes) -> None:
    assert refused(front + files.zipped({"evil.txt": "x"})) == "archive"
    # An office document with something before it is opened by some readers and not by others.
    assert refused(front + files.office()) == "archive"


def test_the_name_of_the_zip_signature_inside_a_pdf_is_no_zip() -> None:
    assert media.detect(files.PDF + b"PK\x05\x06 is how a zip ends\n%%EOF\n") == "application/pdf"


def test_a_pdf_with_a_page_of_html_in_it_is_a_pdf() -> None:
    """Served as an attachment under a sandbox, so nothing of it runs; see the API's tests."""
    assert media.detect(files.PDF[:9] + files.HTML + files.PDF[9:]) == "application/pdf"


def test_a_list_of_parts_that_inflates_without_end_is_not_inflated() -> None:
    bomb = files.zipped({"[Content_Types].xml": "<" * 50_000_000})
    assert len(bomb) < 100_000
    assert refused(bomb) == "archive"


def test_a_directory_of_a_hundred_thousand_entries_is_not_walked() -> None:
    directory = b"PK\x01\x02" + b"\x00" * 2_000_000
    end = b"PK\x05\x06" + b"\x00" * 8 + len(directory).to_bytes(4, "little") + b"\x00" * 6
    assert refused(b"PK\x03\x04" + directory + end) == "archive"


def test_a_zip_that_contradicts_itself_is_an_archive() -> None:
    sound = files.office()
    for damaged in (
        # the second entry of the directory; the local header of the list of parts; its method
        sound[: (at := sound.rfind(b"PK\x01\x02"))] + b"PK\x01\x03" + sound[at + 4 :],
        sound.replace(b"PK\x01\x02", b"PK\x01\x02" + b"\x00" * 4, 1),
        sound[:8] + b"\x63" + sound[9:],
    ):
        assert refused(damaged) == "archive"
    directory = sound.index(b"PK\x01\x02")
    elsewhere = sound[: directory + 42] + b"\x05" + sound[directory + 43 :]
    assert refused(elsewhere) == "archive"


def test_a_mapped_file_is_read_as_bytes_are() -> None:
    content = files.office(files.DOCX)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert media.detect(mapped) == media.detect(content)


def told(content: bytes) -> bool:
    """Whether a known type or a refusal of ours is the answer."""
    try:
        return media.detect(content) in media.EXTENSIONS
    except Refusal as why:
        return why.urn.startswith("evidence/")


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", files.office()])
)
def test_any_bytes_have_a_type_or_a_refusal(noise: bytes, front: bytes) -> None:
    for content in (front + noise, noise + front, front[: len(noise)] + noise):
        assert told(content)


@given(st.integers(0, len(files.office()) - 1), st.integers(0, 255))
def test_a_changed_byte_of_an_office_document_breaks_nothing_but_its_type(at: int, to: int) -> None:
    content = bytearray(files.office())
    content[at] = to
    assert told(bytes(content))
