"""RFC 3161 tokens: what is read, what is believed, and that only our own error comes out."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc3161_client
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from rensho import timestamps
from rensho.errors import VerificationError

from services import tsa
from services.tsa import DemoAuthority
from tests.client.certificates import (
    CODE_SIGNING,
    NO_AUTHORITY,
    TIME_STAMPING,
    Authority,
    der,
    p256,
)
from tests.client.deployment import DAY, START
from tests.client.openssl import OpensslTsa, openssl
from tests.client.refused import refused
from tests.client.stamps import authority, token

MESSAGE = b"the bytes of a signature"
GOOD = token(MESSAGE, START)
ROOT = authority().root_der


def stamping(marks: Any = (NO_AUTHORITY, TIME_STAMPING), root: Any = None, **how: Any) -> bytes:
    """A token of an authority whose certificate has these extensions."""
    above = root or Authority.root()
    key = p256()
    issued = above.issue(key.public_key(), marks=list(marks), **how)
    return token(MESSAGE, START, DemoAuthority(above.certificate, issued, key))


def judged(marks: Any = (NO_AUTHORITY, TIME_STAMPING), root: Any = None, **how: Any) -> datetime:
    above = root or Authority.root()
    return timestamps.verify(stamping(marks, above, **how), MESSAGE, [above.der])


def test_a_token_tells_when_its_message_existed() -> None:
    assert timestamps.verify(GOOD, MESSAGE, [ROOT]) == START
    found = timestamps.read(GOOD)
    assert found.time == START
    assert found.time.tzinfo is UTC
    issuer, serial = found.authority
    assert issuer == authority().certificate.issuer.rfc4514_string()
    assert serial == authority().certificate.serial_number


def test_one_of_several_pinned_roots_is_enough() -> None:
    assert timestamps.verify(GOOD, MESSAGE, [authority("second").root_der, ROOT]) == START


@pytest.mark.parametrize("roots", [[], [authority("second").root_der], [b"no certificate"]])
def test_an_authority_nobody_pinned_is_not_believed(roots: list[bytes]) -> None:
    with refused("timestamp.untrusted"):
        timestamps.verify(GOOD, MESSAGE, roots)


def test_a_token_over_something_else_is_refused() -> None:
    with refused("timestamp.imprint"):
        timestamps.verify(GOOD, MESSAGE + b".", [ROOT])


@pytest.mark.parametrize("bits", [384, 512])
def test_longer_hashes_of_the_same_family_are_read(bits: int) -> None:
    answer = authority().answer(request_under(bits), START)
    assert timestamps.verify(answer, MESSAGE, [ROOT]) == START


def test_an_imprint_under_another_hash_is_refused() -> None:
    sha224 = timestamps.make_request(MESSAGE).replace(
        bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040204")
    )
    with refused("timestamp.imprint"):
        timestamps.verify(authority().answer(sha224, START), MESSAGE, [ROOT])


def request_under(bits: int) -> bytes:
    arc, digest = {384: (2, "sha384"), 512: (3, "sha512")}[bits]
    imprint = tsa._der(
        0x30,
        tsa._algorithm(f"2.16.840.1.101.3.4.2.{arc}"),
        tsa._der(0x04, hashlib.new(digest, MESSAGE).digest()),
    )
    return tsa._der(0x30, tsa._integer(1), imprint, tsa._der(0x01, b"\xff"))


def test_the_whole_chain_is_judged_at_the_time_of_the_token() -> None:
    ended_since = START - 360 * DAY
    assert judged(start=ended_since, root=Authority.root(start=ended_since)) == START
    with refused("timestamp.untrusted"):
        judged(start=START - 400 * DAY)
    with refused("timestamp.untrusted"):
        judged(root=Authority.root(start=START - 400 * DAY))
    with refused("timestamp.untrusted"):
        judged(root=Authority.root(start=START + DAY))


def test_a_certificate_between_signer_and_root_may_be_pinned_beside_the_root() -> None:
    root = Authority.root()
    below = root.below()
    made = stamping(root=below)
    assert timestamps.verify(made, MESSAGE, [below.der, root.der]) == START
    for pinned in (root, below):
        with refused("timestamp.untrusted"):
            timestamps.verify(made, MESSAGE, [pinned.der])


@pytest.mark.parametrize(
    "marks",
    [
        (NO_AUTHORITY,),
        (NO_AUTHORITY, CODE_SIGNING),
        (NO_AUTHORITY, (CODE_SIGNING[0], True)),
        (NO_AUTHORITY, (TIME_STAMPING[0], False)),
    ],
)
def test_a_certificate_for_another_use_stamps_nothing(marks: Any) -> None:
    assert judged() == START
    with refused("timestamp.untrusted"):
        judged(marks)


def test_an_authority_that_signed_another_time_into_a_token_is_not_believed() -> None:
    bent = GOOD.replace(b"20261102090000Z", b"20261102080000Z")
    assert timestamps.read(bent).time == START - timedelta(hours=1)
    with refused("timestamp.untrusted"):
        timestamps.verify(bent, MESSAGE, [ROOT])


def test_a_token_without_the_certificate_of_its_signer_is_not_believed() -> None:
    own = authority().certificate.public_bytes(Encoding.DER)
    other = authority("second")
    lent = DemoAuthority(other.root, other.certificate, authority().key)
    assert own not in token(MESSAGE, START, lent)
    with refused("timestamp.untrusted"):
        timestamps.verify(token(MESSAGE, START, lent), MESSAGE, [ROOT, other.root_der])


@pytest.mark.parametrize(
    "data",
    [b"", b"no token", GOOD[:-1], GOOD + b"\0", bytes(timestamps.MAX_TOKEN + 1)],
    ids=["nothing", "text", "cut", "longer", "huge"],
)
def test_what_cannot_be_read_is_not_called_wrong(data: bytes) -> None:
    with refused("timestamp.encoding_unsupported"):
        timestamps.read(data)
    with refused("timestamp.encoding_unsupported"):
        timestamps.verify(data, MESSAGE, [ROOT])


def test_a_refusal_of_the_authority_is_no_token() -> None:
    with refused("timestamp.encoding_unsupported"):
        timestamps.read(authority().answer(b"no request"))


def test_a_token_by_two_signers_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    write = tsa._der

    def doubled(tag: int, *parts: bytes) -> bytes:
        signers = tag == 0x31 and tsa._algorithm("1.2.840.10045.4.3.2") in parts[0]
        return write(tag, *(parts * 2 if signers else parts))

    monkeypatch.setattr(tsa, "_der", doubled)
    twice = authority().answer(timestamps.make_request(MESSAGE), START)
    with refused("timestamp.encoding_unsupported"):
        timestamps.read(twice)


def test_an_answer_is_reduced_to_its_token() -> None:
    request = timestamps.make_request(MESSAGE)
    answer = authority().answer(request, START)
    content = answer[answer.index(bytes.fromhex("3003020100")) + 5 :]
    talkative = tsa._der(0x30, tsa._integer(0), tsa._der(0x30, tsa._der(0x0C, b"all is well")))
    assert timestamps.token_of(tsa._der(0x30, talkative, content), request) == answer
    assert timestamps.token_of(answer, request) == answer


def test_an_answer_to_another_request_is_refused() -> None:
    request = timestamps.make_request(MESSAGE)
    assert request != timestamps.make_request(MESSAGE)
    answer = authority().answer(request, START)
    with refused("timestamp.imprint"):
        timestamps.token_of(answer, timestamps.make_request(MESSAGE))
    with refused("timestamp.imprint"):
        timestamps.token_of(answer, timestamps.make_request(b"something else"))
    with refused("timestamp.encoding_unsupported"):
        timestamps.token_of(answer, b"no request")
    with refused("timestamp.encoding_unsupported"):
        timestamps.token_of(b"no answer", request)


def test_without_the_extra_no_token_is_called_good_or_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    request = timestamps.make_request(MESSAGE)
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for ask in (
        lambda: timestamps.read(GOOD),
        lambda: timestamps.verify(GOOD, MESSAGE, [ROOT]),
        lambda: timestamps.make_request(MESSAGE),
        lambda: timestamps.token_of(GOOD, request),
    ):
        with pytest.raises(VerificationError) as caught:
            ask()
        assert caught.value.code == "timestamp.encoding_unsupported"
        assert "extra" in caught.value.detail


def test_an_empty_message_is_not_worth_a_request() -> None:
    with refused("timestamp.encoding_unsupported"):
        timestamps.make_request(None)  # type: ignore[arg-type]


def test_a_panic_in_the_library_is_our_error_and_an_interrupt_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class PanicException(BaseException):
        pass

    def fails(why: type[BaseException]) -> None:
        def decode(_: bytes) -> None:
            raise why

        monkeypatch.setattr(rfc3161_client, "decode_timestamp_response", decode)

    fails(PanicException)
    with refused("timestamp.encoding_unsupported"):
        timestamps.read(GOOD)
    fails(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        timestamps.read(GOOD)


@given(st.data())
def test_whatever_the_bytes_are_only_our_error_comes_out(data: st.DataObject) -> None:
    bent = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(bent)) | st.just(len(bent)))
    try:
        assert timestamps.verify(bytes(bent[:cut]), MESSAGE, [ROOT]) == START
    except VerificationError as why:
        assert why.code.startswith("timestamp.")  # noqa: PT017 - either outcome is an answer


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> OpensslTsa:
    """An authority that is not ours in any line."""
    return OpensslTsa.make(tmp_path_factory.mktemp("tsa"))


@pytest.mark.needs("openssl")
def test_tokens_of_openssl_are_read(foreign: OpensslTsa) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    request = timestamps.make_request(MESSAGE)
    found = timestamps.token_of(foreign.answer(request), request)
    moment = timestamps.verify(found, MESSAGE, [foreign.root_der])
    assert before <= moment <= datetime.now(UTC)


@pytest.mark.needs("openssl")
def test_a_certificate_set_out_of_order_is_not_called_good_or_bad(foreign: OpensslTsa) -> None:
    request = timestamps.make_request(MESSAGE)
    unsorted = foreign.answer(request, chain=True)
    assert foreign.holds(unsorted, MESSAGE)
    with refused("timestamp.encoding_unsupported"):
        timestamps.token_of(unsorted, request)
    with refused("timestamp.encoding_unsupported"):
        timestamps.verify(unsorted, MESSAGE, [foreign.root_der])


@pytest.mark.needs("openssl")
def test_a_signature_under_sha1_is_not_believed(foreign: OpensslTsa) -> None:
    request = timestamps.make_request(MESSAGE)
    weak = timestamps.token_of(foreign.answer(request, digest="sha1"), request)
    with refused("timestamp.untrusted"):
        timestamps.verify(weak, MESSAGE, [foreign.root_der])


@pytest.mark.needs("openssl")
def test_openssl_believes_the_demo_authority(tmp_path: Path) -> None:
    (tmp_path / "token.tsr").write_bytes(token(MESSAGE, datetime.now(UTC)))
    (tmp_path / "message").write_bytes(MESSAGE)
    root = x509.load_der_x509_certificate(authority().root_der)
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    said = openssl(tmp_path, "ts -verify -in token.tsr -data message -CAfile root.pem", check=False)
    assert said.returncode == 0, said.stderr
    assert der(root) == authority().root_der
