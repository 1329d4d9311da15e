"""Tables and named queries of identity, schema `identity`."""

from services.identity.store.tables import (
    PLUMBING,
    Base,
    ClientAssertion,
    Code,
    Identifier,
    Invitation,
    MachineClient,
    Member,
    MemberSession,
    Organization,
    metadata,
)

__all__ = [
    "PLUMBING",
    "Base",
    "ClientAssertion",
    "Code",
    "Identifier",
    "Invitation",
    "MachineClient",
    "Member",
    "MemberSession",
    "Organization",
    "metadata",
]
