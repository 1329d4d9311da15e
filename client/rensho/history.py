"""Which tree heads of a deployment are known to be of one tree (profile sections 5, 7 and 8).

An anchor is only worth something if the log that now holds the statement grew out of the tree
the anchor names. The proofs for that travel in `consistency.json`, each to the newest head.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from rensho import checkpoint, merkle, succession
from rensho.archive import ConsistencyLink
from rensho.checkpoint import Checkpoint
from rensho.epoch import Epoch
from rensho.errors import VerificationError
from rensho.trust import Deployment

GENESIS_SIZE: Final = 0


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A head that is part of the tree; `seen_at` is when the operator's time key says it was."""

    root_hash: bytes
    seen_at: datetime | None


class History:
    """The heads and proofs at hand for one deployment; every note is verified before use."""

    def __init__(
        self,
        deployment: Deployment,
        links: Iterable[ConsistencyLink] = (),
        newest: bytes | None = None,
        known: Mapping[tuple[str, int], TreeHead] | None = None,
    ) -> None:
        """Gather what may be used.

        `newest` is the note of `checkpoint.txt`. `known` are (origin, size) heads the caller has
        checked itself; a server passes those of its own log and needs no proofs.
        """
        self._deployment = deployment
        self._keys = [key for epoch in deployment.epochs for key in deployment.note_keys(epoch)]
        self._epochs = {epoch.origin: epoch for epoch in deployment.epochs}
        self._links = {(link.origin, link.smaller, link.larger): link for link in links}
        self._newest = newest
        self._known = dict(known or {})
        self._notes: dict[bytes, Checkpoint] = {}
        self._proved: dict[tuple[str, int, int, bytes], TreeHead] = {}
        self._chain: VerificationError | bool = False

    def open(self, note: bytes) -> Checkpoint:
        """Verify a note under the keys Trust has for its origin (step 9).

        Raises `checkpoint.malformed`, `checkpoint.origin`, `checkpoint.signature`.
        """
        if note not in self._notes:
            self._notes[note] = checkpoint.open(note, self._keys)
        return self._notes[note]

    def seen_at(self, head: Checkpoint) -> datetime | None:
        """When the operator's time key says it saw this head (one that `open` returned)."""
        return head.cosigned_at.get(self._epochs[head.origin].time_note_key)

    def is_under_newest(self, own: Checkpoint) -> bool:
        """Whether `own` is proved to be of the tree of the newest head at hand (step 20).

        Of a log that has ended the newest head is its last, which step 11 looks at. False where
        proof is missing. Raises `log.split_view` where the two contradict each other, and as
        `open`.
        """
        if own.origin != self._deployment.epochs[-1].origin:
            return True
        if self._newest is None:
            return False
        newest = self.open(self._newest)
        return newest.origin == own.origin and self._is_one_tree(own, newest)

    def is_under_last(self, own: Checkpoint) -> bool:
        """Whether `own` is of a log that still runs, or proved to be of the tree it ended with.

        Only Trust knows which of the heads an old log key ever signed was its last. False where
        proof is missing. Raises `log.succession` (step 11).
        """
        epoch = self._epochs[own.origin]
        if epoch == self._deployment.epochs[-1]:
            return True
        last = self._last_head(epoch)
        if last.size < own.size:
            raise VerificationError("log.succession", "beyond the end of its epoch")
        try:
            return self._is_one_tree(own, last)
        except VerificationError as why:
            raise VerificationError("log.succession", "not of the tree it ended with") from why

    def check_chain(self) -> None:
        """Check that each log names the next, from the first to the newest that Trust knows.

        Raises `log.succession` (step 11).
        """
        if self._chain is False:
            self._chain = True
            try:
                for old, successor in pairwise(self._deployment.epochs):
                    last = self._last_head(old)
                    succession.check_succession(self._deployment.origin, old, last, successor)
            except VerificationError as why:
                self._chain = why
        if isinstance(self._chain, VerificationError):
            raise self._chain

    def begins_with_succession(self, own: Checkpoint) -> bool:
        """Whether leaf 0 of a later log is proved to be what the log before said of it.

        `check_chain` has passed. True for the first log, which succeeds none; False where proof
        is missing. Raises `log.succession` (step 11).
        """
        number = self._deployment.epoch_number(own.origin)
        if not number:
            return True
        try:
            first = self.head_before(own.origin, 1, own)
        except VerificationError as why:
            if why.code == "time.anchor_missing":
                return False
            raise VerificationError("log.succession", why.detail) from why
        if first.root_hash != succession.first_root(self._deployment.epochs[number - 1]):
            raise VerificationError("log.succession", "the log begins with something else")
        return True

    def _last_head(self, epoch: Epoch) -> Checkpoint:
        if epoch.final_checkpoint is None:
            raise VerificationError("log.succession", "Trust does not say how this epoch ended")
        try:
            last = self.open(epoch.final_checkpoint)
        except VerificationError as why:
            raise VerificationError("log.succession", f"the last note: {why}") from why
        if last.origin != epoch.origin:
            raise VerificationError("log.succession", "the last note is of another log")
        return last

    def _is_one_tree(self, own: Checkpoint, later: Checkpoint) -> bool:
        try:
            return self._grew_from(own, later)
        except VerificationError as why:
            raise VerificationError("log.split_view", why.detail or why.code) from why

    def head_before(self, origin: str, size: int, own: Checkpoint | None) -> TreeHead:
        """Return the head of `size`, proved to be of the same tree as the checkpoint `own`.

        `origin` is of an epoch of this deployment.
        Raises `time.anchor_missing` if no note or proof is at hand, `time.anchor_inconsistent` if
        one is and does not hold.
        """
        if (origin, size) in self._known:
            return self._known[origin, size]
        if own is None:
            raise VerificationError("time.anchor_missing", "no checkpoint to compare with")
        try:
            return self._proved_head(origin, size, own)
        except VerificationError as why:
            if why.code == "time.anchor_missing":
                raise
            raise VerificationError("time.anchor_inconsistent", why.detail or why.code) from why

    def _proved_head(self, origin: str, size: int, own: Checkpoint) -> TreeHead:
        for head in self._heads_of_one_tree(origin, own):
            if (head.origin, head.size) == (origin, size):
                return TreeHead(head.root_hash, self.seen_at(head))
            if (origin, size, head.size) in self._links:
                return self._follow(origin, size, head)
        raise VerificationError("time.anchor_missing", f"no proof from size {size}")

    def _heads_of_one_tree(self, origin: str, own: Checkpoint) -> list[Checkpoint]:
        """Return `own` and newer heads grown from it; of another epoch only how it ended."""
        final = self._epochs[origin].final_checkpoint
        if own.origin != origin:
            # Only Trust knows which of the heads an old log key ever signed was its last.
            return [] if final is None else [self.open(final)]
        newer = [self.open(note) for note in (self._newest, final) if note is not None]
        grown = [head for head in newer if head.origin == origin and self._grew_from(own, head)]
        return [own, *grown]

    def _grew_from(self, own: Checkpoint, head: Checkpoint) -> bool:
        if own.size == head.size:
            merkle.verify_consistency(own.size, head.size, [], own.root_hash, head.root_hash)
            return True
        if (own.origin, own.size, head.size) not in self._links:
            return False
        found = self._follow(own.origin, own.size, head)
        if found.root_hash != own.root_hash:
            raise VerificationError("time.anchor_inconsistent", "two roots for one size")
        return True

    def _follow(self, origin: str, size: int, head: Checkpoint) -> TreeHead:
        """Check one proof of `consistency.json` from `size` to `head`."""
        place = (origin, size, head.size, head.root_hash)
        if place not in self._proved:
            link = self._links[origin, size, head.size]
            smaller = self.open(link.checkpoint)
            if (smaller.origin, smaller.size) != (origin, size):
                raise VerificationError("time.anchor_inconsistent", "the proof has another note")
            merkle.verify_consistency(
                size, head.size, link.hashes, smaller.root_hash, head.root_hash
            )
            self._proved[place] = TreeHead(smaller.root_hash, self.seen_at(smaller))
        return self._proved[place]
