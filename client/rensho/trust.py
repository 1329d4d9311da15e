"""The Trust file: whom a verifier believes, and how strictly (attestation profile, section 7).

Origins, keys and predicate bases come from here and nowhere else, scoped per deployment: a key
believed for one deployment says nothing about another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from cryptography import x509

from rensho import jcs, shapes, strict_base64, strict_json, times
from rensho.checkpoint import NoteKey
from rensho.dsse import Envelope
from rensho.epoch import Epoch, Witness
from rensho.errors import VerificationError
from rensho.keys import PublicKey

__all__ = ["TRUST_PAYLOAD_TYPE", "Deployment", "Epoch", "Trust", "Witness", "trusted_root"]

TRUST_PAYLOAD_TYPE: Final = "application/vnd.rensho.trust.v1+json"
TRUSTED_ROOT_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
MAX_TRUST: Final = 1024 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One Rensho deployment as this verifier believes it.

    `tsa` and `ca` are DER root certificates; empty means the step is not asked for, as are a
    `witness_quorum` of 0 and a `status_max_age` of None.
    """

    origin: str
    predicate_base: str
    epochs: tuple[Epoch, ...]
    operator_org: str
    operator_keys: tuple[PublicKey, ...]
    risk_keys: tuple[PublicKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    witness_quorum: int = 0
    tsa: tuple[bytes, ...] = ()
    ca: tuple[bytes, ...] = ()
    status_max_age: timedelta | None = None

    def epoch_number(self, origin: str) -> int | None:
        """Which epoch (0 is the first) has this origin; None if Trust knows none."""
        for number, epoch in enumerate(self.epochs):
            if epoch.origin == origin:
                return number
        return None

    def note_keys(self, epoch: Epoch) -> tuple[NoteKey, ...]:
        """Every key believed on a note of one epoch: log, operator's clock, witnesses."""
        return (
            epoch.log_note_key,
            epoch.time_note_key,
            *(witness.note_key for witness in self.witnesses),
        )

    def fixed_key(self, key_id: str) -> tuple[PublicKey, str] | None:
        """Return (key, role) of an operator or risk key that Trust itself names."""
        for role, keys in (("operator", self.operator_keys), ("service", self.risk_keys)):
            for key in keys:
                if key.key_id == key_id:
                    return key, role
        return None


@dataclass(frozen=True, slots=True)
class Trust:
    """A whole Trust file; `version` grows with every update, `expires` is UTC."""

    version: int
    expires: datetime
    demo: bool
    update_keys: tuple[PublicKey, ...]
    deployments: tuple[Deployment, ...]

    @classmethod
    def load(cls, data: bytes, *, production: bool = False) -> Trust:
        """Read a Trust file.

        With `production`, refuses a demo file (`trust.demo`), a reserved predicate base
        (`trust.demo`) and a deployment without `status_max_age` (`trust.status_max_age`: without
        a status list, whoever builds an archive can leave a revocation out). Otherwise raises
        `VerificationError` `input.too_large`, `json.*`, `base64.not_canonical`,
        `key.algorithm_not_allowed` or `trust.malformed`.
        """
        if len(data) > MAX_TRUST:
            raise VerificationError("input.too_large", "a Trust file is at most 1 MiB")
        value = _object(strict_json.loads(data), "Trust file")
        trust = cls(
            version=_count(value, "version", least=1),
            expires=_time(value.get("expires")),
            demo=_flag(value, "demo"),
            update_keys=_each(value, "update_keys", _public_key),
            deployments=_each(value, "deployments", _deployment, least=1),
        )
        origins = [epoch.origin for each in trust.deployments for epoch in each.epochs]
        if len(set(origins)) != len(origins):
            raise _malformed("two epochs share an origin")
        if production:
            trust.refuse_demo()
        return trust

    def refuse_demo(self) -> None:
        """Raise unless this file may be used in production."""
        bases = [each.predicate_base for each in self.deployments]
        if self.demo or any(".example/" in f"{base}/" for base in bases):
            raise VerificationError("trust.demo", "demo keys prove nothing in production")
        if any(each.status_max_age is None for each in self.deployments):
            raise VerificationError("trust.status_max_age", "production needs a status list")

    def refuse_expired(self, now: datetime) -> None:
        """Raise `trust.expired` once `expires` has passed; the remedy is `trust update`."""
        if now >= self.expires:
            raise VerificationError(
                "trust.expired", f"the Trust file ended {times.write(self.expires)}"
            )

    def deployment_of_log(self, wanted: bytes) -> Deployment | None:
        """Which deployment has a log of this id."""
        for deployment in self.deployments:
            if any(epoch.log_id == wanted for epoch in deployment.epochs):
                return deployment
        return None

    def updated(self, envelope: bytes, *, production: bool = False) -> tuple[Trust, bytes]:
        """Return the next Trust file and its bytes, out of a DSSE envelope (JSON) over it.

        The envelope is signed by one of this file's `update_keys`; the version must grow, or an
        old file could be played back. Raises `trust.update_signature`, and what `load` raises.
        """
        if len(envelope) > 2 * MAX_TRUST:
            raise VerificationError("input.too_large", "a Trust update is at most 2 MiB")
        found = Envelope.from_json(strict_json.loads(envelope), TRUST_PAYLOAD_TYPE)
        payload = self._payload_of_update(found)
        successor = Trust.load(payload, production=production)
        if successor.version <= self.version:
            raise VerificationError("trust.update_signature", "the update is not newer")
        return successor, payload

    def _payload_of_update(self, envelope: Envelope) -> bytes:
        for key in self.update_keys:
            try:
                return envelope.open(key)
            except VerificationError:
                continue
        raise VerificationError("trust.update_signature", "no update key signed this file")

    def to_bytes(self) -> bytes:
        """Return the canonical file `load` reads back to an equal value."""
        return jcs.dumps(
            {
                "version": self.version,
                "expires": times.write(self.expires),
                "demo": self.demo,
                "update_keys": [strict_base64.encode(key.spki) for key in self.update_keys],
                "deployments": [_deployment_json(each) for each in self.deployments],
            }
        )


def _deployment_json(deployment: Deployment) -> dict[str, Any]:
    value: dict[str, Any] = {
        "origin": deployment.origin,
        "predicate_base": deployment.predicate_base,
        "epochs": [_epoch_json(epoch) for epoch in deployment.epochs],
        "operator": {
            "org": deployment.operator_org,
            "keys": [strict_base64.encode(key.spki) for key in deployment.operator_keys],
        },
        "risk": {"keys": [strict_base64.encode(key.spki) for key in deployment.risk_keys]},
        "witnesses": [
            {"name": witness.name, "key": strict_base64.encode(witness.key)}
            for witness in deployment.witnesses
        ],
        "witness_quorum": deployment.witness_quorum,
    }
    for name, roots in (("tsa", deployment.tsa), ("ca", deployment.ca)):
        if roots:
            value[name] = [strict_base64.encode(root) for root in roots]
    if deployment.status_max_age is not None:
        value["status_max_age"] = int(deployment.status_max_age.total_seconds())
    return value


def _epoch_json(epoch: Epoch) -> dict[str, Any]:
    value: dict[str, Any] = {
        "origin": epoch.origin,
        "key": strict_base64.encode(epoch.key),
        "time_key": strict_base64.encode(epoch.time_key),
    }
    if epoch.final_checkpoint is not None:
        value["final_checkpoint"] = epoch.final_checkpoint.decode()
    if epoch.succession is not None:
        value["succession"] = strict_json.loads(epoch.succession)
    return value


def trusted_root(trust: Trust, stampers: Iterable[Sequence[bytes]] = ()) -> bytes:
    """Return the Sigstore `trusted_root.json` v0.1 view of a Trust file, for foreign tools.

    Logs, certificate and time-stamp authorities only: supplier keys stay outside, as Sigstore
    has no place for them (they are given to a tool one by one). Sigstore knows a time-stamp
    authority by its own certificate and Trust pins the root: `stampers` are the chains from the
    one to the other (`timestamps.chain`) of the authorities in use. A root without any stands for
    itself, and then such tools refuse bundles with its tokens.
    """
    chains = list(stampers)
    return jcs.dumps(
        {
            "mediaType": TRUSTED_ROOT_MEDIA_TYPE,
            "tlogs": [
                {
                    "baseUrl": f"https://{deployment.origin}/log",
                    "hashAlgorithm": "SHA2_256",
                    "publicKey": {
                        "rawBytes": strict_base64.encode(
                            PublicKey.from_raw_ed25519(epoch.key).spki
                        ),
                        "keyDetails": "PKIX_ED25519",
                        "validFor": _EVER,
                    },
                    "logId": {"keyId": strict_base64.encode(epoch.log_id)},
                }
                for deployment in trust.deployments
                for epoch in deployment.epochs
            ],
            "ctlogs": [],
            "certificateAuthorities": [
                _authority(deployment, [root])
                for deployment in trust.deployments
                for root in deployment.ca
            ],
            "timestampAuthorities": [
                _authority(deployment, certificates)
                for deployment in trust.deployments
                for root in deployment.tsa
                for certificates in [one for one in chains if one[-1] == root] or [[root]]
            ],
        }
    )


_EVER: Final = {"start": "1970-01-01T00:00:00Z"}


def _authority(deployment: Deployment, certificates: Sequence[bytes]) -> dict[str, Any]:
    listed = [{"rawBytes": strict_base64.encode(one)} for one in certificates]
    return {
        "uri": f"https://{deployment.origin}",
        "certChain": {"certificates": listed},
        "validFor": _EVER,
    }


def _deployment(value: object) -> Deployment:
    found = _object(value, "deployment")
    operator = _object(found.get("operator"), "operator")
    risk = _object(found.get("risk", {"keys": []}), "risk")
    witnesses = _each(found, "witnesses", _witness)
    quorum = _count(found, "witness_quorum", least=0)
    if quorum > len({witness.key for witness in witnesses}):
        raise _malformed("witness_quorum is more than there are witnesses")
    age = _count(found, "status_max_age", least=1) if "status_max_age" in found else None
    if age is not None and age > timedelta.max.days:
        raise _malformed("status_max_age is no number of seconds anybody means")
    return Deployment(
        origin=_host(found),
        predicate_base=_string(found, "predicate_base").rstrip("/"),
        epochs=_each(found, "epochs", _epoch, least=1),
        operator_org=_string(operator, "org"),
        operator_keys=_each(operator, "keys", _public_key, least=1),
        risk_keys=_each(risk, "keys", _public_key),
        witnesses=witnesses,
        witness_quorum=quorum,
        tsa=_each(found, "tsa", _certificate) if "tsa" in found else (),
        ca=_each(found, "ca", _certificate) if "ca" in found else (),
        status_max_age=timedelta(seconds=age) if age is not None else None,
    )


def _epoch(value: object) -> Epoch:
    found = _object(value, "epoch")
    final = found.get("final_checkpoint")
    if final is not None and not isinstance(final, str):
        raise _malformed("final_checkpoint is not a note")
    succession = found.get("succession")
    return Epoch(
        origin=_host(found),
        key=_raw_key(found.get("key")),
        time_key=_raw_key(found.get("time_key")),
        final_checkpoint=final.encode() if final is not None else None,
        succession=(
            jcs.dumps(_object(succession, "succession")) if succession is not None else None
        ),
    )


def _witness(value: object) -> Witness:
    found = _object(value, "witness")
    return Witness(_string(found, "name"), _raw_key(found.get("key")))


def _raw_key(value: object) -> bytes:
    raw = strict_base64.decode(value, 32)
    PublicKey.from_raw_ed25519(raw)
    return raw


def _public_key(value: object) -> PublicKey:
    return PublicKey.from_der(strict_base64.decode(value))


def _certificate(value: object) -> bytes:
    der = strict_base64.decode(value)
    try:
        x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as why:
        raise _malformed("a root is not an X.509 certificate") from why
    return der


def _host(value: Mapping[str, Any]) -> str:
    host = _string(value, "origin")
    try:
        shapes.HOST(host, "origin")
    except VerificationError as why:
        raise _malformed("an origin is a lowercase host name") from why
    return host


def _each(
    value: Mapping[str, Any], name: str, read: Callable[[object], _T], *, least: int = 0
) -> tuple[_T, ...]:
    items = value.get(name)
    if not isinstance(items, list) or len(items) < least:
        raise _malformed(f"{name} is not a list of at least {least}")
    return tuple(read(item) for item in items)


def _string(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise _malformed(f"{name} is not a text")
    return found


def _count(value: Mapping[str, Any], name: str, *, least: int) -> int:
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < least:
        raise _malformed(f"{name} is not a whole number of at least {least}")
    return found


def _flag(value: Mapping[str, Any], name: str) -> bool:
    found = value.get(name)
    if not isinstance(found, bool):
        raise _malformed(f"{name} is neither true nor false")
    return found


def _time(value: object) -> datetime:
    try:
        return times.read(value)
    except VerificationError as why:
        raise _malformed("expires is not a time in UTC") from why


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _malformed(f"{name} is not an object")
    return value


def _malformed(why: str) -> VerificationError:
    return VerificationError("trust.malformed", why)
