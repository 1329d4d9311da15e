"""Step 12 and T: time-stamps and witnesses over the statements of an archive."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rensho import bundle, checkpoint, strict_base64
from rensho.keys import PrivateKey
from rensho.verdict import Verdict

from services.tsa import DemoAuthority
from tests.client.deployment import DAY, HOUR, Party, World, enrolled
from tests.client.judged import judge
from tests.client.refused import refused
from tests.client.responses import Answered, answered, pack, prepare, submit
from tests.client.stamps import answered_in, asking, authority, logged_at, stamp, token, witnessed

MINUTE = timedelta(minutes=1)


def stamped(world: World | None = None) -> Answered:
    """An answer in which every statement has a token of the minute after it was logged."""
    done = answered_in(world or enrolled())
    stamp(done.world, after=MINUTE)
    return done


@pytest.fixture(scope="module")
def good() -> Answered:
    """A valid world that no test of this module changes."""
    return stamped(witnessed("w1", "w2"))


def bent(change: Callable[[Answered], None], **trust: Any) -> Verdict:
    done = stamped()
    change(done)
    return judge(done, **asking(done.world) | trust)


def test_time_stamps_and_witnesses_together_are_valid_in_all_parts(good: Answered) -> None:
    verdict = judge(good, **asking(good.world))
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert verdict.parts["time"] == "VALID"
    assert not any(note.startswith("step 12") for note in verdict.notes)
    assert "T source: operator" not in verdict.notes


def test_promises_tell_no_time_where_trust_asks_for_better(good: Answered) -> None:
    files = {name: data for name, data in good.world.files.items() if "promise" not in name}
    data = pack(World(files=files, log=good.world.log, opened=good.world.opened))
    assert judge(good, data=data, **asking(good.world)).status == "VALID"


@pytest.mark.parametrize(
    ("lag", "source"),
    [(2 * MINUTE, "time-stamp"), (timedelta(), "witness"), (MINUTE, "time-stamp")],
)
def test_the_earliest_verified_time_is_told_by_its_source(lag: timedelta, source: str) -> None:
    done = stamped(witnessed(w1=lag))
    assert f"T source: {source}" in judge(done, **asking(done.world)).notes


def test_a_time_stamp_alone_gives_the_time() -> None:
    done = stamped()
    verdict = judge(done, **asking(done.world))
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert "T source: time-stamp" in verdict.notes


def test_where_trust_names_no_authority_tokens_are_passed_over(good: Answered) -> None:
    verdict = judge(good)
    assert verdict.status == "VALID"
    assert "step 12: Trust asks for no time-stamp (no tsa)" in verdict.notes


def test_a_statement_without_token_leaves_the_time_open() -> None:
    done = answered()
    stamp(done.world, only=set(done.ids) - {done.ids[0]})
    verdict = judge(done, **asking(done.world))
    assert verdict.codes == ("timestamp.missing",)
    assert verdict.statements[done.ids[0]].parts["time"] == "INDETERMINATE"
    assert verdict.statements[done.ids[1]].parts["time"] == "VALID"
    assert verdict.status == "INDETERMINATE"


def with_another(make: Callable[[bytes, datetime], bytes]) -> Callable[[Answered], None]:
    return lambda done: stamp(done.world, only=done.ids[:1], after=2 * MINUTE, make=make)


BENT: dict[str, tuple[Callable[[bytes, datetime], bytes], str]] = {
    "over something else": (lambda _, at: token(b"else", at), "timestamp.imprint"),
    "of nobody pinned": (lambda m, at: token(m, at, authority("second")), "timestamp.untrusted"),
    "a second by the same": (token, "timestamp.duplicate"),
    "unreadable": (lambda _, __: b"no token", "timestamp.encoding_unsupported"),
}


@pytest.mark.parametrize("case", BENT)
def test_one_bad_token_among_good_ones_is_told(case: str) -> None:
    make, code = BENT[case]
    verdict = bent(with_another(make))
    assert verdict.codes == (code,)
    unreadable = code == "timestamp.encoding_unsupported"
    assert verdict.parts["time"] == ("INDETERMINATE" if unreadable else "INVALID")


def test_tokens_of_two_authorities_stand_beside_each_other() -> None:
    roots = (authority().root_der, authority("second").root_der)
    verdict = bent(with_another(lambda m, at: token(m, at, authority("second"))), tsa=roots)
    assert (verdict.status, verdict.codes) == ("VALID", ())


@pytest.mark.parametrize("data", [b"no token", None])
def test_the_same_token_twice_is_a_duplicate_even_unread(data: bytes | None) -> None:
    done = stamped()
    name = f"{done.ids[0]}.sigstore.json"
    (own,) = bundle.parse(done.world.files[name]).tokens
    twice = twofold(done.world.files[name], data or own)
    done.world.files[name] = twice
    assert "timestamp.duplicate" in judge(done, **asking(done.world)).codes


def twofold(data: bytes, one: bytes) -> bytes:
    """A bundle with the same token twice, which `bundle.with_tokens` never writes."""
    other = bytes(reversed(one))
    marker, twin = (strict_base64.encode(each).encode() for each in (other, one))
    return bundle.with_tokens(data, [one, other]).replace(marker, twin)


def test_more_than_eight_tokens_are_refused() -> None:
    done = answered()
    data = done.world.files[f"{done.ids[0]}.sigstore.json"]
    assert bundle.with_tokens(data, []) == data
    with refused("input.too_many_items"):
        bundle.with_tokens(data, [bytes([number]) for number in range(9)])


def test_without_the_extra_the_answer_is_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    done = stamped()
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    verdict = judge(done, **asking(done.world))
    assert verdict.codes == ("timestamp.encoding_unsupported",)
    assert verdict.status == "INDETERMINATE"
    assert any("extra" in finding.detail for finding in verdict.findings)


def test_a_token_that_came_too_late_for_the_claimed_time_is_told() -> None:
    done = answered()
    stamp_late(done, 25 * HOUR)
    assert judge(done, **asking(done.world)).codes == ("time.claimed_time",)


def test_a_token_keeps_a_key_from_expiring_where_witnesses_came_late() -> None:
    """The key's period ends between the token and the only witness."""

    world = witnessed(w1=2 * HOUR)
    world.supplier = Party(PrivateKey.generate(), world.supplier.roles)
    ends = at(world.now + DAY + HOUR)
    world.key_event(
        world.supplier,
        vouchers=[world.voucher()],
        bend=lambda predicate: predicate["validity"].update(notAfter=ends),
    )
    done = answered_in(world)
    stamp(done.world)
    assert judge(done, **asking(done.world)).status == "VALID"
    alone = asking(done.world) | {"tsa": ()}
    assert judge(done, **alone).codes == ("time.key_not_valid",)


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("since", "after", "quorum", "codes"),
    [
        # witnesses sign one and three hours after the log; the theft is `since` hours after it
        (4, MINUTE, 2, ()),
        (2, MINUTE, 2, ("key.compromised",)),  # the second witness came later, early tokens or not
        (2, MINUTE, 1, ()),
        (2, 2 * HOUR, 1, ("key.compromised",)),  # a late token makes it stricter
        (1, MINUTE, 0, ()),
        (1, HOUR, 0, ("key.compromised",)),
    ],
)
def test_a_theft_is_measured_by_the_quorum_and_only_made_stricter_by_a_time_stamp(
    since: int, after: timedelta, quorum: int, codes: tuple[str, ...]
) -> None:
    done = answered_in(witnessed(w1=HOUR, w2=3 * HOUR))
    world = done.world
    logged = logged_at(world, bundle.parse(world.files[f"{done.ids[0]}.sigstore.json"]))
    world.now += DAY
    world.key_event(
        world.supplier,
        "revoke",
        reason="key-compromise",
        invalid_since=logged + since * HOUR,
        prev=world.supplier.last,
    )
    stamp_late(done, after)
    assert judge(done, **asking(world, quorum)).codes == codes


def stamp_late(done: Answered, after: timedelta) -> None:
    """Stamp the answer's statements so long after they were logged, all others in time."""
    names = {name.partition(".")[0] for name in done.world.files if "sigstore" in name}
    stamp(done.world, only=names - set(done.ids))
    stamp(done.world, only=done.ids, after=after)


def test_without_the_quorum_a_time_stamp_does_not_answer_for_a_theft() -> None:
    world = witnessed("w1")
    asked = world.ask()
    keys, world.witness_keys = world.witness_keys, []
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    world.witness_keys = keys
    world.key_event(
        world.supplier, "revoke", reason="key-compromise", invalid_since=world.now + DAY
    )
    stamp(world)
    assert judge(done, **asking(world, 0)).status == "VALID"
    codes = judge(done, **asking(world)).codes
    assert codes[:3] == ("checkpoint.witness_quorum", "timestamp.missing", "key.compromised")


def archive_note(done: Answered, made: bytes, **trust: Any) -> str:
    verdict = judge(done, data=pack(done.world, archive__tsr=made), **trust)
    assert verdict.status == "VALID"
    (note,) = (note for note in verdict.notes if note.startswith("archive.tsr"))
    return note


def body(done: Answered, size: int) -> bytes:
    deployment = done.world.deployment()
    keys = deployment.note_keys(deployment.epochs[0])
    return checkpoint.open(done.world.log.heads[size], keys).body


@pytest.mark.parametrize("newest", [True, False])
def test_the_token_over_a_checkpoint_of_the_archive_is_told(good: Answered, newest: bool) -> None:
    size = max(good.world.log.heads) if newest else min(good.world.log.heads)
    made = token(body(good, size), good.world.now)
    said = archive_note(good, made, **asking(good.world))
    assert said == f"archive.tsr: log.demo.example at size {size} existed at {at(good.world.now)}"


@pytest.mark.parametrize(
    ("by", "over", "why"),
    [
        (authority(), b"something else", "timestamp.imprint"),
        (authority("second"), None, "timestamp.untrusted"),
    ],
)
def test_an_archive_token_that_does_not_hold_is_told(
    good: Answered, by: DemoAuthority, over: bytes | None, why: str
) -> None:
    made = token(over or body(good, 1), good.world.now, by)
    said = archive_note(good, made, **asking(good.world))
    assert said.startswith(f"archive.tsr does not hold: {why}")


def test_an_archive_token_nobody_asked_for_is_passed_over(good: Answered) -> None:
    assert archive_note(good, b"anything") == "archive.tsr: Trust asks for no time-stamp (no tsa)"


def test_an_archive_token_without_a_checkpoint_is_told(good: Answered) -> None:
    verdict = judge(
        good,
        data=pack(good.world, archive__tsr=b"token", checkpoint__txt=None, consistency__json=None),
        **asking(good.world),
    )
    assert any("over no checkpoint" in note for note in verdict.notes)


def test_an_archive_token_of_an_archive_without_statement_is_told(good: Answered) -> None:
    data = pack(World(log=good.world.log), archive__tsr=b"token")
    verdict = judge(good, data=data, **asking(good.world))
    assert "archive.tsr: there is no statement whose log it could be about" in verdict.notes
