"""What reaches a customer by a grant, and what it typed in itself from paper."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from tests.factories.risk import (
    NOW,
    AnswersGranted,
    SheetConfirmed,
    StatementRecorded,
    an_id,
)
from tests.factories.supply_chains import Firm, Supply, component
from tests.risk.two import Two


class Shared:
    """A supplier that signed for another customer and opened a component to this one."""

    def __init__(self, two: Two) -> None:
        self.two, self.scene = two, two.scene
        self.other = self.scene.supplied(Firm("Other"), two.supply.firm)
        part = component("vision", {"Q-1": "yes", "Q-2": "partly"})
        self.source = self.scene.answered(self.other, components=[part])
        (self.part,) = self.source["components"]
        self.grant = an_id().replace("-", "") * 2

    def granted(self, *questions: str, **fields: Any) -> None:
        opened = [
            {**each, "opened": each["question"] in questions} for each in self.part["answers"]
        ]
        self.scene.say(
            AnswersGranted,
            grant_id=self.grant,
            request_id=self.two.supply.request,
            requester_org_id=self.two.supply.customer.org,
            respondent_org_id=self.two.supply.firm.org,
            response=self.source["response"],
            component={**self.part, "answers": opened},
            **fields,
        )

    def logged(self, **fields: Any) -> None:
        self.scene.say(
            StatementRecorded,
            **{
                "statement_id": self.grant,
                "statement_type": "grant",
                "org_id": self.two.supply.firm.org,
                "subject_sha256": self.part["statement_id"],
                "audience": [self.two.supply.customer.org],
                "log": self.scene.place(),
                **fields,
            },
        )

    def declared(self, **fields: Any) -> None:
        """The short declaration for this customer: nothing of its own, one component elsewhere."""
        plain = {"components": [], "withheld_components": 1}
        self.two.answered(**{**plain, **fields})

    def parts(self) -> dict[str, Any]:
        return {each["id"]: each for each in self.two.direct()["components"]}

    def withheld(self) -> int:
        return int(self.two.direct()["declaration"]["withheld_components"])


@pytest.fixture
def shared(two: Two) -> Shared:
    return Shared(two)


def test_a_granted_component_counts_as_far_as_it_was_opened(shared: Shared) -> None:
    shared.declared()
    shared.granted("Q-1")
    shared.logged()
    (part,) = shared.parts().values()
    assert part["statement"] == shared.part["statement_id"]
    states = {each["question"]: each["state"] for each in part["answers"]}
    assert states == {"Q-1": "answered", "Q-2": "withheld"}
    assert part["covered"]
    assert shared.withheld() == 0


def test_without_its_grant_in_the_log_the_component_is_one_that_is_withheld(
    shared: Shared,
) -> None:
    shared.declared()
    shared.granted("Q-1")
    assert shared.parts() == {}
    assert shared.withheld() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"statement_type": "review"},
        {"org_id": an_id()},
        {"subject_sha256": "0" * 64},
        {"audience": [an_id()]},
    ],
)
def test_a_grant_counts_only_as_the_log_holds_it(shared: Shared, change: dict[str, Any]) -> None:
    shared.declared()
    shared.granted("Q-1")
    shared.logged(**change)
    assert (shared.parts(), shared.withheld()) == ({}, 1)


def test_a_grant_that_was_taken_back_or_ran_out_opens_nothing(shared: Shared) -> None:
    shared.declared()
    shared.granted("Q-1")
    shared.logged()
    assert len(shared.parts()) == 1
    shared.scene.withdrawn(shared.two.supply, shared.grant)
    assert (shared.parts(), shared.withheld()) == ({}, 1)


def test_a_grant_past_its_time_opens_nothing(shared: Shared) -> None:
    shared.declared()
    shared.granted("Q-1", not_after=clock.rfc3339(NOW - timedelta(days=1)))
    shared.logged()
    assert (shared.parts(), shared.withheld()) == ({}, 1)


def test_a_granted_statement_that_was_retracted_is_not_covered(shared: Shared) -> None:
    shared.declared()
    shared.granted("Q-1")
    shared.logged()
    shared.scene.withdrawn(shared.other, shared.part["statement_id"])
    (part,) = shared.parts().values()
    assert not part["covered"]


def test_without_a_declaration_a_grant_alone_lowers_nothing(shared: Shared) -> None:
    shared.scene.asked(shared.two.supply)
    shared.scene.enrolled(shared.two.supply)
    shared.granted("Q-1")
    shared.logged()
    direct = shared.two.direct()
    assert (direct["declaration"], direct["components"]) == (None, [])


def test_what_the_firm_signed_for_this_customer_goes_before_a_grant(shared: Shared) -> None:
    own = component("vision", {"Q-1": "no"})
    own["supplier_component_id"] = shared.part["supplier_component_id"]
    shared.two.answered(components=[own])
    shared.granted("Q-1")
    shared.logged()
    (part,) = shared.parts().values()
    assert part["statement"] == own["statement_id"]


def typed(two: Two, **fields: Any) -> Any:
    """The customer typed in what its supplier sent on paper, and signed that itself."""
    own = Supply(
        *(two.supply.customer, Firm("Typist", two.supply.customer.org)),
        request=two.supply.request,
    )
    two.scene.asked(two.supply)
    part = component("chat", {"Q-1": "yes"})
    said = two.scene.submitted(own, origin="transcribed", components=[part], **fields)
    two.scene.recorded(own, said, signer_role="transcriber")
    return said


def test_what_a_customer_typed_in_counts_as_a_proxy_entry(two: Two) -> None:
    typed(two)
    answers = two.answers()
    assert (answers["Q-1"]["assurance"], answers["Q-1"]["covered"]) == ("proxy", True)


def test_a_confirmed_sheet_lifts_it_and_an_objection_does_not(two: Two) -> None:
    said = typed(two)
    fields = {
        "declaration_id": said["declaration_id"],
        "requester_org_id": two.supply.customer.org,
    }
    two.scene.say(SheetConfirmed, confirmed=True, **fields)
    assert two.answers()["Q-1"]["assurance"] == "proxy_confirmed"


def test_an_objection_lifts_nothing(two: Two) -> None:
    said = typed(two)
    two.scene.say(SheetConfirmed, confirmed=False, declaration_id=said["declaration_id"])
    assert two.answers()["Q-1"]["assurance"] == "proxy"


def test_what_the_firm_signs_itself_goes_before_what_was_typed_in(two: Two) -> None:
    two.answered()
    typed(two)
    assert two.answers()["Q-1"]["assurance"] == "L2"


def test_a_customer_types_in_nothing_for_another_customers_request(two: Two) -> None:
    typed(two)
    two.scene.events[-1]["org_id"] = an_id()
    assert two.direct()["declaration"] is None


def test_what_was_typed_by_a_key_that_was_never_the_typists_is_not_covered(two: Two) -> None:
    typed(two)
    supplier = two.supply
    key = [each for each in two.scene.events if each["type"] == "statement.recorded.v1"][-1]
    own = Supply(supplier.customer, Firm("Typist", supplier.customer.org, key["key_id"]))
    two.scene.key(own, "revoke", reason="identity-false")
    assert not two.answers()["Q-1"]["covered"]
