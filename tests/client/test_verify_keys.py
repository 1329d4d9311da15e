"""Steps 14 and 15: what the key events say about the signer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rensho import strict_base64
from rensho.keys import PrivateKey
from rensho.verify import Verdict

from tests.client.deployment import DAY, HOUR, Bend, Party, World, enrolled, org, unbent
from tests.client.judged import judge, judge_world
from tests.client.responses import Answered, answered, prepare, submit


def judged_after(
    then: Callable[[World], object], *, before: bool = False, vouched: bool = True
) -> Verdict:
    """A response, with something done to the supplier's key before or after it is logged."""
    world = enrolled() if vouched else unvouched()
    asked = world.ask()
    if before:
        then(world)
    world.now += DAY
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    if not before:
        world.now += DAY
        then(world)
    return judge(done)


def unvouched() -> World:
    world = World()
    world.log.publish(world.now)
    world.key_event(world.requester)
    world.key_event(world.supplier)
    return world


def revoke(reason: str, **changes: Any) -> Callable[[World], object]:
    return lambda world: world.key_event(world.supplier, "revoke", reason=reason, **changes)


def test_a_key_ended_later_still_vouches_for_what_it_signed_before() -> None:
    assert judged_after(revoke("superseded")).status == "VALID"
    assert judged_after(revoke("ceased")).status == "VALID"
    assert judged_after(lambda w: w.key_event(w.supplier, "suspend")).status == "VALID"


@pytest.mark.parametrize("reason", ["superseded", "ceased"])
def test_what_was_logged_after_the_revocation_is_refused(reason: str) -> None:
    assert judged_after(revoke(reason), before=True).codes == ("key.revoked",)


def test_what_was_logged_during_a_suspension_is_refused_until_the_key_is_enrolled_anew() -> None:
    def suspend(world: World) -> None:
        world.key_event(world.supplier, "suspend")

    def and_enrol(world: World) -> None:
        suspend(world)
        world.key_event(world.supplier, vouchers=[world.voucher()])

    assert judged_after(suspend, before=True).codes == ("key.suspended",)
    assert judged_after(and_enrol, before=True).status == "VALID"


def test_a_false_identity_is_never_trusted() -> None:
    assert judged_after(revoke("identity-false")).codes == ("key.identity_false",)


def test_a_stolen_key_is_good_only_for_what_came_before_the_theft() -> None:
    def stolen(**ago: int) -> Callable[[World], object]:
        return lambda world: world.key_event(
            world.supplier,
            "revoke",
            reason="key-compromise",
            invalid_since=world.now - timedelta(**ago),
        )

    assert judged_after(stolen(hours=1)).status == "VALID"
    assert judged_after(stolen(days=3)).codes == ("key.compromised",)
    assert judged_after(stolen(hours=1), before=True).codes == ("key.compromised",)
    assert judged_after(stolen(days=-5), before=True).codes == ("key.revoked",)


def test_a_missing_key_event_breaks_the_chain() -> None:
    done = answered()
    first = done.world.supplier.last
    done.world.key_event(done.world.supplier, "confirm", [done.world.voucher()])
    done.world.key_event(done.world.supplier, "confirm", [done.world.voucher()])
    assert judge(done).status == "VALID"
    del done.world.files[f"{first}.sigstore.json"]
    del done.world.opened[str(first)]
    assert "key.unknown" in judge(done).codes


def test_a_key_event_that_names_no_predecessor_breaks_the_chain() -> None:
    verdict = judged_after(lambda w: w.key_event(w.supplier, "confirm", prev=None))
    assert verdict.codes == ("key.chain_broken",)


def test_a_key_enrolled_later_cannot_have_signed() -> None:
    world = enrolled()
    asked = world.ask()
    world.supplier = Party(PrivateKey.generate(), ("responsible-officer",))
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    world.key_event(world.supplier, vouchers=[world.voucher()])
    assert "key.not_enrolled_yet" in judge(done).codes


def test_outside_its_period_a_key_signs_nothing() -> None:
    world = World()
    world.log.publish(world.now)
    world.key_event(world.requester)
    world.key_event(
        world.supplier,
        vouchers=[world.voucher()],
        bend=lambda p: p["validity"].update(notAfter=p["validity"]["notBefore"]),
    )
    asked = world.ask()
    world.now += HOUR
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    assert judge(done).codes == ("time.key_not_valid",)


BAD_ENROLMENTS: dict[str, tuple[Bend, str]] = {
    "another algorithm": (
        lambda p: p["key"].update(algorithm="ed25519"),
        "key.algorithm_not_allowed",
    ),
    "a proof by another key": (
        lambda p: p["proof"]["signatures"][0].update(
            sig=strict_base64.encode(PrivateKey.generate().sign(b""))
        ),
        "sig.invalid",
    ),
    "a proof for another firm": (lambda p: p.update(org=org()), "statement.schema"),
}


@pytest.mark.parametrize("case", BAD_ENROLMENTS)
def test_an_enrolment_that_does_not_hold_enrols_nothing(case: str) -> None:
    bend, code = BAD_ENROLMENTS[case]
    world = enrolled()
    world.supplier = Party(PrivateKey.generate(), ("responsible-officer",))
    world.key_event(world.supplier, vouchers=[world.voucher()], bend=bend)
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    verdict = judge(done)
    assert code in verdict.codes
    assert "key.unknown" in verdict.codes
    assert verdict.payload is None


def test_a_challenge_answered_after_its_end_is_refused() -> None:
    world = enrolled()
    late = Party(PrivateKey.generate(), ("delegate",))
    world.key_event(late, expiry=world.now - HOUR)
    assert judge_world(world).codes == ("time.key_not_valid",)


def test_the_operators_keys_sign_in_the_operators_name_and_role_only() -> None:
    def bent(bend: Bend) -> Verdict:
        world = enrolled()
        world.key_event(Party(PrivateKey.generate(), ("delegate",)), bend=bend)
        return judge_world(world)

    assert bent(unbent).status == "VALID"
    assert bent(lambda p: p["signer"].update(org=org())).codes == ("signer.org_mismatch",)
    assert "signer.role" in bent(lambda p: p["signer"].update(role="service")).codes


def test_the_risk_key_enrols_nobody() -> None:
    world = enrolled()
    true_key = world.operator.key
    world.operator.key = world.risk
    world.key_event(Party(PrivateKey.generate(), ("delegate",)))
    world.operator.key = true_key
    assert "signer.role" in judge_world(world).codes


def test_a_key_nobody_on_the_link_vouched_for_is_pending() -> None:
    verdict = judged_after(lambda _: None, vouched=False)
    assert verdict.codes == ("key.pending",)
    assert verdict.status == "INDETERMINATE"
    confirmed = judged_after(
        lambda w: w.key_event(w.supplier, "confirm", [w.voucher(assurance="confirmed")]),
        vouched=False,
    )
    assert confirmed.status == "VALID"
    earlier = judged_after(
        lambda w: w.key_event(w.supplier, "confirm", [w.voucher(assurance="confirmed")]),
        before=True,
        vouched=False,
    )
    assert earlier.status == "VALID"
    another = f"urn:rensho:link:{uuid.uuid4()}"
    other_link = judged_after(
        lambda w: w.key_event(w.supplier, "confirm", [w.voucher(link=another)]), vouched=False
    )
    assert other_link.codes == ("key.pending",)
