"""Steps 12 and 13: promises, anchors, and claims about time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rensho import archive, jcs, strict_base64, strict_json
from rensho.keys import PrivateKey

from tests.client.deployment import DAY, HOUR, Log, enrolled
from tests.client.judged import edited, expectations, judge, without
from tests.client.responses import Answered, answered, pack, prepare, submit


@pytest.fixture(scope="module")
def good() -> Answered:
    """A valid world that no test of this module changes."""
    return answered()


def test_trust_that_asks_for_time_stamps_gets_an_honest_answer(good: Answered) -> None:
    verdict = judge(good, tsa=(b"root",))
    assert verdict.codes == ("timestamp.missing",)
    assert verdict.status == "INDETERMINATE"
    assert "T source: operator" not in verdict.notes


def test_without_promises_nobody_knows_the_time(good: Answered) -> None:
    verdict = judge(good, data=without(good, ".promise.json"))
    assert verdict.codes == ("timestamp.missing",)
    assert verdict.parts["time"] == "INDETERMINATE"
    fresh = expectations(good, freshness=DAY)
    verdict = judge(good, data=without(good, ".promise.json"), expect=fresh)
    assert verdict.parts["status"] == "INDETERMINATE"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"origin": "other.example"}, "statement.deployment"),
        ({"include_by": datetime(2026, 1, 1, tzinfo=UTC)}, "statement.schema"),
    ],
)
def test_a_promise_for_something_else_is_refused(changes: dict[str, Any], code: str) -> None:
    done = answered()
    name = f"{done.ids[0]}.promise.json"
    done.world.files[name] = done.world.promise(done.ids[0], **changes)
    assert judge(done).codes == (code,)
    done.world.files[name] = done.world.promise(done.ids[1])
    assert judge(done).codes == ("statement.deployment",)


def test_a_promise_by_anybody_but_the_operator_is_refused() -> None:
    done = answered()
    name = f"{done.ids[0]}.promise.json"
    true_key = done.world.operator.key
    done.world.operator.key = PrivateKey.generate("ed25519")
    done.world.files[name] = done.world.promise(done.ids[0])
    done.world.operator.key = true_key
    assert judge(done).codes == ("key.unknown",)
    edited(done.world, name, lambda v: v["signatures"][0].pop("keyid"))
    assert judge(done).codes == ("sig.invalid",)
    done.world.files[name] = b" " * (16 * 1024 + 1)
    assert judge(done).codes == ("input.too_large",)


@pytest.mark.parametrize("hours", [-25, 1])
def test_a_claimed_time_far_from_t_is_refused(hours: int) -> None:
    world = enrolled()
    asked = world.ask()
    claimed = world.now + timedelta(hours=hours)
    draft = prepare(world, asked, common={"attested_at": claimed, "not_before": claimed + 2 * DAY})
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    assert "time.claimed_time" in judge(done).codes


def test_an_anchor_of_last_week_is_too_old() -> None:
    world = enrolled()
    asked = world.ask()
    old = world.log.anchor()
    world.now += timedelta(days=8)
    draft = prepare(world, asked, common={"anchor": old})
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    assert judge(done).codes == ("time.anchor_too_old",)


def test_an_anchor_younger_than_the_promise_is_a_contradiction() -> None:
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    for statement_id in done.ids:
        early = world.promise(statement_id, received_at=world.now - 2 * HOUR)
        world.files[f"{statement_id}.promise.json"] = early
    assert "time.anchor_inconsistent" in judge(done).codes


def test_a_note_without_the_operators_clock_leaves_the_anchors_age_open() -> None:
    world = enrolled()
    asked = world.ask()
    size = len(world.log.leaves)
    world.log.heads[size] = world.log.heads[size].rsplit(b"\xe2\x80\x94", 1)[0]
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    assert judge(done).codes == ("time.anchor_missing",)


def test_without_consistency_proofs_no_anchor_can_be_placed(good: Answered) -> None:
    verdict = judge(good, data=pack(good.world, consistency__json=None))
    assert verdict.codes == ("time.anchor_missing",)
    verdict = judge(good, data=pack(good.world, checkpoint__txt=None))
    assert "time.anchor_missing" in verdict.codes


@pytest.mark.parametrize("what", ["hashes", "checkpoint"])
def test_a_false_consistency_proof_is_refused(good: Answered, what: str) -> None:
    value = strict_json.loads(dict(archive_entries(good))["consistency.json"])
    for link in value:
        if what == "hashes" and link["hashes"]:
            link["hashes"][0] = strict_base64.encode(bytes(32))
        elif what == "checkpoint":
            link["checkpoint"] = good.world.log.heads[1].decode()
    verdict = judge(good, data=pack(good.world, consistency__json=jcs.dumps(value)))
    assert "time.anchor_inconsistent" in verdict.codes


def archive_entries(good: Answered) -> dict[str, bytes]:
    return archive.read(pack(good.world))


def test_a_newest_checkpoint_of_a_fork_is_refused(good: Answered) -> None:
    world = good.world
    fork = Log(key=world.log.key, time_key=world.log.time_key)
    fork.leaves = [b"other"] * len(world.log.leaves)
    note = fork.publish(world.now)
    verdict = judge(good, data=pack(world, checkpoint__txt=note))
    assert "time.anchor_inconsistent" in verdict.codes


def test_a_log_key_that_signed_two_roots_for_one_size_is_found_out() -> None:
    done = answered()
    log = done.world.log
    fork = Log(key=log.key, time_key=log.time_key, leaves=[b"other"] * len(log.leaves))
    fork.publish(done.world.now)
    fork.leaves.append(b"one more")
    newest = fork.publish(done.world.now)
    links = archive.write_consistency([fork.link(len(log.leaves))])
    data = pack(done.world, checkpoint__txt=newest, consistency__json=links)
    assert "time.anchor_inconsistent" in judge(done, data=data).codes
