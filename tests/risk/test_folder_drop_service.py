"""The nightly folder: a file, its control totals, and last the mark that both are whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.kit import clock
from services.kit.db import Actor
from services.risk.app import ticks
from services.risk.tasks import drop
from tests.risk.served import Maker
from tests.risk.site import Site

SCOPES = {"deliveries.read", "deliveries.write"}


class Dropped:
    def __init__(self, site: Site) -> None:
        self.site, self.maker = site, Maker(site)

    def call(self, method: str, **given: Any) -> Any:
        headers = self.site.headers(self.maker.firm, SCOPES)
        return self.site.http.request(method, "/folder-drop", headers=headers, **given)

    def night(self) -> None:
        _, tick = ticks(self.site.settings)["folder-drop"]
        with self.site.worker.begin(Actor("beat")) as tx:
            tick(tx, clock.now())

    @property
    def folder(self) -> Path:
        return drop.folder(self.site.settings, UUID(self.maker.firm.org))

    def names(self) -> set[str]:
        return {path.name for path in self.folder.glob("*")} | {
            path.name for path in self.folder.glob(".*")
        }


@pytest.fixture
def dropped(site: Site) -> Dropped:
    made = Dropped(site)
    made.maker.supply("東京精密㈱", vendor_codes=["00123"])
    made.maker.supply("Größe", vendor_codes=["V-2"])
    made.maker.judge()
    return made


@pytest.mark.parametrize(("encoding", "rows"), [("utf-8", 2), ("cp932", 1)])
def test_a_night_leaves_the_export_its_totals_and_the_done_file(
    dropped: Dropped, encoding: str, rows: int
) -> None:
    assert dropped.call("PUT", json={"encoding": encoding}).json()["encoding"] == encoding
    dropped.night()
    day = f"{clock.now():%Y%m%d}"
    assert dropped.names() == {
        f"scores-{day}.csv",
        f"scores-{day}.totals.json",
        f"scores-{day}.done",
    }
    content = (dropped.folder / f"scores-{day}.csv").read_bytes()
    wanted = dropped.maker.get("/exports/scores.csv", params={"encoding": encoding})
    assert content == wanted.content
    totals = json.loads((dropped.folder / f"scores-{day}.totals.json").read_bytes())
    assert totals["sha256"] == hashlib.sha256(content).hexdigest()
    assert (totals["bytes"], totals["rows"]) == (len(content), rows)
    assert (totals["rows_left_out"], len(totals["left_out"])) == (2 - rows, 2 - rows)
    assert totals["score_total"] == wanted.headers["rensho-score-total"]


def test_a_failure_before_the_end_leaves_no_done_file(
    dropped: Dropped, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped.call("PUT", json={})
    dropped.night()
    done = dropped.folder / f"scores-{clock.now():%Y%m%d}.done"
    assert done.exists()

    def dies(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(drop, "_write", dies)
    dropped.night()
    assert not done.exists()


def test_files_of_last_month_go_and_other_peoples_files_stay(
    dropped: Dropped, at: Callable[[datetime], None]
) -> None:
    dropped.call("PUT", json={})
    dropped.night()
    (dropped.folder / "notes.txt").write_text("ours")
    first = dropped.names()
    at(clock.now() + timedelta(days=32))
    dropped.night()
    assert dropped.names() & first == {"notes.txt"}
    assert len(dropped.names()) == 4


def test_nobody_gets_files_that_did_not_ask_or_asked_to_stop(dropped: Dropped) -> None:
    assert dropped.call("GET").status_code == 404
    assert dropped.call("DELETE").status_code == 404
    dropped.night()
    assert not dropped.folder.exists()
    dropped.call("PUT", json={"encoding": "cp932"})
    assert dropped.call("GET").json()["encoding"] == "cp932"
    assert dropped.call("DELETE").status_code == 204
    dropped.night()
    assert not dropped.folder.exists()


def test_before_the_first_snapshot_the_folder_stays_empty(site: Site) -> None:
    new = Dropped(site)
    new.call("PUT", json={})
    new.night()
    assert new.names() == set()
