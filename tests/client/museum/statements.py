"""Step 7: what was signed is a statement of this deployment, in its one form."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from rensho import dsse, jcs, sign, strict_base64, strict_json, times
from rensho.dsse import INTOTO

from tests.client.deployment import DAY, HOST, HOUR, START, World, org
from tests.client.museum import Shown, bad
from tests.client.museum.scenes import event, lone, resubmitted, shown


def stated(change: Any, *, canonical: bool = True) -> Shown:
    """The requester's enrolment, of which the whole statement was bent before it was signed."""
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    world.key_event(world.requester)
    (name,) = (name for name in world.files if name.endswith(".sigstore.json"))
    envelope = strict_json.loads(world.files[name])["dsseEnvelope"]
    payload = strict_json.loads(dsse.Envelope.from_json(envelope).payload)
    change(payload)
    data = jcs.dumps(payload) if canonical else jcs.dumps(payload).replace(b",", b", ", 1)
    again = World(
        log=type(world.log)(key=world.log.key, time_key=world.log.time_key),
        operator=world.operator,
        now=START,
    )
    again.log.publish(again.now)
    again.now += HOUR
    key = again.operator.key
    signed = dsse.Envelope(INTOTO, data, key.sign(dsse.pae(INTOTO, data)), key.public.key_id)
    (name,) = again.record((signed, key))
    return lone(again, name)


def many(value: dict[str, Any]) -> None:
    value["subject"] *= 2


def span(days: int) -> Any:
    def change(value: dict[str, Any]) -> None:
        until = START + HOUR + timedelta(days=days)
        value["predicate"]["validity"]["notAfter"] = times.write(until)

    return change


BENT: dict[str, tuple[str, str, Any]] = {
    "statement-v0-1": (
        "statement.type",
        "in-toto Statement v1, not the version before.",
        lambda v: v.update(_type="https://in-toto.io/Statement/v0.1"),
    ),
    "two-subjects": (
        "statement.subject",
        "Exactly one subject: nobody can ask which of two was meant.",
        many,
    ),
    "no-subject": ("statement.subject", "Exactly one subject.", lambda v: v.update(subject=[])),
    "subject-with-a-second-digest": (
        "statement.subject",
        "The digest set is exactly sha256.",
        lambda v: v["subject"][0]["digest"].update(sha512="0" * 128),
    ),
    "subject-with-a-name": (
        "statement.subject",
        "A subject's name is a constant: it never tells whom or what.",
        lambda v: v["subject"][0].update(name="camera-7"),
    ),
    "subject-of-another-key": (
        "statement.subject",
        "A key event is about the key it carries.",
        lambda v: v["subject"][0]["digest"].update(sha256="0" * 64),
    ),
    "predicate-of-another-base": (
        "statement.predicate_type",
        "A type of another deployment's base is another type.",
        lambda v: v.update(predicateType="https://other.example/attestation/key-event/v1"),
    ),
    "predicate-of-version-2": (
        "statement.predicate_type",
        "A version nobody knows is not read as one somebody knows.",
        lambda v: v.update(predicateType=v["predicateType"].replace("v1", "v2")),
    ),
    "predicate-without-salt": (
        "statement.schema",
        "Without its salt a statement could be guessed.",
        lambda v: v["predicate"].pop("salt"),
    ),
    "predicate-with-a-fraction": (
        "statement.schema",
        "A fraction is a decimal string: two readers round alike.",
        lambda v: v["predicate"].update(weight=0.5),
    ),
    "role-nobody-has": (
        "statement.schema",
        "Roles are a closed list.",
        lambda v: v["predicate"]["signer"].update(role="root"),
    ),
    "valid-for-500-days": ("statement.schema", "At most 400 days.", span(500)),
    "ends-before-it-begins": ("statement.schema", "At least none.", span(-1)),
    "enrolment-without-proof": (
        "statement.schema",
        "A key is enrolled by whoever shows to have it.",
        lambda v: v["predicate"].pop("proof"),
    ),
    "audience-not-padded": (
        "statement.schema",
        "The number of hidden entries shows in steps of eight only.",
        lambda v: v["predicate"]["vouchedBy"].update(_sd=v["predicate"]["vouchedBy"]["_sd"][:7]),
    ),
    "audience-not-sorted": (
        "statement.schema",
        "The order of hidden entries would tell which came last.",
        lambda v: v["predicate"]["vouchedBy"]["_sd"].reverse(),
    ),
    "compromise-without-a-time": (
        "statement.schema",
        "A compromise says since when.",
        lambda v: v["predicate"].update(event="revoke", reason="key-compromise"),
    ),
    "made-for-another-deployment": (
        "statement.deployment",
        "A statement names the deployment it was made for.",
        lambda v: v["predicate"]["deployment"].update(origin="other.example"),
    ),
    "signed-in-another-keys-name": (
        "key.hint_mismatch",
        "The statement names the key that signs it.",
        lambda v: v["predicate"]["signer"].update(keyId=strict_base64.encode(bytes(32))),
    ),
}
for name, (code, says, change) in BENT.items():
    bad(name, 7, code, says, "lone-key-event")(partial(stated, change))


@bad(
    "statement-not-canonical",
    7,
    "statement.not_canonical",
    "A statement equals its own canonical form, or the same words have two ids.",
    "lone-key-event",
)
def _() -> Shown:
    return stated(lambda _: None, canonical=False)


def challenged(**changes: Any) -> Shown:
    """An enrolment whose proof was made for something else."""
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    key = world.requester.key
    fields: dict[str, Any] = {
        "origin": HOST,
        "org": world.requester.org,
        "key_id": key.public.key_id,
        "purpose": "enrol",
        "expiry": world.now + HOUR,
    }
    challenge = sign.EnrolChallenge(**fields | changes)
    proof = dsse.sign(changes.pop("by", key), challenge.to_bytes(), sign.ENROL_CHALLENGE)
    return lone(world, world.key_event(world.requester, proof=proof))


@bad(
    "challenge-from-other-deployment",
    7,
    "statement.schema",
    "A proof made for one deployment enrols nothing at another.",
    "lone-key-event",
)
def _() -> Shown:
    return challenged(origin="other.example")


@bad(
    "challenge-for-another-firm",
    7,
    "statement.schema",
    "A proof made in one firm's name enrols nothing for another.",
    "lone-key-event",
)
def _() -> Shown:
    return challenged(org=org())


@bad("challenge-answered-by-nobody", 7, "sig.invalid", "The proof is signed by the key itself.")
def _() -> Shown:
    def bend(predicate: dict[str, Any]) -> None:
        proof = predicate["proof"]["signatures"][0]
        raw = strict_base64.decode(proof["sig"])
        proof["sig"] = strict_base64.encode(raw[:10] + bytes([raw[10] ^ 1]) + raw[11:])

    return event(bend=bend)


@bad("challenge-answered-late", 14, "time.key_not_valid", "A challenge ends.", "lone-key-event")
def _() -> Shown:
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    return lone(world, world.key_event(world.requester, expiry=world.now - DAY))


@bad(
    "declaration-with-an-unsorted-audience",
    7,
    "statement.schema",
    "The order of readers would tell who came last.",
    "whole-response",
)
def _() -> Shown:
    return shown(resubmitted(lambda v: v["predicate"]["audience"]["_sd"].reverse()))
