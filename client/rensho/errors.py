"""The one exception of this package, and every code it can carry (profile section 8)."""

from __future__ import annotations

from typing import Final, Literal, get_args

Code = Literal[
    "input.too_large",
    "input.too_many_items",
    "json.not_utf8",
    "json.too_deep",
    "json.duplicate_key",
    "json.bad_number",
    "json.malformed",
    "base64.not_canonical",
    "archive.malformed",
    "archive.name",
    "bundle.media_type",
    "bundle.key_material",
    "dsse.signature_count",
    "dsse.payload_type",
    "key.unknown",
    "key.hint_mismatch",
    "cert.chain",
    "cert.usage",
    "cert.too_weak",
    "key.algorithm_not_allowed",
    "sig.encoding",
    "sig.invalid",
    "statement.type",
    "statement.subject",
    "statement.predicate_type",
    "statement.schema",
    "statement.not_canonical",
    "statement.deployment",
    "log.leaf_mismatch",
    "checkpoint.malformed",
    "checkpoint.origin",
    "checkpoint.signature",
    "log.inclusion",
    "checkpoint.witness_quorum",
    "log.succession",
    "timestamp.untrusted",
    "timestamp.imprint",
    "timestamp.duplicate",
    "timestamp.encoding_unsupported",
    "timestamp.missing",
    "time.anchor_missing",
    "time.anchor_inconsistent",
    "time.anchor_too_old",
    "time.claimed_time",
    "key.not_enrolled_yet",
    "key.chain_broken",
    "time.key_not_valid",
    "key.revoked",
    "key.compromised",
    "key.identity_false",
    "key.suspended",
    "signer.org_mismatch",
    "signer.role",
    "key.pending",
    "context.not_opened",
    "context.audience",
    "context.nonce",
    "context.grant",
    "context.onward",
    "context.questionnaire",
    "context.component",
    "context.scope",
    "target.unknown",
    "target.foreign",
    "target.mismatch",
    "target.already_superseded",
    "response.mixed",
    "response.incomplete",
    "response.stale",
    "status.missing",
    "status.stale",
    "log.split_view",
    "validity.withdrawn",
    "validity.expired",
    "validity.not_yet",
    "answers.digest",
    "descriptor.digest",
    "evidence.digest",
    "content.missing",
    "disclosure.unknown",
    "disclosure.duplicate",
    "sub.depth",
    "sub.invalid",
    "sub.cycle",
    "trust.malformed",
    "trust.expired",
    "trust.demo",
    "trust.status_max_age",
    "trust.update_signature",
    "facts.malformed",
    "facts.policy_digest",
    "facts.unstable",
]
"""In the order of the steps, so that sorting failures by index tells them in step order.

The `archive.*`, `trust.*` and `facts.*` codes are not of the table: they come from reading a zip,
a Trust file or a facts document, outside any step.
"""

CODES: Final[tuple[Code, ...]] = get_args(Code)

INDETERMINATE: Final[frozenset[Code]] = frozenset(
    {
        "key.unknown",
        "key.pending",
        "cert.chain",
        "timestamp.missing",
        "timestamp.encoding_unsupported",
        "time.anchor_missing",
        "context.not_opened",
        "context.component",
        "target.unknown",
        "response.incomplete",
        "status.missing",
        "status.stale",
        "content.missing",
    }
)
"""Codes that say "could not be told"; every other code says "wrong"."""


class VerificationError(Exception):
    """Some input does not hold.

    `code` is stable and safe to show; `detail` is for a reader and may quote a field name, never
    a secret. `cert.chain` is indeterminate only where no anchor was given: whoever raises it for
    a broken chain says so in the verdict, not here.
    """

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code: Code = code
        self.detail = detail
