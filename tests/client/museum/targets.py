"""Step 18: what a statement replaces, withdraws or reviews."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from rensho import dsse, sign
from rensho.documents import Response

from tests.client.deployment import Party
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import again, plain, shown, stranger
from tests.client.responses import Answered

NAMES = ("vision-1", "declaration")


def revised(first: Answered, **how: Any) -> Answered:
    """The second revision of an answer; it takes the place of the first."""
    fields: dict[str, Any] = {
        "response": Response(first.draft.response.id, 2),
        "supersedes": dict(zip(NAMES, first.ids, strict=True)),
    }
    return again(first, **fields | how)


@good(
    "second-revision", 18, "A revision takes the place of its predecessor, statement by statement."
)
def _() -> Shown:
    return shown(revised(plain()))


@bad("supersedes-the-unknown", 18, "target.unknown", "What was replaced is not in hand.")
def _() -> Shown:
    return shown(revised(plain(), supersedes={"declaration": "0" * 64}))


@bad(
    "supersedes-other-suppliers-statement",
    18,
    "target.foreign",
    "Nobody takes the place of another firm's statement.",
    "second-revision",
)
def _() -> Shown:
    first = plain()
    world = first.world
    mine, world.supplier = world.supplier, stranger(world, "responsible-officer")
    theirs = plain(world)
    world.supplier = mine
    gone = dict(zip(NAMES, theirs.ids, strict=True))
    return shown(revised(first, supersedes=gone))


@good(
    "superseded-by-other-supplier",
    18,
    "What another firm claims to replace is not replaced: the true revision still stands.",
)
def _() -> Shown:
    first = plain()
    world = first.world
    mine, world.supplier = world.supplier, stranger(world, "responsible-officer")
    again(first, supersedes=dict(zip(NAMES, first.ids, strict=True)))
    world.supplier = mine
    return shown(revised(first))


@bad("supersedes-another-type", 18, "target.mismatch", "Like takes the place of like.")
def _() -> Shown:
    first = plain()
    return shown(revised(first, supersedes={"vision-1": first.ids[-1]}))


@bad("supersedes-another-component", 18, "target.mismatch", "About the same component.")
def _() -> Shown:
    first = plain()
    gone = {"chat-1": first.ids[0], "declaration": first.ids[1]}
    return shown(revised(first, components=("chat-1",), supersedes=gone))


@bad("supersedes-another-response", 18, "target.mismatch", "Of the same response.")
def _() -> Shown:
    return shown(revised(plain(), response=Response(str(uuid.uuid4()), 2)))


@bad("supersedes-its-own-revision", 18, "target.mismatch", "A revision is greater than its last.")
def _() -> Shown:
    first = plain()
    return shown(revised(first, response=first.draft.response))


@bad("superseded-twice", 18, "target.already_superseded", "One takes the place, not two.")
def _() -> Shown:
    first = plain()
    revised(first)
    return shown(revised(first, response=Response(first.draft.response.id, 3)))


@bad("predecessor-without-descriptor", 18, "content.missing", "Two components must be in hand.")
def _() -> Shown:
    first = plain()
    (gone,) = (name for name in first.world.files if name.endswith(".descriptor.json"))
    return shown(revised(first), files={gone: None})


def withdrawn(
    done: Answered,
    target: str,
    by: Party | None = None,
    effect: Literal["retracted", "superseded"] = "retracted",
) -> str:
    """Log a withdrawal; return its id."""
    world, who = done.world, by or done.world.supplier
    payload = sign.withdrawal(
        world.common(who), statement_id=target, effect=effect, reason="wrong plant"
    )
    return world.record((dsse.sign(who.key, payload), who.key))[0]


@bad("withdrawal-by-foreign-key", 18, "target.foreign", "Nobody withdraws another firm's word.")
def _() -> Shown:
    done = plain()
    withdrawn(done, done.ids[0], done.world.requester)
    return shown(done)


@bad("withdrawal-in-anothers-name", 15, "signer.org_mismatch", "Nor by writing its name.")
def _() -> Shown:
    done = plain()
    thief = Party(done.world.requester.key, ("requester",), org=done.world.supplier.org)
    withdrawn(done, done.ids[0], thief)
    return shown(done)


@bad("withdrawal-of-the-unknown", 18, "target.unknown", "What was withdrawn is not in hand.")
def _() -> Shown:
    done = plain()
    withdrawn(done, "0" * 64)
    return shown(done)


@bad("withdrawal-of-a-withdrawal", 18, "target.mismatch", "What is taken back is signed anew.")
def _() -> Shown:
    done = plain()
    withdrawn(done, withdrawn(done, done.ids[0]))
    return shown(done)


def reviewed(done: Answered, by: Party, target: str) -> str:
    world = done.world
    payload = sign.review(
        world.common(by),
        statement_id=target,
        decisions=[sign.Decision(question="Q-CORE-001", outcome="accepted")],
    )
    return world.record((dsse.sign(by.key, payload), by.key))[0]


@good("reviewed", 18, "The customer that was addressed reviews the answer.")
def _() -> Shown:
    done = plain()
    reviewed(done, done.world.requester, done.ids[0])
    return shown(done)


@bad(
    "review-by-a-stranger",
    18,
    "target.foreign",
    "Who was not addressed reviews nothing.",
    "reviewed",
)
def _() -> Shown:
    done = plain()
    reviewed(done, stranger(done.world), done.ids[0])
    return shown(done)


@bad("review-of-a-request", 18, "target.mismatch", "Only answers are reviewed.", "reviewed")
def _() -> Shown:
    done = plain()
    reviewed(done, done.world.requester, done.asked.statement_id)
    return shown(done)


@bad(
    "review-before-the-answer",
    18,
    "target.unknown",
    "What was reviewed is not in hand.",
    "reviewed",
)
def _() -> Shown:
    done = plain()
    reviewed(done, done.world.requester, "0" * 64)
    return shown(done)
