from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from rensho.errors import Code
from rensho.keys import PrivateKey, PublicKey

from tests.client.refused import refused

MESSAGE = b"a message"
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

RSA_2048 = rsa.generate_private_key(65537, 2048)


def rsa_key(private: rsa.RSAPrivateKey) -> PublicKey:
    return PublicKey.from_der(private.public_key().public_bytes(*SPKI))


@pytest.mark.parametrize(
    ("algorithm", "details"),
    [("ecdsa-p256", "PKIX_ECDSA_P256_SHA_256"), ("ed25519", "PKIX_ED25519")],
)
def test_a_made_key_signs_and_has_one_name(algorithm: Any, details: str) -> None:
    private = PrivateKey.generate(algorithm)
    public = private.public
    public.verify(private.sign(MESSAGE), MESSAGE)
    public.enrol_check()
    assert public.algorithm == algorithm
    assert public.key_details == details
    wanted = base64.b64encode(hashlib.sha256(public.spki).digest()).decode()
    assert public.key_id == wanted
    assert public == PublicKey.from_der(public.spki) == PublicKey.from_pem(public.to_pem())
    with refused("sig.invalid"):
        public.verify(private.sign(MESSAGE), MESSAGE + b"!")


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
@pytest.mark.parametrize("password", [None, b"open sesame"])
def test_a_private_key_survives_its_pem(algorithm: Any, password: bytes | None) -> None:
    private = PrivateKey.generate(algorithm)
    again = PrivateKey.from_pem(private.to_pem(password), password)
    assert again.public == private.public
    assert "PRIVATE" not in repr(private)


def test_a_wrong_or_missing_password_is_refused() -> None:
    pem = PrivateKey.generate().to_pem(b"right")
    for password in (b"wrong", None):
        with refused("key.algorithm_not_allowed"):
            PrivateKey.from_pem(pem, password)


def pem_of(key: Any) -> bytes:
    return bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize(
    "pem",
    [
        b"no key",
        pem_of(RSA_2048),
        pem_of(ec.generate_private_key(ec.SECP384R1())),
    ],
)
def test_only_p256_and_ed25519_may_sign(pem: bytes) -> None:
    with refused("key.algorithm_not_allowed"):
        PrivateKey.from_pem(pem)


def test_raw_ed25519_keys_are_thirty_two_bytes() -> None:
    public = PrivateKey.generate("ed25519").public
    assert PublicKey.from_raw_ed25519(public.raw_ed25519) == public
    for size in (0, 31, 33):
        with refused("key.algorithm_not_allowed"):
            PublicKey.from_raw_ed25519(bytes(size))
    with refused("key.algorithm_not_allowed"):
        PrivateKey.generate().public.raw_ed25519  # noqa: B018


def test_an_rsa_seal_verifies() -> None:
    public = rsa_key(RSA_2048)
    public.enrol_check()
    assert public.algorithm == "rsa"
    assert public.key_details == "PKIX_RSA_PKCS1V15_2048_SHA256"
    signature = RSA_2048.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    public.verify(signature, MESSAGE)
    with refused("sig.invalid"):
        public.verify(signature, b"other")
    with refused("sig.encoding"):
        public.verify(signature[1:], MESSAGE)


def test_an_rsa_signature_of_another_scheme_or_hash_is_refused() -> None:
    public = rsa_key(RSA_2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    for scheme, digest in ((pss, hashes.SHA256()), (padding.PKCS1v15(), hashes.SHA1())):
        with refused("sig.invalid"):
            public.verify(RSA_2048.sign(MESSAGE, scheme, digest), MESSAGE)


@pytest.mark.parametrize(("exponent", "bits"), [(65537, 1024), (3, 2048)])
def test_weak_rsa_is_neither_enrolled_nor_believed(exponent: Any, bits: int) -> None:
    private = rsa.generate_private_key(exponent, bits)
    public = rsa_key(private)
    with refused("key.algorithm_not_allowed"):
        public.enrol_check()
    with refused("key.algorithm_not_allowed"):
        public.verify(private.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256()), MESSAGE)


def test_an_rsa_key_that_would_keep_a_verifier_busy_is_refused() -> None:
    public = rsa.RSAPublicNumbers(65537, (1 << 10_000) + 1).public_key()
    with refused("key.algorithm_not_allowed"):
        PublicKey.from_der(public.public_bytes(*SPKI)).enrol_check()


def test_other_curves_and_algorithms_do_not_load() -> None:
    others = (ec.generate_private_key(ec.SECP384R1()), dsa.generate_private_key(2048))
    for other in others:
        with refused("key.algorithm_not_allowed"):
            PublicKey.from_der(other.public_key().public_bytes(*SPKI))


def test_bytes_that_are_no_key_do_not_load() -> None:
    for load in (PublicKey.from_der, PublicKey.from_pem):
        for data in (b"", b"no key", b"\x30\x00"):
            with refused("key.algorithm_not_allowed"):
                load(data)


def test_a_point_off_the_curve_does_not_load() -> None:
    spki = bytearray(PrivateKey.generate().public.spki)
    spki[-1] ^= 1
    with refused("key.algorithm_not_allowed"):
        PublicKey.from_der(bytes(spki))


def test_a_second_encoding_of_a_key_does_not_load() -> None:
    """A compressed point would give the same key a second name."""
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    whole = private.public_key().public_bytes(*SPKI)
    compressed = bytes([0x30, len(whole) - 34]) + whole[2:23] + b"\x03\x22\x00" + point
    assert serialization.load_der_public_key(compressed) == private.public_key()
    for data in (compressed, whole + b"\x00"):
        with refused("key.algorithm_not_allowed"):
            PublicKey.from_der(data)


LOW_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)
NOT_CANONICAL = (
    "0100000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
)
NO_POINT = ("0200000000000000000000000000000000000000000000000000000000000000",)


@pytest.mark.parametrize("raw", [*LOW_ORDER, *NOT_CANONICAL, *NO_POINT])
def test_an_ed25519_key_that_verifies_many_messages_is_not_enrolled(raw: str) -> None:
    with refused("key.algorithm_not_allowed"):
        PublicKey.from_raw_ed25519(bytes.fromhex(raw)).enrol_check()


@pytest.mark.parametrize(
    "raw",
    [
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    ],
)
def test_the_keys_of_rfc_8032_are_enrolled(raw: str) -> None:
    PublicKey.from_raw_ed25519(bytes.fromhex(raw)).enrol_check()


def test_an_altered_but_valid_ecdsa_signature_verifies_and_so_names_nothing() -> None:
    private = PrivateKey.generate()
    r, s = utils.decode_dss_signature(private.sign(MESSAGE))
    private.public.verify(utils.encode_dss_signature(r, N - s), MESSAGE)


def loose(signature: bytes) -> dict[str, bytes]:
    r, s = utils.decode_dss_signature(signature)
    body = signature[2:]
    return {
        "trailing byte": signature + b"\x00",
        "truncated": signature[:-1],
        "long form of the length": b"\x30\x81" + signature[1:],
        "padded integer": b"\x30"
        + bytes([len(body) + 1])
        + b"\x02"
        + bytes([body[1] + 1])
        + b"\x00"
        + body[2:],
        "fixed width": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "empty": b"",
    }


@pytest.mark.parametrize("what", sorted(loose(PrivateKey.generate().sign(MESSAGE))))
def test_an_ecdsa_signature_has_one_spelling(what: str) -> None:
    private = PrivateKey.generate()
    with refused("sig.encoding"):
        private.public.verify(loose(private.sign(MESSAGE))[what], MESSAGE)


@pytest.mark.parametrize(("r", "s"), [(0, 0), (0, 1), (1, 0), (N, 1), (1, N), (N + 1, N + 1)])
def test_ecdsa_values_outside_their_range_are_refused(r: int, s: int) -> None:
    with refused("sig.invalid"):
        PrivateKey.generate().public.verify(utils.encode_dss_signature(r, s), MESSAGE)


def test_negative_ecdsa_values_are_refused() -> None:
    with refused("sig.encoding"):
        PrivateKey.generate().public.verify(bytes.fromhex("3006020181020181"), MESSAGE)


@pytest.mark.parametrize(
    ("change", "code"),
    [(lambda s: s + b"\x00", "sig.encoding"), (lambda s: s[:-1], "sig.encoding")],
)
def test_an_ed25519_signature_has_sixty_four_bytes(change: Any, code: Code) -> None:
    private = PrivateKey.generate("ed25519")
    with refused(code):
        private.public.verify(change(private.sign(MESSAGE)), MESSAGE)
