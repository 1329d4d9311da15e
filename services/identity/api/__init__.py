"""The routes of identity, by noun."""

from services.identity.api import clients, invitations, members, organizations, sessions, tokens

ROUTERS = [
    invitations.router,
    sessions.router,
    tokens.router,
    organizations.router,
    members.router,
    clients.router,
]

__all__ = ["ROUTERS"]
