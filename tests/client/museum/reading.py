"""Steps 1 and 2: what cannot even be read."""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

from rensho import archive, jcs, strict_base64, strict_json
from rensho.trust import Trust

from tests.client.deployment import START, World
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import (
    BUNDLE,
    entry,
    event,
    plain,
    proof,
    shown,
)
from tests.client.responses import pack

_MIB = 1024 * 1024


def raw(data: Any) -> Shown:
    """Bytes that are no bundle, under a Trust file of a deployment."""
    trust: Trust = World().trust()
    return Shown(main=data, trust=trust, now=START)


@good("lone-key-event", 1, "A key event alone, anchored to the empty log, is VALID by itself.")
def _() -> Shown:
    return event()


@good("whole-response", 19, "An archive of a request and its answer is VALID in all that is asked.")
def _() -> Shown:
    return shown(plain())


@bad("bundle-over-1-mib", 1, "input.too_large", "A bundle is at most 1 MiB.")
def _() -> Shown:
    return raw(((b" ", _MIB + 1),))


@bad(
    "payload-over-512-kib", 1, "input.too_large", "A payload is at most 512 KiB.", "lone-key-event"
)
def _() -> Shown:
    mark = b"@@@@"
    whole = event(lambda v: v["dsseEnvelope"].update(payload=mark.decode()))
    assert isinstance(whole.main, bytes)
    before, after = whole.main.split(mark)
    filled = (before, (b"AAAA", 175_000), after)
    return Shown(main=filled, trust=whole.trust, now=whole.now)


@bad("nine-time-stamps", 1, "input.too_many_items", "A bundle has at most 8 time-stamps.")
def _() -> Shown:
    token = {"signedTimestamp": "AAAA"}
    data = {"rfc3161Timestamps": [token] * 9}
    return event(lambda v: v["verificationMaterial"].update(timestampVerificationData=data))


@bad("64-proof-hashes", 1, "input.too_many_items", "A proof has at most 63 hashes.")
def _() -> Shown:
    hashes = [strict_base64.encode(bytes(32))] * 64
    return event(lambda v: proof(v).update(hashes=hashes))


@bad("33-note-lines", 1, "input.too_many_items", "A note has at most 32 lines.")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        note = proof(value)["checkpoint"]
        note["envelope"] += note["envelope"].splitlines(keepends=True)[-1] * 30

    return event(edit)


@bad("two-log-entries", 1, "input.too_many_items", "A bundle tells one place in one log.")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        value["verificationMaterial"]["tlogEntries"] *= 2

    return event(edit)


@bad("archive-over-50-mib", 1, "input.too_large", "An archive is at most 50 MiB.")
def _() -> Shown:
    return raw((b"PK\x03\x04", (b" ", 50 * _MIB)))


@bad("archive-of-65535-entries", 1, "input.too_many_items", "An archive has at most 65534 entries.")
def _() -> Shown:
    return raw(b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 65535, 65535, 0, 0, 0))


@bad("document-over-1-mib", 1, "input.too_large", "A document beside a statement is at most 1 MiB.")
def _() -> Shown:
    return replace(event(), beside=((f"{'0' * 64}.answers.json", ((b" ", _MIB + 1),)),))


@bad("consistency-of-64-hashes", 1, "input.too_many_items", "A consistency proof has at most 63.")
def _() -> Shown:
    made = unpacked()
    assert isinstance(made.main, dict)
    links = strict_json.loads(made.main[archive.CONSISTENCY])
    links[0]["hashes"] = [strict_base64.encode(bytes(32))] * 64
    return unpacked(**{archive.CONSISTENCY: jcs.dumps(links)})


@bad("promise-over-16-kib", 12, "input.too_large", "A promise is at most 16 KiB.", "lone-key-event")
def _() -> Shown:
    made = event()
    (name, _), *_ = made.beside
    return replace(made, beside=((name, ((b" ", 16385),)),))


for name, code, says, data in (
    ("not-utf-8", "json.not_utf8", "JSON is UTF-8.", b'{"a":"\xff"}'),
    (
        "utf-16",
        "json.not_utf8",
        "JSON is UTF-8 and nothing that looks at a mark.",
        b"\xff\xfe{\0}\0",
    ),
    ("nested-33-deep", "json.too_deep", "JSON is at most 32 deep.", b"[" * 33 + b"]" * 33),
    ("nested-a-million-deep", "json.too_deep", "Depth never reaches the stack.", b"[" * 1_000_000),
    (
        "name-twice",
        "json.duplicate_key",
        "Two readers take two values of a name.",
        b'{"a":1,"a":2}',
    ),
    ("name-twice-escaped", "json.duplicate_key", "The same.", b'{"a":1,"\\u0061":2}'),
    ("not-a-number", "json.bad_number", "NaN is no JSON.", b'{"a":NaN}'),
    ("infinity", "json.bad_number", "Nor is a number no double holds.", b'{"a":1e400}'),
    ("integer-over-2-53", "json.bad_number", "A double would round it.", b'{"a":9007199254740993}'),
    ("cut-short", "json.malformed", "Half a file is none.", b'{"mediaType":'),
    ("two-values", "json.malformed", "One file, one value.", b"{}{}"),
    ("no-object", "json.malformed", "A bundle is an object.", b"[]"),
    ("empty-file", "json.malformed", "Nothing is not a bundle.", b""),
    ("archive-cut-short", "archive.malformed", "A zip without its end.", b"PK\x03\x04"),
):
    if name == "nested-a-million-deep":
        bad(name, 2, code, says)(lambda: raw(((b"[", 1_000_000),)))
    else:
        bad(name, 2, code, says)(partial(raw, data))


def respelt(value: dict[str, Any], spell: Any) -> None:
    signature = value["dsseEnvelope"]["signatures"][0]
    signature["sig"] = spell(signature["sig"])


@bad("base64-stray-bits", 2, "base64.not_canonical", "Bits no decoder looks at could hide a name.")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        body = entry(value)["logId"]
        body["keyId"] = f"{body['keyId'][:-2]}{chr(ord(body['keyId'][-2]) + 1)}="

    return event(edit)


@bad("base64-white-space", 2, "base64.not_canonical", "Base64 must be its own and only spelling.")
def _() -> Shown:
    return event(lambda v: respelt(v, lambda text: f"{text}\n"))


@bad("base64-without-padding", 2, "base64.not_canonical", "The same, of the padding.")
def _() -> Shown:
    return event(lambda v: proof(v).update(rootHash=proof(v)["rootHash"].rstrip("=")))


@good("base64url-in-dsse", 2, "DSSE lets an envelope be written in the URL-safe alphabet.")
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        envelope = value["dsseEnvelope"]
        envelope["payload"] = envelope["payload"].replace("+", "-").replace("/", "_")
        respelt(value, lambda text: text.replace("+", "-").replace("/", "_"))

    return event(edit)


def zipped(change: Any, *events: str) -> Shown:
    """The bytes of a good archive of a key event (and perhaps more), changed by hand."""
    world = World()
    world.log.publish(world.now)
    world.key_event(world.requester)
    for event_ in events:
        world.key_event(world.requester, event_)
    data = bytearray(pack(world))
    return Shown(main=bytes(change(data)), trust=world.trust(), now=world.now)


def unpacked(**files: bytes) -> Shown:
    """The same archive, some of its files replaced."""
    made = zipped(bytes)
    assert isinstance(made.main, bytes)
    return replace(made, main={**archive.read(made.main), **files})


@good("zip-of-one-key-event", 2, "The archive the exhibits about archives are made from.")
def _() -> Shown:
    return zipped(bytes)


@bad(
    "zip-central-vs-local-names",
    2,
    "archive.malformed",
    "Readers that look at different headers see different files.",
    "zip-of-one-key-event",
)
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        at = data.index(b"PK\x03\x04") + 30
        data[at] = ord("0") if data[at] != ord("0") else ord("1")
        return data

    return zipped(change)


@bad(
    "zip-brings-own-trust",
    2,
    "archive.name",
    "Trust is never read from an archive: whoever made it would choose whom to believe.",
    "zip-of-one-key-event",
)
def _() -> Shown:
    made = unpacked()
    assert isinstance(made.main, dict)
    assert made.trust is not None
    with patch.object(archive, "is_name", lambda _: True):
        data = archive.write({**made.main, "trust.json": made.trust.to_bytes()})
    return replace(made, main=data)


@bad("zip-entry-twice", 2, "archive.malformed", "One reader takes the first, another the last.")
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        one, other = (name for name in archive.read(bytes(data)) if "promise" in name)
        return data.replace(other.encode(), one.encode())

    return zipped(change, "confirm")


@bad("zip-damaged-entry", 2, "archive.malformed", "The checksum tells a flipped bit.")
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        data[data.index(b"PK\x03\x04") + 30 + 64 + 40] ^= 1
        return data

    return zipped(change)


@bad("zip-bytes-between", 2, "archive.malformed", "Bytes no entry accounts for are refused.")
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        at = data.index(b"PK\x01\x02")
        return data[:at] + b"\0" + data[at:]

    return zipped(change)


@bad("zip-with-a-comment", 2, "archive.malformed", "A comment may hold a second end record.")
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        data[-2:] = b"\x04\0"
        return data + b"spam"

    return zipped(change)


@bad("zip-compressed", 2, "archive.malformed", "Entries are stored: nothing unpacks to more.")
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            data[data.index(magic) + at] = 8
        return data

    return zipped(change)


@bad("zip-of-another-date", 2, "archive.malformed", "The same entries are the same bytes.")
def _() -> Shown:
    def change(data: bytearray) -> bytearray:
        for magic, at in ((b"PK\x03\x04", 12), (b"PK\x01\x02", 14)):
            data[data.index(magic) + at] = 0x22
        return data

    return zipped(change)


@bad("file-named-otherwise", 2, "archive.name", "A file is named after the statement in it.")
def _() -> Shown:
    done = plain()
    name = f"{done.ids[0]}{BUNDLE}"
    return shown(done, files={name: None, f"{'0' * 64}{BUNDLE}": done.world.files[name]})


@bad("disclosures-no-object", 2, "archive.malformed", "disclosures.json is keyed by statement.")
def _() -> Shown:
    return unpacked(**{archive.DISCLOSURES: b"[]"})


@bad("consistency-no-list", 2, "archive.malformed", "consistency.json is a list of proofs.")
def _() -> Shown:
    return unpacked(**{archive.CONSISTENCY: b"{}"})


@bad("file-twice-and-different", 2, "archive.malformed", "One name, one file.")
def _() -> Shown:
    made = unpacked()
    assert isinstance(made.main, dict)
    name = next(name for name in made.main if name.endswith(".promise.json"))
    return replace(made, beside=((name, made.main[name] + b" "),))
