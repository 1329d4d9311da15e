"""Keys that an X.509 certificate vouches for: e-seals (profile section 8, step 5).

A certificate says which key a name has; which organization of this deployment the name is, only a
key event says. So a chain that holds makes the signature part VALID, and step 15 still wants the
key enrolled: without that it answers `key.unknown` (INDETERMINATE), never VALID (decision 0016).

A bundle v0.3 carries the signer's certificate alone, so the one above it comes from Trust: every
certificate of `ca` is an anchor, an issuing authority below a root as well as a root, and no chain
is longer than two. Revocation lists are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from rensho.errors import VerificationError
from rensho.keys import PublicKey

_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def key_of(certificate: bytes) -> PublicKey:
    """Return the key of a DER certificate that may sign statements; the chain is not looked at.

    Raises `cert.too_weak` (RSA below 2048 bits, a key type of no key event, a hash below SHA-256)
    or `cert.usage` (no extended key usage codeSigning, a key usage without digitalSignature, an
    authority's certificate, or extensions nobody can read).
    """
    found = x509.load_der_x509_certificate(certificate)
    key = _key(found)
    try:
        _refuse_other_use(found.extensions)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as why:
        raise VerificationError("cert.usage", "the extensions cannot be read") from why
    return key


def verify(certificate: bytes, anchors: Sequence[bytes], moment: datetime) -> None:
    """Check the chain from a certificate to one of `anchors` (DER, at least one) as of `moment`.

    `moment` is T: a certificate that expired later leaves what it signed in time VALID. Raises
    `cert.chain`; here that is a broken chain, which is INVALID.
    """
    authorities = verification.ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
    )
    try:
        leaf = x509.load_der_x509_certificate(certificate)
        store = verification.Store([x509.load_der_x509_certificate(one) for one in anchors])
        policy = verification.PolicyBuilder().store(store).time(moment)
        # The defaults are those of the web: host names, and usages for TLS. What a signer's own
        # certificate may be used for, `key_of` has checked.
        policy = policy.max_chain_depth(0).extension_policies(
            ca_policy=authorities, ee_policy=verification.ExtensionPolicy.permit_all()
        )
        policy.build_client_verifier().verify(leaf, [])
    except (ValueError, verification.VerificationError) as why:
        raise VerificationError("cert.chain", "no chain to an authority Trust names holds") from why


def _key(certificate: x509.Certificate) -> PublicKey:
    try:
        spki = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = PublicKey.from_der(spki)
        key.enrol_check()
        # Ed25519 names no hash of its own.
        name = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm, VerificationError) as why:
        raise VerificationError("cert.too_weak", "a key nobody could enrol") from why
    if name is not None and not isinstance(name, _HASHES):
        raise VerificationError("cert.too_weak", f"certified under {name.name}")
    return key


_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def _value(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    for extension in extensions:
        if isinstance(extension.value, kind):
            return extension.value
    return None


def _refuse_other_use(extensions: x509.Extensions) -> None:
    usage = _value(extensions, x509.ExtendedKeyUsage)
    if usage is None or ExtendedKeyUsageOID.CODE_SIGNING not in usage:
        raise VerificationError("cert.usage", "the certificate is not for code signing")
    bits = _value(extensions, x509.KeyUsage)
    if bits is not None and not bits.digital_signature:
        raise VerificationError("cert.usage", "the key is not for signatures")
    constraints = _value(extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise VerificationError("cert.usage", "the certificate is an authority's")
