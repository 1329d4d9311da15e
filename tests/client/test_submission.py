"""What a server refuses before it logs: the same codes a verifier would give afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from rensho import archive, bundle, disclosure, dsse, jcs, strict_json
from rensho.bundle import parse
from rensho.documents import Response
from rensho.history import TreeHead
from rensho.keyring import KeyEvent
from rensho.keys import PrivateKey
from rensho.statement import Statement
from rensho.statement import parse as read
from rensho.submission import Recorded, Submission, check_submission, findings

from tests.client.deployment import BASE, DAY, Asked, Party, World, enrolled, org
from tests.client.responses import Draft, answered, prepare


def statement_of(world: World, statement_id: str) -> tuple[Statement, int]:
    found = parse(world.files[f"{statement_id}.sigstore.json"])
    assert found.entry is not None
    return read(found.envelope.payload, [BASE]), found.entry.index


@dataclass
class Desk:
    """A server that has enrolled both firms and logged the request."""

    world: World = field(default_factory=enrolled)
    asked: Asked = field(init=False)
    events: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events.append(str(self.world.supplier.last))
        self.asked = self.world.ask()

    def key_events(self) -> tuple[KeyEvent, ...]:
        found = []
        for statement_id in self.events:
            told, index = statement_of(self.world, statement_id)
            found.append(
                KeyEvent(statement_id, (0, index), told.predicate, (self.world.voucher(),))
            )
        return tuple(found)

    def submission(self, draft: Draft, **changes: Any) -> Submission:
        key = changes.pop("key", self.world.supplier.key)
        files = {
            name: data
            for name, data in self.world.files.items()
            if not name.endswith((".sigstore.json", ".promise.json"))
        }
        request, index = statement_of(self.world, self.asked.statement_id)
        values: dict[str, Any] = {
            "bundles": tuple(
                bundle.make(dsse.sign(key, payload), key.public) for payload in draft.payloads
            ),
            "files": files | {archive.DISCLOSURES: archive.write_disclosures(self.world.opened)},
            "key_events": self.key_events(),
            "recorded": (Recorded(request, (0, index)),),
        }
        log = self.world.log
        values["heads"] = {
            (log.origin, size): TreeHead(log.anchor(size).root_hash, self.world.now)
            for size in log.heads
        }
        return Submission(**values | changes)

    def codes(self, draft: Draft, **changes: Any) -> list[str]:
        submission = self.submission(draft, **changes)
        return list(check_submission(submission, self.world.deployment(), self.world.now))


def test_a_whole_response_is_accepted() -> None:
    desk = Desk()
    assert desk.codes(prepare(desk.world, desk.asked)) == []


def test_a_request_is_accepted_before_anything_is_known_of_it() -> None:
    world = enrolled()
    asked = world.ask()
    logged = parse(world.files[f"{asked.statement_id}.sigstore.json"])
    told, index = statement_of(world, str(world.requester.last))
    event = KeyEvent(str(world.requester.last), (0, index), told.predicate)
    submission = Submission(
        bundles=(bundle.make(logged.envelope, world.requester.key.public),),
        key_events=(event,),
        heads={(world.log.origin, 2): TreeHead(world.log.anchor(2).root_hash, world.now)},
    )
    assert check_submission(submission, world.deployment(), world.now) == []


def test_nothing_submitted_is_refused() -> None:
    assert check_submission(Submission(bundles=()), World().deployment(), World().now) == [
        "dsse.signature_count"
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff", "json.not_utf8"),
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b"{}", "bundle.media_type"),
        (b" " * (1024 * 1024 + 1), "input.too_large"),
    ],
)
def test_unreadable_bundles_are_refused(data: bytes, code: str) -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    whole = desk.submission(draft)
    codes = desk.codes(draft, bundles=(*whole.bundles, data))
    assert codes == [code]


def test_files_by_other_names_are_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    assert desk.codes(draft, files={"../x": b""}) == ["archive.name"]


def test_another_firms_key_is_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    assert set(desk.codes(draft, key=PrivateKey.generate())) == {"key.unknown"}
    stranger = Party(PrivateKey.generate(), ("responsible-officer",))
    desk.events.append(desk.world.key_event(stranger))
    assert desk.codes(draft, key=stranger.key) == ["key.hint_mismatch"]
    stolen = Party(desk.world.supplier.key, ("responsible-officer",), org=org())
    desk.world.supplier = stolen
    assert desk.codes(prepare(desk.world, desk.asked)) == ["signer.org_mismatch"]


def test_a_signature_over_something_else_is_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    value = strict_json.loads(desk.submission(draft).bundles[0])
    value["dsseEnvelope"]["payload"] = strict_json.loads(desk.submission(draft).bundles[1])[
        "dsseEnvelope"
    ]["payload"]
    whole = desk.submission(draft).bundles
    assert "sig.invalid" in desk.codes(draft, bundles=(jcs.dumps(value), *whole[1:]))


def test_a_partial_submission_is_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    whole = desk.submission(draft).bundles
    assert desk.codes(draft, bundles=whole[1:]) == ["response.incomplete"]
    assert desk.codes(draft, bundles=whole[:-1]) == ["response.incomplete"]


def test_mixed_revisions_are_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    later = prepare(desk.world, desk.asked, response=Response(draft.response.id, 2))
    mixed = replace(draft, payloads=(draft.payloads[0], *later.payloads[1:]))
    codes = desk.codes(mixed)
    assert "response.stale" in codes
    assert "response.incomplete" in codes


@pytest.mark.parametrize(
    ("suffix", "codes"),
    [
        (".answers.json", {"content.missing"}),
        (".declaration.json", {"response.incomplete", "content.missing"}),
        (".descriptor.json", {"context.component", "content.missing"}),
    ],
)
def test_missing_documents_are_refused(suffix: str, codes: set[str]) -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    for name in [name for name in desk.world.files if name.endswith(suffix)]:
        del desk.world.files[name]
    assert set(desk.codes(draft)) == codes


def test_evidence_that_stays_elsewhere_is_no_fault_and_in_hand_it_is_looked_at() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    (name,) = [name for name in desk.world.files if name.endswith(".evidence")]
    assert desk.codes(draft) == []
    desk.world.files[name] = b"swapped"
    assert desk.codes(draft) == ["evidence.digest"]
    del desk.world.files[name]
    assert desk.codes(draft) == []


def test_a_wrong_digest_is_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    for name in [name for name in desk.world.files if name.endswith(".answers.json")]:
        desk.world.files[name] = b"{}"
    assert desk.codes(draft) == ["answers.digest"]


def test_an_unknown_question_and_another_nonce_are_refused() -> None:
    desk = Desk()
    assert desk.codes(prepare(desk.world, desk.asked, questions=("Q-X-001",))) == [
        "context.questionnaire"
    ]
    other = {"nonce": disclosure.fresh_salt()}
    assert desk.codes(prepare(desk.world, desk.asked, reader=other)) == ["context.nonce"]


def test_what_every_verifier_would_refuse_for_its_time_is_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    desk.world.now += 2 * DAY
    assert desk.codes(draft) == ["time.claimed_time"]


def test_an_anchor_the_log_never_had_is_refused() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    log = desk.world.log
    other = {(log.origin, len(log.leaves)): TreeHead(bytes(32), desk.world.now)}
    assert desk.codes(draft, heads=other) == ["time.anchor_inconsistent"]
    assert desk.codes(draft, heads={}) == ["time.anchor_missing"]


def test_a_revoked_key_is_refused_and_an_unconfirmed_one_is_told() -> None:
    desk = Desk()
    world = desk.world
    draft = prepare(world, desk.asked)
    unvouched = tuple(replace(event, vouched_by=()) for event in desk.key_events())
    assert desk.codes(draft, key_events=unvouched) == ["key.pending"]
    desk.events.append(world.key_event(world.supplier, "revoke", reason="ceased"))
    assert "key.revoked" in desk.codes(draft)


def test_a_second_revision_refers_to_what_the_server_has_logged() -> None:
    first = answered()
    desk = Desk(world=first.world)
    desk.asked = first.asked
    replaced = dict(zip(("vision-1", "chat-1", "declaration"), first.ids, strict=True))
    draft = prepare(
        first.world, first.asked, response=Response(first.draft.response.id, 2), supersedes=replaced
    )
    known = desk.submission(draft).recorded
    earlier = []
    for statement_id in first.ids:
        told, index = statement_of(first.world, statement_id)
        earlier.append(Recorded(told, (0, index)))
    assert desk.codes(draft, recorded=(*known, *earlier)) == []
    assert desk.codes(draft) == ["target.unknown"]


def test_each_code_comes_with_its_step_and_a_sentence() -> None:
    desk = Desk()
    draft = prepare(desk.world, desk.asked)
    found = findings(
        desk.submission(draft, key=PrivateKey.generate()), desk.world.deployment(), desk.world.now
    )
    assert {(one.step, one.code) for one in found} == {(5, "key.unknown")}
    assert all(one.detail for one in found)
