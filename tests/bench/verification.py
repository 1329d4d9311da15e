"""Steps 2 to 6 and 2 to 7 of the profile beside the bare signature, and beside securesystemslib."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rensho import _fast, bundle, disclosure, dsse, jcs, sign, statement, strict_json
from rensho.keyring import KeyEvent, KeyRing
from rensho.keys import PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from tests.bench.measuring import Line, Rounds, cpu
from tests.client import made

_STATEMENTS = 100
_ROUNDS = 101


@dataclass(frozen=True)
class _Signed:
    """What the contenders are given: the same statements in the form each wants."""

    files: tuple[bytes, ...]
    envelopes: tuple[bytes, ...]
    bare: tuple[tuple[bytes, bytes], ...]
    ring: KeyRing
    raw: ec.EllipticCurvePublicKey
    foreign: SSlibKey

    def bare_signatures(self) -> None:
        scheme = ec.ECDSA(hashes.SHA256())
        for signature, message in self.bare:
            self.raw.verify(signature, message, scheme)

    def securesystemslib(self) -> None:
        for text in self.envelopes:
            Envelope.from_dict(json.loads(text)).verify([self.foreign], 1)

    # As `verify` and `check_submission` go about it: all files are read before a key is asked.

    def steps_2_to_6(self) -> None:
        for found in [bundle.parse(file) for file in self.files]:
            found.envelope.open(self.ring.key(found.hint or ""))

    def steps_2_to_7(self) -> None:
        for found in [bundle.parse(file) for file in self.files]:
            payload = found.envelope.open(self.ring.key(found.hint or ""))
            statement.parse(payload, [statement.DEMO_BASE])


def _signed() -> _Signed:
    key = PrivateKey.generate()
    envelopes = [dsse.sign(key, payload) for payload in _payloads()]
    raw = serialization.load_der_public_key(key.public.spki)
    assert isinstance(raw, ec.EllipticCurvePublicKey)
    record = sign.KeyRecord(
        org=made.SUPPLIER, key=key.public, roles=["responsible-officer"], custody="file"
    )
    event = strict_json.loads(made.key_event(record=record))["predicate"]
    return _Signed(
        files=tuple(bundle.make(one, key.public) for one in envelopes),
        envelopes=tuple(jcs.dumps(one.to_json()) for one in envelopes),
        bare=tuple((one.signature, one.pae) for one in envelopes),
        ring=KeyRing([KeyEvent("0" * 64, (0, 1), event)]),
        raw=raw,
        foreign=SSlibKey.from_crypto(raw, keyid=key.public.key_id),
    )


def _payloads() -> Iterator[bytes]:
    value = strict_json.loads(made.ai_governance())
    for _ in range(_STATEMENTS):
        value["predicate"]["salt"] = disclosure.fresh_salt()
        yield jcs.dumps(value)


@contextmanager
def _without_fast() -> Iterator[None]:
    codec = _fast._codec
    _fast._codec = functools.cache(lambda: None)
    try:
        yield
    finally:
        _fast._codec = codec


def lines() -> list[Line]:
    """Measure with the extra `fast`, whose goals these are, and without it."""
    assert _fast._codec() is not None, "the extra `fast` is not installed"
    found = _measure("", goals=True)
    with _without_fast():
        return found + _measure(", without `fast`", goals=False)


def _measure(how: str, *, goals: bool) -> list[Line]:
    signed = _signed()
    rounds = Rounds(
        {
            "bare": signed.bare_signatures,
            "foreign": signed.securesystemslib,
            "6": signed.steps_2_to_6,
            "7": signed.steps_2_to_7,
        },
        _ROUNDS,
        cpu,
    )
    against = {"bare": "bare public_key.verify", "foreign": "securesystemslib Envelope.verify"}
    return [
        Line(
            path=f"profile steps 2 to {last}, P-256{how}",
            against=against[other],
            ours=rounds.rate(last, _STATEMENTS),
            theirs=rounds.rate(other, _STATEMENTS),
            ratio=rounds.ratio(last, other),
            goal=goal if goals else None,
        )
        for last, other, goal in (
            ("6", "bare", 0.85),
            ("6", "foreign", 1.3),
            ("7", "bare", None),
            ("7", "foreign", None),
        )
    ]
