"""Routes, and the shapes that go in and out."""

from __future__ import annotations

from services.attestation.api import keys, log, statements, submissions, trust

ROUTERS = (keys.router, submissions.router, statements.router, trust.router)
LOG_ROUTERS = (log.router,)

__all__ = ["LOG_ROUTERS", "ROUTERS"]
