"""An ML-BOM is read in a process that the kernel limits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rensho.errors import VerificationError

from services.kit.problems import Unavailable
from services.questionnaire.actions import bom_child, bom_reading, limited
from services.questionnaire.actions.limited import TooCostly
from services.questionnaire.rules.ml_bom import ComponentDraft, ModelCard
from services.questionnaire.rules.refusals import Refusal
from tests.conftest import SHARED

REAL = SHARED / "ml-bom"
MEBIBYTE = 1024 * 1024


def bom(**changes: Any) -> bytes:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", **changes}).encode()


def model(**changes: Any) -> dict[str, Any]:
    return {"type": "machine-learning-model", "name": "m", **changes}


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real inputs is absent")
@pytest.mark.parametrize("path", sorted(REAL.glob("valid-*.json")), ids=lambda path: path.stem)
def test_a_real_file_passes_the_published_schema(path: Path) -> None:
    read = bom_reading.read(path.read_bytes())
    assert read.bom.spec_version in path.stem
    assert read.upload().content.read() == path.read_bytes()


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real inputs is absent")
@pytest.mark.parametrize("path", sorted(REAL.glob("invalid-*.json")), ids=lambda path: path.stem)
def test_a_real_file_that_is_wrong_is_refused(path: Path) -> None:
    with pytest.raises(Refusal, match="/"):
        bom_reading.read(path.read_bytes())


def test_what_was_read_comes_back_whole_from_the_other_process() -> None:
    card = {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "分類",
            "modelArchitecture": "CNN",
            "datasets": [{"type": "dataset", "name": "画像"}],
        },
        "considerations": {"technicalLimitations": ["暗い部品"]},
    }
    digest = {"alg": "SHA-256", "content": "ab" * 32}
    (read,) = bom_reading.read(
        bom(components=[model(modelCard=card, hashes=[digest], version="1")])
    ).bom.components
    assert read == ComponentDraft(
        bom_ref=None,
        kind="model",
        name="m",
        version="1",
        supplier=None,
        purl=None,
        hashes={"SHA-256": "ab" * 32},
        model_card=ModelCard("supervised", "分類", "CNN", ("画像",), ("暗い部品",)),
    )


@pytest.mark.parametrize("version", ["1.5", "1.6", "1.7"])
def test_what_only_the_schema_forbids_is_refused_with_its_place(version: str) -> None:
    content = bom(specVersion=version, components=[model(scope="sometimes")])
    with pytest.raises(Refusal) as caught:
        bom_reading.read(content)
    (problem,) = caught.value.problems
    assert (problem.urn, problem.where) == ("ml-bom/malformed", "/components/0/scope")
    assert version in problem.reason.ja


@pytest.mark.parametrize(
    "reference", [{"type": "website", "url": "has a space"}, {"type": "nothing", "url": "a:b"}]
)
def test_a_reference_that_is_none_is_refused(reference: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        bom_reading.read(bom(components=[model(externalReferences=[reference])]))


@pytest.mark.parametrize(
    "content", [b"", b"<bom xmlns='http://cyclonedx.org/schema/bom/1.6'/>", b"\x0a\x031.6\x10\x01"]
)
def test_xml_and_protobuf_are_refused_by_name(content: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        bom_reading.read(content)
    assert caught.value.urn == "ml-bom/not-json"


def _filled(item: bytes, front: bytes, back: bytes) -> bytes:
    return front + b",".join([item] * ((5 * MEBIBYTE - 200) // (len(item) + 1))) + back


_FRONT = b'{"bomFormat":"CycloneDX","specVersion":"1.6",'
BOMBS = {
    "too deep": (b"[" * 5 * MEBIBYTE, "json.too_deep"),
    "a key twice": (b'{"bomFormat":1,"bomFormat":1}', "json.duplicate_key"),
    "a number nobody holds": (_FRONT + b'"version":1e400}', "json.bad_number"),
    "half of UTF-8": (b'{"a":"\xff"}', "json.not_utf8"),
    "millions of lists": (_filled(b"[]", _FRONT + b'"x":[', b"]}"), "files/too-costly"),
    "a hundred thousand components": (
        _filled(b'{"type":"data","name":"a"}', _FRONT + b'"components":[', b"]}"),
        "ml-bom/malformed",
    ),
    "licences without end": (
        _filled(
            b'{"license":{"id":"x"}}',
            _FRONT + b'"components":[{"type":"data","name":"a","licenses":[',
            b"]}]}",
        ),
        "files/too-costly",
    ),
    "a long unknown member": (
        _FRONT + b'"x":"' + b"a" * (5 * MEBIBYTE - 200) + b'"}',
        "ml-bom/malformed",
    ),
}


def cost(content: bytes) -> tuple[float, int]:
    """CPU seconds and peak bytes of the reading process, started by a small one.

    A process inherits the peak of whoever started it, and this test's own is larger.
    """
    run = (
        "import resource, subprocess, sys;"
        f"subprocess.run([sys.executable, '-B', '-m', '{bom_child.__name__}'], stdout=-3);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", run], input=content, capture_output=True, check=True
    )
    seconds, kibibytes = done.stdout.split()
    return float(seconds), int(kibibytes) * 1024


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_two_seconds_and_256_mebibytes(name: str) -> None:
    content, expected = BOMBS[name]
    with pytest.raises((VerificationError, Refusal, TooCostly)) as caught:
        bom_reading.read(content)
    why = caught.value
    assert (why.code if isinstance(why, VerificationError) else getattr(why, "urn", "")) == expected
    seconds, peak = cost(content)
    # The limit counts from the file on; starting Python and loading the library come before.
    assert seconds < limited.CPU_SECONDS + 1.0
    assert peak < limited.MEMORY_BYTES


def test_an_element_twice_is_refused_as_the_schema_says() -> None:
    with pytest.raises(Refusal, match="twice"):
        bom_reading.read(bom(components=[model(), model()]))


def test_a_thousand_honest_components_fit() -> None:
    components = [
        model(
            name=f"m{n}",
            version="1",
            purl=f"pkg:generic/m{n}@1",
            **{"bom-ref": f"m{n}"},
            hashes=[{"alg": "SHA-256", "content": "ab" * 32}],
        )
        for n in range(1000)
    ]
    assert len(bom_reading.read(bom(components=components)).bom.components) == 1000


def test_a_process_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "_PATIENCE_SECONDS", 0.01)
    with pytest.raises(TooCostly):
        bom_reading.read(bom())


def test_a_third_file_waits_its_turn_and_then_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "_TURN_SECONDS", 0.05)
    for _ in range(2):
        assert limited._AT_ONCE.acquire(timeout=1)
    try:
        with pytest.raises(Unavailable) as caught:
            bom_reading.read(bom())
    finally:
        limited._AT_ONCE.release(2)
    assert caught.value.headers == {"Retry-After": "10"}
    assert bom_reading.read(bom()).bom.components == ()


def test_the_process_gets_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, str]] = []
    real = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        given.append(options["env"])
        assert command[0] == sys.executable
        return real(command, **options)

    monkeypatch.setenv("RENSHO_IDENTITY_DB_PASSWORD", "secret")
    monkeypatch.setattr(subprocess, "run", run)
    bom_reading.read(bom())
    assert [set(env) for env in given] == [{"PYTHONPATH"}]
