"""What requesters learn of their suppliers' keys, and of statements that were taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import text

from services.kit.db import Actor
from services.kit.settings import Settings
from services.questionnaire.rules import key_letters
from services.questionnaire.store import mails
from tests.factories import questionnaire as made
from tests.questionnaire.mails import text_of
from tests.questionnaire.world import Pair, World

KINDS = ("enrol", "rotate", "suspend", "ceased", "key-compromise", "identity-false")
_INDEX = iter(range(1_000, 1_000_000))


def _mails(settings: Settings, *, about: str) -> list[EmailMessage]:
    found = []
    for path in sorted(settings.mail_dir.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        if about in text_of(mail):
            found.append(mail)
    return found


def _changed(world: World, pair: Pair, key_id: str, event: str, **fields: Any) -> dict[str, Any]:
    said = made.KeyChanged(
        org_id=str(pair.respondent.id),
        key_id=key_id,
        event=event,
        log={"origin": "log.rensho.example", "index": next(_INDEX)},
        **fields,
    )
    world.feed(said)
    return said


@pytest.fixture
def pair(world: World) -> Pair:
    return world.pair()


def _key_id() -> str:
    return str(made.HandBody()["key_id"])


def test_a_firms_first_key_is_no_change(world: World, pair: Pair, settings: Settings) -> None:
    key_id = _key_id()
    _changed(world, pair, key_id, "enrol")
    assert _mails(settings, about=key_id) == []


def test_every_requester_on_a_link_is_told_once(
    world: World, pair: Pair, settings: Settings
) -> None:
    other = world.firm(country="DE")
    record = other.supplier()
    other.issued()
    enrolled = made.Enrolled(org_id=str(pair.respondent.id), name=pair.respondent.name)
    enrolled["invitation"]["link_id"] = record["link"]["id"]
    world.feed(enrolled)
    _changed(world, pair, _key_id(), "enrol")
    key_id = _key_id()
    told = _changed(world, pair, key_id, "rotate")
    # The same event, said once more for another link.
    world.feed({**told, "id": made.KeyChanged()["id"]})
    found = _mails(settings, about=key_id)
    assert sorted(mail["Content-Language"] for mail in found) == ["en", "ja"]
    assert {mail["To"] for mail in found} == {"member@firm.example"}


@pytest.mark.parametrize(
    ("event", "fields", "told"),
    [
        ("suspend", {}, "一時停止"),
        ("revoke", {"reason": "ceased"}, "終了"),
        ("revoke", {"reason": "superseded"}, None),
        ("revoke", {}, None),
        (
            "revoke",
            {"reason": "key-compromise", "invalid_since": "2026-11-01T00:00:00Z"},
            "2026年11月1日(日)以降",
        ),
        ("revoke", {"reason": "identity-false"}, "すべて無効"),
        ("confirm", {}, None),
    ],
)
def test_what_is_told_of_a_key(
    world: World,
    pair: Pair,
    settings: Settings,
    event: str,
    fields: dict[str, Any],
    told: str | None,
) -> None:
    key_id = _key_id()
    _changed(world, pair, key_id, "enrol")
    _changed(world, pair, key_id, event, **fields)
    found = _mails(settings, about=key_id)
    assert len(found) == (told is not None)
    if told is not None:
        assert told in text_of(found[0])
        assert pair.record["name"] in found[0]["Subject"]


def test_nobody_is_told_on_a_link_that_ended(world: World, pair: Pair, settings: Settings) -> None:
    link = pair.record["link"]
    ended = text("UPDATE questionnaire.supply_link SET ended = true WHERE id = :link")
    with world.worker.begin(Actor("test")) as tx:
        tx.execute(ended, {"link": link["id"]})
    key_id = _key_id()
    _changed(world, pair, key_id, "suspend")
    assert _mails(settings, about=key_id) == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_news_has_its_words_in_both_languages(language: str, kind: str) -> None:
    moment = datetime(2026, 11, 2, tzinfo=UTC)
    letter = key_letters.write(
        mails.key_template(language),
        key_letters.KeyNews(kind, "x" * 44, moment, moment),
        key_letters.KeyReader("見本重工", "", "架空\n樹脂", "https://rensho.example/s"),
    )
    assert "\n" not in letter.subject
    assert "{" not in letter.subject + letter.body
    assert "x" * 44 in letter.body


def test_a_retracted_declaration_opens_the_request_again(world: World, pair: Pair) -> None:
    prepared = pair.signed()
    declaration = prepared["statements"][-1]["statement_id"]
    request = f"/requests/{pair.request_id}"
    assert pair.requester.get(request)["state"] == "signed"
    assert world.feed(made.Withdrawn(statement_id=declaration, effect="superseded"))
    assert pair.requester.get(request)["state"] == "signed"
    world.feed(made.Withdrawn(statement_id=declaration))
    world.feed(made.Withdrawn(statement_id=declaration, effect="superseded"))
    assert pair.requester.get(request)["state"] == "started"
    told = pair.requester.get(f"{request}/answers")["statements"]
    marked = {one["statement_id"]: one.get("withdrawn") for one in told}
    assert marked.pop(declaration) == "retracted"
    assert set(marked.values()) <= {None}


def test_a_retraction_that_overtakes_the_recording_is_not_forgotten(
    world: World, pair: Pair
) -> None:
    prepared = pair.prepared(pair.response())
    declaration = prepared["statements"][-1]["statement_id"]
    world.feed(made.Withdrawn(statement_id=declaration))
    for statement in prepared["statements"]:
        world.record(statement["statement_id"], statement["type"])
    assert pair.requester.get(f"/requests/{pair.request_id}")["state"] == "started"


def test_a_retracted_component_is_marked_and_the_response_stays(world: World, pair: Pair) -> None:
    prepared = pair.signed()
    component = prepared["statements"][0]["statement_id"]
    world.feed(made.Withdrawn(statement_id=component, statement_type="ai-governance"))
    assert pair.requester.get(f"/requests/{pair.request_id}")["state"] == "signed"
    told = pair.requester.get(f"/requests/{pair.request_id}/answers")["statements"]
    assert told[0]["withdrawn"] == "retracted"


def test_what_is_none_of_ours_changes_nothing(world: World) -> None:
    assert world.feed(made.Withdrawn())
