"""Statements commit to evidence; its bytes never come here, and a verifier gets them beside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rensho import archive, disclosure
from rensho.documents import Response, sha256
from rensho.entries import EvidenceFile, EvidenceSeen
from rensho.expectations import ExpectedRequest
from rensho.verify import Expectations, Material, Verdict, verify

from services.kit.db import new_id
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import Made

REPORT = b"%PDF-1.7 a test report %%EOF"


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def _made(here: Relation, response: Response | None = None) -> Made:
    day = here.site.now.date()
    evidence = (
        EvidenceFile(sha256(REPORT), len(REPORT), "application/pdf", "report", day, "confidential"),
        EvidenceSeen("QA-112", "4", day, "quality assurance", "AI rules"),
    )
    more = {} if response is None else {"response": response}
    return here.maker(evidence=evidence, **more).make()


def _verified(here: Relation, content: bytes, *beside: tuple[str, bytes]) -> Verdict:
    expect = Expectations(
        audience=here.requester.urn,
        request=ExpectedRequest(str(here.asked.request_id), here.asked.nonce),
    )
    return verify(Material(content, beside), here.site.trust, expect, here.site.now)


def test_a_response_with_evidence_is_valid_once_the_bytes_are_beside_it(
    site: Site, here: Relation
) -> None:
    response = Response(str(new_id()), 1)
    assert site.submit(here.respondent, _made(here, response)).status_code == 202
    site.sequencer.round()
    answer = site.get(f"/responses/{response.id}.rensho.zip", here.requester.org)
    assert not any(name.endswith(".evidence") for name in archive.read(answer.content))

    alone = _verified(here, answer.content)
    assert (alone.status, alone.codes) == ("INDETERMINATE", ("content.missing",))
    assert alone.parts["signature"] == alone.parts["log"] == "VALID"
    evidence = archive.write({f"{sha256(REPORT)}.evidence": REPORT})
    whole = _verified(here, answer.content, ("evidence.rensho.zip", evidence))
    assert (whole.status, whole.codes) == ("VALID", ())
    single = _verified(here, answer.content, (f"{sha256(REPORT)}.evidence", REPORT))
    assert (single.status, single.codes) == ("VALID", ())
    swapped = archive.write({f"{sha256(REPORT)}.evidence": b"another report"})
    assert _verified(here, answer.content, ("e.zip", swapped)).codes == ("evidence.digest",)
    assert site.damage() == []


def test_evidence_bytes_are_not_taken(site: Site, here: Relation) -> None:
    made = _made(here)
    extra = made.documents | {f"{sha256(REPORT)}.evidence": REPORT}
    answer = site.submit(here.respondent, replace(made, documents=extra))
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:submissions/unknown-document"


def test_a_disclosure_of_no_commitment_is_refused_though_the_bytes_are_elsewhere(
    site: Site, here: Relation
) -> None:
    made = _made(here)
    stray, _ = disclosure.make({"kind": "file"})
    opened = {**made.disclosures[made.ids[0]], "evidence": [stray]}
    answer = site.submit(
        here.respondent,
        replace(made, disclosures={**made.disclosures, made.ids[0]: opened}),
    )
    assert answer.status_code == 422
    assert answer.json()["codes"] == ["disclosure.unknown"]
