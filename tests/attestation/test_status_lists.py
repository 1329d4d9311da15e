"""What no longer holds is listed: hourly, on change, for everybody the same, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from rensho import archive, sign
from rensho.documents import Response, sha256
from rensho.status import StatusDocument
from rensho.verify import ANY, Expectations, Material, verify

from services.kit import clock
from services.kit.db import new_id
from tests.attestation.site import Relation, Site, relation
from tests.factories.attestation import Firm, Made


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


@contextmanager
def later(**span: int) -> Iterator[None]:
    clock.configure(f"+{int(timedelta(**span).total_seconds())}")
    try:
        yield
    finally:
        clock.configure(None)


def document(site: Site) -> StatusDocument:
    """The newest list, as anybody gets it."""
    newest = site.api.get("/status")
    assert newest.status_code == 200, newest.text
    answer = site.api.get(f"/status/{newest.json()['sha256']}")
    assert sha256(answer.content) == newest.json()["sha256"]
    return StatusDocument.parse(answer.content)


def lists(site: Site) -> int:
    found: int = site.sql("SELECT count(*) FROM attestation.statement WHERE type = 'status'")[0][0]
    return found


def withdrawal(firm: Firm, site: Site, statement_id: str, effect: Any = "retracted") -> Made:
    common = firm.common("responsible-officer", site.anchor, site.now)
    payload = sign.withdrawal(common, statement_id=statement_id, effect=effect, reason="wrong")
    return Made("withdrawal", (payload,), {}, {})


def submitted(site: Site, firm: Firm, made: Made) -> Made:
    answer = site.submit(firm, made)
    assert answer.status_code == 202, answer.text
    site.sequencer.round()
    return made


def taken(here: Relation, response: Response) -> bytes:
    answer = here.site.get(f"/responses/{response.id}.rensho.zip", here.requester.org)
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content


def test_an_empty_log_has_no_list_and_the_first_leaves_have_one(site: Site) -> None:
    assert site.sequencer.round() == 0
    assert site.api.get("/status").status_code == 404
    assert site.api.get("/status.rensho.zip").status_code == 404
    site.enrolled()
    site.sequencer.round()
    found = document(site)
    assert (found.retracted, found.superseded, found.keys) == ((), {}, ())
    assert found.size == 1


def test_a_list_is_logged_like_any_statement_and_causes_no_other(site: Site) -> None:
    site.enrolled()
    while site.sequencer.round():
        pass
    assert lists(site) == 1
    newest = site.api.get("/status").json()
    proof = site.log.get(f"/proof/{newest['statement_id']}").json()
    assert proof["index"] >= newest["size"]
    assert site.sequencer.round() == 0
    assert lists(site) == 1
    assert site.damage() == []


def test_every_hour_there_is_a_new_list_although_nothing_changed(site: Site) -> None:
    site.enrolled()
    site.sequencer.round()
    first = site.api.get("/status").json()
    with later(minutes=59):
        site.sequencer.round()
        assert site.api.get("/status").json() == first
    with later(minutes=61):
        site.sequencer.round()
        second = site.api.get("/status").json()
    assert second["statement_id"] != first["statement_id"]
    assert second["attested_at"] > first["attested_at"]
    assert lists(site) == 2


def test_a_list_of_another_digest_is_not_there(site: Site) -> None:
    here = relation(site)
    site.sequencer.round()
    assert site.api.get(f"/status/{'00' * 32}").status_code == 404
    questionnaire = next(iter(here.request.documents)).partition(".")[0]
    assert site.api.get(f"/status/{questionnaire}").status_code == 404


def test_what_was_taken_back_is_listed_in_the_next_round(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    made = submitted(site, here.respondent, here.maker(response=response).make())
    site.sequencer.round()
    before = lists(site)
    submitted(site, here.respondent, withdrawal(here.respondent, site, made.ids[0]))
    site.sequencer.round()
    assert lists(site) == before + 1
    assert document(site).retracted == (made.ids[0],)


def test_what_was_replaced_is_listed_within_a_minute_and_since_when(
    site: Site, here: Relation
) -> None:
    response_id = str(new_id())
    first = submitted(site, here.respondent, here.maker(response=Response(response_id, 1)).make())
    again = here.maker(response=Response(response_id, 2), supersedes=_by_name(first))
    second = submitted(site, here.respondent, again.make())
    with later(minutes=1, seconds=5):
        site.sequencer.round()
        found = document(site)
    received = {
        one["statement_id"]: one["received_at"] for one in site.said("statement.recorded.v1")
    }
    assert set(found.superseded) == set(first.ids)
    assert {clock.rfc3339(since) for since in found.superseded.values()} == {
        received[one] for one in second.ids
    }
    assert found.retracted == ()


def test_what_is_past_its_own_end_is_listed_no_more(site: Site, here: Relation) -> None:
    made = submitted(site, here.respondent, here.maker().make())
    submitted(site, here.respondent, withdrawal(here.respondent, site, made.ids[0]))
    site.sequencer.round()
    assert document(site).retracted
    # A declaration is valid for a year at most (the factory: 365 days).
    with later(days=366):
        site.sequencer.round()
        assert document(site).retracted == ()


def test_a_suspended_and_a_revoked_key_are_listed_with_the_leaf_that_says_so(site: Site) -> None:
    firm, other = site.enrolled(), site.enrolled()
    site.sequencer.round()
    for one, what, body in (
        (firm, "suspensions", {}),
        (other, "revocations", {"reason": "ceased"}),
    ):
        answer = site.api.post(
            f"/keys/{_url_safe(one)}/{what}", json=body, headers=site.headers(one.org)
        )
        assert answer.status_code == 202, answer.text
    site.sequencer.round()
    site.sequencer.round()
    found = document(site)
    first, second = (
        found.key(firm.key.public.key_id, firm.urn),
        found.key(other.key.public.key_id, other.urn),
    )
    assert first is not None
    assert second is not None
    assert (first.state, first.reason) == ("suspended", None)
    assert (second.state, second.reason) == ("revoked", "ceased")
    events = dict(
        site.sql(
            'SELECT event, "index" FROM attestation.key_event JOIN attestation.leaf'
            " USING (statement_id) WHERE event IN ('suspend', 'revoke')"
        )
    )
    assert (first.index, second.index) == (events["suspend"], events["revoke"])


def test_an_archive_with_the_list_is_valid_in_status_and_later_it_is_stale(
    site: Site, here: Relation
) -> None:
    response = Response(str(new_id()), 1)
    submitted(site, here.respondent, here.maker(response=response).make())
    site.sequencer.round()
    content = taken(here, response)
    expect = Expectations(audience=ANY, request=ANY)
    assert site.trust.deployments[0].status_max_age == timedelta(hours=3)
    now = verify(Material(content), site.trust, expect, site.now)
    assert (now.status, now.codes, now.parts["status"]) == ("VALID", (), "VALID")
    stale = verify(Material(content), site.trust, expect, site.now + timedelta(hours=4))
    assert (stale.status, stale.parts["status"]) == ("INDETERMINATE", "INDETERMINATE")
    assert "status.stale" in stale.codes


def test_an_archive_without_its_list_is_indeterminate(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    submitted(site, here.respondent, here.maker(response=response).make())
    site.sequencer.round()
    newest = site.api.get("/status").json()
    entries = archive.read(taken(here, response))
    left = {
        name: data
        for name, data in entries.items()
        if not name.startswith((newest["statement_id"], newest["sha256"]))
    }
    assert len(left) == len(entries) - 3
    verdict = verify(
        Material(archive.write(left)),
        site.trust,
        Expectations(audience=ANY, request=ANY),
        site.now,
    )
    assert verdict.codes == ("status.missing",)


def test_a_taken_back_declaration_cannot_be_sold_with_the_list_that_says_so(
    site: Site, here: Relation
) -> None:
    """The withdrawal is left out of the zip, the list is not."""
    response = Response(str(new_id()), 1)
    made = submitted(site, here.respondent, here.maker(response=response).make())
    back = submitted(site, here.respondent, withdrawal(here.respondent, site, made.ids[-1]))
    site.sequencer.round()
    entries = archive.read(taken(here, response))
    left = {name: data for name, data in entries.items() if not name.startswith(back.ids[0])}
    verdict = verify(
        Material(archive.write(left)),
        site.trust,
        Expectations(audience=ANY, request=ANY),
        site.now,
    )
    assert verdict.status == "INVALID"
    assert "validity.withdrawn" in verdict.codes


def test_the_list_alone_can_be_had_by_anybody_with_its_proofs(site: Site) -> None:
    site.enrolled()
    site.sequencer.round()
    newest = site.api.get("/status").json()
    entries = archive.read(site.api.get("/status.rensho.zip").content)
    assert set(entries) == {
        f"{newest['statement_id']}.sigstore.json",
        f"{newest['statement_id']}.promise.json",
        f"{newest['sha256']}.status.json",
        "disclosures.json",
        "consistency.json",
        "checkpoint.txt",
    }


def _by_name(made: Made) -> dict[str, str]:
    return dict(zip(("vision-1", "chat-1", "declaration"), made.ids, strict=True))


def _url_safe(firm: Firm) -> str:
    return firm.key.public.key_id.translate(str.maketrans("+/", "-_")).rstrip("=")
