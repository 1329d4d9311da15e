"""Keys, their names, and what may be enrolled (profile section 3).

ECDSA P-256 and Ed25519 sign and verify; RSA (e-seals) only verifies.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from rensho import ed25519_points
from rensho.errors import VerificationError

Algorithm = Literal["ecdsa-p256", "ed25519", "rsa"]

RSA_MIN_BITS: Final = 2048
# OpenSSL's cost grows with the square: one key of a megabyte would hold a verifier for minutes.
RSA_MAX_BITS: Final = 8192
RSA_EXPONENT: Final = 65537
_ED25519_SIGNATURE: Final = 64
_ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())
# Parsing a key costs as much as a fifth of a verification, and one key signs many statements. Only
# what the bytes mean is remembered, never whether the key still counts: the key ring is asked anew
# each time. Long keys (RSA beyond 8192 bits, useless) are not kept.
_KEPT_KEYS: Final = 4096
_LONGEST_KEPT: Final = 2048

_Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; equal where the DER SubjectPublicKeyInfo is equal."""

    spki: bytes
    """DER SubjectPublicKeyInfo."""
    algorithm: Algorithm
    _key: _Public = field(repr=False, compare=False)

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Load `BEGIN PUBLIC KEY`. Raises as `from_der`."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as why:
            raise VerificationError("key.algorithm_not_allowed", "not a usable key") from why
        return cls._of(key)

    @classmethod
    def from_der(cls, der: bytes) -> PublicKey:
        """Load a DER SubjectPublicKeyInfo in its one canonical encoding.

        Raises `key.algorithm_not_allowed` for another algorithm or curve, a point off the curve,
        or an encoding that would give the same key a second name.
        """
        return _kept(der) if len(der) <= _LONGEST_KEPT else _parsed(der)

    @classmethod
    def from_raw_ed25519(cls, raw: bytes) -> PublicKey:
        """Load the 32 bytes of RFC 8032. Raises `key.algorithm_not_allowed` for another length."""
        try:
            return cls._of(ed25519.Ed25519PublicKey.from_public_bytes(raw))
        except ValueError as why:
            raise VerificationError("key.algorithm_not_allowed", "not 32 bytes") from why

    @classmethod
    def _of(cls, key: object) -> PublicKey:
        algorithm: Algorithm
        match key:
            case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
                algorithm = "ecdsa-p256"
            case ed25519.Ed25519PublicKey():
                algorithm = "ed25519"
            case rsa.RSAPublicKey():
                algorithm = "rsa"
            case _:
                raise VerificationError("key.algorithm_not_allowed", "neither P-256, Ed25519, RSA")
        spki = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(spki, algorithm, key)

    @property
    def key_id(self) -> str:
        """Padded base64 of sha256 over the SPKI."""
        return _key_id(self.spki)

    @property
    def key_details(self) -> str:
        """Name of key and scheme in a Sigstore bundle (protobuf-specs `PublicKeyDetails`)."""
        if isinstance(self._key, rsa.RSAPublicKey):
            return f"PKIX_RSA_PKCS1V15_{self._key.key_size}_SHA256"
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            return "PKIX_ED25519"
        return "PKIX_ECDSA_P256_SHA_256"

    @property
    def raw_ed25519(self) -> bytes:
        """The 32 bytes of RFC 8032. Raises `key.algorithm_not_allowed` for another algorithm."""
        if not isinstance(self._key, ed25519.Ed25519PublicKey):
            raise VerificationError("key.algorithm_not_allowed", "not an Ed25519 key")
        return self._key.public_bytes_raw()

    def to_pem(self) -> bytes:
        """`BEGIN PUBLIC KEY`."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def enrol_check(self) -> None:
        """Refuse a key that must never be enrolled, with `key.algorithm_not_allowed`.

        Low-order Ed25519 keys verify many messages under one signature and OpenSSL accepts them;
        encodings that are not canonical or not of a curve point are refused for the same reason.
        P-256 points off the curve do not load in the first place.
        """
        if isinstance(self._key, rsa.RSAPublicKey):
            _refuse_weak_rsa(self._key)
        elif isinstance(self._key, ed25519.Ed25519PublicKey):
            ed25519_points.refuse_weak(self._key.public_bytes_raw())

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check `signature` over `message` with SHA-256 (ECDSA, RSA PKCS#1 v1.5) or pure Ed25519.

        Raises `sig.encoding` (not DER as X.690 wants it, wrong length), `sig.invalid`, or
        `key.algorithm_not_allowed` for an RSA key outside 2048..8192 bits or e != 65537.
        """
        try:
            if isinstance(self._key, ec.EllipticCurvePublicKey):
                _refuse_loose_der(signature)
                self._key.verify(signature, message, _ECDSA_SHA256)
            elif isinstance(self._key, ed25519.Ed25519PublicKey):
                _refuse_length(signature, _ED25519_SIGNATURE)
                self._key.verify(signature, message)
            else:
                _refuse_weak_rsa(self._key)
                _refuse_length(signature, (self._key.key_size + 7) // 8)
                self._key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as why:
            raise VerificationError("sig.invalid") from why


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A signing key held in this process; other holders only need `public` and `sign`."""

    _key: _Private = field(repr=False)

    @classmethod
    def generate(cls, algorithm: Literal["ecdsa-p256", "ed25519"] = "ecdsa-p256") -> PrivateKey:
        """Make a key from the operating system's randomness."""
        if algorithm == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> PrivateKey:
        """Load PKCS#8 (or SEC 1) PEM.

        Raises `key.algorithm_not_allowed` for a key that may not sign, a wrong or missing
        password, or bytes that are no key.
        """
        try:
            key = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm) as why:
            raise VerificationError("key.algorithm_not_allowed", "not a usable key") from why
        match key:
            case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
                return cls(key)
            case ed25519.Ed25519PrivateKey():
                return cls(key)
            case _:
                raise VerificationError("key.algorithm_not_allowed", "neither P-256 nor Ed25519")

    def to_pem(self, password: bytes | None = None) -> bytes:
        """PKCS#8 PEM, encrypted if a password is given. The caller keeps the file mode 0600."""
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            protection = serialization.BestAvailableEncryption(password)
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey._of(self._key.public_key())  # noqa: SLF001

    def sign(self, message: bytes) -> bytes:
        """DER ECDSA over SHA-256, or pure Ed25519."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, _ECDSA_SHA256)


def _parsed(der: bytes) -> PublicKey:
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as why:
        raise VerificationError("key.algorithm_not_allowed", "not a usable key") from why
    found = PublicKey._of(key)  # noqa: SLF001
    if found.spki != der:
        raise VerificationError("key.algorithm_not_allowed", "encoding is not canonical")
    return found


_kept = lru_cache(_KEPT_KEYS)(_parsed)


@lru_cache(_KEPT_KEYS)
def _key_id(spki: bytes) -> str:
    return base64.b64encode(hashlib.sha256(spki).digest()).decode("ascii")


def _refuse_weak_rsa(key: rsa.RSAPublicKey) -> None:
    if not RSA_MIN_BITS <= key.key_size <= RSA_MAX_BITS:
        raise VerificationError("key.algorithm_not_allowed", f"RSA of {key.key_size} bits")
    if key.public_numbers().e != RSA_EXPONENT:
        raise VerificationError("key.algorithm_not_allowed", "RSA exponent is not 65537")


def _refuse_loose_der(signature: bytes) -> None:
    # OpenSSL alone would read some spellings that DER forbids; this parser knows only DER.
    try:
        utils.decode_dss_signature(signature)
    except ValueError as why:
        raise VerificationError("sig.encoding", "not DER") from why


def _refuse_length(signature: bytes, size: int) -> None:
    if len(signature) != size:
        raise VerificationError("sig.encoding", f"{len(signature)} bytes instead of {size}")
