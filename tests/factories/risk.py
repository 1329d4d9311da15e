"""What risk hears, as events that keep their contracts, and little supply chains made of them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from factory.base import DictFactory
from factory.declarations import LazyFunction
from rensho import merkle

from services.kit import clock
from services.kit.db import new_id
from services.kit.outbox import Event

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ORIGIN = "log.rensho.example"


def an_id() -> str:
    return str(new_id())


def key_id() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class _Event(DictFactory):
    id = LazyFunction(an_id)
    at = LazyFunction(lambda: clock.rfc3339(clock.now()))
    trace = "-"


class SupplierLinked(_Event):
    type = "supplier.linked.v1"
    org_id = LazyFunction(an_id)
    link_id = LazyFunction(an_id)
    supplier_id = LazyFunction(an_id)
    supplier_org_id = None
    name = "Sample Parts"
    vendor_codes = LazyFunction(list)
    tags = LazyFunction(list)
    dependency = "major"
    pass_through = False
    ended = False


class OrganizationEnrolled(_Event):
    type = "organization.enrolled.v1"
    org_id = LazyFunction(an_id)
    name = "Sample Parts"
    country = "JP"
    identifiers = LazyFunction(list)
    member_id = LazyFunction(an_id)
    invitation = LazyFunction(lambda: {"id": an_id(), "link_id": None, "inviter_org_id": None})


class QuestionnairePublished(_Event):
    type = "questionnaire.published.v1"
    questionnaire_id = LazyFunction(an_id)
    org_id = LazyFunction(an_id)
    digest = LazyFunction(secrets.token_hex)
    packs = LazyFunction(lambda: [{"id": "sample", "version": "1.0.0", "sha256": "ab" * 32}])
    questions = LazyFunction(lambda: [question("Q-1", starter=True), question("Q-2")])


def question(name: str, **changes: Any) -> dict[str, Any]:
    plain = {
        "id": name,
        "pack": "sample",
        "roles": ["developer", "provider", "user"],
        "condition": None,
        "criticality": 3,
        "principle": "C-7",
        "topic": "supply-chain",
        "freshness_days": 365,
        "starter": False,
        "asked": True,
        "alignment": {"no": "0.000000000", "partly": "0.500000000", "yes": "1.000000000"},
    }
    return {**plain, **changes}


class RequestIssued(_Event):
    type = "request.issued.v1"
    campaign_id = LazyFunction(an_id)
    org_id = LazyFunction(an_id)
    statement_id = LazyFunction(secrets.token_hex)
    questionnaire_id = LazyFunction(an_id)
    questionnaire_digest = LazyFunction(secrets.token_hex)
    requests = LazyFunction(list)


class ResponseSubmitted(_Event):
    type = "response.submitted.v1"
    response = LazyFunction(lambda: {"id": an_id(), "revision": 1})
    request_id = LazyFunction(an_id)
    respondent_org_id = LazyFunction(an_id)
    requester_org_id = LazyFunction(an_id)
    declaration_id = LazyFunction(secrets.token_hex)
    declaration_sha256 = LazyFunction(secrets.token_hex)
    pre_screen = LazyFunction(
        lambda: {"embedded": "yes", "process": "none", "customer_data": "none"}
    )
    origin = "self"
    components = LazyFunction(list)
    answers_sha256 = LazyFunction(secrets.token_hex)
    answers = LazyFunction(list)
    sub_tier = LazyFunction(lambda: {"declared": None, "totals": None, "entries": []})


class StatementRecorded(_Event):
    type = "statement.recorded.v1"
    statement_id = LazyFunction(secrets.token_hex)
    statement_type = "declaration"
    org_id = LazyFunction(an_id)
    signer_role = "responsible-officer"
    key_id = LazyFunction(key_id)
    subject_sha256 = LazyFunction(secrets.token_hex)
    response = None
    answers_sha256 = None
    audience = LazyFunction(list)
    attested_at = clock.rfc3339(NOW)
    received_at = clock.rfc3339(NOW)
    not_after = clock.rfc3339(NOW + timedelta(days=365))
    supersedes = None
    log = LazyFunction(lambda: {"origin": ORIGIN, "index": 0})


class CheckpointSigned(_Event):
    type = "checkpoint.signed.v1"
    origin = ORIGIN
    size = 7
    root_hash = merkle.root([merkle.leaf_hash(b"x")] * 7).hex()
    signed_at = clock.rfc3339(NOW)


class StatementRefused(_Event):
    type = "statement.refused.v1"
    statement_id = LazyFunction(secrets.token_hex)
    statement_type = "risk-snapshot"
    org_id = LazyFunction(an_id)
    codes = LazyFunction(lambda: ["time.anchor_too_old"])


class KeyChanged(_Event):
    type = "key.changed.v1"
    statement_id = LazyFunction(secrets.token_hex)
    key_id = LazyFunction(key_id)
    org_id = LazyFunction(an_id)
    event = "enrol"
    roles = LazyFunction(lambda: ["responsible-officer"])
    by_org_id = None
    link_id = None
    assurance = None
    recorded_at = clock.rfc3339(NOW)
    log = LazyFunction(lambda: {"origin": ORIGIN, "index": 0})


class ReviewDecided(_Event):
    type = "review.decided.v1"
    review_statement_id = LazyFunction(secrets.token_hex)
    statement_id = LazyFunction(secrets.token_hex)
    requester_org_id = LazyFunction(an_id)
    respondent_org_id = LazyFunction(an_id)
    decisions = LazyFunction(list)


def event(kind: type[_Event], **fields: Any) -> Event:
    """Return an event as it comes over the wire."""
    said: Event = kind.build(**fields)
    return said


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

    def say(self, kind: type[_Event], **fields: Any) -> Event:
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

    def key(self, supply: Supply, change: str, assurance: str | None = None) -> None:
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
