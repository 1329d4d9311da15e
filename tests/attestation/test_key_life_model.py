"""The life of keys against a plain model, over HTTP and through a real sequencer.

The model knows nothing of events, queues or logs: a key has a state, a rotation has a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from rensho.keys import PrivateKey

from services.attestation.rules.key_life import KEY_VETO
from services.kit import clock
from tests.attestation.key_hand import DAY, Hand, beat, key_path, signed
from tests.attestation.site import Site, relation

_STATES_NOT_ENDED = ("enrolled", "suspended")


@dataclass
class Key:
    """What the model knows of one key."""

    private: PrivateKey
    state: str
    worth: str = "mailbox"
    heir: Key | None = None
    due: int = 0


@dataclass
class World:
    """The firm's keys as the model has them; `now` in seconds since the start."""

    keys: list[Key] = field(default_factory=list)
    now: int = 0

    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        for old in self.keys:
            if old.heir is not None and self.now >= old.due:
                old.heir.state, old.heir.worth = "enrolled", old.worth
                old.state, old.heir = "revoked", None

    def end(self, key: Key, state: str) -> None:
        """A key that is stopped, even for a while, has no heir any more."""
        key.state = state
        if key.heir is not None:
            key.heir.state, key.heir = "lapsed", None


class KeyLife(RuleBasedStateMachine):
    """Every step is asked over HTTP and expected as the model says, refusals too."""

    site: Site
    elapsed = 0

    def __init__(self) -> None:
        super().__init__()
        here = relation(self.site)
        self.here = here
        self.hand = Hand(self.site, here.respondent.org)
        self.second = Hand(self.site, here.respondent.org, "two")
        # One log for all examples: its clock only goes forward.
        self.world = World([Key(here.respondent.key, "enrolled")], now=self.elapsed)

    def _pick(self, data: Any) -> Key:
        found: Key = data.draw(st.sampled_from(self.world.keys))
        return found

    def _done(self, answer: Any, *, allowed: bool) -> bool:
        """Expect an answer and let the sequencer work; return what was expected."""
        assert (answer.status_code == 202) == allowed, (answer.status_code, answer.text)
        self.site.sequencer.round()
        return allowed

    @rule()
    @precondition(lambda self: len(self.world.keys) < 5)
    def enrol(self) -> None:
        new = PrivateKey.generate()
        self._done(self.hand.prove(new, self.hand.challenge(new).json()), allowed=True)
        self.world.keys.append(Key(new, "enrolled"))

    @rule(data=st.data())
    def prove_again(self, data: Any) -> None:
        key = self._pick(data)
        allowed = key.state in ("suspended", "lapsed", "vetoed")
        answer = self.hand.prove(key.private, self.hand.challenge(key.private).json())
        if self._done(answer, allowed=allowed):
            key.state = "enrolled"

    @rule(data=st.data())
    def confirm(self, data: Any) -> None:
        key = self._pick(data)
        answer = self.site.api.post(
            f"/keys/{key_path(key.private.public.key_id)}/confirmations",
            json={"link_id": str(self.here.asked.link)},
            headers=self.site.headers(self.here.requester.org),
        )
        if self._done(answer, allowed=key.state in _STATES_NOT_ENDED):
            key.worth = "confirmed"

    @rule(data=st.data())
    def suspend(self, data: Any) -> None:
        key = self._pick(data)
        if self._done(self.hand.suspend(key.private), allowed=key.state == "enrolled"):
            self.world.end(key, "suspended")

    @rule(data=st.data(), reason=st.sampled_from(["superseded", "ceased"]))
    def revoke(self, data: Any, reason: str) -> None:
        key = self._pick(data)
        answer = self.hand.revoke(key.private, reason)
        if self._done(answer, allowed=key.state in _STATES_NOT_ENDED):
            self.world.end(key, "revoked")

    @rule(data=st.data())
    def report_stolen(self, data: Any) -> None:
        key = self._pick(data)
        since = clock.rfc3339(clock.now())
        asked = self.hand.revoke(key.private, "key-compromise", invalid_since=since)
        allowed = key.state in (*_STATES_NOT_ENDED, "revoked")
        if not self._done(asked, allowed=allowed):
            return
        path = f"/key-changes/{asked.json()['id']}/approvals"
        assert self.hand.post(path).status_code == 409
        assert self.hand.key(key.private)["state"] == key.state
        self._done(self.second.post(path), allowed=True)
        self.world.end(key, "stolen")

    @rule(data=st.data())
    @precondition(lambda self: len(self.world.keys) < 5)
    def lose(self, data: Any) -> None:
        key, new = self._pick(data), PrivateKey.generate()
        answer = self.hand.recover(key.private, new)
        if self._done(answer, allowed=key.state in _STATES_NOT_ENDED):
            self.world.end(key, "revoked")
            self.world.keys.append(Key(new, "enrolled"))

    @rule(data=st.data())
    @precondition(lambda self: len(self.world.keys) < 5)
    def rotate(self, data: Any) -> None:
        key, new = self._pick(data), PrivateKey.generate()
        answer_ = self.hand.challenge(new, purpose="rotate", replaces=key.private.public.key_id)
        allowed = key.state == "enrolled" and key.heir is None
        assert (answer_.status_code == 201) is allowed, answer_.text
        if allowed:
            self._done(self.hand.prove(new, answer_.json(), key.private), allowed=True)
            key.heir, key.due = Key(new, "rotating"), self.world.now + DAY
            self.world.keys.append(key.heir)

    @rule(data=st.data())
    def veto(self, data: Any) -> None:
        key = self._pick(data)
        rotation = self.hand.key(key.private)["rotation"]
        assert (rotation is not None) is (key.heir is not None)
        if rotation is None or key.heir is None:
            return
        word = signed(key.private, rotation["veto_payload"], KEY_VETO)
        answer = self.hand.post(f"/rotations/{rotation['id']}/vetoes", word)
        self._done(answer, allowed=True)
        key.heir.state, key.heir = "vetoed", None

    @rule(seconds=st.sampled_from([3_600, DAY]))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)
        type(self).elapsed = self.world.now
        clock.configure(f"+{self.world.now}")
        beat(self.site)
        self.site.sequencer.round()

    @invariant()
    def the_service_says_what_the_model_says(self) -> None:
        shown = self.site.api.get("/keys", headers=self.hand.headers()).json()["items"]
        found = {one["key_id"]: one for one in shown}
        for key in self.world.keys:
            one = found[key.private.public.key_id]
            expected = "revoked" if key.state == "stolen" else key.state
            assert one["state"] == expected, (one, key)
            if key.state in _STATES_NOT_ENDED:
                assert [link["state"] for link in one["links"]] == [key.worth], (one, key)
        assert len(found) == len(self.world.keys)


@pytest.fixture
def machine(site: Site) -> Iterator[type[KeyLife]]:
    class Here(KeyLife):
        pass

    Here.site = site
    yield Here
    clock.configure(None)


def test_the_life_of_keys_is_as_the_model_says(machine: type[KeyLife], site: Site) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert site.damage() == []
