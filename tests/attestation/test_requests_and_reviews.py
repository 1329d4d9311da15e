"""Requests, reviews, later revisions: what speaks about something earlier, and who reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from rensho import archive, disclosure, sign
from rensho.documents import Response
from rensho.entries import Respondent

from services.kit.db import new_id
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import (
    Asked,
    Made,
    OrganizationEnrolled,
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


def test_a_new_revision_supersedes_the_old_one(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    first = here.maker(response=response, components=("vision-1",)).make()
    assert site.submit(here.respondent, first).status_code == 202
    site.sequencer.round()
    replaced = dict(zip(("vision-1", "declaration"), first.ids, strict=True))
    maker = here.maker(
        response=Response(response.id, 2), components=("vision-1",), supersedes=replaced
    )
    second = maker.make()
    answer = site.submit(here.respondent, second)
    assert answer.status_code == 202, answer.text
    rival = replace(maker, response=Response(response.id, 3)).make()
    late = site.submit(here.respondent, rival)
    assert late.status_code == 409
    site.sequencer.round()
    _refused(site.submit(here.respondent, rival), "target.already_superseded")
    answer = site.get(f"/responses/{response.id}.rensho.zip", here.requester.org)
    taken = archive.read(answer.content)
    assert f"{second.ids[-1]}.sigstore.json" in taken
    assert f"{first.ids[-1]}.sigstore.json" not in taken
    assert site.damage() == []


def test_a_request_not_prepared_is_refused(site: Site) -> None:
    requester = site.enrolled()
    made = a_request(requester, [Asked()], site.anchor, site.now)
    answer = site.submit(requester, made)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:request.not_known_yet"


def test_an_older_preparation_is_refused(site: Site) -> None:
    requester, campaign = site.enrolled(), str(new_id())
    made = [a_request(requester, [Asked()], site.anchor, site.now) for _ in range(2)]
    for one in made:
        site.hear(
            event(
                RequestPrepared,
                campaign_id=campaign,
                org_id=str(requester.org),
                statement_id=one.ids[0],
            )
        )
    answer = site.submit(requester, made[0])
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:submissions/preparation-replaced"
    assert site.submit(requester, made[1]).status_code == 202


def test_a_request_must_bring_its_questionnaire_and_every_entry(site: Site) -> None:
    requester = site.enrolled()
    made = a_request(requester, [Asked(), Asked()], site.anchor, site.now)
    prepared = event(RequestPrepared, org_id=str(requester.org), statement_id=made.ids[0])
    site.hear(prepared)
    _refused(site.submit(requester, replace(made, documents={})), "content.missing")
    texts = made.disclosures[made.ids[0]]["respondents"]
    some = {made.ids[0]: {"respondents": texts[:1]}}
    _refused(site.submit(requester, replace(made, disclosures=some)), "content.missing")


def test_a_respondent_reads_its_own_entry_of_a_request_only(site: Site) -> None:
    requester, asked = site.enrolled(), [Asked(), Asked()]
    request = site.campaign(requester, asked)
    respondent = site.enrolled(link=asked[0].link, by=requester)
    assert site.get(f"/requests/{request.ids[0]}/bundle", respondent.org).status_code == 200
    zipped = site.get(f"/statements/{request.ids[0]}.rensho.zip", respondent.org).content
    opened = archive.read_disclosures(archive.read(zipped)["disclosures.json"])
    entries = [
        Respondent.from_json(disclosure.parse(text).value)
        for text in opened[request.ids[0]]["respondents"]
    ]
    assert [one.request_id for one in entries] == [str(asked[0].request_id)]


def test_a_review_reaches_the_reviewed(site: Site, here: Relation) -> None:
    made = here.maker().make()
    assert site.submit(here.respondent, made).status_code == 202
    payload = sign.review(
        here.requester.common("requester", site.anchor, site.now),
        statement_id=made.ids[0],
        decisions=[sign.Decision(question="Q-CORE-001", outcome="accepted")],
    )
    review = Made("review", (payload,), {}, {})
    _refused(site.submit(here.requester, review), "target.unknown")
    site.sequencer.round()
    assert site.submit(here.requester, review).status_code == 202
    site.sequencer.round()
    assert site.get(f"/statements/{review.ids[0]}/bundle", here.respondent.org).status_code == 200
    # A status list may be recorded in the same round.
    told = site.said("statement.recorded.v1")
    said = [each for each in told if each["statement_type"] != "status"][-1]
    assert (said["statement_type"], said["audience"]) == ("review", [str(here.respondent.org)])


def test_a_stranger_cannot_review(site: Site, here: Relation) -> None:
    made = here.maker().make()
    site.submit(here.respondent, made)
    site.sequencer.round()
    stranger = site.enrolled()
    payload = sign.review(
        stranger.common("requester", site.anchor, site.now),
        statement_id=made.ids[0],
        decisions=[sign.Decision(question="Q-CORE-001", outcome="accepted")],
    )
    _refused(site.submit(stranger, Made("review", (payload,), {}, {})), "target.unknown")


def test_a_key_nobody_on_the_link_vouched_for_signs_all_the_same(site: Site) -> None:
    requester, asked = site.enrolled(), Asked()
    request = site.campaign(requester, [asked])
    respondent = site.enrolled()
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(respondent.org),
            link_id=asked.link,
            inviter_org_id=requester.org,
        )
    )
    made = Relation(site, requester, respondent, asked, request).maker().make()
    assert site.submit(respondent, made).status_code == 202


def test_a_stranger_sees_a_submission_as_if_it_were_not_there(site: Site, here: Relation) -> None:
    made = here.maker().make()
    place = site.submit(here.respondent, made).headers["location"].removeprefix("/attestation/v1")
    site.sequencer.round()
    stranger = new_id()
    for path, other in (
        (place, f"/submissions/{new_id()}"),
        (f"/statements/{made.ids[0]}/bundle", f"/statements/{'ab' * 32}/bundle"),
        (f"/statements/{made.ids[0]}/promise", f"/statements/{'ab' * 32}/promise"),
        (f"/statements/{made.ids[0]}.rensho.zip", f"/statements/{'ab' * 32}.rensho.zip"),
    ):
        theirs, random = site.get(path, stranger), site.get(other, stranger)
        assert (theirs.status_code, random.status_code) == (404, 404)
        hide = re.compile(r'"request_id":"[0-9a-f]+"')
        assert hide.sub("", theirs.text) == hide.sub("", random.text)
