"""ML-BOMs and model-signing bundles over HTTP: read in, bound by digest, kept, handed out."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from rensho.documents import ComponentDescriptor
from rensho.keys import PrivateKey

from services.kit.db import new_id
from tests.factories import questionnaire as made
from tests.questionnaire.evidence_desk import urn
from tests.questionnaire.test_ml_bom_export import refuse_invalid
from tests.questionnaire.test_model_signing import signed
from tests.questionnaire.world import Firm, Pair, World, document

CARD = {
    "modelParameters": {"approach": {"type": "supervised"}, "task": "classification"},
    "considerations": {"technicalLimitations": ["暗い部品"]},
}
BOM = json.dumps(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [
            {
                "type": "machine-learning-model",
                "bom-ref": "m1",
                "name": "surface-inspection",
                "version": "2.1",
                "purl": "pkg:generic/surface-inspection@2.1",
                "hashes": [{"alg": "SHA-256", "content": "AB" * 32}],
                "modelCard": CARD,
            }
        ],
    }
).encode()
SHA256 = hashlib.sha256(BOM).hexdigest()
EMBEDDED = {"embedded": "yes", "process": "yes", "customer_data": "none"}


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def read_in(pair: Pair, saved: dict[str, Any], content: bytes = BOM, status: int = 200) -> Any:
    path = f"/responses/{saved['id']}/components/ml-bom"
    return pair.respondent.call("POST", path, status, content=content)


def bind(firm: Firm, saved: dict[str, Any], data: bytes, status: int = 200, **more: Any) -> Any:
    body = {"supplier_component_id": "m1", "bundle": base64.b64encode(data).decode(), **more}
    return firm.post(f"/responses/{saved['id']}/components/model-signing", body, status)


def test_a_bom_becomes_descriptors_that_name_its_kept_bytes(world: World) -> None:
    pair = world.pair()
    saved = pair.response(components=[], pre_screen=EMBEDDED)
    added = read_in(pair, saved)
    (drafted,) = added["response"]["document"]["components"]
    assert drafted["artifacts"] == [{"sha256": "ab" * 32, "media_type": "application/octet-stream"}]
    assert drafted["model_card"]["limitations"] == ["暗い部品"]
    (kept,) = pair.respondent.get("/evidence")["items"]
    assert (kept["kind"], kept["sha256"], kept["size"]) == ("ml-bom", SHA256, len(BOM))
    assert read_in(pair, saved)["added"] == []
    assert len(pair.respondent.get("/evidence")["items"]) == 1

    prepared = pair.prepared(saved)
    (content,) = document(prepared, "descriptor").values()
    descriptor = ComponentDescriptor.parse(content)
    assert descriptor.ml_bom == SHA256
    assert descriptor.purl == "pkg:generic/surface-inspection@2.1"
    assert [each.digest for each in descriptor.artifacts] == ["ab" * 32]
    path = f"/evidence/{kept['id']}"
    assert urn(pair.respondent.call("DELETE", path, 409)) == "evidence/in-use"
    for each in prepared["statements"]:
        world.record(each["statement_id"], each["type"])
    (use,) = pair.requester.get(f"/requests/{pair.request_id}/evidence")["items"]
    assert (use["kind"], use["component"], use["commitment"]) == ("ml-bom", "m1", None)
    content_path = f"/requests/{pair.request_id}/evidence/{use['id']}/content"
    assert world.client.get(content_path, headers=pair.requester.headers).content == BOM


def test_a_bom_that_a_draft_names_is_not_taken_back(world: World) -> None:
    pair = world.pair()
    saved = pair.response(components=[])
    read_in(pair, saved)
    (kept,) = pair.respondent.get("/evidence")["items"]
    problem = pair.respondent.call("DELETE", f"/evidence/{kept['id']}", 409)
    assert problem["response_ids"] == [saved["id"]]


def test_a_document_that_was_never_handed_in_is_named_all_the_same(world: World) -> None:
    """A digest of a file that goes another way is no lie; it is only not to be had here."""
    pair = world.pair()
    components = [made.ComponentBody(ml_bom_sha256="ab" * 32, model_signing_sha256="cd" * 32)]
    pair.signed(components=components)
    assert pair.requester.get(f"/requests/{pair.request_id}/evidence")["items"] == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<bom/>", "ml-bom/not-json"),
        (b"[" * 1_000_000, "json.too_deep"),
        (BOM.replace(b'"2.1"', b'{"a": 1}'), "ml-bom/malformed"),
        (BOM.replace(b'"bom-ref"', b'"ref"'), "ml-bom/malformed"),
    ],
)
def test_a_bom_that_will_not_do_changes_nothing(
    world: World, content: bytes, expected: str
) -> None:
    pair = world.pair()
    saved = pair.response()
    assert urn(read_in(pair, saved, content, 422)) == expected
    assert pair.respondent.get(f"/responses/{saved['id']}")["version"] == saved["version"]
    assert pair.respondent.get("/evidence")["items"] == []


def test_a_bom_that_costs_too_much_is_refused(world: World) -> None:
    pair = world.pair()
    bomb = (
        BOM[:-2] + b',{"type":"data","name":"a","licenses":[' + b'{"license":{"id":"x"}},' * 200_000
    )
    assert urn(read_in(pair, pair.response(), bomb + b"{}]}]}", 409)) == "files/too-costly"


def test_nobody_adds_to_a_response_of_another(world: World, key: PrivateKey) -> None:
    pair = world.pair()
    saved = pair.response()
    for stranger in (pair.requester, world.firm()):
        path = f"/responses/{saved['id']}/components"
        stranger.call("POST", f"{path}/ml-bom", 404, content=BOM)
        bind(stranger, saved, signed(key), 404)
        assert stranger.get("/evidence")["items"] == []
    pair.respondent.call("POST", f"/responses/{new_id()}/components/ml-bom", 404, content=BOM)


def test_a_model_signing_bundle_is_recognised_and_bound(world: World, key: PrivateKey) -> None:
    pair = world.pair()
    saved = pair.response(components=[made.ComponentBody(supplier_component_id="m1")])
    data = signed(key)
    found = bind(pair.respondent, saved, data)
    sha256 = hashlib.sha256(data).hexdigest()
    assert (found["signature"], found["sha256"]) == ("not-verified", sha256)
    assert (found["model"], found["manifest_sha256"]) == ("inspection", "ef" * 32)
    assert [each["name"] for each in found["resources"]] == ["config.json", "model.onnx"]
    (drafted,) = found["response"]["document"]["components"]
    assert drafted["model_signing_sha256"] == sha256
    prepared = pair.prepared(saved)
    (content,) = document(prepared, "descriptor").values()
    assert ComponentDescriptor.parse(content).model_signing == sha256
    for each in prepared["statements"]:
        world.record(each["statement_id"], each["type"])
    (use,) = pair.requester.get(f"/requests/{pair.request_id}/evidence")["items"]
    assert (use["kind"], use["sha256"]) == ("model-signing", sha256)


def test_a_given_key_is_told_apart_from_a_verified_signer(world: World, key: PrivateKey) -> None:
    pair = world.pair()
    saved = pair.response(components=[made.ComponentBody(supplier_component_id="m1")])
    pem = key.public.to_pem().decode()
    found = bind(pair.respondent, saved, signed(key), public_key=pem)
    assert found["signature"] == "verified-under-given-key"
    other = PrivateKey.generate().public.to_pem().decode()
    for given, expected in ((other, "model-signing/signature"), ("x", "model-signing/key")):
        problem = bind(pair.respondent, saved, signed(key), 422, public_key=given)
        assert urn(problem) == expected


def test_a_bundle_that_will_not_do_changes_nothing(world: World, key: PrivateKey) -> None:
    pair = world.pair()
    saved = pair.response(components=[made.ComponentBody(supplier_component_id="m1")])
    assert urn(bind(pair.respondent, saved, b"{}", 422)) == "model-signing/malformed"
    other = bind(pair.respondent, saved, signed(key, {"_type": "x"}), 422)
    assert urn(other) == "model-signing/malformed"
    crooked = bind(pair.respondent, saved, b"{}", 422, bundle="e30")
    assert urn(crooked) == "base64.not_canonical"
    unknown = bind(pair.respondent, saved, signed(key), 422, supplier_component_id="m2")
    assert (urn(unknown), unknown["component"]) == ("components/unknown", "m2")
    assert pair.respondent.get(f"/responses/{saved['id']}")["version"] == saved["version"]
    assert pair.respondent.get("/evidence")["items"] == []


@pytest.mark.parametrize("version", ["1.6", "1.7"])
def test_signed_components_are_exported_at_either_end(world: World, version: str) -> None:
    pair = world.pair()
    saved = pair.response(components=[made.ComponentBody()], pre_screen=EMBEDDED)
    read_in(pair, saved)
    path = f"/requests/{pair.request_id}/ml-bom?version={version}"
    pair.requester.get(path, 404)
    for each in pair.prepared(saved)["statements"]:
        world.record(each["statement_id"], each["type"])
    bom = pair.requester.get(path)
    assert world.last_headers["content-type"].startswith("application/vnd.cyclonedx+json")
    assert world.last_headers["content-disposition"].endswith('-r1.cdx.json"')
    refuse_invalid(bom)
    assert [each["name"] for each in bom["components"]] == ["外観検査モデル", "surface-inspection"]
    assert bom["metadata"]["supplier"]["name"] == pair.respondent.name
    assert pair.respondent.get(path) == bom
    world.firm().get(path, 404)
    assert urn(pair.requester.get(f"/requests/{pair.request_id}/ml-bom?version=1.5", 422)) == (
        "request/invalid"
    )
