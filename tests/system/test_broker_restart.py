"""A broker that is restarted or killed under way loses nothing: the doorbell, not the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.kit.worker import queue_of
from tests.system.conftest import Fresh, told_to_use
from tests.system.effects import CONSUMERS, effects_of
from tests.system.processes import carriers, together, wait_until
from tests.system.rabbit import Rabbit

pytestmark = [pytest.mark.needs("rabbitmq"), pytest.mark.slow, pytest.mark.system]


def test_a_broker_stopped_and_killed_under_way_loses_nothing(
    fresh: Fresh, broker: Rabbit, tmp_path: Path
) -> None:
    settings = told_to_use(broker, fresh())
    with (
        effects_of(settings) as effects,
        together(carriers(settings, tmp_path, workers=1)) as processes,
    ):
        effects.say(100)
        broker.stop()
        effects.say(100)
        broker.start()
        effects.say(100)
        broker.kill()
        effects.say(100)
        broker.start()

        wait_until(effects.all_there, "the last effect", 60)

        # They waited for the broker; nobody had to start them again.
        assert [p.name for p in processes.values() if not p.alive] == []
        assert effects.counts() == effects.exactly_once()


def test_what_waited_in_the_queues_survives_a_kill_of_the_broker(
    fresh: Fresh, broker: Rabbit, tmp_path: Path
) -> None:
    settings = told_to_use(broker, fresh())
    relay, worker = carriers(settings, tmp_path, workers=1)

    def waiting() -> dict[str, int]:
        return {name: broker.waiting(queue_of(name)) for name in CONSUMERS}

    with effects_of(settings) as effects:
        with together([relay]):
            effects.say(100)
            everything_queued = dict.fromkeys(CONSUMERS, effects.said)
            wait_until(lambda: waiting() == everything_queued, "the relay to hand over", 30)
        broker.kill()
        broker.start()
        # A quorum queue counts what it has applied, a moment after it accepts clients.
        wait_until(lambda: waiting() == everything_queued, "the messages to be there again", 10)

        with together([worker]):
            # No relay that could send again: what comes now comes out of the queues.
            wait_until(effects.all_there, "the last effect", 30)
        assert effects.counts() == effects.exactly_once()
