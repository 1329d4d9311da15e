"""The deployment's private keys: files of mode 0600 in a folder outside data and backup."""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Literal

from rensho.keys import PrivateKey

from services.kit.settings import Settings

SIGNING: dict[str, Literal["ecdsa-p256", "ed25519"]] = {
    "log": "ed25519",
    "time": "ed25519",
    "operator": "ecdsa-p256",
    "risk": "ecdsa-p256",
    "token": "ecdsa-p256",
}
SECRETS = ("pseudonym", "invitation", "code")
_MANIFEST = "keys.json"


class UnsafeKeys(Exception):
    """A key file is missing, open to others, or meant for another environment."""


def init(settings: Settings) -> list[str]:
    """Make the keys that are missing; existing ones are never touched.

    Returns:
        The names of the keys made.
    """
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = {name: PrivateKey.generate(algorithm).to_pem() for name, algorithm in SIGNING.items()}
    fresh |= {name: secrets.token_bytes(32) for name in SECRETS}
    made = [name for name, key in fresh.items() if _write_new(_path(settings, name), key)]
    _write_new(settings.keys / _MANIFEST, json.dumps({"demo": settings.env == "demo"}).encode())
    return made


def signing_key(settings: Settings, name: str) -> PrivateKey:
    """Load one signing key.

    Raises:
        UnsafeKeys: the file is missing, open to others, or a demo key in production.
    """
    return PrivateKey.from_pem(_read(settings, name))


def secret_bytes(settings: Settings, name: str) -> bytes:
    """Load one 32-byte secret; raises like `signing_key`."""
    return _read(settings, name)


def demo(settings: Settings) -> bool:
    """Whether the keys were made for a demo (the Trust file says so to every verifier)."""
    try:
        return bool(json.loads((settings.keys / _MANIFEST).read_bytes())["demo"])
    except FileNotFoundError as why:
        msg = "there are no keys yet: run `renshod keys init`"
        raise UnsafeKeys(msg) from why


def _path(settings: Settings, name: str) -> Path:
    return settings.keys / f"{name}.key"


def _read(settings: Settings, name: str) -> bytes:
    if settings.env == "production" and demo(settings):
        msg = "production refuses demo keys"
        raise UnsafeKeys(msg)
    path = _path(settings, name)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as why:
        msg = f"the key {name} is missing: run `renshod keys init`"
        raise UnsafeKeys(msg) from why
    if stat.S_IMODE(mode) & 0o077:
        msg = f"the key {name} is open to others: chmod 600"
        raise UnsafeKeys(msg)
    return path.read_bytes()


def _write_new(path: Path, content: bytes) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return True
