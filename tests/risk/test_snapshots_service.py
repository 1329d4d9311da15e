"""Snapshots: what is heard is frozen, judged, signed and followed into the log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import jsonschema
import pytest
from rensho import bundle, merkle, replay, strict_base64, strict_json
from rensho.history import TreeHead
from rensho.statement import parse
from rensho.submission import Submission, check_submission
from rensho.trust import Deployment, Epoch

from services.kit import clock, keyfiles
from services.kit.db import Actor, new_id
from services.kit.outbox import CONTRACTS
from services.risk.actions.snapshots import LogNotHeardOf
from services.risk.app import ticks
from tests.factories.risk import (
    NOW,
    ORIGIN,
    CheckpointSigned,
    QuestionnairePublished,
    StatementRecorded,
    StatementRefused,
    event,
    question,
)
from tests.factories.supply_chains import NO_LIST, Firm, Scene, component, listed
from tests.risk.site import Site

BASE = "https://rensho.example/attestation"


def a_chain() -> tuple[Scene, Firm]:
    """A maker, a supplier that answers, and behind that one that answers and one it hides."""
    scene = Scene()
    maker, tier_1, tier_2 = Firm("Maker"), Firm("First"), Firm("Second")
    first = scene.supplied(maker, tier_1)
    second = scene.supplied(tier_1, tier_2)
    scene.answered(
        second, components=[component("vision", {"Q-1": "yes", "Q-2": "partly"})], sub_tier=NO_LIST
    )
    scene.answered(
        first,
        components=[component("chat", {"Q-1": "partly", "Q-2": "no"})],
        sub_tier=listed(second.entry(visibility="masked"), undisclosed={"minor": 1}),
    )
    return scene, maker


def without_names(facts: Any) -> Any:
    """Facts with every id replaced by its kind, to compare two worlds of different firms."""
    text = json.dumps(facts, sort_keys=True)
    ids = {facts["requester"]}
    ids |= {link[name] for link in facts["direct"] for name in ("id", "supplier", "list")}
    ids |= {link[name] for link in facts["deeper"] for name in ("id", "supplier", "list")}
    ids |= {link["declaration"]["statement"] for link in facts["direct"] if link["declaration"]}
    ids |= {c["statement"] for link in facts["direct"] for c in link["components"]}
    for name in ids - {"none", "silent", "closed"}:
        text = text.replace(name, "*")
    return json.loads(text)


def test_the_order_of_events_moves_no_number(site: Site) -> None:
    judged = []
    for order in ("as said", "reversed", "said again"):
        scene, maker = a_chain()
        site.hear(*(scene.events[::-1] if order == "reversed" else scene.events))
        if order == "said again":
            site.hear(*({**said, "id": str(new_id())} for said in scene.events))
        facts, results = site.judge(maker)
        assert replay.compare(replay.replay(facts), results) == []
        judged.append((without_names(facts), results["total"], results["portfolio_index"]))
    assert judged[0] == judged[1] == judged[2]


def test_facts_are_the_requesters_own_view(site_alone: Site) -> None:
    site = site_alone
    site.hear(event(CheckpointSigned))
    scene, maker = a_chain()
    site.hear(*scene.events)
    facts, results = site.judge(maker)
    contract = json.loads((CONTRACTS / "facts" / "v1.json").read_bytes())
    jsonschema.Draft202012Validator(contract).validate(facts)
    (direct,) = facts["direct"]
    assert direct["asked"] == facts["starter"] + ["Q-2"] == ["Q-1", "Q-2"]
    assert direct["submitted"]
    assert direct["declaration"]["covered"]
    (chat,) = direct["components"]
    assert chat["attributes"] == {"customerData": "no", "safetyFunction": "monitored"}
    assert chat["roles"] == {"developer": "no", "provider": "yes", "user": "yes"}
    assert [(a["question"], a["value"], a["assurance"]) for a in chat["answers"]] == [
        ("Q-1", "partly", "L2"),
        ("Q-2", "no", "L2"),
    ]
    (deeper,) = facts["deeper"]
    (behind,) = facts["lists"]
    assert behind["totals"] == {"major": 1, "minor": 1}
    assert [entry["link"] for entry in behind["entries"]] == [deeper["id"]]
    assert deeper["list"] == "none"
    assert deeper["coverage"] == "1.000000000"
    assert facts["log"] == {"origin": ORIGIN, "size": scene.leaves}
    assert results["suppliers"][0]["coverage"] == "1.000000000"
    assert [tier["tier"] for tier in results["tiers"]] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_snapshot_is_signed_so_that_the_log_takes_it(site_alone: Site) -> None:
    site = site_alone
    site.hear(event(CheckpointSigned))
    scene, maker = a_chain()
    site.hear(*scene.events)
    asked = site.ask(maker)
    (said,) = site.said("snapshot.signed.v1", snapshot_id=asked["id"])
    data = strict_base64.decode(said["bundle"])
    facts, results = (
        site.get(maker, f"/snapshots/{asked['id']}/{name}").content for name in ("facts", "results")
    )
    now = clock.now()
    deployment = Deployment(
        origin=ORIGIN,
        predicate_base=BASE,
        epochs=(
            Epoch(
                ORIGIN,
                *(
                    keyfiles.signing_key(site.settings, name).public.raw_ed25519
                    for name in ("log", "time")
                ),
            ),
        ),
        operator_org=f"urn:rensho:org:{uuid5(NAMESPACE_DNS, ORIGIN)}",
        operator_keys=(keyfiles.signing_key(site.settings, "operator").public,),
        risk_keys=(keyfiles.signing_key(site.settings, "risk").public,),
    )
    root = merkle.root([merkle.leaf_hash(b"x")] * 7)
    handed = Submission(
        bundles=(data,),
        files={
            f"{hashlib.sha256(facts).hexdigest()}.facts.json": facts,
            f"{hashlib.sha256(results).hexdigest()}.results.json": results,
        },
        heads={(ORIGIN, 7): TreeHead(root, now)},
    )
    assert check_submission(handed, deployment, now) == []
    statement = parse(bundle.parse(data).envelope.payload, (BASE,))
    assert statement.id == said["statement_id"]
    assert statement.subject_sha256 == hashlib.sha256(facts).hexdigest()
    predicate = statement.predicate
    told = json.loads(results)
    assert predicate["results"] == {"sha256": hashlib.sha256(results).hexdigest()}
    assert predicate["totals"] == told["total"]
    assert predicate["tiers"] == told["tiers"]
    assert predicate["policy"] == {"sha256": told["policy_digest"]}
    assert predicate["requester"] == f"urn:rensho:org:{maker.org}"
    assert predicate["log"] == {"origin": ORIGIN, "size": scene.leaves}


def test_a_snapshot_goes_from_requested_over_signed_to_logged(site: Site) -> None:
    maker = Firm("Maker")
    made = site.http.post("/snapshots", headers=site.headers(maker))
    assert made.status_code == 202
    path = made.headers["location"].removeprefix("/risk/v1")
    assert site.get(maker, path).json()["state"] == "requested"
    early = site.get(maker, f"{path}/facts")
    assert early.status_code == 409
    assert early.json()["type"] == "urn:rensho:problem:snapshots/not-signed-yet"
    assert early.headers["retry-after"] == "1"
    site.hear(*site.said("snapshot.requested.v1", snapshot_id=made.json()["id"]))
    signed = site.get(maker, path).json()
    assert (signed["state"], signed["log"]) == ("signed", None)
    site.hear(_logged(signed["statement_id"], index=41))
    logged = site.get(maker, path).json()
    assert (logged["state"], logged["log"]) == ("logged", {"origin": ORIGIN, "index": 41})
    assert logged["as_of"] == "2026-11-21T03:00:00Z"
    listed_ = site.get(maker, "/snapshots").json()
    assert [one["id"] for one in listed_["items"]] == [logged["id"]]


def _logged(statement_id: str, index: int) -> Any:
    return event(
        StatementRecorded,
        statement_id=statement_id,
        statement_type="risk-snapshot",
        signer_role="service",
        log={"origin": ORIGIN, "index": index},
    )


def test_a_snapshot_the_log_refused_is_told_so_and_not_served(site: Site) -> None:
    scene, maker = a_chain()
    site.hear(*scene.events)
    first = site.ask(maker)
    second = site.get(maker, f"/snapshots/{site.ask(maker)['id']}").json()
    site.hear(event(StatementRefused, statement_id=second["statement_id"]))
    told = site.get(maker, f"/snapshots/{second['id']}").json()
    assert (told["state"], told["codes"]) == ("refused", ["time.anchor_too_old"])
    assert site.get(maker, "/tiers").json()["snapshot"] == first["id"]


def test_before_the_log_is_heard_of_a_snapshot_stays_due(site_alone: Site) -> None:
    maker = Firm("Maker")
    made = site_alone.http.post("/snapshots", headers=site_alone.headers(maker)).json()
    (due,) = site_alone.said("snapshot.requested.v1", snapshot_id=made["id"])
    with pytest.raises(LogNotHeardOf):
        site_alone.hear(due)
    assert site_alone.get(maker, f"/snapshots/{made['id']}").json()["state"] == "requested"
    site_alone.hear(event(CheckpointSigned))
    site_alone.hear(due)
    assert site_alone.get(maker, f"/snapshots/{made['id']}").json()["state"] == "signed"


def test_a_snapshot_anchors_to_the_newest_head_in_whatever_order_heads_are_heard(
    site_alone: Site,
) -> None:
    newer = clock.rfc3339(NOW + timedelta(hours=1))
    site_alone.hear(event(CheckpointSigned, size=9, signed_at=newer))
    site_alone.hear(event(CheckpointSigned, size=8))
    site_alone.ask(Firm("Maker"))
    (said,) = site_alone.said("snapshot.signed.v1")
    payload = bundle.parse(strict_base64.decode(said["bundle"])).envelope.payload
    assert strict_json.loads(payload)["predicate"]["at"]["anchor"]["size"] == 9


def test_a_snapshot_is_signed_once_however_often_it_is_requested(site: Site) -> None:
    maker = Firm("Maker")
    made = site.ask(maker)
    (again,) = site.said("snapshot.requested.v1", snapshot_id=made["id"])
    site.hear({**again, "id": str(new_id())})
    assert len(site.said("snapshot.signed.v1", snapshot_id=made["id"])) == 1


def test_a_request_for_a_snapshot_nobody_asked_for_makes_none(site: Site) -> None:
    maker = Firm("Maker")
    (due,) = site.said("snapshot.requested.v1", snapshot_id=site.ask(maker)["id"])
    unknown = str(new_id())
    site.hear({**due, "id": str(new_id()), "snapshot_id": unknown})
    assert site.said("snapshot.signed.v1", snapshot_id=unknown) == []


def test_the_same_idempotency_key_asks_for_one_snapshot(site: Site) -> None:
    headers = {**site.headers(Firm("Maker")), "Idempotency-Key": "once"}
    one, other = (site.http.post("/snapshots", headers=headers) for _ in range(2))
    assert one.json() == other.json()
    assert other.headers["location"] == one.headers["location"]


def test_at_night_those_get_a_snapshot_whose_facts_changed(
    site_alone: Site, at: Callable[[datetime], None]
) -> None:
    site = site_alone
    site.hear(event(CheckpointSigned))
    scene, maker = a_chain()
    site.hear(*scene.events)
    when, nightly = ticks(site.settings)["nightly-snapshots"]
    assert when == time(17)

    def night() -> int:
        before = len(site.said("snapshot.requested.v1", org_id=maker.org))
        with site.worker.begin(Actor("beat")) as tx:
            nightly(tx, clock.now())
        asked = site.said("snapshot.requested.v1", org_id=maker.org)
        site.hear(*asked)
        return len(asked) - before

    assert night() == 1
    at(NOW + timedelta(days=2))
    assert night() == 0
    more = [question("Q-3", asked=False)]
    site.hear(event(QuestionnairePublished, org_id=maker.org, questions=more))
    assert night() == 1


def test_snapshots_are_listed_newest_first_page_by_page(site: Site) -> None:
    maker = Firm("Maker")
    made = [
        site.http.post("/snapshots", headers=site.headers(maker)).json()["id"] for _ in range(3)
    ]
    first = site.get(maker, "/snapshots", params={"limit": 2})
    cursor = first.json()["next_cursor"]
    assert f"cursor={cursor}" in first.headers["link"]
    rest = site.get(maker, "/snapshots", params={"limit": 2, "cursor": cursor}).json()
    assert [one["id"] for one in (*first.json()["items"], *rest["items"])] == made[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["%", "WyJ4Il0", "e30", "WyJhIiwiYiJd"])
def test_a_foreign_cursor_is_refused(site: Site, cursor: str) -> None:
    answer = site.get(Firm("Maker"), "/snapshots", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:rensho:problem:request/invalid"


@pytest.mark.parametrize("path", ["", "/facts", "/results"])
def test_an_unknown_snapshot_and_another_firms_look_the_same(site: Site, path: str) -> None:
    theirs = site.ask(Firm("Other"))["id"]
    maker = Firm("Maker")
    told = [site.get(maker, f"/snapshots/{one}{path}") for one in (theirs, new_id())]
    assert {answer.status_code for answer in told} == {404}
    assert {answer.json()["detail"] for answer in told} == {"no such snapshot"}


def test_before_anything_was_logged_a_snapshot_counts_nothing_of_the_log(site_alone: Site) -> None:
    scene, maker = Scene(), Firm("Maker")
    scene.supplied(maker, Firm("First"))
    site_alone.hear(*scene.events, event(CheckpointSigned))
    facts, results = site_alone.judge(maker)
    assert (facts["log"], facts["questions"], facts["starter"]) == (None, [], [])
    assert results["suppliers"][0]["risk"]["evidenced"] == "0.991598421"
    (said,) = site_alone.said("snapshot.signed.v1", org_id=maker.org)
    signed = bundle.parse(strict_base64.decode(said["bundle"]))
    assert parse(signed.envelope.payload, (BASE,)).predicate["log"] == {"origin": ORIGIN, "size": 0}
