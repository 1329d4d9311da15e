"""Tables and named queries of risk, schema `risk`."""

from services.risk.store.base import PLUMBING, Base, metadata
from services.risk.store.heard import (
    Enrolment,
    KeyChange,
    Link,
    LogHead,
    Questionnaire,
    Recorded,
    Refused,
    Request,
    Response,
    Review,
)
from services.risk.store.shown import (
    Label,
    Score,
    Snapshot,
    SnapshotLogged,
    SnapshotRefused,
    SnapshotSigned,
)

__all__ = [
    "PLUMBING",
    "Base",
    "Enrolment",
    "KeyChange",
    "Label",
    "Link",
    "LogHead",
    "Questionnaire",
    "Recorded",
    "Refused",
    "Request",
    "Response",
    "Review",
    "Score",
    "Snapshot",
    "SnapshotLogged",
    "SnapshotRefused",
    "SnapshotSigned",
    "metadata",
]
