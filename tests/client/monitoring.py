"""A log with a monitor beside it, and another history for the monitor to find."""

from __future__ import annotations

import copy
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from rensho import bundle, dsse
from rensho.keys import PrivateKey
from rensho.log_reader import LogReader
from rensho.monitor import Report, Watch, claims, look
from rensho.monitor_state import State
from rensho.promises import Promise

from tests.client.deployment import HOST, Log, World
from tests.client.shown_log import TOKEN, Shown

Alarms = list[str]


def published() -> World:
    made = World(now=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5))
    made.publish()
    return made


def logged(world: World, key: PrivateKey, count: int = 1) -> list[str]:
    """Statements of a key in the log; what they say is nothing to a monitor."""
    ids = []
    for _ in range(count):
        envelope = dsse.sign(key, os.urandom(16))
        world.log.leaves.append(bundle.leaf(envelope, key.public))
        claim = claims(world.log.leaves[-1])
        assert claim is not None
        assert claim[0] == key.public.key_id
        ids.append(claim[1])
    world.now += timedelta(seconds=1)
    world.publish()
    return ids


class Monitor:
    """One with a memory; every look writes it down and reads it back."""

    def __init__(self, shown: Shown, **watch: Any) -> None:
        self.shown, self.state = shown, State()
        self.watch = Watch(**{"entries": True} | watch)

    def look(self, at: datetime | None = None, **trust: Any) -> Report:
        world = self.shown.world
        reader = LogReader(f"{self.shown.url}/", lambda _: f"Bearer {TOKEN}")
        report, state = look(reader, world.trust(**trust), self.watch, self.state, at or world.now)
        self.state = State.load(state.to_bytes())
        return report

    def alarms(self, at: datetime | None = None, **trust: Any) -> Alarms:
        report = self.look(at, **trust)
        assert report.failure is None
        return [one.code for one in report.alarms]


def other_history(world: World, keep: int, more: int) -> Log:
    """The same log with the same keys, and other leaves after the first `keep`."""
    fork = copy.copy(world.log)
    fork.leaves = [*world.log.leaves[:keep], *(os.urandom(9) for _ in range(more))]
    fork.heads = dict(world.log.heads)
    fork.publish(world.now)
    return fork


def promise(world: World, statement_id: str, **changes: Any) -> Promise:
    fields = {"received_at": world.now, "include_by": world.now + timedelta(seconds=60)}
    return Promise(**{"origin": HOST, "statement_id": statement_id} | fields | changes)
