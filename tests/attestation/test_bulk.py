"""Many submissions in one call: each is judged by itself, as if it had come alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rensho.documents import Response
from rensho.keys import PrivateKey

from services.attestation.api.bulk import MAX_SUBMISSIONS
from services.kit.db import new_id
from tests.attestation.key_hand import Hand
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import Made


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def _bodies(here: Relation, *made: Made) -> list[Any]:
    return [json.loads(here.site.body(one, here.respondent.key)) for one in made]


def _hand_in(here: Relation, bodies: Sequence[Any], **headers: str) -> Any:
    return here.site.api.post(
        "/submissions/bulk",
        content=json.dumps({"submissions": bodies}),
        headers=here.site.headers(here.respondent.org) | headers,
    )


def _made(here: Relation, count: int) -> list[Made]:
    return [here.maker(components=(f"part-{number}",)).make() for number in range(count)]


def _submissions(site: Site) -> int:
    (found,) = site.sql("SELECT count(*) FROM attestation.submission WHERE kind = 'response'")
    return int(found[0])


def test_all_are_queued_promised_and_logged_and_every_byte_is_derived_again(
    site: Site, here: Relation
) -> None:
    made = _made(here, 3)
    answer = _hand_in(here, _bodies(here, *made))
    assert answer.status_code == 202, answer.text
    results = answer.json()["results"]
    assert [one["statement_ids"] for one in results] == [one.ids for one in made]
    assert all(one["problem"] is None for one in results)
    site.sequencer.round()
    for one in results:
        found = site.get(f"/submissions/{one['id']}", here.respondent.org).json()
        assert found["state"] == "logged"
    assert site.damage() == []


def test_what_is_refused_leaves_nothing_and_the_others_stand(site: Site, here: Relation) -> None:
    good, again, forged = _made(here, 3)
    stranger = json.loads(site.body(forged, PrivateKey.generate()))
    lacking = _bodies(here, replace(forged, payloads=forged.payloads[:1]))[0]
    bodies = [*_bodies(here, good), stranger, *_bodies(here, good), lacking, *_bodies(here, again)]
    results = _hand_in(here, bodies).json()["results"]
    problems = [one["problem"] and one["problem"]["type"].rpartition(":")[2] for one in results]
    assert problems == [
        None,
        "submissions/refused",
        "submissions/already-recorded",
        "submissions/wrong-kind",
        None,
    ]
    assert "key.unknown" in results[1]["problem"]["codes"]
    assert _submissions(site) == 2
    site.sequencer.round()
    logged = {one["statement_id"] for one in site.said("statement.recorded.v1") if one["response"]}
    assert logged == {*good.ids, *again.ids}
    assert site.damage() == []


def test_of_two_rivals_in_one_call_the_first_is_recorded(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    rivals = [here.maker(response=response).make() for _ in range(2)]
    before, other = _made(here, 2)
    assert _hand_in(here, _bodies(here, before)).status_code == 202
    bodies = _bodies(here, before, *rivals, other)
    problems = [one["problem"] for one in _hand_in(here, bodies).json()["results"]]
    assert [problem is None for problem in problems] == [False, True, False, True]
    assert problems[0]["statement_ids"] == sorted(before.ids)
    assert problems[2]["type"] == "urn:rensho:problem:submissions/already-recorded"
    site.sequencer.round()
    assert site.damage() == []


def test_a_key_that_ends_between_two_calls_is_refused_in_the_second(
    site: Site, here: Relation
) -> None:
    before, after = _made(here, 2)
    (result,) = _hand_in(here, _bodies(here, before)).json()["results"]
    assert result["problem"] is None
    assert Hand(site, here.respondent.org).suspend(here.respondent.key).status_code < 300
    site.sequencer.round()
    (result,) = _hand_in(here, _bodies(here, after)).json()["results"]
    assert "key.suspended" in result["problem"]["codes"]


def test_the_same_key_of_idempotency_gives_the_first_answer_again(
    site: Site, here: Relation
) -> None:
    bodies = _bodies(here, *_made(here, 2))
    first, second = (_hand_in(here, bodies, **{"Idempotency-Key": "once"}) for _ in range(2))
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert _submissions(site) == 2


def test_one_audit_row_names_all_that_were_queued(site: Site, here: Relation) -> None:
    results = _hand_in(here, _bodies(here, *_made(here, 2))).json()["results"]
    query = "SELECT details FROM attestation.audit WHERE resource LIKE %s"
    ((details,),) = site.sql(query, "%/submissions/bulk")
    assert details["submissions"] == [one["id"] for one in results]


@pytest.mark.parametrize("count", [0, MAX_SUBMISSIONS + 1])
def test_a_call_holds_some_submissions_and_not_too_many(here: Relation, count: int) -> None:
    (body,) = _bodies(here, *_made(here, 1))
    assert _hand_in(here, [body] * count).status_code == 422


def test_a_name_that_occurs_twice_refuses_the_call(site: Site, here: Relation) -> None:
    body = json.dumps({"submissions": _bodies(here, *_made(here, 1))})
    twice = body[:-1] + ',"submissions":[]}'
    headers = site.headers(here.respondent.org)
    answer = site.api.post("/submissions/bulk", content=twice, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["codes"] == ["json.duplicate_key"]


def test_it_needs_the_right_to_submit(here: Relation) -> None:
    headers = here.site.headers(here.respondent.org, {"submissions.read"})
    assert _hand_in(here, _bodies(here, *_made(here, 1)), **headers).status_code == 403
