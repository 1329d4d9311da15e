"""What a good archive says, and how loudly everything that was not checked is told."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from rensho import archive, dsse, jcs, sign, strict_json
from rensho.documents import QuestionnaireDocument, Response, Scope
from rensho.entries import EvidenceSeen
from rensho.errors import VerificationError
from rensho.keys import PrivateKey
from rensho.salted import sha256
from rensho.statement import Anchor
from rensho.trust import Witness
from rensho.verify import (
    ANY,
    Expectations,
    ExpectedQuestionnaire,
    ExpectedRequest,
    Material,
    verify,
)

from tests.client.deployment import DAY, HOUR, START, Party, World, enrolled
from tests.client.judged import expectations, judge, judge_world
from tests.client.responses import Answered, answered, pack, prepare, submit

VALID_PARTS = {
    "signature": "VALID",
    "log": "VALID",
    "time": "VALID",
    "context": "VALID",
    "status": "NOT_REQUIRED",
    "content": "VALID",
}


def second_revision(first: Answered) -> Answered:
    """The same response, answered again."""
    world = first.world
    world.now += DAY
    replaced = dict(zip(("vision-1", "chat-1", "declaration"), first.ids, strict=True))
    draft = prepare(
        world,
        first.asked,
        response=Response(first.draft.response.id, 2),
        supersedes=replaced,
    )
    ids = submit(world, draft)
    return Answered(world, first.asked, draft, tuple(ids))


def test_a_whole_response_is_valid_and_says_what_was_not_asked_for() -> None:
    done = answered()
    verdict = judge(done)
    assert verdict.status == "VALID"
    assert dict(verdict.parts) == VALID_PARTS
    assert verdict.codes == ()
    assert verdict.payload == done.draft.payloads[-1]
    assert "T source: operator" in verdict.notes
    for step in ("step 11", "step 12", "step 20"):
        assert any(note.startswith(step) for note in verdict.notes)
    assert "expectation freshness: ANY, compared with nothing" in verdict.notes
    assert set(done.ids) < set(verdict.statements)
    assert {one.status for one in verdict.statements.values()} == {"VALID"}


def test_an_ed25519_key_signs_as_well() -> None:
    world = enrolled()
    world.supplier = Party(PrivateKey.generate("ed25519"), ("ai-governance-lead",))
    world.key_event(world.supplier, vouchers=[world.voucher()])
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    assert judge(done, expect=expectations(done, signer_role="ai-governance-lead")).codes == ()


def test_every_expectation_that_holds_keeps_it_valid_and_leaves_no_note() -> None:
    done = answered()
    questions = ("Q-CORE-001", "Q-CORE-004")
    asked = QuestionnaireDocument.parse(done.asked.questionnaire)
    expect = expectations(
        done,
        questionnaire=ExpectedQuestionnaire(
            frozenset(questions), frozenset((pack.id, pack.sha256) for pack in asked.packs)
        ),
        component="vision-1",
        line="any of our goods",
        signer_role="responsible-officer",
        freshness=DAY,
    )
    verdict = judge(done, expect=expect)
    assert verdict.codes == ()
    assert not any(note.startswith("expectation") for note in verdict.notes)


def test_expectations_left_open_are_compared_with_the_request_in_the_archive() -> None:
    done = answered()
    verdict = judge(done, expect=Expectations(audience=ANY, request=ANY))
    assert verdict.status == "VALID"
    assert "expectation audience: ANY, compared with nothing" in verdict.notes


def test_a_newer_revision_supersedes_and_the_old_one_is_stale_by_itself() -> None:
    first = answered()
    second = second_revision(first)
    verdict = judge(second)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert verdict.payload == second.draft.payloads[-1]
    old = verdict.statements[first.ids[-1]]
    assert old.codes == ("response.stale",)
    assert verdict.statements[first.ids[0]].codes == ("response.stale",)


def test_a_lone_bundle_with_its_key_events_is_valid_in_signature_and_log_only() -> None:
    done = answered()
    files = done.world.files
    event = files[f"{done.world.supplier.last}.sigstore.json"]
    beside = (("key-event.json", event),)
    material = Material(files[f"{done.ids[0]}.sigstore.json"], beside)
    verdict = verify(material, done.world.trust(), expectations(done), done.world.now)
    assert verdict.status == "INDETERMINATE"
    assert (verdict.parts["signature"], verdict.parts["log"]) == ("VALID", "VALID")
    undecided = {verdict.parts[part] for part in ("time", "context", "content")}
    assert undecided == {"INDETERMINATE"}
    assert verdict.payload == done.draft.payloads[0]
    assert {
        "timestamp.missing",
        "time.anchor_missing",
        "key.pending",
        "context.not_opened",
        "context.component",
        "response.incomplete",
        "content.missing",
    } <= set(verdict.codes)


def test_a_lone_bundle_beside_the_whole_archive_is_valid() -> None:
    done = answered()
    bundle = done.world.files[f"{done.ids[0]}.sigstore.json"]
    material = Material(bundle, (("response.zip", pack(done.world)),))
    verdict = verify(material, done.world.trust(), expectations(done), done.world.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert verdict.payload == done.draft.payloads[0]


def test_a_bundle_without_any_key_event_is_indeterminate_and_hands_out_no_payload() -> None:
    done = answered()
    bundle = done.world.files[f"{done.ids[-1]}.sigstore.json"]
    verdict = verify(Material(bundle), done.world.trust(), expectations(done), done.world.now)
    assert verdict.status == "INDETERMINATE"
    assert "key.unknown" in verdict.codes
    assert verdict.payload is None


def test_a_public_response_needs_no_audience_entry() -> None:
    done = answered(answering={"audience": "public"})
    for statement_id in done.ids:
        del done.world.opened[statement_id]["audience"]
    verdict = judge(done)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert "step 16: the statement is public" in verdict.notes


def test_an_expired_trust_file_confirms_nothing() -> None:
    done = answered()
    trust = replace(done.world.trust(), expires=done.world.now)
    with pytest.raises(VerificationError) as caught:
        verify(Material(pack(done.world)), trust, expectations(done), done.world.now)
    assert caught.value.code == "trust.expired"


def test_a_witness_quorum_is_counted_and_gives_the_time() -> None:
    world = enrolled_with_witnesses("w1.example", "w2.example")
    asked = world.ask()
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    witnesses = world.witnesses
    verdict = judge(done, witnesses=witnesses, witness_quorum=2)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert "T source: operator" not in verdict.notes
    more = (*witnesses, Witness("w3.example", PrivateKey.generate("ed25519").public.raw_ed25519))
    verdict = judge(done, witnesses=more, witness_quorum=3)
    assert "checkpoint.witness_quorum" in verdict.codes
    assert "timestamp.missing" in verdict.codes
    assert verdict.status == "INVALID"


def enrolled_with_witnesses(*names: str) -> World:
    keys = [(name, PrivateKey.generate("ed25519")) for name in names]
    world = World(
        witness_keys=keys,
        witnesses=tuple(Witness(name, key.public.raw_ed25519) for name, key in keys),
    )
    world.log.publish(world.now)
    world.key_event(world.requester)
    world.key_event(world.supplier, vouchers=[world.voucher()])
    world.now += HOUR
    return world


def test_a_risk_snapshot_verifies_under_the_risk_key_with_facts_and_results() -> None:
    world = enrolled()
    log_snapshot(world)
    verdict = judge_world(world)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert verdict.payload is not None
    assert b"risk-snapshot" in verdict.payload


@pytest.mark.parametrize(("kind", "code"), [("facts", "content.missing"), ("results", None)])
def test_a_snapshot_without_its_documents_is_indeterminate(kind: str, code: str | None) -> None:
    world = enrolled()
    log_snapshot(world)
    for name in [name for name in world.files if name.endswith(f".{kind}.json")]:
        del world.files[name]
    assert judge_world(world).codes == (code or "content.missing",)


@pytest.mark.parametrize(
    ("kind", "code"), [("facts", "descriptor.digest"), ("results", "answers.digest")]
)
def test_a_snapshot_over_other_documents_is_invalid(kind: str, code: str) -> None:
    world = enrolled()
    log_snapshot(world)
    for name in [name for name in world.files if name.endswith(f".{kind}.json")]:
        world.files[name] = b"{}"
    assert judge_world(world).codes == (code,)


def log_snapshot(world: World) -> str:
    facts, results = b'{"facts":1}', b'{"results":1}'
    world.files[f"{sha256(facts)}.facts.json"] = facts
    world.files[f"{sha256(results)}.results.json"] = results
    risk = Party(world.risk, ("service",), org=world.operator.org)
    payload = sign.risk_snapshot(
        world.common(risk),
        requester=world.requester.org,
        as_of=world.now,
        model="rm-1",
        digests=sign.SnapshotDigests(
            facts=sha256(facts), policy=sha256(b"policy"), results=sha256(results), packs=()
        ),
        log=(world.log.origin, len(world.log.leaves)),
        totals={"claimed": "0.100000000", "evidenced": "0.200000000"},
        tiers=[],
    )
    return world.record((dsse.sign(world.risk, payload), world.risk))[0]


def test_an_archive_without_statements_judges_nothing() -> None:
    world = World()
    verdict = verify(
        Material(archive.write({})),
        world.trust(),
        Expectations(audience=ANY, request=ANY),
        START,
    )
    assert (verdict.status, verdict.codes) == ("INDETERMINATE", ())
    assert "there is no statement to judge" in verdict.notes


def test_the_request_a_reader_expects_is_its_own_record() -> None:
    done = answered()
    other = ExpectedRequest(str(uuid.uuid4()), done.asked.nonce)
    assert judge(done, expect=expectations(done, request=other)).codes == ("context.nonce",)


def test_what_the_reader_cannot_compare_is_told() -> None:
    done = answered()
    del done.world.files[f"{done.asked.statement_id}.sigstore.json"]
    del done.world.opened[done.asked.statement_id]
    done.world.files[f"{'0' * 64}.evidence"] = b"unused"
    verdict = judge(done, expect=Expectations(audience=done.world.requester.org, request=ANY))
    assert verdict.status == "VALID"
    assert "step 16: no request in hand, the nonce was compared with nothing" in verdict.notes


def test_what_is_signed_and_not_logged_yet_is_indeterminate() -> None:
    done = answered()
    value = strict_json.loads(done.world.files[f"{done.ids[-1]}.sigstore.json"])
    del value["verificationMaterial"]["tlogEntries"]
    others = World(files=dict(done.world.files), log=done.world.log, opened=done.world.opened)
    del others.files[f"{done.ids[-1]}.sigstore.json"]
    material = Material(jcs.dumps(value), (("rest.zip", pack(others)),))
    verdict = verify(material, done.world.trust(), expectations(done), done.world.now)
    assert verdict.parts["signature"] == "VALID"
    assert verdict.parts["log"] == "INDETERMINATE"
    assert "not logged: steps 8 to 11 could not run" in verdict.notes
    assert verdict.payload == done.draft.payloads[-1]


def test_evidence_seen_on_site_needs_no_copy() -> None:
    seen = EvidenceSeen("QA-7", "2", START.date(), "S. Viewer", "inspection sheet")
    verdict = judge(answered(evidence=seen))
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert "step 22: evidence seen on site has no copy to compare" in verdict.notes


def test_a_scope_narrower_than_the_company_is_told() -> None:
    verdict = judge(answered(scope=Scope(kind="sites", sites=("Nagoya",))))
    assert verdict.status == "VALID"
    assert any(note.startswith("step 17: the scope is sites") for note in verdict.notes)


def test_a_second_epoch_continues_from_the_end_of_the_first() -> None:
    world = enrolled()
    last = world.log.anchor()
    old = world.succeed()
    asked = world.ask(bend=lambda p: p["at"]["anchor"].update(anchor_json(last)))
    draft = prepare(world, asked)
    done = Answered(world, asked, draft, tuple(submit(world, draft)))
    verdict = judge(done)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    first, newest = old.epoch(), world.log.epoch()
    for bent in (replace(first, final_checkpoint=None), replace(first, succession=None)):
        assert "log.succession" in judge(done, epochs=(bent, newest)).codes


def anchor_json(anchor: Anchor) -> dict[str, object]:
    return {
        "origin": anchor.origin,
        "size": anchor.size,
        "rootHash": anchor.root_hash.hex(),
    }


def test_files_beside_the_archive_may_repeat_it_but_not_contradict_it() -> None:
    done = answered()
    name = next(name for name in done.world.files if name.endswith(".answers.json"))
    data = done.world.files[name]

    def judged(content: bytes) -> tuple[str, ...]:
        material = Material(pack(done.world), ((name, content),))
        return verify(material, done.world.trust(), expectations(done), done.world.now).codes

    assert judged(data) == ()
    assert judged(data + b" ") == ("archive.malformed",)


def test_a_document_larger_than_a_bundle_is_refused() -> None:
    done = answered()
    done.world.files[f"{'0' * 64}.answers.json"] = bytes(1024 * 1024 + 1)
    assert judge(done).codes == ("input.too_large",)


def test_without_a_proof_to_the_newest_checkpoint_the_own_one_is_compared_with() -> None:
    done = answered()
    world = done.world
    size = len(world.log.leaves)
    links = [world.log.link(smaller) for smaller in world.log.heads if smaller < size]
    world.key_event(Party(PrivateKey.generate(), ("delegate",)))
    data = pack(world, consistency__json=archive.write_consistency(links))
    assert judge(done, data=data).statements[done.ids[0]].codes == ()
