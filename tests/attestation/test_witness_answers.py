"""What witnesses answer, which of it counts, who may read entries, and what a monitor sees."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rensho import checkpoint, log_access, strict_base64
from rensho.checkpoint import NoteKey
from rensho.keys import PrivateKey
from rensho.log_reader import LogReader
from rensho.monitor import Watch, look
from rensho.monitor_state import State

from services.attestation.app import SequencerRefused
from services.attestation.rules.witnesses import Line, Nothing, Observer, read, verified
from services.attestation.tasks import witnesses as tasks
from services.kit import clock
from services.kit.settings import Settings
from tests.attestation.site import relation
from tests.attestation.watched import Liar, Watched
from tests.witness.logs import SomeLog


def test_a_witness_that_saw_more_than_there_is_stops_the_log(watched: Watched) -> None:
    watched.enrolled()
    beyond = watched.signed_size + 1
    with Liar(409, f"{beyond}\n".encode(), "text/x.tlog.size").up() as liar:
        watched.told(2, liar.setting())
        with pytest.raises(SequencerRefused) as why:
            watched.new_sequencer().start()
    assert why.value.code == "witness.ahead"
    assert "liar.example cosigned size" in why.value.detail


@pytest.mark.parametrize("status", [409, 422])
def test_a_witness_that_sees_no_continuation_stops_the_log(watched: Watched, status: int) -> None:
    watched.enrolled()
    with Liar(status, b"0\n", "text/x.tlog.size").up() as liar:
        watched.told(2, liar.setting())
        with pytest.raises(SequencerRefused) as why:
            watched.new_sequencer().start()
    assert why.value.code == "witness.forked"


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        (404, b"no such log", "text/plain"),
        (200, b"", "text/plain"),
        (200, b"nonsense", "text/plain"),
        (200, b"x" * 20_000, "text/plain"),
        (409, b"many", "text/x.tlog.size"),
        (409, b"1", "text/plain"),
        (307, b"", "text/plain"),
    ],
)
def test_a_useless_answer_is_no_voice_and_no_harm(
    watched: Watched, status: int, body: bytes, media_type: str
) -> None:
    with Liar(status, body, media_type).up() as liar:
        watched.told(2, liar.setting())
        again = watched.new_sequencer()
        again.start()
        watched.__dict__["sequencer"] = again
        watched.enrolled()
        assert liar.asked > 0
        watched.until(lambda: watched.shown_size == watched.signed_size)
        again.witnesses.close()


def test_a_slow_witness_holds_up_nobody(watched: Watched) -> None:
    with Liar(seconds=2.5).up() as liar:
        watched.told(2, liar.setting())
        again = watched.new_sequencer()
        again.start()
        watched.__dict__["sequencer"] = again
        here = relation(watched)
        began = time.monotonic()
        watched.submit(here.respondent, here.maker().make())
        again.round()
        assert time.monotonic() - began < 2
        watched.until(lambda: watched.shown_size == watched.signed_size)
        again.witnesses.close()


def _as_witness(site: Watched, origin: str, name: str = "w1.example") -> dict[str, str]:
    key = PrivateKey.from_pem((site.folder / name / "witness.key").read_bytes())
    return {"Authorization": log_access.header(name, key, origin, clock.now())}


def test_entry_tiles_are_for_organizations_and_witnesses(watched: Watched) -> None:
    firm = watched.enrolled()
    origin, size = watched.settings.log_origin, watched.shown_size
    for path in (f"/tile/entries/000.p/{size}", f"/{origin}/tile/entries/000.p/{size}"):
        assert watched.log.get(path).status_code == 401
        assert watched.log.get(path, headers=watched.headers(firm.org, set())).status_code == 403
        as_org = watched.log.get(path, headers=watched.headers(firm.org, {"log.read"}))
        as_witness = watched.log.get(path, headers=_as_witness(watched, origin))
        assert as_org.status_code == as_witness.status_code == 200
        assert as_org.content == as_witness.content
        assert as_org.headers["cache-control"].startswith("private")
        for bad in (
            _as_witness(watched, f"e2.{origin}"),
            {"Authorization": "Rensho-Witness w1.example now sig"},
        ):
            assert watched.log.get(path, headers=bad).status_code == 401


def test_the_monitor_follows_the_real_log(watched: Watched) -> None:
    firm = watched.enrolled()
    mine = frozenset({firm.key.public.key_id})
    with watched.shown() as url:
        origin = watched.settings.log_origin
        reader = LogReader(url, lambda asked: _as_witness(watched, asked)["Authorization"])
        report, state = look(reader, watched.trust, Watch(mine, entries=True), State(), clock.now())
        assert (report.alarms, report.failure) == ([], None)
        assert state.logs[origin].size == watched.shown_size
        here = relation(watched)
        made = here.maker().make()
        watched.submit(here.respondent, made)
        watched.sequencer.round()
        watch = Watch(
            frozenset({here.respondent.key.public.key_id}), frozenset(made.ids), entries=True
        )
        report, state = look(reader, watched.trust, watch, state, clock.now())
        assert (report.alarms, report.failure) == ([], None)
        assert set(state.logs[origin].mine) == set(made.ids)
        report, state = look(reader, watched.trust, Watch(), state, clock.now())
        assert (report.alarms, report.failure) == ([], None)


_KEY = strict_base64.encode(PrivateKey.generate("ed25519").public.raw_ed25519)
_OTHER = strict_base64.encode(PrivateKey.generate("ed25519").public.raw_ed25519)


@pytest.mark.parametrize(
    ("told", "quorum"),
    [
        ("{}", 0),
        ("[", 0),
        ("[1]", 0),
        ('[{"name": "a"}]', 0),
        ('[{"name": "", "key": "%s"}]', 0),
        ('[{"name": "a b", "key": "%s"}]', 0),
        ('[{"name": "a", "key": "%s", "url": "ftp://a"}]', 0),
        ('[{"name": "a", "key": "%s", "url": 1}]', 0),
        ('[{"name": "a", "key": "%s", "more": 1}]', 0),
        ('[{"name": "a", "key": "%s"}]', 1),
        ('[{"name": "log.example", "key": "%s"}]', 0),
        ('[{"name": "a", "key": "%s"}, {"name": "b", "key": "%s"}]', 0),
        (json.dumps([{"name": "a", "key": _KEY}, {"name": "a", "key": _OTHER}]), 0),
        (json.dumps([{"name": f"w{n}", "key": _KEY} for n in range(21)]), 0),
        ("/no/such/file", 0),
    ],
)
def test_a_list_of_witnesses_that_cannot_be_meant_is_refused(told: str, quorum: int) -> None:
    settings = Settings(
        witnesses=told.replace("%s", _KEY), witness_quorum=quorum, log_origin="log.example"
    )
    with pytest.raises(SequencerRefused) as why:
        tasks.panel_of(settings)
    assert why.value.code == "witness.settings"


def test_the_list_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "witnesses.json"
    path.write_text(json.dumps([{"name": "a", "key": _KEY, "url": "http://127.0.0.1:1/"}]))
    found = tasks.panel_of(Settings(witnesses=str(path), witness_quorum=1))
    assert [one.url for one in found.asked] == ["http://127.0.0.1:1"]


def _line(log: SomeLog, key: PrivateKey, seconds: int = 0) -> bytes:
    note = log.note()
    moment = clock.now() + timedelta(seconds=seconds)
    return checkpoint.add_cosignature(note, "a", key, moment)[len(note) :]


def test_only_a_line_of_that_witness_with_an_honest_clock_is_taken() -> None:
    log, key, stranger = SomeLog().grow(3), *(PrivateKey.generate("ed25519") for _ in range(2))
    entry = {"name": "a", "key": strict_base64.encode(key.public.raw_ed25519)}
    observer: Observer = read(json.dumps([entry]), 0, []).observers[0]
    log_key = NoteKey(log.origin, log.key.public.raw_ed25519)

    def judged(lines: bytes) -> Any:
        return verified(lines, log.note(), log_key, observer, clock.now())

    good = _line(log, key)
    assert isinstance(judged(good), Line)
    assert judged(_line(log, stranger) + good).text == good
    for bad in (
        b"",
        b"nonsense\n",
        _line(log, stranger),
        _line(SomeLog(log.origin, log.key).grow(4), key),
        _line(log, key, 3600),
        _line(log, key, -3600),
    ):
        assert isinstance(judged(bad), Nothing)
