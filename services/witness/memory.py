"""What a witness remembers, and the one decision it takes.

Its promise is one sentence: of two tree heads of one log that do not fit, it cosigns at most one,
whatever crashes, races or clocks do. So the newest head is on the disk before its cosignature
leaves, and check and write are one step under one lock; a second process is kept off the folder.
A folder that was lost or put back from a backup has forgotten what it promised: such a witness
must begin anew with another key.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from rensho import checkpoint, merkle, strict_base64
from rensho.checkpoint import NoteKey
from rensho.errors import VerificationError
from rensho.keys import PrivateKey

from services.kit import clock
from services.kit.log import log

MAX_BODY: Final = 64 * 1024
MAX_HASHES: Final = 63
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,15})")
_MAX_EVIDENCE: Final = 1_000
_STATUS: Final[Mapping[str, int]] = {"checkpoint.origin": 404, "checkpoint.signature": 403}


class Unusable(Exception):
    """The folder cannot be used: damaged, open to others, or held by another process."""


class Refused(Exception):
    """No cosignature; `status` is that of tlog-witness, `size` the head remembered (409 only)."""

    def __init__(self, status: int, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.status, self.size = status, size


@dataclass(frozen=True)
class Seen:
    """The newest head of one log that was cosigned; size 0 at `at` None before the first."""

    origin: str
    size: int = 0
    root_hash: bytes = merkle.EMPTY_ROOT
    at: datetime | None = None
    note: bytes = b""


class Witness:
    """One witness: a key, a name, the logs it was told to watch, and a folder."""

    def __init__(self, folder: Path, logs: Mapping[str, bytes], name: str | None = None) -> None:
        """Open the folder, and make key and name where there is none.

        Args:
            folder: of this witness alone.
            logs: origin → the log's raw Ed25519 key (32 bytes).
            name: what it signs as; kept from the first start on. Default: out of its key.

        Raises:
            Unusable: see there.
            VerificationError: a log's key is none.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._held = _hold(folder)
        self._key = _own_key(folder)
        public = self._key.public.raw_ed25519
        self.key = NoteKey(_own_name(folder, name, public), public, "cosignature")
        self._log_keys = tuple(NoteKey(origin, key) for origin, key in logs.items())
        for each in self._log_keys:
            NoteKey.from_vkey(each.vkey)
        self._lock = threading.Lock()
        self._seen = {origin: self._remembered(origin) for origin in logs}

    def close(self) -> None:
        """Let go of the folder."""
        self._held.close()

    def seen(self) -> list[Seen]:
        """Return the newest head of each log, by origin."""
        return [self._seen[origin] for origin in sorted(self._seen)]

    def add_checkpoint(self, body: bytes) -> bytes:
        """Check a head against the one remembered, remember it, and return the cosignature line.

        Raises:
            Refused: 400 malformed, 404 origin unknown, 403 not signed by its log, 409 another old
                size or another root at the same size, 422 the proof does not hold, 503 the clock
                went back.
            OSError: the disk did not take it, so nothing was cosigned.
        """
        old, proof, note = _read(body)
        try:
            head = checkpoint.open(note, self._log_keys)
        except VerificationError as why:
            raise Refused(_STATUS.get(why.code, 400), str(why)) from why
        if old > head.size:
            raise Refused(400, "the old size is beyond the checkpoint")
        with self._lock:
            last = self._seen[head.origin]
            if old != last.size:
                raise Refused(409, "another size was cosigned last", last.size)
            try:
                merkle.verify_consistency(old, head.size, proof, last.root_hash, head.root_hash)
            except VerificationError as why:
                self._keep_evidence(body)
                if head.size == last.size and head.root_hash != last.root_hash:
                    raise Refused(409, "another root was cosigned at this size", last.size) from why
                raise Refused(422, "this is no continuation of the head cosigned last") from why
            return self._cosign(head, note, last)

    def _cosign(self, head: checkpoint.Checkpoint, note: bytes, last: Seen) -> bytes:
        now = clock.now().replace(microsecond=0)
        if last.at is not None and now < last.at:
            raise Refused(503, f"the clock went back: the last head was cosigned at {last.at}")
        plain = _by_its_log(head, note)
        cosigned = checkpoint.add_cosignature(plain, self.key.name, self._key, now)
        # A crash before the rename: the head was not cosigned as far as anybody knows. After it
        # and before the answer: the log asks again, learns this size, and gets a new line.
        _write(self._path(head.origin), cosigned)
        self._seen[head.origin] = Seen(head.origin, head.size, head.root_hash, now, cosigned)
        return cosigned[len(plain) :]

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"

    def _remembered(self, origin: str) -> Seen:
        try:
            note = self._path(origin).read_bytes()
        except FileNotFoundError:
            return Seen(origin)
        try:
            head = checkpoint.open(note, [*self._log_keys, self.key])
            if head.origin == origin and self.key in head.cosigned_at:
                at = head.cosigned_at[self.key]
                return Seen(origin, head.size, head.root_hash, at, note)
        except VerificationError as why:
            msg = f"what was cosigned for {origin} does not verify ({why.code})"
            raise Unusable(msg) from why
        msg = f"what was cosigned for {origin} is of another log or key"
        raise Unusable(msg)

    def _keep_evidence(self, body: bytes) -> None:
        """Keep what a log signed and should not have: with the head remembered it may prove a fork.

        Anybody can send a signed head with a bad proof, so there is a limit.
        """
        log.warning("a signed head does not fit the one cosigned last", body=body.decode())
        folder = self._folder / "evidence"
        folder.mkdir(exist_ok=True, mode=0o700)
        if sum(1 for _ in folder.iterdir()) < _MAX_EVIDENCE:
            _write(folder / hashlib.sha256(body).hexdigest(), body)


def _read(body: bytes) -> tuple[int, list[bytes], bytes]:
    """Split a request into old size, proof hashes and note; raises `Refused` (400)."""
    head, blank, note = body.partition(b"\n\n")
    first, *hashes = head.split(b"\n")
    found = _OLD.fullmatch(first)
    if found is None or not blank or len(hashes) > MAX_HASHES:
        raise Refused(400, "not an old size, at most 63 hashes, an empty line and a checkpoint")
    try:
        proof = [strict_base64.decode(one.decode("ascii"), merkle.HASH_SIZE) for one in hashes]
    except (UnicodeDecodeError, VerificationError) as why:
        raise Refused(400, "a proof line is not a hash in base64") from why
    return int(found[1]), proof, note


def _by_its_log(head: checkpoint.Checkpoint, note: bytes) -> bytes:
    """Return the note with the lines under its origin's name only, so that ours always fits."""
    dash = "\N{EM DASH} ".encode()
    lines = note.rpartition(b"\n\n")[2].splitlines(keepends=True)
    own = [line for line in lines if line.startswith(dash + head.origin.encode() + b" ")]
    return head.body + b"\n" + b"".join(own)


def _hold(folder: Path) -> IO[bytes]:
    file = (folder / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as why:
        file.close()
        msg = f"another witness works in {folder}"
        raise Unusable(msg) from why
    return file


def _own_key(folder: Path) -> PrivateKey:
    path = folder / "witness.key"
    if not path.exists():
        if any(folder.glob("*.checkpoint")):
            msg = f"{path} is gone, but heads were cosigned with it"
            raise Unusable(msg)
        _write(path, PrivateKey.generate("ed25519").to_pem())
    if path.stat().st_mode & 0o077:
        msg = f"{path} is open to others: chmod 600"
        raise Unusable(msg)
    try:
        key = PrivateKey.from_pem(path.read_bytes())
        key.public.raw_ed25519  # noqa: B018 (raises for a key of another kind)
    except VerificationError as why:
        msg = f"{path} is no Ed25519 key"
        raise Unusable(msg) from why
    return key


def _own_name(folder: Path, wanted: str | None, public: bytes) -> str:
    path = folder / "name"
    with suppress(FileNotFoundError):
        kept = path.read_text("utf-8").strip()
        if wanted not in (None, kept):
            msg = f"this witness is {kept}; a new name needs a new folder and key"
            raise Unusable(msg)
        return kept
    name = wanted or f"witness-{hashlib.sha256(public).hexdigest()[:8]}"
    try:
        NoteKey.from_vkey(NoteKey(name, public, "cosignature").vkey)
    except VerificationError as why:
        msg = "a witness's name has no spaces and no plus sign"
        raise Unusable(msg) from why
    _write(path, name.encode() + b"\n")
    return name


def _write(path: Path, content: bytes) -> None:
    """Put a file in place, whole and on the disk, or not at all."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
