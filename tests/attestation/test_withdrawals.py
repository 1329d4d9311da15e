"""What a withdrawal ends, and for whom."""

from __future__ import annotations

import pytest
from rensho import sign
from rensho.documents import Response

from services.kit.db import new_id
from tests.attestation.granting import Granting, granted_to, refused
from tests.attestation.site import Site
from tests.factories.attestation import (
    Firm,
    Made,
    ResponseMaker,
)


@pytest.fixture
def granting(site: Site) -> Granting:
    return granted_to(site)


def test_a_retraction_reaches_everybody_who_read(granting: Granting) -> None:
    site, here = granting.site, granting.here
    granting.granted()
    made = granting.withdrawn(granting.component)
    for reader, asked in ((granting.other, granting.asked), (here.requester, here.asked)):
        path = f"/statements/{granting.component}.rensho.zip"
        verdict = granting.verdict(path, reader, asked)
        assert (verdict.status, "validity.withdrawn" in verdict.codes) == ("INVALID", True)
        assert site.get(f"/statements/{made.ids[0]}/bundle", reader.org).status_code == 200
        (told,) = site.get("/withdrawals", reader.org).json()["items"]
        assert (told["statement_id"], told["effect"], told["logged"]) == (
            granting.component,
            "retracted",
            True,
        )
    assert site.get("/withdrawals", new_id()).json()["items"] == []
    assert site.get(f"/statements/{made.ids[0]}/bundle", new_id()).status_code == 404
    (said,) = site.said("statement.withdrawn.v1")
    assert (said["statement_id"], said["statement_type"], said["effect"]) == (
        granting.component,
        "ai-governance",
        "retracted",
    )
    assert set(said["audience"]) == {str(granting.other.org), str(here.requester.org)}
    assert site.damage() == []


def test_any_active_key_of_the_firm_takes_back_and_no_other(granting: Granting) -> None:
    site = granting.site
    prepared = granting.withdrawal(granting.component)
    second = Firm(granting.supplier.org)
    by_unknown = granting.made(prepared)
    other_key = granting.prepare(
        "withdrawal",
        {
            "statement_id": granting.component,
            "effect": "retracted",
            "reason": "wrong plant",
            "key_id": second.key.public.key_id,
        },
    )
    refused(other_key, 409, "keys/not-usable")
    site.enrol_key(second)
    site.sequencer.round()
    payload = sign.withdrawal(
        second.common("responsible-officer", site.anchor, site.now),
        statement_id=granting.component,
        effect="superseded",
        reason="a new line",
    )
    granting.log(Made("withdrawal", (payload,), {}, {}), second)
    assert site.submit(granting.supplier, by_unknown).status_code == 202


def test_only_the_firm_itself_takes_its_statements_back(granting: Granting) -> None:
    site, reader = granting.site, granting.here.requester
    body = {"statement_id": granting.component, "effect": "retracted", "reason": "not ours"}
    hand = {"key_id": reader.key.public.key_id, "role": "requester"}
    assert granting.prepare("withdrawal", body | hand, reader.org).status_code == 404
    payload = sign.withdrawal(
        reader.common("requester", site.anchor, site.now),
        statement_id=granting.component,
        effect="retracted",
        reason="not ours",
    )
    made = Made("withdrawal", (payload,), {}, {})
    refused(site.submit(reader, made), 422, "submissions/refused", "target.foreign")
    stranger = granting.other
    theirs = sign.withdrawal(
        stranger.common("requester", site.anchor, site.now),
        statement_id=granting.component,
        effect="retracted",
        reason="not ours",
    )
    unseen = site.submit(stranger, Made("withdrawal", (theirs,), {}, {}))
    refused(unseen, 422, "submissions/refused", "target.unknown")


def test_a_statement_is_taken_back_once_in_each_way_and_a_withdrawal_never(
    granting: Granting,
) -> None:
    site = granting.site
    late = granting.made(granting.withdrawal(granting.component, "superseded"))
    first = granting.withdrawn(granting.component, "superseded")
    again = granting.withdrawal(granting.component, "superseded")
    refused(again, 409, "withdrawals/already-withdrawn")
    refused(site.submit(granting.supplier, late), 409, "withdrawals/already-withdrawn")
    granting.withdrawn(granting.component, "retracted")
    assert granting.withdrawal(first.ids[0]).status_code == 404
    payload = sign.withdrawal(
        granting.supplier.common("responsible-officer", site.anchor, site.now),
        statement_id=first.ids[0],
        effect="retracted",
        reason="not meant",
    )
    made = Made("withdrawal", (payload,), {}, {})
    refused(site.submit(granting.supplier, made), 422, "submissions/refused", "target.mismatch")
    items = site.get("/withdrawals?limit=1", granting.supplier.org).json()
    rest = site.get(
        f"/withdrawals?limit=1&cursor={items['next_cursor']}", granting.supplier.org
    ).json()
    assert {one["effect"] for one in items["items"] + rest["items"]} == {"superseded", "retracted"}


def test_a_withdrawal_the_log_refused_leaves_the_statement_standing(granting: Granting) -> None:
    site = granting.site
    made = granting.made(granting.withdrawal(granting.component))
    assert site.submit(granting.supplier, made).status_code == 202
    key_id = granting.supplier.key.public.key_id.replace("/", "_").replace("+", "-")
    answer = site.api.post(
        f"/keys/{key_id}/suspensions", headers=site.headers(granting.supplier.org)
    )
    assert answer.status_code == 202
    site.sequencer.round()
    assert site.said("statement.withdrawn.v1") == []
    verdict = granting.verdict(
        f"/statements/{granting.component}.rensho.zip",
        granting.here.requester,
        granting.here.asked,
    )
    assert "validity.withdrawn" not in verdict.codes
    site.enrol_key(granting.supplier)
    site.sequencer.round()
    assert granting.withdrawal(granting.component).status_code == 200


def test_a_declaration_taken_back_makes_its_whole_response_invalid(granting: Granting) -> None:
    here = granting.here
    response_id = str(
        granting.site.sql(
            "SELECT response_id FROM attestation.statement WHERE type = 'declaration'"
        )[0][0]
    )
    path = f"/responses/{response_id}.rensho.zip"
    assert granting.verdict(path, here.requester, here.asked).status == "VALID"
    granting.withdrawn(granting.response.ids[-1])
    verdict = granting.verdict(path, here.requester, here.asked)
    assert (verdict.status, verdict.codes) == ("INVALID", ("validity.withdrawn",))


def test_a_revision_cannot_supersede_another_firms_statement(granting: Granting) -> None:
    site, supplier = granting.site, granting.supplier
    other = site.enrolled(link=granting.asked.link, by=granting.other)
    mine = ResponseMaker(
        respondent=other,
        requester=granting.here.requester,
        asked=granting.here.asked,
        questionnaire=next(iter(granting.here.request.documents.values())),
        anchor=site.anchor,
        now=site.now,
        response=Response(str(new_id()), 2),
        components=("vision-1",),
        supersedes={"vision-1": granting.component},
    ).make()
    answer = site.submit(other, mine)
    assert answer.status_code in (409, 422), answer.text
    assert (
        site.sql("SELECT 1 FROM attestation.statement WHERE supersedes = %s", granting.component)
        == []
    )
    assert supplier.org != other.org
