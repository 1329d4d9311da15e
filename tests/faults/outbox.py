"""Ten thousand events while relay and workers are killed and started again."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from pydantic import SecretStr

from services.kit.settings import Settings
from tests.deployments import deployed
from tests.faults.grounds import assert_ours, database, open_folder
from tests.faults.tally import Part, Tally
from tests.system.effects import effects_of
from tests.system.processes import Process, carriers, together, wait_until
from tests.system.rabbit import Rabbit

_A_ROUND = 50
_A_RUN = 2_500
_DRAINED_SECONDS = 120.0


def run(tally: Tally) -> None:
    """Say events in runs of some thousands, each on a broker and database of its own."""
    while tally.more():
        with open_folder() as folder, database(tally.admin_url) as url:
            rabbit = Rabbit(folder / "rabbit")
            try:
                rabbit.start()
                settings = deployed(url, folder)
                settings = settings.model_copy(update={"broker_url": SecretStr(rabbit.url)})
                assert_ours(settings, folder)
                events = min(_A_RUN, tally.wanted - tally.rounds)
                carry(tally, settings, folder, events)
            finally:
                rabbit.close()


def carry(tally: Tally, settings: Settings, folder: Path, events: int) -> None:
    """Say so many events under kills, and count what came of them."""
    chance = random.Random(tally.rounds)
    with (
        effects_of(settings) as effects,
        together(carriers(settings, folder)) as processes,
    ):
        for _ in range(-(-events // _A_ROUND)):
            effects.say(min(_A_ROUND, events - effects.said))
            time.sleep(chance.uniform(0.0, 0.8))
            kill_one(processes, chance)
            time.sleep(chance.uniform(0.0, 0.8))
            restart_some(processes, chance)
        for process in processes.values():
            process.restart()
        began = time.monotonic()
        try:
            wait_until(effects.all_there, "the last effect", _DRAINED_SECONDS)
        except AssertionError as why:
            tally.note(str(why))
        tally.worst("seconds_to_drain", time.monotonic() - began)
        endings = {code for one in processes.values() for code in one.endings}
        tally.add(
            rounds=effects.said,
            kills=sum(one.kills for one in processes.values()),
            effects_wrong=_wrong(effects.counts(), effects.exactly_once()),
            ended_by_themselves=len(endings - {-signal.SIGKILL}),
        )


def _wrong(counts: dict[str, tuple[int, int]], wanted: dict[str, tuple[int, int]]) -> int:
    """How many effects are missing or one too many, over all consumers."""
    return sum(
        abs(counts.get(name, (0, 0))[0] - times) + abs(counts.get(name, (0, 0))[1] - subjects)
        for name, (times, subjects) in wanted.items()
    )


def kill_one(processes: dict[str, Process], chance: random.Random) -> None:
    """Kill a living process or one of its children."""
    living = [process for process in processes.values() if process.alive]
    if not living:
        return
    victim = chance.choice(living)
    if victim.name == "relay" or chance.random() < 0.5:
        victim.kill()
    else:
        victim.kill_child()


def restart_some(processes: dict[str, Process], chance: random.Random) -> None:
    """Not everybody at once: for a while nobody carries, or nobody works."""
    for process in processes.values():
        if not process.alive and chance.random() < 0.8:
            process.restart()


PART = Part(
    "outbox",
    "an event has exactly one effect at each consumer, whoever is killed meanwhile",
    "events",
    10_000,
    ("effects_wrong", "ended_by_themselves"),
    run,
)
