"""Work happens once in effect, whoever is killed meanwhile."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.outbox import kill_one, restart_some
from tests.system.conftest import Fresh, told_to_use
from tests.system.effects import effects_of
from tests.system.processes import backlog, carriers, together, wait_until
from tests.system.rabbit import Rabbit

pytestmark = [pytest.mark.needs("rabbitmq"), pytest.mark.slow, pytest.mark.system]

_ROUNDS, _EVENTS_A_ROUND = 20, 50
_DRAINED_SECONDS = 60.0


def test_a_thousand_events_have_exactly_one_effect_each_under_kills(
    fresh: Fresh, broker: Rabbit, tmp_path: Path
) -> None:
    settings = told_to_use(broker, fresh())
    chance = random.Random(1000)
    with (
        effects_of(settings) as effects,
        together(carriers(settings, tmp_path)) as processes,
    ):
        for _ in range(_ROUNDS):
            effects.say(_EVENTS_A_ROUND)
            time.sleep(chance.uniform(0.0, 0.8))
            kill_one(processes, chance)
            time.sleep(chance.uniform(0.0, 0.8))
            restart_some(processes, chance)
        for process in processes.values():
            process.restart()
        assert sum(process.kills for process in processes.values()) >= _ROUNDS / 2
        # Nobody ended but by our hand.
        assert {ending for p in processes.values() for ending in p.endings} == {-signal.SIGKILL}

        wait_until(effects.all_there, "the last effect", _DRAINED_SECONDS)
        wait_until(lambda: backlog(processes["relay"]) == 0, "an empty backlog", 30)

        assert effects.said == _ROUNDS * _EVENTS_A_ROUND
        assert effects.counts() == effects.exactly_once()
        assert effects.in_inboxes() == dict.fromkeys(effects.exactly_once(), effects.said)
        assert effects.unfinished() == 0
