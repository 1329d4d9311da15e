"""Every check runs before the 202, and nothing of what is refused stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rensho import disclosure, sign
from rensho.documents import ComponentLine, Response, sha256
from rensho.keys import PrivateKey

from services.kit.db import new_id
from tests.attestation.site import Relation, Site, issued, relation
from tests.factories.attestation import (
    Asked,
    Firm,
    Made,
    RequestPrepared,
    a_request,
    event,
)


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def _refused(answer: Any, *codes: str) -> None:
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:rensho:problem:submissions/refused"
    assert set(codes) <= set(answer.json()["codes"]), answer.json()


def _counts(site: Site) -> list[tuple[Any, ...]]:
    tables = ("submission", "statement", "document", "disclosure", "reader", "queue", "outbox")
    return [site.sql(f"SELECT count(*) FROM attestation.{table}")[0] for table in tables]


def test_a_response_is_queued_promised_and_logged(site: Site, here: Relation) -> None:
    made = here.maker().make()
    answer = site.submit(here.respondent, made)
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"].removeprefix("/attestation/v1")
    assert answer.json()["state"] == "queued"
    assert [one["statement_id"] for one in answer.json()["statements"]] == made.ids
    site.sequencer.round()
    found = site.get(place, here.respondent.org).json()
    assert found["state"] == "logged"
    said = [one for one in site.said("statement.recorded.v1") if one["response"]]
    assert {one["statement_id"] for one in said} == set(made.ids)
    declared = next(one for one in said if one["statement_type"] == "declaration")
    assert declared["log"]["index"] == max(one["log"]["index"] for one in said)
    assert declared["audience"] == [str(here.requester.org)]
    assert declared["org_id"] == str(here.respondent.org)
    assert declared["answers_sha256"] is not None
    assert site.damage() == []


def test_a_replayed_statement_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    assert site.submit(here.respondent, made).status_code == 202
    before = _counts(site)
    answer = site.submit(here.respondent, made)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:submissions/already-recorded"
    assert answer.json()["statement_ids"] == sorted(made.ids)
    assert _counts(site) == before


def test_the_same_key_of_idempotency_gives_the_first_answer_again(
    site: Site, here: Relation
) -> None:
    made = here.maker().make()
    body = site.body(made, here.respondent.key)
    how = {"content": body, "headers": {"Idempotency-Key": "once"}}
    first, again = (site.submit(here.respondent, made, **dict(how)) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == again.headers["location"]


def test_a_partial_response_is_refused_and_leaves_nothing(site: Site, here: Relation) -> None:
    made = here.maker().make()
    dropped = made.ids[0]
    partial = Made(
        "response",
        made.payloads[1:],
        made.documents,
        {name: kinds for name, kinds in made.disclosures.items() if name != dropped},
    )
    before = _counts(site)
    _refused(site.submit(here.respondent, partial), "response.incomplete")
    assert _counts(site) == before


def test_a_component_without_its_declaration_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    answer = site.submit(here.respondent, replace(made, payloads=made.payloads[:1]))
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:submissions/wrong-kind"


@pytest.mark.parametrize("listed", [True, False])
def test_mixed_revisions_are_refused(site: Site, here: Relation, *, listed: bool) -> None:
    response = Response(str(new_id()), 1)
    first = here.maker(response=response, components=("vision-1",)).make()
    descriptor = next(n for n in first.documents if ".descriptor." in n).partition(".")[0]
    second = here.maker(
        response=Response(response.id, 2),
        components=(),
        also_lists=(ComponentLine(descriptor, first.ids[0]),) if listed else (),
    ).make()
    mixed = Made(
        "response",
        (first.payloads[0], second.payloads[-1]),
        first.documents | second.documents,
        {
            name: (first.disclosures | second.disclosures)[name]
            for name in (first.ids[0], second.ids[-1])
        },
    )
    code = "response.mixed" if listed else "response.stale"
    _refused(site.submit(here.respondent, mixed), code)


def test_another_firms_key_is_refused(site: Site, here: Relation) -> None:
    thief = Firm(here.respondent.org, here.requester.key)
    stolen = here.maker(respondent=thief).make()
    _refused(site.submit(here.respondent, stolen, key=thief.key), "signer.org_mismatch")


def _typed(here: Relation, typist: Firm, **fields: Any) -> Made:
    source = sign.SourceDocument("ab" * 32, "fax", here.site.now - timedelta(days=2))
    return here.maker(
        respondent=typist,
        common={"role": "transcriber"},
        origin={"origin": "transcribed", "source": source},
        **fields,
    ).make()


def test_a_customer_signs_what_it_typed_in_itself_for_its_own_request_alone(
    site: Site, here: Relation
) -> None:
    # The typist's own key, beside the one requests are signed with.
    typist = Firm(here.requester.org, PrivateKey.generate())
    challenge = site.challenge(typist, roles=["transcriber"]).json()
    assert site.prove(typist, challenge).status_code == 202
    site.sequencer.round()
    typed = _typed(here, typist)
    assert site.submit(typist, typed).status_code == 202
    site.sequencer.round()
    assert site.damage() == []
    # Of another customer's request, or as an answer of one's own, it is refused.
    foreign = relation(site)
    asked_elsewhere = _typed(here, typist, asked=foreign.asked, requester=foreign.requester)
    answer = site.submit(typist, asked_elsewhere)
    assert answer.json()["type"] == "urn:rensho:problem:request.not_known_yet"
    own = here.maker(respondent=here.requester).make()
    answer = site.submit(here.requester, own)
    assert answer.json()["type"] == "urn:rensho:problem:request.not_known_yet"


def test_an_unknown_key_is_refused(site: Site, here: Relation) -> None:
    stranger = Firm(here.respondent.org, PrivateKey.generate())
    made = here.maker(respondent=stranger).make()
    _refused(site.submit(here.respondent, made, key=stranger.key), "key.unknown")


def test_nobody_hands_in_what_another_firm_signed(site: Site, here: Relation) -> None:
    other = site.enrolled(link=new_id(), by=here.requester)
    made = here.maker().make()
    answer = site.submit(other, made, key=here.respondent.key)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:request.not_known_yet"


def test_a_changed_payload_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    body = json.loads(site.body(made, here.respondent.key))
    other = json.loads(site.body(here.maker().make(), here.respondent.key))
    body["bundles"][0]["dsseEnvelope"]["signatures"] = other["bundles"][0]["dsseEnvelope"][
        "signatures"
    ]
    answer = site.submit(here.respondent, made, content=json.dumps(body).encode())
    _refused(answer, "sig.invalid")


@pytest.mark.parametrize(
    ("kind", "code"), [("answers", "answers.digest"), ("descriptor", "descriptor.digest")]
)
def test_a_document_of_another_digest_is_refused(
    site: Site, here: Relation, kind: str, code: str
) -> None:
    made = here.maker().make()
    name = next(name for name in made.documents if f".{kind}." in name)
    other = next(d for n, d in here.maker().make().documents.items() if f".{kind}." in n)
    _refused(
        site.submit(here.respondent, replace(made, documents=made.documents | {name: other})), code
    )


def test_a_missing_document_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    name = next(name for name in made.documents if ".answers." in name)
    documents = {n: d for n, d in made.documents.items() if n != name}
    _refused(site.submit(here.respondent, replace(made, documents=documents)), "content.missing")


def test_a_document_nobody_refers_to_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    extra = made.documents | {f"{sha256(b'more')}.evidence": b"more"}
    answer = site.submit(here.respondent, replace(made, documents=extra))
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:submissions/unknown-document"


def test_a_file_name_outside_the_profile_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    answer = site.submit(here.respondent, replace(made, documents={"../etc": b"x"}))
    _refused(answer, "archive.name")


def test_duplicate_names_anywhere_in_the_body_are_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    body = site.body(made, here.respondent.key)
    doubled = body.replace(b'"mediaType":', b'"mediaType": "x", "mediaType":', 1)
    assert doubled != body
    _refused(site.submit(here.respondent, made, content=doubled), "json.duplicate_key")
    twice = body.replace(b'"kind":', b'"kind": "review", "kind":', 1)
    _refused(site.submit(here.respondent, made, content=twice), "json.duplicate_key")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kind": "response"}', b'{"kind": 1}'])
def test_a_body_that_is_no_submission_is_refused(
    site: Site, here: Relation, content: bytes
) -> None:
    made = here.maker().make()
    answer = site.submit(here.respondent, made, content=content or b" ")
    assert answer.status_code == 422


def test_a_body_over_the_limit_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    answer = site.submit(here.respondent, made, content=b"x" * (20 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_answer_to_a_request_not_heard_of_waits(site: Site) -> None:
    requester, asked = site.enrolled(), Asked()
    request = a_request(requester, [asked], site.anchor, site.now)
    respondent = site.enrolled(link=asked.link, by=requester)
    here = Relation(site, requester, respondent, asked, request)
    made = here.maker().make()
    answer = site.submit(respondent, made)
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
    assert answer.json()["type"] == "urn:rensho:problem:request.not_known_yet"
    site.hear(
        event(
            RequestPrepared,
            org_id=str(requester.org),
            statement_id=request.ids[0],
            questionnaire_digest=next(iter(request.documents)).partition(".")[0],
        )
    )
    assert site.submit(requester, request).status_code == 202
    site.sequencer.round()
    site.hear(issued(requester, request, [asked]))
    assert site.submit(respondent, made).status_code == 202


def test_a_request_asked_of_others_looks_like_one_not_known(site: Site, here: Relation) -> None:
    other = site.enrolled(link=new_id(), by=here.requester)
    made = here.maker(respondent=other).make()
    answer = site.submit(other, made)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:request.not_known_yet"


@pytest.mark.parametrize(
    ("reader", "code"),
    [
        ({"nonce": disclosure.fresh_salt()}, "context.nonce"),
        ({"org": f"urn:rensho:org:{new_id()}"}, "context.audience"),
    ],
)
def test_an_audience_other_than_who_asked_is_refused(
    site: Site, here: Relation, reader: dict[str, str], code: str
) -> None:
    made = here.maker(reader=reader).make()
    _refused(site.submit(here.respondent, made), code)


def test_an_audience_nobody_can_open_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    closed = {
        name: {kind: texts for kind, texts in kinds.items() if kind != "audience"}
        for name, kinds in made.disclosures.items()
    }
    answer = site.submit(here.respondent, replace(made, disclosures=closed))
    _refused(answer, "context.not_opened")


def test_a_disclosure_of_another_statement_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    strange = made.disclosures | {"ab" * 32: {"audience": []}}
    _refused(site.submit(here.respondent, replace(made, disclosures=strange)), "disclosure.unknown")


def test_a_disclosure_of_nothing_signed_is_refused(site: Site, here: Relation) -> None:
    made = here.maker().make()
    text, _ = disclosure.make({"question": "Q-CORE-001", "state": "withheld"})
    first = made.ids[0]
    forged = made.disclosures | {first: made.disclosures[first] | {"answers": [text]}}
    _refused(site.submit(here.respondent, replace(made, disclosures=forged)), "disclosure.unknown")


def test_an_old_claimed_time_is_refused(site: Site, here: Relation) -> None:
    long_ago = site.now - timedelta(hours=25)
    common = {"attested_at": long_ago, "not_before": long_ago}
    _refused(site.submit(here.respondent, here.maker(common=common).make()), "time.claimed_time")


def test_an_anchor_of_another_tree_is_refused(site: Site, here: Relation) -> None:
    forked = replace(site.anchor, root_hash=b"\1" * 32)
    made = here.maker(anchor=forked).make()
    _refused(site.submit(here.respondent, made), "time.anchor_inconsistent")


def test_a_head_never_signed_is_no_anchor(site: Site, here: Relation) -> None:
    made = here.maker(anchor=replace(site.anchor, size=99)).make()
    _refused(site.submit(here.respondent, made), "time.anchor_missing")


def test_another_deployments_statement_is_refused(site: Site, here: Relation) -> None:
    made = here.maker(common={"deployment": "other.rensho.example"}).make()
    _refused(site.submit(here.respondent, made), "statement.deployment")


def test_a_role_the_key_was_not_enrolled_for_is_refused(site: Site, here: Relation) -> None:
    made = here.maker(common={"role": "delegate"}).make()
    _refused(site.submit(here.respondent, made), "signer.role")
