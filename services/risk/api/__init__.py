"""Routes, and the shapes that go in and out."""

from __future__ import annotations

from services.risk.api import scores, snapshots

ROUTERS = (scores.router, snapshots.router)

__all__ = ["ROUTERS"]
