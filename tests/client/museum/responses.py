"""Step 19: a response is atomic, and its newest declaration says what belongs to it."""

from __future__ import annotations

import uuid

from rensho import disclosure, dsse
from rensho.documents import ComponentLine, Response
from rensho.entries import Reader

from tests.client.deployment import DAY, START, enrolled, org
from tests.client.museum import Shown, bad
from tests.client.museum.scenes import BUNDLE, again, lacking, plain, resubmitted, shown
from tests.client.museum.targets import revised
from tests.client.responses import Answered, prepare, submit


@bad(
    "response-mixes-revisions",
    19,
    "response.mixed",
    "A declaration lists statements of its own revision.",
    "second-revision",
)
def _() -> Shown:
    first = plain()
    older = first.ids[0]

    def declared(lines: tuple[ComponentLine, ...]) -> tuple[ComponentLine, ...]:
        subject = next(name for name in first.world.files if name.endswith(".descriptor.json"))
        return (*lines, ComponentLine(subject.partition(".")[0], older))

    return shown(revised(first, declared=declared))


@bad(
    "declaration-with-one-component-missing",
    19,
    "response.incomplete",
    "What a declaration lists must be in hand.",
    "whole-response",
)
def _() -> Shown:
    done = plain(components=("vision-1", "chat-1"))
    one = done.ids[0]
    del done.world.opened[one]
    return lacking(done, f"{one}{BUNDLE}", f"{one}.promise.json")


@bad("component-not-listed", 19, "response.mixed", "What is of the revision is listed.")
def _() -> Shown:
    done = plain(components=("vision-1", "chat-1"), declared=lambda lines: lines[:1])
    return shown(done)


@bad(
    "component-under-another-descriptor", 19, "response.mixed", "Id and descriptor belong together."
)
def _() -> Shown:
    def swapped(lines: tuple[ComponentLine, ...]) -> tuple[ComponentLine, ...]:
        one, other = lines
        return (
            ComponentLine(other.descriptor, one.statement),
            ComponentLine(one.descriptor, other.statement),
        )

    return shown(plain(components=("vision-1", "chat-1"), declared=swapped))


@bad("statement-and-document-of-two-revisions", 19, "response.mixed", "They name one revision.")
def _() -> Shown:
    return shown(resubmitted(lambda v: v["predicate"]["response"].update(revision=2)))


@bad("public-and-not", 19, "response.mixed", "One audience for the whole response.")
def _() -> Shown:
    return shown(resubmitted(lambda v: v["predicate"].update(audience="public")))


@bad("declaration-for-more-readers", 19, "response.mixed", "The same readers for all of it.")
def _() -> Shown:
    reader = Reader(org(), str(uuid.uuid4()), disclosure.fresh_salt(), "none", START + 90 * DAY)
    return shown(plain(also=[reader]))


@bad("logged-after-its-declaration", 19, "response.mixed", "The declaration is the last leaf.")
def _() -> Shown:
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked, components=("vision-1",), evidence=None)
    key = world.supplier.key
    order = (draft.payloads[-1], *draft.payloads[:-1])
    ids = world.record(*((dsse.sign(key, payload), key) for payload in order))
    return shown(Answered(world, asked, draft, tuple(ids)))


@bad("declaration-left-out", 19, "response.incomplete", "Without it a component counts nothing.")
def _() -> Shown:
    done = plain()
    one = done.ids[-1]
    del done.world.opened[one]
    return lacking(done, f"{one}{BUNDLE}", f"{one}.promise.json")


@bad("declaration-document-left-out", 19, "response.incomplete", "Nor without its document.")
def _() -> Shown:
    return lacking(plain(), ".declaration.json")


@bad("newer-component-in-hand", 19, "response.stale", "A newer revision is in hand.")
def _() -> Shown:
    first = plain()
    newer = revised(first)
    one = newer.ids[-1]
    del first.world.opened[one]
    return lacking(first, f"{one}{BUNDLE}", f"{one}.promise.json")


@bad("declared-twice", 19, "response.mixed", "One revision is declared once.")
def _() -> Shown:
    first = plain()
    return shown(again(first, response=first.draft.response))


@bad("old-revision-logged-late", 19, "response.stale", "A higher revision was there before.")
def _() -> Shown:
    world = enrolled()
    asked = world.ask()
    later = prepare(
        world,
        asked,
        components=("vision-1",),
        evidence=None,
        response=Response(str(uuid.UUID(int=1)), 2),
    )
    submit(world, later)
    return shown(again(Answered(world, asked, later, ()), response=Response(later.response.id, 1)))
