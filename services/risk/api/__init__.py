"""Routes, and the shapes that go in and out."""

from __future__ import annotations

from services.risk.api import (
    changes,
    disputes,
    drops,
    explained,
    exports,
    hot,
    own,
    report,
    scores,
    snapshots,
    webhooks,
)

ROUTERS = (
    scores.router,
    explained.router,
    report.router,
    hot.router,
    changes.router,
    exports.router,
    snapshots.router,
    disputes.router,
    own.router,
    webhooks.router,
    drops.router,
)

__all__ = ["ROUTERS"]
