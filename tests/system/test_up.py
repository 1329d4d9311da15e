"""`renshod up` as people run it: a process on a folder, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from services.demo.http import Where
from services.migrate import ROOT


def until(true: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.05)


class House:
    """One data folder and port, and the `renshod` processes started on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.started: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RENSHO_")}
        ours = {"RENSHO_DATA_DIR": str(self.folder / "data"), "RENSHO_PORT": str(self.port)}
        return inherited | ours | {"PYTHONPATH": str(ROOT)}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            env=self.environment | more,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "services", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log").open("a"),
            text=True,
        )
        self.started.append(process)
        return process

    def up(self) -> subprocess.Popen[str]:
        process = self.start("up")
        until(lambda: self.ready() or process.poll() is not None, "ready")
        assert process.poll() is None, (self.folder / "log").read_text()
        return process

    def ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx2.HTTPError:
            return False

    def get(self, path: str) -> httpx2.Response:
        with httpx2.Client(trust_env=False, timeout=5) as http:
            return http.get(f"{self.base}{path}")

    def logged(self) -> int:
        """How many statements the newest checkpoint holds; 0 while there is none."""
        try:
            shown = self.get("/log/checkpoint")
        except httpx2.HTTPError:
            return 0
        return int(shown.text.splitlines()[1]) if shown.is_success else 0

    def processes(self, word: str) -> list[psutil.Process]:
        """Processes of this folder whose command line has the word."""
        found = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                of_here = str(self.folder) in line or (
                    process.environ().get("RENSHO_DATA_DIR") == str(self.folder / "data")
                )
            except psutil.Error:
                continue
            if word in line and of_here and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def postmaster(self) -> int:
        lines = (self.folder / "data" / "postgres" / "postmaster.pid").read_text().splitlines()
        return int(lines[0])


@contextmanager
def a_house() -> Iterator[House]:
    # Not tmp_path: as root the embedded server is another user and needs an open parent.
    with tempfile.TemporaryDirectory(prefix="rensho-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        made = House(Path(name))
        yield made
        for process in made.started:
            process.kill()
            process.wait()
        for left in made.processes("postgres -D") + made.processes("sequencer"):
            left.kill()


@pytest.fixture
def house() -> Iterator[House]:
    """A folder of the test's own."""
    with a_house() as made:
        yield made


@pytest.fixture(scope="module")
def standing() -> Iterator[House]:
    """One house that is up for all tests which leave it standing."""
    with a_house() as made:
        made.up()
        yield made


@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/docs", "/log/checkpoint", "/risk/v1/openapi.json"]
)
def test_everything_is_served_on_one_port(standing: House, path: str) -> None:
    assert standing.get(path).status_code == 200


def test_its_metrics_tell_how_many_events_are_on_the_way(standing: House) -> None:
    where = Where(standing.base)
    until(lambda: where.on_the_way() == 0, "what started it to be heard of everywhere")
    assert "rensho_risk_engine_off 0.0" in standing.get("/metrics").text
    assert Where("http://127.0.0.1:9").on_the_way() is None


def test_ctrl_c_says_where_things_are_and_leaves_no_process_behind(house: House) -> None:
    process = house.up()
    assert house.processes("postgres -D")
    assert house.processes("sequencer")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"http://127.0.0.1:{house.port}/docs" in said
    assert str(house.folder / "data") in said
    assert house.processes("postgres -D") == []
    assert house.processes("sequencer") == []


def test_after_kill_9_of_anything_the_same_folder_comes_up_again_whole(house: House) -> None:
    process = house.up()
    checkpoint = house.get("/log/checkpoint").text.splitlines()
    process.kill()
    process.wait()
    until(lambda: house.processes("sequencer") == [], "the sequencer ends with its parent", 15)
    assert house.processes("postgres -D"), "the embedded server outlives its starter"
    again = house.up()
    assert house.get("/log/checkpoint").text.splitlines()[:2] == checkpoint[:2]
    report = house.run("fsck", "--json")
    assert report.returncode == 0, report.stdout + report.stderr
    assert json.loads(report.stdout)["damage"] == []
    os.kill(house.postmaster(), signal.SIGKILL)
    again.kill()
    again.wait()
    last = house.up()
    last.send_signal(signal.SIGTERM)
    assert last.wait(60) == 0
    assert house.processes("postgres -D") == [], "users that were killed no longer count"


def test_a_demo_killed_midway_goes_on_as_up_and_nothing_acknowledged_is_lost(house: House) -> None:
    demo = house.start("demo", "--suppliers", "8", "--tiers", "2")
    until(lambda: house.logged() > 12 or demo.poll() is not None, "the story well under way")
    seen = house.logged()
    demo.kill()
    demo.wait()
    assert seen > 12, (house.folder / "log").read_text()
    again = house.up()
    assert house.logged() >= seen
    until(lambda: Where(house.base).on_the_way() == 0, "what was said before to be heard of")
    report = house.run("fsck", "--json")
    assert report.returncode == 0, report.stdout + report.stderr
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 0


def test_a_killed_postgresql_comes_back_by_itself(standing: House) -> None:
    before = standing.postmaster()
    os.kill(before, signal.SIGKILL)
    until(lambda: standing.ready() and standing.postmaster() != before, "ready again")


def test_a_killed_sequencer_is_started_again(standing: House) -> None:
    until(lambda: bool(standing.processes("sequencer")), "sequencer")
    first = standing.processes("sequencer")[0]
    first.kill()
    until(
        lambda: [p.pid for p in standing.processes("sequencer")] not in ([], [first.pid]),
        "another sequencer",
    )


def test_a_second_up_on_the_same_folder_is_refused(standing: House) -> None:
    second = standing.run("up")
    assert second.returncode == 1
    assert "another renshod is up" in second.stderr


def test_a_taken_port_ends_the_start_at_once_and_leaves_nothing(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", house.port))
        taken.listen()
        failed = house.run("up")
    assert failed.returncode == 1
    assert "set RENSHO_PORT" in failed.stderr
    assert house.processes("postgres -D") == []


def test_production_refuses_to_start_by_accident(house: House) -> None:
    refused = house.run("up", RENSHO_ENV="production")
    assert refused.returncode == 2
    assert "predicate base" in refused.stderr


def test_a_process_of_its_own_refuses_the_in_memory_broker(house: House) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    for command in (["worker", "all"], ["relay"]):
        refused = house.run(*command, RENSHO_DATABASE_URL=url)
        assert refused.returncode == 2
        assert "RENSHO_BROKER_URL" in refused.stderr


def test_doctor_names_what_to_do_and_then_finds_nothing(house: House) -> None:
    ill = house.run("doctor")
    assert ill.returncode == 1
    assert "problem keys" in ill.stdout
    assert "renshod keys init" in ill.stdout
    assert "run `renshod migrate`" in ill.stdout
    assert house.run("keys", "init").returncode == 0
    assert house.run("migrate").returncode == 0
    well = house.run("doctor")
    assert well.returncode == 0, well.stdout
    assert re.findall("problem", well.stdout) == []


def test_doctor_finds_a_key_that_others_may_read(house: House) -> None:
    house.run("keys", "init")
    (house.folder / "data-keys" / "log" / "log.key").chmod(0o644)
    ill = house.run("doctor")
    assert ill.returncode == 1
    assert "chmod 600" in ill.stdout


def test_invite_prints_a_link_and_an_eight_digit_code(standing: House) -> None:
    invited = standing.run("invite", "架空工業株式会社", "first@kakuu.example")
    assert invited.returncode == 0, invited.stderr
    link, code = invited.stdout.splitlines()
    assert re.fullmatch(rf"link http://127.0.0.1:{standing.port}/invitations/\S{{43}}", link)
    assert re.fullmatch(r"code \d{8}", code)
    seen = standing.get(f"/identity/v1/invitations/{link.rpartition('/')[2]}")
    assert seen.json()["supplier_name"] == "架空工業株式会社"


def test_invite_refuses_what_is_no_mailbox(standing: House) -> None:
    refused = standing.run("invite", "架空工業株式会社", "no mailbox")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
