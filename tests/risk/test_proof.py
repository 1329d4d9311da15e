"""The nightly proof: it holds on random worlds, and says so where it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import select

from services.kit import clock
from services.kit.db import Actor
from services.risk.actions import proving
from services.risk.app import PLUMBING, engine_off, ticks
from services.risk.rules import engine, proof
from services.risk.rules.proof import Proof, prove
from services.risk.rules.world import World
from tests.factories.risk import CheckpointSigned, event
from tests.risk.site import Site
from tests.risk.test_laws import thorough
from tests.risk.test_snapshots_service import a_chain
from tests.risk.worlds import seen_by, worlds


@thorough
@given(worlds())
def test_the_proof_holds_on_random_worlds(world: World) -> None:
    found = prove(seen_by("firm-0", world), seed=3)
    assert found is not None
    assert found.holds


def test_without_the_compiled_engine_there_is_nothing_to_prove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "has_compiled", lambda: False)
    facts: Any = None
    assert prove(facts, seed=1) is None


@pytest.mark.parametrize("found", [Proof(1e-9, 0.0), Proof(0.0, 1e-8), Proof(1.0, 1.0)])
def test_a_difference_beyond_the_promise_does_not_hold(found: Proof) -> None:
    assert not found.holds


def last_night(site: Site) -> dict[str, Any]:
    _, nightly = ticks(site.settings)["nightly-proof"]
    with site.worker.begin(Actor("beat")) as tx:
        nightly(tx, clock.now())
        audit = PLUMBING.audit
        query = select(audit.c.details).where(audit.c.operation == proving.OPERATION)
        found = tx.scalar(query.order_by(audit.c.id.desc()).limit(1))
    assert found is not None
    return dict(found)


def test_the_night_proves_the_newest_judgement_and_leaves_one_audit_row(
    site_alone: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    at: Callable[[datetime], None],
) -> None:  # fmt: skip
    scene, maker = a_chain()
    site_alone.hear(event(CheckpointSigned), *scene.events)
    snapshot = site_alone.ask(maker)["id"]
    told = last_night(site_alone)
    assert (told["snapshots"], told["broken"]) == (1, [])
    assert told["changes"] < proof.CHANGES_AGREE
    assert engine_off(site_alone.worker) == 0.0
    monkeypatch.setattr(proving, "prove", lambda *_: Proof(0.1, 0.0))
    assert last_night(site_alone)["broken"] == [snapshot]
    assert engine_off(site_alone.worker) == 1.0
    assert "the engines differ" in capsys.readouterr().err
