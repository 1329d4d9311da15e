"""Bodies and events of the asking, valid unless a test says otherwise; firms are made up."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from uuid import uuid4

import factory

from services.kit import clock
from services.kit.db import new_id

STARTER_ANSWERS = {
    "Q-CORE-001": "complete",
    "Q-CORE-004": "implemented",
    "Q-FLOW-001": "implemented",
}


def _id() -> str:
    return str(new_id())


def _digest() -> str:
    return secrets.token_hex(32)


def _now() -> str:
    return clock.rfc3339(clock.now())


class SupplierBody(factory.DictFactory):
    name = factory.Sequence(lambda n: f"架空部品{n}株式会社")
    country = "JP"
    mailbox = factory.Sequence(lambda n: f"quality{n}@supplier.example")
    language = "ja"
    contact_name = "見本 花子"
    sites = factory.LazyFunction(lambda: ["本社工場"])
    tags = factory.LazyFunction(lambda: ["casting"])
    vendor_codes = factory.Sequence(lambda n: [{"code": f"{n:010}", "system": "SAP"}])
    dependency = "major"


class FairDealingBody(factory.DictFactory):
    subcontract_act = "undecided"
    basis = "資本金の確認待ち"
    effort_minutes = 45
    cost_offered = "2026年11月2日に協議を申し入れ"
    explanation = "説明会で趣旨を説明"


class CampaignBody(factory.DictFactory):
    title = "AI利用状況調査 2026年度"
    all = True
    due_on = factory.LazyFunction(lambda: (clock.now() + timedelta(days=60)).date().isoformat())
    purpose = "製品の安全と品質の確認"
    why = "お取引先の皆様にAIの利用状況をお伺いしております。"
    viewers = factory.LazyFunction(lambda: ["調達部", "品質保証部"])
    nda_basis = "basic-contract"
    fair_dealing = factory.SubFactory(FairDealingBody)


class HandBody(factory.DictFactory):
    key_id = factory.LazyFunction(
        lambda: base64.b64encode(hashlib.sha256(uuid4().bytes).digest()).decode()
    )
    role = "requester"
    attested_at = factory.LazyFunction(_now)
    anchor = factory.LazyFunction(
        lambda: {"origin": "log.rensho.example", "size": 7, "root_hash": "ab" * 32}
    )


class ComponentBody(factory.DictFactory):
    supplier_component_id = factory.Sequence(lambda n: f"AI-{n:03}")
    name = "外観検査モデル"
    version = "1.2"
    kind = "model"
    use = "process"
    roles = factory.LazyFunction(lambda: {"developer": "no", "provider": "no", "user": "yes"})
    attributes = factory.LazyFunction(lambda: {"safetyFunction": "monitored"})
    answers = factory.LazyFunction(dict)


class ResponseBody(factory.DictFactory):
    pre_screen = factory.LazyFunction(
        lambda: {"embedded": "none", "process": "yes", "customer_data": "checking"}
    )
    answers = factory.LazyFunction(
        lambda: {
            question: {"state": "answered", "value": value}
            for question, value in STARTER_ANSWERS.items()
        }
    )
    components = factory.LazyFunction(lambda: [ComponentBody()])


class _Event(factory.DictFactory):
    id = factory.LazyFunction(_id)
    at = factory.LazyFunction(_now)
    trace = "test"


class Enrolled(_Event):
    type = "organization.enrolled.v1"
    org_id = factory.LazyFunction(_id)
    name = factory.Sequence(lambda n: f"見本精機{n}株式会社")
    country = "JP"
    identifiers = factory.LazyFunction(list)
    member_id = factory.LazyFunction(_id)
    invitation = factory.LazyFunction(
        lambda: {"id": _id(), "link_id": None, "inviter_org_id": None}
    )


class Recorded(_Event):
    type = "statement.recorded.v1"
    statement_id = factory.LazyFunction(_digest)
    statement_type = "request"
    org_id = factory.LazyFunction(_id)
    signer_role = "requester"
    key_id = factory.LazyFunction(lambda: HandBody()["key_id"])
    subject_sha256 = factory.LazyFunction(_digest)
    response = None
    answers_sha256 = None
    audience = factory.LazyFunction(list)
    attested_at = factory.LazyFunction(_now)
    received_at = factory.LazyFunction(_now)
    not_after = factory.LazyFunction(_now)
    supersedes = None
    log = factory.LazyFunction(lambda: {"origin": "log.rensho.example", "index": 3})


class RefusedStatement(_Event):
    type = "statement.refused.v1"
    statement_id = factory.LazyFunction(_digest)
    statement_type = "request"
    org_id = factory.LazyFunction(_id)
    codes = factory.LazyFunction(lambda: ["key.revoked"])


class KeyChanged(_Event):
    type = "key.changed.v1"
    statement_id = factory.LazyFunction(_digest)
    key_id = factory.LazyFunction(lambda: HandBody()["key_id"])
    org_id = factory.LazyFunction(_id)
    event = "revoke"
    roles = factory.LazyFunction(lambda: ["requester"])
    by_org_id = None
    link_id = None
    assurance = None
    recorded_at = factory.LazyFunction(_now)
    log = factory.LazyFunction(lambda: {"origin": "log.rensho.example", "index": 9})

