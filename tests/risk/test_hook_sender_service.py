"""The sender: it is led nowhere it may not go, and nobody can hold it up."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from services.risk.tasks import sender as sending
from services.risk.tasks.sender import Sender
from tests.risk.owner import Owner
from tests.risk.receiver import receiving


def test_a_redirect_is_not_followed(owner: Owner) -> None:
    made = owner.add()
    with receiving() as other:
        owner.receiver.status = 307
        owner.receiver.headers["Location"] = other.url
        owner.announce(n=1)
        owner.sender.round()
        assert other.came == []
    assert owner.deliveries(made)[0]["outcome"] == "HTTP 307"


def test_a_slow_endpoint_is_given_up_on_and_holds_up_nobody(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_SECONDS", 0.3)
    with receiving() as quick:
        slow, fast = owner.add(), owner.add(url=quick.url)
        owner.receiver.wait = 1.0
        owner.announce(n=1)
        owner.sender.round()
        assert owner.deliveries(slow)[0]["outcome"] == "no answer within 0 seconds"
        assert owner.deliveries(fast)[0]["state"] == "delivered"


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "192.168.0.1", "::ffff:10.0.0.1", "fd00::1"]
)
def test_a_name_that_leads_into_a_private_network_gets_nothing(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    made = owner.add(url="http://inside.example/hook")
    connected = []

    async def resolved(*_: object, **__: object) -> list[Any]:
        connected.append(address)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolved)
    owner.announce(n=1)
    owner.sender.round()
    assert owner.deliveries(made)[0]["outcome"] == (
        "the host leads into a private network; nothing was sent"
    )
    assert connected == [address]


def test_the_address_that_was_judged_is_the_one_connected_to(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(owner.receiver.url.rsplit(":", 1)[1].split("/")[0])
    made = owner.add(url=f"http://erp.example:{port}/hook")
    asked: list[Any] = []

    async def resolved(_loop: Any, host: str, port: int, **__: object) -> list[Any]:
        # Asked once more, the name would lead into the private network.
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolved)
    owner.announce(n=1)
    owner.sender.round()
    assert owner.deliveries(made)[0]["state"] == "delivered"
    assert asked[0] == "erp.example"
    assert owner.receiver.came[0][0]["host"] == f"erp.example:{port}"


def test_production_sends_nothing_to_this_machine(owner: Owner) -> None:
    made = owner.add()
    strict = Sender(owner.site.settings, owner.site.worker)
    strict._production = True
    owner.announce(n=1)
    strict.round()
    assert owner.deliveries(made)[0]["outcome"] == "the address must begin with https://"
    assert owner.receiver.came == []
