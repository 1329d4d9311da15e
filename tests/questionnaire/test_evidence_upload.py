"""Evidence over HTTP: handed in and refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from typing import Any

import pytest

from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.questionnaire.api import upload as receiving
from services.questionnaire.store.objects import Folder, Name
from tests.factories import files
from tests.questionnaire.evidence_desk import (
    audit,
    incoming,
    kept,
    upload,
    urn,
)
from tests.questionnaire.world import Firm, World


def test_a_file_is_kept_under_its_digest_with_its_own_date(world: World, folder: Folder) -> None:
    firm = world.firm()
    found = upload(firm, params={"confidentiality": "public"})
    sha256 = hashlib.sha256(files.PDF).hexdigest()
    assert {name: found[name] for name in ("kind", "sha256", "size", "media_type")} == {
        "kind": "file",
        "sha256": sha256,
        "size": len(files.PDF),
        "media_type": "application/pdf",
    }
    assert (found["effective_on"], found["confidentiality"]) == ("2026-04-01", "public")
    assert datetime.fromisoformat(found["uploaded_at"]).date() != found["effective_on"]
    assert not found["committed"]
    assert b"".join(folder.read(Name(firm.id, sha256))) == files.PDF
    assert firm.get(f"/evidence/{found['id']}") == found
    assert firm.get("/evidence")["items"] == [found]
    assert audit(firm)["details"] == {"evidence_id": found["id"], "sha256": sha256}


def test_the_same_file_twice_is_two_records_of_one_object(world: World, folder: Folder) -> None:
    firm = world.firm()
    first, second = upload(firm), upload(firm, params={"title": "別の題名"})
    assert first["id"] != second["id"]
    assert kept(folder, firm) == [first["sha256"]]
    other = world.firm()
    upload(other)
    assert kept(folder, other) == [first["sha256"]]


def test_an_upload_repeated_under_its_key_is_one_record(world: World) -> None:
    firm = world.firm()
    key = {"Idempotency-Key": "once"}
    assert upload(firm, headers=key) == upload(firm, headers=key)
    assert world.last_headers["idempotency-replayed"] == "true"
    assert len(firm.get("/evidence")["items"]) == 1
    other = upload(firm, files.JPEG, 422, headers=key)
    assert urn(other) == "request/idempotency-mismatch"


def test_a_list_goes_on_where_the_page_ended(world: World) -> None:
    firm = world.firm()
    ids = [upload(firm)["id"] for _ in range(3)]
    page = firm.get("/evidence?limit=2")
    rest = firm.get(f"/evidence?limit=2&cursor={page['next_cursor']}")
    assert [each["id"] for each in (*page["items"], *rest["items"])] == ids
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "evidence/empty"),
        (b"MZ" + b"\x00" * 100, "evidence/executable"),
        (files.zipped({"a.txt": "x"}), "evidence/archive"),
        (files.office(files.XLSM), "evidence/macros"),
        (files.HTML, "evidence/type-not-accepted"),
        (files.SVG, "evidence/type-not-accepted"),
        (files.PDF + files.zipped({"a.exe": "MZ"}), "evidence/archive"),
    ],
)
def test_a_file_of_no_accepted_type_leaves_nothing(
    world: World, folder: Folder, settings: Settings, content: bytes, expected: str
) -> None:
    firm = world.firm()
    assert urn(upload(firm, content, 422)) == expected
    assert (kept(folder, firm), incoming(settings)) == ([], [])
    assert firm.get("/evidence")["items"] == []


def test_a_file_over_the_cap_is_refused_announced_or_not(
    world: World, folder: Folder, settings: Settings
) -> None:
    firm = world.firm()
    big = files.PDF + b" " * settings.evidence_max_bytes

    def unannounced() -> Iterator[bytes]:
        yield from (big[at : at + 65536] for at in range(0, len(big), 65536))

    for content in (big, unannounced()):
        assert urn(upload(firm, content, 413)) == "request/too-large"  # type: ignore[arg-type]
    assert (kept(folder, firm), incoming(settings)) == ([], [])


def test_a_file_as_large_as_the_cap_is_kept(world: World, settings: Settings) -> None:
    padding = b" " * (settings.evidence_max_bytes - len(files.PDF))
    content = files.PDF[:9] + padding + files.PDF[9:]
    assert upload(world.firm(), content)["size"] == settings.evidence_max_bytes


def test_another_route_takes_no_body_of_that_size(world: World) -> None:
    firm = world.firm()
    body = b" " * (6 * 1024 * 1024)
    problem = firm.call("POST", "/evidence/seen", 413, content=body)
    assert urn(problem) == "request/too-large"


@pytest.mark.parametrize(
    "params",
    [{"title": " "}, {"effective_on": "soon"}, {"confidentiality": "top"}, {"title": "x" * 201}],
)
def test_a_description_that_will_not_do_is_refused(world: World, params: dict[str, str]) -> None:
    assert urn(upload(world.firm(), params=params, status=422)) == "request/invalid"


class _Sender:
    """An ASGI client that sends piece by piece and may go away or never come to an end."""

    def __init__(self, firm: Firm, pieces: list[bytes], *, then: str) -> None:
        self.firm, self.pieces, self.then = firm, pieces, then
        self.answer: dict[str, Any] = {}
        self.body = b""

    def run(self) -> dict[str, Any]:
        query = "title=x&effective_on=2026-04-01"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/evidence",
            "raw_path": b"/evidence",
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in self.firm.headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        asyncio.run(self.firm.world.app(scope, self._receive, self._send))
        return dict(json.loads(self.body))

    async def _receive(self) -> dict[str, Any]:
        if self.pieces:
            return {"type": "http.request", "body": self.pieces.pop(0), "more_body": True}
        if self.then == "leave":
            return {"type": "http.disconnect"}
        await asyncio.sleep(60)
        raise AssertionError("nobody waited that long")

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.answer = dict(message)
        self.body += message.get("body", b"")


def test_an_upload_that_breaks_off_leaves_nothing(
    world: World, folder: Folder, settings: Settings
) -> None:
    firm = world.firm()
    problem = _Sender(firm, [files.PDF, b"more"], then="leave").run()
    assert urn(problem) == "evidence/aborted"
    assert (kept(folder, firm), incoming(settings)) == ([], [])
    assert firm.get("/evidence")["items"] == []


def test_an_upload_that_never_ends_is_ended(
    world: World, folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LONGEST_SECONDS", 0.2)
    firm = world.firm()
    sender = _Sender(firm, [b"%", b"P", b"D"], then="wait")
    assert urn(sender.run()) == "evidence/too-slow"
    assert sender.answer["status"] == 408
    assert (kept(folder, firm), incoming(settings)) == ([], [])


def test_a_slow_upload_holds_no_transaction(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database sees nothing of an upload before it is whole."""
    monkeypatch.setattr(receiving, "LONGEST_SECONDS", 0.2)
    begun: list[Actor] = []
    db: Database = world.app.state.db
    real = db.begin

    def begin(actor: Actor, **options: Any) -> Any:
        begun.append(actor)
        return real(actor, **options)

    firm = world.firm()
    monkeypatch.setattr(db, "begin", begin)
    _Sender(firm, [b"%PDF-"], then="wait").run()
    assert begun == []


def test_a_full_disk_is_a_503_and_nothing_is_kept(
    world: World, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = world.firm()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for owner, name in ((Folder, "put"), (receiving, "_nameless"), (receiving, "_recognized")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            assert urn(upload(firm, status=503)) == "request/unavailable"
            assert world.last_headers["retry-after"] == "30"
    assert (kept(folder, firm), firm.get("/evidence")["items"]) == ([], [])
