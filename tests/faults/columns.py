"""Which columns are evidence: every one that is not listed here must be found when it is altered.

A table left out as a whole is either no evidence, or made anew from events (`replay-events`). A
column left out is the only copy of what it says; the reason says what that costs.
"""

from __future__ import annotations

from services.kit.settings import SERVICES
from services.parts import part

PLUMBING = ("outbox", "delivery", "inbox", "audit", "access_revoked", "idempotency")

HEARD = "made anew from events by `renshod replay-events`"
WORKING = "working state: nothing that was signed depends on it"
ONLY_COPY = "the only copy of a moment or word that nobody signed"
TOLD = "told from a snapshot, whose documents are checked; the next one makes it anew"

TABLES: dict[str, str] = {
    **{f"{s}.{t}": WORKING for s in SERVICES for t in PLUMBING},
    "attestation.queue": WORKING,
    "attestation.organization": HEARD,
    "attestation.link_end": HEARD,
    "attestation.campaign_prepared": HEARD,
    "attestation.request_known": HEARD,
    "risk.link": HEARD,
    "risk.label": HEARD,
    "risk.log_head": HEARD,
    "risk.enrolment": HEARD,
    "risk.questionnaire": HEARD,
    "risk.request": HEARD,
    "risk.response": HEARD,
    "risk.recorded": HEARD,
    "risk.refused": HEARD,
    "risk.key_change": HEARD,
    "risk.review": HEARD,
    "risk.withdrawn": HEARD,
    "questionnaire.organization": HEARD,
    "questionnaire.signing_key": HEARD,
    **{
        f"questionnaire.{name}": WORKING
        for name in (
            *("approval", "approval_flow", "campaign_step", "company_day", "delegation", "deputy"),
            *("contact_change", "contact_record", "corrective_action", "due_change", "mail"),
            *("message", "non_response", "renewal", "request_mark", "response_save"),
            *("rung_taken", "sheet_return"),
            "code_padding",
            "column_mapping",
            "contact",
            "segment",
            "succession",
            "supplier_history",
            "supplier_merge",
            "supplier_site",
        )
    },
    "risk.request_change": HEARD,
    **{f"risk.{name}": HEARD for name in ("link_class", "class_version", "granted", "sheet_word")},
    **{f"risk.{name}": TOLD for name in ("seen_link", "advised", "own_score")},
    **{f"risk.{name}": ONLY_COPY for name in ("dispute", "dispute_step", "policy_version")},
    "questionnaire.granted": HEARD,
    "risk.merged": HEARD,
    **{
        f"risk.{name}": WORKING
        for name in (
            "folder_drop",
            "served",
            "served_name",
            "webhook",
            "webhook_delivery",
            "webhook_message",
        )
    },
    "questionnaire.supplier": WORKING,
    "questionnaire.vendor_code": WORKING,
    "questionnaire.supply_link": WORKING,
    "questionnaire.supplier_import": WORKING,
    "questionnaire.fair_dealing": WORKING,
    "questionnaire.invitation": WORKING,
    "questionnaire.response": WORKING,
    "questionnaire.response_preparation": "a hand-out; what was signed of it is in attestation",
    "questionnaire.review": "a hand-out; what was signed of it is in attestation",
    "questionnaire.campaign_preparation": "a hand-out; what was signed of it is in attestation",
}

_ASKING = "what the requester typed or how far the asking is; what of it was signed is kept signed"
_UNUSED = "told of by nothing else as long as no statement commits to it"
_SETTING = (
    "the operator's setting; a sequencer that finds another publishes its own as a new version"
)
_RANDOM = "a random name that nothing refers to"


def _all(table: str, columns: str, why: str) -> dict[str, str]:
    return {f"{table}.{column}": why for column in columns.split()}


COLUMNS: dict[str, str] = {
    **_all("attestation.epoch", "demo", "a flag; the folder of the keys says it too"),
    **_all("attestation.trust_terms", "terms", _SETTING),
    **_all("attestation.witness_policy", "names keys quorum since", _SETTING),
    **_all("attestation.cosignature", "received_at", ONLY_COPY),
    **_all("attestation.epoch_freeze", "asked_at", ONLY_COPY),
    **_all("attestation.epoch_end", "ended_at lost", ONLY_COPY),
    **_all("attestation.time_stamp", "source", "a name we gave the authority; the token tells it"),
    **_all("attestation.checkpoint_time_stamp", "source", "as for time_stamp"),
    **_all("attestation.challenge", "id", "a challenge nobody answered"),
    **_all("attestation.challenge", "roles custody purpose replaces", "as its id"),
    **_all("attestation.key_event", "seq", "it only orders; another order in a firm is found"),
    **_all("attestation.confirmation", "evidence_kind evidence_number seen_on", ONLY_COPY),
    **_all("attestation.key_change", "asked_by", ONLY_COPY),
    **_all("attestation.key_approval", "approved_by", ONLY_COPY),
    **_all("attestation.key_veto", "received_at", ONLY_COPY),
    **_all(
        "attestation.key_review",
        "accepted evidence_kind evidence_number seen_on decided_at",
        ONLY_COPY,
    ),
    **_all("questionnaire.questionnaire", "id org_id title created_at", _ASKING),
    **_all(
        "questionnaire.campaign",
        "requester_name title due_on due_at terms contact state version issued_at created_at",
        _ASKING,
    ),
    **_all("questionnaire.request", "state created_at", _ASKING),
    **_all(
        "questionnaire.evidence",
        "id kind title media_type effective_on confidentiality document_number revision seen_on"
        " viewer uploaded_at",
        _UNUSED,
    ),
    **_all("questionnaire.evidence_use", "id", _RANDOM),
    **_all("risk.snapshot", "requested_at", ONLY_COPY),
    **_all("risk.snapshot", "id", "a judgement that was asked for and not made yet"),
    **_all("risk.snapshot_refused", "codes", ONLY_COPY),
}


def evidence() -> dict[str, tuple[str, ...]]:
    """Return by table, schema first, the columns that must be found."""
    found: dict[str, tuple[str, ...]] = {}
    for service in SERVICES:
        if service == "identity":
            # Who may do what: rights and sessions, no evidence.
            continue
        for table in part(service).PLUMBING.outbox.metadata.sorted_tables:
            name = f"{service}.{table.name}"
            if name not in TABLES:
                found[name] = tuple(
                    column.name
                    for column in table.columns
                    if f"{name}.{column.name}" not in COLUMNS
                )
    return found
