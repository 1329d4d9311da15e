"""`renshod signing-keys`: what a person of the operator decides on the keys of firms.

It writes to the database as the worker; the running sequencer states the outcome in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.db import Actor
from services.kit.problems import Refused
from services.kit.settings import load
from services.parts import databases

_T = TypeVar("_T")
_KINDS = ("register-extract", "certificate", "contract", "call-back", "visit", "other")
app = typer.Typer(
    help="Keys that firms sign with: what a person must decide.", no_args_is_help=True
)
out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)

Kind = Annotated[str, typer.Option(help=f"What was looked at: {', '.join(_KINDS)}.")]
Number = Annotated[str, typer.Option(help="Its number; no names of persons.")]
SeenOn = Annotated[str, typer.Option(help="The day it was looked at, YYYY-MM-DD.")]


def _as_worker(work: Callable[[Session], _T]) -> _T:
    try:
        settings = load()
        clock.configure(settings.clock)
        with (
            databases(settings, "worker", ("attestation",), pool_size=1) as opened,
            opened["attestation"].begin(Actor(subject="urn:rensho:operator")) as tx,
        ):
            return work(tx)
    except (ValidationError, Refused, DBAPIError) as why:
        err.print(f"[red]renshod:[/red] {why}")
        raise typer.Exit(1) from why


@app.command("claims")
def list_claims() -> None:
    """List the proofs of keys that another firm holds; each waits for accept or refuse."""
    from services.attestation.actions.operating import claims  # noqa: PLC0415 (one command's)

    found = _as_worker(claims)
    for one in found:
        out.print(f"{one.enrolment_id}  key {one.key_id}")
        out.print(f"  claimed by {one.org_id}, held by {', '.join(map(str, one.held_by))}")
    out.print(f"{len(found)} waiting")


@app.command()
def accept(claim: UUID, kind: Kind, number: Number, seen_on: SeenOn) -> None:
    """Let a firm have the key; it proves it once more."""
    _decide(claim, kind, number, seen_on, accepted=True)


@app.command()
def refuse(claim: UUID, kind: Kind, number: Number, seen_on: SeenOn) -> None:
    """Refuse a firm the key."""
    _decide(claim, kind, number, seen_on, accepted=False)


@app.command("identity-false")
def identity_false(organization: UUID, key_id: str) -> None:
    """Revoke a key that was never the organization's: nothing it signed is trusted, ever."""
    from services.attestation.actions.operating import declare_false  # noqa: PLC0415

    _as_worker(lambda tx: declare_false(tx, organization, key_id, clock.now()))
    out.print("queued: the sequencer states it in the log")


def _decide(claim: UUID, kind: str, number: str, seen_on: str, *, accepted: bool) -> None:
    from services.attestation.actions.keys import Evidence  # noqa: PLC0415
    from services.attestation.actions.operating import decide  # noqa: PLC0415

    if kind not in _KINDS:
        err.print(f"[red]renshod:[/red] {kind}: not one of {', '.join(_KINDS)}")
        raise typer.Exit(2)
    try:
        evidence = Evidence(kind, number, date.fromisoformat(seen_on))
    except ValueError as why:
        err.print(f"[red]renshod:[/red] {seen_on}: not a day")
        raise typer.Exit(2) from why
    _as_worker(lambda tx: decide(tx, claim, evidence, clock.now(), accepted=accepted))
    out.print("recorded")
