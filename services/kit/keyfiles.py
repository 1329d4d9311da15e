"""The deployment's private keys: files of mode 0600 in a folder outside data and backup.

Each holder has a folder of its own there, so that a process can be given its own keys alone.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Literal

from rensho.keys import PrivateKey, PublicKey

from services.kit.settings import Settings

SIGNING: dict[str, Literal["ecdsa-p256", "ed25519"]] = {
    "log": "ed25519",
    "time": "ed25519",
    "operator": "ecdsa-p256",
    "risk": "ecdsa-p256",
    "token": "ecdsa-p256",
}
SECRETS = ("pseudonym", "invitation", "code", "webhook")
HOLDERS = {
    "log": "log",
    "time": "log",
    "operator": "log",
    "risk": "risk",
    "pseudonym": "risk",
    "webhook": "risk",
    "token": "identity",
    "code": "identity",
    "invitation": "questionnaire",
}
_LOG = "log"
_MANIFEST = "keys.json"


class UnsafeKeys(Exception):
    """A key file is missing, open to others, or meant for another environment."""


def init(settings: Settings) -> list[str]:
    """Make the keys that are missing; existing ones are never touched.

    Returns:
        The names of the keys made.
    """
    for holder in sorted({*HOLDERS.values()}):
        (settings.keys / holder).mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.keys.chmod(0o700)
    fresh = {name: PrivateKey.generate(algorithm).to_pem() for name, algorithm in SIGNING.items()}
    fresh |= {name: secrets.token_bytes(32) for name in SECRETS}
    made = [name for name, key in fresh.items() if _write_new(_path(settings, name), key)]
    # The sequencer names the risk service's key in the Trust file and must not hold it.
    risk = PrivateKey.from_pem(_path(settings, "risk").read_bytes()).public
    _write_new(_public_path(settings), risk.spki)
    manifest = json.dumps({"demo": settings.env == "demo"}).encode()
    for holder in HOLDERS.values():
        _write_new(settings.keys / holder / _MANIFEST, manifest)
    return made


def log_keys(number: int) -> tuple[str, str]:
    """Return the names of log key and time key of log `number`; the first is number 0."""
    return ("log", "time") if number == 0 else (f"log-e{number + 1}", f"time-e{number + 1}")


def init_log(settings: Settings, number: int) -> None:
    """Make log key and time key of log `number` where they are missing.

    Existing ones are never touched: whoever begins a log a second time begins the same one.
    """
    for name in log_keys(number):
        _write_new(_path(settings, name), PrivateKey.generate("ed25519").to_pem())


def signing_key(settings: Settings, name: str) -> PrivateKey:
    """Load one signing key.

    Raises:
        UnsafeKeys: the file is missing, open to others, or a demo key in production.
    """
    return PrivateKey.from_pem(_read(settings, name))


def risk_public_key(settings: Settings) -> PublicKey:
    """Load the risk service's public key as the sequencer knows it; raises like `signing_key`."""
    return PublicKey.from_der(_checked(settings, "risk", _LOG, _public_path(settings)))


def secret_bytes(settings: Settings, name: str) -> bytes:
    """Load one 32-byte secret; raises like `signing_key`."""
    return _read(settings, name)


def exists(settings: Settings, name: str) -> bool:
    """Whether this machine holds the key, in whatever state."""
    return _path(settings, name).exists()


def demo(settings: Settings, holder: str = _LOG) -> bool:
    """Whether the keys were made for a demo (the Trust file says so to every verifier)."""
    try:
        return bool(json.loads((settings.keys / holder / _MANIFEST).read_bytes())["demo"])
    except FileNotFoundError as why:
        msg = "there are no keys yet: run `renshod keys init`"
        raise UnsafeKeys(msg) from why


def _path(settings: Settings, name: str) -> Path:
    return settings.keys / _holder(name) / f"{name}.key"


def _public_path(settings: Settings) -> Path:
    return settings.keys / _LOG / "risk.spki"


def _holder(name: str) -> str:
    # The keys of later epochs are the log's too: see `log_keys`.
    return HOLDERS.get(name, _LOG)


def _read(settings: Settings, name: str) -> bytes:
    return _checked(settings, name, _holder(name), _path(settings, name))


def _checked(settings: Settings, name: str, holder: str, path: Path) -> bytes:
    if settings.env == "production" and demo(settings, holder):
        msg = "production refuses demo keys"
        raise UnsafeKeys(msg)
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
    """Write a file whole or not at all; False where there is one already."""
    if path.exists():
        return False
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        # Unlike a rename, a link replaces nothing: of two that write, the first one's key counts.
        path.hardlink_to(beside)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True
