"""A time-stamping authority for demo and tests (RFC 3161): its root is made at start and pinned
nowhere else, so nothing it says is worth anything in production.

No library here writes a time-stamp, so this one writes the DER of RFC 5652 and RFC 3161 itself;
rfc3161-client and OpenSSL read it in the tests.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rensho import timestamps
from rensho.errors import VerificationError

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"
MAX_QUERY: Final = 4096
_VALID: Final = timedelta(days=365)

_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_DEMO_POLICY: Final = "2.25.1"  # no registered policy: nobody promises anything

_INTEGER, _OCTETS, _OID, _SEQUENCE, _SET, _GENERALIZED = 0x02, 0x04, 0x06, 0x30, 0x31, 0x18
_FIRST: Final = 0xA0  # [0], constructed


@dataclass(frozen=True)
class DemoAuthority:
    """A signer of demo time-stamps: its own root, and the certificate that goes into each token."""

    root: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def fresh(cls, valid_from: datetime | None = None) -> DemoAuthority:
        """Make root and signer, valid for a year from `valid_from` (aware; yesterday if None)."""
        start = valid_from or datetime.now(UTC) - timedelta(days=1)
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        name, signer = _name("demo root of time - not for production"), _name("demo TSA")
        root = (
            _builder(name, name, root_key.public_key(), start)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False
            )
            .sign(root_key, hashes.SHA256())
        )
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        certificate = (
            _builder(signer, name, key.public_key(), start)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(stamping, critical=True)
            # Tells roots of one name apart: without it OpenSSL tries only the first of them.
            .add_extension(above, critical=False)
            .sign(root_key, hashes.SHA256())
        )
        return cls(root, certificate, key)

    @property
    def root_der(self) -> bytes:
        """The root to put into a Trust file's `tsa`."""
        return self.root.public_bytes(Encoding.DER)

    def answer(self, request: bytes, at: datetime | None = None) -> bytes:
        """Answer a TimeStampReq with a TimeStampResp (DER) that says `at` (aware; else now).

        What is no request is answered with status rejection, as RFC 3161 wants it.
        """
        try:
            asked = timestamps.read_request(request)
        except VerificationError:
            return _der(_SEQUENCE, _der(_SEQUENCE, _integer(2)))
        info = _der(
            _SEQUENCE,
            _integer(1),
            _oid(_DEMO_POLICY),
            _der(_SEQUENCE, _algorithm(asked.algorithm), _der(_OCTETS, asked.digest)),
            _integer(x509.random_serial_number()),
            _der(_GENERALIZED, f"{at or datetime.now(UTC):%Y%m%d%H%M%SZ}".encode()),
            _der(_SEQUENCE, _integer(1)),  # accurate to a second
            b"" if asked.nonce is None else _integer(asked.nonce),
        )
        return _der(_SEQUENCE, _der(_SEQUENCE, _integer(0)), self._token(info))

    def _token(self, info: bytes) -> bytes:
        """A CMS SignedData over a TSTInfo (RFC 5652, 5; RFC 3161, 2.4.2)."""
        certificate = self.certificate.public_bytes(Encoding.DER)
        ess = _der(_SEQUENCE, _der(_OCTETS, hashlib.sha256(certificate).digest()))
        attributes = _sorted(
            _attribute(_CONTENT_TYPE, _oid(_TST_INFO)),
            _attribute(_MESSAGE_DIGEST, _der(_OCTETS, hashlib.sha256(info).digest())),
            _attribute(_SIGNING_CERTIFICATE_V2, _der(_SEQUENCE, _der(_SEQUENCE, ess))),
        )
        # The signature is over the attributes as a SET, which stand in the token as a [0].
        signature = self.key.sign(_der(_SET, attributes), ec.ECDSA(hashes.SHA256()))
        issuer = self.certificate.issuer.public_bytes()
        signer = _der(
            _SEQUENCE,
            _integer(1),
            _der(_SEQUENCE, issuer, _integer(self.certificate.serial_number)),
            _algorithm(_SHA256),
            _der(_FIRST, attributes),
            _algorithm(_ECDSA_SHA256),
            _der(_OCTETS, signature),
        )
        signed = _der(
            _SEQUENCE,
            _integer(3),
            _der(_SET, _algorithm(_SHA256)),
            _der(_SEQUENCE, _oid(_TST_INFO), _der(_FIRST, _der(_OCTETS, info))),
            _der(_FIRST, certificate),
            _der(_SET, signer),
        )
        return _der(_SEQUENCE, _oid(_SIGNED_DATA), _der(_FIRST, signed))


@dataclass(frozen=True)
class DemoTsa:
    """A running demo authority: where to post requests, and the root to pin (DER)."""

    url: str
    root_der: bytes


@contextmanager
def loopback(port: int = 0) -> Iterator[DemoTsa]:
    """Run a demo authority on 127.0.0.1 in a thread until the block ends; port 0 takes a free one.

    Raises `OSError` where the port is taken.
    """
    authority = DemoAuthority.fresh()
    server = _DemoServer(("127.0.0.1", port), authority)
    thread = threading.Thread(target=server.serve_forever, name="demo-tsa", daemon=True)
    thread.start()
    try:
        yield DemoTsa(f"http://127.0.0.1:{server.server_port}/", authority.root_der)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _DemoServer(ThreadingHTTPServer):
    daemon_threads = True
    # Whoever asks for many tokens at once waits in line instead of being turned away.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], authority: DemoAuthority) -> None:
        super().__init__(address, _DemoHandler)
        self.authority = authority

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up has lost nothing but an answer; any other error is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _DemoHandler(BaseHTTPRequestHandler):
    server: _DemoServer
    timeout = 5
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != QUERY:
            self.send_error(415)
        elif not length.isdecimal() or int(length) > MAX_QUERY:
            self.send_error(413)
        else:
            body = self.server.authority.answer(self.rfile.read(int(length)))
            self.send_response(200)
            self.send_header("Content-Type", REPLY)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the demo's own output is what a reader looks at."""


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID)
    )


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - X.690, 8.1.3: the short form of a length
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:  # base 128, the lowest group first
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return _der(_OID, bytes(content))


def _algorithm(dotted: str) -> bytes:
    return _der(_SEQUENCE, _oid(dotted))


def _attribute(dotted: str, value: bytes) -> bytes:
    return _der(_SEQUENCE, _oid(dotted), _der(_SET, value))


def _sorted(*members: bytes) -> bytes:
    """The members of a SET OF in the one order DER allows (X.690, 11.6)."""
    return b"".join(sorted(members))
