"""`renshod invite`: the one step outside HTTP, by which the first organization gets in."""

from __future__ import annotations

from services.kit import clock, keyfiles
from services.kit.db import Actor
from services.kit.settings import Settings
from services.parts import databases


class Uninvitable(Exception):
    """The mailbox is none."""


def first(settings: Settings, name: str, mailbox: str) -> tuple[str, str]:
    """Invite an organization in the operator's name.

    Returns:
        The link to open and the one-use code that goes with it.

    Raises:
        Uninvitable: the mailbox is none.
        keyfiles.UnsafeKeys: there is no code secret yet.
    """
    from services.identity.actions.enrolment import invite_first  # noqa: PLC0415 (one command's)
    from services.identity.rules.mailboxes import MalformedMailbox  # noqa: PLC0415

    secret = keyfiles.secret_bytes(settings, "code")
    with (
        databases(settings, "worker", ("identity",), pool_size=1) as opened,
        opened["identity"].begin(Actor(subject="urn:rensho:operator")) as tx,
    ):
        try:
            handle, code = invite_first(
                tx, mailbox=mailbox, name=name, now=clock.now(), code_secret=secret
            )
        except MalformedMailbox as why:
            raise Uninvitable(str(why)) from why
    return f"{settings.base_url}/invitations/{handle}", code
