"""What a person of the operator decides: a key two firms prove, an identity that is false."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from rensho.verify import ANY, Expectations, Material, verify

from services.attestation.actions import operating
from services.attestation.actions.keys import Evidence
from services.attestation.actions.refusals import KeyNotUsable
from services.kit import clock
from services.kit.db import Actor, new_id
from services.kit.problems import NotFound
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import Firm, OrganizationEnrolled, event

SEEN = Evidence("register-extract", "0100-01-000001", date(2026, 11, 20))


@pytest.fixture
def twins(site: Site) -> tuple[Firm, Firm]:
    """Two firms that prove one key; the second one waits for a person."""
    firm = site.enrolled()
    twin = Firm(key=firm.key)
    site.hear(event(OrganizationEnrolled, org_id=str(twin.org)))
    site.enrol_key(twin)
    site.sequencer.round()
    return firm, twin


def _as_operator(site: Site, work: Any, *args: Any, **how: Any) -> Any:
    with site.worker.begin(Actor("urn:rensho:operator")) as tx:
        return work(tx, *args, **how)


def _state(site: Site, firm: Firm) -> str:
    return str(site.get("/keys", firm.org).json()["items"][0]["state"])


def test_a_claim_tells_the_operator_who_holds_the_key(site: Site, twins: tuple[Firm, Firm]) -> None:
    firm, twin = twins
    (claim,) = _as_operator(site, operating.claims)
    assert (claim.org_id, claim.key_id) == (twin.org, firm.key.public.key_id)
    assert claim.held_by == [firm.org]


def test_an_accepted_claim_is_proved_once_more(site: Site, twins: tuple[Firm, Firm]) -> None:
    _, twin = twins
    (claim,) = _as_operator(site, operating.claims)
    now = clock.now()
    _as_operator(site, operating.decide, claim.enrolment_id, SEEN, now, accepted=True)
    assert _state(site, twin) == "prove_again"
    assert _as_operator(site, operating.claims) == []
    site.enrol_key(twin)
    site.sequencer.round()
    assert _state(site, twin) == "enrolled"
    assert site.sql("SELECT evidence_kind, evidence_number FROM attestation.key_review") == [
        (SEEN.kind, SEEN.number)
    ]
    assert site.damage() == []


def test_a_refused_claim_stays_refused(site: Site, twins: tuple[Firm, Firm]) -> None:
    firm, twin = twins
    (claim,) = _as_operator(site, operating.claims)
    now = clock.now()
    _as_operator(site, operating.decide, claim.enrolment_id, SEEN, now, accepted=False)
    assert (_state(site, twin), _state(site, firm)) == ("refused", "enrolled")
    site.enrol_key(twin)
    site.sequencer.round()
    assert [one.org_id for one in _as_operator(site, operating.claims)] == [twin.org]
    with pytest.raises(NotFound):
        _as_operator(site, operating.decide, claim.enrolment_id, SEEN, now, accepted=True)


def test_a_key_that_was_never_the_firms_makes_all_it_signed_invalid(site: Site) -> None:
    here: Relation = relation(site)
    made = here.maker().make()
    site.submit(here.respondent, made)
    site.sequencer.round()
    key_id = here.respondent.key.public.key_id
    _as_operator(site, operating.declare_false, here.respondent.org, key_id, clock.now())
    site.sequencer.round()
    (shown,) = site.get("/keys", here.respondent.org).json()["items"]
    assert (shown["state"], shown["reason"]) == ("revoked", "identity-false")
    path = f"/statements/{made.ids[0]}.rensho.zip"
    content = site.get(path, here.requester.org).content
    expect = Expectations(audience=here.requester.urn, request=ANY)
    verdict = verify(Material(content), site.trust, expect, site.now)
    assert (verdict.status, "key.identity_false" in verdict.codes) == ("INVALID", True)
    with pytest.raises(KeyNotUsable):
        _as_operator(site, operating.declare_false, here.respondent.org, key_id, clock.now())
    with pytest.raises(KeyNotUsable):
        _as_operator(site, operating.declare_false, new_id(), key_id, clock.now())
    assert site.damage() == []


def test_a_lost_key_replaced_by_a_shared_one_waits_for_a_person(site: Site) -> None:
    here, shared = relation(site), site.enrolled()
    body = {
        "purpose": "recover",
        "replaces": here.respondent.key.public.key_id,
    }
    asked = site.challenge(Firm(here.respondent.org, shared.key), **body).json()
    answer = site.prove(Firm(here.respondent.org, shared.key), asked)
    assert answer.json()["state"] == "queued"
    site.sequencer.round()
    (claim,) = _as_operator(site, operating.claims)
    assert claim.org_id == here.respondent.org
    # Until it is decided the firm keeps what it had.
    assert _state_of(site, here.respondent) == "enrolled"
    now = clock.now()
    _as_operator(site, operating.decide, claim.enrolment_id, SEEN, now, accepted=False)
    again = site.challenge(Firm(here.respondent.org, shared.key), **body)
    assert again.status_code == 201


def _state_of(site: Site, firm: Firm) -> str:
    path = firm.key.public.key_id.replace("/", "_").replace("+", "-")
    return str(site.get(f"/keys/{path}", firm.org).json()["state"])
