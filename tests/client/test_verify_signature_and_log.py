"""Steps 1 to 11: a bent bundle, a bent statement, a bent log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rensho import archive, dsse, jcs, strict_base64, strict_json
from rensho.keys import PrivateKey
from rensho.verify import Material, Verdict, verify

from tests.client.certificates import certificate
from tests.client.deployment import Log, World, enrolled, org
from tests.client.judged import expectations, judge
from tests.client.responses import Answered, answered, pack, prepare, submit


@pytest.fixture(scope="module")
def good() -> Answered:
    """A valid world that no test of this module changes."""
    return answered()


def lone(good: Answered, change: Callable[[dict[str, Any]], None]) -> Verdict:
    """The main bundle, bent, beside an archive of everything else."""
    name = f"{good.ids[-1]}.sigstore.json"
    value = strict_json.loads(good.world.files[name])
    change(value)
    return lone_bytes(good, jcs.dumps(value))


def lone_bytes(good: Answered, data: bytes) -> Verdict:
    others = World(files=dict(good.world.files), log=good.world.log, opened=good.world.opened)
    del others.files[f"{good.ids[-1]}.sigstore.json"]
    return verify(
        Material(data, (("rest.zip", pack(others)),)),
        good.world.trust(),
        expectations(good),
        good.world.now,
    )


def entry(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["verificationMaterial"]["tlogEntries"][0]
    return found


def with_signature(value: dict[str, Any], signature: bytes) -> None:
    value["dsseEnvelope"]["signatures"][0]["sig"] = strict_base64.encode(signature)


def use_certificate(value: dict[str, Any]) -> None:
    del value["verificationMaterial"]["publicKey"]
    value["verificationMaterial"]["certificate"] = {"rawBytes": strict_base64.encode(certificate())}


def second_entry(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["tlogEntries"] *= 2


def two_signatures(value: dict[str, Any]) -> None:
    value["dsseEnvelope"]["signatures"] *= 2


def flip_hash(value: dict[str, Any]) -> None:
    hashes_ = entry(value)["inclusionProof"]["hashes"]
    hashes_[0] = strict_base64.encode(bytes(32))


def other_note(value: dict[str, Any]) -> None:
    log = Log()
    log.leaves.append(b"x")
    note = log.publish(datetime(2026, 11, 3, tzinfo=UTC))
    entry(value)["inclusionProof"]["checkpoint"]["envelope"] = note.decode()


def unknown_log_note(value: dict[str, Any]) -> None:
    log = Log(origin="elsewhere.example")
    note = log.publish(datetime(2026, 11, 3, tzinfo=UTC))
    entry(value)["inclusionProof"]["checkpoint"]["envelope"] = note.decode()


SHAPES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "two log entries": (second_entry, "input.too_many_items"),
    "stray base64 bits": (
        lambda v: v["dsseEnvelope"].update(payload=v["dsseEnvelope"]["payload"] + "="),
        "base64.not_canonical",
    ),
    "another media type": (lambda v: v.update(mediaType="x"), "bundle.media_type"),
    "a raw key besides the hint": (
        lambda v: v["verificationMaterial"]["publicKey"].update(rawBytes="AA=="),
        "bundle.key_material",
    ),
    "two signatures": (two_signatures, "dsse.signature_count"),
    "another payload type": (
        lambda v: v["dsseEnvelope"].update(payloadType="text/plain"),
        "dsse.payload_type",
    ),
    "a hint nobody enrolled": (
        lambda v: v["verificationMaterial"]["publicKey"].update(
            hint=PrivateKey.generate().public.key_id
        ),
        "key.unknown",
    ),
    "a keyid that is not the hint": (
        lambda v: v["dsseEnvelope"]["signatures"][0].update(
            keyid=PrivateKey.generate().public.key_id
        ),
        "key.hint_mismatch",
    ),
    "a certificate": (use_certificate, "cert.chain"),
    "no DER": (lambda v: with_signature(v, b"\x30\x00"), "sig.encoding"),
    "a signature by somebody else": (
        lambda v: with_signature(v, PrivateKey.generate().sign(b"")),
        "sig.invalid",
    ),
    "a leaf of something else": (
        lambda v: entry(v).update(canonicalizedBody=strict_base64.encode(b"{}")),
        "log.leaf_mismatch",
    ),
    "no note": (
        lambda v: entry(v)["inclusionProof"]["checkpoint"].update(envelope="x"),
        "checkpoint.malformed",
    ),
    "a note of an unknown log": (unknown_log_note, "checkpoint.origin"),
    "a note by another key": (other_note, "checkpoint.signature"),
    "another path": (flip_hash, "log.inclusion"),
    "another root": (
        lambda v: entry(v)["inclusionProof"].update(rootHash=strict_base64.encode(bytes(32))),
        "log.inclusion",
    ),
    "two indexes": (
        lambda v: entry(v)["inclusionProof"].update(logIndex="0"),
        "log.inclusion",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_bent_bundle_is_refused_with_its_code(good: Answered, case: str) -> None:
    change, code = SHAPES[case]
    verdict = lone(good, change)
    assert code in verdict.codes
    assert verdict.status == (
        "INDETERMINATE" if code in {"key.unknown", "cert.chain"} else "INVALID"
    )
    assert verdict.payload in {None, good.draft.payloads[-1]}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff", "json.not_utf8"),
        (b"[" * 40 + b"]" * 40, "json.too_deep"),
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b'{"a":NaN}', "json.bad_number"),
        (b"{", "json.malformed"),
        (b"[]", "json.malformed"),
        (b" " * (1024 * 1024 + 1), "input.too_large"),
        (b"PK\x03\x04", "archive.malformed"),
    ],
)
def test_what_is_no_bundle_is_refused_with_its_code(good: Answered, data: bytes, code: str) -> None:
    verdict = lone_bytes(good, data)
    assert verdict.status == "INVALID"
    assert verdict.codes[0] == code
    assert verdict.payload is None


def test_a_log_entry_of_an_unknown_log_is_refused_where_trust_knows_several(
    good: Answered,
) -> None:
    world = good.world
    other = World(log=Log(origin="other.example"))
    trust = world.trust()
    several = type(trust)(
        1, trust.expires, True, (), (*trust.deployments, other.deployment(origin="other.example"))
    )
    data = pack(world)
    assert verify(Material(data), several, expectations(good), world.now).status == "VALID"
    value = strict_json.loads(world.files[f"{good.ids[0]}.sigstore.json"])
    entry(value)["logId"]["keyId"] = strict_base64.encode(bytes(32))
    verdict = verify(Material(jcs.dumps(value)), several, expectations(good), world.now)
    assert verdict.codes == ("checkpoint.origin",)
    only = verify(Material(jcs.dumps(value)), world.trust(), expectations(good), world.now)
    assert "checkpoint.origin" in only.codes


def test_a_file_named_after_another_statement_is_refused(good: Answered) -> None:
    world = good.world
    data = world.files[f"{good.ids[0]}.sigstore.json"]
    beside = ((f"{'0' * 64}.sigstore.json", data),)
    verdict = verify(Material(pack(world), beside), world.trust(), expectations(good), world.now)
    assert verdict.statements[good.ids[0]].codes == ()
    alone = verify(
        Material(world.files[f"{good.ids[1]}.sigstore.json"], beside),
        world.trust(),
        expectations(good),
        world.now,
    )
    assert "archive.name" in alone.statements[good.ids[0]].codes


def signed_anew(change: Callable[[dict[str, Any]], Any], *, canonical: bool = True) -> Verdict:
    """A response whose declaration was bent before it was signed and logged."""
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked)
    value = strict_json.loads(draft.payloads[-1])
    change(value)
    payload = jcs.dumps(value) if canonical else jcs.dumps(value) + b"\n"
    key = world.supplier.key
    ids = world.record(*((dsse.sign(key, one), key) for one in (*draft.payloads[:-1], payload)))
    world.opened[ids[-1]] = world.opened.pop(draft.component_ids[-1])
    return judge(Answered(world, asked, draft, tuple(ids)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v.update(_type="x"), "statement.type"),
        (lambda v: v["subject"].append(v["subject"][0]), "statement.subject"),
        (
            lambda v: v.update(predicateType="https://other.example/declaration/v1"),
            "statement.predicate_type",
        ),
        (lambda v: v["predicate"].pop("salt"), "statement.schema"),
        (
            lambda v: v["predicate"]["deployment"].update(origin="other.example"),
            "statement.deployment",
        ),
        (
            lambda v: v["predicate"]["signer"].update(keyId=PrivateKey.generate().public.key_id),
            "key.hint_mismatch",
        ),
        (lambda v: v["predicate"]["signer"].update(org=org()), "signer.org_mismatch"),
        (lambda v: v["predicate"]["signer"].update(role="delegate"), "signer.role"),
        (lambda v: v["predicate"]["signer"].update(role="operator"), "signer.role"),
        (lambda v: v["predicate"]["signer"].update(role="transcriber"), "signer.role"),
        (lambda v: v["predicate"].update(origin="transcribed"), "signer.role"),
        (lambda v: v["predicate"]["at"].pop("anchor"), "time.anchor_missing"),
        (
            lambda v: v["predicate"]["at"]["anchor"].update(rootHash="0" * 64),
            "time.anchor_inconsistent",
        ),
        (
            lambda v: v["predicate"]["at"]["anchor"].update(size=10**6),
            "time.anchor_inconsistent",
        ),
        (
            lambda v: v["predicate"]["at"]["anchor"].update(origin="other.example"),
            "time.anchor_inconsistent",
        ),
        (
            lambda v: v["predicate"]["at"]["anchor"].update(size=0, rootHash="0" * 64),
            "time.anchor_inconsistent",
        ),
        (lambda v: v["predicate"].update(supersedes="0" * 64), "target.unknown"),
        (lambda v: v["predicate"]["response"].update(revision=2), "response.mixed"),
        (lambda v: v["predicate"].update(audience="public"), "response.mixed"),
        (
            lambda v: v["predicate"]["questionnaire"]["packs"][0].update(sha256="0" * 64),
            "context.questionnaire",
        ),
        (
            lambda v: v["predicate"]["questionnaire"].update(digest="0" * 64),
            "context.questionnaire",
        ),
    ],
)
def test_a_statement_bent_before_signing_is_refused_with_its_code(
    change: Callable[[dict[str, Any]], Any], code: str
) -> None:
    verdict = signed_anew(change)
    assert code in verdict.codes
    assert verdict.status != "VALID"


def test_a_payload_that_is_not_its_own_canonical_form_is_refused() -> None:
    verdict = signed_anew(lambda _: None, canonical=False)
    assert "statement.not_canonical" in verdict.codes


def test_a_head_of_an_ended_log_without_proof_is_left_open() -> None:
    done = answered()
    world = done.world
    world.succeed()
    assert judge(done).status == "VALID"
    verdict = judge(done, data=pack(world, consistency__json=None))
    earlier = verdict.statements[done.asked.statement_id]
    assert earlier.parts["log"] == "INDETERMINATE"
    assert "step 11: no proof that this head is of the tree its log ended with" in earlier.notes


def test_leaf_0_of_a_later_log_that_is_not_in_hand_is_told() -> None:
    world = enrolled()
    world.succeed()
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    links = [world.past[0].link(size) for size in world.past[0].heads if size < 2]
    links += [world.log.link(size) for size in world.log.heads if 1 < size < len(world.log.leaves)]
    data = pack(world, consistency__json=archive.write_consistency(links))
    verdict = judge(done, data=data)
    assert "step 11: leaf 0 of this log is not in hand" in verdict.notes
    assert "log.succession" not in verdict.codes


def test_a_log_whose_first_head_does_not_lead_on_is_refused() -> None:
    world = enrolled()
    world.succeed()
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    log = world.log
    forked = Log(log.origin, log.key, log.time_key, [b"other"])
    log.heads[1] = forked.publish(world.now)
    assert "log.succession" in judge(done).codes
