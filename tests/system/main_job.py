"""The main job, played once by `renshod demo` undisturbed and once here, step by step."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.demo import judging, report
from services.demo.cast import REQUESTER
from services.demo.http import Where
from services.demo.story import Story
from services.demo.world import build
from services.everything import environment
from services.kit.settings import Settings

SUPPLIERS, TIERS, SEED = 16, 3, 1
_MADE_ANEW = ("requester", "snapshot", "seconds")
_NAMELESS = re.compile(r"p_[a-z2-7]{16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Played:
    """A finished run of the main job."""

    story: Story
    summary: dict[str, Any]
    verified: list[str]
    replayed: str


def renshod(settings: Settings, *arguments: str, cwd: Path) -> str:
    """Run one command of the server to its end; returns what it printed.

    Raises:
        AssertionError: it did not exit 0.
    """
    done = subprocess.run(
        [sys.executable, "-m", "services", *arguments],
        env=environment(settings),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def undisturbed(settings: Settings, folder: Path) -> dict[str, Any]:
    """Play the main job as `renshod demo` does, in one process; returns its summary."""
    size = ("--suppliers", str(SUPPLIERS), "--tiers", str(TIERS), "--seed", str(SEED))
    renshod(settings, "demo", *size, "--out", str(folder / "demo"), cwd=folder)
    return dict(json.loads((folder / "demo" / "summary.json").read_bytes()))


def play(
    settings: Settings, where: Where, folder: Path, progress: Callable[[str, int, int], None]
) -> Played:
    """Play the main job against a running system.

    Raises:
        services.demo.http.StoryBroken: something was not as told.
    """
    printed = renshod(settings, "invite", REQUESTER.name, REQUESTER.mailbox, cwd=folder)
    link, code = (line.split(maxsplit=1)[1] for line in printed.splitlines()[:2])
    story = Story(where, build(SUPPLIERS, TIERS, SEED), lambda _: None, progress)
    story.requester_enrols(link, code)
    story.requester_imports()
    story.ask_down_the_chain()
    story.everybody_answers()
    story.requester_reviews()
    story.a_forgery_is_refused()
    progress("judging", 0, 1)
    judged = judging.take_snapshot(story)
    progress("judging", 1, 1)
    scores, tiers = judging.erp_pulls(story)
    out = folder / "out"
    out.mkdir()
    zips = judging.write_files(story, judged, scores, out)
    return Played(
        story,
        report.summary(story, judged, tiers),
        judging.verify_offline(story, zips, out),
        judging.replay_offline(out),
    )


def comparable(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what two runs of one story share: all but times and what was given an id anew."""
    kept = {name: value for name, value in summary.items() if name not in _MADE_ANEW}
    return dict(json.loads(_NAMELESS.sub("…", json.dumps(kept, ensure_ascii=False))))
