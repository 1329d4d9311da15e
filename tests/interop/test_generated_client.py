"""A client generated from the contract alone compiles, and reads scores from a running service."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.generated_client import Generated, generated
from tests.interop.risk_site import Served

_LIST = """
import json, sys
from rensho_risk_client import AuthenticatedClient
from rensho_risk_client.api.scores import (
    get_supplier_by_vendor_code, get_tiers, list_score_changes, list_supplier_scores)
client = AuthenticatedClient(base_url=sys.argv[1] + "/risk/v1", token=sys.argv[2])
page = list_supplier_scores.sync(client=client, tier=1, fields="name,score,band")
one = get_supplier_by_vendor_code.sync("V-2", client=client)
tiers = get_tiers.sync(client=client)
changes = list_score_changes.sync(client=client)
print(json.dumps({
    "names": sorted(str(item.name) for item in page.items),
    "one": [one.id, one.name, one.score, one.band, one.as_of.isoformat(),
            one.score_exact.evidenced],
    "tiers": [tier.score for tier in tiers.tiers],
    "changes": len(changes.items),
}))
"""


@pytest.fixture(scope="module")
def client(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    cache = pytestconfig.cache
    place = Path(cache.mkdir("rensho")) if cache is not None else tmp_path_factory.mktemp("cache")
    return generated(place, tmp_path_factory.mktemp("client"))


def test_the_generated_client_reads_scores(client: Generated, risk: Served) -> None:
    token = risk.headers["Authorization"].removeprefix("Bearer ")
    read = client.run(_LIST, risk.base, token)
    supply = risk.maker.supplies['O"Neil, 100%']
    score = risk.maker.get(f"/suppliers/{supply.supplier}").json()
    assert read["names"] == sorted(risk.maker.supplies)
    assert read["one"] == [
        *(supply.supplier, 'O"Neil, 100%', score["score"], score["band"]),
        *(score["as_of"].replace("Z", "+00:00"), score["score_exact"]["evidenced"]),
    ]
    assert read["tiers"] == [tier["score"] for tier in risk.maker.get("/tiers").json()["tiers"]]
    assert read["changes"] == 3


def test_the_generator_understands_the_whole_contract(client: Generated) -> None:
    assert "ERROR" not in client.said, client.said
    # Its gaps: it knows neither lines of JSON nor PDF, and leaves those answers as bytes.
    warned = set(re.findall(r"^WARNING parsing (\w+ \S+)", client.said, flags=re.MULTILINE))
    assert warned == {"GET /exports/scores.ndjson", "GET /report"}
