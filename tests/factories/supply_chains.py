"""Little supply chains, told by the events that risk hears of them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.kit import clock
from services.kit.outbox import Event
from tests.factories.risk import (
    NOW,
    ORIGIN,
    KeyChanged,
    OrganizationEnrolled,
    QuestionnairePublished,
    RequestEnded,
    RequestExtended,
    RequestIssued,
    ResponseSubmitted,
    ReviewDecided,
    RiskEvent,
    StatementRecorded,
    StatementWithdrawn,
    SupplierLinked,
    an_id,
    event,
    key_id,
)


def component(name: str, answers: dict[str, str], **changes: Any) -> dict[str, Any]:
    """One AI component as `response.submitted` tells it; all its answers are opened."""
    plain = {
        "statement_id": secrets.token_hex(),
        "descriptor_sha256": secrets.token_hex(),
        "answers_sha256": secrets.token_hex(),
        "supplier_component_id": name,
        "kind": "embedded-ai",
        "use": "embedded",
        "roles": {"developer": "no", "provider": "yes", "user": "yes"},
        "attributes": {"safetyFunction": "monitored", "customerData": "no"},
        "answers": [
            {"question": q, "state": "answered", "value": value, "opened": True}
            for q, value in answers.items()
        ],
    }
    return {**plain, **changes}


@dataclass(frozen=True)
class Firm:
    """An organization with a signing key; `name` is what its customers call it."""

    name: str
    org: str = field(default_factory=an_id)
    key: str = field(default_factory=key_id)


@dataclass(frozen=True)
class Supply:
    """A supply link: the customer's record of the firm, and the request that went out on it."""

    customer: Firm
    firm: Firm
    link: str = field(default_factory=an_id)
    supplier: str = field(default_factory=an_id)
    request: str = field(default_factory=an_id)
    questionnaire: str = field(default_factory=an_id)

    def entry(self, **changes: Any) -> dict[str, Any]:
        """The firm in its customer's own sub-tier list."""
        plain = {
            "dependency": "major",
            "visibility": "named",
            "org_id": self.firm.org,
            "supplier_id": self.supplier,
            "pass_through": False,
        }
        return {**plain, **changes}


def listed(*entries: dict[str, Any], undisclosed: dict[str, int] | None = None) -> dict[str, Any]:
    """A sub-tier list signed as complete, with its totals opened."""
    totals = dict(undisclosed or {})
    for entry in entries:
        totals[entry["dependency"]] = totals.get(entry["dependency"], 0) + 1
    return {"declared": "complete", "totals": totals, "entries": list(entries)}


NO_LIST = {"declared": "none", "totals": {}, "entries": []}


@dataclass
class Scene:
    """What was said of a supply chain so far; `events` is all of it, in the order it was said."""

    events: list[Event] = field(default_factory=list)
    leaves: int = 0

    def say(self, kind: type[RiskEvent], **fields: Any) -> Event:
        said = event(kind, **fields)
        self.events.append(said)
        return said

    def place(self) -> dict[str, Any]:
        self.leaves += 1
        return {"origin": ORIGIN, "index": self.leaves - 1}

    def supplied(self, customer: Firm, firm: Firm, **fields: Any) -> Supply:
        """A customer records a supplier."""
        supply = Supply(customer, firm)
        self.link(supply, **fields)
        return supply

    def link(self, supply: Supply, **fields: Any) -> Event:
        return self.say(
            SupplierLinked,
            org_id=supply.customer.org,
            link_id=supply.link,
            supplier_id=supply.supplier,
            **{"name": supply.firm.name, **fields},
        )

    def asked(
        self,
        supply: Supply,
        questions: Sequence[dict[str, Any]] | None = None,
        due_at: datetime = NOW + timedelta(days=30),
        request: str | None = None,
    ) -> None:
        """The customer publishes a questionnaire and asks."""
        questionnaire = supply.questionnaire if request is None else an_id()
        given = {} if questions is None else {"questions": list(questions)}
        self.say(
            QuestionnairePublished,
            questionnaire_id=questionnaire,
            org_id=supply.customer.org,
            **given,
        )
        self.say(
            RequestIssued,
            org_id=supply.customer.org,
            questionnaire_id=questionnaire,
            requests=[
                {
                    "request_id": request or supply.request,
                    "link_id": supply.link,
                    "respondent_org_id": None,
                    "nonce": "n" * 22,
                    "due_at": clock.rfc3339(due_at),
                }
            ],
        )

    def ended(
        self, supply: Supply, effect: str, at: datetime = NOW, request: str | None = None
    ) -> None:
        """A request ended without an answer, or was opened again."""
        ended = {
            "request_id": request or supply.request,
            "link_id": supply.link,
            "effect": effect,
            "reason": "other",
        }
        at_ = clock.rfc3339(at)
        self.say(RequestEnded, org_id=supply.customer.org, at=at_, requests=[ended])

    def extended(self, supply: Supply, due_at: datetime) -> None:
        """The customer gives the firm more time."""
        given = {
            "request_id": supply.request,
            "link_id": supply.link,
            "due_at": clock.rfc3339(due_at),
        }
        self.say(RequestExtended, org_id=supply.customer.org, requests=[given])

    def enrolled(self, supply: Supply, *, key: bool = True, confirmed: bool = True) -> None:
        """The firm accepts the invitation, enrols its key, and the customer confirms that."""
        invitation = {"id": an_id(), "link_id": supply.link, "inviter_org_id": supply.customer.org}
        self.say(
            OrganizationEnrolled,
            org_id=supply.firm.org,
            name=supply.firm.name,
            invitation=invitation,
        )
        if key:
            self.key(supply, "enrol", "mailbox")
        if key and confirmed:
            self.key(supply, "confirm", "confirmed")

    def withdrawn(self, supply: Supply, statement_id: str, **fields: Any) -> None:
        """The firm takes a statement of its own back."""
        log = self.place()
        effect, moment = fields.pop("effect", "retracted"), fields.pop("received_at", None)
        org = fields.pop("org_id", supply.firm.org)
        said = self.say(
            StatementWithdrawn, org_id=org, statement_id=statement_id, effect=effect, log=log
        )
        self.say(
            StatementRecorded,
            statement_id=said["withdrawal_id"],
            statement_type="withdrawal",
            org_id=org,
            subject_sha256=statement_id,
            log=log,
            **({"received_at": moment} if moment else {}),
        )

    def key(self, supply: Supply, change: str, assurance: str | None = None, **fields: Any) -> None:
        on_link = assurance is not None
        self.say(
            KeyChanged,
            org_id=supply.firm.org,
            key_id=supply.firm.key,
            event=change,
            assurance=assurance,
            by_org_id=supply.customer.org if on_link else None,
            link_id=supply.link if on_link else None,
            log=self.place(),
            **fields,
        )

    def submitted(self, supply: Supply, **fields: Any) -> Event:
        """The firm fixes a revision for signing."""
        return self.say(
            ResponseSubmitted,
            request_id=fields.pop("request_id", supply.request),
            respondent_org_id=supply.firm.org,
            requester_org_id=supply.customer.org,
            **fields,
        )

    def recorded(self, supply: Supply, submitted: Event, **fields: Any) -> list[Event]:
        """Its statements stand in the log, the declaration last."""
        common = {
            "org_id": supply.firm.org,
            "key_id": supply.firm.key,
            "response": submitted["response"],
            "audience": [supply.customer.org],
            **fields,
        }
        of_components = [
            self.say(
                StatementRecorded,
                statement_id=one["statement_id"],
                statement_type="ai-governance",
                subject_sha256=one["descriptor_sha256"],
                answers_sha256=one["answers_sha256"],
                log=self.place(),
                **common,
            )
            for one in submitted["components"]
        ]
        declaration = self.say(
            StatementRecorded,
            statement_id=submitted["declaration_id"],
            subject_sha256=submitted["declaration_sha256"],
            answers_sha256=submitted["answers_sha256"],
            log=self.place(),
            **common,
        )
        return [*of_components, declaration]

    def answered(self, supply: Supply, **fields: Any) -> Event:
        """The firm is asked, enrols, answers and signs."""
        self.asked(supply)
        self.enrolled(supply)
        submitted = self.submitted(supply, **fields)
        self.recorded(supply, submitted)
        return submitted

    def reviewed(
        self, supply: Supply, statement_id: str, *decisions: dict[str, Any], **fields: Any
    ) -> str:
        """The customer signs what it found on reading; returns the review's statement id."""
        said = self.say(
            ReviewDecided,
            statement_id=statement_id,
            requester_org_id=supply.customer.org,
            respondent_org_id=supply.firm.org,
            decisions=[{"value": None, "until": None, **one} for one in decisions],
        )
        self.say(
            StatementRecorded,
            statement_id=said["review_statement_id"],
            statement_type="review",
            subject_sha256=statement_id,
            log=self.place(),
            **{"org_id": supply.customer.org, "signer_role": "requester", **fields},
        )
        return str(said["review_statement_id"])
