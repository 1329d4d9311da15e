"""The operator's word: what it is as of, and what it is not given for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rensho import dsse, sign
from rensho.blocks import vouched_by
from rensho.statement import parse
from sqlalchemy.orm import Session

from services.attestation.actions.keeping import Checked, keep
from services.attestation.actions.key_events import _common
from services.attestation.actions.sequencing import append, promise
from services.attestation.store import keys, log
from services.kit import clock
from services.kit.db import new_id
from tests.attestation.site import Relation, Site, relation


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


def test_what_a_key_signed_before_it_was_revoked_is_refused_after_all(
    site: Site, here: Relation
) -> None:
    made = here.maker().make()
    place = site.submit(here.respondent, made).headers["location"].removeprefix("/attestation/v1")
    _log_a_revocation(site, here)
    site.sequencer.round()
    found = site.get(place, here.respondent.org).json()
    assert (found["state"], found["codes"]) == ("refused", ["key.revoked"])
    assert len(site.said("statement.refused.v1")) == len(made.ids)
    assert site.sql("SELECT count(*) FROM attestation.queue") == [(0,)]
    assert site.damage() == []


def _log_a_revocation(site: Site, here: Relation) -> None:
    """Log a revocation as the sequencer logs an enrolment: there is no route for one yet."""
    waiting = site.sql("DELETE FROM attestation.queue RETURNING id, kind, state")
    site.sequencer.step(lambda tx: _revoke(tx, site, here))
    for row in waiting:
        site.sql("INSERT INTO attestation.queue VALUES (%s, %s, %s)", *row)


def _revoke(tx: Session, site: Site, here: Relation) -> None:
    signing, owner = site.sequencer.keys, here.respondent.org
    previous = keys.newest_event(tx, owner)
    assert previous is not None
    payload = sign.key_event(
        _common(tx, signing, log.epochs(tx)[0], site.now),
        event="revoke",
        record=sign.KeyRecord(
            org=here.respondent.urn,
            key=here.respondent.key.public,
            roles=["responsible-officer"],
            custody="file",
        ),
        vouched_by=vouched_by([])[0],
        prev=previous.statement_id,
        reason="ceased",
    )
    said = parse(payload, [site.sequencer.predicate_base])
    checked = Checked(
        statement=said,
        envelope=dsse.sign(signing.operator, payload),
        key=signing.operator.public,
        opener=owner,
        public=True,
    )
    keep(tx, owner, "key-event", [checked], site.now)
    tx.add(
        keys.KeyEvent(
            statement_id=said.id,
            org_id=owner,
            key_id=here.respondent.key.public.key_id,
            event="revoke",
            roles=["responsible-officer"],
            prev=previous.statement_id,
            cause_id=new_id(),
        )
    )
    tx.flush()
    promise(tx, signing)
    append(tx)


def test_a_submission_keeps_its_time_when_the_sequencer_is_late(site: Site, here: Relation) -> None:
    made = here.maker().make()
    received = site.submit(here.respondent, made).json()["received_at"]
    clock.configure("+120")
    try:
        site.new_sequencer().round()
    finally:
        clock.configure(None)
    answer = site.get(f"/statements/{made.ids[0]}/promise", here.respondent.org)
    word = sign.Promise.parse(dsse.Envelope.from_json(answer.json(), sign.PROMISE).payload)
    assert clock.rfc3339(word.received_at) == received
    assert word.include_by - word.received_at == timedelta(seconds=60)
