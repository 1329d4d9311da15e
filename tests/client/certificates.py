"""X.509 authorities and certificates, good and bent ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from rensho import strict_base64

from tests.client.deployment import DAY, START

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

NO_AUTHORITY = (x509.BasicConstraints(ca=False, path_length=None), True)
AUTHORITY = (x509.BasicConstraints(ca=True, path_length=None), True)
CODE_SIGNING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
TIME_STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_usage(*, signs: bool) -> tuple[x509.KeyUsage, bool]:
    """A key usage that allows signatures, or only agreement on keys."""
    bits = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=signs, key_agreement=not signs, **bits), True


@dataclass(frozen=True)
class Authority:
    """A certificate and its key; what it issues names it as issuer."""

    certificate: x509.Certificate
    key: Key

    @classmethod
    def root(cls, key: Key | None = None, **how: Any) -> Authority:
        """A self-signed root, valid around the miniature deployment's time."""
        own = key or p256()
        return cls(
            _issue("root", own.public_key(), "root", own, **{"marks": [AUTHORITY]} | how), own
        )

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(self, key: PublicKey, name: str = "signer", **how: Any) -> x509.Certificate:
        """Certify a key; by default for signing statements."""
        issuer = self.certificate.subject.rfc4514_string().removeprefix("CN=")
        return _issue(name, key, issuer, self.key, **{"marks": [NO_AUTHORITY, CODE_SIGNING]} | how)

    def below(self, name: str = "below", **how: Any) -> Authority:
        """An authority under this one."""
        key = p256()
        return Authority(self.issue(key.public_key(), name, **{"marks": [AUTHORITY]} | how), key)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _issue(
    name: str,
    key: PublicKey,
    issuer: str,
    signer: Key,
    *,
    marks: Iterable[tuple[x509.ExtensionType, bool]],
    start: datetime = START - 30 * DAY,
    lasts: timedelta = 365 * DAY,
    under: hashes.SHA224 | hashes.SHA256 | None = None,
) -> x509.Certificate:
    subject, above = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, issuer)
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasts)
    )
    for mark, critical in marks:
        builder = builder.add_extension(mark, critical=critical)
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        return builder.sign(signer, None)
    return builder.sign(signer, under or hashes.SHA256())


def in_place_of_the_hint(certificate: bytes) -> Any:
    """An edit of a bundle: the signer's certificate instead of the key hint."""

    def edit(value: dict[str, Any]) -> None:
        material = value["verificationMaterial"]
        material.pop("publicKey")
        material["certificate"] = {"rawBytes": strict_base64.encode(certificate)}

    return edit


@cache
def certificate() -> bytes:
    """A self-signed P-256 certificate as DER, the same within a run."""
    return Authority.root(marks=[NO_AUTHORITY]).der
