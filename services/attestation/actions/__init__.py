"""One function, one transaction, one sentence."""

from __future__ import annotations

from services.attestation.actions.damage import Damage, fsck

__all__ = ["Damage", "fsck"]
