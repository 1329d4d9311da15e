"""Bodies and events of the asking, valid unless a test says otherwise; firms are made up."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

from factory.base import DictFactory
from factory.declarations import LazyFunction, Sequence, SubFactory

from services.kit import clock
from services.kit.db import new_id

STARTER_ANSWERS = {
    "Q-CORE-001": "complete",
    "Q-CORE-004": "appointed",
    "Q-FLOW-001": "direct",
}


def _id() -> str:
    return str(new_id())


def _key_id() -> str:
    return base64.b64encode(hashlib.sha256(uuid4().bytes).digest()).decode()


def _digest() -> str:
    return secrets.token_hex(32)


def _now() -> str:
    return clock.rfc3339(clock.now())


class _SupplierBody(DictFactory):
    name = Sequence(lambda n: f"架空部品{n}株式会社")
    country = "JP"
    mailbox = Sequence(lambda n: f"quality{n}@supplier.example")
    language = "ja"
    contact_name = "見本 花子"
    sites = LazyFunction(lambda: ["本社工場"])
    tags = LazyFunction(lambda: ["casting"])
    vendor_codes = Sequence(lambda n: [{"code": f"{n:010}", "system": "SAP"}])
    dependency = "major"


class _ContactBody(DictFactory):
    name = "見本 花子"
    kana = "ミホン ハナコ"
    department = "品質保証部"
    mailbox = Sequence(lambda n: f"contact{n}@supplier.example")
    roles = LazyFunction(lambda: ["respondent"])


class _FairDealingBody(DictFactory):
    subcontract_act = "undecided"
    basis = "資本金の確認待ち"
    effort_minutes = 45
    cost_offered = "2026年11月2日に協議を申し入れ"
    explanation = "説明会で趣旨を説明"


class _CampaignBody(DictFactory):
    title = "AI利用状況調査 2026年度"
    all = True
    due_on = LazyFunction(lambda: (clock.now() + timedelta(days=60)).date().isoformat())
    purpose = "製品の安全と品質の確認"
    why = "お取引先の皆様にAIの利用状況をお伺いしております。"
    viewers = LazyFunction(lambda: ["調達部", "品質保証部"])
    nda_basis = "basic-contract"
    fair_dealing = SubFactory(_FairDealingBody)


class _HandBody(DictFactory):
    key_id = LazyFunction(lambda: base64.b64encode(hashlib.sha256(uuid4().bytes).digest()).decode())
    role = "requester"
    attested_at = LazyFunction(_now)
    anchor = LazyFunction(
        lambda: {"origin": "log.rensho.example", "size": 7, "root_hash": "ab" * 32}
    )


class _ComponentBody(DictFactory):
    supplier_component_id = Sequence(lambda n: f"AI-{n:03}")
    name = "外観検査モデル"
    version = "1.2"
    kind = "model"
    use = "process"
    roles = LazyFunction(lambda: {"developer": "no", "provider": "no", "user": "yes"})
    attributes = LazyFunction(lambda: {"safetyFunction": "monitored"})
    answers = LazyFunction(dict)


class _ResponseBody(DictFactory):
    pre_screen = LazyFunction(
        lambda: {"embedded": "none", "process": "yes", "customer_data": "checking"}
    )
    answers = LazyFunction(
        lambda: {
            question: {"state": "answered", "value": value}
            for question, value in STARTER_ANSWERS.items()
        }
    )
    components = LazyFunction(lambda: [_ComponentBody()])


class _Event(DictFactory):
    id = LazyFunction(_id)
    at = LazyFunction(_now)
    trace = "test"


class _Enrolled(_Event):
    type = "organization.enrolled.v1"
    org_id = LazyFunction(_id)
    name = Sequence(lambda n: f"見本精機{n}株式会社")
    country = "JP"
    identifiers = LazyFunction(list)
    member_id = LazyFunction(_id)
    invitation = LazyFunction(lambda: {"id": _id(), "link_id": None, "inviter_org_id": None})


class _Recorded(_Event):
    type = "statement.recorded.v1"
    statement_id = LazyFunction(_digest)
    statement_type = "request"
    org_id = LazyFunction(_id)
    signer_role = "requester"
    key_id = LazyFunction(_key_id)
    subject_sha256 = LazyFunction(_digest)
    response = None
    answers_sha256 = None
    audience = LazyFunction(list)
    attested_at = LazyFunction(_now)
    received_at = LazyFunction(_now)
    not_after = LazyFunction(_now)
    supersedes = None
    log = LazyFunction(lambda: {"origin": "log.rensho.example", "index": 3})


class _RefusedStatement(_Event):
    type = "statement.refused.v1"
    statement_id = LazyFunction(_digest)
    statement_type = "request"
    org_id = LazyFunction(_id)
    codes = LazyFunction(lambda: ["key.revoked"])


class _KeyChanged(_Event):
    type = "key.changed.v1"
    statement_id = LazyFunction(_digest)
    key_id = LazyFunction(_key_id)
    org_id = LazyFunction(_id)
    event = "revoke"
    roles = LazyFunction(lambda: ["requester"])
    by_org_id = None
    link_id = None
    assurance = None
    recorded_at = LazyFunction(_now)
    log = LazyFunction(lambda: {"origin": "log.rensho.example", "index": 9})


class _Withdrawn(_Event):
    type = "statement.withdrawn.v1"
    withdrawal_id = LazyFunction(_digest)
    statement_id = LazyFunction(_digest)
    statement_type = "declaration"
    org_id = LazyFunction(_id)
    effect = "retracted"
    audience = LazyFunction(list)
    received_at = LazyFunction(_now)
    log = LazyFunction(lambda: {"origin": "log.rensho.example", "index": 11})


class _GrantRecorded(_Event):
    type = "grant.recorded.v1"
    grant_id = LazyFunction(_digest)
    statement_id = LazyFunction(_digest)
    org_id = LazyFunction(_id)
    to_org_id = LazyFunction(_id)
    request_id = LazyFunction(_id)
    questions = LazyFunction(lambda: ["Q-CORE-001"])
    onward = "none"
    not_after = LazyFunction(lambda: clock.rfc3339(clock.now() + timedelta(days=90)))
    received_at = LazyFunction(_now)


Maker = Callable[..., dict[str, Any]]

SupplierBody = cast("Maker", _SupplierBody)
ContactBody = cast("Maker", _ContactBody)
FairDealingBody = cast("Maker", _FairDealingBody)
CampaignBody = cast("Maker", _CampaignBody)
HandBody = cast("Maker", _HandBody)
ComponentBody = cast("Maker", _ComponentBody)
ResponseBody = cast("Maker", _ResponseBody)
Enrolled = cast("Maker", _Enrolled)
Recorded = cast("Maker", _Recorded)
RefusedStatement = cast("Maker", _RefusedStatement)
KeyChanged = cast("Maker", _KeyChanged)
Withdrawn = cast("Maker", _Withdrawn)
GrantRecorded = cast("Maker", _GrantRecorded)
