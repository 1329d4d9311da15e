"""Keys over time: suspension, revocation, loss, and who has to agree."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rensho.keys import PrivateKey

from services.attestation.actions import sequencing
from services.kit import clock
from services.kit.db import Actor, new_id
from tests.attestation.key_hand import (
    Hand,
    confirm,
    events_of,
    hand_of,
    key_path,
    refused,
    response_of,
    verdict_of,
)
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import OrganizationEnrolled, event


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def test_a_suspended_key_signs_nothing_until_it_is_proved_anew(here: Relation) -> None:
    site, hand, key = here.site, hand_of(here), here.respondent.key
    confirm(here)
    first = here.maker().make()
    site.submit(here.respondent, first)
    site.sequencer.round()
    assert hand.suspend(key).json()["state"] == "queued"
    site.sequencer.round()
    assert hand.key(key)["state"] == "suspended"
    refused(hand.suspend(key), 409, "keys/not-usable")
    stopped = site.submit(here.respondent, here.maker().make())
    assert "key.suspended" in stopped.json()["codes"]
    assert verdict_of(here, response_of(first)).status == "VALID"
    assert hand.prove(key, hand.challenge(key).json()).status_code == 202
    site.sequencer.round()
    found = hand.key(key)
    assert (found["state"], [link["state"] for link in found["links"]]) == (
        "enrolled",
        ["confirmed"],
    )
    assert site.submit(here.respondent, here.maker().make()).status_code == 202
    assert site.damage() == []


@pytest.mark.parametrize("reason", ["superseded", "ceased"])
def test_what_was_logged_before_a_revocation_stands(here: Relation, reason: str) -> None:
    site, hand, key = here.site, hand_of(here), here.respondent.key
    first = here.maker().make()
    site.submit(here.respondent, first)
    site.sequencer.round()
    assert hand.revoke(key, reason).status_code == 202
    site.sequencer.round()
    found = hand.key(key)
    assert (found["state"], found["reason"]) == ("revoked", reason)
    assert verdict_of(here, response_of(first)).status == "VALID"
    late = site.submit(here.respondent, here.maker().make())
    assert "key.revoked" in late.json()["codes"]
    refused(hand.revoke(key, "ceased"), 409, "keys/not-usable")
    refused(hand.suspend(key), 409, "keys/not-usable")
    refused(hand.prove(key, hand.challenge(key).json()), 409, "keys/not-usable")


def test_a_theft_takes_two_members_and_reaches_back(here: Relation) -> None:
    site, hand, key = here.site, hand_of(here), here.respondent.key
    first = here.maker().make()
    site.submit(here.respondent, first)
    site.sequencer.round()
    since = clock.rfc3339(site.now - timedelta(hours=1))
    asked = hand.revoke(key, "key-compromise", invalid_since=since)
    assert (asked.status_code, asked.json()["state"]) == (202, "needs_approval")
    site.sequencer.round()
    assert hand.key(key)["state"] == "enrolled"
    path = f"/key-changes/{asked.json()['id']}/approvals"
    refused(hand.post(path), 409, "keys/needs-another-member")
    other = Hand(site, here.respondent.org, "two")
    machine = other.post(path, subject=f"urn:rensho:client:{new_id()}")
    refused(machine, 409, "keys/needs-another-member")
    stranger = Hand(site, here.requester.org, "two")
    assert stranger.post(path).status_code == 404
    agreed = other.post(path)
    assert agreed.json()["approved_by"] != agreed.json()["asked_by"]
    refused(Hand(site, here.respondent.org, "three").post(path), 409, "keys/nothing-to-approve")
    site.sequencer.round()
    found = hand.key(key)
    assert (found["state"], found["reason"]) == ("revoked", "key-compromise")
    assert found["invalid_since"] == since
    verdict = verdict_of(here, response_of(first))
    assert verdict.status == "INVALID"
    assert "key.compromised" in verdict.codes
    (change,) = site.api.get("/key-changes", headers=hand.headers()).json()["items"]
    assert change["state"] == "stated"
    said = site.said("key.changed.v1")[-1]
    assert (said["reason"], said["invalid_since"]) == ("key-compromise", since)
    refused(other.post(path), 409, "keys/not-usable")


def test_a_theft_has_a_time_that_has_come_and_nothing_else_has_one(here: Relation) -> None:
    site, hand, key = here.site, hand_of(here), here.respondent.key
    ahead = clock.rfc3339(site.now + timedelta(hours=1))
    for answer in (
        hand.revoke(key, "key-compromise"),
        hand.revoke(key, "ceased", invalid_since=ahead),
        hand.revoke(key, "key-compromise", invalid_since=ahead),
        hand.revoke(key, "identity-false"),
    ):
        assert answer.status_code == 422, answer.text
    machine = hand.revoke(
        key,
        "key-compromise",
        invalid_since=clock.rfc3339(site.now),
        how={"subject": f"urn:rensho:client:{new_id()}"},
    )
    refused(machine, 409, "keys/needs-another-member")
    assert site.sql("SELECT 1 FROM attestation.key_change") == []


def test_a_change_that_needs_no_agreement_gets_none(here: Relation) -> None:
    site, hand = here.site, hand_of(here)
    asked = hand.revoke(here.respondent.key, "ceased").json()
    other = Hand(site, here.respondent.org, "two")
    path = f"/key-changes/{asked['id']}/approvals"
    refused(other.post(path), 409, "keys/nothing-to-approve")
    assert other.post(f"/key-changes/{new_id()}/approvals").status_code == 404


def test_a_lost_key_is_replaced_in_minutes_by_a_new_code(here: Relation) -> None:
    site, hand, lost, new = here.site, hand_of(here), here.respondent.key, PrivateKey.generate()
    confirm(here)
    assert hand.recover(lost, new).status_code == 202
    site.sequencer.round()
    found, gone = hand.key(new), hand.key(lost)
    assert (found["state"], found["event"]) == ("enrolled", "enrol")
    # Whoever reads the mailbox is no more than that: the requester confirms anew.
    assert [link["state"] for link in found["links"]] == ["mailbox"]
    assert (gone["state"], gone["reason"]) == ("revoked", "ceased")
    assert site.damage() == []
    hand.suspend(new)
    site.sequencer.round()
    assert hand.recover(new, PrivateKey.generate()).status_code == 202


def test_a_lost_key_is_not_replaced_on_an_old_log_in(here: Relation) -> None:
    hand, lost, new = hand_of(here), here.respondent.key, PrivateKey.generate()
    for how in ({"logged_in": timedelta(minutes=11)}, {"logged_in": None}):
        answer = hand.recover(lost, new, **how)
        refused(answer, 401, "keys/log-in-again")
        assert 'error="insufficient_user_authentication"' in answer.headers["www-authenticate"]


def test_a_key_replaces_another_only_to_rotate_or_recover(here: Relation) -> None:
    hand, old, new = hand_of(here), here.respondent.key, PrivateKey.generate()
    assert hand.challenge(new, purpose="rotate").status_code == 422
    assert hand.challenge(new, purpose="recover").status_code == 422
    assert hand.challenge(new, replaces=old.public.key_id).status_code == 422
    assert hand.challenge(new, purpose="recover", replaces="no key").status_code == 404


def test_keys_of_others_are_not_there_to_be_ended(here: Relation) -> None:
    stranger, key = Hand(here.site, here.requester.org), here.respondent.key
    assert stranger.suspend(key).status_code == 404
    assert stranger.revoke(key, "ceased").status_code == 404
    new = PrivateKey.generate()
    answer = stranger.challenge(new, purpose="recover", replaces=key.public.key_id)
    refused(answer, 409, "keys/not-usable")


def test_each_link_shows_what_the_key_is_worth_there_and_what_was_looked_at(
    here: Relation,
) -> None:
    site, hand, key = here.site, hand_of(here), here.respondent.key
    assert hand.key(key)["links"] == [
        {"link_id": str(here.asked.link), "state": "mailbox", "evidence": None}
    ]
    other, link = site.enrolled(), new_id()
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(here.respondent.org),
            link_id=link,
            inviter_org_id=other.org,
        )
    )
    seen = {"kind": "call-back", "number": "0123-01", "seen_on": "2026-11-20"}
    confirm(here, evidence=seen)
    states = {one["link_id"]: one for one in hand.key(key)["links"]}
    assert states[str(here.asked.link)] == {
        "link_id": str(here.asked.link),
        "state": "confirmed",
        "evidence": seen,
    }
    assert states[str(link)]["state"] == "pending"
    for requester, shown in ((here.requester, "confirmed"), (other, "pending")):
        (listed,) = site.get(f"/organizations/{here.respondent.org}/keys", requester.org).json()[
            "items"
        ]
        assert [one["state"] for one in listed["links"]] == [shown]
        assert (listed["state"], listed["custody"]) == ("enrolled", "file")
    (stranger,) = site.get(f"/organizations/{here.respondent.org}/keys", new_id()).json()["items"]
    assert stranger["links"] == []


def test_a_revoked_key_is_not_confirmed(here: Relation) -> None:
    site, key = here.site, here.respondent.key
    hand_of(here).revoke(key, "ceased")
    site.sequencer.round()
    answer = site.api.post(
        f"/keys/{key_path(key.public.key_id)}/confirmations",
        json={"link_id": str(here.asked.link)},
        headers=site.headers(here.requester.org),
    )
    refused(answer, 409, "keys/not-usable")


def test_what_was_asked_too_late_is_dropped_by_the_sequencer(here: Relation) -> None:
    """Two members end a key in one moment: the log says it once."""
    site, hand, key = here.site, hand_of(here), here.respondent.key
    assert [hand.revoke(key, "ceased").status_code for _ in range(2)] == [202, 202]
    assert hand.suspend(key).status_code == 202
    site.sequencer.round()
    assert [name for name, _, _ in events_of(site, here.respondent.org)] == ["enrol", "revoke"]
    assert site.sql("SELECT 1 FROM attestation.queue") == []


def test_what_a_key_signed_before_its_end_was_logged_is_refused_whole(here: Relation) -> None:
    """A submission and a revocation wait side by side: the revocation goes first."""
    site, hand = here.site, hand_of(here)
    made = here.maker().make()
    answer = site.submit(here.respondent, made)
    hand.revoke(here.respondent.key, "ceased")
    site.sequencer.round()
    found = site.get(f"/submissions/{answer.json()['id']}", here.respondent.org).json()
    assert (found["state"], found["codes"]) == ("refused", ["key.revoked"])


def test_a_promised_statement_gets_its_leaf_before_its_key_ends(here: Relation) -> None:
    """The run that promised died: what it promised comes before what is stated next."""
    site, hand = here.site, hand_of(here)
    made = here.maker().make()
    site.submit(here.respondent, made)
    with site.worker.begin(Actor("urn:rensho:sequencer")) as tx:
        assert sequencing.promise(tx, site.sequencer.keys) == 1
    hand.revoke(here.respondent.key, "ceased")
    for _ in range(2):
        site.sequencer.round()
    assert hand.key(here.respondent.key)["state"] == "revoked"
    assert verdict_of(here, response_of(made)).status == "VALID"


def test_changes_are_listed_page_by_page(here: Relation) -> None:
    site, hand, key = here.site, hand_of(here), here.respondent.key
    for _ in range(3):
        hand.suspend(key)
    first = site.api.get("/key-changes?limit=2", headers=hand.headers()).json()
    rest = site.api.get(
        f"/key-changes?limit=2&cursor={first['next_cursor']}", headers=hand.headers()
    ).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 3
