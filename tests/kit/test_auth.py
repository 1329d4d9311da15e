"""Which tokens speak for somebody, and which do not."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from services.kit import clock
from services.kit.auth import Issuer, Principal, may
from services.kit.db import new_id
from services.kit.problems import Unauthenticated, Unavailable

Mint = Callable[..., str]


@pytest.fixture
def key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})


@pytest.fixture
def issuer(key: ECKey) -> Issuer:
    made = Issuer(lambda: {"keys": [key.as_dict(private=False)]})
    made.refresh()
    return made


def claims(**changes: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    return {
        "aud": "risk",
        "sub": "urn:rensho:member:x",
        "org": str(new_id()),
        "scope": "scores.read snapshots.read",
        "iat": now,
        "exp": now + 300,
    } | changes


def signed(key: Any, given: dict[str, Any], alg: str = "ES256", kid: str | None = "one") -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    return jwt.encode(header, given, key, algorithms=[alg])


def test_a_good_token_speaks_for_its_subject(issuer: Issuer, key: ECKey) -> None:
    given = claims(name="山田 花子", mailbox="hanako@firm.example")
    who = issuer.principal(signed(key, given), "risk")
    assert str(who.org) == given["org"]
    assert (who.subject, who.name) == ("urn:rensho:member:x", "山田 花子")
    assert who.issued_at == datetime.fromtimestamp(given["iat"], UTC)
    assert may(who, "scores.read")
    assert not may(who, "snapshots.write")
    assert who.actor.org == who.org


def test_a_token_for_another_service_is_refused(issuer: Issuer, key: ECKey) -> None:
    with pytest.raises(Unauthenticated):
        issuer.principal(signed(key, claims(aud="identity")), "risk")


def test_an_expired_token_is_refused(issuer: Issuer, key: ECKey) -> None:
    past = int((clock.now() - timedelta(seconds=10)).timestamp())
    with pytest.raises(Unauthenticated):
        issuer.principal(signed(key, claims(exp=past)), "risk")


def test_a_token_from_the_future_is_refused(issuer: Issuer, key: ECKey) -> None:
    with pytest.raises(Unauthenticated):
        issuer.principal(signed(key, claims(iat=int(clock.now().timestamp()) + 60)), "risk")


@pytest.mark.parametrize("missing", ["aud", "sub", "org", "scope", "iat", "exp"])
def test_a_token_that_lacks_a_claim_is_refused(issuer: Issuer, key: ECKey, missing: str) -> None:
    given = claims()
    del given[missing]
    with pytest.raises(Unauthenticated):
        issuer.principal(signed(key, given), "risk")


@pytest.mark.parametrize(
    "bad", [{"org": "no uuid"}, {"org": None}, {"scope": ["a"]}, {"exp": "later"}, {"aud": ["x"]}]
)
def test_a_token_with_a_malformed_claim_is_refused(
    issuer: Issuer, key: ECKey, bad: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        issuer.principal(signed(key, claims(**bad)), "risk")


def test_a_token_without_a_signature_is_refused(issuer: Issuer) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    for header in ({"alg": "none"}, {"alg": "none", "kid": "one"}, {"alg": "ES256", "kid": "one"}):
        with pytest.raises(Unauthenticated):
            issuer.principal(f"{part(header)}.{part(claims())}.", "risk")


def test_a_token_of_another_key_is_refused(issuer: Issuer) -> None:
    other = ECKey.generate_key("P-256")
    for kid in ("one", "two", None):
        with pytest.raises(Unauthenticated):
            issuer.principal(signed(other, claims(), kid=kid), "risk")


def test_the_public_key_is_no_shared_secret(issuer: Issuer, key: ECKey) -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    mac = hmac.digest(key.as_pem(private=False), head + b"." + body, "sha256")
    forged = b".".join([head, body, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()
    with pytest.raises(Unauthenticated):
        issuer.principal(forged, "risk")


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "あ", "x" * 5000])
def test_what_is_no_token_is_refused(issuer: Issuer, token: str) -> None:
    with pytest.raises(Unauthenticated):
        issuer.principal(token, "risk")


def test_without_keys_nobody_is_let_in_and_the_caller_may_come_again() -> None:
    def away() -> dict[str, Any]:
        raise OSError

    issuer = Issuer(away)
    issuer.refresh()
    with pytest.raises(Unavailable) as caught:
        issuer.principal("a.b.c", "risk")
    assert caught.value.headers["Retry-After"]


def test_an_issuer_that_is_away_leaves_the_known_keys_in_use(key: ECKey) -> None:
    answers: list[Any] = [{"keys": [key.as_dict(private=False)]}]
    issuer = Issuer(answers.pop)
    issuer.refresh()
    issuer.refresh()
    assert isinstance(issuer.principal(signed(key, claims()), "risk"), Principal)


def test_a_token_is_read_once_and_its_end_is_always_kept(
    issuer: Issuer, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed(key, claims())
    first = issuer.principal(token, "risk")
    assert issuer.principal(token, "risk") is first
    with pytest.raises(Unauthenticated):
        issuer.principal(token, "identity")
    later = clock.now() + timedelta(seconds=306)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(Unauthenticated):
        issuer.principal(token, "risk")


def test_a_key_that_is_gone_vouches_for_no_token_it_signed_before(key: ECKey) -> None:
    other = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256", "use": "sig"})
    sets: list[Any] = [{"keys": [one.as_dict(private=False)]} for one in (other, key)]
    issuer = Issuer(sets.pop)
    issuer.refresh()
    token = signed(key, claims())
    assert issuer.principal(token, "risk").subject
    issuer.refresh()
    with pytest.raises(Unauthenticated):
        issuer.principal(token, "risk")


def test_only_so_many_tokens_are_remembered(
    issuer: Issuer, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kit.auth.MOST_KNOWN", 2)
    for number in range(5):
        issuer.principal(signed(key, claims(sub=f"urn:rensho:member:{number}")), "risk")
    assert len(issuer._known) == 2
