"""A flipped bit anywhere is found, and named by table and row."""

from __future__ import annotations

import pytest

from services.attestation.actions.sequencing import promise
from tests.attestation.site import Site, relation

COLUMNS = [
    ("leaf", "data", "epoch || '/' || \"index\""),
    ("node", "hash", "epoch || '/' || level || '/' || \"index\""),
    ("checkpoint", "note", "seq"),
    ("checkpoint", "root_hash", "seq"),
    ("statement", "payload", "statement_id"),
    ("statement", "signature", "statement_id"),
    ("statement", "spki", "statement_id"),
    ("promise", "envelope", "statement_id"),
    ("bundle", "content", "statement_id"),
    ("document", "content", "owner_org_id || '/' || sha256 || '/' || kind"),
]


def _recorded(site: Site) -> None:
    here = relation(site)
    assert site.submit(here.respondent, here.maker().make()).status_code == 202
    site.sequencer.round()
    assert site.damage() == []


@pytest.mark.parametrize(("table", "column", "key"), COLUMNS)
def test_a_flipped_bit_is_found_and_named(site: Site, table: str, column: str, key: str) -> None:
    _recorded(site)
    rows = site.sql(f"SELECT ctid::text, ({key})::text, length({column}) FROM attestation.{table}")
    for place, name, length in rows[:: max(1, len(rows) // 3)]:
        bit = (sum(name.encode()) * 37) % (length * 8)
        flip = (
            f"UPDATE attestation.{table} SET {column} = set_bit({column}, {bit},"
            f" 1 - get_bit({column}, {bit})) WHERE ctid = '{place}' RETURNING ctid::text"
        )
        ((moved,),) = site.sql(flip)
        found = site.damage()
        assert (table, name) in {(one.table, one.row) for one in found}, (name, bit, found)
        site.sql(flip.replace(place, moved))
    assert site.damage() == []


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE attestation.disclosure SET text = left(text, -4) || 'AAAA'", "disclosure"),
        ("UPDATE attestation.statement SET owner_org_id = gen_random_uuid()", "statement"),
        ("UPDATE attestation.statement SET public = NOT public", "statement"),
        ("UPDATE attestation.statement SET revision = 9 WHERE revision = 1", "statement"),
        ("UPDATE attestation.statement SET not_after = not_after + '1 day'", "statement"),
        ("UPDATE attestation.promise SET received_at = received_at + '1 day'", "promise"),
        (
            "UPDATE attestation.submission SET received_at = received_at - interval '1 day'",
            "promise",
        ),
        (
            "UPDATE attestation.checkpoint SET signed_at = signed_at - interval '1 day'",
            "checkpoint",
        ),
        ("UPDATE attestation.checkpoint SET size = size + 1 WHERE seq = 2", "checkpoint"),
        ("DELETE FROM attestation.checkpoint WHERE seq = 1", "checkpoint"),
        ("DELETE FROM attestation.bundle", "bundle"),
        ('DELETE FROM attestation.leaf WHERE "index" = 1', "leaf"),
        ('DELETE FROM attestation.leaf WHERE "index" = 4', "leaf"),
        ("DELETE FROM attestation.node WHERE level = 1", "node"),
        (
            "INSERT INTO attestation.node VALUES (0, 999, decode(repeat('00', 32), 'hex'), 0)",
            "node",
        ),
        ("UPDATE attestation.key_event SET prev = repeat('a', 64)", "key_event"),
    ],
)
def test_a_changed_row_is_found(site: Site, change: str, table: str) -> None:
    _recorded(site)
    site.sql(change)
    assert table in {one.table for one in site.damage()}


@pytest.mark.parametrize(
    ("change", "table", "key"),
    [
        (
            'UPDATE attestation.leaf SET "index" = 1026 WHERE "index" = 2',
            "leaf",
            """SELECT '0/1026'""",
        ),
        (
            (
                "UPDATE attestation.checkpoint SET signed_at = signed_at + interval '1 microsecond'"
                " WHERE seq = 1"
            ),
            "checkpoint",
            "SELECT '1'",
        ),
        (
            (
                "UPDATE attestation.challenge SET payload ="
                " regexp_replace(payload::text, '6e6f6e6365223a22..', '6e6f6e6365223a2241')::bytea"
            ),
            "challenge",
            "SELECT id::text FROM attestation.challenge LIMIT 1",
        ),
        (
            (
                "UPDATE attestation.challenge SET payload ="
                " regexp_replace(payload::text, '6f726967696e223a22..', '6f726967696e223a227a')"
                "::bytea"
            ),
            "challenge",
            "SELECT id::text FROM attestation.challenge LIMIT 1",
        ),
        (
            (
                "UPDATE attestation.disclosure SET place = 1 WHERE (statement_id, kind, digest) IN"
                " (SELECT statement_id, kind, digest FROM attestation.disclosure WHERE place = 0"
                " ORDER BY 1, 2, 3 LIMIT 1)"
            ),
            "disclosure",
            (
                "SELECT concat_ws('/', statement_id, kind, digest) FROM attestation.disclosure d"
                " WHERE NOT EXISTS (SELECT FROM attestation.disclosure WHERE place = 0"
                " AND statement_id = d.statement_id) AND place = 1 ORDER BY digest LIMIT 1"
            ),
        ),
        (
            (
                "UPDATE attestation.disclosure SET place = place + 64 WHERE"
                " (statement_id, kind, digest) IN"
                " (SELECT statement_id, kind, digest FROM attestation.disclosure WHERE place = 0"
                " ORDER BY 1, 2, 3 LIMIT 1)"
            ),
            "disclosure",
            (
                "SELECT concat_ws('/', statement_id, kind, digest) FROM attestation.disclosure"
                " WHERE place = 64"
            ),
        ),
        (
            (
                "UPDATE attestation.statement SET place = 0 WHERE statement_id = (SELECT"
                " max(statement_id) FROM attestation.statement WHERE place = 1)"
            ),
            "statement",
            (
                "SELECT max(statement_id) FROM attestation.statement s WHERE place = 0 AND 2 ="
                " (SELECT count(*) FROM attestation.statement WHERE place = 0"
                " AND submission_id = s.submission_id)"
            ),
        ),
    ],
    ids=[
        *("a leaf far beyond", "a part of a second", "a nonce", "an origin"),
        *("a place twice", "a place beyond", "two statements at one place"),
    ],
)
def test_the_row_that_was_changed_is_the_one_named(
    site: Site, change: str, table: str, key: str
) -> None:
    _recorded(site)
    site.sql(change)
    ((row,),) = site.sql(key)
    assert (table, row) in {(one.table, one.row) for one in site.damage()}


def test_two_leaves_that_changed_places_are_found(site: Site) -> None:
    _recorded(site)
    site.sql('UPDATE attestation.leaf SET "index" = -1 WHERE "index" = 0')
    site.sql('UPDATE attestation.leaf SET "index" = 0 WHERE "index" = 1')
    site.sql('UPDATE attestation.leaf SET "index" = 1 WHERE "index" = -1')
    assert {one.table for one in site.damage()} >= {"node", "checkpoint", "bundle"}


def test_an_acknowledged_submission_that_vanished_from_the_queue_is_found(site: Site) -> None:
    here = relation(site)
    made = site.submit(here.respondent, here.maker().make())
    assert site.damage() == []
    site.sql("DELETE FROM attestation.queue")
    assert [(one.table, one.row) for one in site.damage()] == [("submission", made.json()["id"])]


def test_a_promise_without_its_leaf_is_found(site: Site) -> None:
    here = relation(site)
    made = here.maker().make()
    site.submit(here.respondent, made)
    site.sequencer.step(lambda tx: promise(tx, site.sequencer.keys))
    assert site.damage() == []
    site.sql("DELETE FROM attestation.queue")
    assert {one.row for one in site.damage() if one.table == "leaf"} == set(made.ids)
