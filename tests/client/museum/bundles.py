"""Steps 3 to 6: form of a bundle, its key, its signature."""

from __future__ import annotations

from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import utils
from rensho import blocks, dsse, jcs, sign, strict_base64, strict_json
from rensho.keys import PrivateKey
from rensho.salted import sha256

from tests.client.deployment import HOST, HOUR, Party, World
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import (
    BUNDLE,
    Edit,
    edited,
    entry,
    event,
    lone,
    lone_bytes,
    plain,
    shown,
    signed_anew,
    stranger,
)

MATERIAL = "verificationMaterial"


def signature(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["dsseEnvelope"]["signatures"][0]
    return found


def resigned(change: Any) -> Edit:
    """Change the signature's bytes."""

    def edit(value: dict[str, Any]) -> None:
        raw = strict_base64.decode(signature(value)["sig"])
        signature(value)["sig"] = strict_base64.encode(change(raw))

    return edit


BENT: dict[str, tuple[int, str, str, Any]] = {
    "bundle-v0-1": (
        3,
        "bundle.media_type",
        "Another version may mean other things by the same names.",
        lambda v: v.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
    ),
    "dsse-log-entry": (
        3,
        "bundle.media_type",
        "The log entry is a hashedrekord 0.0.2 and no other kind.",
        lambda v: entry(v).update(kindVersion={"kind": "dsse", "version": "0.0.1"}),
    ),
    "raw-key-beside-hint": (
        3,
        "bundle.key_material",
        "A message never brings its own key.",
        lambda v: v[MATERIAL]["publicKey"].update(rawBytes="AA=="),
    ),
    "no-key-at-all": (
        3,
        "bundle.key_material",
        "Exactly one of hint and certificate.",
        lambda v: v[MATERIAL].pop("publicKey"),
    ),
    "hint-and-certificate": (
        3,
        "bundle.key_material",
        "Two keys, and each reader takes the one it likes.",
        lambda v: v[MATERIAL].update(certificate={"rawBytes": "AA=="}),
    ),
    "two-signatures": (
        4,
        "dsse.signature_count",
        "One signature per envelope: who counts to two counts a key twice.",
        lambda v: v["dsseEnvelope"].update(signatures=v["dsseEnvelope"]["signatures"] * 2),
    ),
    "no-signature": (
        4,
        "dsse.signature_count",
        "One signature per envelope.",
        lambda v: v["dsseEnvelope"].update(signatures=[]),
    ),
    "payload-type-text": (
        4,
        "dsse.payload_type",
        "The payload type is signed and is in-toto's.",
        lambda v: v["dsseEnvelope"].update(payloadType="text/plain"),
    ),
    "payload-type-of-a-challenge": (
        4,
        "dsse.payload_type",
        "What was signed to prove a key is no statement.",
        lambda v: v["dsseEnvelope"].update(payloadType=sign.ENROL_CHALLENGE),
    ),
    "keyid-names-another-key": (
        5,
        "key.hint_mismatch",
        "keyid is empty or names the key of the hint.",
        lambda v: signature(v).update(keyid=PrivateKey.generate().public.key_id),
    ),
    "hint-nobody-knows": (
        5,
        "key.unknown",
        "A key nobody enrolled proves nothing, and disproves nothing.",
        lambda v: v[MATERIAL].update(publicKey={"hint": PrivateKey.generate().public.key_id}),
    ),
    "signature-by-another-key": (
        6,
        "sig.invalid",
        "The signature holds under the key of the record and under no other.",
        lambda v: signature(v).update(
            sig=strict_base64.encode(PrivateKey.generate("ed25519").sign(b""))
        ),
    ),
    "signature-of-63-bytes": (
        6,
        "sig.encoding",
        "An Ed25519 signature has 64 bytes.",
        resigned(lambda raw: raw[:-1]),
    ),
    "signature-bit-flipped": (
        6,
        "sig.invalid",
        "One bit is enough.",
        resigned(lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
    ),
}
for name, (step, code, says, edit) in BENT.items():
    bad(name, step, code, says, "lone-key-event")(partial(event, edit))


@bad(
    "payload-bit-flipped", 6, "sig.invalid", "Who signed has signed these bytes.", "lone-key-event"
)
def _() -> Shown:
    def edit(value: dict[str, Any]) -> None:
        payload = bytearray(strict_base64.decode(value["dsseEnvelope"]["payload"]))
        payload[payload.index(b"requester")] ^= 0x20
        value["dsseEnvelope"]["payload"] = strict_base64.encode(bytes(payload))

    return event(edit)


@bad("challenge-as-a-statement", 4, "dsse.payload_type", "A signed challenge is logged as one.")
def _() -> Shown:
    world = World()
    world.log.publish(world.now)
    name = world.key_event(world.requester)
    value = strict_json.loads(world.files[f"{name}{BUNDLE}"])
    challenge = sign.EnrolChallenge(
        origin=HOST,
        org=world.requester.org,
        key_id=world.requester.key.public.key_id,
        purpose="enrol",
        expiry=world.now + HOUR,
    )
    signed = dsse.sign(world.requester.key, challenge.to_bytes(), sign.ENROL_CHALLENGE)
    value["dsseEnvelope"] = signed.to_json()
    return lone_bytes(world, name, jcs.dumps(value))


def main(done: Any) -> str:
    return f"{done.ids[-1]}{BUNDLE}"


@good("keyid-left-out", 5, "An empty keyid is allowed where the hint matches.")
def _() -> Shown:
    return event(lambda v: signature(v).pop("keyid"))


@bad("signature-not-der", 6, "sig.encoding", "ECDSA signatures are DER and nothing looser.")
def _() -> Shown:
    done = plain()
    return edited(done, main(done), lambda v: signature(v).update(sig="MAA="))


@bad("signature-in-ber", 6, "sig.encoding", "A second spelling would be a second signature.")
def _() -> Shown:
    def change(raw: bytes) -> bytes:
        return b"\x30\x81" + raw[1:]

    done = plain()
    return edited(done, main(done), resigned(change))


@bad(
    "signature-malleated",
    8,
    "log.leaf_mismatch",
    "(r, n-s) is as valid a signature, and is not the one that was logged.",
    "whole-response",
)
def _() -> Shown:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def change(raw: bytes) -> bytes:
        r, s = utils.decode_dss_signature(raw)
        return utils.encode_dss_signature(r, order - s)

    done = plain()
    return edited(done, main(done), resigned(change))


@bad(
    "key-event-self-signed",
    5,
    "key.unknown",
    "A key cannot enrol itself: key events are the operator's.",
    "lone-key-event",
)
def _() -> Shown:
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    true_key = world.operator.key
    world.operator.key = world.requester.key
    name = world.key_event(world.requester)
    world.operator.key = true_key
    world.files[f"{name}.promise.json"] = world.promise(name)
    return lone(world, name)


@bad("key-of-nobody", 5, "key.unknown", "Without its key event a statement has no known signer.")
def _() -> Shown:
    done = plain()
    name = f"{done.world.supplier.last}"
    gone = {f"{name}{BUNDLE}": None, f"{name}.promise.json": None}
    del done.world.opened[name]
    return shown(done, files=gone)


@bad(
    "signed-by-a-stranger", 5, "key.hint_mismatch", "Another firm's key under the supplier's name."
)
def _() -> Shown:
    done = plain()
    other = stranger(done.world, "responsible-officer")
    payloads = [*done.draft.payloads]
    for one in done.ids:
        del done.world.files[f"{one}{BUNDLE}"], done.world.files[f"{one}.promise.json"]
    return shown(signed_anew(done, payloads, other.key))


@bad(
    "algorithm-of-the-message",
    7,
    "key.algorithm_not_allowed",
    "A key is of the algorithm it is of, whatever is written beside it.",
    "lone-key-event",
)
def _() -> Shown:
    return event(bend=lambda p: p["key"].update(algorithm="ed25519"))


@bad(
    "low-order-key-enrolled",
    7,
    "key.algorithm_not_allowed",
    "A low-order key verifies many messages under one signature: it is never enrolled.",
)
def _() -> Shown:
    world = World()
    world.log.publish(world.now)
    party = Party(PrivateKey.generate("ed25519"), ("requester",))
    weak = bytes.fromhex("302a300506032b6570032100") + b"\x01" + bytes(31)
    block, _ = blocks.vouched_by([])
    challenge = sign.EnrolChallenge(
        origin=HOST,
        org=party.org,
        key_id=party.key.public.key_id,
        purpose="enrol",
        expiry=world.now + HOUR,
    )
    payload = strict_json.loads(
        sign.key_event(
            world.common(world.operator),
            event="enrol",
            record=sign.KeyRecord(
                org=party.org, key=party.key.public, roles=party.roles, custody="file"
            ),
            vouched_by=block,
            prev=None,
            proof=dsse.sign(party.key, challenge.to_bytes(), sign.ENROL_CHALLENGE),
        )
    )
    payload["predicate"]["key"]["spki"] = strict_base64.encode(weak)
    payload["subject"][0]["digest"]["sha256"] = sha256(weak)
    envelope = dsse.sign(world.operator.key, jcs.dumps(payload))
    (name,) = world.record((envelope, world.operator.key))
    return lone(world, name)
