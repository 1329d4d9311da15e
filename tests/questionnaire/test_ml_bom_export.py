"""What leaves as CycloneDX fits the published schemas, and our own reader reads it back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from services.questionnaire.rules import ml_bom, ml_bom_export
from services.questionnaire.rules.ml_bom import KINDS
from services.questionnaire.rules.ml_bom_export import SpecVersion

SCHEMAS = {"1.6": SchemaVersion.V1_6, "1.7": SchemaVersion.V1_7}
CARD = {
    "approach": "supervised",
    "task": "欠陥分類",
    "architecture": "CNN",
    "datasets": ["3号ラインの画像"],
    "limitations": ["暗い部品では精度が下がる"],
}


def component(**changes: Any) -> dict[str, Any]:
    return {
        "supplier_component_id": "AI-001",
        "name": "外観検査モデル",
        "version": "1.2",
        "kind": "model",
        "use": "process",
        "roles": {"user": "yes", "developer": "no"},
        "attributes": {"safetyFunction": "monitored"},
        "statement_id": "ab" * 32,
        "descriptor_sha256": "cd" * 32,
        **changes,
    }


def export(*components: dict[str, Any], version: SpecVersion = "1.6") -> dict[str, Any]:
    return ml_bom_export.document(
        components,
        declaration_id="ef" * 32,
        supplier="架空部品株式会社",
        signed_at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
        spec_version=version,
    )


def refuse_invalid(document: dict[str, Any]) -> None:
    error = JsonStrictValidator(SCHEMAS[document["specVersion"]]).validate_str(json.dumps(document))
    assert error is None, error


FULL = component(
    purl="pkg:generic/inspection@1.2",
    artifacts=[
        {"sha256": "22" * 32, "media_type": "application/octet-stream"},
        {"sha256": "11" * 32, "media_type": "application/octet-stream"},
    ],
    ml_bom_sha256="33" * 32,
    model_signing_sha256="44" * 32,
    model_card=CARD,
)


@pytest.mark.parametrize("version", ["1.6", "1.7"])
def test_an_export_fits_the_published_schema(version: SpecVersion) -> None:
    others = [component(supplier_component_id=kind, kind=kind) for kind in _KINDS]
    refuse_invalid(export(FULL, *others, version=version))
    refuse_invalid(export(version=version))


def test_a_model_is_told_with_its_card_and_what_was_signed_of_it() -> None:
    (found,) = export(FULL)["components"]
    assert found["type"] == "machine-learning-model"
    assert found["hashes"] == [{"alg": "SHA-256", "content": "11" * 32}]
    assert found["modelCard"]["considerations"]["technicalLimitations"] == CARD["limitations"]
    told = [(each["name"], each["value"]) for each in found["properties"]]
    assert told == [
        ("rensho:kind", "model"),
        ("rensho:use", "process"),
        ("rensho:role:developer", "no"),
        ("rensho:role:user", "yes"),
        ("rensho:attribute:safetyFunction", "monitored"),
        ("rensho:statement", "ab" * 32),
        ("rensho:descriptor:sha256", "cd" * 32),
        ("rensho:ml-bom:sha256", "33" * 32),
        ("rensho:model-signing:sha256", "44" * 32),
        ("rensho:artifact:sha256", "22" * 32),
    ]


def test_a_card_that_says_nothing_is_an_empty_card() -> None:
    (found,) = export(component(model_card=dict.fromkeys(CARD)))["components"]
    assert found["modelCard"] == {}
    refuse_invalid(export(component(model_card=dict.fromkeys(CARD))))


def test_a_revision_always_gives_the_same_file() -> None:
    assert export(FULL) == export(FULL)
    document = export(FULL)
    assert document["serialNumber"].startswith("urn:uuid:")
    assert document["metadata"]["timestamp"] == "2026-11-23T09:00:00Z"


def test_a_response_signed_before_cards_were_kept_has_none() -> None:
    (found,) = export(component())["components"]
    assert {"modelCard", "hashes", "purl"} & found.keys() == set()


_KINDS = [*KINDS.values(), "ai-service", "embedded-ai"]
_words = st.text(min_size=1, max_size=30).filter(str.strip)
_cards = st.fixed_dictionaries(
    {
        "approach": st.sampled_from([None, "supervised", "self-supervised"]),
        "task": st.none() | _words,
        "architecture": st.none() | _words,
        "datasets": st.lists(_words, max_size=3, unique=True),
        "limitations": st.lists(_words, max_size=3, unique=True),
    }
)


@given(
    names=st.lists(_words, min_size=1, max_size=4, unique=True),
    kind=st.sampled_from(_KINDS),
    card=st.none() | _cards,
    digests=st.lists(st.sampled_from(["aa" * 32, "bb" * 32]), max_size=2),
    version=st.sampled_from(["1.6", "1.7"]),
)
def test_whatever_is_written_is_valid_and_reads_back(
    names: list[str],
    kind: str,
    card: dict[str, Any] | None,
    digests: list[str],
    version: SpecVersion,
) -> None:
    artifacts = [{"sha256": each, "media_type": "x/y"} for each in digests]
    given = [
        component(
            supplier_component_id=name, name=name, kind=kind, model_card=card, artifacts=artifacts
        )
        for name in names
    ]
    document = export(*given, version=version)
    refuse_invalid(document)
    read = ml_bom.read(document).components
    assert [(each.bom_ref, each.name, each.version) for each in read] == [
        (name, name, "1.2") for name in names
    ]
    for each in read:
        assert each.kind == (kind if kind in KINDS.values() else "ai-system")
        assert set(each.hashes.values()) == set(sorted(set(digests))[:1])
        if kind == "model" and card is not None:
            said = each.model_card
            assert said is not None
            assert (said.approach, said.task) == (card["approach"], card["task"])
            assert said.architecture == card["architecture"]
            assert list(said.datasets) == card["datasets"]
            assert list(said.limitations) == card["limitations"]
