"""A key hands over to the next in a day's time, unless the old one objects."""

from __future__ import annotations

import base64

import pytest
from rensho import dsse
from rensho.keys import PrivateKey
from rensho.promises import EnrolChallenge

from services.attestation.rules.key_life import KEY_VETO
from services.kit.db import new_id
from tests.attestation.key_hand import (
    DAY,
    Hand,
    beat,
    confirm,
    events_of,
    hand_of,
    later,
    refused,
    response_of,
    signed,
    verdict_of,
)
from tests.attestation.site import ROLES, Relation, Site, relation
from tests.factories.attestation import Firm


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def test_a_rotation_waits_a_day_and_hands_on_what_was_confirmed(here: Relation) -> None:
    site, hand, old, new = here.site, hand_of(here), here.respondent.key, PrivateKey.generate()
    confirm(here)
    answer = hand.rotate(old, new)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "rotating"
    assert hand.key(old)["rotation"]["key_id"] == new.public.key_id
    beat(site)
    site.sequencer.round()
    assert (hand.key(new)["state"], hand.key(old)["state"]) == ("rotating", "enrolled")
    with later(DAY):
        beat(site)
        beat(site)
        site.sequencer.round()
        found = hand.key(new)
        assert (found["state"], found["event"], found["replaces"]) == (
            "enrolled",
            "rotate",
            old.public.key_id,
        )
        assert [link["state"] for link in found["links"]] == ["confirmed"]
        gone = hand.key(old)
        assert (gone["state"], gone["reason"], gone["rotation"]) == ("revoked", "superseded", None)
        assert site.damage() == []
    said = site.said("key.changed.v1")[-2:]
    assert [(one["event"], one["reason"], one["assurance"]) for one in said] == [
        ("rotate", None, "confirmed"),
        ("revoke", "superseded", None),
    ]


def test_after_a_rotation_old_answers_stand_and_new_ones_are_signed_by_the_new_key(
    here: Relation,
) -> None:
    site, hand, new = here.site, hand_of(here), PrivateKey.generate()
    first = here.maker().make()
    assert site.submit(here.respondent, first).status_code == 202
    site.sequencer.round()
    hand.rotate(here.respondent.key, new)
    with later(DAY + 60):
        beat(site)
        site.sequencer.round()
        assert verdict_of(here, response_of(first)).status == "VALID"
        stale = site.submit(here.respondent, here.maker().make())
        assert stale.status_code == 422
        assert "key.revoked" in stale.json()["codes"]
        renewed = Relation(
            site, here.requester, Firm(here.respondent.org, new), here.asked, here.request
        )
        second = renewed.maker().make()
        assert site.submit(renewed.respondent, second).status_code == 202
        site.sequencer.round()
        assert verdict_of(here, response_of(second)).status == "VALID"


def test_the_old_key_stops_its_rotation(here: Relation) -> None:
    site, hand, old, new = here.site, hand_of(here), here.respondent.key, PrivateKey.generate()
    hand.rotate(old, new)
    rotation = hand.key(old)["rotation"]
    assert rotation["veto_payload_type"] == KEY_VETO
    told = EnrolChallenge.parse(base64.b64decode(rotation["veto_payload"]))
    assert (told.key_id, told.purpose) == (
        old.public.key_id,
        f"veto the rotation to key {new.public.key_id}",
    )
    veto = signed(old, rotation["veto_payload"], KEY_VETO)
    assert hand.post(f"/rotations/{rotation['id']}/vetoes", veto).json()["state"] == "vetoed"
    with later(DAY):
        beat(site)
        site.sequencer.round()
        assert (hand.key(new)["state"], hand.key(old)["state"]) == ("vetoed", "enrolled")
    refused(hand.post(f"/rotations/{rotation['id']}/vetoes", veto), 409, "keys/rotation-over")


def test_only_the_old_key_and_only_over_this_rotation_vetoes(here: Relation) -> None:
    hand, old, new = hand_of(here), here.respondent.key, PrivateKey.generate()
    hand.rotate(old, new)
    rotation = hand.key(old)["rotation"]
    path = f"/rotations/{rotation['id']}/vetoes"
    by_new = signed(new, rotation["veto_payload"], KEY_VETO)
    refused(hand.post(path, by_new), 422, "keys/refused", "key.hint_mismatch")
    as_challenge = signed(old, rotation["veto_payload"])
    refused(hand.post(path, as_challenge), 422, "keys/refused", "dsse.payload_type")
    told = EnrolChallenge.parse(base64.b64decode(rotation["veto_payload"]))
    other = EnrolChallenge(
        origin=told.origin,
        org=told.org,
        key_id=told.key_id,
        purpose=told.purpose,
        expiry=told.expiry,
    )
    elsewhere = dsse.sign(old, other.to_bytes(), KEY_VETO).to_json()
    refused(hand.post(path, elsewhere), 422, "keys/refused", "sig.invalid")
    veto = signed(old, rotation["veto_payload"], KEY_VETO)
    stranger = Hand(here.site, here.requester.org)
    theirs, random = (
        stranger.post(path, veto),
        stranger.post(f"/rotations/{new_id()}/vetoes", veto),
    )
    assert (theirs.status_code, random.status_code) == (404, 404)
    with later(DAY):
        refused(hand.post(path, veto), 409, "keys/rotation-over")


def test_a_rotation_needs_the_old_keys_word(here: Relation) -> None:
    hand, old, new = hand_of(here), here.respondent.key, PrivateKey.generate()
    asked = hand.challenge(new, purpose="rotate", replaces=old.public.key_id).json()
    refused(hand.prove(new, asked), 422, "keys/refused", "dsse.signature_count")
    forged = hand.prove(new, asked, old=new)
    refused(forged, 422, "keys/refused", "key.hint_mismatch")
    crossed = asked | {"handover_payload": asked["payload"]}
    refused(hand.prove(new, crossed, old=old), 422, "keys/refused", "sig.invalid")
    assert hand.prove(new, asked, old=old).status_code == 202


def test_one_rotation_at_a_time_of_a_living_key_without_more_roles(here: Relation) -> None:
    hand, old, new = hand_of(here), here.respondent.key, PrivateKey.generate()
    wide = hand.challenge(
        new, purpose="rotate", replaces=old.public.key_id, roles=[*ROLES, "assessor"]
    )
    refused(wide, 422, "keys/refused", "signer.role")
    unknown = hand.challenge(new, purpose="rotate", replaces=new.public.key_id)
    refused(unknown, 409, "keys/not-usable")
    again = hand.challenge(old, purpose="rotate", replaces=old.public.key_id)
    refused(again, 409, "keys/already-enrolled")
    two = [PrivateKey.generate(), PrivateKey.generate()]
    asked = [
        hand.challenge(one, purpose="rotate", replaces=old.public.key_id).json() for one in two
    ]
    assert hand.prove(two[0], asked[0], old).status_code == 202
    refused(hand.prove(two[1], asked[1], old), 409, "keys/rotation-pending")
    late = hand.challenge(new, purpose="rotate", replaces=old.public.key_id)
    refused(late, 409, "keys/rotation-pending")


def test_a_rotation_comes_to_nothing_where_the_old_key_met_another_fate(here: Relation) -> None:
    site, hand, old, new = here.site, hand_of(here), here.respondent.key, PrivateKey.generate()
    hand.rotate(old, new)
    hand.revoke(old, "ceased")
    site.sequencer.round()
    assert hand.key(new)["state"] == "lapsed"
    with later(DAY):
        beat(site)
        site.sequencer.round()
        assert hand.key(new)["state"] == "lapsed"
        assert [name for name, _, _ in events_of(site, here.respondent.org)] == ["enrol", "revoke"]
        asked = hand.challenge(new).json()
        assert hand.prove(new, asked).status_code == 202
        site.sequencer.round()
        assert hand.key(new)["state"] == "enrolled"


def test_a_rotation_lapses_if_the_log_stands_still_past_its_proof(here: Relation) -> None:
    site, hand, old, new = here.site, hand_of(here), here.respondent.key, PrivateKey.generate()
    hand.rotate(old, new)
    with later(2 * DAY + 60):
        beat(site)
        site.sequencer.round()
        assert (hand.key(new)["state"], hand.key(old)["state"]) == ("lapsed", "enrolled")
        other = PrivateKey.generate()
        assert hand.rotate(old, other).status_code == 202
