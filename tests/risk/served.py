"""A maker whose suppliers have every kind of name, and ways to judge it again."""

from __future__ import annotations

import secrets
from typing import Any

from services.kit import clock
from services.kit.db import new_id
from tests.factories.risk import QuestionnairePublished, StatementRefused, event
from tests.factories.supply_chains import NO_LIST, Firm, Scene, Supply, component
from tests.risk.site import Site


class Maker:
    """A requester, its suppliers by name, and the worker that judges them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.firm = Firm("Maker")
        self.supplies: dict[str, Supply] = {}
        # Of its own: else the newest questionnaire of anybody would apply.
        site.hear(event(QuestionnairePublished, org_id=self.firm.org))

    def supply(self, name: str, **fields: Any) -> Supply:
        scene = Scene()
        made = scene.supplied(self.firm, Firm(name), **fields)
        self.supplies[name] = made
        self.site.hear(*scene.events)
        return made

    def relink(self, supply: Supply, **fields: Any) -> None:
        scene = Scene()
        scene.link(supply, **fields)
        self.site.hear(*scene.events)

    def answered(self, supply: Supply, **fields: Any) -> None:
        scene = Scene()
        plain = {"components": [component("chat", {"Q-1": "yes", "Q-2": "partly"})]}
        scene.answered(supply, **{**plain, "sub_tier": NO_LIST, **fields})
        self.site.hear(*scene.events)

    def judge(self) -> str:
        """Judge again; returns the snapshot's id."""
        return str(self.site.ask(self.firm)["id"])

    def refuse(self, snapshot: str) -> None:
        statement = self.get(f"/snapshots/{snapshot}").json()["statement_id"]
        said = event(StatementRefused, statement_id=statement, statement_type="risk-snapshot")
        self.site.hear(said)

    def get(self, path: str, **given: Any) -> Any:
        return self.site.get(self.firm, path, **given)

    def revoked(self) -> dict[str, str]:
        """Headers of a token whose access was withdrawn after it was issued."""
        subject = f"urn:rensho:client:{secrets.token_hex(8)}"
        scopes = {"scores.read"}
        headers = self.site.tokens(org=new_id(), audience="risk", scopes=scopes, subject=subject)
        self.site.hear(
            {
                "id": str(new_id()),
                "type": "access.revoked.v1",
                "at": clock.rfc3339(clock.now()),
                "trace": "-",
                "subject": subject,
                "not_before": clock.rfc3339(clock.now()),
            }
        )
        return headers
