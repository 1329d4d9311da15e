"""Steps 14 and 15: whether the key was good, and whose it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rensho import times
from rensho.entries import Voucher
from rensho.keys import PrivateKey
from rensho.status import ListedKey

from tests.client.deployment import DAY, HOUR, Party, World, enrolled, org
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import (
    BUNDLE,
    event,
    expecting,
    plain,
    resubmitted,
    shown,
)
from tests.client.responses import Answered


def unenrolled() -> World:
    """Only the requester has a key yet."""
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    world.key_event(world.requester)
    world.now += HOUR
    return world


@bad(
    "enrolled-after-attestation",
    14,
    "key.not_enrolled_yet",
    "A key signs from its enrolment on: order is the log's, not a clock's.",
    "whole-response",
)
def _() -> Shown:
    world = unenrolled()
    done = plain(world)
    world.key_event(world.supplier, vouchers=[world.voucher()])
    return shown(done)


@bad("key-event-left-out", 14, "key.chain_broken", "Key events name the one before.")
def _() -> Shown:
    world = enrolled()
    skipped = world.key_event(world.supplier, "confirm")
    world.key_event(world.supplier, "confirm")
    for name in (f"{skipped}{BUNDLE}", f"{skipped}.promise.json"):
        del world.files[name]
    del world.opened[skipped]
    return shown(plain(world))


@bad("key-past-its-period", 14, "time.key_not_valid", "A key has a period, and T lies in it.")
def _() -> Shown:
    world = unenrolled()
    until = times.write(world.now + HOUR)
    world.key_event(
        world.supplier,
        vouchers=[world.voucher()],
        bend=lambda p: p["validity"].update(notAfter=until),
    )
    return shown(plain(world))


@good("key-expired-since", 14, "A key that expired later leaves what was logged in time VALID.")
def _() -> Shown:
    world = unenrolled()
    until = times.write(world.now + 3 * DAY)
    world.key_event(
        world.supplier,
        vouchers=[world.voucher()],
        bend=lambda p: p["validity"].update(notAfter=until),
    )
    done = plain(world)
    return shown(done, now=world.now + 10 * DAY)


def ended(event_: Any = "revoke", **fields: Any) -> Shown:
    """The supplier's key ends, then it signs."""
    world = enrolled()
    world.key_event(world.supplier, event_, **fields)
    return shown(plain(world))


@bad("logged-after-revocation", 14, "key.revoked", "What is logged after a revocation is INVALID.")
def _() -> Shown:
    return ended(reason="ceased")


@bad("logged-while-suspended", 14, "key.suspended", "A suspended key signs nothing.")
def _() -> Shown:
    return ended("suspend")


@good("revoked-since", 14, "A key that ceased later leaves what was logged before VALID.")
def _() -> Shown:
    done = plain()
    done.world.key_event(done.world.supplier, "revoke", reason="ceased")
    return shown(done)


@good("suspended-and-enrolled-anew", 14, "A key that is enrolled anew signs again.")
def _() -> Shown:
    world = enrolled()
    world.key_event(world.supplier, "suspend")
    world.key_event(world.supplier, vouchers=[world.voucher()])
    return shown(plain(world))


def stolen(done: Answered, hours: int) -> Answered:
    since = done.world.now + timedelta(hours=hours)
    done.world.key_event(
        done.world.supplier, "revoke", reason="key-compromise", invalid_since=since
    )
    return done


@bad("stolen-before", 14, "key.compromised", "A theft reaches back to when it happened.")
def _() -> Shown:
    return shown(stolen(plain(), -10))


@good("stolen-since", 14, "What a key signed before it was stolen stays VALID.")
def _() -> Shown:
    return shown(stolen(plain(), 10))


@bad("never-their-key", 14, "key.identity_false", "A false identity was never true.")
def _() -> Shown:
    done = plain()
    done.world.key_event(done.world.supplier, "revoke", reason="identity-false")
    return shown(done)


@bad(
    "revoked-in-old-epoch-lower-index-in-new",
    14,
    "key.revoked",
    "Order is (epoch, index): a low index of a newer log comes after a high one of an older.",
    "second-epoch",
)
def _() -> Shown:
    world = enrolled()
    for _ in range(3):
        world.key_event(world.supplier, "confirm")
    world.key_event(world.supplier, "revoke", reason="ceased")
    world.succeed()
    return shown(plain(world))


def listed(party: Party, world: World, **fields: Any) -> ListedKey:
    values: dict[str, Any] = {
        "org": party.org,
        "key_id": party.key.public.key_id,
        "state": "revoked",
        "origin": world.log.origin,
        "index": len(world.log.leaves) - 1,
        "reason": "ceased",
    }
    return ListedKey(**values | fields)


ASKING: dict[str, Any] = {"status_max_age": timedelta(hours=3)}


def hidden(**fields: Any) -> Shown:
    """The end of a key is left out of the archive, and the status list tells it all the same."""
    world = enrolled()
    before = world.supplier.last
    told = world.key_event(world.supplier, "revoke", reason="ceased")
    entry = listed(world.supplier, world, **fields)
    for name in (f"{told}{BUNDLE}", f"{told}.promise.json"):
        del world.files[name]
    del world.opened[told]
    world.supplier.last = before
    done = plain(world)
    world.list_status(keys=[entry])
    return shown(done, **ASKING)


@bad(
    "revocation-left-out",
    14,
    "key.revoked",
    "Whoever builds an archive cannot leave a revocation out: the status list tells it.",
    "status-list",
)
def _() -> Shown:
    return hidden()


@bad("suspension-left-out", 14, "key.suspended", "The same, of a suspension.", "status-list")
def _() -> Shown:
    return hidden(state="suspended", reason=None)


@bad("compromise-left-out", 14, "key.compromised", "The same, of a theft.", "status-list")
def _() -> Shown:
    world = enrolled()
    entry = listed(world.supplier, world, reason="key-compromise", invalid_since=world.now - HOUR)
    done = plain(world)
    world.list_status(keys=[entry])
    return shown(done, **ASKING)


@bad("signed-for-another-firm", 15, "signer.org_mismatch", "The key is another firm's.")
def _() -> Shown:
    return shown(resubmitted(lambda v: v["predicate"]["signer"].update(org=org())))


ROLES: dict[str, tuple[str, str]] = {
    "role-not-enrolled": ("delegate", "A key signs in the roles it was enrolled for."),
    "supplier-as-operator": ("operator", "No operator answers for a supplier."),
    "answers-by-a-transcriber": ("transcriber", "Who typed a sheet in says so."),
}
for name, (role, says) in ROLES.items():

    def build(role: str = role) -> Shown:
        return shown(resubmitted(lambda v: v["predicate"]["signer"].update(role=role)))

    bad(name, 15, "signer.role", says, "whole-response")(build)


@bad("transcribed-by-the-officer", 15, "signer.role", "Transcribed answers are the typist's.")
def _() -> Shown:
    return shown(resubmitted(lambda v: v["predicate"].update(origin="transcribed")))


@bad("not-the-role-expected", 15, "signer.role", "The reader asked for another role.")
def _() -> Shown:
    done = plain()
    return shown(done, expect=expecting(done, signer_role="delegate"))


@bad(
    "key-event-by-the-risk-key",
    15,
    "signer.role",
    "Trust gives each of the operator's keys one role.",
    "lone-key-event",
)
def _() -> Shown:
    return event(bend=lambda p: p["signer"].update(role="service"))


@bad(
    "operators-key-in-a-suppliers-name", 15, "signer.org_mismatch", "The operator's key is its own."
)
def _() -> Shown:
    return event(bend=lambda p: p["signer"].update(org=org()))


@bad(
    "key-nobody-vouches-for",
    15,
    "key.pending",
    "A key counts on a link once the customer's own invitation or call-back stands for it.",
    "whole-response",
)
def _() -> Shown:
    world = unenrolled()
    world.key_event(world.supplier)
    return shown(plain(world))


@bad("vouched-for-on-another-link", 15, "key.pending", "It counts on the link it was checked on.")
def _() -> Shown:
    world = unenrolled()
    other = f"urn:rensho:link:{org().rpartition(':')[2]}"
    world.key_event(world.supplier, vouchers=[world.voucher(link=other)])
    return shown(plain(world))


@bad("vouched-for-by-another-customer", 15, "key.pending", "Each customer checks for itself.")
def _() -> Shown:
    world = unenrolled()
    world.key_event(world.supplier, vouchers=[Voucher(org(), world.link, "confirmed")])
    return shown(plain(world))


@bad("two-keys-one-firm", 5, "key.unknown", "Another key of the same firm is another key.")
def _() -> Shown:
    world = enrolled()
    world.supplier.key = PrivateKey.generate()
    return shown(plain(world))
