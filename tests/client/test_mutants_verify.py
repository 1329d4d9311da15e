"""Edges of the verifier that mutation testing showed the other tests to overlook."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rensho.documents import Scope
from rensho.verify import ANY, Material, verify

from tests.client.deployment import DAY, HOUR, World, enrolled
from tests.client.judged import edited, expectations, judge, judge_world
from tests.client.responses import Answered, answered, pack, prepare, submit

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def _done(world: World, asked: Any, **common: Any) -> Answered:
    draft = prepare(world, asked, common=common)
    return Answered(world, asked, draft, tuple(submit(world, draft)))


@pytest.mark.parametrize(
    ("after", "codes"),
    [
        (-DAY, ()),
        (-DAY - SECOND, ("time.claimed_time",)),
        (5 * MINUTE, ()),
        (5 * MINUTE + SECOND, ("time.claimed_time",)),
    ],
    ids=str,
)
def test_the_claimed_time_may_be_a_day_before_t_and_five_minutes_after(
    after: timedelta, codes: tuple[str, ...]
) -> None:
    world = enrolled()
    asked = world.ask()
    world.now += 2 * DAY
    claimed = world.now + after
    done = _done(world, asked, attested_at=claimed, not_before=max(claimed, world.now))
    assert judge(done, now=world.now + HOUR).codes == codes


@pytest.mark.parametrize(
    ("age", "codes"), [(7 * DAY, ()), (7 * DAY + SECOND, ("time.anchor_too_old",))], ids=str
)
def test_an_anchor_may_be_seven_days_old_to_the_second(
    age: timedelta, codes: tuple[str, ...]
) -> None:
    world = enrolled()
    asked = world.ask()
    world.now += age
    assert judge(_done(world, asked)).codes == codes


@pytest.mark.parametrize(
    ("lead", "codes"),
    [(5 * MINUTE, ()), (5 * MINUTE + SECOND, ("time.anchor_inconsistent", "time.claimed_time"))],
    ids=str,
)
def test_an_anchor_may_be_five_minutes_younger_than_t(
    lead: timedelta, codes: tuple[str, ...]
) -> None:
    world = enrolled()
    done = _done(world, world.ask())
    for one in done.ids:
        anchored = world.now - 10 * SECOND  # recording them took ten seconds
        world.files[f"{one}.promise.json"] = world.promise(one, received_at=anchored - lead)
    assert judge(done).codes == codes


def test_what_was_taken_for_granted_is_said_word_for_word() -> None:
    notes = judge(answered()).notes
    assert "T source: operator" in notes
    assert "expectation component: ANY, compared with nothing" in notes


def test_a_finding_names_its_step() -> None:
    done = answered()
    name, other = (f"{one}.sigstore.json" for one in done.ids[:2])
    files = done.world.files
    files[name], files[other] = files[other], files[name]
    assert {(one.step, one.code) for one in judge(done).findings} >= {(2, "archive.name")}


def test_every_statement_is_judged_whichever_bundle_cannot_be_read() -> None:
    done = answered()
    bundles = [name for name in done.world.files if name.endswith(".sigstore.json")]
    assert len(bundles) > 3
    for name in bundles:
        whole, done.world.files[name] = done.world.files[name], b"no bundle"
        assert len(judge(done).statements) == len(bundles), name
        done.world.files[name] = whole


def test_a_bundle_of_no_known_log_fails_at_the_step_of_the_note() -> None:
    done, other = answered(), enrolled()
    for name in [name for name in done.world.files if name.endswith(".sigstore.json")]:
        edited(done.world, name, lambda v: _entry(v)["logId"].update(keyId="A" * 43 + "="))
    elsewhere = other.deployment(origin="other.example")
    both = replace(done.world.trust(), deployments=(done.world.deployment(), elsewhere))
    found = verify(Material(pack(done.world)), both, expectations(done), done.world.now)
    assert {(one.step, one.code) for one in found.findings} == {(9, "checkpoint.origin")}


@pytest.mark.parametrize("kind", ["answers", "evidence", "audience", "subTier"])
def test_a_disclosure_of_something_else_is_found_whatever_its_kind(kind: str) -> None:
    done = answered()
    stranger = answered().world.opened
    (other,) = [texts[kind] for texts in stranger.values() if kind in texts][:1]
    mine = next(one for one in done.ids if kind in done.world.opened.get(one, {}))
    done.world.opened[mine][kind] = (*done.world.opened[mine][kind], *other[:1])
    assert "disclosure.unknown" in judge(done).codes


def test_a_respondent_nobody_asked_is_found_in_the_request() -> None:
    world, other = enrolled(), enrolled()
    asked, stranger = world.ask(), other.ask()
    world.opened[asked.statement_id] = {"respondents": (stranger.disclosure,)}
    assert judge_world(world).statements[asked.statement_id].codes == ("disclosure.unknown",)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"audience": ANY, "request": ANY}, ()),
        ({"audience": ANY}, ("context.not_opened",)),
        ({"request": ANY}, ("context.not_opened",)),
        ({}, ("context.not_opened",)),
    ],
    ids=["nothing", "a request", "a reader", "both"],
)
def test_whoever_expects_a_reader_or_a_request_wants_an_entry_opened(
    changes: dict[str, Any], codes: tuple[str, ...]
) -> None:
    done = answered()
    for one in done.ids:
        done.world.opened[one] = {
            kind: texts for kind, texts in done.world.opened[one].items() if kind != "audience"
        }
    assert judge(done, expect=expectations(done, **changes)).codes == codes


@pytest.mark.parametrize("kind", ["company", "group"])
def test_a_scope_that_is_not_the_whole_company_is_said(kind: Any) -> None:
    notes = judge(answered(scope=Scope(kind))).notes
    assert any(note.startswith("step 17: the scope is") for note in notes) == (kind != "company")


def _entry(bundle: Any) -> Any:
    return bundle["verificationMaterial"]["tlogEntries"][0]
