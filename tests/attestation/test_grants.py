"""Whom a grant lets read what, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from rensho import archive, disclosure
from rensho.documents import sha256
from rensho.entries import Answer
from rensho.keys import PrivateKey
from sqlalchemy import text

from services.kit.db import Actor, Database, new_id
from tests.attestation.granting import Granting, granted_to, refused, regrant
from tests.attestation.site import Site, relation
from tests.factories.attestation import (
    Asked,
    Firm,
    Made,
    OrganizationEnrolled,
    event,
)


@pytest.fixture
def granting(site: Site) -> Granting:
    return granted_to(site)


def test_a_grant_lets_one_further_customer_read_and_verify(granting: Granting) -> None:
    site, path = granting.site, f"/statements/{granting.component}.rensho.zip"
    assert site.get(path, granting.other.org).status_code == 404
    made = granting.grant()
    assert site.submit(granting.supplier, made).status_code == 202
    # Not before it is in the log: a grant that is refused there never opened anything.
    assert site.get(path, granting.other.org).status_code == 404
    site.sequencer.round()
    verdict = granting.verdict(path, granting.other, granting.asked)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    taken = granting.taken(granting.component, granting.other)
    assert f"{made.ids[0]}.sigstore.json" in taken
    (given,) = site.get("/grants", granting.other.org).json()["items"]
    assert (given["grant_id"], given["by_org_id"]) == (made.ids[0], str(granting.supplier.org))
    assert (given["logged"], given["withdrawn"]) == (True, False)
    assert site.get("/grants", granting.supplier.org).json()["items"] == [given]
    assert site.get("/grants", granting.here.requester.org).json()["items"] == []
    assert site.damage() == []


def test_the_others_are_told_which_questions_a_grant_opens_once_it_is_logged(
    granting: Granting,
) -> None:
    made = granting.grant(questions=["Q-CORE-001"])
    granting.site.submit(granting.supplier, made)
    told = [each["grant_id"] for each in granting.site.said("grant.recorded.v1")]
    assert made.ids[0] not in told
    granting.site.sequencer.round()
    (event_,) = [
        each for each in granting.site.said("grant.recorded.v1") if each["grant_id"] == made.ids[0]
    ]
    assert event_["questions"] == ["Q-CORE-001"]
    assert event_["statement_id"] == granting.component
    assert event_["request_id"] == str(granting.asked.request_id)
    assert (event_["org_id"], event_["to_org_id"]) == (
        *(str(granting.supplier.org), str(granting.other.org)),
    )


def test_a_grant_opens_the_answers_it_names_and_nothing_else(granting: Granting) -> None:
    granting.granted(questions=["Q-CORE-001"])
    taken = granting.taken(granting.component, granting.other)
    opened = archive.read_disclosures(taken["disclosures.json"])[granting.component]
    answers = [Answer.from_json(disclosure.parse(one).value) for one in opened["answers"]]
    assert [one.question for one in answers] == ["Q-CORE-001"]
    assert "audience" not in opened
    declaration = granting.response.ids[-1]
    for path in (f"/statements/{declaration}.rensho.zip", f"/statements/{declaration}/bundle"):
        assert granting.site.get(path, granting.other.org).status_code == 404
    response = granting.here.site.get("/grants", granting.other.org)
    assert response.status_code == 200
    verdict = granting.verdict(
        f"/statements/{granting.component}.rensho.zip", granting.other, granting.asked
    )
    assert verdict.status == "VALID"


def test_of_two_grants_the_newest_says_what_goes_along(granting: Granting) -> None:
    granting.granted(questions=["Q-CORE-001"])
    granting.granted(questions=["Q-CORE-002"])
    path = f"/statements/{granting.component}.rensho.zip"
    assert granting.verdict(path, granting.other, granting.asked).status == "VALID"
    opened = archive.read_disclosures(
        granting.taken(granting.component, granting.other)["disclosures.json"]
    )
    answers = [disclosure.parse(t).value for t in opened[granting.component]["answers"]]
    assert [one["question"] for one in answers] == ["Q-CORE-002"]


def test_a_grant_may_open_an_answer_that_no_reader_was_given(site: Site) -> None:
    granting = _with_a_hidden_answer(site)
    hidden = granting.kept_back
    made = granting.base.grant(questions=[])
    digest = disclosure.digest(hidden)
    made = regrant(granting.base, answers=[digest])
    without = site.submit(granting.base.supplier, made)
    refused(without, 422, "submissions/refused", "content.missing")
    brought = replace(
        made, disclosures=made.disclosures | {granting.base.component: {"answers": [hidden]}}
    )
    granting.base.log(brought)
    opened = archive.read_disclosures(
        granting.base.taken(granting.base.component, granting.base.other)["disclosures.json"]
    )
    assert opened[granting.base.component]["answers"] == (hidden,)
    first = archive.read_disclosures(
        granting.base.taken(granting.base.component, granting.base.here.requester)[
            "disclosures.json"
        ]
    )
    assert hidden not in first[granting.base.component].get("answers", ())
    assert site.damage() == []


@dataclass
class _Hidden:
    base: Granting
    kept_back: str


def _with_a_hidden_answer(site: Site) -> _Hidden:
    """A response of which one answer was opened to nobody."""
    here = relation(site)
    made = here.maker(components=("vision-1",)).make()
    component = made.ids[0]
    hidden = made.disclosures[component]["answers"][0]
    opened = dict(made.disclosures)
    opened[component] = opened[component] | {"answers": opened[component]["answers"][1:]}
    response = replace(made, disclosures=opened)
    assert site.submit(here.respondent, response).status_code == 202
    other, asked = site.enrolled(), Asked()
    site.campaign(other, [asked])
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(here.respondent.org),
            link_id=asked.link,
            inviter_org_id=other.org,
        )
    )
    site.sequencer.round()
    return _Hidden(Granting(here, response, other, asked), hidden)


def test_what_a_grant_must_not_say_is_refused_by_code(granting: Granting) -> None:
    site, supplier = granting.site, granting.supplier
    declaration = granting.response.ids[-1]
    cases: list[tuple[Made, Firm, tuple[str, ...]]] = [
        (regrant(granting, statement_id=declaration), supplier, ("target.mismatch",)),
        (regrant(granting, statement_id="ab" * 32), supplier, ("target.unknown",)),
        (regrant(granting, answers=[_digest()]), supplier, ("target.mismatch", "content.missing")),
        (regrant(granting, times=2), supplier, ("context.not_opened",)),
        (
            regrant(granting, entry={"nonce": disclosure.fresh_salt()}),
            supplier,
            ("context.nonce",),
        ),
        (
            regrant(granting, entry={"org": granting.here.requester.urn}),
            supplier,
            ("context.audience",),
        ),
    ]
    for made, firm, codes in cases:
        refused(site.submit(firm, made), 422, "submissions/refused", *codes)
    closed = regrant(granting)
    closed = replace(closed, disclosures={})
    refused(site.submit(supplier, closed), 422, "submissions/refused", "context.not_opened")
    unasked = regrant(granting, asked=Asked())
    refused(site.submit(supplier, unasked), 409, "request.not_known_yet")
    stray = regrant(granting)
    text = granting.response.disclosures[granting.component]["answers"][0]
    stray = replace(
        stray, disclosures=stray.disclosures | {granting.component: {"answers": [text]}}
    )
    refused(site.submit(supplier, stray), 422, "submissions/refused", "disclosure.unknown")
    assert site.sql("SELECT 1 FROM attestation.grantee") == []


def _digest() -> str:
    return disclosure.make("nothing")[1]


def test_nobody_grants_what_is_not_its_own(granting: Granting) -> None:
    """The first customer reads the statement, and yet may not hand it on."""
    site, reader = granting.site, granting.here.requester
    link = Asked()
    site.campaign(granting.other, [link])
    site.hear(
        event(
            OrganizationEnrolled,
            org_id=str(reader.org),
            link_id=link.link,
            inviter_org_id=granting.other.org,
        )
    )
    made = regrant(granting, firm=reader, asked=link)
    refused(site.submit(reader, made), 422, "submissions/refused", "target.foreign")
    body = granting.grant_body(request_id=str(link.request_id))
    hand = {"key_id": reader.key.public.key_id}
    assert granting.prepare("grant", body | hand, reader.org).status_code == 404


def test_what_cannot_be_granted_is_not_laid_out(granting: Granting) -> None:
    site = granting.site
    declaration = granting.response.ids[-1]
    for body, status, urn in (
        (granting.grant_body(statement_id=declaration), 409, "grants/not-grantable"),
        (granting.grant_body(statement_id="ab" * 32), 404, "request/not-found"),
        (granting.grant_body(request_id=str(new_id())), 409, "request.not_known_yet"),
        (granting.grant_body(questions=["Q-NONE-001"]), 422, "request/invalid"),
        (granting.grant_body(key_id=_other_key()), 409, "keys/not-usable"),
        (granting.grant_body(role="transcriber"), 409, "keys/not-usable"),
    ):
        refused(granting.prepare("grant", body), status, urn)
    far = granting.grant_body(not_after=(site.now + timedelta(days=500)).isoformat())
    refused(granting.prepare("grant", far), 422, "statements/unsignable", "statement.schema")
    granting.withdrawn(granting.component)
    refused(granting.prepare("grant", granting.grant_body()), 409, "grants/not-grantable")
    late = regrant(granting)
    refused(site.submit(granting.supplier, late), 422, "submissions/refused", "validity.withdrawn")


def _other_key() -> str:
    return PrivateKey.generate().public.key_id


def test_a_grant_ends_with_its_time(granting: Granting) -> None:
    granting.granted()
    path = f"/statements/{granting.component}.rensho.zip"
    assert granting.site.get(path, granting.other.org).status_code == 200
    granting.site.sql("UPDATE attestation.grantee SET not_after = now()")
    assert granting.site.get(path, granting.other.org).status_code == 404


def test_a_grant_taken_back_reads_nothing_more(granting: Granting) -> None:
    made = granting.granted()
    content = granting.site.get(
        f"/statements/{granting.component}.rensho.zip", granting.other.org
    ).content
    assert archive.read(content)
    back = granting.withdrawn(made.ids[0])
    site = granting.site
    path = f"/statements/{granting.component}.rensho.zip"
    assert site.get(path, granting.other.org).status_code == 404
    (given,) = site.get("/grants", granting.other.org).json()["items"]
    assert given["withdrawn"]
    (told,) = site.get("/withdrawals", granting.other.org).json()["items"]
    assert (told["withdrawal_id"], told["statement_id"]) == (back.ids[0], made.ids[0])
    assert site.damage() == []


@pytest.fixture
def app(site: Site) -> Database:
    db: Database = site.api.app.state.db  # type: ignore[attr-defined]
    return db


def test_the_database_itself_shows_a_grantee_its_share_alone(
    granting: Granting, app: Database
) -> None:
    granting.granted(questions=["Q-CORE-001"])
    sql = "SELECT count(*) FROM attestation."
    with app.begin(Actor("x", granting.other.org), read_only=True) as tx:
        mine = {"id": granting.component}
        opened = tx.scalar(
            text(f"{sql}disclosure WHERE statement_id = :id AND kind = 'answers'"), mine
        )
        hidden = tx.scalar(
            text(f"{sql}disclosure WHERE statement_id = :id AND kind <> 'answers'"), mine
        )
        kinds = tx.scalars(
            text("SELECT kind FROM attestation.statement_document WHERE statement_id = :id"), mine
        ).all()
        documents = tx.scalar(text(f"{sql}document WHERE kind = 'declaration'"))
    assert (opened, hidden, documents) == (1, 0, 0)
    assert set(kinds) == {"descriptor", "answers"}
    with app.begin(Actor("x", new_id()), read_only=True) as tx:
        assert tx.scalar(text(f"{sql}grantee")) == 0
        assert tx.scalar(text(f"{sql}withdrawal")) == 0


def test_nobody_writes_a_grant_in_anothers_name(granting: Granting, app: Database) -> None:
    made = granting.granted()
    columns = "(grant_id, statement_id, org_id, owner_org_id, request_id, answers, onward,"
    values = "VALUES (:grant, :statement, :me, :victim, :me, '{}', 'none', now())"
    with (
        pytest.raises(Exception, match="row-level security"),
        app.begin(Actor("x", granting.other.org)) as tx,
    ):
        tx.execute(
            text(f"INSERT INTO attestation.grantee {columns} not_after) {values}"),
            {
                "grant": made.ids[0],
                "statement": granting.response.ids[1],
                "me": granting.other.org,
                "victim": granting.supplier.org,
            },
        )


def test_evidence_stays_with_those_the_owner_addressed(granting: Granting, app: Database) -> None:
    granting.granted()
    digest = sha256(b"a certificate")
    owner = granting.supplier.org
    with app.begin(Actor("x", owner)) as tx:
        tx.execute(
            text(
                "INSERT INTO attestation.document (owner_org_id, sha256, kind, content)"
                " VALUES (:owner, :digest, 'evidence', 'x')"
            ),
            {"owner": owner, "digest": digest},
        )
        tx.execute(
            text(
                "INSERT INTO attestation.statement_document"
                " (statement_id, sha256, kind, owner_org_id)"
                " VALUES (:id, :digest, 'evidence', :owner)"
            ),
            {"id": granting.component, "owner": owner, "digest": digest},
        )
    query = text("SELECT count(*) FROM attestation.document WHERE kind = 'evidence'")
    seen = {}
    for name, org in (("first", granting.here.requester.org), ("granted", granting.other.org)):
        with app.begin(Actor("x", org), read_only=True) as tx:
            seen[name] = tx.scalar(query)
    assert seen == {"first": 1, "granted": 0}
