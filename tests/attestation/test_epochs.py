"""A log ends, and the next begins with its word."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from rensho import archive, checkpoint, strict_json, succession
from rensho.documents import Response, sha256
from rensho.dsse import Envelope
from rensho.verify import Material, verify
from typer.testing import CliRunner

from services.__main__ import app
from services.attestation.actions import sequencing
from services.attestation.app import SequencerRefused, run_sequencer
from services.attestation.tasks import succession as commands
from services.attestation.tasks.sequencer import exclusive
from services.attestation.tasks.succession import NotEnded, freeze, succeed
from services.kit import clock
from services.kit.db import new_id
from services.processes import BUSY, REFUSED
from tests.attestation.site import Relation, Site, relation
from tests.attestation.succeeding import ANYBODY, NEXT, OLD, logged, taken, work


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def test_a_frozen_log_keeps_its_promises_and_takes_no_more(site: Site, here: Relation) -> None:
    promised, queued = here.maker().make(), here.maker().make()
    assert site.submit(here.respondent, promised).status_code == 202
    site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
    assert site.submit(here.respondent, queued).status_code == 202
    final = freeze(site.settings)
    assert (final.origin, final.size) == (OLD, site.anchor.size)
    assert site.get(f"/statements/{promised.ids[0]}/bundle", here.respondent.org).status_code == 200
    assert site.get(f"/statements/{queued.ids[0]}/bundle", here.respondent.org).status_code == 404
    refused = site.submit(here.respondent, here.maker().make())
    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:rensho:problem:log/frozen"
    assert int(refused.headers["retry-after"]) > 0
    assert site.damage() == []


def test_a_log_that_ended_signs_nothing_any_more(site: Site, here: Relation) -> None:
    final = freeze(site.settings)
    note = site.log.get("/checkpoint").content
    clock.configure("+7300")
    try:
        work(site)
    finally:
        clock.configure(None)
    assert site.log.get("/checkpoint").content == note
    assert site.sql("SELECT max(size) FROM attestation.checkpoint") == [(final.size,)]
    assert freeze(site.settings) == final


def test_a_log_does_not_end_while_something_is_under_way(
    site: Site, here: Relation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.submit(here.respondent, here.maker().make()).status_code == 202
    site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
    monkeypatch.setattr(commands, "_work", lambda _settings: None)
    with pytest.raises(NotEnded):
        freeze(site.settings, patience=0.1)
    monkeypatch.undo()
    assert freeze(site.settings).size == site.anchor.size


def test_there_is_nothing_to_end_before_the_log_is_open(site: Site) -> None:
    site.sql("TRUNCATE attestation.epoch, attestation.checkpoint CASCADE")
    for command in (freeze, succeed):
        with pytest.raises(SequencerRefused) as why:
            command(site.settings)
        assert why.value.code == "log.not_ended"


def test_a_log_that_has_not_ended_has_no_successor(site: Site) -> None:
    with pytest.raises(SequencerRefused) as why:
        succeed(site.settings)
    assert why.value.code == "log.not_ended"
    with exclusive(site.settings), pytest.raises(SequencerRefused) as busy:
        succeed(site.settings)
    assert busy.value.code == "busy"


def test_the_next_log_begins_with_the_word_of_the_old_one(site: Site, here: Relation) -> None:
    version = site.trust.version
    final = freeze(site.settings)
    assert succeed(site.settings).origin == NEXT
    work(site)
    trust = site.trust
    assert trust.version > version
    old, new = trust.deployments[0].epochs
    assert (old.origin, new.origin) == (OLD, NEXT)
    assert {old.key, old.time_key}.isdisjoint({new.key, new.time_key})
    assert old.final_checkpoint is not None
    last = checkpoint.open(old.final_checkpoint, trust.deployments[0].note_keys(old))
    assert (last.origin, last.size, last.root_hash) == (OLD, final.size, final.root_hash)
    succession.check_succession(OLD, old, last, new)
    assert succession.first_root(old) == site.log.get("/tile/0/000.p/1").content
    envelope = site.log.get(f"/{NEXT}/succession")
    assert envelope.content == old.succession
    assert site.log.get(f"/{OLD}/succession").status_code == 404
    said = Envelope.from_json(strict_json.loads(envelope.content), succession.SUCCESSION)
    assert site.log.get(f"/proof/{sha256(said.pae)}").json()["origin"] == NEXT
    assert site.damage() == []


def test_the_first_list_of_the_next_log_restates_what_holds(site: Site, here: Relation) -> None:
    work(site)
    before = site.api.get("/status").json()
    freeze(site.settings)
    succeed(site.settings)
    work(site)
    after = site.api.get("/status").json()
    assert (before["origin"], after["origin"], after["size"]) == (OLD, NEXT, 1)


def test_each_log_is_read_under_its_origin(site: Site, here: Relation) -> None:
    final = freeze(site.settings)
    tile = site.log.get(f"/tile/0/000.p/{final.size}").content
    succeed(site.settings)
    work(site)
    note = site.log.get(f"/{OLD}/checkpoint").content
    assert note.splitlines()[:2] == [OLD.encode(), str(final.size).encode()]
    assert site.log.get(f"/{OLD}/tile/0/000.p/{final.size}").content == tile
    entries = f"/{OLD}/tile/entries/000.p/{final.size}"
    assert site.log.get(entries).status_code == 401
    assert site.log.get(entries, headers=site.headers(new_id())).status_code == 200
    assert site.log.get("/checkpoint").content.startswith(NEXT.encode())
    assert site.log.get(f"/{NEXT}/checkpoint").content == site.log.get("/checkpoint").content
    for path in ("/other.example/checkpoint", "/other.example/tile/0/000.p/1"):
        assert site.log.get(path).status_code == 404
    proof = site.log.get(f"/proof/{here.request.ids[0]}").json()
    assert (proof["origin"], proof["size"]) == (OLD, final.size)


def test_what_waited_is_logged_in_the_next_log_and_verifies(site: Site, here: Relation) -> None:
    """Keys and request are of the first log, the response of the second."""
    response = Response(str(new_id()), 1)
    assert site.submit(here.respondent, here.maker(response=response).make()).status_code == 202
    freeze(site.settings)
    succeed(site.settings)
    work(site)
    verdict = verify(Material(taken(here, response)), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert set(verdict.parts.values()) == {"VALID"}
    assert site.damage() == []


def test_a_response_of_the_first_log_is_valid_under_the_third(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    logged(here, response)
    for _ in range(2):
        freeze(site.settings)
        succeed(site.settings)
        work(site)
    site.enrolled()
    work(site)
    content = taken(here, response)
    assert [epoch.origin for epoch in site.trust.deployments[0].epochs][2].startswith("e3.")
    verdict = verify(Material(content), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    links = archive.read_consistency(archive.read(content)["consistency.json"])
    assert {link.smaller for link in links if link.origin == NEXT} >= {1}
    assert site.damage() == []


def test_the_process_goes_over_to_the_next_log(site: Site, here: Relation) -> None:
    stop, failed = threading.Event(), threading.Event()

    def run() -> None:
        try:
            run_sequencer(site.settings, stop)
        except SequencerRefused:
            failed.set()
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        final = freeze(site.settings, patience=30)
        # The frozen sequencer has given up its place, or does within a moment.
        for _ in range(50):
            with suppress(SequencerRefused):
                succeed(site.settings)
                break
            threading.Event().wait(0.1)
        made = here.maker().make()
        path = site.submit(here.respondent, made).headers["location"]
        path = path.removeprefix("/attestation/v1")
        for _ in range(200):
            if site.get(path, here.respondent.org).json()["state"] == "logged":
                break
            threading.Event().wait(0.05)
    finally:
        stop.set()
        thread.join(15)
    assert not failed.is_set()
    assert site.get(path, here.respondent.org).json()["state"] == "logged"
    assert site.log.get(f"/proof/{made.ids[0]}").json()["origin"] == NEXT
    assert site.log.get(f"/{OLD}/checkpoint").content.splitlines()[1] == str(final.size).encode()


def test_the_commands_end_and_begin_and_tell_refusals_by_exit_code(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.enrolled()
    settings = site.settings
    assert settings.database_url is not None
    for name, value in {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DATA_DIR": settings.data_dir,
        "KEYS_DIR": settings.keys,
        "LOG_ORIGIN": settings.log_origin,
    }.items():
        monkeypatch.setenv(f"RENSHO_{name}", str(value))

    def run(*words: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["log", *words])
        return found.exit_code, found.output

    assert run("succeed")[0] == REFUSED
    with exclusive(settings):
        assert run("succeed")[0] == BUSY
    code, text = run("freeze")
    assert (code, f"{OLD} has ended" in text) == (0, True)
    code, text = run("succeed")
    assert (code, f"{NEXT} has begun" in text) == (0, True)
    assert run("succeed")[0] == REFUSED
    work(site)
    assert site.damage() == []
