"""The operator's word: what it is as of, and what it is not given for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rensho import dsse, sign

from services.kit import clock
from tests.attestation.key_hand import Hand
from tests.attestation.site import Relation, Site, relation


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def test_what_a_key_signed_before_it_was_revoked_is_refused_after_all(
    site: Site, here: Relation
) -> None:
    made = here.maker().make()
    place = site.submit(here.respondent, made).headers["location"].removeprefix("/attestation/v1")
    revoked = Hand(site, here.respondent.org).revoke(here.respondent.key, "ceased")
    assert revoked.status_code == 202, revoked.text
    site.sequencer.round()
    found = site.get(place, here.respondent.org).json()
    assert (found["state"], found["codes"]) == ("refused", ["key.revoked"])
    assert len(site.said("statement.refused.v1")) == len(made.ids)
    assert site.sql("SELECT count(*) FROM attestation.queue") == [(0,)]
    assert site.damage() == []


def test_a_submission_keeps_its_time_when_the_sequencer_is_late(site: Site, here: Relation) -> None:
    made = here.maker().make()
    received = site.submit(here.respondent, made).json()["received_at"]
    clock.configure("+120")
    try:
        site.new_sequencer().round()
    finally:
        clock.configure(None)
    answer = site.get(f"/statements/{made.ids[0]}/promise", here.respondent.org)
    word = sign.Promise.parse(dsse.Envelope.from_json(answer.json(), sign.PROMISE).payload)
    assert clock.rfc3339(word.received_at) == received
    assert word.include_by - word.received_at == timedelta(seconds=60)
