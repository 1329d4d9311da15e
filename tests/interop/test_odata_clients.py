"""Two OData clients that know nothing of us read the feed: python-odata, and SAP's pyodata."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyodata  # type: ignore[import-untyped]
import pytest
import requests
from odata.service import ODataService  # type: ignore[import-untyped]

from tests.interop.risk_site import Served


@pytest.fixture
def session(risk: Served) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.headers.update(risk.headers)
    return made


def test_python_odata_reflects_filters_orders_and_pages(
    risk: Served, session: requests.Session
) -> None:
    service = ODataService(
        f"{risk.base}/risk/odata/v1/", session=session, reflect_entities=True, quiet_progress=True
    )
    assert set(service.entities) == {"Suppliers", "Tiers"}
    suppliers: Any = service.entities["Suppliers"]
    query = service.query(suppliers)
    (found,) = list(query.filter(suppliers.Name == 'O"Neil, 100%'))
    assert (found.VendorCode, found.VendorCodes, found.Tier) == ("V-2", "V-2;V-3", 1)
    assert found.Score == Decimal("99.2")
    assert found.Id == risk.maker.supplies['O"Neil, 100%'].supplier
    judged = query.filter(suppliers.Score > 1).order_by(suppliers.Name.desc())
    names = [one.Name for one in judged.limit(5)]
    assert sorted(names) == sorted(["東京精密㈱", 'O"Neil, 100%'])
    assert query.filter(suppliers.Tier == 1).count() == 3
    assert query.get(found.Id).Name == found.Name
    session.headers["Prefer"] = "odata.maxpagesize=1"
    assert len(list(service.query(suppliers))) == 3
    tiers = list(service.query(service.entities["Tiers"]))
    assert [tier.Tier for tier in tiers] == list(range(1, len(tiers) + 1))


def test_pyodata_reads_the_metadata_and_lists_the_set(
    risk: Served, session: requests.Session
) -> None:
    # It is a client of version 2 at heart: what it reads of version 4 is the metadata.
    base = f"{risk.base}/risk/odata/v1/"
    namespaces = {
        "edmx": "http://docs.oasis-open.org/odata/ns/edmx",
        "edm": "http://docs.oasis-open.org/odata/ns/edm",
    }
    client = pyodata.Client(base, session, namespaces=namespaces)
    schema = client.schema
    assert {one.name for one in schema.entity_sets} == {"Suppliers", "Tiers"}
    supplier = schema.entity_type("Supplier")
    assert [key.name for key in supplier.key_proprties] == ["Id"]
    assert supplier.proprty("Id").typ.name == "Edm.Guid"
    assert supplier.proprty("Score").nullable
    assert not supplier.proprty("Tier").nullable
    url = f"{base}Suppliers"
    answer = session.get(url, headers={"OData-MaxVersion": "4.0"}, timeout=10)
    properties = {one.name for one in supplier.proprties()}
    assert all(set(row) == properties for row in answer.json()["value"])
