"""Steps 5 and 12: certificates and time-stamps, where Trust asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from rensho import bundle, jcs, strict_json
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from services.tsa import DemoAuthority
from tests.client.certificates import (
    AUTHORITY,
    CODE_SIGNING,
    NO_AUTHORITY,
    Authority,
    der,
    in_place_of_the_hint,
)
from tests.client.deployment import DAY, HOUR, START, World
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import BUNDLE, lone_bytes, plain, shown

Stamp = Callable[[DemoAuthority, bytes, Any], bytes]


def token(authority: DemoAuthority, message: bytes, at: Any) -> bytes:
    """A token without nonce: nonces are no part of what a bundle shows."""
    request = TimestampRequestBuilder(message, HashAlgorithm.SHA256, nonce=False, cert_req=True)
    return authority.answer(request.build().as_bytes(), at)


def stamped(
    stamp: Stamp = token,
    *,
    pinned: DemoAuthority | None = None,
    by: DemoAuthority | None = None,
    times: int = 1,
) -> Shown:
    """A key event alone, with a token over its signature and its root in Trust."""
    authority = by or DemoAuthority.fresh(START - DAY)
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    name = world.key_event(world.requester)
    data = world.files[f"{name}{BUNDLE}"]
    signature = bundle.parse(data).envelope.signature
    tokens = [stamp(authority, signature, world.now) for _ in range(times)]
    made = bundle.with_tokens(data, tokens)
    return lone_bytes(world, name, made, tsa=((pinned or authority).root_der,))


@good("time-stamped", 12, "A token over the signature, by an authority Trust pins.")
def _() -> Shown:
    return stamped()


@bad("no-time-stamp", 12, "timestamp.missing", "Trust asks for one.", "time-stamped")
def _() -> Shown:
    return stamped(times=0)


@bad("stamped-by-a-stranger", 12, "timestamp.untrusted", "Roots are pinned.", "time-stamped")
def _() -> Shown:
    return stamped(pinned=DemoAuthority.fresh(START - DAY))


@bad("stamped-before-its-root", 12, "timestamp.untrusted", "An authority has a period too.")
def _() -> Shown:
    return stamped(by=DemoAuthority.fresh(START + 30 * DAY))


@bad("stamp-of-another-signature", 12, "timestamp.imprint", "A token is over one message.")
def _() -> Shown:
    return stamped(lambda authority, _, at: token(authority, b"another signature", at))


@bad("stamped-twice-by-one", 12, "timestamp.duplicate", "One authority is one source.")
def _() -> Shown:
    return stamped(times=2)


class Unsorted:
    """Two certificates where one was expected, in the order DER forbids."""

    def __init__(self, own: x509.Certificate, root: x509.Certificate) -> None:
        self.own, self.root = own, root
        self.issuer, self.serial_number = own.issuer, own.serial_number

    def public_bytes(self, encoding: Any) -> bytes:
        both = (self.own.public_bytes(encoding), self.root.public_bytes(encoding))
        return b"".join(sorted(both, reverse=True))


@bad(
    "stamp-with-unsorted-certificates",
    12,
    "timestamp.encoding_unsupported",
    "Some authorities do not sort as DER wants: that is left open, and never VALID.",
    "time-stamped",
)
def _() -> Shown:
    fresh = DemoAuthority.fresh(START - DAY)
    both: Any = Unsorted(fresh.certificate, fresh.root)
    return stamped(by=DemoAuthority(fresh.root, both, fresh.key), pinned=fresh)


@bad("stamp-that-is-noise", 12, "timestamp.encoding_unsupported", "Nobody can read it.")
def _() -> Shown:
    return stamped(lambda *_: b"\x30\x03\x02\x01\x00")


def certified(
    marks: Iterable[Any] = (NO_AUTHORITY, CODE_SIGNING),
    *,
    pinned: bool = True,
    asked: bool = True,
    **how: Any,
) -> Shown:
    """An answer handed in under certificates instead of key hints."""
    root = Authority.root()
    done = plain()
    spki: Any = load_der_public_key(done.world.supplier.key.public.spki)
    made = der(root.issue(spki, marks=list(marks), **how))
    for one in done.ids:
        name = f"{one}{BUNDLE}"
        value = strict_json.loads(done.world.files[name])
        in_place_of_the_hint(made)(value)
        done.world.files[name] = jcs.dumps(value)
    anchor = root if pinned else Authority.root()
    return shown(done, ca=(anchor.der,) if asked else ())


@good("certified-key", 5, "An enrolled key under a certificate of an authority Trust names.")
def _() -> Shown:
    return certified()


@bad("certificate-nobody-asked-for", 5, "cert.chain", "Without an anchor nobody can tell.")
def _() -> Shown:
    return certified(asked=False)


@bad("certificate-of-another-authority", 5, "cert.chain", "The chain leads to another root.")
def _() -> Shown:
    return certified(pinned=False)


@bad("certificate-that-had-ended", 5, "cert.chain", "A certificate is valid at T.", "certified-key")
def _() -> Shown:
    return certified(start=START - 3 * DAY, lasts=timedelta(days=1))


@bad("certificate-for-nothing", 5, "cert.usage", "It is not for signing.", "certified-key")
def _() -> Shown:
    return certified([NO_AUTHORITY])


@bad("certificate-of-an-authority", 5, "cert.usage", "Authorities sign certificates.")
def _() -> Shown:
    return certified([AUTHORITY, CODE_SIGNING])


@bad("certificate-with-a-short-hash", 5, "cert.too_weak", "SHA-224 is too short.", "certified-key")
def _() -> Shown:
    return certified(under=hashes.SHA224())
