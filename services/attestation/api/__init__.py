"""Routes, and the shapes that go in and out."""

from __future__ import annotations

from services.attestation.api import (
    bulk,
    key_changes,
    keys,
    log,
    speaking,
    statements,
    status,
    submissions,
    trust,
)

ROUTERS = (
    bulk.router,
    key_changes.router,
    keys.router,
    submissions.router,
    speaking.router,
    statements.router,
    status.router,
    trust.router,
)
LOG_ROUTERS = (log.router,)

__all__ = ["LOG_ROUTERS", "ROUTERS"]
