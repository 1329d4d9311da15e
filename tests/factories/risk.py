"""What risk hears, as events that keep their contracts."""

from __future__ import annotations

import base64
import secrets
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


class RiskEvent(DictFactory):
    id = LazyFunction(an_id)
    at = LazyFunction(lambda: clock.rfc3339(clock.now()))
    trace = "-"


class SupplierLinked(RiskEvent):
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


class LinkClassified(RiskEvent):
    type = "link.classified.v1"
    org_id = LazyFunction(an_id)
    link_id = LazyFunction(an_id)
    classification = LazyFunction(dict)


class SupplierMerged(RiskEvent):
    type = "supplier.merged.v1"
    org_id = LazyFunction(an_id)
    merged_supplier_id = LazyFunction(an_id)
    merged_link_id = LazyFunction(an_id)
    kept_supplier_id = LazyFunction(an_id)
    kept_link_id = LazyFunction(an_id)
    undone = False


class OrganizationEnrolled(RiskEvent):
    type = "organization.enrolled.v1"
    org_id = LazyFunction(an_id)
    name = "Sample Parts"
    country = "JP"
    identifiers = LazyFunction(list)
    member_id = LazyFunction(an_id)
    invitation = LazyFunction(lambda: {"id": an_id(), "link_id": None, "inviter_org_id": None})


class QuestionnairePublished(RiskEvent):
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


class RequestIssued(RiskEvent):
    type = "request.issued.v1"
    campaign_id = LazyFunction(an_id)
    org_id = LazyFunction(an_id)
    statement_id = LazyFunction(secrets.token_hex)
    questionnaire_id = LazyFunction(an_id)
    questionnaire_digest = LazyFunction(secrets.token_hex)
    requests = LazyFunction(list)


class RequestEnded(RiskEvent):
    type = "request.ended.v1"
    org_id = LazyFunction(an_id)
    campaign_id = LazyFunction(an_id)
    requests = LazyFunction(list)


class RequestExtended(RequestEnded):
    type = "request.extended.v1"


class DialogueRecorded(RiskEvent):
    type = "dialogue.recorded.v1"
    org_id = LazyFunction(an_id)
    supplier_id = LazyFunction(an_id)
    request_id = LazyFunction(an_id)
    kind = "cost-talk"


class ResponseSubmitted(RiskEvent):
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


class StatementRecorded(RiskEvent):
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


class AnswersGranted(RiskEvent):
    type = "answers.granted.v1"
    grant_id = LazyFunction(secrets.token_hex)
    request_id = LazyFunction(an_id)
    requester_org_id = LazyFunction(an_id)
    respondent_org_id = LazyFunction(an_id)
    declaration_id = LazyFunction(secrets.token_hex)
    response = LazyFunction(lambda: {"id": an_id(), "revision": 1})
    origin = "self"
    component = LazyFunction(dict)
    not_after = clock.rfc3339(NOW + timedelta(days=365))


class SheetConfirmed(RiskEvent):
    type = "sheet.confirmed.v1"
    declaration_id = LazyFunction(secrets.token_hex)
    request_id = LazyFunction(an_id)
    requester_org_id = LazyFunction(an_id)
    respondent_org_id = LazyFunction(an_id)
    confirmed = True


class CheckpointSigned(RiskEvent):
    type = "checkpoint.signed.v1"
    origin = ORIGIN
    size = 7
    root_hash = merkle.root([merkle.leaf_hash(b"x")] * 7).hex()
    signed_at = clock.rfc3339(NOW)


class StatementRefused(RiskEvent):
    type = "statement.refused.v1"
    statement_id = LazyFunction(secrets.token_hex)
    statement_type = "risk-snapshot"
    org_id = LazyFunction(an_id)
    codes = LazyFunction(lambda: ["time.anchor_too_old"])


class KeyChanged(RiskEvent):
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


class StatementWithdrawn(RiskEvent):
    type = "statement.withdrawn.v1"
    withdrawal_id = LazyFunction(secrets.token_hex)
    statement_id = LazyFunction(secrets.token_hex)
    statement_type = "declaration"
    org_id = LazyFunction(an_id)
    effect = "retracted"
    audience = LazyFunction(list)
    received_at = clock.rfc3339(NOW)
    log = LazyFunction(lambda: {"origin": ORIGIN, "index": 0})


class ReviewDecided(RiskEvent):
    type = "review.decided.v1"
    review_statement_id = LazyFunction(secrets.token_hex)
    statement_id = LazyFunction(secrets.token_hex)
    requester_org_id = LazyFunction(an_id)
    respondent_org_id = LazyFunction(an_id)
    decisions = LazyFunction(list)


def event(kind: type[RiskEvent], /, **fields: Any) -> Event:
    """Return an event as it comes over the wire."""
    said: Event = kind.build(**fields)
    return said
