"""Invitation handles: derived, so that a link of which only the digest is kept can be shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID


def handle(secret: bytes, invitation_id: UUID) -> str:
    """Return the unguessable part of an invitation's link (unpadded base64url)."""
    mac = hmac.digest(secret, invitation_id.bytes, "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def digest(handle: str) -> str:
    """Return lowercase hex sha256 of a handle's ASCII characters."""
    return hashlib.sha256(handle.encode("ascii")).hexdigest()
