"""Webhooks over HTTP: secrets shown once, signatures others verify, attempts, misses and replay."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.kit import clock
from services.kit.db import Actor, new_id
from services.risk.actions import hooks
from services.risk.app import ticks
from services.risk.rules.hooks import SCHEDULE
from tests.factories.risk import RiskEvent, event
from tests.factories.supply_chains import NO_LIST, Firm, Scene, component
from tests.risk.owner import EVERYTHING, SCOPES, At, Owner


class DisputeChanged(RiskEvent):
    type = "dispute.changed.v1"
    step = "opened"


def verified(secret: str, came: tuple[dict[str, str], bytes]) -> Any:
    headers, body = came
    # The library compares with the real time; the clock of the tests stands.
    webhook = Webhook(secret)
    moment = clock.now().replace(tzinfo=None)
    wanted = webhook.sign(headers["webhook-id"], moment, body.decode())
    if wanted not in headers["webhook-signature"].split():
        raise WebhookVerificationError
    assert headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    return json.loads(body)


def test_a_test_message_arrives_signed_with_the_secret_that_was_shown_once(owner: Owner) -> None:
    made = owner.add()
    assert made["secret"].startswith("whsec_")
    assert "secret" not in owner.call("GET", f"/webhooks/{made['id']}").json()
    asked = owner.call("POST", f"/webhooks/{made['id']}/test")
    assert asked.status_code == 202
    assert asked.json()["state"] == "pending"
    assert owner.sender.round() == 1
    (came,) = owner.receiver.came
    told = verified(made["secret"], came)
    assert (told["type"], told["data"]) == ("webhook.test", {"test": True})
    assert told["timestamp"] == clock.rfc3339(clock.now())
    (delivery,) = owner.deliveries(made)
    assert (delivery["state"], delivery["outcome"]) == ("delivered", "HTTP 204")
    assert delivery["message_id"] == came[0]["webhook-id"] == asked.json()["message_id"]
    assert came[0]["content-type"] == "application/json; charset=utf-8"
    assert owner.sender.round() == 0


def test_a_repeated_creation_gets_the_endpoint_and_not_the_secret(owner: Owner) -> None:
    key = {
        "Idempotency-Key": str(new_id()),
        **owner.site.headers(owner.maker.firm, SCOPES),
    }
    body = {"url": owner.receiver.url, "types": EVERYTHING}
    first = owner.call("POST", "/webhooks", json=body, headers=key).json()
    again = owner.call("POST", "/webhooks", json=body, headers=key).json()
    assert first["secret"] is not None
    assert again == {**first, "secret": None}
    assert len(owner.call("GET", "/webhooks").json()["items"]) == 1


def test_for_a_while_after_rotation_both_secrets_verify(owner: Owner) -> None:
    made = owner.add()
    body = {"overlap_hours": 1}
    fresh = owner.call("POST", f"/webhooks/{made['id']}/secret", json=body).json()
    assert fresh["secret"] != made["secret"]
    owner.announce(n=1)
    owner.sender.round()
    for secret in (made["secret"], fresh["secret"]):
        assert verified(secret, owner.receiver.came[0])["data"] == {"n": 1}
    owner.later(timedelta(hours=1))
    owner.announce(n=2)
    owner.sender.round()
    assert verified(fresh["secret"], owner.receiver.came[1])["data"] == {"n": 2}
    with pytest.raises(WebhookVerificationError):
        verified(made["secret"], owner.receiver.came[1])


def test_a_failure_is_tried_again_by_the_schedule_and_the_same_id_comes_again(
    owner: Owner,
) -> None:
    made = owner.add()
    owner.receiver.status = 500
    owner.announce(n=1)
    assert owner.sender.round() == 1
    (delivery,) = owner.deliveries(made, state="pending")
    assert (delivery["attempts"], delivery["outcome"]) == (1, "HTTP 500")
    assert owner.sender.round() == 0
    owner.later(SCHEDULE[0])
    owner.receiver.status = 200
    assert owner.sender.round() == 1
    first, second = owner.receiver.came
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert owner.call("GET", f"/webhooks/{made['id']}").json()["failing_since"] is None


def test_after_the_last_attempt_it_is_missed_and_can_be_replayed(owner: Owner) -> None:
    made = owner.add()
    owner.receiver.status = 503
    since = clock.rfc3339(clock.now())
    owner.announce(n=1)
    owner.sender.round()
    for wait in SCHEDULE:
        assert owner.sender.round() == 0
        owner.later(wait)
        assert owner.sender.round() == 1
    owner.later(timedelta(days=2))
    assert owner.sender.round() == 0
    (delivery,) = owner.deliveries(made, state="missed")
    assert delivery["attempts"] == len(SCHEDULE) + 1
    owner.receiver.status = 204
    path = f"/webhooks/{made['id']}/replay"
    late = {"since": clock.rfc3339(clock.now())}
    assert owner.call("POST", path, json=late).json() == {"queued": 0}
    assert owner.call("POST", path, json={"since": since}).json() == {"queued": 1}
    assert owner.sender.round() == 1
    assert owner.deliveries(made)[0]["state"] == "delivered"
    assert len({headers["webhook-id"] for headers, _ in owner.receiver.came}) == 1


def test_an_endpoint_that_takes_nothing_for_five_days_is_disabled_and_misses_nothing(
    owner: Owner,
) -> None:
    made = owner.add()
    path = f"/webhooks/{made['id']}"
    owner.receiver.status = 500
    since = clock.rfc3339(clock.now())
    owner.announce(n=1)
    owner.sender.round()
    owner.later(timedelta(days=5))
    owner.announce(n=2)
    owner.sender.round()
    found = owner.call("GET", path).json()
    assert found["disabled_because"] == f"nothing arrived since {since}"
    owner.announce(n=3)
    assert owner.sender.round() == 0
    refused = owner.call("POST", f"{path}/test")
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:rensho:problem:webhooks/disabled",
    )
    owner.receiver.status = 204
    owner.receiver.came.clear()
    assert owner.call("PATCH", path, json={"enabled": True}).json()["disabled_at"] is None
    assert owner.call("POST", f"{path}/replay", json={"since": since}).json() == {"queued": 3}
    owner.sender.round()
    assert sorted(json.loads(body)["data"]["n"] for _, body in owner.receiver.came) == [1, 2, 3]


def test_while_an_endpoint_fails_nothing_else_is_tried_there(owner: Owner) -> None:
    owner.add()
    owner.receiver.status = 500
    for n in range(3):
        owner.announce(n=n)
    assert owner.sender.round() == 3
    owner.announce(n=4)
    owner.later(timedelta(seconds=1))
    assert owner.sender.round() == 1
    owner.later(timedelta(seconds=4))
    assert owner.sender.round() == 0


def test_gone_disables_at_once(owner: Owner) -> None:
    made = owner.add()
    owner.receiver.status = 410
    owner.announce(n=1)
    owner.sender.round()
    found = owner.call("GET", f"/webhooks/{made['id']}").json()
    assert found["disabled_because"] == "it answered 410 Gone"


def test_a_sender_that_dies_is_followed_by_another(owner: Owner) -> None:
    made = owner.add()
    owner.announce(n=1)
    with owner.site.worker.begin(Actor("dies")) as tx:
        assert len(hooks.take(tx, b"m" * 32, clock.now(), 10)) == 1
    assert owner.sender.round() == 0
    owner.later(timedelta(minutes=2))
    assert owner.sender.round() == 1
    assert owner.deliveries(made)[0]["state"] == "delivered"


def test_a_band_that_moved_is_told(owner: Owner) -> None:
    supply = owner.maker.supply("First", vendor_codes=["V-1"])
    owner.maker.judge()
    made = owner.add(types=["score.band_changed"])
    owner.maker.answered(supply)
    snapshot = owner.maker.judge()
    (said,) = owner.site.said("score.changed.v1", org_id=owner.maker.firm.org)
    owner.site.hear(said)
    owner.site.hear(said)
    owner.sender.round()
    (came,) = owner.receiver.came
    told = verified(made["secret"], came)
    assert told["type"] == "score.band_changed"
    assert told["data"]["snapshot"] == snapshot
    (change,) = told["data"]["changes"]
    assert (change["vendor_codes"], change["band_before"]) == (["V-1"], "unseen")


def test_an_attestation_that_ends_soon_is_told_once(owner: Owner, at: At) -> None:
    supply = owner.maker.supply("First", vendor_codes=["V-1"])
    owner.maker.answered(supply)
    owner.add(types=["attestation.expiring"])
    _, tell = ticks(owner.site.settings)["expiries"]

    def night() -> None:
        with owner.site.worker.begin(Actor("beat")) as tx:
            tell(tx, clock.now())
        owner.sender.round()

    night()
    assert owner.receiver.came == []
    owner.later(timedelta(days=340))
    night()
    night()
    (came,) = owner.receiver.came
    data = json.loads(came[1])["data"]
    assert data["supplier_id"] == supply.supplier
    assert data["expires_at"] == "2027-11-20T03:00:00Z"
    scene = Scene()
    submitted = scene.submitted(supply, components=[component("chat", {})], sub_tier=NO_LIST)
    later = clock.rfc3339(clock.now() + timedelta(days=365))
    scene.recorded(supply, submitted, not_after=later)
    owner.site.hear(*scene.events)
    owner.receiver.came.clear()
    night()
    assert owner.receiver.came == []


@pytest.mark.parametrize("step", ["opened", "settled"])
def test_a_dispute_is_told(owner: Owner, step: str) -> None:
    owner.add(types=[f"dispute.{step}"])
    dispute, supply = str(new_id()), owner.maker.supply("Maker of parts")
    for told in ("opened", "answered", "asked_again", "settled"):
        about = {"dispute_id": dispute, "link_id": str(supply.link), "step": told}
        owner.site.hear(event(DisputeChanged, org_id=owner.maker.firm.org, **about))
    owner.sender.round()
    (came,) = owner.receiver.came
    assert json.loads(came[1])["type"] == f"dispute.{step}"
    data = {"dispute_id": dispute, "supplier_id": str(supply.supplier), "step": step}
    assert json.loads(came[1])["data"] == data


def test_nothing_is_sent_to_a_removed_endpoint(owner: Owner) -> None:
    made = owner.add()
    owner.announce(n=1)
    assert owner.call("DELETE", f"/webhooks/{made['id']}").status_code == 204
    owner.announce(n=2)
    assert owner.sender.round() == 0
    assert owner.call("GET", f"/webhooks/{made['id']}").status_code == 404


def test_an_endpoint_is_changed_and_only_wanted_types_come(owner: Owner) -> None:
    made = owner.add(types=["dispute.opened"])
    path = f"/webhooks/{made['id']}"
    owner.announce(n=1)
    changed = owner.call("PATCH", path, json={"types": ["score.band_changed"], "description": "x"})
    assert (changed.json()["types"], changed.json()["description"]) == (["score.band_changed"], "x")
    owner.announce(n=2)
    owner.sender.round()
    assert [json.loads(body)["data"]["n"] for _, body in owner.receiver.came] == [2]
    off = owner.call("PATCH", path, json={"enabled": False}).json()
    assert off["disabled_because"] == "by its owner"
    refused = owner.call("PATCH", path, json={"url": "http://10.0.0.1/"})
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:rensho:problem:webhooks/url-refused"


def test_an_organization_has_at_most_twenty_endpoints(owner: Owner) -> None:
    for _ in range(hooks.MOST):
        owner.add()
    more = owner.call("POST", "/webhooks", json={"url": owner.receiver.url, "types": EVERYTHING})
    assert more.json()["type"] == "urn:rensho:problem:webhooks/too-many"
    page = owner.call("GET", "/webhooks", params={"limit": 15}).json()
    rest = owner.call("GET", "/webhooks", params={"cursor": page["next_cursor"]}).json()
    assert (len(page["items"]), len(rest["items"])) == (15, 5)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"enabled": True}),
        ("DELETE", "", None),
        ("POST", "/secret", {}),
        ("POST", "/test", None),
        ("GET", "/deliveries", None),
        ("POST", "/replay", {"since": "2026-01-01T00:00:00Z"}),
    ],
)
def test_an_endpoint_of_another_is_not_there(
    owner: Owner, method: str, path: str, body: Any
) -> None:
    made = owner.add()
    headers = owner.site.headers(Firm("Stranger"), SCOPES)
    for webhook in (made["id"], str(new_id())):
        url = f"/webhooks/{webhook}{path}"
        answer = owner.site.http.request(method, url, headers=headers, json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, "no such endpoint")


def test_every_write_leaves_an_audit_row_without_the_secret(owner: Owner) -> None:
    made = owner.add()
    owner.call("POST", f"/webhooks/{made['id']}/secret", json={})
    rows = owner.site.get(owner.maker.firm, "/audit").json()["items"]
    assert [row["operation"] for row in rows] == ["rotate_webhook_secret", "add_webhook"]
    assert made["secret"] not in json.dumps(rows)
