"""Tables and named queries of risk, schema `risk`."""

from services.risk.store.base import PLUMBING, Base, metadata
from services.risk.store.disputed import Dispute, DisputeStep
from services.risk.store.explained import Advised, OwnScore, SeenLink
from services.risk.store.granted import Granted, SheetWord
from services.risk.store.heard import (
    Dialogue,
    Enrolment,
    KeyChange,
    Link,
    LinkClass,
    LogHead,
    Merged,
    Questionnaire,
    Recorded,
    Refused,
    Request,
    RequestChange,
    Response,
    Review,
    Withdrawn,
)
from services.risk.store.hooks import FolderDrop, Webhook, WebhookDelivery, WebhookMessage
from services.risk.store.owned import ClassVersion, PolicyVersion
from services.risk.store.served import Served, ServedName
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
    "Advised",
    "Base",
    "ClassVersion",
    "Dialogue",
    "Dispute",
    "DisputeStep",
    "Enrolment",
    "FolderDrop",
    "Granted",
    "KeyChange",
    "Label",
    "Link",
    "LinkClass",
    "LogHead",
    "Merged",
    "OwnScore",
    "PolicyVersion",
    "Questionnaire",
    "Recorded",
    "Refused",
    "Request",
    "RequestChange",
    "Response",
    "Review",
    "Score",
    "SeenLink",
    "Served",
    "ServedName",
    "SheetWord",
    "Snapshot",
    "SnapshotLogged",
    "SnapshotRefused",
    "SnapshotSigned",
    "Webhook",
    "WebhookDelivery",
    "WebhookMessage",
    "Withdrawn",
    "metadata",
]
