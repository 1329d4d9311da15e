from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rensho
from hypothesis import given
from hypothesis import strategies as st
from rensho import dsse, jcs, sign, statement, strict_json, times
from rensho.errors import Code, VerificationError
from rensho.predicates import SUBJECT_NAMES, TYPES
from rensho.statement import DEMO_BASE

from tests.client import made
from tests.client.refused import refused

BASES = ("https://other.example/attestation", DEMO_BASE)


def altered(payload: bytes, *path: str | int, to: Any) -> bytes:
    value = strict_json.loads(payload)
    found = value
    for step in path[:-1]:
        found = found[step]
    if to is REMOVED:
        del found[path[-1]]
    else:
        found[path[-1]] = to
    return jcs.dumps(value)


REMOVED = object()


@pytest.mark.parametrize("name", TYPES)
def test_what_a_maker_makes_is_read_back(name: Any) -> None:
    payload = made.PAYLOADS[name]
    read = statement.parse(payload, BASES)
    assert (read.name, read.base, read.payload) == (name, DEMO_BASE, payload)
    assert read.id == dsse.statement_id(payload)
    assert read.predicate_type == f"{DEMO_BASE}/{name}/v1"
    assert read.deployment == made.HOST
    assert read.signer_key_id == made.KEY.key_id
    assert read.anchor == made.ANCHOR
    assert (read.attested_at, read.not_before) == (made.NOW, made.NOW)
    assert read.not_after == made.NOW + timedelta(days=365)
    assert read.supersedes is None
    assert (read.response is None) == (name not in ("ai-governance", "declaration"))


def test_signer_and_response_are_read() -> None:
    read = statement.parse(made.PAYLOADS["ai-governance"], BASES)
    assert (read.signer_org, read.signer_role) == (made.SUPPLIER, "responsible-officer")
    assert read.response == (made.RESPONSE_ID, 1)
    assert read.subject_sha256 == made.sha("descriptor")


def test_a_statement_may_supersede_and_may_lack_an_anchor() -> None:
    payload = made.declaration(supersedes=made.sha("old"), anchor=None)
    read = statement.parse(payload, BASES)
    assert read.supersedes == made.sha("old")
    assert read.anchor is None


def test_a_transcribed_answer_names_its_sheet() -> None:
    source = sign.SourceDocument(made.sha("fax"), "fax", made.NOW)
    read = statement.parse(made.ai_governance(origin="transcribed", source=source), BASES)
    assert read.predicate["sourceDocument"]["channel"] == "fax"


def test_a_public_audience_is_read() -> None:
    assert statement.parse(made.ai_governance(audience="public"), BASES).predicate["audience"]


def test_unknown_fields_are_passed_over() -> None:
    payload = altered(made.PAYLOADS["review"], "predicate", "new", to={"a": [1, None]})
    assert statement.parse(payload, BASES).predicate["new"] == {"a": [1, None]}


GOOD = made.PAYLOADS["ai-governance"]
SUBJECT = {"name": "component", "digest": {"sha256": made.sha("x")}}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "json.malformed"),
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b"[]", "statement.type"),
        (altered(GOOD, "_type", to="https://in-toto.io/Statement/v0.1"), "statement.type"),
        (altered(GOOD, "_type", to=REMOVED), "statement.type"),
        (altered(GOOD, "subject", to=[]), "statement.subject"),
        (altered(GOOD, "subject", to=[SUBJECT, SUBJECT]), "statement.subject"),
        (altered(GOOD, "subject", to=SUBJECT), "statement.subject"),
        (altered(GOOD, "subject", to=["x"]), "statement.subject"),
        (altered(GOOD, "subject", 0, "name", to="Example Robotics"), "statement.subject"),
        (altered(GOOD, "subject", 0, "digest", to={}), "statement.subject"),
        (altered(GOOD, "subject", 0, "digest", to="x"), "statement.subject"),
        (altered(GOOD, "subject", 0, "digest", "sha1", to="00"), "statement.subject"),
        (altered(GOOD, "subject", 0, "digest", "sha256", to="A" * 64), "statement.subject"),
        (
            altered(GOOD, "predicateType", to="https://evil.example/ai-governance/v1"),
            "statement.predicate_type",
        ),
        (
            altered(GOOD, "predicateType", to=f"{DEMO_BASE}/ai-governance/v2"),
            "statement.predicate_type",
        ),
        (altered(GOOD, "predicateType", to=7), "statement.predicate_type"),
        (altered(GOOD, "predicate", to=[]), "statement.schema"),
        (altered(GOOD, "predicate", to=REMOVED), "statement.schema"),
        (altered(GOOD, "predicate", "salt", to=REMOVED), "statement.schema"),
        (altered(GOOD, "predicate", "new", to=0.5), "statement.schema"),
        (GOOD.replace(b":", b": ", 1), "statement.not_canonical"),
        (GOOD + b"\n", "statement.not_canonical"),
        (
            GOOD.replace(b"pseudo", b"\\u0070seudo").replace(b'"ja"', b'"\\u006aa"'),
            "statement.not_canonical",
        ),
    ],
)
def test_a_payload_that_does_not_hold_is_refused_with_its_code(payload: bytes, code: Code) -> None:
    with refused(code):
        statement.parse(payload, BASES)


def test_a_base_nobody_trusts_is_refused() -> None:
    for bases in ((), (DEMO_BASE + "/",), ("https://rensho.example",)):
        with refused("statement.predicate_type"):
            statement.parse(GOOD, bases)


def test_one_type_is_not_read_as_another() -> None:
    for name in TYPES:
        payload = altered(GOOD, "predicateType", to=f"{DEMO_BASE}/{name}/v1")
        if SUBJECT_NAMES[name] != "component":
            with refused("statement.subject"):
                statement.parse(payload, BASES)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (made.NOW - timedelta(seconds=1), made.NOW + DAY),
        (made.NOW + 30 * DAY + timedelta(seconds=1), made.NOW + 40 * DAY),
        (made.NOW + DAY, made.NOW),
        (made.NOW, made.NOW + 400 * DAY + timedelta(seconds=1)),
        (made.NOW, datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_validity_beyond_its_bounds_is_not_made(
    not_before: datetime, not_after: datetime
) -> None:
    with refused("statement.schema"):
        made.declaration(not_before=not_before, not_after=not_after)


def test_the_widest_validity_is_made() -> None:
    start = made.NOW + 30 * DAY
    read = statement.parse(made.declaration(not_before=start, not_after=start + 400 * DAY), BASES)
    assert read.not_after - read.not_before == 400 * DAY


def sd(*digests: str) -> dict[str, Any]:
    return {"_sd_alg": "sha-256", "_sd": list(digests)}


SORTED = sorted(made.sha_url(str(number)) for number in range(9))


@pytest.mark.parametrize("name", ["ai-governance", "declaration", "grant"])
def test_an_audience_is_sorted_and_padded(name: Any) -> None:
    statement.parse(
        altered(made.PAYLOADS[name], "predicate", "audience", to=sd(*SORTED[:8])), BASES
    )
    for wrong in ([], SORTED[:7], SORTED, SORTED[7::-1]):
        with refused("statement.schema"):
            statement.parse(
                altered(made.PAYLOADS[name], "predicate", "audience", to=sd(*wrong)), BASES
            )


def test_respondents_are_sorted() -> None:
    with refused("statement.schema"):
        statement.parse(
            altered(made.PAYLOADS["request"], "predicate", "respondents", to=sd(*SORTED[::-1])),
            BASES,
        )


def test_a_grant_is_never_to_everybody() -> None:
    with refused("statement.schema"):
        statement.parse(
            altered(made.PAYLOADS["grant"], "predicate", "audience", to="public"), BASES
        )


@pytest.mark.parametrize(
    "decisions",
    [
        [sign.Decision(question="Q", outcome="waived")],
        [sign.Decision(question="Q", outcome="accepted", until=made.NOW)],
        [sign.Decision(question="Q", outcome="sent_back")],
        [sign.Decision(question="Q", outcome="accepted")] * 2,
        [],
    ],
)
def test_a_review_that_contradicts_itself_is_not_made(decisions: list[sign.Decision]) -> None:
    with refused("statement.schema"):
        made.review(decisions=decisions)


@pytest.mark.parametrize(
    "changes",
    [
        {"proof": None},
        {"event": "rotate", "proof": None},
        {"event": "revoke"},
        {"event": "revoke", "reason": "key-compromise"},
        {"event": "revoke", "reason": "ceased", "invalid_since": made.NOW},
        {"event": "suspend", "invalid_since": made.NOW},
        {"vouched_by": sd(SORTED[0])},
        {"prev": "no id"},
        {"proof": dsse.Envelope("application/json", b"{}", bytes(64))},
    ],
)
def test_a_key_event_that_contradicts_itself_is_not_made(changes: dict[str, Any]) -> None:
    with refused("statement.schema"):
        made.key_event(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "confirm", "proof": None, "prev": made.sha("prev")},
        {"event": "revoke", "proof": None, "reason": "key-compromise", "invalid_since": made.NOW},
        {"event": "revoke", "proof": None, "reason": "superseded"},
    ],
)
def test_the_other_key_events_are_made(changes: dict[str, Any]) -> None:
    read = statement.parse(made.key_event(**changes), BASES)
    assert read.predicate["event"] == changes["event"]


def test_a_key_event_is_about_the_key_it_carries() -> None:
    payload = made.PAYLOADS["key-event"]
    with refused("statement.subject"):
        statement.parse(
            altered(payload, "subject", 0, "digest", "sha256", to=made.sha("other")), BASES
        )


def test_a_challenge_and_a_promise_read_back_as_they_were() -> None:
    challenge = sign.EnrolChallenge(
        origin=made.HOST,
        org=made.SUPPLIER,
        key_id=made.KEY.key_id,
        purpose="enrol",
        expiry=made.NOW,
    )
    assert sign.EnrolChallenge.parse(challenge.to_bytes()) == challenge
    promise = sign.Promise(made.HOST, made.sha("s"), made.NOW, made.NOW + DAY)
    assert sign.Promise.parse(promise.to_bytes()) == promise
    for parse, data in (
        (sign.EnrolChallenge.parse, challenge.to_bytes()),
        (sign.Promise.parse, promise.to_bytes()),
    ):
        with refused("statement.not_canonical"):
            parse(data + b" ")
        with refused("statement.schema"):
            parse(b"{}")


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0)))
def test_times_read_back_as_they_were(moment: datetime) -> None:
    assert times.read(times.write(moment)) == moment


def test_a_time_in_another_zone_is_written_in_utc() -> None:
    japan = datetime.fromisoformat("2026-11-24T10:02:03.999999+09:00")
    assert times.write(japan) == "2026-11-24T01:02:03Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00.0Z",
        "\u0662026-01-01T00:00:00Z",
        7,
        None,
    ],
)
def test_other_spellings_of_a_time_are_refused(text: object) -> None:
    with refused("statement.schema"):
        times.read(text)


@given(st.data())
def test_no_change_of_one_byte_brings_out_another_exception(data: st.DataObject) -> None:
    payload = bytearray(data.draw(st.sampled_from(sorted(made.PAYLOADS.values()))))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    try:
        statement.parse(bytes(payload), BASES)
    except VerificationError:
        pass
    else:
        assert statement.parse(bytes(payload), BASES).payload == bytes(payload)


def test_every_public_name_of_the_package_loads() -> None:
    for name in rensho.__all__:
        assert getattr(rensho, name).__name__ if name != "ANY" else rensho.ANY is not None
    assert rensho.jcs.dumps(1) == b"1"
    with pytest.raises(AttributeError, match="no_such_name"):
        rensho.no_such_name  # noqa: B018
