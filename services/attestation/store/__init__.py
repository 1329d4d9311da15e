"""Tables and named queries of the attestation schema, one module per noun."""

from __future__ import annotations

from services.attestation.store import keys, known, log, statements
from services.attestation.store.base import PLUMBING, metadata

__all__ = ["PLUMBING", "keys", "known", "log", "metadata", "statements"]
