"""Nothing is shown without its quorum, nothing waits for a witness, and a fork is refused."""

from __future__ import annotations

import json
import threading
import time

import pytest
from rensho import bundle, checkpoint

from services.attestation.actions import guard_file, witnessing
from services.attestation.app import SequencerRefused, run_sequencer
from services.attestation.rules.guard import Head
from services.attestation.tasks import readiness, succession
from services.kit import clock
from tests.attestation.site import Site, relation
from tests.attestation.watched import Watched
from tests.factories.attestation import Firm, OrganizationEnrolled, event


def test_trust_names_the_witnesses_and_every_head_shown_has_their_lines(watched: Watched) -> None:
    here = relation(watched)
    made = here.maker().make()
    watched.submit(here.respondent, made)
    watched.sequencer.round()
    deployment = watched.trust.deployments[0]
    assert deployment.witness_quorum == 2
    assert [one.name for one in deployment.witnesses] == ["w1.example", "w2.example"]
    keys = deployment.note_keys(deployment.epochs[-1])
    notes = [watched.log.get("/checkpoint").content]
    for statement_id in made.ids:
        content = watched.get(f"/statements/{statement_id}/bundle", here.respondent.org).content
        entry = bundle.parse(content).entry
        assert entry is not None
        notes.append(entry.checkpoint)
    for note in notes:
        cosigned = checkpoint.open(note, keys).cosigned_at
        assert {one.note_key for one in deployment.witnesses} <= set(cosigned)
    assert watched.damage() == []


def test_without_the_quorum_nothing_is_shown_and_nothing_is_lost(watched: Watched) -> None:
    here = relation(watched)
    shown = watched.shown_size
    watched.take_down("w2.example")
    made = here.maker().make()
    place = watched.submit(here.respondent, made).headers["location"]
    path = place.removeprefix("/attestation/v1")
    for _ in range(3):
        watched.sequencer.round()
    assert watched.signed_size > shown
    assert watched.shown_size == shown
    assert watched.get(path, here.respondent.org).json()["state"] == "promised"
    assert watched.log.get(f"/tile/0/000.p/{watched.signed_size}").status_code == 404
    assert watched.log.get(f"/proof/{made.ids[0]}").status_code == 404
    assert watched.damage() == []
    watched.put_back("w2.example")
    watched.until(lambda: watched.shown_size > shown)
    watched.sequencer.round()
    assert watched.get(path, here.respondent.org).json()["state"] == "logged"
    assert watched.damage() == []


def test_a_witness_that_is_away_holds_up_no_leaf(watched: Watched) -> None:
    here = relation(watched)
    for name in list(watched.up):
        watched.take_down(name)
    before = watched.sql("SELECT count(*) FROM attestation.leaf")[0][0]
    watched.submit(here.respondent, here.maker().make())
    began = time.monotonic()
    watched.sequencer.round()
    assert time.monotonic() - began < 2
    assert watched.sql("SELECT count(*) FROM attestation.leaf")[0][0] > before


def test_a_bundle_keeps_the_first_head_that_had_its_quorum(watched: Watched) -> None:
    here = relation(watched)
    watched.take_down("w1.example")
    made = here.maker().make()
    watched.submit(here.respondent, made)
    watched.sequencer.round()
    without = watched.signed_size
    newcomer = Firm()
    watched.hear(event(OrganizationEnrolled, org_id=str(newcomer.org)))
    watched.enrol_key(newcomer)
    watched.sequencer.round()
    assert watched.signed_size > without
    watched.put_back("w1.example")
    watched.until(lambda: watched.shown_size > without)
    watched.sequencer.round()
    path = f"/statements/{made.ids[0]}/bundle"
    content = watched.get(path, here.respondent.org).content
    entry = bundle.parse(content).entry
    assert entry is not None
    assert entry.tree_size == watched.shown_size
    watched.enrolled()
    assert watched.shown_size > entry.tree_size
    assert watched.get(path, here.respondent.org).content == content


def test_a_line_that_was_lost_between_witness_and_database_is_asked_for_again(
    watched: Watched,
) -> None:
    watched.enrolled()
    # The process died after the witnesses had remembered and before their lines were stored.
    watched.sql("DELETE FROM attestation.cosignature WHERE checkpoint_seq > 0")
    again = watched.new_sequencer()
    again.start()
    assert watched.shown_size == watched.signed_size
    again.witnesses.close()


def test_a_new_run_signs_nothing_before_its_witnesses_spoke(watched: Watched) -> None:
    here = relation(watched)
    for name in list(watched.up):
        watched.take_down(name)
    size = watched.signed_size
    again = watched.new_sequencer()
    again.start()
    watched.submit(here.respondent, here.maker().make())
    again.round()
    assert watched.signed_size == size
    assert watched.sql("SELECT count(*) FROM attestation.leaf")[0][0] > size
    for name in ("w1.example", "w2.example"):
        watched.put_back(name)
    for _ in range(60):
        again.round()
        if watched.shown_size > size:
            break
        time.sleep(0.05)
    assert watched.shown_size > size
    again.witnesses.close()


def _back_to(site: Site, size: int) -> None:
    """The database and its guard file as they were at a head of `size`."""
    site.sql("DELETE FROM attestation.bundle WHERE tree_size > %s", size)
    newer = "(SELECT seq FROM attestation.checkpoint WHERE size > %s)"
    site.sql(f"DELETE FROM attestation.cosignature WHERE checkpoint_seq IN {newer}", size)
    site.sql("DELETE FROM attestation.checkpoint WHERE size > %s", size)
    site.sql('DELETE FROM attestation.leaf WHERE "index" >= %s', size)
    site.sql('DELETE FROM attestation.node WHERE ("index" + 1) << level > %s', size)
    root = site.sql("SELECT root_hash FROM attestation.checkpoint WHERE size = %s LIMIT 1", size)
    guard_file.write(site.settings.guard, Head(site.settings.log_origin, size, bytes(root[0][0])))


def test_a_restored_backup_with_its_guard_file_refuses_to_sign(watched: Watched) -> None:
    watched.enrolled()
    size = watched.signed_size
    watched.enrolled()
    _back_to(watched, size)
    with pytest.raises(SequencerRefused) as why:
        run_sequencer(watched.settings, threading.Event())
    assert why.value.code == "witness.ahead"
    assert watched.signed_size == size


def test_another_history_of_the_same_length_is_a_fork(watched: Watched) -> None:
    """A copy that signed by itself while its witnesses were away, beside the one they saw."""
    watched.enrolled()
    size = watched.signed_size
    watched.enrolled()
    newer = watched.signed_size
    _back_to(watched, size)
    watched.settings = watched.settings.model_copy(update={"witnesses": None, "witness_quorum": 0})
    alone = watched.new_sequencer()
    alone.start()
    watched.__dict__["sequencer"] = alone
    while watched.signed_size <= newer:
        watched.enrolled()
    watched.told(quorum=2)
    with pytest.raises(SequencerRefused) as why:
        watched.new_sequencer().start()
    assert why.value.code == "witness.forked"


def test_the_same_size_with_another_root_is_a_fork(watched: Watched) -> None:
    size = watched.signed_size
    watched.enrolled()
    newer = watched.signed_size
    _back_to(watched, size)
    watched.settings = watched.settings.model_copy(update={"witnesses": None, "witness_quorum": 0})
    alone = watched.new_sequencer()
    alone.start()
    watched.__dict__["sequencer"] = alone
    watched.enrolled()
    assert watched.signed_size == newer
    watched.told(quorum=2)
    with pytest.raises(SequencerRefused) as why:
        watched.new_sequencer().start()
    assert why.value.code == "witness.forked"


def test_an_idle_head_is_cosigned_anew(watched: Watched) -> None:
    watched.enrolled()
    before = watched.sql("SELECT count(*) FROM attestation.cosignature")[0][0]
    clock.configure("+3601")
    try:
        watched.sequencer.round()
        watched.until(
            lambda: watched.sql("SELECT count(*) FROM attestation.cosignature")[0][0] == before + 2,
        )
    finally:
        clock.configure(None)
    assert watched.damage() == []


def test_fsck_names_a_line_that_was_altered(watched: Watched) -> None:
    watched.enrolled()
    step = watched.sequencer.step
    assert step(lambda tx: list(witnessing.damaged_cosignatures(tx))) == []
    watched.sql(
        "UPDATE attestation.cosignature SET line = set_byte(line, 60, get_byte(line, 60) # 1)"
        " WHERE checkpoint_seq = 0 AND name = 'w1.example'"
    )
    watched.sql(
        "UPDATE attestation.cosignature SET cosigned_at = cosigned_at + interval '1 second'"
        " WHERE checkpoint_seq = 0 AND name = 'w2.example'"
    )
    found = dict(step(lambda tx: list(witnessing.damaged_cosignatures(tx))))
    rows = {name: f"0/{place.key.public.hex()}" for name, place in watched.places.items()}
    assert set(found) == set(rows.values())
    assert "does not verify" in found[rows["w1.example"]]
    assert "not what the line says" in found[rows["w2.example"]]
    assert {one.row for one in watched.damage() if one.table == "cosignature"} == set(found)


def test_a_changed_panel_is_a_new_version_of_trust(watched: Watched) -> None:
    watched.enrolled()
    before = watched.trust
    gone = json.loads(watched.settings.witnesses or "")
    # Retired: named, so that old bundles keep their quorum, and asked no more.
    del gone[1]["url"]
    watched.settings = watched.settings.model_copy(
        update={"witnesses": json.dumps(gone), "witness_quorum": 1}
    )
    again = watched.new_sequencer()
    again.start()
    after = watched.trust
    assert after.version > before.version
    assert after.deployments[0].witnesses == before.deployments[0].witnesses
    assert after.deployments[0].witness_quorum == 1
    again.start()
    assert watched.trust.version == after.version
    again.witnesses.close()


def test_without_witnesses_trust_says_nothing_of_them(site: Site) -> None:
    site.enrolled()
    assert site.trust.deployments[0].witnesses == ()
    assert site.trust.deployments[0].witness_quorum == 0
    assert site.sql("SELECT count(*) FROM attestation.witness_policy") == [(0,)]


def test_readiness_says_that_witnesses_are_missing(watched: Watched) -> None:
    watched.enrolled()
    check = readiness.of_writer(watched.settings, watched.worker)["witnesses"]
    assert check()
    watched.take_down("w1.example")
    here = relation_without_rounds(watched)
    assert here
    assert check()
    clock.configure("+90")
    try:
        assert not check()
    finally:
        clock.configure(None)
    watched.put_back("w1.example")
    watched.until(check)


def relation_without_rounds(site: Watched) -> Firm:
    """Something for the log to sign, while not all witnesses are there."""
    firm = Firm()
    site.hear(event(OrganizationEnrolled, org_id=str(firm.org)))
    site.enrol_key(firm)
    site.sequencer.round()
    return firm


def test_a_new_log_waits_until_its_witnesses_are_told_of_it(watched: Watched) -> None:
    watched.enrolled()
    watched.sequencer.witnesses.close()
    succession.freeze(watched.settings)
    begun = succession.succeed(watched.settings)
    again = watched.new_sequencer()
    again.start()
    watched.__dict__["sequencer"] = again
    again.round()
    assert watched.log.get(f"/{begun.origin}/checkpoint").status_code == 503
    assert watched.newest.origin == watched.settings.log_origin
    epoch = watched.trust.deployments[0].epochs[-1]
    assert epoch.origin == begun.origin
    for name in list(watched.up):
        watched.take_down(name)
        watched.put_back(name, **{epoch.origin: epoch.key})
    watched.until(lambda: watched.newest.origin == epoch.origin)
    watched.enrolled()
    watched.until(lambda: watched.shown_size == watched.signed_size)
    again.witnesses.close()
