"""Rules without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.actions.deployment import load_rights
from services.identity.rules import codes, letters, mailboxes, rights, sessions, tokens
from services.identity.rules.identifiers import MalformedIdentifier, Scheme, claimed
from services.kit.db import new_id

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECRET = b"s" * 32
ID = UUID("01a2082f-673a-73c6-ba49-25c1633d67f2")


def wide(text: str) -> str:
    """The same text in full-width characters."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize(
    ("scheme", "value", "kept"),
    [
        ("corporate-number", "5835678256246", "5835678256246"),
        ("corporate-number", wide("5835678256246"), "5835678256246"),
        ("corporate-number", wide("5-8356-7825-6246"), "5835678256246"),
        ("corporate-number", " 5\u20108356\u22127825\u20156246\u3000", "5835678256246"),
        ("corporate-number", wide("5ー8356") + "78256246", "5835678256246"),
        ("corporate-number", "T5835678256246", "T5835678256246"),
        ("corporate-number", wide("T5835678256246"), "T5835678256246"),
        ("lei", "213800kud8lawk59my06", "213800KUD8LAWK59MY06"),
        ("gln", "4912345678904", "4912345678904"),
        ("gln", wide("4912345678904"), "4912345678904"),
        ("duns", "69-015-1234", "690151234"),
        ("bpnl", "bpnl00000000abcd", "BPNL00000000ABCD"),
    ],
)
def test_a_well_formed_number_is_kept_compact(scheme: Scheme, value: str, kept: str) -> None:
    if scheme == "lei":
        value = kept = _an_lei()
    assert claimed(scheme, value).value == kept


def _an_lei() -> str:
    body = "2138KAKUKOGYO00001"
    digits = "".join(str(int(c, 36)) for c in body + "00")
    return body + str(98 - int(digits) % 97).zfill(2)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("corporate-number", "1835678256246"),
        ("corporate-number", "583567825624"),
        ("corporate-number", "583567825624X"),
        ("corporate-number", "T583567825624"),
        ("corporate-number", "TT5835678256246"),
        ("corporate-number", ""),
        ("lei", "213800KUD8LAWK59MY00"),
        ("lei", "21380"),
        ("gln", "4912345678905"),
        ("gln", "49123456"),
        ("duns", "69015123"),
        ("duns", "69015123A"),
        ("bpnl", "BPNL123"),
        ("bpnl", "XPNL00000000ABCD"),
    ],
)
def test_a_malformed_number_is_refused_with_its_scheme(scheme: Scheme, value: str) -> None:
    with pytest.raises(MalformedIdentifier) as caught:
        claimed(scheme, value)
    assert caught.value.extensions == {"scheme": scheme, "value": value}


def state(**changes: Any) -> codes.CodeState:
    usual: dict[str, Any] = {
        "id": ID,
        "expires_at": NOW + timedelta(minutes=10),
        "attempts": 0,
        "used_at": None,
    }
    return codes.CodeState(**(usual | changes))


def test_a_code_is_eight_digits_that_depend_on_id_and_secret() -> None:
    code = codes.derive(SECRET, ID)
    assert len(code) == 8
    assert code.isdigit()
    assert code == codes.derive(SECRET, ID)
    assert code != codes.derive(b"t" * 32, ID)
    assert code != codes.derive(SECRET, new_id())


def test_codes_spread_over_all_digits() -> None:
    first = [codes.derive(SECRET, new_id())[0] for _ in range(2000)]
    assert all(100 < first.count(d) < 320 for d in "0123456789")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "right"),
        ({"used_at": NOW}, "used"),
        ({"expires_at": NOW}, "expired"),
        ({"attempts": 4}, "right"),
        ({"attempts": 5}, "dead"),
    ],
)
def test_the_right_digits_open_only_a_living_code(changes: dict[str, Any], verdict: str) -> None:
    code = state(**changes)
    assert codes.judge(code, codes.derive(SECRET, ID), SECRET, NOW) == verdict
    assert codes.alive(code, NOW) is (verdict == "right")


@given(st.text(max_size=30))
def test_whatever_else_is_typed_is_wrong(text: str) -> None:
    if codes.typed(text) != codes.derive(SECRET, ID):
        assert codes.judge(state(), text, SECRET, NOW) == "wrong"


@given(st.text(max_size=60))
def test_typed_digits_are_plain_digits(text: str) -> None:
    assert set(codes.typed(text)) <= set("0123456789")


def test_a_code_about_to_expire_is_not_worth_telling() -> None:
    code = state(expires_at=NOW + timedelta(minutes=5))
    assert not codes.alive(code, NOW, left=codes.WORTH_TELLING)


def test_a_session_ends_by_idleness_age_or_log_out() -> None:
    def alive(*, idle: timedelta, age: timedelta, ended: bool = False) -> bool:
        return sessions.alive(
            NOW,
            started_at=NOW - age,
            last_seen_at=NOW - idle,
            ended_at=NOW if ended else None,
        )

    minute = timedelta(minutes=1)
    assert alive(idle=29 * minute, age=719 * minute)
    assert not alive(idle=30 * minute, age=60 * minute)
    assert not alive(idle=minute, age=720 * minute)
    assert not alive(idle=minute, age=minute, ended=True)


@pytest.mark.parametrize(
    "mailbox", ["a@b.example", " Taro.Yamada@Firm.EXAMPLE ", "品質@例え.example"]
)
def test_spellings_of_one_mailbox_match(mailbox: str) -> None:
    assert mailboxes.match_key(mailbox) == mailboxes.match_key(mailbox.upper())


@pytest.mark.parametrize(
    "bad",
    ["", "a", "a@b", "@b.example", "a@", "a b@c.example", "a@b@c.example", "a@b.example\nBcc: x",
     "<a@b.example>", "a@b.example,c@d.example", "a@.", "x" * 65 + "@b.example", "a\x00@b.example"],
)  # fmt: skip
def test_what_cannot_be_a_mailbox_is_refused(bad: str) -> None:
    with pytest.raises(mailboxes.MalformedMailbox):
        mailboxes.match_key(bad)


def test_a_hint_shows_one_letter_and_the_domain() -> None:
    assert mailboxes.hint("taro@firm.example") == "t***@firm.example"


def test_roles_have_the_rights_of_the_contract() -> None:
    table = load_rights()
    assert {"scores.read", "snapshots.read", "audit.read"} <= table.of(["auditor"], "risk")
    assert "keys.write" not in table.of(["procurement"], "attestation")
    assert "members.write" not in table.of(["procurement"], "identity")
    assert {"keys.write", "submissions.write"} <= table.of(["signer"], "attestation")
    assert "submissions.write" not in table.of(["respondent"], "attestation")
    assert table.of(["respondent"], "risk") == {"disputes.read", "disputes.write"}
    assert table.of([], "risk") == frozenset()


def test_an_admin_has_every_right_of_every_other_role() -> None:
    table = load_rights()
    for role in table.table:
        for service in ("identity", "questionnaire", "attestation", "risk"):
            assert table.of([role], service) <= table.of(["admin"], service)


def test_an_auditor_only_reads() -> None:
    table = load_rights()
    for service in ("identity", "questionnaire", "attestation", "risk"):
        assert all(p.endswith(".read") for p in table.of(["auditor"], service))


def test_a_machine_reads_and_writes_only_what_an_erp_feeds_in() -> None:
    allowed = load_rights().for_machines()
    writes = {scope for scope in allowed if not scope.endswith(".read")}
    assert writes == {"risk:snapshots.write", "questionnaire:suppliers.write"}


@pytest.mark.parametrize(
    "asked",
    [
        [],
        ["attestation:submissions.write"],
        ["attestation:keys.write"],
        ["identity:members.write"],
        ["identity:codes.write"],
        ["risk:scores.read", "risk:everything.read"],
        ["scores.read"],
        ["portal:scores.read"],
    ],
)
def test_a_machine_gets_no_other_scope(asked: list[str]) -> None:
    with pytest.raises(rights.UnknownScope):
        rights.machine_scopes(load_rights(), asked)


def test_qualified_scopes_are_those_of_one_service_each() -> None:
    held = ["risk:scores.read", "risk:snapshots.read", "questionnaire:suppliers.read"]
    assert rights.in_service(held, "risk") == {"scores.read", "snapshots.read"}
    assert rights.in_service(held, "identity") == frozenset()


def test_a_token_asked_for_in_the_second_of_a_revocation_is_dated_after_it() -> None:
    bearer = tokens.Bearer("urn:rensho:member:x", ID, "", "", revoked_until=NOW)
    made = tokens.claims(
        bearer, issuer="i", audience="risk", scopes=["b.read", "a.read"], now=NOW, jti="j"
    )
    assert made["iat"] == int(NOW.timestamp()) + 1
    assert made["exp"] == int(NOW.timestamp()) + 300
    assert made["scope"] == "a.read b.read"


CLIENT = new_id()
AUDIENCES = {"https://rensho.test/identity/v1/token", "https://rensho.test"}


def asserted(**changes: Any) -> dict[str, Any]:
    usual = {
        "iss": str(CLIENT),
        "sub": str(CLIENT),
        "aud": "https://rensho.test",
        "exp": int(NOW.timestamp()) + 60,
        "jti": "once",
    }
    return {k: v for k, v in (usual | changes).items() if v is not None}


def checked(claims: dict[str, Any]) -> tokens.Assertion:
    return tokens.assertion(claims, client_id=CLIENT, audiences=AUDIENCES, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [{}, {"aud": ["x", "https://rensho.test/identity/v1/token"]}, {"iat": int(NOW.timestamp())}],
)
def test_a_good_assertion_is_known_by_its_jti(changes: dict[str, Any]) -> None:
    assert checked(asserted(**changes)).jti == "once"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"sub": str(new_id())},
        {"aud": "https://elsewhere.test"},
        {"aud": None},
        {"aud": 1},
        {"aud": [1]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e400},
        {"exp": int(NOW.timestamp()) - 31},
        {"exp": int(NOW.timestamp()) + 331},
        {"iat": int(NOW.timestamp()) + 31},
        {"nbf": int(NOW.timestamp()) + 31},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 256},
        {"jti": 7},
    ],
)
def test_a_bad_assertion_proves_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(tokens.BadAssertion):
        checked(asserted(**changes))


@pytest.mark.parametrize("preferred", ["ja", "ja-JP", "en", "de", ""])
@pytest.mark.parametrize("requester", [None, "架空工業株式会社"])
def test_the_letter_shows_the_code_to_its_reader(preferred: str, requester: str | None) -> None:
    letter = letters.code_letter("12345678", preferred=preferred, requester=requester, minutes=10)
    assert letter.language == ("ja" if preferred.startswith("ja") else "en")
    assert "1234 5678" in letter.body
    assert "1234 5678" in letter.subject
    assert "10" in letter.body
    if letter.language == "ja":
        assert letter.body.startswith("いつもお世話になっております。")
    assert (requester or "log-in page") in letter.body or letter.language == "ja"
