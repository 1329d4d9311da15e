"""The events that would have been heard of a made-up chain, as the contracts have them.

Statements name a log that cannot exist: nobody signed them, and risk marks all that counts them.
"""

from __future__ import annotations

import base64
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.kit.clock import rfc3339
from services.kit.db import new_id
from services.kit.outbox import Event
from services.synthetic.chain import Chain, Maker, Supply

ORIGIN = "synthetic.invalid"
_PER_EVENT = 100
_SEEN_ON_SITE = 0.1
# How far along a firm is, and how often it leaves a question open.
_PROGRESS = {"diligent": (0.95, 0.02), "average": (0.65, 0.1), "behind": (0.3, 0.3)}
_ATTRIBUTES = (
    {"safetyFunction": "monitored", "relianceType": "reliance"},
    {"safetyFunction": "none", "relianceType": "assist", "customerData": "yes"},
    {"safetyFunction": "none", "relianceType": "assist", "thirdPartyBaseModel": "yes"},
    {"safetyFunction": "critical", "relianceType": "reliance", "agentOrPhysical": "yes"},
)
_HARMLESS = {
    "safetyFunction": "none",
    "relianceType": "assist",
    "agentOrPhysical": "no",
    "personalData": "no",
    "customerData": "no",
    "learnsAfterDelivery": "no",
    "userFacing": "no",
    "thirdPartyBaseModel": "no",
}


@dataclass(frozen=True)
class Asked:
    """A published questionnaire: its id and digest, and its questions as the event has them."""

    id: str
    digest: str
    questions: Sequence[dict[str, Any]]


@dataclass
class Teller:
    """Tells a chain, as of `now`.

    `first` is what the requester asks its own suppliers, `further` what is asked below them.
    """

    chain: Chain
    requester: str
    first: Asked
    further: Asked
    now: datetime
    chance: random.Random
    _leaves: int = field(default=0, init=False)

    def events(self) -> Iterator[Event]:
        """Yield every event, a link's before those that need it; any order would do."""
        links = list(self.chain.links())
        for customer, supply in links:
            yield self._linked(customer, supply)
        for start in range(0, len(links), _PER_EVENT):
            yield from self._asked(links[start : start + _PER_EVENT])
        for customer, supply in links:
            if supply.supplier.manner != "silent":
                yield self._key(customer, supply)
                yield from self._answered(customer, supply)

    def _event(self, kind: str, **fields: Any) -> Event:
        plain = {"id": str(new_id()), "type": kind, "at": rfc3339(self.now), "trace": "synthetic"}
        return {**plain, **fields}

    def _org(self, customer: Maker | None) -> str:
        return self.requester if customer is None else customer.org

    def _hex(self) -> str:
        return f"{self.chance.getrandbits(256):064x}"

    def _place(self) -> dict[str, Any]:
        self._leaves += 1
        return {"origin": ORIGIN, "index": self._leaves - 1}

    def _linked(self, customer: Maker | None, supply: Supply) -> Event:
        maker = supply.supplier
        return self._event(
            "supplier.linked.v1",
            org_id=self._org(customer),
            link_id=supply.link,
            supplier_id=supply.record,
            supplier_org_id=None if maker.manner == "silent" else maker.org,
            name=maker.name,
            vendor_codes=[f"S{maker.number:07d}"],
            tags=["synthetic"],
            dependency=supply.dependency,
            pass_through=supply.pass_through,
            ended=False,
        )

    def _asked(self, links: Sequence[tuple[Maker | None, Supply]]) -> Iterator[Event]:
        by_org: dict[str, list[Supply]] = {}
        for customer, supply in links:
            by_org.setdefault(self._org(customer), []).append(supply)
        for org, supplies in by_org.items():
            asked = self.first if org == self.requester else self.further
            yield self._event(
                "request.issued.v1",
                campaign_id=str(new_id()),
                org_id=org,
                statement_id=self._hex(),
                questionnaire_id=asked.id,
                questionnaire_digest=asked.digest,
                requests=[
                    {
                        "request_id": supply.link,
                        "link_id": supply.link,
                        "respondent_org_id": None,
                        "nonce": "s" * 22,
                        "due_at": rfc3339(self.now - timedelta(days=10)),
                    }
                    for supply in supplies
                ],
            )

    def _key(self, customer: Maker | None, supply: Supply) -> Event:
        maker = supply.supplier
        return self._event(
            "key.changed.v1",
            org_id=maker.org,
            key_id=_key_id(maker),
            event="enrol",
            assurance="confirmed" if maker.key_confirmed else "mailbox",
            by_org_id=self._org(customer),
            link_id=supply.link,
            roles=["responsible-officer"],
            statement_id=self._hex(),
            recorded_at=rfc3339(self.now - timedelta(days=90)),
            log=self._place(),
        )

    def _answered(self, customer: Maker | None, supply: Supply) -> Iterator[Event]:
        maker = supply.supplier
        no_ai = maker.manner == "no-ai"
        components = [] if no_ai else [self._component(maker, customer is None)]
        submitted = self._event(
            "response.submitted.v1",
            response={"id": supply.link, "revision": 1},
            request_id=supply.link,
            respondent_org_id=maker.org,
            requester_org_id=self._org(customer),
            declaration_id=self._hex(),
            declaration_sha256=self._hex(),
            pre_screen=dict.fromkeys(
                ("embedded", "process", "customer_data"), "none" if no_ai else "yes"
            ),
            origin="self",
            components=components,
            answers_sha256=self._hex(),
            answers=[],
            sub_tier=_sub_tier(maker),
        )
        yield submitted
        for one in components:
            yield self._recorded(
                customer, supply, "ai-governance", one["statement_id"],
                one["descriptor_sha256"], one["answers_sha256"],
            )  # fmt: skip
        yield self._recorded(
            customer, supply, "declaration", submitted["declaration_id"],
            submitted["declaration_sha256"], submitted["answers_sha256"],
        )  # fmt: skip
        if customer is None and components and self.chance.random() < _SEEN_ON_SITE:
            yield from self._reviewed(supply, components[0])

    def _component(self, maker: Maker, is_direct: bool) -> dict[str, Any]:  # noqa: FBT001
        asked = self.first if is_direct else self.further
        return {
            "statement_id": self._hex(),
            "descriptor_sha256": self._hex(),
            "answers_sha256": self._hex(),
            "supplier_component_id": f"ai-{maker.number:06d}",
            "kind": "embedded-ai",
            "use": "embedded",
            "roles": {"developer": "no", "provider": "yes", "user": "yes"},
            "attributes": {**_HARMLESS, **_ATTRIBUTES[maker.number % len(_ATTRIBUTES)]},
            "answers": [
                told
                for question in asked.questions
                if question["asked"] and (told := self._answer(maker, question)) is not None
            ],
        }

    def _answer(self, maker: Maker, question: dict[str, Any]) -> dict[str, Any] | None:
        progress, leaves_open = _PROGRESS[maker.manner]
        table: dict[str, str] = question["alignment"]
        if not table or self.chance.random() < leaves_open:
            return None
        options = sorted(table, key=lambda code: float(table[code]))
        best = len(options) - 1
        drawn = self.chance.triangular(0, best, best * progress)
        return {
            "question": question["id"],
            "state": "answered",
            "value": options[round(drawn)],
            "opened": True,
        }

    def _recorded(
        self,
        customer: Maker | None,
        supply: Supply,
        kind: str,
        statement: str,
        subject: str,
        answers: str,
    ) -> Event:
        received = self.now - timedelta(days=30, seconds=supply.supplier.number % 86_400)
        return self._event(
            "statement.recorded.v1",
            statement_id=statement,
            statement_type=kind,
            org_id=supply.supplier.org,
            signer_role="responsible-officer",
            key_id=_key_id(supply.supplier),
            subject_sha256=subject,
            response={"id": supply.link, "revision": 1},
            answers_sha256=answers,
            audience=[self._org(customer)],
            attested_at=rfc3339(received),
            received_at=rfc3339(received),
            not_after=rfc3339(received + timedelta(days=365)),
            supersedes=None,
            log=self._place(),
        )

    def _reviewed(self, supply: Supply, component: dict[str, Any]) -> Iterator[Event]:
        review = self._hex()
        log = self._place()
        yield self._event(
            "review.decided.v1",
            review_statement_id=review,
            statement_id=component["statement_id"],
            requester_org_id=self.requester,
            respondent_org_id=supply.supplier.org,
            decisions=[
                {
                    "question": told["question"],
                    "outcome": "evidence_checked",
                    "value": None,
                    "until": None,
                }
                for told in component["answers"][:3]
            ],
        )
        recorded = self._recorded(
            None, supply, "review", review, component["statement_id"], self._hex()
        )
        yield recorded | {
            "org_id": self.requester,
            "signer_role": "requester",
            "response": None,
            "answers_sha256": None,
            "log": log,
        }


def _key_id(maker: Maker) -> str:
    return base64.b64encode(maker.number.to_bytes(32, "big")).decode()


def _sub_tier(maker: Maker) -> dict[str, Any]:
    if not maker.list_open:
        return {"declared": None, "totals": None, "entries": []}
    if not maker.supplies:
        return {"declared": "none", "totals": {}, "entries": []}
    entries = [
        {
            "dependency": supply.dependency,
            "visibility": supply.visibility,
            "org_id": None if supply.supplier.manner == "silent" else supply.supplier.org,
            "supplier_id": supply.record,
            "pass_through": supply.pass_through,
        }
        for supply in maker.supplies
    ]
    totals = Counter(str(entry["dependency"]) for entry in entries)
    if maker.number % 20 == 0:
        totals["moderate"] += 1
    return {"declared": "complete", "totals": dict(totals), "entries": entries}
