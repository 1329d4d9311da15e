"""What the database itself keeps apart, tried as the role that serves requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from services.kit.db import Actor, Database, new_id
from services.kit.settings import Settings
from services.migrate import ROOT
from services.questionnaire.store import PLUMBING, firm_rows, metadata, tables
from tests.questionnaire.world import Firm, Pair, World

PLUMBING_TABLES = {
    *("outbox", "delivery", "inbox", "audit", "access_revoked", "idempotency"),
    "organization",
}


@pytest.fixture(scope="module")
def app_role(settings: Settings) -> Database:
    return Database(PLUMBING, settings.service_url("questionnaire", "app"))


@pytest.fixture
def pair(world: World) -> Pair:
    made = world.pair()
    made.respondent.supplier()
    made.signed()
    return made


@contextmanager
def acting(db: Database, firm: Firm | None) -> Iterator[Session]:
    with db.begin(Actor("test", firm.id if firm else None)) as tx:
        yield tx


def count(tx: Session, table: Any, **having: Any) -> int:
    return tx.scalar(select(func.count()).select_from(table).filter_by(**having)) or 0


PRIVATE = [name for name in metadata.tables if name.split(".")[1] not in PLUMBING_TABLES]


@pytest.mark.parametrize("name", PRIVATE)
def test_every_table_with_readers_has_policies_enabled_and_forced(
    settings: Settings, name: str
) -> None:
    owner = Database(PLUMBING, settings.service_url("questionnaire", "owner"))
    schema, table = name.split(".")
    with owner.engine.connect() as connection:
        enabled, forced, policies = connection.execute(
            text(
                "SELECT relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policy"
                " WHERE polrelid = pg_class.oid) FROM pg_class"
                " WHERE relname = :table AND relnamespace = to_regnamespace(:schema)"
            ),
            {"table": table, "schema": schema},
        ).one()
    owner.close()
    assert (enabled, forced) == (True, True)
    assert policies == 5


@pytest.mark.parametrize("name", PRIVATE)
def test_nobody_sees_anything(app_role: Database, pair: Pair, name: str) -> None:
    with acting(app_role, None) as tx:
        assert count(tx, metadata.tables[name]) == 0


def test_each_end_sees_its_side_and_a_stranger_nothing(
    world: World, app_role: Database, pair: Pair
) -> None:
    stranger = world.firm()
    expected = [
        # table, requester, respondent
        (tables.Request, {"id": pair.request_id}, 1, 1),
        (tables.Response, {"request_id": pair.request_id}, 0, 1),
        (tables.ResponsePreparation, {"request_id": pair.request_id}, 1, 1),
        (tables.Campaign, {"id": pair.campaign["id"]}, 1, 1),
        (tables.FairDealing, {"campaign_id": pair.campaign["id"]}, 1, 0),
        (tables.CampaignPreparation, {"campaign_id": pair.campaign["id"]}, 1, 0),
        (tables.Questionnaire, {"id": pair.campaign["questionnaire_id"]}, 1, 1),
        (tables.Supplier, {"id": pair.record["id"]}, 1, 0),
        (tables.SupplyLink, {"id": pair.record["link"]["id"]}, 1, 0),
        (tables.VendorCode, {"supplier_id": pair.record["id"]}, 1, 0),
        (firm_rows.SupplierSite, {"supplier_id": pair.record["id"]}, 1, 0),
        (firm_rows.SupplierHistory, {"supplier_id": pair.record["id"]}, 1, 0),
        (tables.Invitation, {"request_id": pair.request_id}, 1, 0),
    ]
    for table, having, by_requester, by_respondent in expected:
        seen = []
        for firm in (pair.requester, pair.respondent, stranger):
            with acting(app_role, firm) as tx:
                seen.append(count(tx, table, **having))
        assert seen == [by_requester, by_respondent, 0], table.__tablename__


def test_a_revision_is_hidden_from_its_requester_until_it_is_on_record(
    world: World, app_role: Database
) -> None:
    pair = world.pair()
    pair.prepared(pair.response())
    with acting(app_role, pair.requester) as tx:
        assert count(tx, tables.ResponsePreparation, request_id=pair.request_id) == 0


def test_what_went_out_is_not_removed_and_nobody_elses_draft_is(
    world: World, app_role: Database, pair: Pair
) -> None:
    draft = world.firm()
    draft.supplier()
    campaign = draft.campaign()
    for firm, campaign_id, gone in (
        (pair.requester, pair.campaign["id"], 0),
        (pair.respondent, pair.campaign["id"], 0),
        (pair.requester, campaign["id"], 0),
        (draft, campaign["id"], 1),
    ):
        for table in (tables.Request, tables.FairDealing):
            with acting(app_role, firm) as tx:
                done = tx.execute(delete(table).where(table.campaign_id == campaign_id))
                assert done.rowcount == gone, table.__tablename__  # type: ignore[attr-defined]


def test_nobody_makes_a_request_in_anothers_name(app_role: Database, pair: Pair) -> None:
    with acting(app_role, pair.requester) as tx:
        real = tx.get_one(tables.Request, pair.request_id)
        columns = {
            "campaign_id": real.campaign_id,
            "questionnaire_id": real.questionnaire_id,
            "supplier_id": real.supplier_id,
            "link_id": real.link_id,
            "due_at": real.due_at,
        }
    forged = {
        **columns,
        "id": new_id(),
        "requester_org_id": pair.requester.id,
        "respondent_org_id": pair.respondent.id,
        "issued_at": func.now(),
    }
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        acting(app_role, pair.respondent) as tx,
    ):
        tx.execute(insert(tables.Request).values(forged))


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (tables.Request, {"respondent_org_id": None}),
        (tables.Request, {"nonce": "x"}),
        (tables.SupplyLink, {"supplier_org_id": None}),
        (tables.Campaign, {"statement_id": "x"}),
        (tables.ResponsePreparation, {"recorded_at": func.now()}),
        (tables.Review, {"recorded_at": func.now()}),
        (tables.Questionnaire, {"digest": "x"}),
        (tables.FairDealing, {"record": {}}),
    ],
)
def test_what_only_events_tell_cannot_be_written_by_a_request(
    app_role: Database, pair: Pair, table: Any, values: dict[str, Any]
) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        acting(app_role, pair.requester) as tx,
    ):
        tx.execute(update(table).values(values))


def test_nobody_deletes_a_response_or_reads_the_outbox(app_role: Database, pair: Pair) -> None:
    for statement in (
        "DELETE FROM questionnaire.response",
        "SELECT * FROM questionnaire.outbox",
        "SELECT * FROM questionnaire.inbox",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            acting(app_role, pair.respondent) as tx,
        ):
            tx.execute(text(statement))


def test_updating_all_drafts_reaches_only_ones_own(app_role: Database, pair: Pair) -> None:
    with acting(app_role, pair.requester) as tx:
        changed = tx.execute(update(tables.Response).values(state="opened"))
        assert changed.rowcount == 0  # type: ignore[attr-defined]


def test_tables_and_migrations_say_the_same(settings: Settings) -> None:
    config = Config(str(ROOT / "alembic.ini"), ini_section="questionnaire")
    config.attributes["url"] = settings.service_url("questionnaire", "owner")
    command.check(config)
