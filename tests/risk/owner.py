"""A requester with an endpoint of its own, and the process that sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.kit import clock
from services.kit.db import Actor, new_id
from services.risk.actions import hooks
from services.risk.tasks.sender import Sender
from tests.risk.receiver import Receiver
from tests.risk.served import Maker
from tests.risk.site import Site

SCOPES = {"deliveries.read", "deliveries.write", "scores.read", "snapshots.read"}
EVERYTHING = ["score.band_changed", "attestation.expiring", "dispute.opened", "dispute.settled"]
At = Callable[[datetime], None]


class Owner:
    """A requester with an endpoint, and the process that sends."""

    def __init__(self, site: Site, receiver: Receiver, at: At) -> None:
        self.maker = Maker(site)
        self.site, self.receiver, self.at = site, receiver, at
        self.sender = Sender(site.settings, site.worker)

    def call(self, method: str, path: str, **given: Any) -> Any:
        headers = {**self.site.headers(self.maker.firm, SCOPES), **given.pop("headers", {})}
        return self.site.http.request(method, path, headers=headers, **given)

    def add(self, **fields: Any) -> Any:
        made = self.call(
            "POST", "/webhooks", json={"url": self.receiver.url, "types": EVERYTHING, **fields}
        )
        assert made.status_code == 201, made.text
        return made.json()

    def deliveries(self, webhook: Any, **params: Any) -> list[Any]:
        found = self.call("GET", f"/webhooks/{webhook['id']}/deliveries", params=params)
        items: list[Any] = found.json()["items"]
        return items

    def announce(self, **data: Any) -> None:
        with self.site.worker.begin(Actor("test")) as tx:
            org = UUID(self.maker.firm.org)
            hooks.announce(tx, org, "score.band_changed", str(new_id()), data, clock.now())

    def later(self, span: timedelta) -> None:
        self.at(clock.now() + span)
