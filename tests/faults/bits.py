"""A thousand single bits of the evidence of a deployment that has done the whole main job."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from services import fsck
from services.everything import environment
from services.kit.settings import Settings
from services.parts import databases, part
from tests.faults.flips import Flipper
from tests.faults.grounds import assert_ours, database, open_folder
from tests.faults.tally import Part, Tally

_CLEAN_EVERY = 100


@contextmanager
def lived_in(admin_url: str, folder: Path, suppliers: int = 6) -> Iterator[Settings]:
    """A deployment after `renshod demo`: every kind of statement is in its log."""
    with database(admin_url) as url:
        settings = Settings(
            data_dir=folder / "data", keys_dir=folder / "keys", database_url=SecretStr(url), port=0
        )
        play(settings, folder, suppliers)
        yield settings


def play(settings: Settings, folder: Path, suppliers: int) -> None:
    """Play the main job on a deployment that nobody has used."""
    size = ("--suppliers", str(suppliers), "--tiers", "2", "--out", str(folder / "out"))
    done = subprocess.run(
        [sys.executable, "-m", "services", "demo", *size],
        env=environment(settings),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def damage_of(settings: Settings) -> tuple[fsck.Found, ...]:
    """Return what `renshod fsck` finds."""
    with databases(settings, "worker") as opened:
        return fsck.check(settings, opened, lambda _: None).damage


def columns_of(service: str, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns."""
    declared = part(service).PLUMBING.outbox.metadata.tables[f"{service}.{table}"]
    return tuple(column.name for column in declared.columns)


def run(tally: Tally) -> None:
    """Flip as many bits as are left, and look at the whole in between."""
    if not tally.more():
        return
    with open_folder() as folder, lived_in(tally.admin_url, folder) as settings:
        assert_ours(settings, folder)
        flipper = Flipper(settings, random.Random(tally.rounds))
        try:
            while tally.more():
                if tally.rounds % _CLEAN_EVERY == 0:
                    found = damage_of(settings)
                    tally.add(looks_at_the_clean_whole=1, false_alarms=len(found))
                    for one in found[:3]:
                        tally.note(f"false alarm: {one}")
                flip, located = flipper.one()
                tally.add(rounds=1, located=located, missed=not located)
                if not located:
                    tally.note(f"missed: {flip}")
            tally.add(false_alarms=len(damage_of(settings)), looks_at_the_clean_whole=1)
            if flipper.empty:
                tally.note(f"without a row in this world: {', '.join(sorted(flipper.empty))}")
        finally:
            flipper.close()


PART = Part(
    "bits",
    "one flipped bit in any row of any table of evidence is found, and its table and row are named;"
    " a clean system gives no alarm",
    "bits",
    1_000,
    ("missed", "false_alarms"),
    run,
)
