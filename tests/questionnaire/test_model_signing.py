"""OpenSSF model-signing bundles: recognised, and not verified unless somebody gives a key."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from rensho import bundle, dsse
from rensho.keys import PrivateKey

from services.questionnaire.rules import model_signing
from services.questionnaire.rules.model_signing import PREDICATE, Resource
from services.questionnaire.rules.refusals import Refusal

FILES = (Resource("config.json", "sha256", "ab" * 32), Resource("model.onnx", "sha256", "cd" * 32))


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "inspection", "digest": {"sha256": "ef" * 32}}],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": [
                {"name": each.name, "algorithm": each.algorithm, "digest": each.digest}
                for each in FILES
            ],
        },
        **changes,
    }


def signed(key: PrivateKey, value: Any = None, **changes: Any) -> bytes:
    """A bundle as `model_signing sign key` writes it, by our own DSSE code."""
    content = json.dumps(payload() if value is None else value).encode()
    made = json.loads(bundle.make(dsse.sign(key, content), key.public))
    return json.dumps(made | changes).encode()


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def problem(data: bytes) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        model_signing.recognize(data)
    return caught.value.urn.removeprefix("model-signing/"), caught.value.problems[0].where


def test_a_bundle_is_read_with_its_manifest(key: PrivateKey) -> None:
    found = model_signing.recognize(signed(key))
    assert (found.manifest.model, found.manifest.digest) == ("inspection", "ef" * 32)
    assert found.manifest.resources == FILES


def test_a_bundle_logged_elsewhere_is_read_too(key: PrivateKey) -> None:
    """Sigstore's own log entries have forms that our bundles must not have."""
    material = {
        "certificate": {"rawBytes": "AAAA"},
        "tlogEntries": [{"logIndex": "1", "integratedTime": "1", "inclusionPromise": {}}],
    }
    assert model_signing.recognize(signed(key, verificationMaterial=material)).manifest.model


def test_a_given_key_says_whether_the_signature_is_its_own(key: PrivateKey) -> None:
    found = model_signing.recognize(signed(key))
    found.check(model_signing.key_from(key.public.to_pem().decode()))
    with pytest.raises(Refusal, match="fails under this key") as caught:
        found.check(PrivateKey.generate().public)
    assert caught.value.urn == "model-signing/signature"
    with pytest.raises(Refusal) as unreadable:
        model_signing.key_from("no key")
    assert unreadable.value.urn == "model-signing/key"


def test_a_changed_manifest_fails_under_its_signers_key(key: PrivateKey) -> None:
    made = json.loads(signed(key))
    other = json.dumps(payload(subject=[{"digest": {"sha256": "00" * 32}}])).encode()
    made["dsseEnvelope"]["payload"] = base64.b64encode(other).decode()
    found = model_signing.recognize(json.dumps(made).encode())
    assert found.manifest.digest == "00" * 32
    with pytest.raises(Refusal):
        found.check(key.public)


_RESOURCE = {"name": "a", "algorithm": "sha256", "digest": "ab" * 32}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], ("malformed", "")),
        (payload(_type="https://in-toto.io/Statement/v0.1"), ("malformed", "/payload/_type")),
        (payload(predicateType="x"), ("other-predicate", "/payload/predicateType")),
        (payload(subject=[]), ("malformed", "/payload/subject")),
        (payload(subject=payload()["subject"] * 2), ("malformed", "/payload/subject")),
        (payload(subject=[{"digest": {}}]), ("malformed", "/payload/subject/0/digest")),
        (payload(predicate={}), ("malformed", "/payload/predicate")),
        (payload(predicate={"resources": []}), ("malformed", "/payload/predicate/resources")),
        (payload(predicate={"resources": [_RESOURCE] * 10_001}), ("malformed", "")),
        (
            payload(predicate={"resources": [{**_RESOURCE, "digest": "no"}]}),
            ("malformed", "/payload/predicate/resources/0/digest"),
        ),
    ],
)
def test_another_payload_is_refused_with_its_place(
    key: PrivateKey, value: Any, expected: tuple[str, str]
) -> None:
    # Ten thousand files do not fit a bundle of one mebibyte, whatever they are.
    assert problem(signed(key, value)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"a":1,"a":1}',
        b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}',
        b'{"mediaType":"application/json","verificationMaterial":{},"dsseEnvelope":{}}',
        b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":[]}',
    ],
)
def test_what_is_no_bundle_is_malformed(data: bytes) -> None:
    assert problem(data)[0] == "malformed"


def test_an_envelope_with_two_signatures_is_malformed(key: PrivateKey) -> None:
    made = json.loads(signed(key))
    made["dsseEnvelope"]["signatures"] *= 2
    assert problem(json.dumps(made).encode()) == ("malformed", "")


def test_a_manifest_of_more_files_than_we_read_is_refused(
    key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_signing, "_MOST_RESOURCES", 1)
    assert problem(signed(key)) == ("malformed", "/payload")
