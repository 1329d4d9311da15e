"""A supplier that answered one customer and was asked by another: where grants begin."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rensho import archive, blocks, dsse, sign
from rensho.entries import Reader
from rensho.verify import Expectations, ExpectedRequest, Material, verify

from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import (
    Asked,
    Firm,
    Made,
    OrganizationEnrolled,
    event,
)


@dataclass
class Granting:
    """A supplier that answered one customer, and a further customer that asked it too."""

    here: Relation
    response: Made
    other: Firm
    asked: Asked

    @property
    def site(self) -> Site:
        return self.here.site

    @property
    def supplier(self) -> Firm:
        return self.here.respondent

    @property
    def component(self) -> str:
        return self.response.ids[0]

    def hand(self, **fields: Any) -> dict[str, Any]:
        anchor = self.site.anchor
        return {
            "key_id": self.supplier.key.public.key_id,
            "role": "responsible-officer",
            "attested_at": self.site.now.isoformat(),
            "anchor": {
                "origin": anchor.origin,
                "size": anchor.size,
                "root_hash": anchor.root_hash.hex(),
            },
        } | fields

    def prepare(self, kind: str, body: dict[str, Any], org: UUID | None = None) -> Any:
        headers = self.site.headers(org or self.supplier.org)
        return self.site.api.post(f"/{kind}s/prepare", json=self.hand() | body, headers=headers)

    def grant_body(self, **fields: Any) -> dict[str, Any]:
        return {
            "statement_id": self.component,
            "request_id": str(self.asked.request_id),
            "not_after": (self.site.now + timedelta(days=90)).isoformat(),
        } | fields

    def made(self, prepared: Any) -> Made:
        assert prepared.status_code == 200, prepared.text
        told = prepared.json()
        payload = base64.b64decode(told["payload"])
        assert dsse.statement_id(payload) == told["statement_id"]
        return Made(told["kind"], (payload,), {}, told["disclosures"])

    def grant(self, **fields: Any) -> Made:
        return self.made(self.prepare("grant", self.grant_body(**fields)))

    def granted(self, **fields: Any) -> Made:
        made = self.grant(**fields)
        self.log(made)
        return made

    def withdrawal(self, statement_id: str, effect: str = "retracted") -> Any:
        body = {"statement_id": statement_id, "effect": effect, "reason": "wrong plant"}
        return self.prepare("withdrawal", body)

    def withdrawn(self, statement_id: str, effect: str = "retracted") -> Made:
        made = self.made(self.withdrawal(statement_id, effect))
        self.log(made)
        return made

    def log(self, made: Made, firm: Firm | None = None) -> None:
        answer = self.site.submit(firm or self.supplier, made)
        assert answer.status_code == 202, answer.text
        self.site.sequencer.round()

    def taken(self, statement_id: str, reader: Firm) -> dict[str, bytes]:
        answer = self.site.get(f"/statements/{statement_id}.rensho.zip", reader.org)
        assert answer.status_code == 200, answer.text
        return archive.read(answer.content)

    def verdict(self, path: str, reader: Firm, asked: Asked, now: datetime | None = None) -> Any:
        content = self.site.get(path, reader.org).content
        expect = Expectations(
            audience=reader.urn, request=ExpectedRequest(str(asked.request_id), asked.nonce)
        )
        return verify(Material(content), self.site.trust, expect, now or self.site.now)


def granted_to(site: Site) -> Granting:
    here = relation(site)
    response = here.maker().make()
    assert site.submit(here.respondent, response).status_code == 202
    other, asked = site.enrolled(), Asked()
    site.campaign(other, [asked])
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(here.respondent.org),
            link_id=asked.link,
            inviter_org_id=other.org,
        )
    )
    # The supplier's key is vouched for on the new link too.
    site.enrol_key(here.respondent)
    site.sequencer.round()
    return Granting(here, response, other, asked)


def refused(answer: Any, status: int, urn: str, *codes: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:rensho:problem:{urn}"
    assert answer.json().get("codes", []) == list(codes)


def regrant(granting: Granting, firm: Firm | None = None, **fields: Any) -> Made:
    """A grant made by hand, so that it can say what the server would not lay out."""
    asked = fields.pop("asked", granting.asked)
    firm = firm or granting.supplier
    entry = {
        "org": granting.other.urn,
        "request_id": str(asked.request_id),
        "nonce": asked.nonce,
        "onward": "none",
        "not_after": granting.site.now + timedelta(days=30),
    } | fields.pop("entry", {})
    readers = [Reader(**entry)] * fields.pop("times", 1)
    block, texts = blocks.audience(readers)
    payload = sign.grant(
        firm.common("responsible-officer", granting.site.anchor, granting.site.now),
        statement_id=fields.pop("statement_id", granting.component),
        audience=block,
        answers=fields.pop("answers", ()),
    )
    return Made("grant", (payload,), {}, {dsse.statement_id(payload): {"audience": list(texts)}})
