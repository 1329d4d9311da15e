"""Deployments nobody has used: keys made, tables there, in a folder and a database of the tests."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from services.kit import keyfiles
from services.kit.settings import SERVICES, Settings
from services.migrate import migrate
from tests.tokens import use_token_key


def deployed(
    url: str, folder: Path, services: tuple[str, ...] = SERVICES, token_pem: bytes | None = None
) -> Settings:
    """Make keys in a folder and the schemas of some services in a fresh database.

    Args:
        token_pem: the key of access tokens; None for one of its own.
    """
    made = Settings(
        data_dir=folder / "data",
        keys_dir=folder / "keys",
        database_url=SecretStr(url),
        log_origin="log.rensho.example",
    )
    if token_pem is not None:
        use_token_key(made, token_pem)
    keyfiles.init(made)
    migrate(made, services)
    return made
