"""The deterministic zip: one spelling to write, and no second meaning to read."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import archive, jcs
from rensho.archive import ConsistencyLink
from rensho.errors import VerificationError

from tests.client.refused import refused

A = f"{'a' * 64}.facts.json"
B = f"{'b' * 64}.evidence"
FILES = {B: b"evidence", A: b"{}", "checkpoint.txt": b"note"}
ZIP = archive.write(FILES)
CENTRAL = ZIP.index(b"PK\x01\x02")


def bent(at: int, data: bytes) -> bytes:
    return ZIP[:at] + data + ZIP[at + len(data) :]


def test_what_is_written_is_read_back_in_the_order_of_names() -> None:
    entries = archive.read(ZIP)
    assert entries == FILES
    assert list(entries) == sorted(FILES)
    assert archive.read(archive.write({})) == {}


def test_the_order_of_writing_leaves_no_trace() -> None:
    assert archive.write(dict(reversed(FILES.items()))) == ZIP


def test_a_common_unzip_reads_it_stored_dated_1980_and_with_mode_0644() -> None:
    with zipfile.ZipFile(io.BytesIO(ZIP)) as found:
        assert found.testzip() is None
        for info in found.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.external_attr >> 16 == 0o100644
            assert found.read(info) == FILES[info.filename]


def test_an_archive_made_by_a_common_zip_tool_under_the_same_rules_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in sorted(FILES):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            made.writestr(info, FILES[name])
    assert archive.read(out.getvalue()) == FILES


@pytest.mark.parametrize(
    "name",
    ["x", "../checkpoint.txt", f"{'A' * 64}.facts.json", f"{'a' * 64}.secrets.json", "a/b", "あ"],
)
def test_other_names_are_refused_both_ways(name: str) -> None:
    with refused("archive.name"):
        archive.write({name: b""})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.external_attr = 0o644 << 16
        made.writestr(info, b"")
    with refused("archive.name"):
        archive.read(out.getvalue())


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (14, b"\xff"),  # crc of the local header
        (CENTRAL + 16, b"\xff"),  # crc of the central record
        (30, b"b"),  # name in the local header only
        (CENTRAL + 10, b"\x08"),  # deflated
        (CENTRAL + 8, b"\x01"),  # encrypted
        (CENTRAL + 12, b"\x01"),  # another time
        (CENTRAL + 30, b"\x01"),  # extra field
        (CENTRAL + 32, b"\x01"),  # comment
        (CENTRAL + 40, b"\xff"),  # another mode
        (CENTRAL + 42, b"\x01"),  # another offset
        (CENTRAL, b"XX"),
        (len(ZIP) - 22, b"XX"),
        (len(ZIP) - 18, b"\x01"),  # disk
        (len(ZIP) - 14, b"\x02"),  # one count of two
        (len(ZIP) - 6, b"\x01"),  # offset of the directory
        (len(ZIP) - 2, b"\x01"),  # archive comment
    ],
)
def test_two_readers_cannot_be_shown_two_archives(at: int, data: bytes) -> None:
    with refused("archive.malformed"):
        archive.read(bent(at, data))


def test_bytes_no_entry_accounts_for_are_refused() -> None:
    with refused("archive.malformed"):
        archive.read(b"")
    with refused("archive.malformed"):
        archive.read(b"#!" + ZIP)
    end = list(struct.unpack("<4sHHHHLLH", ZIP[-22:]))
    end[6] += 4
    with refused("archive.malformed"):
        archive.read(ZIP[:CENTRAL] + b"free" + ZIP[CENTRAL:-22] + struct.pack("<4sHHHHLLH", *end))
    end[6] -= 4
    end[5] += 4
    with refused("archive.malformed"):
        archive.read(ZIP[:-22] + b"free" + struct.pack("<4sHHHHLLH", *end))
    end[3] = end[4] = 4
    with refused("archive.malformed"):
        archive.read(ZIP[:-22] + b"free" + struct.pack("<4sHHHHLLH", *end))


def test_unsorted_and_repeated_entries_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in (B, A):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            made.writestr(info, b"")
    with refused("archive.malformed"):
        archive.read(out.getvalue())


def test_too_much_is_refused_both_ways() -> None:
    big = {A: bytes(30 * 1024 * 1024), B: bytes(30 * 1024 * 1024)}
    with refused("input.too_large"):
        archive.write(big)
    with refused("input.too_large"):
        archive.read(bytes(archive.MAX_ARCHIVE + 1))
    with refused("input.too_many_items"):
        archive.read(struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 65535, 65535, 0, 0, 0))


@given(st.data())
def test_no_bent_archive_is_read_as_anything_else(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ZIP) - 1))
    value = data.draw(st.integers(0, 255))
    try:
        found = archive.read(bent(at, bytes([value])))
    except VerificationError:
        return
    assert found == FILES


@given(st.binary(max_size=200))
def test_no_other_bytes_leave_anything_but_a_code(data: bytes) -> None:
    with pytest.raises(VerificationError):
        archive.read(data)


def test_disclosures_are_read_back() -> None:
    opened = {"0" * 64: {"audience": ("a",), "answers": ("b", "c")}}
    assert archive.read_disclosures(archive.write_disclosures(opened)) == opened


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"x": {}},
        {"0" * 64: []},
        {"0" * 64: {"secrets": []}},
        {"0" * 64: {"audience": "a"}},
        {"0" * 64: {"audience": [1]}},
    ],
)
def test_other_disclosures_are_refused(value: object) -> None:
    with refused("archive.malformed"):
        archive.read_disclosures(jcs.dumps(value))


def test_consistency_is_read_back_in_order() -> None:
    links = (
        ConsistencyLink("b.example", 1, 2, b"note", (bytes(32),)),
        ConsistencyLink("a.example", 0, 2, b"note", ()),
    )
    assert archive.read_consistency(archive.write_consistency(links)) == links[::-1]


@pytest.mark.parametrize(
    "change",
    [
        {"from": -1},
        {"from": 3},
        {"from": True},
        {"to": "2"},
        {"hashes": "x"},
        {"checkpoint": None},
        {"origin": 1},
    ],
)
def test_other_consistency_is_refused(change: dict[str, object]) -> None:
    entry = {"origin": "a.example", "from": 1, "to": 2, "checkpoint": "note", "hashes": []}
    assert archive.read_consistency(jcs.dumps([entry]))
    with refused("archive.malformed"):
        archive.read_consistency(jcs.dumps([entry | change]))
    with refused("archive.malformed"):
        archive.read_consistency(jcs.dumps(entry))
    with refused("base64.not_canonical"):
        archive.read_consistency(jcs.dumps([entry | {"hashes": ["AA=="]}]))
    with refused("input.too_many_items"):
        archive.read_consistency(jcs.dumps([entry | {"hashes": ["AA=="] * 64}]))
