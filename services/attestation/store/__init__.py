"""Tables and named queries of the attestation schema, one module per noun."""

from __future__ import annotations

from services.attestation.store import (
    epochs,
    key_changes,
    keys,
    known,
    log,
    speaking,
    statements,
    time_stamps,
    witnesses,
)
from services.attestation.store.base import PLUMBING, metadata

__all__ = [
    "PLUMBING",
    "epochs",
    "key_changes",
    "keys",
    "known",
    "log",
    "metadata",
    "speaking",
    "statements",
    "time_stamps",
    "witnesses",
]
