"""The risk service on a port, as programs of others meet it; the clock is the real one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from fastapi import FastAPI

from services.front import Metrics, make_front
from services.kit.auth import Issuer
from services.kit.settings import Settings
from services.processes import bind, served
from services.risk.app import beside, web
from tests.factories.risk import CheckpointSigned, event
from tests.risk.served import Maker
from tests.risk.site import Site
from tests.tokens import token_key_of


@dataclass(frozen=True)
class Served:
    """A requester whose scores are served under `base`."""

    base: str
    maker: Maker
    tokens: Callable[..., dict[str, str]]

    @property
    def headers(self) -> dict[str, str]:
        """A fresh token each time: one lives five minutes, and foreign programs install slowly."""
        org = UUID(self.maker.firm.org)
        return self.tokens(org=org, audience="risk", scopes={"scores.read"})


@contextmanager
def on_a_port(
    settings: Settings,
    issuer: Issuer,
    tokens: Callable[..., dict[str, str]],
    others: Mapping[str, FastAPI] = MappingProxyType({}),
) -> Iterator[Served]:
    """Serve a requester's scores on a free port.

    Args:
        others: further apps by prefix; tokens of `issuer` and those of the tests both count.
    """
    sock: socket.socket = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    own = settings.model_copy(update={"port": port})
    of_tests = Issuer(lambda: {"keys": [token_key_of(settings).as_dict(private=False)]})
    of_tests.refresh()
    site = Site(own, of_tests, tokens)
    site.hear(event(CheckpointSigned))
    maker = Maker(site)
    maker.supply("東京精密㈱", vendor_codes=["00123"], tags=["press"])
    maker.supply('O"Neil, 100%', vendor_codes=["V-2", "V-3"])
    maker.supply("House", pass_through=True)
    maker.judge()
    mounts = {"/risk/v1": web(own, issuer), **beside(own, issuer), **others}
    with served(make_front(mounts, {}, Metrics()), sock):
        yield Served(f"http://127.0.0.1:{port}", maker, tokens)
    site.close()
