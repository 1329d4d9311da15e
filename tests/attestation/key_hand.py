"""A member of a firm who looks after its keys, and what a test asks about them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from rensho import dsse
from rensho.keys import PrivateKey
from rensho.promises import ENROL_CHALLENGE
from rensho.verify import ANY, Expectations, ExpectedRequest, Material, verify

from services.attestation.app import ticks
from services.kit import clock
from services.kit.db import Actor
from tests.attestation.site import ROLES, Relation, Site

DAY = 24 * 3600


@contextmanager
def later(seconds: int) -> Iterator[None]:
    clock.configure(f"+{seconds}")
    try:
        yield
    finally:
        clock.configure(None)


def beat(site: Site) -> None:
    """Run what the beat runs, as the worker."""
    for _, work in ticks(site.settings).values():
        with site.worker.begin(Actor("urn:rensho:beat")) as tx:
            work(tx, clock.now())


def key_path(key_id: str) -> str:
    return key_id.replace("/", "_").replace("+", "-")


@dataclass
class Hand:
    """A member of a firm who looks after its keys."""

    site: Site
    org: UUID
    name: str = "one"

    def headers(self, **how: Any) -> dict[str, str]:
        return self.site.tokens(
            org=self.org,
            scopes={"keys.read", "keys.write"},
            audience="attestation",
            subject=how.pop("subject", f"urn:rensho:member:{self.org}-{self.name}"),
            **how,
        )

    def post(self, path: str, body: Any = None, **how: Any) -> Any:
        return self.site.api.post(path, json=body, headers=self.headers(**how))

    def challenge(self, key: PrivateKey, **fields: Any) -> Any:
        body = {"roles": ROLES, "custody": "browser"} | fields
        how = body.pop("how", {})
        body["spki"] = base64.b64encode(key.public.spki).decode()
        return self.post("/keys/challenges", body, **how)

    def prove(self, key: PrivateKey, asked: Any, old: PrivateKey | None = None) -> Any:
        body = {"challenge_id": asked["challenge_id"], "envelope": signed(key, asked["payload"])}
        if old is not None:
            body["handover"] = signed(old, asked["handover_payload"])
        return self.post("/keys", body)

    def rotate(self, old: PrivateKey, new: PrivateKey) -> Any:
        asked = self.challenge(new, purpose="rotate", replaces=old.public.key_id)
        assert asked.status_code == 201, asked.text
        return self.prove(new, asked.json(), old)

    def recover(self, lost: PrivateKey, new: PrivateKey, **how: Any) -> Any:
        asked = self.challenge(new, purpose="recover", replaces=lost.public.key_id, how=how)
        return self.prove(new, asked.json()) if asked.status_code == 201 else asked

    def revoke(self, key: PrivateKey, reason: str, **fields: Any) -> Any:
        path = f"/keys/{key_path(key.public.key_id)}/revocations"
        how = fields.pop("how", {})
        return self.post(path, {"reason": reason} | fields, **how)

    def suspend(self, key: PrivateKey) -> Any:
        return self.post(f"/keys/{key_path(key.public.key_id)}/suspensions")

    def key(self, key: PrivateKey) -> Any:
        answer = self.site.api.get(f"/keys/{key_path(key.public.key_id)}", headers=self.headers())
        assert answer.status_code == 200, answer.text
        return answer.json()


def signed(key: PrivateKey, payload: str, payload_type: str = ENROL_CHALLENGE) -> Any:
    return dsse.sign(key, base64.b64decode(payload), payload_type).to_json()


def hand_of(here: Relation) -> Hand:
    return Hand(here.site, here.respondent.org)


def refused(answer: Any, status: int, urn: str, *codes: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:rensho:problem:{urn}"
    assert answer.json().get("codes", []) == list(codes)


def events_of(site: Site, org: UUID) -> list[tuple[str, str | None, str]]:
    return site.sql(
        "SELECT event, reason, key_id FROM attestation.key_event WHERE org_id = %s ORDER BY seq",
        org,
    )


def confirm(here: Relation, **evidence: Any) -> None:
    path = f"/keys/{key_path(here.respondent.key.public.key_id)}/confirmations"
    answer = here.site.api.post(
        path,
        json={"link_id": str(here.asked.link)} | evidence,
        headers=here.site.headers(here.requester.org),
    )
    assert answer.status_code == 202, answer.text
    here.site.sequencer.round()


def verdict_of(here: Relation, response_id: str, at: int = 0) -> Any:
    content = here.site.get(f"/responses/{response_id}.rensho.zip", here.requester.org).content
    expect = Expectations(
        audience=here.requester.urn,
        request=ExpectedRequest(str(here.asked.request_id), here.asked.nonce),
        component=ANY,
    )
    now = here.site.now + timedelta(seconds=at)
    return verify(Material(content), here.site.trust, expect, now)


def response_of(made: Any) -> str:
    return str(json.loads(made.payloads[-1])["predicate"]["response"]["id"])
