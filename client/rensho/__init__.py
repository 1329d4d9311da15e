"""Sign, verify and replay supply-chain AI governance attestations, offline.

The modules below are the public surface and load on first use, so that `import rensho` alone
costs nothing. Every failure is a `VerificationError` with a code of the attestation profile, or a
`Verdict`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rensho.checkpoint import Checkpoint, NoteKey
    from rensho.dsse import Envelope
    from rensho.errors import VerificationError
    from rensho.keys import PrivateKey, PublicKey
    from rensho.material import Material
    from rensho.statement import Statement
    from rensho.trust import Trust
    from rensho.verdict import Verdict
    from rensho.verify import ANY, Expectations

__all__ = [
    "ANY",
    "Checkpoint",
    "Envelope",
    "Expectations",
    "Material",
    "NoteKey",
    "PrivateKey",
    "PublicKey",
    "Statement",
    "Trust",
    "Verdict",
    "VerificationError",
]

_HOME: Final = {
    "ANY": "verify",
    "Checkpoint": "checkpoint",
    "Envelope": "dsse",
    "Expectations": "verify",
    "Material": "material",
    "NoteKey": "checkpoint",
    "PrivateKey": "keys",
    "PublicKey": "keys",
    "Statement": "statement",
    "Trust": "trust",
    "VerificationError": "errors",
    "Verdict": "verdict",
}
_MODULES: Final = frozenset(
    {
        "archive",
        "blocks",
        "bundle",
        "checkpoint",
        "descriptor",
        "disclosure",
        "documents",
        "dsse",
        "entries",
        "errors",
        "jcs",
        "keys",
        "merkle",
        "predicates",
        "replay",
        "sign",
        "statement",
        "status",
        "strict_base64",
        "strict_json",
        "succession",
        "times",
        "timestamps",
        "trust",
        "verify",
    }
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"rensho.{name}")
    if name in _HOME:
        return getattr(import_module(f"rensho.{_HOME[name]}"), name)
    raise AttributeError(f"module 'rensho' has no attribute {name!r}")
