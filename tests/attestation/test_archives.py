"""The zip a reader takes away verifies anywhere, and holds nothing that is not the reader's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rensho import archive, disclosure
from rensho.documents import Response
from rensho.entries import Reader, Respondent
from rensho.expectations import ExpectedRequest
from rensho.verify import ANY, Expectations, Material, verify

from services.kit import clock
from services.kit.db import new_id
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import Asked, Firm


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def _logged(here: Relation, response: Response) -> None:
    made = here.maker(response=response).make()
    assert here.site.submit(here.respondent, made).status_code == 202
    here.site.sequencer.round()


def _taken(here: Relation, response: Response, by: Firm) -> bytes:
    answer = here.site.get(f"/responses/{response.id}.rensho.zip", by.org)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    content: bytes = answer.content
    return content


def _expected(here: Relation) -> Expectations:
    return Expectations(
        audience=here.requester.urn,
        request=ExpectedRequest(str(here.asked.request_id), here.asked.nonce),
        signer_role="responsible-officer",
        freshness=timedelta(days=1),
    )


def test_the_requester_takes_away_an_archive_that_verifies(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    _logged(here, response)
    content = _taken(here, response, here.requester)
    verdict = verify(Material(content), site.trust, _expected(here), site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert verdict.parts["status"] == "VALID"
    assert len(verdict.statements) == 7
    later = verify(Material(content), site.trust, _expected(here), site.now + timedelta(days=2))
    assert later.codes == ("status.stale", "validity.expired")


def test_an_archive_grows_with_the_log_and_stays_valid(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    _logged(here, response)
    for _ in range(3):
        site.enrolled()
    clock.configure("+3700")
    try:
        site.sequencer.round()
        content = _taken(here, response, here.requester)
        verdict = verify(Material(content), site.trust, _expected(here), site.now)
    finally:
        clock.configure(None)
    assert (verdict.status, verdict.codes) == ("VALID", ())


def test_an_anchor_in_an_idle_log_is_as_young_as_its_newest_head(
    site: Site, here: Relation
) -> None:
    response = Response(str(new_id()), 1)
    for days in (4, 8):
        clock.configure(f"+{days * 86400}")
        site.sequencer.round()
    try:
        _logged(here, response)
        site.enrolled()
        content = _taken(here, response, here.requester)
        verdict = verify(Material(content), site.trust, _expected(here), site.now)
    finally:
        clock.configure(None)
    assert (verdict.status, verdict.codes) == ("VALID", ())


def test_the_respondent_takes_away_all_of_it(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    _logged(here, response)
    mine = archive.read(_taken(here, response, here.respondent))
    theirs = archive.read(_taken(here, response, here.requester))
    assert mine.keys() == theirs.keys()
    expect = Expectations(audience=ANY, request=ANY)
    verdict = verify(Material(archive.write(mine)), site.trust, expect, site.now)
    # Who vouched for its key is opened to the requester alone.
    assert verdict.codes == ("key.pending",)


def test_an_archive_does_not_tell_whom_else_the_requester_asked(site: Site) -> None:
    requester, asked = site.enrolled(), [Asked(), Asked(), Asked()]
    request = site.campaign(requester, asked)
    respondent = site.enrolled(link=asked[0].link, by=requester)
    here = Relation(site, requester, respondent, asked[0], request)
    response = Response(str(new_id()), 1)
    _logged(here, response)
    for reader in (requester, respondent):
        content = _taken(here, response, reader)
        opened = archive.read_disclosures(archive.read(content)["disclosures.json"])
        entries = [
            Respondent.from_json(disclosure.parse(text).value).request_id
            for text in opened[request.ids[0]]["respondents"]
        ]
        assert entries == [str(asked[0].request_id)]
        readers = [
            Reader.from_json(disclosure.parse(text).value).org
            for kinds in opened.values()
            for text in kinds.get("audience", ())
        ]
        assert set(readers) == {requester.urn}


def test_a_stranger_gets_the_404_of_a_response_that_never_was(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    _logged(here, response)
    stranger = site.enrolled()
    theirs = site.get(f"/responses/{response.id}.rensho.zip", stranger.org)
    random = site.get(f"/responses/{new_id()}.rensho.zip", stranger.org)
    assert (theirs.status_code, random.status_code) == (404, 404)
    assert {**theirs.json(), "request_id": ""} == {**random.json(), "request_id": ""}


def test_what_is_not_logged_yet_is_not_there(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    made = here.maker(response=response).make()
    site.submit(here.respondent, made)
    answer = site.get(f"/responses/{response.id}.rensho.zip", here.respondent.org)
    assert answer.status_code == 404
