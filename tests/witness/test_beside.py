"""Witnesses beside a deployment, as its demo runs them."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2

from services.kit import keyfiles
from services.kit.settings import Settings
from services.witness import beside
from tests.witness.logs import SomeLog


def test_the_settings_name_witnesses_that_watch_this_log(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", keys_dir=tmp_path / "keys", log_origin="log.rensho.example"
    )
    keyfiles.init(settings)
    log = SomeLog(settings.log_origin, keyfiles.signing_key(settings, "log")).grow(2)
    with beside(settings, ("w1.example", "w2.example")) as told:
        assert told.witness_quorum == 2
        entries = json.loads(told.witnesses or "")
        assert [one["name"] for one in entries] == ["w1.example", "w2.example"]
        for one in entries:
            answer = httpx2.post(
                f"{one['url']}/add-checkpoint", content=log.request(0), trust_env=False
            )
            assert answer.status_code == 200
    # The same keys at the next start, so that Trust need not change.
    with beside(settings, ("w1.example", "w2.example")) as again:
        now = json.loads(again.witnesses or "")
    assert [one["key"] for one in now] == [one["key"] for one in entries]
