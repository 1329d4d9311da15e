"""RFC 3161 time-stamps over a signature (attestation profile, sections 5 and 8, step 12).

A token travels as Sigstore's `signedTimestamp` and OpenSSL's `.tsr` do: a DER TimeStampResp with
status granted. Needs the extra `timestamps` (rfc3161-client); without it every token is
`timestamp.encoding_unsupported`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from rensho.errors import Code, VerificationError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_TOKEN: Final = 64 * 1024
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_GRANTED: Final = 0
_GRANTED_INFO: Final = bytes.fromhex("3003020100")  # PKIStatusInfo {status granted}


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What a token claims; `read` has verified nothing of it.

    `time` is aware UTC, `digest` the message imprint under `algorithm` (dotted OID of the hash),
    `authority` (issuer, serial number) of the certificate the signer names.
    """

    time: datetime
    algorithm: str
    digest: bytes
    nonce: int | None
    authority: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be stamped: a digest under `algorithm` (dotted OID), and the asker's nonce."""

    algorithm: str
    digest: bytes
    nonce: int | None


def read(token: bytes) -> TimeStamp:
    """Read a token without believing it.

    Raises `timestamp.encoding_unsupported`: not DER (a certificate SET that is not sorted, RFC
    3161 tokens in BER), not granted, not exactly one signer, larger than 64 KiB, or the extra
    `timestamps` is missing.
    """
    return _claims(_response(token))


def verify(token: bytes, message: bytes, roots: Sequence[bytes]) -> datetime:
    """Return when an authority under one of `roots` (DER) says it saw `message`; aware UTC.

    The chain, the root included, must be valid at the token's own time, not now; the authority's
    certificate travels in the token and has a critical extended key usage with id-kp-timeStamping
    (RFC 3161, 2.3). Certificates between it and the root come in the token or stand among `roots`.
    Revocation of the authority is Trust's business: a revoked root is taken out.

    Raises `timestamp.imprint` (made over something else, or under a hash other than SHA-2),
    `timestamp.untrusted`, and what `read` raises.
    """
    response = _response(token)
    found = _claims(response)
    name = _HASHES.get(found.algorithm)
    if name is None or hashlib.new(name, message).digest() != found.digest:
        raise VerificationError("timestamp.imprint", "the token is over something else")
    with _foreign("timestamp.untrusted", "no chain to a pinned authority holds"):
        _check_chain(response, found, roots)
    return found.time


def _check_chain(response: TimeStampResponse, found: TimeStamp, roots: Sequence[bytes]) -> None:
    from rfc3161_client import VerifierBuilder  # noqa: PLC0415 - an extra

    # The library signs off SHA-1 too; a forged pair of documents would share such a signature.
    hashes = {oid.dotted_string for oid in response.signed_data.digest_algorithms}
    if not hashes <= _HASHES.keys():
        raise VerificationError("timestamp.untrusted", "the authority signs under a weak hash")
    pinned = [x509.load_der_x509_certificate(root) for root in roots]
    VerifierBuilder(roots=pinned).build().verify(response, found.digest)


def chain(token: bytes, roots: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the certificates (DER) from the authority's own up to one of `roots`.

    What tools want that know an authority by its certificate, as Sigstore's do. Each has signed
    the one before it; all else about a token is for `verify`. Raises `timestamp.untrusted` where
    none of the roots is reached, and what `read` raises.
    """
    response = _response(token)
    wanted = _claims(response).authority
    with _foreign("timestamp.untrusted", "no certificate leads to a pinned authority"):
        inside = [x509.load_der_x509_certificate(one) for one in response.signed_data.certificates]
        pinned = [x509.load_der_x509_certificate(root) for root in roots]
        (end,) = [
            one for one in inside if (one.issuer.rfc4514_string(), one.serial_number) == wanted
        ]
        found = [end]
        while end not in pinned:
            end = next(one for one in (*pinned, *inside) if _has_signed(one, end))
            if end in found:
                raise VerificationError("timestamp.untrusted", "a root nobody pinned")
            found.append(end)
        return tuple(one.public_bytes(Encoding.DER) for one in found)


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def make_request(message: bytes) -> bytes:
    """Return a DER TimeStampReq for `message`: SHA-256, a fresh nonce, certificates wanted.

    To be posted as `application/timestamp-query` (RFC 3161, 3.4). Raises
    `timestamp.encoding_unsupported` without the extra `timestamps`.
    """
    with _foreign("timestamp.encoding_unsupported", "no request can be made"):
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415

        builder = TimestampRequestBuilder(message, HashAlgorithm.SHA256, nonce=True, cert_req=True)
        return builder.build().as_bytes()


def token_of(response: bytes, request: bytes) -> bytes:
    """Return the token of a TSA's answer to `request`, in the one form a bundle carries.

    Raises `timestamp.imprint` where the answer is to another request (imprint or nonce), and what
    `read` raises. Whether the authority is a pinned one is for `verify`.
    """
    answer = _response(response)
    found = _claims(answer)
    asked = read_request(request)
    if (found.algorithm, found.digest, found.nonce) != (asked.algorithm, asked.digest, asked.nonce):
        raise VerificationError("timestamp.imprint", "the answer is to another request")
    with _foreign("timestamp.encoding_unsupported", "not a granted time-stamp in DER"):
        token = answer.time_stamp_token()
    # The status text around a token is the authority's free prose and signed by nobody.
    return _sequence(_GRANTED_INFO + token)


def read_request(request: bytes) -> Request:
    """Read a DER TimeStampReq. Raises `timestamp.encoding_unsupported`."""
    with _foreign("timestamp.encoding_unsupported", "not a time-stamp request in DER"):
        # The library has this parser and does not re-export it.
        from rfc3161_client._rust import parse_timestamp_request  # noqa: PLC0415

        found = parse_timestamp_request(request)
        imprint = found.message_imprint
        return Request(imprint.hash_algorithm.dotted_string, imprint.message, found.nonce)


def _response(token: bytes) -> TimeStampResponse:
    if len(token) > MAX_TOKEN:
        raise VerificationError("timestamp.encoding_unsupported", "a token is at most 64 KiB")
    with _foreign("timestamp.encoding_unsupported", "not a granted time-stamp in DER"):
        from rfc3161_client import decode_timestamp_response  # noqa: PLC0415 - an extra

        return decode_timestamp_response(token)


def _claims(response: TimeStampResponse) -> TimeStamp:
    with _foreign("timestamp.encoding_unsupported", "not a granted time-stamp in DER"):
        if response.status != _GRANTED:
            raise VerificationError("timestamp.encoding_unsupported", "no time-stamp was granted")
        (signer,) = response.signed_data.signer_infos
        imprint = response.tst_info.message_imprint
        return TimeStamp(
            time=response.tst_info.gen_time.astimezone(UTC),
            algorithm=imprint.hash_algorithm.dotted_string,
            digest=imprint.message,
            nonce=response.tst_info.nonce,
            authority=(signer.issuer.rfc4514_string(), signer.serial_number),
        )


@contextmanager
def _foreign(code: Code, detail: str) -> Iterator[None]:
    """Turn whatever the two libraries raise, for any bytes, into our one exception."""
    try:
        yield
    except VerificationError:
        raise
    except ImportError as why:
        # Not `timestamp.missing`: the token is there, and it is this reader who cannot tell. The
        # same INDETERMINATE as for a token in an encoding nobody here reads.
        raise VerificationError(
            "timestamp.encoding_unsupported", "the extra rensho[timestamps] is not installed"
        ) from why
    except Exception as why:
        raise VerificationError(code, detail) from why
    except BaseException as why:
        # A panic inside Rust is deliberately no Exception; its type cannot be imported.
        if type(why).__name__ != "PanicException":
            raise
        raise VerificationError(code, detail) from why


def _sequence(content: bytes) -> bytes:
    """A DER SEQUENCE around `content` (X.690, 8.1.3), which a token makes longer than 127 bytes."""
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([0x30, 0x80 | len(length)]) + length + content
