"""From roles to permissions. The table itself is `contracts/permissions.json`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

ADMIN = "admin"
DELEGATE = "delegate"
# A machine reads; it writes only what an ERP has to feed in. Nothing it holds can sign.
MACHINE_WRITES = frozenset({"risk:snapshots.write", "questionnaire:suppliers.write"})


class UnknownScope(ValueError):
    """A machine client may not have this scope, or there is no such scope."""

    urn: ClassVar[str] = "clients/unknown-scope"

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"not for machine clients: {', '.join(scopes)}")
        self.extensions = {"scopes": list(scopes)}


@dataclass(frozen=True)
class Rights:
    """Which role has which permissions in which service."""

    table: Mapping[str, Mapping[str, tuple[str, ...]]]

    def of(self, roles: Collection[str], service: str) -> frozenset[str]:
        """Return the permissions of somebody with `roles` in `service`."""
        return frozenset(
            permission for role in roles for permission in self.table[role].get(service, ())
        )

    def for_machines(self) -> frozenset[str]:
        """Return every scope a machine client may have, as `service:permission`."""
        everything = {
            f"{service}:{permission}"
            for service, permissions in self.table[ADMIN].items()
            for permission in permissions
        }
        return frozenset(
            scope for scope in everything if scope.endswith(".read") or scope in MACHINE_WRITES
        )


def machine_scopes(rights: Rights, asked: Collection[str]) -> tuple[str, ...]:
    """Return the scopes of a new machine client, sorted.

    Raises:
        UnknownScope: one of them is not for machines, or none was asked for.
    """
    allowed = rights.for_machines()
    refused = sorted(set(asked) - allowed)
    if refused or not asked:
        raise UnknownScope(refused or ["(none)"])
    return tuple(sorted(set(asked)))


def in_service(scopes: Collection[str], service: str) -> frozenset[str]:
    """Return the permissions that qualified scopes give in one service."""
    prefix = service + ":"
    return frozenset(s.removeprefix(prefix) for s in scopes if s.startswith(prefix))
