"""Signers who bring a certificate (step 5, second branch), and how far it carries them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from hypothesis import given
from hypothesis import strategies as st
from rensho import certificates, dsse, jcs, sign
from rensho.errors import VerificationError
from rensho.keys import PrivateKey, PublicKey
from rensho.submission import Submission, check_submission
from rensho.verdict import Verdict

from tests.client.certificates import (
    AUTHORITY,
    CODE_SIGNING,
    NO_AUTHORITY,
    TIME_STAMPING,
    Authority,
    der,
    in_place_of_the_hint,
    key_usage,
    p256,
)
from tests.client.deployment import DAY, START, Party, World, enrolled
from tests.client.judged import edited, judge, without
from tests.client.refused import refused
from tests.client.responses import Answered, answered, prepare, submit

ROOT = Authority.root()


def public(key: PublicKey) -> Any:
    return load_der_public_key(key.spki)


def certify(done: Answered, certificate: x509.Certificate) -> None:
    """Hand the answer's statements in under a certificate instead of a key hint."""
    for one in done.ids:
        edited(done.world, f"{one}.sigstore.json", in_place_of_the_hint(der(certificate)))


def certified(done: Answered | None = None, *, by: Authority = ROOT, **how: Any) -> Answered:
    done = done or answered()
    certify(done, by.issue(public(done.world.supplier.key.public), **how))
    return done


def judged(done: Answered, *anchors: Authority) -> Verdict:
    return judge(done, ca=tuple(one.der for one in anchors or (ROOT,)))


def test_a_certified_key_that_is_enrolled_too_is_valid_in_all_parts() -> None:
    verdict = judged(certified())
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert "step 5: certificate revocation lists are not read" in verdict.notes
    assert verdict.payload is not None


@dataclass(frozen=True)
class Seal:
    """An RSA key, which this package verifies and never makes."""

    key: rsa.RSAPrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey.from_der(
            self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def test_an_rsa_seal_is_verified() -> None:
    world = enrolled()
    seal: Any = Seal(rsa.generate_private_key(65537, 2048))
    world.supplier = Party(seal, world.supplier.roles)
    world.key_event(world.supplier, vouchers=[world.voucher()])
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    verdict = judged(certified(done))
    assert (verdict.status, verdict.codes) == ("VALID", ())


def test_without_an_authority_in_trust_nobody_can_tell() -> None:
    verdict = judge(certified())
    assert "cert.chain" in verdict.codes
    assert verdict.parts["signature"] == "INDETERMINATE"
    assert verdict.payload is None


@pytest.mark.parametrize(
    "how",
    [
        {"by": Authority.root()},
        {"start": START - 3 * DAY, "lasts": DAY},
        {"start": START + 30 * DAY},
        {"by": ROOT.below()},
    ],
    ids=["of another authority", "ended before T", "begun after T", "of an authority below"],
)
def test_a_broken_chain_is_invalid_and_nothing_is_read_under_it(how: dict[str, Any]) -> None:
    done = certified(**how)
    verdict = judged(done)
    assert "cert.chain" in verdict.codes
    assert verdict.parts["signature"] == "INVALID"
    assert verdict.payload is None
    assert verdict.statements[done.ids[0]].payload is None
    assert verdict.statements[done.ids[0]].codes == ("cert.chain",)


def test_a_certificate_that_ended_after_t_holds() -> None:
    done = certified(start=START - DAY, lasts=4 * DAY)
    done.world.now += 100 * DAY
    assert judged(done).parts["signature"] == "VALID"


def test_an_issuing_authority_is_an_anchor_as_well_as_a_root() -> None:
    below = ROOT.below()
    assert judged(certified(by=below), below).status == "VALID"
    assert judged(certified(by=below), ROOT, below).status == "VALID"


def test_without_t_no_certificate_can_be_judged() -> None:
    done = certified()
    verdict = judge(done, data=without(done, ".promise.json"), ca=(ROOT.der,))
    own = verdict.statements[done.ids[0]]
    assert own.codes == ("timestamp.missing",)
    assert own.parts["signature"] == "INDETERMINATE"
    assert own.payload is None


def test_a_key_that_only_a_certificate_knows_is_nobodys_yet() -> None:
    world = enrolled()
    asked = world.ask()
    world.supplier.key = PrivateKey.generate()
    draft = prepare(world, asked)
    done = certified(Answered(world, asked, draft, tuple(submit(world, draft))))
    verdict = judged(done)
    assert verdict.codes == ("key.unknown",)
    assert verdict.parts["signature"] == "VALID"
    assert verdict.parts["context"] == "INDETERMINATE"
    assert verdict.status == "INDETERMINATE"


def test_what_a_key_that_is_nobodys_withdraws_stays_said() -> None:
    done = answered()
    world, own = done.world, done.world.supplier.key
    world.supplier.key = PrivateKey.generate()
    payload = sign.withdrawal(
        world.common(world.supplier),
        statement_id=done.ids[-1],
        effect="retracted",
        reason="not by me",
    )
    (stranger,) = world.record((dsse.sign(world.supplier.key, payload), world.supplier.key))
    issued = der(ROOT.issue(public(world.supplier.key.public)))
    edited(world, f"{stranger}.sigstore.json", in_place_of_the_hint(issued))
    world.supplier.key = own
    verdict = judged(done)
    assert verdict.codes == ("key.unknown",)
    assert verdict.statements[done.ids[-1]].status == "VALID"


def test_a_certified_key_of_another_firm_is_refused() -> None:
    world = enrolled()
    asked = world.ask()
    other = Party(PrivateKey.generate(), world.supplier.roles)
    world.key_event(other)
    world.supplier.key = other.key
    draft = prepare(world, asked)
    done = certified(Answered(world, asked, draft, tuple(submit(world, draft))))
    assert judged(done).codes == ("signer.org_mismatch",)


def test_a_certificate_of_another_key_signed_nothing() -> None:
    done = answered()
    for one in done.ids:
        edited(
            done.world,
            f"{one}.sigstore.json",
            lambda v: v["dsseEnvelope"]["signatures"][0].pop("keyid"),
        )
    certify(done, ROOT.issue(p256().public_key()))
    assert "sig.invalid" in judged(done).codes


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no use": ({"marks": [NO_AUTHORITY]}, "cert.usage"),
    "another use": ({"marks": [NO_AUTHORITY, TIME_STAMPING]}, "cert.usage"),
    "an authority's": ({"marks": [AUTHORITY, CODE_SIGNING]}, "cert.usage"),
    "no signatures": ({"marks": [CODE_SIGNING, key_usage(signs=False)]}, "cert.usage"),
    "unreadable": (
        {
            "marks": [
                CODE_SIGNING,
                (x509.UnrecognizedExtension(x509.KeyUsage.oid, b"\0"), False),
            ]
        },
        "cert.usage",
    ),
    "a short hash": ({"under": hashes.SHA224()}, "cert.too_weak"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_certificate_nobody_may_sign_under_is_refused(case: str) -> None:
    how, code = UNUSABLE[case]
    verdict = judged(certified(**how))
    assert code in verdict.codes
    assert verdict.parts["signature"] == "INVALID"


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1())],
    ids=["short RSA", "another curve"],
)
def test_a_key_nobody_could_enrol_is_too_weak_under_a_certificate_too(key: Any) -> None:
    with refused("cert.too_weak"):
        certificates.key_of(der(ROOT.issue(key.public_key())))


@pytest.mark.parametrize("marks", [[CODE_SIGNING], [CODE_SIGNING, key_usage(signs=True)]])
def test_what_a_certificate_need_not_say_may_be_left_out(marks: Any) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    made = der(ROOT.issue(key.public_key(), marks=marks))
    assert certificates.key_of(made).algorithm == "ed25519"
    certificates.verify(made, [ROOT.der], START)


def test_a_certificate_signed_under_ed25519_names_no_hash() -> None:
    root = Authority.root(ed25519.Ed25519PrivateKey.generate())
    assert certificates.key_of(der(root.issue(p256().public_key()))).algorithm == "ecdsa-p256"


def test_a_server_judges_a_certificate_as_of_now() -> None:
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked)
    made = ROOT.issue(public(world.supplier.key.public), lasts=60 * DAY)

    def handed_in(world: World, **changes: Any) -> list[str]:
        submission = submission_of(world, draft.payloads, der(made))
        return list(check_submission(submission, replace(world.deployment(), **changes), world.now))

    assert "cert.chain" in handed_in(world)
    assert "cert.chain" in handed_in(world, ca=(Authority.root().der,))
    assert "cert.chain" not in handed_in(world, ca=(ROOT.der,))
    world.now += 60 * DAY
    assert "cert.chain" in handed_in(world, ca=(ROOT.der,))


def submission_of(world: World, payloads: tuple[bytes, ...], certificate: bytes) -> Submission:
    def bundle_of(payload: bytes) -> bytes:
        value: dict[str, Any] = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": dsse.sign(world.supplier.key, payload).to_json(),
        }
        in_place_of_the_hint(certificate)(value)
        return jcs.dumps(value)

    return Submission(bundles=tuple(bundle_of(one) for one in payloads))


@given(st.data())
def test_whatever_the_certificate_is_only_our_error_comes_out(data: st.DataObject) -> None:
    bent = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 3))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    try:
        x509.load_der_x509_certificate(bytes(bent))
    except (ValueError, x509.InvalidVersion):
        return  # refused as bundle.key_material before step 5
    for ask in (
        lambda: certificates.key_of(bytes(bent)),
        lambda: certificates.verify(bytes(bent), [ROOT.der], START),
    ):
        try:
            ask()
        except VerificationError as why:
            assert why.code.startswith("cert.")  # noqa: PT017 - either outcome is an answer


SAMPLE = der(ROOT.issue(p256().public_key()))
