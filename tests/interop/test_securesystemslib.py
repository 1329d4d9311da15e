"""securesystemslib opens our envelopes and we open its, with nothing shared but DSSE."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from rensho import dsse
from rensho.dsse import INTOTO
from rensho.errors import VerificationError
from rensho.keys import PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError as Refused
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import SSlibKey

from tests.client import made

ALGORITHMS = pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])


def _foreign_key(key: PrivateKey) -> SSlibKey:
    public = serialization.load_der_public_key(key.public.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
    return SSlibKey.from_crypto(public, keyid=key.public.key_id)


def _foreign_signer(key: PrivateKey) -> CryptoSigner:
    private = serialization.load_pem_private_key(key.to_pem(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
    return CryptoSigner(private, _foreign_key(key))


def _ours(key: PrivateKey) -> dict[str, Any]:
    return dsse.sign(key, made.declaration()).to_json()


@ALGORITHMS
def test_it_opens_our_envelope(algorithm: Any) -> None:
    key = PrivateKey.generate(algorithm)
    found = Envelope.from_dict(_ours(key))
    assert found.verify([_foreign_key(key)], 1).keys() == {key.public.key_id}
    assert found.payload == made.declaration()
    assert found.pae() == dsse.pae(INTOTO, made.declaration())


@ALGORITHMS
@pytest.mark.parametrize("field", ["payload", "payload_type", "signature", "key"])
def test_it_refuses_our_envelope_when_it_was_altered(algorithm: Any, field: str) -> None:
    key = PrivateKey.generate(algorithm)
    found = Envelope.from_dict(_ours(key))
    trusted = _foreign_key(key)
    match field:
        case "payload":
            found.payload += b" "
        case "payload_type":
            found.payload_type += "x"
        case "signature":
            signature = found.signatures[key.public.key_id]
            last = int(signature.signature[-2:], 16) ^ 1
            signature.signature = f"{signature.signature[:-2]}{last:02x}"
        case _:
            other = _foreign_key(PrivateKey.generate(algorithm))
            trusted.keyval = copy.deepcopy(other.keyval)
    with pytest.raises(Refused):
        found.verify([trusted], 1)


@ALGORITHMS
def test_we_open_its_envelope(algorithm: Any) -> None:
    key = PrivateKey.generate(algorithm)
    theirs = Envelope(made.declaration(), INTOTO, {})
    theirs.sign(_foreign_signer(key))
    ours = dsse.Envelope.from_json(json.loads(json.dumps(theirs.to_dict())))
    assert ours.open(key.public) == made.declaration()


@ALGORITHMS
def test_we_refuse_its_envelope_when_it_was_altered(algorithm: Any) -> None:
    key = PrivateKey.generate(algorithm)
    theirs = Envelope(made.declaration(), INTOTO, {})
    theirs.sign(_foreign_signer(key))
    theirs.payload += b" "
    with pytest.raises(VerificationError, match=r"sig\.invalid"):
        dsse.Envelope.from_json(theirs.to_dict()).open(key.public)
    with pytest.raises(VerificationError, match=r"key\.hint_mismatch"):
        dsse.Envelope.from_json(theirs.to_dict()).open(PrivateKey.generate(algorithm).public)
