"""The status document: sorted, each entry once, and what it holds against a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rensho import archive, dsse, jcs, sign, strict_json
from rensho.documents import StatusDocument
from rensho.status import ListedKey

from tests.client.deployment import DAY, HOST, HOUR, START, Log, Party, org
from tests.client.judged import judge
from tests.client.made import KEY, sha
from tests.client.refused import refused
from tests.client.responses import answered, pack, prepare, submit

STOLEN = ListedKey(
    org="urn:rensho:org:00000000-0000-4000-8000-000000000002",
    key_id=KEY.key_id,
    state="revoked",
    origin=HOST,
    index=4,
    reason="key-compromise",
    invalid_since=START,
)
PAUSED = ListedKey(
    org="urn:rensho:org:00000000-0000-4000-8000-000000000001",
    key_id=KEY.key_id,
    state="suspended",
    origin=HOST,
    index=5,
)
FULL = StatusDocument(
    origin=HOST,
    size=7,
    retracted=(sha("b"), sha("a")),
    superseded={sha("d"): START, sha("c"): START + DAY},
    keys=(STOLEN, PAUSED),
)


def test_what_is_written_is_read_back_sorted() -> None:
    read = StatusDocument.parse(FULL.to_bytes())
    assert read.to_bytes() == FULL.to_bytes()
    assert read.retracted == tuple(sorted(FULL.retracted))
    assert list(read.superseded) == sorted(FULL.superseded)
    assert read.keys == (PAUSED, STOLEN)
    assert (read.origin, read.size) == (HOST, 7)


def test_the_keys_of_a_list_are_found_by_id_and_firm() -> None:
    assert FULL.key(KEY.key_id, STOLEN.org) == STOLEN
    assert FULL.key(KEY.key_id, org()) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["retracted"].reverse(),
        lambda v: v["superseded"].reverse(),
        lambda v: v["keys"].reverse(),
        lambda v: v["keys"].append(v["keys"][-1]),
        lambda v: v["superseded"].append(v["superseded"][-1]),
        lambda v: v["keys"][0].update(reason="ceased"),
        lambda v: v["keys"][1].pop("reason"),
        lambda v: v["keys"][1].pop("invalidSince"),
        lambda v: v["keys"][1].update(reason="ceased"),
        lambda v: v["keys"][1].update(state="lost"),
        lambda v: v["asOf"].update(size=-1),
        lambda v: v.pop("salt"),
    ],
)
def test_another_shape_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    value = strict_json.loads(FULL.to_bytes())
    change(value)
    with refused("statement.schema"):
        StatusDocument.parse(jcs.dumps(value))


def test_a_key_listed_under_an_unknown_log_is_passed_over() -> None:
    done = answered()
    world = done.world
    key_id = world.supplier.key.public.key_id
    told = ListedKey(
        org=world.supplier.org,
        key_id=key_id,
        state="revoked",
        origin="other.example",
        index=0,
        reason="ceased",
    )
    world.list_status(keys=[told])
    assert judge(done).status == "VALID"


def test_a_list_in_hand_counts_where_trust_asks_for_none() -> None:
    done = answered()
    done.world.list_status(retracted=[done.ids[0]])
    verdict = judge(done)
    assert verdict.codes == ("validity.withdrawn",)
    assert verdict.parts["status"] == "INVALID"


def test_what_a_stranger_claims_to_replace_still_counts_its_thirty_days() -> None:
    """The stranger writes the supplier's name; the key behind it is its own."""
    done = answered()
    world, mine = done.world, done.world.supplier
    stranger = Party(world.requester.key, ("responsible-officer",), org=mine.org)
    world.supplier = stranger
    draft = prepare(world, done.asked, supersedes={"declaration": done.ids[-1]})
    submit(world, draft)
    world.supplier = mine
    world.list_status(superseded={done.ids[-1]: world.now})
    own = judge(done).statements[done.ids[-1]]
    assert "validity.withdrawn" not in own.codes
    assert any(note.startswith("step 20: superseded") for note in own.notes)


def test_without_t_a_superseding_withdrawal_acts_at_once() -> None:
    done = answered()
    world = done.world
    payload = sign.withdrawal(
        world.common(world.supplier),
        statement_id=done.ids[0],
        effect="superseded",
        reason="a newer one",
    )
    (told,) = world.record((dsse.sign(world.supplier.key, payload), world.supplier.key))
    assert judge(done).status == "VALID"
    del world.files[f"{told}.promise.json"]
    assert "validity.withdrawn" in judge(done).codes


def test_a_list_whose_time_is_unknown_is_stale() -> None:
    done = answered()
    told = done.world.list_status()
    del done.world.files[f"{told}.promise.json"]
    verdict = judge(done, status_max_age=3 * HOUR)
    assert set(verdict.codes) == {"timestamp.missing", "status.stale"}
    assert verdict.status == "INDETERMINATE"


def test_a_list_without_a_way_to_the_newest_head_is_missing() -> None:
    done = answered()
    world = done.world
    made_from = len(world.log.leaves)
    world.list_status()
    log, listed_at = world.log, len(world.log.leaves)
    world.key_event(world.supplier, "confirm")
    links = [log.link(size) for size in log.heads if size not in (listed_at, len(log.leaves))]
    until = Log(log.origin, log.key, log.time_key, log.leaves[:listed_at], log.heads)
    links.append(until.link(made_from))
    data = pack(world, consistency__json=archive.write_consistency(links))
    verdict = judge(done, data=data, status_max_age=3 * HOUR)
    assert "status.missing" in verdict.codes
    assert "no proof from the list to the newest head" in {one.detail for one in verdict.findings}


def test_statement_and_list_that_is_not_its_own_canonical_form_is_none() -> None:
    done = answered()
    world = done.world
    world.list_status()
    (name,) = (name for name in world.files if name.endswith(".status.json"))
    world.files[name] += b" "
    assert judge(done, status_max_age=3 * HOUR).codes == ("status.missing",)
