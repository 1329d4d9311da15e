"""Events come in any order and more than once; what they tell is the same."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from rensho import bundle as bundles
from rensho import dsse, sign
from rensho.archive import read
from rensho.keys import PrivateKey

from services.attestation.rules.names import operator_org, org_urn
from services.kit import keyfiles
from services.kit.db import new_id
from tests.attestation.site import Site, issued, relation
from tests.factories.attestation import (
    BASE,
    ORIGIN,
    Asked,
    Firm,
    OrganizationEnrolled,
    RequestPrepared,
    SnapshotSigned,
    a_request,
    event,
)


@pytest.mark.parametrize("link_first", [True, False])
def test_a_respondent_may_read_its_request_whichever_is_heard_first(
    site: Site, *, link_first: bool
) -> None:
    requester, respondent, asked = site.enrolled(), new_id(), Asked()
    made = a_request(requester, [asked], site.anchor, site.now)
    digest = next(iter(made.documents)).partition(".")[0]
    site.hear(
        event(
            RequestPrepared,
            org_id=str(requester.org),
            statement_id=made.ids[0],
            questionnaire_digest=digest,
        )
    )
    site.submit(requester, made)
    site.sequencer.round()
    events = [
        event(
            OrganizationEnrolled,
            org_id=str(respondent),
            link_id=asked.link,
            inviter_org_id=requester.org,
        ),
        issued(requester, made, [asked]),
    ]
    for one in events if link_first else reversed(events):
        assert site.get(f"/requests/{made.ids[0]}/bundle", respondent).status_code == 404
        assert site.hear(one)
    assert site.get(f"/requests/{made.ids[0]}/bundle", respondent).status_code == 200
    for one in events:
        assert not site.hear(one)


def test_an_event_heard_under_another_id_changes_nothing(site: Site) -> None:
    here = relation(site)
    readers = site.sql("SELECT count(*) FROM attestation.reader")
    site.hear(issued(here.requester, here.request, [here.asked]))
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(here.respondent.org),
            link_id=here.asked.link,
            inviter_org_id=here.requester.org,
        )
    )
    assert site.sql("SELECT count(*) FROM attestation.reader") == readers


def test_nobody_opens_anothers_statement_by_issuing_it(site: Site) -> None:
    """A request event names a statement; it must be the asker's own."""
    here = relation(site)
    mallory, asked = site.enrolled(), Asked()
    friend = site.enrolled(link=asked.link, by=mallory)
    site.hear(issued(mallory, here.request, [asked]))
    answer = site.get(f"/requests/{here.request.ids[0]}/bundle", friend.org)
    assert answer.status_code == 404


def test_access_that_was_revoked_is_refused(site: Site) -> None:
    firm = site.enrolled()
    headers = site.headers(firm.org)
    assert site.api.get("/keys", headers=headers).status_code == 200
    site.hear(
        {
            "id": str(new_id()),
            "type": "access.revoked.v1",
            "at": "2030-01-01T00:00:00Z",
            "trace": "-",
            "subject": f"urn:rensho:member:{firm.org}",
            "not_before": "2030-01-01T00:00:00Z",
        }
    )
    assert site.api.get("/keys", headers=headers).status_code == 401


def _snapshot(site: Site, requester: str, key: PrivateKey) -> bytes:
    common: dict[str, Any] = {
        "base": BASE,
        "deployment": ORIGIN,
        "org": org_urn(operator_org(ORIGIN)),
        "role": "service",
        "key_id": key.public.key_id,
        "attested_at": site.now,
        "anchor": site.anchor,
        "not_before": site.now,
        "not_after": site.now,
    }
    bounds = {"claimed": "1.000000000", "evidenced": "2.000000000"}
    return sign.risk_snapshot(
        sign.Common(**common),
        requester=requester,
        as_of=site.now,
        model="RM-1",
        digests=sign.SnapshotDigests(
            facts="aa" * 32, policy="bb" * 32, results="cc" * 32, packs=[]
        ),
        log=(ORIGIN, site.anchor.size),
        totals=bounds,
        tiers=[{"tier": 1, "index": bounds}],
    )


def _heard(site: Site, requester: Firm, payload: bytes, key: PrivateKey) -> str:
    bundle = bundles.make(dsse.sign(key, payload), key.public)
    site.hear(
        event(
            SnapshotSigned,
            org_id=str(requester.org),
            statement_id=dsse.statement_id(payload),
            bundle=base64.b64encode(bundle).decode(),
        )
    )
    return dsse.statement_id(payload)


def test_a_snapshot_is_logged_for_its_requester(site: Site) -> None:
    requester = site.enrolled()
    key = keyfiles.signing_key(site.settings, "risk")
    payload = _snapshot(site, requester.urn, key)
    made = _heard(site, requester, payload, key)
    assert _heard(site, requester, payload, key) == made
    site.sequencer.round()
    # A status list may be recorded in the same round.
    told = {each["statement_id"]: each for each in site.said("statement.recorded.v1")}
    assert told[made]["statement_type"] == "risk-snapshot"
    assert site.get(f"/snapshots/{made}/bundle", requester.org).status_code == 200
    assert site.get(f"/snapshots/{made}/bundle", new_id()).status_code == 404
    taken = read(site.get(f"/statements/{made}.rensho.zip", requester.org).content)
    assert {f"{made}.sigstore.json", f"{made}.promise.json", "checkpoint.txt"} <= taken.keys()
    assert site.damage() == []


@pytest.mark.parametrize(
    ("forged", "codes"),
    [("key", ["key.unknown"]), ("requester", ["context.audience"])],
)
def test_a_snapshot_that_does_not_hold_is_refused(
    site: Site, forged: str, codes: list[str]
) -> None:
    requester = site.enrolled()
    key = keyfiles.signing_key(site.settings, "risk")
    signer = PrivateKey.generate() if forged == "key" else key
    asker = org_urn(new_id()) if forged == "requester" else requester.urn
    made = _heard(site, requester, _snapshot(site, asker, signer), signer)
    (said,) = site.said("statement.refused.v1")
    assert (said["statement_id"], said["codes"]) == (made, codes)
    assert site.sql("SELECT count(*) FROM attestation.queue") == [(0,)]
