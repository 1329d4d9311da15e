"""Steps 20 and 21: still standing as of a fresh list, and valid now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from rensho import archive

from tests.client.deployment import DAY, HOUR, Log
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import expecting, lacking, plain, resubmitted, shown
from tests.client.museum.targets import revised, withdrawn
from tests.client.responses import Answered

ASKING: dict[str, Any] = {"status_max_age": timedelta(hours=3)}


def listed(done: Answered | None = None, **told: Any) -> Answered:
    """An answer, and the status list of the hour."""
    done = done or plain()
    done.world.list_status(**told)
    return done


@good("status-list", 20, "A fresh list under a fresh head, with nothing against the answer.")
def _() -> Shown:
    return shown(listed(), **ASKING)


@bad("no-status-list", 20, "status.missing", "Trust asks for a list, and none is in hand.")
def _() -> Shown:
    return shown(plain(), **ASKING)


@bad("list-without-its-document", 20, "status.missing", "A digest lists nothing.", "status-list")
def _() -> Shown:
    return lacking(listed(), ".status.json", **ASKING)


@bad(
    "list-of-another-tree", 20, "status.missing", "Statement and list name one head.", "status-list"
)
def _() -> Shown:
    return shown(listed(size=1), **ASKING)


@bad("list-made-from-the-future", 20, "status.missing", "A list is of a tree before its own leaf.")
def _() -> Shown:
    done = plain()
    bend = {"size": 100, "bend": lambda p: p["asOf"].update(size=100)}
    return shown(listed(done, **bend), **ASKING)


@bad("list-from-a-false-root", 20, "status.missing", "A list is made from the tree that was.")
def _() -> Shown:
    return shown(listed(bend=lambda p: p["asOf"].update(rootHash="0" * 64)), **ASKING)


@bad("list-by-a-supplier", 20, "status.missing", "Only the operator's list counts.", "status-list")
def _() -> Shown:
    done = plain()
    world = done.world
    mine, world.operator = world.operator, world.supplier
    world.list_status()
    world.operator = mine
    newest = list(world.files)[-1].partition(".")[0]
    world.files[f"{newest}.promise.json"] = world.promise(newest)
    return shown(done, **ASKING)


@bad("no-newest-checkpoint", 20, "status.missing", "Fresh is what the newest head says.")
def _() -> Shown:
    return shown(listed(), files={archive.CHECKPOINT: None}, **ASKING)


@bad("newest-checkpoint-too-old", 20, "status.stale", "A head of yesterday.", "status-list")
def _() -> Shown:
    done = listed()
    return shown(done, now=done.world.now + DAY, **ASKING)


@bad(
    "old-list-under-a-new-head",
    20,
    "status.stale",
    "The list itself is judged by age too, or an old one hides what came since.",
    "status-list",
)
def _() -> Shown:
    done = listed()
    done.world.now += DAY
    done.world.key_event(done.world.supplier, "confirm")
    return shown(done, **ASKING)


@bad("newest-checkpoint-without-a-clock", 20, "status.stale", "Without its line: no age.")
def _() -> Shown:
    done = listed()
    log = done.world.log
    note = log.heads[len(log.leaves)].rsplit(b"\xe2\x80\x94", 1)[0]
    return shown(done, files={archive.CHECKPOINT: note}, **ASKING)


@bad("newest-checkpoint-of-an-old-log", 20, "status.stale", "Newest is of the newest log.")
def _() -> Shown:
    done = listed()
    log = done.world.log
    note = log.heads[len(log.leaves)]
    done.world.succeed()
    return shown(done, files={archive.CHECKPOINT: note}, **ASKING)


@bad("list-of-an-old-log", 20, "status.missing", "Key states are told anew in a new log.")
def _() -> Shown:
    done = listed()
    done.world.succeed()
    return shown(done, **ASKING)


@bad("newest-checkpoint-older-than-the-list", 20, "status.missing", "The list is under the head.")
def _() -> Shown:
    done = plain()
    log = done.world.log
    note, size = log.heads[len(log.leaves)], len(log.leaves)
    listed(done)
    links = [log.link(size_) for size_ in log.heads if size_ < len(log.leaves)]
    assert links[-1].smaller == size
    return shown(done, files={archive.CHECKPOINT: note}, **ASKING)


@bad(
    "answer-in-a-fork",
    20,
    "log.split_view",
    "The log showed this reader one tree and everybody else another.",
    "whole-response",
)
def _() -> Shown:
    """The key events are proved each to the head of its own reader, so that they settle."""
    done = plain()
    log = done.world.log
    size = len(log.leaves)
    fork = Log(key=log.key, time_key=log.time_key, leaves=[*log.leaves[:-1], b"other"])
    newest = fork.publish(done.world.now)
    heads = sorted(log.heads)
    links = []
    for smaller, larger in pairwise(heads):
        prefix = Log(log.origin, log.key, log.time_key, log.leaves[:larger], log.heads)
        links.append(prefix.link(smaller))
    assert links[-1].larger == size
    files = {
        archive.CHECKPOINT: newest,
        archive.CONSISTENCY: archive.write_consistency(links),
    }
    return shown(done, files=files)


@bad("retracted", 20, "validity.withdrawn", "A retraction acts at once.", "whole-response")
def _() -> Shown:
    done = plain()
    withdrawn(done, done.ids[0])
    return shown(done)


@bad("retracted-as-listed", 20, "validity.withdrawn", "Nobody can leave it out.", "status-list")
def _() -> Shown:
    done = plain()
    return shown(listed(done, retracted=[done.ids[-1]]), **ASKING)


@bad("superseded-31-days-ago", 20, "validity.withdrawn", "30 days, for who has not the new one.")
def _() -> Shown:
    done = plain()
    done.world.now += 31 * DAY
    done.world.publish()
    since = dict.fromkeys(done.ids, done.world.now - 31 * DAY)
    return shown(listed(done, superseded=since), **ASKING)


@good("superseded-last-week", 20, "Who was not given the new one may count the old 30 days more.")
def _() -> Shown:
    done = plain()
    since = dict.fromkeys(done.ids, done.world.now - 7 * DAY)
    return shown(listed(done, superseded=since), **ASKING)


@bad("withdrawn-as-superseded-long-ago", 20, "validity.withdrawn", "The same, of a withdrawal.")
def _() -> Shown:
    done = plain()
    withdrawn(done, done.ids[0], effect="superseded")
    return shown(done, now=done.world.now + 31 * DAY)


@good("withdrawn-as-superseded", 20, "Withdrawn as superseded: it counts 30 days more.")
def _() -> Shown:
    done = plain()
    withdrawn(done, done.ids[0], effect="superseded")
    return shown(done)


@bad("superseded-and-given-the-new-one", 20, "validity.withdrawn", "Who has the new one uses it.")
def _() -> Shown:
    first = plain()
    world = first.world
    revised(first)
    listed(first, superseded=dict.fromkeys(first.ids, world.now))
    made = shown(first, **ASKING)
    assert isinstance(made.main, dict)
    name = f"{first.ids[-1]}.sigstore.json"
    beside = (("all.zip", made.main),)
    return replace(made, main=made.main[name], beside=beside)


@bad("expired", 21, "validity.expired", "Its validity has ended.", "whole-response")
def _() -> Shown:
    done = plain()
    return shown(done, now=done.world.now + 366 * DAY, expect={})


@bad("not-yet-valid", 21, "validity.not_yet", "Its validity has not begun.", "whole-response")
def _() -> Shown:
    return shown(
        resubmitted(lambda v: v["predicate"]["validity"].update(notBefore="2026-11-20T00:00:00Z"))
    )


@bad("older-than-expected", 21, "validity.expired", "The reader asked for a newer one.")
def _() -> Shown:
    done = plain()
    expect = expecting(done, freshness=3600)
    return shown(done, expect=expect, now=done.world.now + 5 * HOUR)
