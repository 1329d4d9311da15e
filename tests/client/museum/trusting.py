"""Trust files, their updates, and facts documents: what is read outside any step."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rensho import dsse, jcs
from rensho.keys import PrivateKey
from rensho.salted import sha256
from rensho.trust import TRUST_PAYLOAD_TYPE, Trust

from tests.client.deployment import DAY, START, World
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import event


def serious(key: PrivateKey | None = None, **changes: Any) -> Trust:
    """A Trust file fit for production."""
    deployment = World().deployment(
        predicate_base="https://attest.example.org/rensho", status_max_age=timedelta(hours=3)
    )
    keys = () if key is None else (key.public,)
    return replace(Trust(3, START + DAY, False, keys, (deployment,)), **changes)


def loaded(change: Any) -> Shown:
    value = json.loads(serious().to_bytes())
    change(value)
    return Shown(main=jcs.dumps(value), judge="trust")


@good("trust-file", 0, "A Trust file that production takes.")
def _() -> Shown:
    return loaded(lambda _: None)


TRUST: dict[str, tuple[str, str, Any]] = {
    "trust-without-deployments": (
        "trust.malformed",
        "Somebody is believed, or nothing can be told.",
        lambda v: v.update(deployments=[]),
    ),
    "trust-asks-for-more-witnesses-than-there-are": (
        "trust.malformed",
        "A quorum nobody can reach, or a mistake.",
        lambda v: v["deployments"][0].update(witness_quorum=1),
    ),
    "trust-of-a-demo": (
        "trust.demo",
        "Demo keys prove nothing in production.",
        lambda v: v.update(demo=True),
    ),
    "trust-of-a-reserved-base": (
        "trust.demo",
        "Nor does a base nobody owns.",
        lambda v: v["deployments"][0].update(predicate_base="https://rensho.example/attestation"),
    ),
    "trust-without-status-list": (
        "trust.status_max_age",
        "Without a list, whoever builds an archive can leave a revocation out.",
        lambda v: v["deployments"][0].pop("status_max_age"),
    ),
    "trust-of-a-short-log-key": (
        "base64.not_canonical",
        "A log key has 32 bytes.",
        lambda v: v["deployments"][0]["epochs"][0].update(key="AA=="),
    ),
}
for name, (code, says, change) in TRUST.items():
    bad(name, 0, code, says, "trust-file")(partial(loaded, change))


@bad("trust-past-its-end", 0, "trust.expired", "A Trust file ends; the remedy is its update.")
def _() -> Shown:
    made = event()
    assert made.trust is not None
    return replace(made, trust=replace(made.trust, expires=START))


def updated(signer: PrivateKey | None, kind: str = TRUST_PAYLOAD_TYPE, **changes: Any) -> Shown:
    key = PrivateKey.generate()
    old = serious(key)
    new = replace(old, **{"version": 4} | changes)
    envelope = dsse.sign(signer or key, new.to_bytes(), kind)
    return Shown(main=jcs.dumps(envelope.to_json()), trust=old, judge="update")


@good("trust-update", 0, "The successor, signed by who may name one.")
def _() -> Shown:
    return updated(None)


@bad("trust-update-by-a-stranger", 0, "trust.update_signature", "Only an update key names one.")
def _() -> Shown:
    return updated(PrivateKey.generate())


@bad("trust-update-played-back", 0, "trust.update_signature", "The version grows.", "trust-update")
def _() -> Shown:
    return updated(None, version=3)


@bad("trust-update-as-a-statement", 0, "dsse.payload_type", "An update is signed as one.")
def _() -> Shown:
    return updated(None, dsse.INTOTO)


@bad("trust-update-to-a-demo", 0, "trust.demo", "Production is not talked down.", "trust-update")
def _() -> Shown:
    return updated(None, demo=True)


def facts(change: Any) -> Shown:
    value = json.loads((Path(__file__).parents[1] / "facts.json").read_text("utf-8"))
    change(value)
    return Shown(main=jcs.dumps(value), judge="replay")


@good("facts", 0, "A facts document whose results can be computed again.")
def _() -> Shown:
    return facts(lambda _: None)


@bad("facts-of-another-model", 0, "facts.malformed", "RM-1 and no other.", "facts")
def _() -> Shown:
    return facts(lambda v: v.update(model="rm-9"))


@bad(
    "facts-of-another-policy", 0, "facts.policy_digest", "The policy is the one digested.", "facts"
)
def _() -> Shown:
    return facts(lambda v: v.update(policy_digest="0" * 64))


@bad("facts-that-do-not-settle", 0, "facts.unstable", "A fixed point that is not reached is none.")
def _() -> Shown:
    def change(value: dict[str, Any]) -> None:
        value["policy"]["propagation"]["max_sweeps"] = 0
        value["policy_digest"] = sha256(jcs.dumps(value["policy"]))

    return facts(change)
