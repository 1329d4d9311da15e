"""The main job by separate processes, three of them killed midway, ends as if nothing had been."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.demo.http import Where
from services.kit.settings import SERVICES
from tests.system import main_job
from tests.system.conftest import Fresh, told_to_use
from tests.system.processes import backlog, deployment, together, wait_until
from tests.system.rabbit import Rabbit
from tests.system.supervision import Killer, supervised

pytestmark = [pytest.mark.needs("rabbitmq"), pytest.mark.slow, pytest.mark.system]

_BUSY = 4

# (step of the story, share of it that is done) → who is killed then.
_KILLS = (
    ("tier 1: enrolling", 0.5, ("worker-questionnaire", "sequencer")),
    ("tier 2: enrolling", 0.5, ("relay", "worker-identity")),
    ("answering and signing", 0.2, ("sequencer", "worker-attestation")),
    ("answering and signing", 0.5, ("relay",)),
    ("answering and signing", 0.8, ("worker-questionnaire", "worker-risk", "sequencer")),
    ("judging", 0.0, ("worker-risk", "relay")),
)


class _Watcher:
    """Follows the story and has somebody killed at each of the moments chosen."""

    def __init__(self, killer: Killer) -> None:
        self._killer, self._left = killer, list(_KILLS)

    def __call__(self, step: str, done: int, total: int) -> None:
        due = [one for one in self._left if one[0] == step and done >= one[1] * total]
        for one in due:
            self._left.remove(one)
            self._killer.kill_soon(*one[2])

    @property
    def finished(self) -> bool:
        return not self._left


def test_the_main_job_ends_the_same_when_worker_relay_and_sequencer_are_killed_midway(
    fresh: Fresh, broker: Rabbit, tmp_path: Path
) -> None:
    settings, apart = told_to_use(broker, fresh()), fresh()
    with ThreadPoolExecutor(1) as meanwhile, ExitStack() as up:
        undisturbed = meanwhile.submit(main_job.undisturbed, apart, tmp_path)
        processes = up.enter_context(together(deployment(settings, tmp_path)))
        expected = undisturbed.result()

        webs = {name: processes[f"web-{name}"].url for name in SERVICES}
        where = Where("", webs, processes["relay"].url)
        with supervised(processes) as killer:
            watcher = _Watcher(killer)
            played = main_job.play(settings, where, tmp_path, watcher)
            assert watcher.finished
            for name in ("worker-questionnaire", "worker-risk", "relay", "sequencer"):
                assert processes[name].kills > 0, name

        assert main_job.comparable(played.summary) == main_job.comparable(expected)
        assert {given["state"] for given in played.story.signed.values()} == {"logged"}
        six = "VALID in signature, log, time, context, status, content"
        assert len(played.verified) == 3
        assert all(line.endswith(f": {six}") for line in played.verified)
        wait_until(lambda: backlog(processes["relay"]) == 0, "every event to have its effect", 60)
        # Nobody ended but by our hand, or because the killed one's lock was still held.
        endings = {(p.name, code) for p in processes.values() for code in p.endings}
        assert {code for _, code in endings} <= {-signal.SIGKILL, _BUSY}, endings
        assert all(name == "sequencer" for name, code in endings if code == _BUSY)

    found = json.loads(main_job.renshod(settings, "fsck", "--json", cwd=tmp_path))
    assert found["damage"] == []
    assert found["on_the_way"] == 0
    assert found["events"] > len(played.story.signed)
