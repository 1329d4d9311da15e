"""The scenes exhibits start from: one lone key event, and one answered request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rensho import archive, dsse, jcs, strict_json
from rensho.keys import PrivateKey
from rensho.statement import Statement, parse
from rensho.trust import Trust

from tests.client.deployment import BASE, DAY, HOUR, Party, World, enrolled
from tests.client.museum import Shown
from tests.client.responses import Answered, pack, prepare, submit

Edit = Callable[[dict[str, Any]], Any]
BUNDLE = ".sigstore.json"


def nothing(_: dict[str, Any]) -> None:
    """Leave it as it is."""


def event(edit: Edit = nothing, *, bend: Edit = nothing, **trust: Any) -> Shown:
    """The requester's enrolment, anchored to the empty log; `edit` bends its bundle."""
    world = World()
    world.log.publish(world.now)
    world.now += HOUR
    name = world.key_event(world.requester, bend=bend)
    return lone(world, name, edit, **trust)


def lone(world: World, name: str, edit: Edit = nothing, **trust: Any) -> Shown:
    value = strict_json.loads(world.files[f"{name}{BUNDLE}"])
    edit(value)
    return lone_bytes(world, name, jcs.dumps(value), **trust)


def lone_bytes(world: World, name: str, data: Any, **trust: Any) -> Shown:
    """A bundle alone, with its promise beside it."""
    promise = f"{name}.promise.json"
    return Shown(
        main=data,
        beside=((promise, world.files[promise]),),
        trust=world.trust(**trust),
        now=world.now,
    )


def entry(value: dict[str, Any]) -> dict[str, Any]:
    """The log entry of a bundle."""
    found: dict[str, Any] = value["verificationMaterial"]["tlogEntries"][0]
    return found


def proof(value: dict[str, Any]) -> dict[str, Any]:
    """The inclusion proof of a bundle."""
    found: dict[str, Any] = entry(value)["inclusionProof"]
    return found


def plain(world: World | None = None, **how: Any) -> Answered:
    """One request and one answer about one component, as small as an answer gets."""
    world = world or enrolled()
    asked = world.ask()
    world.now += DAY
    draft = prepare(world, asked, **{"components": ("vision-1",), "evidence": None} | how)
    ids = submit(world, draft)
    world.now += HOUR
    return Answered(world, asked, draft, tuple(ids))


def again(first: Answered, **how: Any) -> Answered:
    """A second answer to the same request."""
    world = first.world
    world.now += DAY
    fields: dict[str, Any] = {"components": ("vision-1",), "evidence": None}
    draft = prepare(world, first.asked, **fields | how)
    ids = submit(world, draft)
    world.now += HOUR
    return Answered(world, first.asked, draft, tuple(ids))


def resubmitted(bend: Edit, which: int = -1) -> Answered:
    """An answer of which one payload (the declaration's) was bent before it was signed."""
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked, components=("vision-1",), evidence=None)
    payloads = [*draft.payloads]
    value = strict_json.loads(payloads[which])
    bend(value)
    payloads[which] = jcs.dumps(value)
    return signed_anew(Answered(world, asked, draft, ()), payloads)


def signed_anew(done: Answered, payloads: list[bytes], key: Any = None) -> Answered:
    """Log other payloads than were drafted; what they hide stays opened."""
    world, signer = done.world, key or done.world.supplier.key
    ids = world.record(*((dsse.sign(signer, payload), signer) for payload in payloads))
    for old, new in zip(done.draft.component_ids, ids, strict=True):
        world.opened[new] = world.opened.pop(old)
    return Answered(world, done.asked, done.draft, tuple(ids))


def expecting(done: Answered, **more: Any) -> dict[str, Any]:
    """What the requester expects of the answer to its own request."""
    request = {"request_id": done.asked.request_id, "nonce": done.asked.nonce}
    return {"audience": done.world.requester.org, "request": request} | more


def shown(
    done: Answered,
    *,
    now: datetime | None = None,
    expect: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes | None] | None = None,
    trusted: Trust | None = None,
    **trust: Any,
) -> Shown:
    """The archive of everything; `files` replaces entries of it, or (None) leaves them out."""
    entries: dict[str, bytes | None] = {**archive.read(pack(done.world)), **(files or {})}
    return Shown(
        main={name: data for name, data in entries.items() if data is not None},
        trust=trusted or done.world.trust(**trust),
        expect=expecting(done) if expect is None else expect,
        now=now or done.world.now,
    )


def lacking(done: Answered, *suffixes: str, **how: Any) -> Shown:
    """The archive without the files of these names' ends."""
    gone = {name: None for name in done.world.files if name.endswith(suffixes)}
    return shown(done, files=gone, **how)


def edited(done: Answered, name: str, edit: Edit, **how: Any) -> Shown:
    """The archive with one JSON file changed in place."""
    entries = archive.read(pack(done.world))
    value = strict_json.loads(entries[name])
    edit(value)
    return shown(done, files={name: jcs.dumps(value)}, **how)


def read(world: World, statement_id: str) -> Statement:
    """The logged statement of this id."""
    found = strict_json.loads(world.files[f"{statement_id}{BUNDLE}"])["dsseEnvelope"]
    return parse(dsse.Envelope.from_json(found).payload, [BASE])


def stranger(world: World, role: str = "requester") -> Party:
    """Another firm with a key of its own."""
    party = Party(PrivateKey.generate(), (role,))
    world.key_event(party, vouchers=[world.voucher()])
    return party
