"""Everything random out of one name, so that an exhibit is the same bytes every time."""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from rensho.keys import PrivateKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """Draw keys, salts and ids from `name`; sign as RFC 6979 says. For public test keys only."""
    source = random.Random(f"rensho museum: {name}")

    def uuid4() -> uuid.UUID:
        return uuid.UUID(bytes=source.randbytes(16), version=4)

    def generate(algorithm: str = "ecdsa-p256") -> PrivateKey:
        if algorithm == "ed25519":
            return PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(source.randbytes(32)))
        return PrivateKey(p256(ec.SECP256R1()))

    def p256(_: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(source.randrange(1, _ORDER), ec.SECP256R1())

    def sign(self: PrivateKey, message: bytes) -> bytes:
        key = self._key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    init = ec.ECDSA.__init__

    def rfc6979(self: ec.ECDSA, algorithm: Any, *_: bool) -> None:
        init(self, algorithm, deterministic_signing=True)

    issue = x509.CertificateBuilder.sign

    def certify(self: Any, key: Any, algorithm: Any) -> x509.Certificate:
        return issue(self, key, algorithm, ecdsa_deterministic=True)

    with (
        patch.object(ec, "generate_private_key", p256),
        patch.object(ec.ECDSA, "__init__", rfc6979),
        patch.object(x509, "random_serial_number", lambda: source.getrandbits(63)),
        patch.object(x509.CertificateBuilder, "sign", certify),
        patch.object(secrets, "_sysrand", source),
        patch.object(uuid, "uuid4", uuid4),
        patch.object(PrivateKey, "sign", sign),
        patch.object(PrivateKey, "generate", staticmethod(generate)),
    ):
        yield
