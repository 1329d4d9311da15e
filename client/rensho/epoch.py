"""One log of a deployment, and who else signs its tree heads (profile sections 4 and 7)."""

from __future__ import annotations

from dataclasses import dataclass

from rensho.checkpoint import NoteKey


@dataclass(frozen=True, slots=True)
class Epoch:
    """One log of a deployment: its origin and raw Ed25519 keys.

    An epoch that has ended also has the signed note it ended with, and `succession`: the DSSE
    envelope (JSON) in which its log key names the next epoch (`rensho.succession`).
    """

    origin: str
    key: bytes
    time_key: bytes
    final_checkpoint: bytes | None = None
    succession: bytes | None = None

    @property
    def log_id(self) -> bytes:
        """The 32 bytes a bundle names this log by."""
        return self.log_note_key.full_hash

    @property
    def log_note_key(self) -> NoteKey:
        """The key that signs the notes of this log."""
        return NoteKey(self.origin, self.key)

    @property
    def time_note_key(self) -> NoteKey:
        """The operator's clock on a note: its own claim, never a witness."""
        return NoteKey(self.origin, self.time_key, "cosignature")


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who cosigns checkpoints: its name on the note and its raw Ed25519 key."""

    name: str
    key: bytes

    @property
    def note_key(self) -> NoteKey:
        """The key under the name it cosigns with."""
        return NoteKey(self.name, self.key, "cosignature")
