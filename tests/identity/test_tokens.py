"""Access tokens: short, for one service, never more than one may."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from sqlalchemy.orm import Session

from services.identity.store import MachineClient
from services.kit import clock
from services.kit.auth import Issuer, Principal
from services.kit.outbox import CONTRACTS
from services.kit.problems import Unauthenticated
from services.kit.settings import Settings
from tests.factories.identity import a_client
from tests.identity.conftest import Firm

Enrol = Callable[..., Firm]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET = "sample-secret-of-a-test-0123456789"


def ask(client: TestClient, authorization: str = "", **form: str) -> Any:
    headers = {"Authorization": authorization} if authorization else {}
    return client.post("/token", data=form, headers=headers)


def as_client(client: TestClient, **form: str) -> Any:
    return ask(client, **({"grant_type": "client_credentials", "audience": "risk"} | form))


@pytest.fixture
def own_issuer(client: TestClient) -> Issuer:
    made = Issuer(lambda: dict(client.get("/jwks.json").json()))
    made.refresh()
    return made


def opened(issuer: Issuer, answer: Any, audience: str) -> Principal:
    assert answer.status_code == 200, answer.text
    return issuer.principal(answer.json()["access_token"], audience)


def test_a_session_becomes_a_token_for_one_service(
    client: TestClient, enrol: Enrol, own_issuer: Issuer
) -> None:
    firm = enrol()
    answer = ask(client, grant_type=EXCHANGE, audience="risk", subject_token=firm.session)
    who = opened(own_issuer, answer, "risk")
    assert (who.subject, who.org) == (f"urn:rensho:member:{firm.member}", firm.org)
    assert (who.name, who.mailbox) == ("山田 花子", firm.mailbox)
    held = json.loads((CONTRACTS / "permissions.json").read_bytes())
    assert who.scopes == set(held["admin"]["risk"]) >= {"scores.read", "audit.read"}
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert 0 < body["expires_in"] <= 300
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert answer.headers["cache-control"] == "no-store"
    with pytest.raises(Unauthenticated):
        own_issuer.principal(body["access_token"], "identity")


def test_a_members_token_says_when_the_code_was_given_however_late_it_is_asked_for(
    client: TestClient, enrol: Enrol, own_issuer: Issuer
) -> None:
    before = clock.now().replace(microsecond=0)
    firm = enrol()
    clock.configure("+1200")
    try:
        asked = {"grant_type": EXCHANGE, "audience": "attestation"}
        answer = ask(client, **asked, subject_token=firm.session)
        who = opened(own_issuer, answer, "attestation")
    finally:
        clock.configure(None)
    assert who.logged_in_at is not None
    assert before <= who.logged_in_at <= clock.now()


def test_a_token_lives_at_most_five_minutes_and_no_two_are_equal(
    client: TestClient, enrol: Enrol
) -> None:
    firm = enrol()
    key = ECKey.import_key(client.get("/jwks.json").json()["keys"][0])
    seen = []
    for _ in range(2):
        answer = ask(client, grant_type=EXCHANGE, audience="risk", subject_token=firm.session)
        token = jwt.decode(answer.json()["access_token"], key, algorithms=["ES256"])
        assert token.claims["exp"] - token.claims["iat"] <= 300
        assert token.header["kid"] == key.kid
        seen.append(token.claims["jti"])
    assert seen[0] != seen[1]


def test_the_published_keys_are_public_and_named_by_their_thumbprint(client: TestClient) -> None:
    answer = client.get("/jwks.json")
    [key] = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    bare = ECKey.import_key({n: key[n] for n in ("kty", "crv", "x", "y")})
    assert key["kid"] == bare.thumbprint()
    assert "max-age" in answer.headers["cache-control"]


def test_the_session_cookie_serves_the_browser(client: TestClient, enrol: Enrol) -> None:
    client.cookies.set("__Host-rensho-session", enrol().session)
    assert ask(client, grant_type=EXCHANGE, audience="risk").status_code == 200


def test_one_may_ask_for_less_than_one_has_and_not_for_more(
    client: TestClient, enrol: Enrol, own_issuer: Issuer
) -> None:
    form = {"grant_type": EXCHANGE, "audience": "risk", "subject_token": enrol().session}
    less = ask(client, **form, scope="scores.read")
    assert opened(own_issuer, less, "risk").scopes == {"scores.read"}
    for scope in ("scores.read members.write", "everything"):
        more = ask(client, **form, scope=scope)
        assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"audience": "risk"}, "unsupported_grant_type"),
        ({"audience": "risk", "grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": EXCHANGE}, "invalid_request"),
        ({"grant_type": EXCHANGE, "audience": "risk"}, "invalid_request"),
        (
            {"grant_type": EXCHANGE, "audience": "portal", "subject_token": "x"},
            "invalid_target",
        ),
        ({"grant_type": EXCHANGE, "audience": "risk", "subject_token": "x"}, "invalid_grant"),
        (
            {
                "grant_type": EXCHANGE,
                "audience": "risk",
                "subject_token": "x",
                "subject_token_type": "urn:ietf:params:oauth:token-type:saml2",
            },
            "invalid_request",
        ),
        (
            {
                "grant_type": "client_credentials",
                "audience": "risk",
                "client_assertion": "a.b.c",
            },
            "invalid_request",
        ),
    ],
)
def test_each_refusal_has_the_code_of_the_rfc_inside_a_problem_document(
    client: TestClient, form: dict[str, str], error: str
) -> None:
    answer = ask(client, **form)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"] == error
    assert answer.json()["type"].startswith("urn:rensho:problem:tokens/")


def test_a_machine_client_proves_itself_by_its_secret(
    client: TestClient, rows: Session, own_issuer: Issuer
) -> None:
    program = a_client(secret=SECRET, scopes=["risk:scores.read", "questionnaire:suppliers.read"])
    who = opened(
        own_issuer, as_client(client, client_id=str(program.id), client_secret=SECRET), "risk"
    )
    assert who.subject == f"urn:rensho:client:{program.id}"
    assert who.org == program.org_id
    assert who.scopes == {"scores.read"}
    # No code was ever given to a machine: what needs a fresh one is not for it.
    assert who.logged_in_at is None
    basic = b64encode(f"{program.id}:{SECRET}".encode()).decode()
    answer = ask(
        client,
        f"Basic {basic}",
        grant_type="client_credentials",
        audience="questionnaire",
    )
    assert opened(own_issuer, answer, "questionnaire").scopes == {"suppliers.read"}
    assert "issued_token_type" not in answer.json()


def test_a_machine_client_without_scopes_in_a_service_gets_no_token_for_it(
    client: TestClient, rows: Session
) -> None:
    program = a_client(secret=SECRET)
    answer = as_client(
        client, client_id=str(program.id), client_secret=SECRET, audience="attestation"
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_who_does_not_prove_to_be_a_client_looks_like_an_unknown_one(
    client: TestClient, rows: Session
) -> None:
    known = str(a_client(secret=SECRET).id)
    ended = str(a_client(secret=SECRET, ended_at=clock.now()).id)
    keyed = str(a_client(secret=SECRET, secret_sha256=None, jwk={"kty": "EC"}).id)
    unknown = "01a2082f-673a-73c6-ba49-25c1633d67f2"
    forms = [
        {"client_id": known, "client_secret": "wrong"},
        {"client_id": known},
        {"client_id": ended, "client_secret": SECRET},
        {"client_id": keyed, "client_secret": SECRET},
        {"client_id": unknown, "client_secret": SECRET},
        {"client_id": "no uuid", "client_secret": SECRET},
        {},
    ]
    answers = [as_client(client, **form) for form in forms]
    assert {a.status_code for a in answers} == {401}
    assert {a.headers["www-authenticate"] for a in answers} == {'Basic realm="token"'}
    bodies = [a.json() | {"request_id": ""} for a in answers]
    assert bodies[0]["error"] == "invalid_client"
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.parametrize("basic", ["Basic", "Basic !!!", "Basic /w==", "Basic Og=="])
def test_a_malformed_basic_header_proves_nothing(client: TestClient, basic: str) -> None:
    form = {"grant_type": "client_credentials", "audience": "risk"}
    answer = ask(client, basic, **form)
    assert answer.json()["error"] == "invalid_client"


Key = ECKey | OKPKey


def program_of(key: Key) -> MachineClient:
    return a_client(secret_sha256=None, jwk=dict(key.as_dict(private=False)))


def assertion(
    settings: Settings, key: Key, program: MachineClient, alg: str = "ES256", **changes: Any
) -> dict[str, str]:
    claims = {
        "iss": str(program.id),
        "sub": str(program.id),
        "aud": f"{settings.base_url}/identity/v1/token",
        "exp": int(clock.now().timestamp()) + 60,
        "jti": secrets.token_urlsafe(8),
    } | changes
    signed = jwt.encode({"alg": alg}, claims, key, algorithms=[alg])
    return {"client_assertion": signed, "client_assertion_type": ASSERTED}


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_machine_client_proves_itself_by_a_signed_assertion(
    client: TestClient, rows: Session, settings: Settings, own_issuer: Issuer, key: Key, alg: str
) -> None:
    program = program_of(key)
    answer = as_client(client, **assertion(settings, key, program, alg))
    assert opened(own_issuer, answer, "risk").org == program.org_id


def test_an_assertion_for_our_origin_is_good_too(
    client: TestClient, rows: Session, settings: Settings
) -> None:
    key = ECKey.generate_key("P-256")
    form = assertion(settings, key, program_of(key), aud=settings.base_url)
    assert as_client(client, **form).status_code == 200


def test_an_assertion_is_good_once_also_among_twenty_at_a_time(
    client: TestClient, rows: Session, settings: Settings
) -> None:
    key = ECKey.generate_key("P-256")
    form = assertion(settings, key, program_of(key))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: as_client(client, **form), range(20)))
    codes = [a.status_code for a in answers]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 401, 503}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.test"},
        {"iss": "somebody"},
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"jti": ""},
    ],
)
def test_an_assertion_that_says_something_else_is_refused(
    client: TestClient, rows: Session, settings: Settings, changes: dict[str, Any]
) -> None:
    key = ECKey.generate_key("P-256")
    answer = as_client(client, **assertion(settings, key, program_of(key), **changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_signed_by_another_key_is_refused(
    client: TestClient, rows: Session, settings: Settings
) -> None:
    program = program_of(ECKey.generate_key("P-256"))
    form = assertion(settings, ECKey.generate_key("P-256"), program)
    assert as_client(client, **form).status_code == 401


@pytest.mark.parametrize(
    "garbage", ["", "a", "a.b.c", "..", "a.e30.c", "a.W10.c", "あ.い.う", "a." + "x" * 7000 + ".c"]
)
def test_garbage_for_an_assertion_is_refused(client: TestClient, garbage: str) -> None:
    form = {"client_assertion": garbage, "client_assertion_type": ASSERTED}
    assert as_client(client, **form).status_code in {400, 401}


def test_an_assertion_of_one_client_does_not_speak_for_another(
    client: TestClient, rows: Session, settings: Settings
) -> None:
    key = ECKey.generate_key("P-256")
    form = assertion(settings, key, program_of(key))
    other = program_of(ECKey.generate_key("P-256"))
    assert as_client(client, client_id=str(other.id), **form).status_code == 401


def test_a_client_with_a_secret_cannot_prove_itself_by_an_assertion(
    client: TestClient, rows: Session, settings: Settings
) -> None:
    form = assertion(settings, ECKey.generate_key("P-256"), a_client(secret=SECRET))
    assert as_client(client, **form).json()["error"] == "invalid_client"


def test_an_over_long_field_is_refused(client: TestClient) -> None:
    assert ask(client, grant_type="x" * 9000).status_code == 422
