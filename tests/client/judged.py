"""Asking the verifier about the miniature deployment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rensho import jcs, strict_json
from rensho.verify import ANY, Expectations, ExpectedRequest, Material, Verdict, verify

from tests.client.deployment import World
from tests.client.responses import Answered, pack


def expectations(answered: Answered, **changes: Any) -> Expectations:
    """The requester's own expectations of the answer to its request."""
    asked = answered.asked
    expect = Expectations(
        audience=answered.world.requester.org,
        request=ExpectedRequest(asked.request_id, asked.nonce),
    )
    return replace(expect, **changes)


def judge(
    answered: Answered,
    *,
    data: bytes | None = None,
    expect: Expectations | None = None,
    now: datetime | None = None,
    **trust: Any,
) -> Verdict:
    """Verify the archive of everything as the requester would."""
    return verify(
        Material(pack(answered.world) if data is None else data),
        answered.world.trust(**trust),
        expect or expectations(answered),
        now or answered.world.now,
    )


def judge_world(world: World, **trust: Any) -> Verdict:
    """Verify an archive in which nobody has answered yet, expecting nothing."""
    nothing = Expectations(audience=ANY, request=ANY)
    return verify(Material(pack(world)), world.trust(**trust), nothing, world.now)


def edited(world: World, name: str, edit: Callable[[Any], None]) -> None:
    """Change a JSON file of the archive in place."""
    value = strict_json.loads(world.files[name])
    edit(value)
    world.files[name] = jcs.dumps(value)


def without(good: Answered, *suffixes: str) -> bytes:
    files = {
        name: data
        for name, data in good.world.files.items()
        if not any(name.endswith(suffix) for suffix in suffixes)
    }
    return pack(replace(good.world, files=files))
