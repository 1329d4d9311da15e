"""How keys come in, and who vouches for them."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from rensho import dsse
from rensho.keys import PrivateKey
from rensho.sign import ENROL_CHALLENGE, EnrolChallenge

from services.kit import clock
from services.kit.db import new_id
from tests.attestation.site import Site, relation
from tests.factories.attestation import Asked, Firm, OrganizationEnrolled, event

LOW_ORDER = bytes.fromhex("302a300506032b6570032100") + b"\x01" + b"\x00" * 31


def _known(site: Site, firm: Firm) -> Firm:
    site.hear(event(OrganizationEnrolled, org_id=str(firm.org)))
    return firm


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
def test_a_firm_enrols_a_key_by_signing_a_challenge(site: Site, algorithm: str) -> None:
    firm = _known(site, Firm(key=PrivateKey.generate(algorithm)))  # type: ignore[arg-type]
    challenge = site.challenge(firm)
    assert challenge.status_code == 201
    told = EnrolChallenge.parse(base64.b64decode(challenge.json()["payload"]))
    assert (told.origin, told.org, told.key_id) == (
        "log.rensho.example",
        firm.urn,
        firm.key.public.key_id,
    )
    answer = site.prove(firm, challenge.json())
    assert answer.status_code == 202
    assert answer.json()["state"] == "queued"
    place = answer.headers["location"].removeprefix("/attestation/v1")
    site.sequencer.round()
    found = site.get(place, firm.org).json()
    assert (found["state"], found["event"]) == ("enrolled", "enrol")
    assert site.get("/keys", firm.org).json()["items"] == [found]
    (said,) = site.said("key.changed.v1")
    assert (said["key_id"], said["assurance"]) == (firm.key.public.key_id, None)
    assert said["statement_id"] == found["statement_id"]


def test_a_weak_key_is_refused(site: Site) -> None:
    firm = _known(site, Firm())
    answer = site.challenge(firm, spki=base64.b64encode(LOW_ORDER).decode())
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:keys/refused"
    assert answer.json()["codes"] == ["key.algorithm_not_allowed"]


def test_what_is_no_key_is_refused(site: Site) -> None:
    firm = _known(site, Firm())
    assert site.challenge(firm, spki="AAAA").status_code == 422


def test_a_firm_cannot_enrol_a_key_for_the_operators_role(site: Site) -> None:
    firm = _known(site, Firm())
    assert site.challenge(firm, roles=["operator"]).status_code == 422


def test_a_firm_that_has_not_been_heard_of_waits(site: Site) -> None:
    answer = site.challenge(Firm())
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
    assert answer.json()["type"] == "urn:rensho:problem:keys.not_known_yet"


def test_no_key_is_taken_in_while_the_log_stands_still(site: Site) -> None:
    firm = _known(site, Firm())
    site.sql("UPDATE attestation.checkpoint SET signed_at = now() - interval '7 days'")
    assert site.challenge(firm).status_code == 503


def test_a_proof_by_another_key_is_refused(site: Site) -> None:
    firm = _known(site, Firm())
    answer = site.prove(firm, site.challenge(firm).json(), key=PrivateKey.generate())
    assert answer.status_code == 422
    assert answer.json()["codes"] == ["key.hint_mismatch"]


def test_a_proof_over_another_challenge_is_refused(site: Site) -> None:
    firm = _known(site, Firm())
    first, second = site.challenge(firm).json(), site.challenge(firm).json()
    answer = site.prove(firm, second | {"challenge_id": first["challenge_id"]})
    assert (answer.status_code, answer.json()["codes"]) == (422, ["sig.invalid"])


def test_a_challenge_expires(site: Site) -> None:
    firm = _known(site, Firm())
    challenge = site.challenge(firm).json()
    clock.configure("+601")
    try:
        answer = site.prove(firm, challenge)
    finally:
        clock.configure(None)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:keys/challenge-expired"


def test_a_challenge_is_answered_once(site: Site) -> None:
    firm = _known(site, Firm())
    challenge = site.challenge(firm).json()
    assert site.prove(firm, challenge).status_code == 202
    site.sequencer.round()
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(firm.org),
            link_id=new_id(),
            inviter_org_id=new_id(),
        )
    )
    answer = site.prove(firm, challenge)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:keys/challenge-used"


def test_another_firms_challenge_is_not_there(site: Site) -> None:
    firm, other = _known(site, Firm()), _known(site, Firm())
    challenge = site.challenge(firm).json()
    theirs = site.prove(Firm(other.org, firm.key), challenge)
    random = site.prove(firm, challenge | {"challenge_id": str(new_id())})
    assert (theirs.status_code, random.status_code) == (404, 404)
    assert _without_id(theirs.json()) == _without_id(random.json())


def test_a_repeated_enrolment_gives_the_first_answer_again(site: Site) -> None:
    firm = _known(site, Firm())
    challenge = site.challenge(firm).json()
    payload = base64.b64decode(challenge["payload"])
    body = {
        "challenge_id": challenge["challenge_id"],
        "envelope": dsse.sign(firm.key, payload, ENROL_CHALLENGE).to_json(),
    }
    headers = site.headers(firm.org) | {"Idempotency-Key": "one"}
    first = site.api.post("/keys", json=body, headers=headers)
    again = site.api.post("/keys", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]


def test_two_firms_with_one_key_get_one_answer_and_a_person_looks(site: Site) -> None:
    firm = site.enrolled()
    twin = _known(site, Firm(key=firm.key))
    answer = site.enrol_key(twin)
    site.sequencer.round()
    assert answer.json()["state"] == "queued"
    assert site.get("/keys", twin.org).json()["items"][0]["state"] == "queued"
    assert site.sql("SELECT state FROM attestation.queue") == [("review",)]
    assert len(site.said("key.changed.v1")) == 1


def test_a_key_enrolled_through_an_invitation_is_vouched_for_by_the_inviter(site: Site) -> None:
    here = relation(site)
    said = site.said("key.changed.v1")[-1]
    assert said["by_org_id"] == str(here.requester.org)
    assert said["link_id"] == str(here.asked.link)
    assert said["assurance"] == "mailbox"


def test_enrolling_the_same_key_again_needs_a_further_invitation(site: Site) -> None:
    here = relation(site)
    challenge = site.challenge(here.respondent).json()
    answer = site.prove(here.respondent, challenge)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:rensho:problem:keys/already-enrolled"
    other, link = site.enrolled(), new_id()
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(here.respondent.org),
            link_id=link,
            inviter_org_id=other.org,
        )
    )
    assert site.prove(here.respondent, challenge).status_code == 202
    site.sequencer.round()
    said = site.said("key.changed.v1")[-2:]
    assert {one["link_id"] for one in said} == {str(here.asked.link), str(link)}
    assert site.damage() == []


def test_a_requester_confirms_the_fingerprint_of_its_suppliers_key(site: Site) -> None:
    here = relation(site)
    key_id = here.respondent.key.public.key_id
    headers = site.headers(here.requester.org)
    url = f"/keys/{key_id.replace('/', '%2F')}/confirmations"
    listed = site.get(f"/organizations/{here.respondent.org}/keys", here.requester.org).json()
    assert [one["key_id"] for one in listed["items"]] == [key_id]
    for _ in range(2):
        answer = site.api.post(url, json={"link_id": str(here.asked.link)}, headers=headers)
        assert answer.status_code == 202
    site.sequencer.round()
    said = site.said("key.changed.v1")[-1]
    assert (said["event"], said["assurance"]) == ("confirm", "confirmed")
    assert [one["event"] for one in site.said("key.changed.v1")].count("confirm") == 1
    assert site.damage() == []


def test_nobody_confirms_on_a_link_of_others(site: Site) -> None:
    here = relation(site)
    key_id = here.respondent.key.public.key_id.replace("/", "_").replace("+", "-")
    url = f"/keys/{key_id}/confirmations"
    stranger = site.api.post(
        url, json={"link_id": str(here.asked.link)}, headers=site.headers(new_id())
    )
    supplier = site.api.post(
        url, json={"link_id": str(here.asked.link)}, headers=site.headers(here.respondent.org)
    )
    assert (stranger.status_code, supplier.status_code) == (409, 409)
    assert site.sql("SELECT 1 FROM attestation.confirmation") == []


def test_another_firms_keys_are_listed_only_once_logged(site: Site) -> None:
    firm = _known(site, Firm())
    site.enrol_key(firm)
    asker = new_id()
    listed = site.get(f"/organizations/{firm.org}/keys", asker).json()
    assert listed == {"items": [], "next_cursor": None}
    other = site.get(f"/keys/{firm.key.public.key_id.replace('/', '_')}", asker)
    assert other.status_code == 404


def test_keys_are_listed_page_by_page(site: Site) -> None:
    firm = _known(site, Firm())
    made = [Firm(firm.org) for _ in range(3)]
    for one in made:
        site.enrol_key(one)
    site.sequencer.round()
    for path, order in (("/keys", made[::-1]), (f"/organizations/{firm.org}/keys", made)):
        cursor: str | None = ""
        found: list[str] = []
        while cursor is not None:
            answer = site.get(f"{path}?limit=2{cursor}", firm.org).json()
            found += [one["key_id"] for one in answer["items"]]
            following = answer["next_cursor"]
            cursor = None if following is None else f"&cursor={following}"
        assert found == [one.key.public.key_id for one in order]
        assert site.get(f"{path}?cursor=none-of-ours", firm.org).status_code == 422


def test_a_key_event_anchors_to_a_head_that_was_there(site: Site) -> None:
    """The proof came in long before the sequencer looked: T, and the anchor, are as of then."""
    firm = _known(site, Firm())
    site.enrol_key(firm)
    clock.configure("+3700")
    try:
        site.sequencer.round()
    finally:
        clock.configure(None)
    (promised,) = site.sql("SELECT received_at FROM attestation.promise")
    assert site.now - promised[0] < timedelta(minutes=1)
    assert site.damage() == []


def test_without_the_permission_nothing_happens(site: Site) -> None:
    firm = _known(site, Firm())
    answer = site.api.post(
        "/keys/challenges", json={}, headers=site.headers(firm.org, {"keys.read"})
    )
    assert answer.status_code == 403


def _without_id(problem: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in problem.items() if name != "request_id"}


def test_a_request_asked_of_no_link_reaches_nobody(site: Site) -> None:
    requester = site.enrolled()
    made = site.campaign(requester, [Asked()])
    assert site.get(f"/requests/{made.ids[0]}/bundle", new_id()).status_code == 404
