"""What anybody may read of the log, and what only the enrolled may."""

from __future__ import annotations

import base64

from rensho import checkpoint, merkle
from rensho.keys import PrivateKey
from sqlalchemy.orm import Session

from services.attestation.actions import sequencing
from services.attestation.rules import tiles, tree
from services.attestation.rules.guard import Head
from services.attestation.store import log
from services.kit import clock
from services.kit.db import new_id
from tests.attestation.site import Site, relation


def test_the_empty_log_has_a_signed_head(site: Site) -> None:
    answer = site.log.get("/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    deployment = site.trust.deployments[0]
    head = checkpoint.open(answer.content, deployment.note_keys(deployment.epochs[0]))
    assert (head.origin, head.size) == ("log.rensho.example", 0)
    assert head.root_hash == merkle.EMPTY_ROOT
    assert deployment.epochs[0].time_note_key in head.cosigned_at


def test_a_reader_rebuilds_the_root_from_tiles(site: Site) -> None:
    here = relation(site)
    site.submit(here.respondent, here.maker().make())
    site.sequencer.round()
    anchor = site.anchor
    tile = site.log.get(f"/tile/0/{tiles.path(0, anchor.size)}")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    hashes = [tile.content[n : n + 32] for n in range(0, len(tile.content), 32)]
    assert merkle.root(hashes) == anchor.root_hash
    entries = site.log.get(
        f"/tile/entries/{tiles.path(0, anchor.size)}", headers=site.headers(new_id())
    ).content
    found = []
    while entries:
        size = int.from_bytes(entries[:2], "big")
        found.append(merkle.leaf_hash(entries[2 : 2 + size]))
        entries = entries[2 + size :]
    assert found == hashes


def test_a_log_of_several_tiles_is_read_tile_by_tile(site: Site) -> None:
    """Leaves put there as the sequencer puts them, without the statements behind them."""
    data = [str(n).encode() for n in range(600)]
    hashes = [merkle.leaf_hash(one) for one in data]

    def fill(tx: Session) -> None:
        log.add_leaves(tx, 0, ((n, f"{n:064x}", one) for n, one in enumerate(data)))
        log.add_nodes(tx, 0, tree.grow(0, [], hashes))
        head = Head(site.sequencer.origin, 600, merkle.root(hashes))
        sequencing.sign_head(tx, site.sequencer.keys, head, clock.now())

    site.sequencer.step(fill)
    got = b"".join(site.log.get(f"/tile/0/{path}").content for path in ("000", "001", "002.p/88"))
    assert got == b"".join(hashes)
    above = site.log.get("/tile/1/000.p/2").content
    assert above == merkle.root(hashes[:256]) + merkle.root(hashes[256:512])
    for path in ("0/002", "0/002.p/89", "0/003.p/1", "1/000", "1/000.p/3", "7/000.p/1", "x/000"):
        answer = site.log.get(f"/tile/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["type"] == "urn:rensho:problem:log/no-such-tile"
    proof = site.log.get(f"/proof/{599:064x}").json()
    merkle.verify_inclusion(
        hashes[599],
        proof["index"],
        proof["size"],
        [base64.b64decode(one) for one in proof["hashes"]],
        site.anchor.root_hash,
    )


def test_leaves_under_no_head_are_not_shown(site: Site) -> None:
    here = relation(site)
    made = here.maker().make()
    site.submit(here.respondent, made)
    site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
    site.sequencer.step(sequencing.append)
    size = site.anchor.size
    assert site.log.get(f"/tile/0/{tiles.path(0, size)}").status_code == 200
    assert site.log.get(f"/tile/0/{tiles.path(0, size + 1)}").status_code == 404
    assert site.log.get(f"/proof/{made.ids[0]}").status_code == 404


def test_entries_are_for_enrolled_organizations(site: Site) -> None:
    relation(site)
    assert site.log.get("/tile/entries/000.p/1").status_code == 401
    answer = site.log.get(
        "/tile/entries/000.p/1", headers=site.headers(new_id(), {"statements.read"})
    )
    assert answer.status_code == 403


def test_trust_is_of_this_deployment_and_says_that_it_is_a_demo(site: Site) -> None:
    trust = site.trust
    (deployment,) = trust.deployments
    assert trust.demo
    assert deployment.origin == "log.rensho.example"
    assert deployment.operator_keys == (site.sequencer.keys.operator.public,)
    assert deployment.risk_keys == (site.sequencer.keys.risk,)
    assert site.api.get("/trust.json").content == trust.to_bytes()
    root = site.api.get("/trusted_root.json").json()
    assert root["tlogs"][0]["logId"]["keyId"]


def test_before_the_log_is_open_trust_is_not_there_yet(site: Site) -> None:
    site.sql("TRUNCATE attestation.epoch, attestation.checkpoint CASCADE")
    assert site.api.get("/trust.json").status_code == 503
    assert site.log.get("/checkpoint").status_code == 503


def test_a_new_operator_key_makes_a_new_version_of_trust(site: Site) -> None:
    old = site.sequencer.keys
    before = site.trust
    keys = sequencing.Keys(
        log=old.log, time=old.time, operator=PrivateKey.generate(), risk=old.risk
    )
    for _ in range(2):
        site.sequencer.step(lambda tx: sequencing.publish_keys(tx, keys))
    after = site.trust
    assert after.version == before.version + 1
    assert set(after.deployments[0].operator_keys) == {old.operator.public, keys.operator.public}
