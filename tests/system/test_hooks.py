"""`renshod hooks` as a process: it sends what is due, and ends cleanly when told to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from services.everything import environment
from services.kit.auth import Issuer
from services.kit.settings import Settings
from tests.risk.owner import Owner
from tests.risk.receiver import receiving
from tests.risk.site import Site


def test_the_sender_is_a_process_of_its_own(
    settings: Settings, issuer: Issuer, tokens: Callable[..., dict[str, str]]
) -> None:
    site = Site(settings, issuer, tokens)
    with receiving() as receiver:
        owner = Owner(site, receiver, lambda _: None)
        made = owner.add()
        owner.announce(n=1)
        process = subprocess.Popen(
            [sys.executable, "-m", "services", "hooks"], env=environment(settings)
        )
        try:
            deadline = time.monotonic() + 60
            while not owner.deliveries(made, state="delivered"):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            owner.call("DELETE", f"/webhooks/{made['id']}")
            site.close()
    assert len(receiver.came) == 1
