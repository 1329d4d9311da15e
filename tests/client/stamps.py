"""Time-stamps and witnesses for the miniature deployment: what Trust asks for, put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from rensho import bundle, checkpoint, timestamps
from rensho.bundle import Bundle
from rensho.keys import PrivateKey
from rensho.trust import Witness

from services.tsa import DemoAuthority
from tests.client.deployment import DAY, HOUR, START, World
from tests.client.responses import Answered, prepare, submit

BUNDLE = ".sigstore.json"


@cache
def authority(name: str = "first") -> DemoAuthority:
    """A time-stamping authority, the same within a run; another `name`, another authority."""
    assert name
    return DemoAuthority.fresh(START - DAY)


def token(message: bytes, at: datetime, by: DemoAuthority | None = None) -> bytes:
    """A token over `message` that says `at`, as a bundle carries it."""
    request = timestamps.make_request(message)
    return timestamps.token_of((by or authority()).answer(request, at), request)


def logged_at(world: World, logged: Bundle) -> datetime:
    """When the operator's clock says the checkpoint in a bundle was made."""
    deployment = world.deployment()
    (epoch,) = deployment.epochs
    assert logged.entry is not None
    note = checkpoint.open(logged.entry.checkpoint, deployment.note_keys(epoch))
    return note.cosigned_at[epoch.time_note_key]


def stamp(
    world: World,
    *,
    only: Iterable[str] | None = None,
    after: timedelta = timedelta(),
    make: Callable[[bytes, datetime], bytes] = token,
) -> None:
    """Put a token into every bundle (or those of the statement ids `only`), `after` it was logged.

    `make(signature, time)` makes the token; a second call adds a second one.
    """
    wanted = None if only is None else {f"{one}{BUNDLE}" for one in only}
    for name, data in world.files.items():
        if name.endswith(BUNDLE) and (wanted is None or name in wanted):
            logged = bundle.parse(data)
            made = make(logged.envelope.signature, logged_at(world, logged) + after)
            world.files[name] = bundle.with_tokens(data, [made])


def witnessed(*names: str, **lag: timedelta) -> World:
    """`deployment.enrolled` under witnesses; `lag` is how long after the log each one signs.

    A witness is called `<name>.example`.
    """
    hosts = [f"{name}.example" for name in (*names, *lag)]
    keys = [(host, PrivateKey.generate("ed25519")) for host in hosts]
    world = World(
        witness_keys=keys,
        witness_lag={f"{name}.example": value for name, value in lag.items()},
        witnesses=tuple(Witness(host, key.public.raw_ed25519) for host, key in keys),
    )
    world.log.publish(world.now)
    world.now += HOUR
    world.key_event(world.requester)
    world.now += HOUR
    world.key_event(world.supplier, vouchers=[world.voucher()])
    world.now += HOUR
    return world


def answered_in(world: World, **how: Any) -> Answered:
    """`responses.answered`, in a world of one's own."""
    asked = world.ask()
    world.now += DAY
    draft = prepare(world, asked, **how)
    ids = submit(world, draft)
    world.now += HOUR
    return Answered(world, asked, draft, tuple(ids))


def asking(world: World, quorum: int | None = None) -> dict[str, Any]:
    """Changes to Trust that ask for time-stamps and for `quorum` (else all) of its witnesses."""
    return {
        "tsa": (authority().root_der,),
        "witnesses": world.witnesses,
        "witness_quorum": len(world.witnesses) if quorum is None else quorum,
    }
