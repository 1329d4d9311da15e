from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import dsse, strict_base64
from rensho.errors import Code, VerificationError
from rensho.keys import PrivateKey

from tests.client.refused import refused

KEY = PrivateKey.generate()
PAYLOAD = b"\xff\xfe\xfb any bytes \xff\xfe\xfb"


def envelope(**changes: Any) -> dict[str, Any]:
    return dsse.sign(KEY, PAYLOAD).to_json() | changes


def test_the_pae_is_as_the_protocol_page_spells_it() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_in_the_pae_count_bytes() -> None:
    assert dsse.pae("\u00e9", b"\x00 ") == b"DSSEv1 2 \xc3\xa9 2 \x00 "


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(), st.binary())
def test_no_two_payload_types_and_payloads_share_a_pae(kind: str, one: bytes, two: bytes) -> None:
    assert (dsse.pae(kind, one) == dsse.pae(kind, two)) == (one == two)
    assert dsse.pae(kind + " 1 x", one) != dsse.pae(kind, b"1 x " + one)


def test_a_statement_is_named_by_its_pae() -> None:
    assert dsse.statement_id(b"x") == hashlib.sha256(dsse.pae(dsse.INTOTO, b"x")).hexdigest()


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
def test_what_was_signed_opens_with_its_key(algorithm: Any) -> None:
    key = PrivateKey.generate(algorithm)
    read = dsse.Envelope.from_json(dsse.sign(key, PAYLOAD).to_json())
    assert read.open(key.public) == PAYLOAD
    assert read.keyid == key.public.key_id


def test_an_envelope_without_keyid_opens_too() -> None:
    value = envelope()
    del value["signatures"][0]["keyid"]
    read = dsse.Envelope.from_json(value)
    assert read.open(KEY.public) == PAYLOAD
    assert read.to_json() == value


def test_the_url_safe_alphabet_is_accepted_on_input() -> None:
    value = envelope()
    value["payload"] = value["payload"].replace("+", "-").replace("/", "_")
    assert "_" in value["payload"] or "-" in value["payload"]
    assert dsse.Envelope.from_json(value).open(KEY.public) == PAYLOAD


def test_another_key_does_not_open_it() -> None:
    read = dsse.Envelope.from_json(envelope())
    with refused("key.hint_mismatch"):
        read.open(PrivateKey.generate().public)
    bare = dsse.Envelope(read.payload_type, read.payload, read.signature)
    with refused("sig.invalid"):
        bare.open(PrivateKey.generate().public)


def test_another_payload_or_type_does_not_open() -> None:
    read = dsse.Envelope.from_json(envelope())
    for kind, payload in ((dsse.INTOTO, PAYLOAD + b" "), ("application/json", PAYLOAD)):
        with refused("sig.invalid"):
            dsse.Envelope(kind, payload, read.signature).open(KEY.public)


SIG = {"sig": "AAAA"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "json.malformed"),
        (None, "json.malformed"),
        (envelope(payload=None), "base64.not_canonical"),
        (envelope(payload="e30"), "base64.not_canonical"),
        (envelope(payload="e31="), "base64.not_canonical"),
        (envelope(payload="e3 0="), "base64.not_canonical"),
        (envelope(payload="e30=\n"), "base64.not_canonical"),
        (envelope(payload="-_+/"), "base64.not_canonical"),
        (envelope(payload="-_8"), "base64.not_canonical"),
        (envelope(payload="\uff41\uff41\uff41\uff41"), "base64.not_canonical"),
        (envelope(signatures=[]), "dsse.signature_count"),
        (envelope(signatures=[SIG, SIG]), "dsse.signature_count"),
        (envelope(signatures=SIG), "dsse.signature_count"),
        (envelope(signatures=["x"]), "json.malformed"),
        (envelope(signatures=[{}]), "base64.not_canonical"),
        (envelope(signatures=[SIG | {"keyid": 1}]), "json.malformed"),
        (envelope(payloadType="application/json"), "dsse.payload_type"),
        (envelope(payloadType=dsse.INTOTO.upper()), "dsse.payload_type"),
        (envelope(payloadType=None), "dsse.payload_type"),
    ],
)
def test_a_malformed_envelope_is_refused_with_its_code(value: object, code: Code) -> None:
    with refused(code):
        dsse.Envelope.from_json(value)


def test_an_envelope_of_another_purpose_is_read_only_by_who_expects_it() -> None:
    value = dsse.sign(KEY, PAYLOAD, "application/x").to_json()
    assert dsse.Envelope.from_json(value, "application/x").payload == PAYLOAD
    with refused("dsse.payload_type"):
        dsse.Envelope.from_json(value)


@given(st.binary(max_size=100))
def test_base64_reads_what_it_writes(data: bytes) -> None:
    assert strict_base64.decode(strict_base64.encode(data), len(data)) == data
    assert strict_base64.decode_url(strict_base64.encode_url(data), len(data)) == data
    assert strict_base64.decode_either(strict_base64.encode(data)) == data


@given(st.text(max_size=12))
def test_each_value_has_one_base64_spelling(text: str) -> None:
    for decode, encode in (
        (strict_base64.decode, strict_base64.encode),
        (strict_base64.decode_url, strict_base64.encode_url),
    ):
        try:
            data = decode(text)
        except VerificationError:
            continue
        assert encode(data) == text


def test_bytes_of_another_length_and_things_that_are_no_text_are_refused() -> None:
    with refused("base64.not_canonical"):
        strict_base64.decode("AAAA", 4)
    with refused("base64.not_canonical"):
        strict_base64.decode_url(7)
