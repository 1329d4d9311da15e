"""`docs/erp.md` is true: a shell runs every command of it, in order, against a running service."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient

from services.identity.app import web as identity
from services.kit.auth import Issuer
from services.kit.settings import Settings
from services.migrate import ROOT
from services.risk.rules.serving import CSV_COLUMNS
from tests.interop.risk_site import Served, on_a_port

GUIDE = (ROOT / "docs" / "erp.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def guided(
    settings: Settings, issuer: Issuer, tokens: Callable[..., dict[str, str]]
) -> Iterator[tuple[Served, dict[str, str]]]:
    """Scores and the token service on one port, and the environment of the guide's reader."""
    app = identity(settings, issuer)
    with TestClient(app) as http:
        keys = http.get("/jwks.json").json()
        both = Issuer(lambda: keys)
        both.refresh()
        with on_a_port(settings, both, tokens, {"/identity/v1": app}) as served:
            _enrol(settings, served)
            body = {"name": "ERP", "scopes": ["risk:scores.read"]}
            admin = tokens(
                org=UUID(served.maker.firm.org), audience="identity", scopes={"clients.write"}
            )
            made = http.post("/machine-clients", json=body, headers=admin)
            assert made.status_code == 201, made.text
            yield (
                served,
                {
                    "PATH": os.environ["PATH"],
                    "NO_PROXY": "*",
                    "RENSHO": served.base,
                    "CLIENT_ID": made.json()["id"],
                    "CLIENT_SECRET": made.json()["secret"],
                },
            )


def _enrol(settings: Settings, served: Served) -> None:
    """The requester is an organization that enrolled, as identity knows it."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as admin:
        admin.execute(
            "INSERT INTO identity.organization (id, name, country, enrolled_at)"
            " VALUES (%s, 'Maker', 'JP', now())",
            [served.maker.firm.org],
        )


def test_every_command_of_the_guide_does_what_it_says(
    guided: tuple[Served, dict[str, str]], tmp_path: Path
) -> None:
    served, environment = guided
    mark = "== end of a block =="
    script = "set -euo pipefail\n" + f"\necho; echo '{mark}'\n".join(BLOCKS)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    told = [part.strip() for part in done.stdout.split(mark)]
    assert len(told) == len(BLOCKS) == 9
    _, one, again, listed, changes, _, complete, left_out, odata = told
    assert json.loads(one)["name"] == "東京精密㈱"
    assert again == "304"
    assert {item["name"] for item in json.loads(listed)["items"]} == set(served.maker.supplies)
    assert json.loads(changes)["items"] == []
    assert complete == "4 rows are complete"
    assert json.loads(left_out)["rows_left_out"] == 0
    assert "</edmx:Edmx>" in odata
    assert '"@odata.count":2' in odata
    assert (tmp_path / "scores-sjis.csv").read_bytes().decode("cp932").count("\r\n") == 5
    assert len((tmp_path / "scores.ndjson").read_text(encoding="utf-8").splitlines()) == 3


def test_the_guide_describes_every_column_in_its_order(
    guided: tuple[Served, dict[str, str]],
) -> None:
    table = GUIDE.split("The columns, in this order:")[1].split("\n\n")[1]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert re.findall(r"`(\w+)`", " ".join(cells)) == list(CSV_COLUMNS)
    served, _ = guided
    answer = served.maker.get("/exports/scores.csv")
    (heading,) = csv.reader([answer.content.decode("utf-8-sig").splitlines()[0]])
    assert heading == list(CSV_COLUMNS)


def test_the_guide_says_never_to_wire_a_band_to_a_purchase_block() -> None:
    assert "never wire a band to a purchase block" in GUIDE.split("## 1.")[0]
