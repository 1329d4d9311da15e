"""`standardwebhooks` of npm accepts what our sender sent, and nothing that was altered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.kit.auth import Issuer
from services.kit.settings import Settings
from tests.interop.sigstore_js import SigstoreJs
from tests.risk.owner import Owner
from tests.risk.receiver import receiving
from tests.risk.site import Site

pytestmark = pytest.mark.needs("node")


def test_our_hook_is_accepted_and_a_tampered_one_is_refused(
    foreign: SigstoreJs,
    settings: Settings,
    issuer: Issuer,
    tokens: Callable[..., dict[str, str]],
) -> None:
    site = Site(settings, issuer, tokens)
    with receiving() as receiver:
        owner = Owner(site, receiver, lambda _: None)
        made = owner.add()
        owner.announce(name='東京精密㈱ "\\n"', score=41.3)
        fresh = owner.call("POST", f"/webhooks/{made['id']}/secret", json={}).json()
        owner.sender.round()
        owner.call("DELETE", f"/webhooks/{made['id']}")
        ((headers, body),) = receiver.came
    site.close()
    good: dict[str, Any] = {"secret": made["secret"], "headers": headers, "body": body.decode()}
    later = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
    answers = foreign.hooks(
        good,
        {**good, "secret": fresh["secret"]},
        {**good, "body": good["body"].replace("41.3", "4.1")},
        {**good, "headers": {**headers, "webhook-id": "msg_other"}},
        {**good, "headers": later},
        {**good, "secret": "whsec_" + "A" * 43 + "="},
    )
    assert answers == [True, True, False, False, False, False]
