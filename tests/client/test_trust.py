"""The Trust file: read strictly, ended by date, replaced only by who may."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rensho import dsse, jcs, strict_json
from rensho.keys import PrivateKey
from rensho.trust import TRUST_PAYLOAD_TYPE, Epoch, Trust, Witness, trusted_root

from tests.client.certificates import certificate
from tests.client.deployment import DAY, HOST, START, World
from tests.client.refused import refused

WORLD = World()
UPDATER = PrivateKey.generate()


def full() -> Trust:
    """A Trust file that asks for everything."""
    epoch = WORLD.deployment().epochs[0]
    deployment = WORLD.deployment(
        predicate_base="https://attest.example.org/rensho",
        epochs=(
            Epoch(epoch.origin, epoch.key, epoch.time_key, b"final note\n"),
            Epoch("e2.log.demo.example", epoch.key, epoch.time_key),
        ),
        witnesses=(Witness("w.example", epoch.time_key),),
        witness_quorum=1,
        tsa=(certificate(),),
        ca=(certificate(),),
        status_max_age=timedelta(hours=2),
    )
    return Trust(3, START, False, (UPDATER.public,), (deployment,))


def file_of(change: Callable[[dict[str, Any]], Any]) -> bytes:
    value = strict_json.loads(full().to_bytes())
    change(value)
    return jcs.dumps(value)


def deployment_of(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["deployments"][0]
    return found


def test_what_is_written_is_read_back_equal() -> None:
    assert Trust.load(full().to_bytes()) == full()
    assert Trust.load(WORLD.trust().to_bytes()) == WORLD.trust()
    assert Trust.load(full().to_bytes(), production=True) == full()


def test_production_refuses_demo_keys_a_reserved_base_and_a_missing_status_list() -> None:
    with refused("trust.demo"):
        Trust.load(WORLD.trust().to_bytes(), production=True)
    with refused("trust.demo"):
        Trust.load(replace(WORLD.trust(), demo=False).to_bytes(), production=True)
    with refused("trust.status_max_age"):
        data = file_of(lambda v: deployment_of(v).pop("status_max_age"))
        Trust.load(data, production=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(version=0),
        lambda v: v.update(version=True),
        lambda v: v.update(demo="no"),
        lambda v: v.update(expires="2026-13-01T00:00:00Z"),
        lambda v: v.update(expires=5),
        lambda v: v.update(update_keys="x"),
        lambda v: v.update(deployments=[]),
        lambda v: v.update(deployments=[1]),
        lambda v: deployment_of(v).update(origin="Upper.Example"),
        lambda v: deployment_of(v).update(origin=""),
        lambda v: deployment_of(v).update(predicate_base=None),
        lambda v: deployment_of(v).update(epochs=[]),
        lambda v: deployment_of(v)["epochs"][0].update(final_checkpoint=1),
        lambda v: deployment_of(v)["epochs"].append(deployment_of(v)["epochs"][0]),
        lambda v: deployment_of(v)["operator"].update(keys=[]),
        lambda v: deployment_of(v).update(operator=None),
        lambda v: deployment_of(v).update(risk=[]),
        lambda v: deployment_of(v).update(witness_quorum=2),
        lambda v: deployment_of(v).update(witness_quorum=-1),
        lambda v: deployment_of(v)["witnesses"][0].update(name=""),
        lambda v: deployment_of(v).update(tsa=["AA=="]),
        lambda v: deployment_of(v).update(status_max_age=0),
        lambda v: deployment_of(v).update(status_max_age=2**52),
    ],
)
def test_another_shape_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    with refused("trust.malformed"):
        Trust.load(file_of(change))


def test_unusable_keys_and_oversized_files_are_refused() -> None:
    with refused("base64.not_canonical"):
        Trust.load(file_of(lambda v: deployment_of(v)["epochs"][0].update(key="AA==")))
    with refused("key.algorithm_not_allowed"):
        Trust.load(file_of(lambda v: deployment_of(v)["operator"].update(keys=["AA=="])))
    with refused("input.too_large"):
        Trust.load(b" " * (1024 * 1024 + 1))
    with refused("trust.malformed"):
        Trust.load(b"[]")
    with refused("json.malformed"):
        Trust.load(b"{")


def test_a_trust_file_ends_at_its_date() -> None:
    full().refuse_expired(START - timedelta(seconds=1))
    with refused("trust.expired"):
        full().refuse_expired(START)


def update(trust: Trust, key: PrivateKey = UPDATER) -> bytes:
    return jcs.dumps(dsse.sign(key, trust.to_bytes(), TRUST_PAYLOAD_TYPE).to_json())


def test_an_update_by_an_update_key_takes_its_place() -> None:
    newer = replace(full(), version=4, expires=START + DAY)
    assert full().updated(update(newer)) == (newer, newer.to_bytes())


def test_nobody_else_and_nothing_older_takes_its_place() -> None:
    newer = replace(full(), version=4)
    with refused("trust.update_signature"):
        full().updated(update(newer, PrivateKey.generate()))
    with refused("trust.update_signature"):
        full().updated(update(full()))
    with refused("dsse.payload_type"):
        full().updated(jcs.dumps(dsse.sign(UPDATER, newer.to_bytes()).to_json()))
    with refused("trust.demo"):
        full().updated(update(replace(newer, demo=True)), production=True)
    with refused("input.too_large"):
        full().updated(b" " * (2 * 1024 * 1024 + 1))


def test_keys_are_found_by_name_and_logs_by_id() -> None:
    deployment = full().deployments[0]
    operator = WORLD.operator.key.public
    assert deployment.fixed_key(operator.key_id) == (operator, "operator")
    assert deployment.fixed_key(WORLD.risk.public.key_id) == (WORLD.risk.public, "service")
    assert deployment.fixed_key("x") is None
    assert deployment.epoch_number("e2.log.demo.example") == 1
    assert deployment.epoch_number("elsewhere.example") is None
    assert full().deployment_of_log(deployment.epochs[1].log_id) == deployment
    assert full().deployment_of_log(bytes(32)) is None


def test_foreign_tools_get_logs_and_authorities_in_the_sigstore_form() -> None:
    root = strict_json.loads(trusted_root(full()))
    assert root["mediaType"] == "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    log = root["tlogs"][0]
    epoch = full().deployments[0].epochs[0]
    assert base64.b64decode(log["logId"]["keyId"]) == epoch.log_id
    assert base64.b64decode(log["publicKey"]["rawBytes"])[-32:] == epoch.key
    assert log["publicKey"]["keyDetails"] == "PKIX_ED25519"
    assert log["baseUrl"] == f"https://{HOST}/log"
    assert len(root["tlogs"]) == 2
    for kind in ("certificateAuthorities", "timestampAuthorities"):
        (authority,) = root[kind]
        (found,) = authority["certChain"]["certificates"]
        assert base64.b64decode(found["rawBytes"]) in {
            *full().deployments[0].ca,
            *full().deployments[0].tsa,
        }
    assert root["ctlogs"] == []
