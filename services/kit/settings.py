"""Settings: frozen, read once, passed down; production refuses accidents at start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url

SERVICES = ("identity", "questionnaire", "attestation", "risk")
Role = Literal["owner", "app", "worker"]

DEMO_BASE = "https://rensho.example/attestation"


def _default_data_dir() -> Path:
    # As root the embedded PostgreSQL runs as another user and must be able to reach its folder,
    # so a home closed to others will not do.
    if os.geteuid() == 0:
        return Path("/var/lib/rensho")
    return Path.home() / ".local" / "share" / "rensho"


class Settings(BaseSettings):
    """Everything a process may be told, from `RENSHO_*` variables.

    `witnesses` names who cosigns the log: a JSON array of `{"name", "key": base64 of 32 raw Ed25519
    bytes, "url"?}`, or the path of a file of it; one without `url` has retired and is only named in
    Trust. `witness_quorum` of them must cosign a checkpoint before anything under it is shown.

    `tsa_urls` are the RFC 3161 authorities that stamp every statement, by commas; `tsa_roots` the
    file (PEM, or one DER certificate) of the roots Trust pins for them; a root stays in it as long
    as tokens under it shall be believed. A status list is made
    every `status_every` seconds at least, and is fresh for `status_max_age` seconds (Trust).

    `mail_viewer` shows the folder of mails at `/mails`, codes included, if no mail server is set.
    """

    model_config = SettingsConfigDict(env_prefix="RENSHO_", frozen=True, extra="ignore")

    env: Literal["demo", "production"] = "demo"
    data_dir: Path = Field(default_factory=_default_data_dir)
    keys_dir: Path | None = None
    guard_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8040
    database_url: SecretStr | None = None
    broker_url: SecretStr = SecretStr("memory://")
    identity_url: str | None = None
    questionnaire_url: str | None = None
    attestation_url: str | None = None
    risk_url: str | None = None
    public_url: str | None = None
    predicate_base: str = DEMO_BASE
    log_origin: str = "rensho.example"
    witnesses: str | None = None
    witness_quorum: int = Field(default=0, ge=0)
    tsa_urls: str = ""
    tsa_roots: Path | None = None
    status_every: int = Field(default=3_600, gt=0)
    status_max_age: int = Field(default=3 * 3_600, gt=0)
    smtp_url: SecretStr | None = None
    mail_from: str = "no-reply@rensho.example"
    mail_viewer: bool = False
    clock: str | None = None
    evidence_url: str | None = None
    evidence_max_bytes: int = Field(default=20 * 1024 * 1024, gt=0)

    @model_validator(mode="after")
    def _refuse_accidents(self) -> Self:
        if self.env != "production":
            return self
        if ".example" in self.predicate_base or self.log_origin.endswith(".example"):
            msg = "production needs a predicate base and a log origin on a domain you own"
            raise ValueError(msg)
        if self.database_url is None:
            msg = "production needs RENSHO_DATABASE_URL, not the embedded database"
            raise ValueError(msg)
        if self.broker_url.get_secret_value().startswith("memory:"):
            msg = "production needs RENSHO_BROKER_URL: the in-memory broker forgets"
            raise ValueError(msg)
        if self.clock is not None:
            msg = "RENSHO_CLOCK is for demos and tests only"
            raise ValueError(msg)
        if self.mail_viewer:
            msg = "RENSHO_MAIL_VIEWER shows everybody's mails: for demos only"
            raise ValueError(msg)
        return self

    @property
    def keys(self) -> Path:
        """The folder of private keys: beside the data folder, never inside it."""
        return self.keys_dir or self.data_dir.with_name(self.data_dir.name + "-keys")

    @property
    def roots_of_time(self) -> Path | None:
        """The file of pinned roots; what an earlier demo on this folder pinned stays believed."""
        kept = self.demo_roots
        return self.tsa_roots or (kept if self.env == "demo" and kept.exists() else None)

    @property
    def demo_roots(self) -> Path:
        """Where a demo pins the roots of the authorities it started itself."""
        return self.data_dir / "demo-tsa-roots.pem"

    @property
    def guard(self) -> Path:
        """The file that remembers the last signed tree, outside database and backup."""
        return self.guard_file or self.keys / "guard"

    @property
    def evidence_dir(self) -> Path | None:
        """Where uploaded files are kept; None where `evidence_url` names an object store
        (`s3://bucket/prefix`, extra `s3`). `evidence_max_bytes` caps one file.
        """
        return None if self.evidence_url else self.data_dir / "evidence"

    @property
    def incoming_dir(self) -> Path:
        """Where an upload is held, without a name, until it is whole."""
        return self.data_dir / "incoming"

    @property
    def tsa(self) -> tuple[str, ...]:
        """The addresses of `tsa_urls`."""
        return tuple(url.strip() for url in self.tsa_urls.split(",") if url.strip())

    @property
    def mail_dir(self) -> Path:
        """Where mails are written when no mail server is set."""
        return self.data_dir / "mail"

    @property
    def base_url(self) -> str:
        """The address people use, without a trailing slash."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    def service_url(self, service: str, role: Role) -> URL:
        """Return the SQLAlchemy URL (driver psycopg) by which `role` of `service` logs in.

        Raises:
            LookupError: neither the service's URL nor the admin URL is set.
        """
        own = secret(f"{service.upper()}_DATABASE_URL")
        admin = self.database_url.get_secret_value() if self.database_url else None
        if not (own or admin):
            msg = f"set RENSHO_{service.upper()}_DATABASE_URL or RENSHO_DATABASE_URL"
            raise LookupError(msg)
        url = make_url(own or admin or "").set(
            drivername="postgresql+psycopg", username=f"{service}_{role}"
        )
        password = secret(f"{service.upper()}_DB_PASSWORD")
        if password is None and own is None:
            # The admin's password opens no service's role and is not for its processes to hold.
            return url._replace(password=None)
        return url.set(password=password)


def secret(name: str) -> str | None:
    """Read `RENSHO_<name>`, or the file that `RENSHO_<name>_FILE` points to."""
    if path := os.environ.get(f"RENSHO_{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(f"RENSHO_{name}")


def load() -> Settings:
    """Read the settings of this process; a secret may also come from a `*_FILE` variable.

    Raises:
        pydantic.ValidationError: a value is malformed or production would start by accident.
    """
    names = ("DATABASE_URL", "BROKER_URL", "SMTP_URL")
    given = {name.lower(): value for name in names if (value := secret(name))}
    return Settings(**given)  # type: ignore[arg-type]
