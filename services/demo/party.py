"""One firm at work: it enrols, makes a key, asks its suppliers, answers, signs."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rensho import bundle, checkpoint, dsse
from rensho.keys import PrivateKey
from rensho.trust import Trust

from services.demo.cast import Firm
from services.demo.http import Answered, Api, Json, StoryBroken, until
from services.demo.world import corporate_number

CHALLENGE = "application/vnd.rensho.enrol-challenge.v1+json"


def b64(data: bytes) -> str:
    """Return standard base64, padded."""
    return base64.b64encode(data).decode()


@dataclass
class Party:
    """A firm with its own session and its own key; the private key never leaves it.

    `first_of` is the customer on whose invitation it enrolled.
    """

    firm: Firm
    api: Api
    key: PrivateKey = field(init=False, repr=False)
    org_id: str = ""
    supplier_ids: dict[str, str] = field(default_factory=dict)
    link_ids: dict[str, str] = field(default_factory=dict)
    first_of: str = ""
    enrolling: threading.Lock = field(default_factory=threading.Lock, repr=False)

    _trust: Trust | None = field(default=None, repr=False)
    _before: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Make the firm's key."""
        self.key = PrivateKey.generate(self.firm.algorithm)

    @property
    def enrolled(self) -> bool:
        """Whether the firm has an organization already."""
        return bool(self.org_id)

    def open_invitation(self, link: str) -> Json:
        """Open the invitation link: who asks, until when. Changes nothing."""
        path = f"/identity/v1/invitations/{_handle(link)}"
        return until(lambda: _there(self.api, path), f"the invitation of {self.firm.name}")

    def accept(self, link: str, code: str) -> None:
        """Enrol with the one-use code, or accept one more invitation with the session there is."""
        path = f"/identity/v1/invitations/{_handle(link)}/accept"
        headers = {"X-Rensho-Client": "api"}
        body: Json = {"code": code}
        if self.enrolled:
            headers["Authorization"] = f"Session {self.api.session_token}"
        else:
            number = corporate_number(self.firm)
            body["organization"] = {
                "name": self.firm.name,
                "country": self.firm.country,
                "identifiers": [{"scheme": "corporate-number", "value": number}] if number else [],
            }
            body["member"] = {"name": self.firm.contact, "mailbox": self.firm.mailbox}
        answer = self.api.raw("POST", path, json=body, headers=headers)
        if not answer.is_success:
            raise Answered(answer.status_code, dict(answer.json()))
        enrolled = answer.json()
        self.org_id = enrolled["organization"]["id"]
        self.api.session_token = enrolled.get("session_token") or self.api.session_token

    def enrol_key(self) -> None:
        """Prove possession of the key and wait until the log holds its enrolment."""
        self.prove_key()
        self.wait_enrolled()

    def prove_key(self) -> None:
        """Prove possession of the key; `wait_enrolled` waits for what comes of it.

        The same key may be enrolled again: the new event vouches for every link known by then.
        """
        challenge = self.api.post(
            "/attestation/v1/keys/challenges",
            {
                "spki": b64(self.key.public.spki),
                "roles": ["responsible-officer", "requester"],
                "custody": "file",
            },
        )
        proof = dsse.sign(self.key, base64.b64decode(challenge["payload"]), CHALLENGE)
        self._before = self._key_event()
        self.api.post(
            "/attestation/v1/keys",
            {"challenge_id": challenge["challenge_id"], "envelope": proof.to_json()},
        )

    def wait_enrolled(self) -> None:
        """Wait until the log holds the enrolment of the key that was proved last."""
        until(
            lambda: True if self._key_event() not in (None, self._before) else None,
            f"the key of {self.firm.name} in the log",
        )

    def _key_event(self) -> str | None:
        mine = self.api.every("/attestation/v1/keys")
        events = [k for k in mine if k["key_id"] == self.key.public.key_id]
        return events[0]["statement_id"] if events and events[0]["state"] == "enrolled" else None

    def signing(self, role: str = "responsible-officer") -> Json:
        """What a preparation needs to know of the signer: key, role, time and log anchor."""
        note = self._checkpoint()
        return {
            "key_id": self.key.public.key_id,
            "role": role,
            "attested_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "anchor": {
                "origin": note.origin,
                "size": note.size,
                "root_hash": note.root_hash.hex(),
            },
        }

    def _checkpoint(self) -> checkpoint.Checkpoint:
        """The log's newest checkpoint, believed under the keys of the deployment's Trust file."""
        if self._trust is None:
            self._trust = Trust.load(self.api.raw("GET", "/attestation/v1/trust.json").content)
        deployment = self._trust.deployments[0]
        keys = deployment.note_keys(deployment.epochs[-1])
        return checkpoint.open(self.api.raw("GET", "/log/checkpoint").content, keys)

    def sign(self, payload: str) -> Json:
        """Sign one prepared statement; returns its bundle, not yet logged."""
        envelope = dsse.sign(self.key, base64.b64decode(payload))
        return dict(json.loads(bundle.make(envelope, self.key.public)))

    def submit(self, kind: str, bundles: list[Json], prepared: Json) -> str:
        """Hand in a whole submission; returns its address."""
        answer = self.api.call(
            "POST",
            "/attestation/v1/submissions",
            json={
                "kind": kind,
                "bundles": bundles,
                "documents": prepared.get("documents", {}),
                "disclosures": prepared.get("disclosures", {}),
            },
        )
        return answer.headers["location"]

    def wait_logged(self, location: str) -> Json:
        """Wait until every statement of a submission has its place in the log."""

        def look() -> Json | None:
            seen = self.api.get(location)
            if seen["state"] == "refused":
                msg = f"{self.firm.name}: refused {seen.get('codes')}"
                raise StoryBroken(msg)
            return seen if seen["state"] == "logged" else None

        return until(look, f"the submission of {self.firm.name} in the log")


def _handle(link: str) -> str:
    return link.rstrip("/").rsplit("/", 1)[-1]


def _there(api: Api, path: str) -> Json | None:
    answer = api.raw("GET", path)
    return dict(answer.json()) if answer.is_success else None
