"""Issuing, saving and confirming under crashes and at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.kit import clock, keyfiles
from services.kit.auth import Principal
from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.questionnaire.actions import imports, issuing, responses
from services.questionnaire.actions.imports import AlreadyConfirmed
from services.questionnaire.actions.responses import ChangedMeanwhile
from services.questionnaire.store import PLUMBING
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, World


class Crash(Exception):
    """The process dies here."""


@pytest.fixture(scope="module")
def app_role(settings: Settings) -> Database:
    return Database(PLUMBING, settings.service_url("questionnaire", "app"))


def principal(firm: Firm) -> Principal:
    return Principal(f"urn:rensho:member:{firm.id}", firm.id, frozenset(), clock.now())


def outcomes(work: Callable[[], Any], times: int = 2) -> list[str]:
    """Do the same thing several times at once; 'done' or the name of the refusal, sorted."""

    def attempt(_: int) -> str:
        try:
            work()
        except Exception as why:  # noqa: BLE001 (which one it is, is what the tests look at)
            return type(why).__name__
        return "done"

    with ThreadPoolExecutor(times) as pool:
        return sorted(pool.map(attempt, range(times)))


def test_a_crash_while_issuing_leaves_every_request_unissued(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    for _ in range(3):
        requester.supplier()
    campaign = requester.campaign()
    statement_id = requester.prepared(campaign)["statement_id"]
    secret = keyfiles.secret_bytes(settings, "invitation")

    def issue_and_die() -> None:
        with world.worker.begin(Actor("test")) as tx:
            assert issuing.issue(tx, statement_id, secret, clock.now())
            raise Crash

    with pytest.raises(Crash):
        issue_and_die()
    assert requester.get(f"/campaigns/{campaign['id']}")["counts"] == {"created": 3}
    assert world.said("invitation.issued.v2", requester_org_id=requester.id) == []

    world.record(statement_id, "request")
    assert requester.get(f"/campaigns/{campaign['id']}")["counts"] == {"issued": 3}


def test_a_statement_nobody_prepared_here_issues_nothing(world: World, settings: Settings) -> None:
    secret = keyfiles.secret_bytes(settings, "invitation")
    with world.worker.begin(Actor("test")) as tx:
        assert not issuing.issue(tx, "ab" * 32, secret, clock.now())


def test_of_two_saves_at_once_one_wins_and_the_other_is_told(
    world: World, app_role: Database
) -> None:
    pair = world.pair()
    saved = pair.response()
    who = principal(pair.respondent)

    values = iter(("settled", "undecided"))

    def save() -> None:
        answers = {"Q-CORE-004": {"state": "checking", "note": next(values)}}
        document = {**saved["document"], "answers": answers}
        with app_role.begin(who.actor) as tx:
            responses.save(tx, who, saved["id"], 2, document, clock.now())

    assert outcomes(save) == [ChangedMeanwhile.__name__, "done"]
    assert pair.respondent.get(f"/responses/{saved['id']}")["version"] == 3


def test_of_two_confirmations_at_once_one_makes_the_suppliers(
    world: World, app_role: Database
) -> None:
    requester = world.firm()
    csv = "取引先コード,会社名,国\nA-1,架空工業,JP\nA-2,見本工業,JP\n"
    tried = requester.call("POST", "/imports", 201, content=csv.encode())
    who = principal(requester)

    def confirm() -> None:
        with app_role.begin(who.actor) as tx:
            imports.confirm(tx, who, tried["id"], {}, clock.now())

    assert outcomes(confirm) == [AlreadyConfirmed.__name__, "done"]
    assert len(requester.get("/suppliers")["items"]) == 2


def test_enrolling_and_issuing_at_once_bind_the_request(world: World) -> None:
    for _ in range(4):
        requester = world.firm()
        record = requester.supplier()
        campaign = requester.campaign()
        statement_id = requester.prepared(campaign)["statement_id"]
        enrolled = made.Enrolled()
        enrolled["invitation"]["link_id"] = record["link"]["id"]
        with ThreadPoolExecutor(2) as pool:
            done = [
                pool.submit(world.feed, enrolled),
                pool.submit(world.record, statement_id, "request"),
            ]
            assert all(each.result() for each in done)
        (asked,) = requester.asked(campaign)
        assert (asked["state"], asked["respondent_org_id"]) == ("issued", enrolled["org_id"])
