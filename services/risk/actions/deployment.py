"""What judging and signing need to know of the deployment they run in; read once at start."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from rensho.keys import PrivateKey

from services.kit import keyfiles
from services.kit.log import log
from services.kit.settings import Settings
from services.risk.rules import engine
from services.risk.rules import policy as policies
from services.risk.rules.policy import Policy

POLICY = Path(__file__).resolve().parents[1] / "policies" / "rm-1.toml"


def engine_of(settings: Settings) -> str:
    """Say which engine settles great worlds here; its compiled code is kept in the data folder."""
    engine.keep_compiled_code(settings.data_dir / "compiled")
    log.info("risk engine", engine=engine.name())
    return engine.name()


@cache
def default_policy() -> Policy:
    """The policy of this deployment; raises PolicyRefused where the file breaks its ranges."""
    return policies.read(POLICY.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Deployment:
    """The policy, the names signed statements carry, the risk key and the pseudonym secret."""

    policy: Policy
    predicate_base: str
    origin: str
    """The deployment's permanent host name."""
    key: PrivateKey = field(repr=False)
    pseudonym_secret: bytes = field(repr=False)

    @property
    def operator(self) -> str:
        """The operator's organization: the name-based id of its host name (RFC 9562, v5)."""
        return f"urn:rensho:org:{uuid5(NAMESPACE_DNS, self.origin)}"

    @classmethod
    def of(cls, settings: Settings) -> Deployment:
        """Load what the settings point to.

        Raises:
            PolicyRefused: the policy file breaks its ranges.
            UnsafeKeys: the risk key or the pseudonym secret is missing or open to others.
        """
        engine_of(settings)
        return cls(
            policy=default_policy(),
            predicate_base=settings.predicate_base,
            origin=settings.log_origin,
            key=keyfiles.signing_key(settings, "risk"),
            pseudonym_secret=keyfiles.secret_bytes(settings, "pseudonym"),
        )
