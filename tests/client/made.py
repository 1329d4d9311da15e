"""One valid payload of each statement type, the same on every run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from rensho import disclosure, dsse, sign, statement, strict_base64
from rensho.documents import Pack, Response
from rensho.entries import Reader, Respondent, Voucher
from rensho.keys import PublicKey
from rensho.predicates import Role, TypeName
from rensho.statement import DEMO_BASE, Anchor

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
HOST = "rensho.example"
OPERATOR = "urn:rensho:org:00000000-0000-4000-8000-000000000001"
SUPPLIER = "urn:rensho:org:00000000-0000-4000-8000-000000000002"
REQUESTER = "urn:rensho:org:00000000-0000-4000-8000-000000000003"
LINK = "urn:rensho:link:00000000-0000-4000-8000-000000000004"
REQUEST_ID = "00000000-0000-4000-8000-000000000005"
RESPONSE_ID = "00000000-0000-4000-8000-000000000006"
CAMPAIGN = "00000000-0000-4000-8000-000000000007"
SALT = strict_base64.encode_url(bytes(range(16)))
NAME = strict_base64.encode_url(bytes(range(9)))
KEY = PublicKey.from_raw_ed25519(
    bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
)
ANCHOR = Anchor(HOST, 7, bytes(range(32)))
READER = Reader(REQUESTER, REQUEST_ID, SALT, "pseudonymous", NOW + timedelta(days=365))
RESPONDENT = Respondent(LINK, REQUEST_ID, SALT, NOW + timedelta(days=60))
VOUCHER = Voucher(REQUESTER, LINK, "mailbox")


def sha(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()


def sha_url(what: str) -> str:
    return strict_base64.encode_url(hashlib.sha256(what.encode()).digest())


PACK = Pack("core", "1.0.0", sha("pack"))


def padded(value: dict[str, Any]) -> dict[str, Any]:
    _, digest = disclosure.make(value, salt=SALT, name=NAME)
    return {
        "_sd_alg": "sha-256",
        "_sd": sorted([digest, *(sha_url(f"decoy {n}") for n in range(7))]),
    }


def common(role: Role = "responsible-officer", org: str = SUPPLIER, **changes: Any) -> sign.Common:
    fields: dict[str, Any] = {
        "base": DEMO_BASE,
        "deployment": HOST,
        "org": org,
        "role": role,
        "key_id": KEY.key_id,
        "attested_at": NOW,
        "anchor": ANCHOR,
        "not_before": NOW,
        "not_after": NOW + timedelta(days=365),
        "salt": SALT,
    }
    return sign.Common(**(fields | changes))


def answering(**changes: Any) -> sign.Answering:
    fields: dict[str, Any] = {
        "response": Response(RESPONSE_ID, 1),
        "questionnaire_sha256": sha("questionnaire"),
        "packs": [PACK],
        "locale": "ja",
        "audience": padded(READER.to_json()),
    }
    return sign.Answering(**(fields | changes))


def ai_governance(**changes: Any) -> bytes:
    return sign.ai_governance(
        common(),
        answering(**changes),
        descriptor_sha256=sha("descriptor"),
        answers_sha256=sha("answers"),
        evidence=[sha_url("evidence")],
    )


def declaration(**changes: Any) -> bytes:
    return sign.declaration(common(**changes), answering(), declaration_sha256=sha("declaration"))


def request() -> bytes:
    _, digest = disclosure.make(RESPONDENT.to_json(), salt=SALT, name=NAME)
    return sign.request(
        common("requester", REQUESTER),
        questionnaire_sha256=sha("questionnaire"),
        campaign=CAMPAIGN,
        why="Safety of products that use AI",
        clauses=["Basic contract, article 12"],
        viewers=["Procurement", "Quality assurance"],
        purpose="To know and to support",
        nda_basis="basic-contract",
        due_at=NOW + timedelta(days=60),
        respondents={"_sd_alg": "sha-256", "_sd": [digest]},
    )


def review(**changes: Any) -> bytes:
    decisions = [
        sign.Decision(
            question="Q-CORE-001",
            outcome="evidence_checked",
            value="implemented",
            evidence=(sha_url("evidence"),),
        ),
        sign.Decision(question="Q-CORE-004", outcome="waived", until=NOW + timedelta(days=90)),
        sign.Decision(question="Q-CORE-007", outcome="sent_back", reason="Which site?"),
    ]
    return sign.review(
        common("requester", REQUESTER),
        statement_id=sha("statement"),
        decisions=changes.get("decisions", decisions),
    )


def key_event(**changes: Any) -> bytes:
    challenge = sign.EnrolChallenge(
        origin=HOST,
        org=SUPPLIER,
        key_id=KEY.key_id,
        purpose="enrol",
        expiry=NOW + timedelta(minutes=10),
        nonce=SALT,
    )
    fields: dict[str, Any] = {
        "event": "enrol",
        "record": sign.KeyRecord(
            org=SUPPLIER, key=KEY, roles=["responsible-officer"], custody="browser"
        ),
        "vouched_by": padded(VOUCHER.to_json()),
        "prev": None,
        "proof": dsse.Envelope(sign.ENROL_CHALLENGE, challenge.to_bytes(), bytes(64), KEY.key_id),
    }
    return sign.key_event(common("operator", OPERATOR), **(fields | changes))


def risk_snapshot() -> bytes:
    bounds = {"claimed": "0.048000000", "evidenced": "1.250000000"}
    return sign.risk_snapshot(
        common("service", OPERATOR),
        requester=REQUESTER,
        as_of=NOW,
        model="RM-1",
        digests=sign.SnapshotDigests(
            facts=sha("facts"), policy=sha("policy"), results=sha("results"), packs=[PACK]
        ),
        log=(HOST, 7),
        totals=bounds,
        tiers=[{"tier": 1, "index": bounds, "firms": 12}],
    )


def _plain(name: TypeName, subject: str, common_fields: sign.Common, **more: Any) -> bytes:
    return statement.build(DEMO_BASE, name, subject, common_fields.to_json() | more)


def grant() -> bytes:
    audience = padded(READER.to_json())
    return _plain(
        "grant", sha("statement"), common(), audience=audience, answers=[sha_url("answer")]
    )


def withdrawal() -> bytes:
    return _plain(
        "withdrawal", sha("statement"), common(), effect="retracted", reason="Wrong plant"
    )


def status() -> bytes:
    anchor = {"origin": HOST, "size": 7, "rootHash": ANCHOR.root_hash.hex()}
    return _plain("status", sha("status"), common("operator", OPERATOR), asOf=anchor)


PAYLOADS: dict[TypeName, bytes] = {
    "ai-governance": ai_governance(),
    "declaration": declaration(),
    "request": request(),
    "grant": grant(),
    "withdrawal": withdrawal(),
    "review": review(),
    "key-event": key_event(),
    "status": status(),
    "risk-snapshot": risk_snapshot(),
}
