"""`@sigstore/verify`, which knows nothing of us, accepts our bundles and refuses altered ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from rensho import bundle, timestamps
from rensho.keys import PrivateKey
from rensho.trust import trusted_root

from services.tsa import DemoAuthority
from tests.client.stamps import authority, token
from tests.interop.bending import Good, altered, ed25519, flipped, p256
from tests.interop.sigstore_js import Answer, Case, SigstoreJs

pytestmark = pytest.mark.needs("node")
ACCEPTED = Answer(accepted=True, code="", message="")
CODES = {
    "payload": "TLOG_BODY_ERROR",
    "signature": "TLOG_BODY_ERROR",
    "leaf": "TLOG_INCLUSION_PROOF_ERROR",
    "leaf of the neighbour": "TLOG_BODY_ERROR",
    "proof": "TLOG_INCLUSION_PROOF_ERROR",
    "proof is missing a hash": "TLOG_INCLUSION_PROOF_ERROR",
    "root": "TLOG_INCLUSION_PROOF_ERROR",
    "root of a forger": "TLOG_INCLUSION_PROOF_ERROR",
    "index": "TLOG_INCLUSION_PROOF_ERROR",
    "signature of the log": "TLOG_INCLUSION_PROOF_ERROR",
    "no log entry": "TLOG_ERROR",
    "other key": "SIGNATURE_ERROR",
    "swapped log key": "TLOG_INCLUSION_PROOF_ERROR",
    "other log id": "TLOG_INCLUSION_PROOF_ERROR",
}
"""What the foreign verifier calls each tampering."""
KEYS = pytest.mark.parametrize("good", [p256, ed25519], ids=["P-256", "Ed25519"])


def _case(good: Good) -> Case:
    return Case(good.bundle, trusted_root(good.world.trust()), good.key)


def _other_key(case: Case) -> Case:
    other = PrivateKey.generate(
        "ed25519" if case.key.algorithm == "ed25519" else "ecdsa-p256"
    ).public
    value = json.loads(case.bundle)
    value["verificationMaterial"]["publicKey"]["hint"] = other.key_id
    return replace(case, bundle=json.dumps(value).encode(), key=other)


def _swapped_log_key(case: Case) -> Case:
    root = json.loads(case.trusted_root)
    other = PrivateKey.generate("ed25519").public.spki
    root["tlogs"][0]["publicKey"]["rawBytes"] = base64.b64encode(other).decode()
    return replace(case, trusted_root=json.dumps(root).encode())


def _other_log_id(case: Case) -> Case:
    root = json.loads(case.trusted_root)
    log_id = root["tlogs"][0]["logId"]
    log_id["keyId"] = flipped(log_id["keyId"])
    return replace(case, trusted_root=json.dumps(root).encode())


@KEYS
def test_our_bundle_is_accepted_with_our_trusted_root_and_the_key(
    foreign: SigstoreJs, good: Callable[[], Good]
) -> None:
    (answer,) = foreign.judge(_case(good()))
    assert answer == ACCEPTED, answer.message


def _stamped(authority: DemoAuthority) -> Case:
    """The declaration of `p256` again, with a token by an authority under Trust's root."""
    good = p256()
    found = bundle.parse(good.bundle)
    made = token(found.envelope.signature, good.world.now, authority)
    trust = good.world.trust(tsa=(authority.root_der,))
    root = trusted_root(trust, [timestamps.chain(made, [authority.root_der])])
    return Case(bundle.with_tokens(good.bundle, [made]), root, good.key, timestamps=1)


def test_a_time_stamp_is_accepted_and_counted(foreign: SigstoreJs) -> None:
    case = _stamped(authority())
    without = replace(case, bundle=p256().bundle)
    answers = foreign.judge(case, without)
    assert answers[0] == ACCEPTED, answers[0].message
    assert answers[1].code == "TIMESTAMP_ERROR"


def test_a_time_stamp_of_a_stranger_or_over_something_else_is_refused(foreign: SigstoreJs) -> None:
    case, stranger = _stamped(authority()), _stamped(authority("stranger"))
    other = token(b"something else", p256().world.now)
    answers = foreign.judge(
        replace(stranger, trusted_root=case.trusted_root),
        replace(case, bundle=bundle.with_tokens(p256().bundle, [other])),
    )
    assert [one.code for one in answers] == ["TIMESTAMP_ERROR", "TIMESTAMP_ERROR"]


@KEYS
def test_every_tampering_is_refused(foreign: SigstoreJs, good: Callable[[], Good]) -> None:
    case = _case(good())
    bent = {name: replace(case, bundle=file) for name, file in altered(good()).items()}
    bent["other key"] = _other_key(case)
    bent["swapped log key"] = _swapped_log_key(case)
    bent["other log id"] = _other_log_id(case)
    first, *rest = foreign.judge(case, *bent.values())
    assert first == ACCEPTED, "the good twin"
    answers = dict(zip(bent, rest, strict=True))
    assert [name for name, one in answers.items() if one.accepted] == []
    # Refused as evidence, and not by a stumble of the tool or of this test.
    assert {name: one.code for name, one in answers.items()} == CODES
