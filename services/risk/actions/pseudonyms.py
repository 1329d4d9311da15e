"""Pseudonyms: one per viewer and firm, meaningless to anybody else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_LENGTH = 16


class Pseudonyms:
    """The names one viewer gets for firms, links and lists beyond its own direct links.

    `p_` + base32(HMAC(HKDF(secret, viewer), subject))[:16], lower case. Links and lists are told
    apart from firms by their kind in front of the subject.
    """

    def __init__(self, secret: bytes, viewer: UUID, own: Mapping[str, str]) -> None:
        """Derive the viewer's key.

        Args:
            secret: the deployment's pseudonym secret, 32 bytes.
            own: firm → how the viewer itself calls it.
        """
        info = b"rensho pseudonym " + str(viewer).encode()
        self._key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
        self._own = own

    def __call__(self, kind: Literal["firm", "link", "list"], subject: str) -> str:
        """Return the name of a subject; equal subjects of one kind have equal names."""
        if kind == "firm" and subject in self._own:
            return self._own[subject]
        message = subject if kind == "firm" else f"{kind} {subject}"
        digest = hmac.digest(self._key, message.encode(), hashlib.sha256)
        return "p_" + base64.b32encode(digest).decode()[:_LENGTH].lower()
