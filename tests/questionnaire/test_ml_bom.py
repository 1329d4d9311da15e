from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.questionnaire.rules import ml_bom
from services.questionnaire.rules.ml_bom import ComponentDraft, MlBom, ModelCard
from services.questionnaire.rules.refusals import Refusal

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "ml-bom"
REASON = "the folder of real inputs is absent"


def bom(*components: object, **changes: Any) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": list(components),
    } | changes


def model(**changes: Any) -> dict[str, Any]:
    return {"type": "machine-learning-model", "name": "defect-classifier"} | changes


def problem(document: object) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        ml_bom.read(document)
    found = caught.value.problems[0]
    assert found.reason.ja
    return found.urn, found.where


def shared(name: str) -> MlBom:
    return ml_bom.read(json.loads((SHARED / name).read_bytes()))


@pytest.mark.skipif(not SHARED.is_dir(), reason=REASON)
@pytest.mark.parametrize("path", sorted(SHARED.glob("valid-*.json")), ids=lambda path: path.stem)
def test_a_real_file_is_read(path: Path) -> None:
    assert shared(path.name).spec_version in path.stem


@pytest.mark.skipif(not SHARED.is_dir(), reason=REASON)
@pytest.mark.parametrize("path", sorted(SHARED.glob("invalid-*.json")), ids=lambda path: path.stem)
def test_a_real_file_that_is_wrong_is_refused_with_the_place(path: Path) -> None:
    urn, where = problem(json.loads(path.read_bytes()))
    assert urn == "ml-bom/malformed"
    assert where.rsplit("/", 1)[-1].lower() in path.stem


@pytest.mark.skipif(not SHARED.is_dir(), reason=REASON)
def test_the_model_of_a_real_file_is_told_with_its_card() -> None:
    (draft,) = shared("valid-machine-learning-1.6.json").components
    assert (draft.bom_ref, draft.kind, draft.name) == ("component-a", "model", "stable-diffusion")
    assert (draft.version, draft.supplier) == ("1.4", "Acme Inc")
    assert draft.model_card is not None
    assert draft.model_card.approach == "supervised"
    assert draft.model_card.datasets == ("Training Data",)
    assert len(draft.model_card.limitations) == 2


def test_a_component_is_drafted_with_what_the_file_says() -> None:
    digest = "AB" * 32
    card = {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "classification",
            "modelArchitecture": "CNN",
            "datasets": [{"name": "line 3 images"}, {"ref": "data-1"}, {}],
        },
        "considerations": {"technicalLimitations": ["dark parts"]},
    }
    document = bom(
        model(
            version="2.1",
            supplier={"name": "架空AI株式会社"},
            purl="pkg:generic/defect-classifier@2.1",
            hashes=[{"alg": "SHA-256", "content": digest}],
            modelCard=card,
            **{"bom-ref": "m-1"},
        ),
        serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        version=3,
    )
    assert ml_bom.read(document) == MlBom(
        "1.6",
        "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        (
            ComponentDraft(
                bom_ref="m-1",
                kind="model",
                name="defect-classifier",
                version="2.1",
                supplier="架空AI株式会社",
                purl="pkg:generic/defect-classifier@2.1",
                hashes={"SHA-256": digest.lower()},
                model_card=ModelCard(
                    "supervised",
                    "classification",
                    "CNN",
                    ("line 3 images", "data-1"),
                    ("dark parts",),
                ),
            ),
        ),
    )


def test_each_type_becomes_its_kind_and_other_types_are_passed_over() -> None:
    found = ml_bom.read(
        bom(
            model(),
            {"type": "data", "name": "images"},
            {"type": "application", "name": "inspection station"},
            {"type": "library", "name": "numpy"},
        )
    )
    assert [(each.kind, each.name) for each in found.components] == [
        ("model", "defect-classifier"),
        ("dataset", "images"),
        ("ai-system", "inspection station"),
    ]


def test_the_subject_of_the_file_and_nested_components_are_read() -> None:
    found = ml_bom.read(
        bom(
            {"type": "library", "name": "wrapper", "components": [model()]},
            metadata={
                "timestamp": "2026-02-27T09:00:00+09:00",
                "component": {"type": "application", "name": "station"},
            },
        )
    )
    assert [each.name for each in found.components] == ["station", "defect-classifier"]


def test_a_publisher_stands_in_for_a_supplier_and_an_empty_card_says_nothing() -> None:
    (draft,) = ml_bom.read(bom(model(publisher="Muster AG", modelCard={}))).components
    assert draft.supplier == "Muster AG"
    assert draft.model_card == ModelCard(None, None, None, (), ())


def test_a_file_without_components_is_read_as_empty() -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.7", "metadata": {}}
    assert ml_bom.read(document).components == ()


def nested(depth: int) -> dict[str, Any]:
    return model(components=[nested(depth - 1)]) if depth > 1 else model()


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], ""),
        ({"specVersion": "1.6"}, ""),
        (bom(specVersion="1.4"), "/specVersion"),
        (bom(serialNumber="42"), "/serialNumber"),
        (bom(version=0), "/version"),
        (bom(metadata=[]), "/metadata"),
        (bom(metadata={"timestamp": "2026-02-30T00:00:00Z"}), "/metadata/timestamp"),
        (bom(components={}), "/components"),
        (bom("model"), "/components/0"),
        (bom({"type": "machine-learning-model"}), "/components/0"),
        (bom({"name": "x"}), "/components/0"),
        (bom({"type": "magic", "name": "x"}), "/components/0/type"),
        (bom(model(name=" ")), "/components/0/name"),
        (bom(model(version=2)), "/components/0/version"),
        (bom(model(purl="defect-classifier")), "/components/0/purl"),
        (bom(model(hashes=[{"alg": "CRC", "content": "00"}])), "/components/0/hashes/0/alg"),
        (
            bom(model(hashes=[{"alg": "SHA-256", "content": "00"}])),
            "/components/0/hashes/0/content",
        ),
        (bom(model(modelCard="good")), "/components/0/modelCard"),
        (bom(model(modelCard={"modelParameters": 1})), "/components/0/modelCard/modelParameters"),
        (
            bom(model(**{"bom-ref": "a"}), model(**{"bom-ref": "a"})),
            "/components/1/bom-ref",
        ),
        (bom(nested(17)), "/components/0" * 17),
        (bom(*[model()] * 1001), ""),
    ],
)
def test_a_broken_file_is_refused_with_the_place(document: object, where: str) -> None:
    assert problem(document) == ("ml-bom/malformed", where)


def test_the_deepest_nesting_that_is_allowed_is_read() -> None:
    assert len(ml_bom.read(bom(nested(16))).components) == 16
