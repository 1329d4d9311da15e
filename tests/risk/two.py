"""A customer, its supplier, and the facts one gets of the other."""

from __future__ import annotations

from typing import Any

from rensho import replay

from tests.factories.supply_chains import Firm, Scene, Supply, component
from tests.risk.site import Site


class Two:
    """A customer, its supplier, and what was said of them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.scene = Scene()
        self.supply: Supply = self.scene.supplied(Firm("Maker"), Firm("First"))

    def answered(self, **fields: Any) -> Any:
        plain = {"components": [component("chat", {"Q-1": "yes", "Q-2": "partly"})]}
        return self.scene.answered(self.supply, **{**plain, **fields})

    def facts(self) -> Any:
        """The requester's facts after all that was said; the results are replayed on the way."""
        self.site.hear(*self.scene.events)
        self.scene.events.clear()
        facts, results = self.site.judge(self.supply.customer)
        assert replay.compare(replay.replay(facts), results) == []
        return facts

    def direct(self) -> Any:
        (direct,) = self.facts()["direct"]
        return direct

    def answers(self) -> dict[str, Any]:
        (only,) = self.direct()["components"]
        return {answer["question"]: answer for answer in only["answers"]}
