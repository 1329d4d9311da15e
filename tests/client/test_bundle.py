"""Bundles: the layout foreign tools know, and nothing besides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rensho import bundle, dsse, jcs, strict_base64, strict_json
from rensho.keys import PrivateKey

from tests.client.certificates import certificate
from tests.client.deployment import Log
from tests.client.refused import refused

KEY = PrivateKey.generate()
ENVELOPE = dsse.sign(KEY, b'{"x":1}')
LOG = Log(leaves=[b"first", bundle.leaf(ENVELOPE, KEY.public)])
LOG.publish(datetime(2026, 11, 2, tzinfo=UTC))
LOGGED = bundle.make(ENVELOPE, KEY.public, LOG.entry(1, 2))


def bent(change: Callable[[dict[str, Any]], Any]) -> bytes:
    value = strict_json.loads(LOGGED)
    change(value)
    return jcs.dumps(value)


def material(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["verificationMaterial"]
    return found


def entry(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = material(value)["tlogEntries"][0]
    return found


def proof(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = entry(value)["inclusionProof"]
    return found


def test_what_is_made_is_read_back() -> None:
    found = bundle.parse(LOGGED)
    assert found.envelope == ENVELOPE
    assert (found.hint, found.certificate) == (KEY.public.key_id, None)
    assert found.entry == LOG.entry(1, 2)
    assert found.tokens == ()
    assert found.statement_id == dsse.statement_id(b'{"x":1}')


@pytest.mark.parametrize("entries", [None, []])
def test_what_is_not_logged_yet_is_read_without_an_entry(entries: object) -> None:
    value = strict_json.loads(bundle.make(ENVELOPE, KEY.public))
    if entries is not None:
        value["verificationMaterial"]["tlogEntries"] = entries
    assert bundle.parse(jcs.dumps(value)).entry is None


@pytest.mark.parametrize(
    ("key", "details"),
    [
        (KEY, "PKIX_ECDSA_P256_SHA_256"),
        (PrivateKey.generate("ed25519"), "PKIX_ED25519"),
    ],
)
def test_the_leaf_is_a_rekor_entry_over_the_pae_with_the_bare_key(
    key: PrivateKey, details: str
) -> None:
    envelope = dsse.sign(key, b"{}")
    leaf = bundle.leaf(envelope, key.public)
    digest = hashlib.sha256(dsse.pae("application/vnd.in-toto+json", b"{}")).digest()
    assert strict_json.loads(leaf) == {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": strict_base64.encode(digest)},
                "signature": {
                    "content": strict_base64.encode(envelope.signature),
                    "verifier": {
                        "keyDetails": details,
                        "publicKey": {"rawBytes": strict_base64.encode(key.public.spki)},
                    },
                },
            }
        },
    }
    assert jcs.dumps(strict_json.loads(leaf)) == leaf


def test_the_certificate_form_is_recognised() -> None:
    def use_certificate(value: dict[str, Any]) -> None:
        del material(value)["publicKey"]
        material(value)["certificate"] = {"rawBytes": strict_base64.encode(certificate())}

    found = bundle.parse(bent(use_certificate))
    assert (found.hint, found.certificate) == (None, certificate())


def test_time_stamps_are_kept_as_they_came() -> None:
    tokens = {"rfc3161Timestamps": [{"signedTimestamp": "AAEC"}]}
    found = bundle.parse(bent(lambda v: material(v).update(timestampVerificationData=tokens)))
    assert found.tokens == (b"\x00\x01\x02",)


def raw_key_as_certificate(value: dict[str, Any]) -> None:
    del material(value)["publicKey"]
    material(value)["certificate"] = {"rawBytes": strict_base64.encode(KEY.public.spki)}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v.pop("mediaType"), "bundle.media_type"),
        (lambda v: v.update(mediaType=bundle.MEDIA_TYPE.replace("3", "2")), "bundle.media_type"),
        (lambda v: v.pop("verificationMaterial"), "json.malformed"),
        (lambda v: v.pop("dsseEnvelope"), "json.malformed"),
        (lambda v: material(v).pop("publicKey"), "bundle.key_material"),
        (lambda v: material(v).update(certificate={}), "bundle.key_material"),
        (lambda v: material(v).update(x509CertificateChain={}), "bundle.key_material"),
        (lambda v: material(v)["publicKey"].pop("hint"), "bundle.key_material"),
        (lambda v: material(v)["publicKey"].update(rawBytes="AA=="), "bundle.key_material"),
        (lambda v: material(v)["publicKey"].update(hint="AA=="), "base64.not_canonical"),
        (raw_key_as_certificate, "bundle.key_material"),
        (lambda v: material(v).update(publicKey=[]), "json.malformed"),
        (lambda v: material(v).update(tlogEntries={}), "json.malformed"),
        (lambda v: material(v)["tlogEntries"].append({}), "input.too_many_items"),
        (lambda v: entry(v)["kindVersion"].update(version="0.0.1"), "bundle.media_type"),
        (lambda v: entry(v).update(inclusionPromise={}), "json.malformed"),
        (lambda v: entry(v).update(integratedTime="0"), "json.malformed"),
        (lambda v: entry(v).update(logIndex=1), "json.bad_number"),
        (lambda v: entry(v).update(logIndex="01"), "json.bad_number"),
        (lambda v: entry(v).update(logIndex="0"), "log.inclusion"),
        (lambda v: entry(v).update(logId=[]), "json.malformed"),
        (lambda v: entry(v)["logId"].update(keyId="AA=="), "base64.not_canonical"),
        (lambda v: proof(v).update(hashes="x"), "json.malformed"),
        (lambda v: proof(v).update(hashes=["AA=="] * 64), "input.too_many_items"),
        (lambda v: proof(v).update(treeSize="-1"), "json.bad_number"),
        (lambda v: proof(v)["checkpoint"].update(envelope=1), "json.malformed"),
        (lambda v: proof(v)["checkpoint"].update(envelope="\n" * 33), "input.too_many_items"),
        (
            lambda v: material(v).update(timestampVerificationData={"rfc3161Timestamps": 1}),
            "json.malformed",
        ),
        (
            lambda v: material(v).update(timestampVerificationData={"rfc3161Timestamps": [{}] * 9}),
            "input.too_many_items",
        ),
        (
            lambda v: v["dsseEnvelope"].update(payload=strict_base64.encode(bytes(512 * 1024 + 1))),
            "input.too_large",
        ),
        (lambda v: v["dsseEnvelope"].update(payloadType="x"), "dsse.payload_type"),
        (lambda v: v["dsseEnvelope"].update(signatures=[]), "dsse.signature_count"),
    ],
)
def test_a_bent_bundle_is_refused_with_its_code(
    change: Callable[[dict[str, Any]], Any], code: Any
) -> None:
    with refused(code):
        bundle.parse(bent(change))


def test_an_oversized_bundle_is_refused_before_it_is_parsed() -> None:
    with refused("input.too_large"):
        bundle.parse(b"{" + b" " * bundle.MAX_BUNDLE)


def test_unknown_fields_are_passed_over() -> None:
    assert bundle.parse(bent(lambda v: v.update(later="x"))).envelope == ENVELOPE
