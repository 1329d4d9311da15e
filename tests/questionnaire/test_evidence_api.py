"""Evidence over HTTP: named by answers, opened to an audience, taken back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rensho import archive, disclosure, statement
from rensho.entries import EvidenceFile, EvidenceSeen, read_evidence
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.kit.db import Actor, Database, new_id
from services.kit.settings import DEMO_BASE, Settings
from services.questionnaire.actions import evidence as actions
from services.questionnaire.store import PLUMBING
from services.questionnaire.store.objects import Folder, Name
from services.questionnaire.tasks import ticks
from tests.factories import files
from tests.factories import questionnaire as made
from tests.questionnaire.evidence_desk import (
    SEEN,
    answering,
    audit,
    kept,
    upload,
    urn,
)
from tests.questionnaire.world import Pair, World


def test_what_is_downloaded_is_saved_and_never_shown(world: World) -> None:
    firm = world.firm()
    tricky = files.PDF[:9] + files.HTML + files.PDF[9:]
    for content, kind, end in (
        (tricky, "application/pdf", "pdf"),
        (b"run <script>alert(1)</script>", "text/plain", "txt"),
    ):
        found = upload(firm, content)
        path = f"/evidence/{found['id']}/content"
        answer = world.client.get(path, headers=firm.headers)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == kind
        name = f'attachment; filename="{found["sha256"]}.{end}"'
        assert answer.headers["content-disposition"] == name
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox;")
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"


def test_damaged_or_lost_bytes_are_never_handed_out(
    world: World, folder: Folder, worker: Database
) -> None:
    firm = world.firm()
    flipped, lost = upload(firm), upload(firm, files.JPEG)
    (folder.root / Name(firm.id, flipped["sha256"]).key).write_bytes(files.PDF[:-1] + b"x")
    folder.remove(Name(firm.id, lost["sha256"]))
    for each in (flipped, lost):
        assert urn(firm.get(f"/evidence/{each['id']}/content", 500)) == "evidence/damaged"
    with worker.begin(Actor("fsck"), read_only=True) as tx:
        found = {str(row): what for row, what in actions.damage(tx, folder)}
    assert "have the digest" in found[flipped["id"]]
    assert "no bytes" in found[lost["id"]]


def test_a_store_that_is_away_is_a_503(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    firm = world.firm()
    found = upload(firm)

    def away(*_: object) -> Iterator[bytes]:
        raise OSError("away")

    monkeypatch.setattr(Folder, "read", away)
    assert urn(firm.get(f"/evidence/{found['id']}/content", 503)) == "request/unavailable"


def test_a_document_seen_on_site_has_no_copy(world: World) -> None:
    firm = world.firm()
    found = firm.post("/evidence/seen", SEEN)
    assert {name: found[name] for name in SEEN} == SEEN
    assert (found["kind"], found["sha256"]) == ("seen_on_site", None)
    firm.get(f"/evidence/{found['id']}/content", 404)
    assert urn(firm.post("/evidence/seen", {**SEEN, "viewer": ""}, 422)) == "request/invalid"


def test_evidence_is_its_owners_alone(world: World) -> None:
    pair = world.pair()
    found = upload(pair.respondent)
    path = f"/evidence/{found['id']}"
    nobody = f"/evidence/{new_id()}"
    for stranger in (pair.requester, world.firm()):
        for method, end in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            problem = stranger.call(method, path + end, 404)
            unknown = stranger.call(method, nobody + end, 404)
            assert {**problem, "request_id": ""} == {**unknown, "request_id": ""}
        assert stranger.get("/evidence")["items"] == []


def test_reading_needs_one_permission_and_writing_another(world: World) -> None:
    reader = world.as_firm(world.firm().id, scopes={"responses.read"})
    assert urn(upload(reader, status=403)) == "request/forbidden"
    reader.post("/evidence/seen", SEEN, 403)
    reader.call("DELETE", f"/evidence/{new_id()}", 403)
    writer = world.as_firm(reader.id, scopes={"responses.write"})
    writer.get("/evidence", 403)


def test_an_answer_names_only_evidence_of_ones_own(world: World) -> None:
    pair = world.pair()
    saved = pair.response()
    foreign = upload(pair.requester)["id"]
    for each in (foreign, str(new_id())):
        body = made.ResponseBody(answers=answering(each))
        problem = pair.respondent.put(f"/responses/{saved['id']}", body, saved["version"], 422)
        assert (urn(problem), problem["evidence_ids"]) == ("evidence/unknown", [each])


def signed_with(pair: Pair, *ids: str, **fields: Any) -> Any:
    """A revision on record whose first answer, of organization and component, names evidence."""
    return pair.signed(answers=answering(*ids), **fields)


def test_each_statement_commits_anew_and_one_evidence_backs_many_answers(world: World) -> None:
    pair = world.pair()
    file, seen = upload(pair.respondent), pair.respondent.post("/evidence/seen", SEEN)
    given = answering(file["id"], seen["id"])
    given["Q-CORE-004"]["evidence"] = [file["id"]]
    components = [made.ComponentBody() for _ in range(2)]
    prepared = pair.signed(answers=given, components=components)
    told = {}
    for each in prepared["statements"][:-1]:
        predicate = statement.parse(base64.b64decode(each["payload"]), (DEMO_BASE,)).predicate
        texts = prepared["disclosures"][each["statement_id"]]["evidence"]
        opened = disclosure.open(predicate["evidence"], texts)
        assert len(opened) == len(predicate["evidence"]) == 2
        told[each["statement_id"]] = set(opened)
        values = [read_evidence(found.value) for found in opened.values()]
        assert {type(value) for value in values} == {EvidenceFile, EvidenceSeen}
        entry = next(value for value in values if isinstance(value, EvidenceFile))
        assert (entry.sha256, entry.size) == (file["sha256"], len(files.PDF))
        assert entry.effective_on.isoformat() == "2026-04-01"
    first, second = told.values()
    assert not first & second
    listed = pair.requester.get(f"/requests/{pair.request_id}/evidence")
    by_component = [each for each in listed["items"] if each["component"] is not None]
    backing = {tuple(each["questions"]) for each in by_component if each["kind"] == "file"}
    assert backing == {("Q-CORE-001", "Q-CORE-004")}
    # The declaration has no list to open; its answers name commitments of their own all the same.
    declaration = [each for each in listed["items"] if each["component"] is None]
    assert "evidence" not in prepared["disclosures"][listed["declaration_id"]]
    for each in listed["items"]:
        assert disclosure.digest(each["disclosure"]) == each["commitment"]
    answers = pair.requester.get(f"/requests/{pair.request_id}/answers")
    named = {digest for one in answers["answers"] for digest in one.get("evidence", ())}
    assert named == {each["commitment"] for each in declaration}


def test_the_audience_gets_evidence_once_it_is_signed_for_and_nobody_else(world: World) -> None:
    pair = world.pair()
    file = upload(pair.respondent)
    upload(pair.respondent, files.JPEG)  # backs nothing
    prepared = pair.prepared(pair.response(answers=answering(file["id"])))
    path = f"/requests/{pair.request_id}/evidence"
    for end in ("", ".zip", f"/{new_id()}/content"):
        pair.requester.get(path + end, 404)
    for each in prepared["statements"]:
        world.record(each["statement_id"], each["type"])
    items = pair.requester.get(path)["items"]
    assert {each["sha256"] for each in items} == {file["sha256"]}
    assert pair.respondent.get(path)["items"] == items
    for use in items:
        content = f"{path}/{use['id']}/content"
        answer = world.client.get(content, headers=pair.requester.headers)
        assert answer.content == files.PDF
        assert answer.headers["content-disposition"].startswith("attachment;")
        for stranger in (world.firm(), world.pair().requester):
            stranger.get(content, 404)
            stranger.get(path, 404)
            stranger.get(f"{path}.zip", 404)
    # Another request of the same requester opens nothing of this one.
    other = world.pair()
    other.signed()
    other.requester.get(f"/requests/{other.request_id}/evidence/{items[0]['id']}/content", 404)
    pair.requester.get(f"/evidence/{file['id']}", 404)


def test_the_archive_holds_what_a_verifier_looks_for(world: World) -> None:
    pair = world.pair()
    file, seen = upload(pair.respondent), pair.respondent.post("/evidence/seen", SEEN)
    signed_with(pair, file["id"], seen["id"])
    path = f"/requests/{pair.request_id}/evidence.zip"
    answer = world.client.get(path, headers=pair.requester.headers)
    assert archive.read(answer.content) == {f"{file['sha256']}.evidence": files.PDF}
    assert answer.headers["content-type"] == "application/zip"
    assert world.client.get(path, headers=pair.respondent.headers).content == answer.content


def test_more_than_an_archive_holds_is_refused_as_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = world.pair()
    signed_with(pair, upload(pair.respondent)["id"])
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 100)
    problem = pair.requester.get(f"/requests/{pair.request_id}/evidence.zip", 413)
    assert urn(problem) == "evidence/archive-too-large"


def test_an_older_revisions_evidence_stays_readable(world: World) -> None:
    pair = world.pair()
    file = upload(pair.respondent)
    signed_with(pair, file["id"])
    path = f"/requests/{pair.request_id}/evidence"
    old = pair.requester.get(path)["items"][0]
    response = pair.respondent.get(f"/requests/{pair.request_id}")["response_id"]
    saved = pair.respondent.get(f"/responses/{response}")
    pair.respondent.put(f"/responses/{response}", made.ResponseBody(), saved["version"])
    second = pair.prepared(saved)
    world.record(second["statements"][-1]["statement_id"], "declaration")
    assert pair.requester.get(path)["items"] == []
    answer = world.client.get(f"{path}/{old['id']}/content", headers=pair.requester.headers)
    assert answer.content == files.PDF


def test_evidence_is_taken_back_only_while_nothing_names_it(
    world: World, folder: Folder, settings: Settings, worker: Database
) -> None:
    pair = world.pair()
    firm = pair.respondent
    drafted, signed, unused = upload(firm), upload(firm, files.JPEG), upload(firm, b"plain text")
    twin = upload(firm, b"plain text")
    signed_with(pair, signed["id"])
    saved = pair.respondent.get(f"/requests/{pair.request_id}")["response_id"]
    version = firm.get(f"/responses/{saved}")["version"]
    firm.put(f"/responses/{saved}", made.ResponseBody(answers=answering(drafted["id"])), version)

    assert firm.get(f"/evidence/{signed['id']}")["committed"]
    for each in (drafted, signed):
        problem = firm.call("DELETE", f"/evidence/{each['id']}", 409)
        assert urn(problem) == "evidence/in-use"
    assert firm.call("DELETE", f"/evidence/{drafted['id']}", 409)["response_ids"] == [saved]

    _, sweep = ticks(settings)["evidence-sweep"]

    def gone(each: dict[str, Any]) -> bool:
        with worker.begin(Actor("beat")) as tx:
            sweep(tx, datetime.now(UTC))
        return each["sha256"] not in kept(folder, firm)

    for each in (unused, twin):
        assert not gone(each)  # the other record still names the bytes
        answer = world.client.delete(f"/evidence/{each['id']}", headers=firm.headers)
        assert (answer.status_code, answer.content) == (204, b"")
        firm.get(f"/evidence/{each['id']}", 404)
    assert audit(firm)["details"]["sha256"] == twin["sha256"]
    assert gone(twin)
    assert kept(folder, firm) == sorted([drafted["sha256"], signed["sha256"]])


def test_the_database_itself_keeps_what_a_statement_commits_to(
    world: World, settings: Settings
) -> None:
    pair = world.pair()
    file = upload(pair.respondent)
    pair.prepared(pair.response(answers=answering(file["id"])))
    app = Database(PLUMBING, settings.service_url("questionnaire", "app"))
    with (
        pytest.raises(IntegrityError, match="evidence_use"),
        app.begin(Actor("test", pair.respondent.id)) as tx,
    ):
        tx.execute(text("DELETE FROM questionnaire.evidence WHERE id = :id"), {"id": file["id"]})
    app.close()


def test_bytes_that_a_crash_left_without_a_row_are_swept(
    world: World, folder: Folder, settings: Settings, worker: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    firm = world.firm()
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "put", _put_and_die(Folder.put))
        upload(firm, status=500)
    assert len(kept(folder, firm)) == 1
    with worker.begin(Actor("beat")) as tx:
        assert actions.sweep(tx, folder) >= 1
    assert kept(folder, firm) == []


def _put_and_die(put: Any) -> Any:
    def crash(*args: Any) -> None:
        put(*args)
        raise RuntimeError("killed between the bytes and the commit")

    return crash


def test_a_sweep_of_a_store_that_is_away_tries_again_later(
    settings: Settings, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Folder) -> Iterator[Name]:
        raise OSError("away")

    monkeypatch.setattr(Folder, "names", away)
    with worker.begin(Actor("beat")) as tx:
        ticks(settings)["evidence-sweep"][1](tx, datetime.now(UTC))
