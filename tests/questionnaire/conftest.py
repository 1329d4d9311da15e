from __future__ import annotations

from collections.abc import Callable

import pytest

from services.kit.auth import Issuer
from services.kit.db import Database
from services.kit.settings import Settings
from services.questionnaire.app import PLUMBING, handlers, web
from services.questionnaire.store.objects import Folder
from tests.questionnaire.world import World


@pytest.fixture(scope="session")
def app_and_worker(settings: Settings, issuer: Issuer) -> tuple[object, Database]:
    worker = Database(PLUMBING, settings.service_url("questionnaire", "worker"))
    return web(settings, issuer), worker


@pytest.fixture
def world(
    settings: Settings,
    app_and_worker: tuple[object, Database],
    tokens: Callable[..., dict[str, str]],
) -> World:
    app, worker = app_and_worker
    return World(app, worker, handlers(settings), tokens)  # type: ignore[arg-type]


@pytest.fixture
def folder(settings: Settings) -> Folder:
    assert settings.evidence_dir is not None
    return Folder(settings.evidence_dir)


@pytest.fixture(scope="session")
def worker(app_and_worker: tuple[object, Database]) -> Database:
    return app_and_worker[1]
