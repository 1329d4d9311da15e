"""The asking at its real size.

Collected by `python -m tests.bench` only: it borrows the fixtures of the questionnaire tests.
"""

from __future__ import annotations

import http.client
import multiprocessing
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
from fastapi import FastAPI

from services.kit.settings import Settings
from services.processes import bind, served, spare_the_collector
from tests.bench.measuring import Line, Rounds, cpu, wall
from tests.questionnaire.conftest import app_and_worker, world
from tests.questionnaire.world import Firm, World

__all__ = ["app_and_worker", "world"]

LINES: list[Line] = []
"""What the last run found: pytest returns nothing."""

_SUPPLIERS = 10_000
_QUESTIONS = 80
_ROUNDS = 3
_REQUESTS = 20
_LIST_ROUNDS = 9
_HELLOS, _CALLS = 100, 20
_PACKS = ("jp-aigb-core", "jp-industrial", "jp-ai-promotion-act", "jp-medical", "jp-flow-down")


def _many(settings: Settings, firm: Firm) -> None:
    """Put the suppliers there as an import would have."""
    assert settings.database_url is not None
    org = {"org": firm.id}
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(
            "INSERT INTO questionnaire.supplier (id, org_id, name, match_key, country, mailbox,"
            " language, tags) SELECT gen_random_uuid(), %(org)s, '架空部品' || n || '株式会社',"
            " '架空部品' || n, 'JP', 'q' || n || '@supplier.example', 'ja', '[]'"
            " FROM generate_series(1, 10000) AS n",
            org,
        )
        connection.execute(
            "INSERT INTO questionnaire.supply_link (id, org_id, supplier_id, dependency,"
            " pass_through) SELECT gen_random_uuid(), org_id, id, 'major', false"
            " FROM questionnaire.supplier WHERE org_id = %(org)s",
            org,
        )


def _whole(firm: Firm) -> Any:
    versions = {each["id"]: each["version"] for each in firm.get("/packs")["items"]}
    packs = [{"id": name, "version": versions[name]} for name in _PACKS]
    body = {"title": "80問", "packs": packs, "selection": "all"}
    return firm.post("/questionnaires", body)


def _copied(settings: Settings) -> float:
    """Seconds to COPY the answer rows that this campaign does not make."""
    assert settings.database_url is not None
    requests = [uuid.uuid4() for _ in range(_SUPPLIERS)]
    rows = "".join(
        f"{uuid.uuid4()}\t{request}\tQ-CORE-{number:03}\tanswered\tpartial\t\\N\n"
        for request in requests
        for number in range(_QUESTIONS)
    ).encode()
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_answer")
        connection.execute(
            "CREATE TABLE bench_answer (id uuid PRIMARY KEY, request_id uuid NOT NULL,"
            " question_id text NOT NULL, state text NOT NULL, value text, note text,"
            " saved_at timestamptz NOT NULL DEFAULT now(), UNIQUE (request_id, question_id))"
        )
        connection.commit()
        start = wall()
        with connection.cursor().copy(
            b"COPY bench_answer (id, request_id, question_id, state, value, note) FROM STDIN"
        ) as out:
            out.write(rows)
        connection.commit()
        return wall() - start


def _campaign(firm: Firm, questionnaire: Any) -> float:
    """Seconds from the draft to the last word of its issue; signing is the signer's own."""
    start = wall()
    campaign = firm.campaign(questionnaire_id=questionnaire["id"])
    prepared = firm.prepared(campaign)
    firm.world.record(prepared["statement_id"], "request")
    took = wall() - start
    assert firm.get(f"/campaigns/{campaign['id']}")["counts"] == {"issued": _SUPPLIERS}
    return took


def test_a_campaign(world: World, settings: Settings) -> None:
    firm = world.firm()
    _many(settings, firm)
    questionnaire = _whole(firm)
    assert len(questionnaire["questions"]) == _QUESTIONS
    spare_the_collector()  # as the processes do once they are up
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        theirs.append(_copied(settings))
        ours.append(_campaign(firm, questionnaire))
    path = f"campaign to {_SUPPLIERS:,} suppliers × {_QUESTIONS} questions, drafted to issued"
    LINES.append(Line.of(path, "COPY of the 800,000 answer rows", ours, theirs, 10))


def _hit(port: int, path: str, headers: dict[str, str], times: int) -> None:
    """Ask over one connection; runs in a process of its own, so that only serving is counted."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(times):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def test_lists(world: World) -> None:
    firm = world.firm()
    for _ in range(_REQUESTS):
        firm.supplier()
    questionnaire = _whole(firm)
    firm.issued(questionnaire_id=questionnaire["id"])
    hello = FastAPI()

    @hello.get("/")
    async def say() -> dict[str, str]:
        return {"hello": "world"}

    lists = {
        "list 20 suppliers": ("/suppliers?limit=20", 0.1),
        "list 20 requests": ("/requests?side=requester&limit=20", 0.1),
        "open one questionnaire": (f"/questionnaires/{questionnaire['id']}", 0.05),
    }
    with ExitStack() as up:
        ports = {}
        for name, app in (("hello", hello), ("ours", world.app)):
            sock = bind("127.0.0.1", 0)
            ports[name] = sock.getsockname()[1]
            up.enter_context(served(app, sock))
        client = up.enter_context(multiprocessing.get_context("spawn").Pool(1))

        def block(port: int, path: str, times: int) -> Callable[[], None]:
            return lambda: client.apply(_hit, (port, path, firm.headers, times))

        blocks = {"hello": block(ports["hello"], "/", _HELLOS)}
        blocks |= {n: block(ports["ours"], path, _CALLS) for n, (path, _) in lists.items()}
        rounds = Rounds(blocks, _LIST_ROUNDS, cpu)
    theirs = [each / _HELLOS for each in rounds.seconds["hello"]]
    for name, (_, goal) in lists.items():
        ours = [each / _CALLS for each in rounds.seconds[name]]
        path = f"{name}, CPU of the web process"
        LINES.append(Line.of(path, "FastAPI hello-world on the same server", ours, theirs, goal))
