"""Steps 8 to 11: the statement stands in a log Trust knows, at a place nobody can move."""

from __future__ import annotations

from datetime import datetime

from rensho import bundle as bundles
from rensho import merkle
from rensho.bundle import LogEntry
from rensho.checkpoint import Checkpoint
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.history import History
from rensho.keys import PublicKey
from rensho.trust import Deployment


def check_log(exhibit: Exhibit, history: History) -> None:
    """Run steps 8 to 11 and set the exhibit's checkpoint and position."""
    entry, docket = exhibit.bundle.entry, exhibit.docket
    if entry is None:
        docket.note("not logged: steps 8 to 11 could not run")
        return

    # (8) the leaf is rebuilt from digest, signature and key, never believed
    if exhibit.key is not None:
        with docket.step(8):
            _check_leaf(exhibit, entry, exhibit.key)

    # (9) the note, under the key of the one log the entry names
    with docket.step(9):
        exhibit.checkpoint = _open_note(exhibit.deployment, entry, history)
    head = exhibit.checkpoint
    if head is None:
        return

    # (10) the leaf is under the note
    with docket.step(10):
        _check_inclusion(entry, head)

    # (11) witnesses, and the way from the first log to the newest
    with docket.step(11):
        _check_quorum(exhibit.deployment, head)
    is_placed = True
    with docket.step(11):
        history.check_chain()
        is_placed = history.is_under_last(head)
        if not history.begins_with_succession(head):
            docket.note("step 11: leaf 0 of this log is not in hand")
    if not is_placed:
        # A key that had to go may have signed another tree since: nothing is told by its word.
        docket.ran.discard(11)
        docket.note("step 11: no proof that this head is of the tree its log ended with")
    if exhibit.deployment.witness_quorum == 0:
        docket.note("step 11: Trust asks for no witness (witness_quorum 0)")

    number = exhibit.deployment.epoch_number(head.origin)
    if number is not None and docket.clean(8, 9, 10):
        exhibit.position = (number, entry.index)


def witness_times(deployment: Deployment, head: Checkpoint) -> list[datetime]:
    """When each distinct witness Trust names saw this head, earliest first.

    The operator's own keys are no witnesses, by whatever name.
    """
    own = {key for epoch in deployment.epochs for key in (epoch.key, epoch.time_key)}
    seen = {
        witness.key: head.cosigned_at[witness.note_key]
        for witness in deployment.witnesses
        if witness.note_key in head.cosigned_at and witness.key not in own
    }
    return sorted(seen.values())


def _check_leaf(exhibit: Exhibit, entry: LogEntry, key: PublicKey) -> None:
    if bundles.leaf(exhibit.bundle.envelope, key) != entry.body:
        raise VerificationError("log.leaf_mismatch", "the log entry is of something else")


def _open_note(deployment: Deployment, entry: LogEntry, history: History) -> Checkpoint:
    head = history.open(entry.checkpoint)
    number = deployment.epoch_number(head.origin)
    if number is None or deployment.epochs[number].log_id != entry.log_id:
        raise VerificationError("checkpoint.origin", "the note is of another log than the entry")
    return head


def _check_inclusion(entry: LogEntry, head: Checkpoint) -> None:
    if (entry.tree_size, entry.root_hash) != (head.size, head.root_hash):
        raise VerificationError("log.inclusion", "the proof leads to another tree head")
    merkle.verify_inclusion(
        merkle.leaf_hash(entry.body), entry.index, head.size, list(entry.hashes), head.root_hash
    )


def _check_quorum(deployment: Deployment, head: Checkpoint) -> None:
    found = len(witness_times(deployment, head))
    if found < deployment.witness_quorum:
        raise VerificationError(
            "checkpoint.witness_quorum", f"{found} of {deployment.witness_quorum} witnesses"
        )
