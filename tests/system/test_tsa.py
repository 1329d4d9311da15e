"""The demo's time-stamping authority on loopback."""

from __future__ import annotations

import socket
import struct
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import pytest
from rensho import timestamps
from rensho.errors import VerificationError
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from services import tsa


def ask(url: str, body: bytes, kind: str = tsa.QUERY) -> httpx2.Response:
    return httpx2.post(url, content=body, headers={"Content-Type": kind})


def test_it_stamps_what_it_is_asked_to_and_pins_a_root_of_its_own() -> None:
    with tsa.loopback() as demo, tsa.loopback() as other:
        request = timestamps.make_request(b"a signature")
        answer = ask(demo.url, request)
        assert answer.headers["content-type"] == tsa.REPLY
        token = timestamps.token_of(answer.content, request)
        moment = timestamps.verify(token, b"a signature", [demo.root_der])
        assert abs(datetime.now(UTC) - moment) < timedelta(seconds=30)
        with pytest.raises(VerificationError) as caught:
            timestamps.verify(token, b"a signature", [other.root_der])
        assert caught.value.code == "timestamp.untrusted"


def test_it_listens_on_loopback_and_only_as_long_as_it_is_asked_to() -> None:
    with tsa.loopback() as demo:
        place = urlsplit(demo.url)
        assert place.hostname == "127.0.0.1"
        assert place.port
        with pytest.raises(OSError, match="in use"), tsa.loopback(place.port):
            pass
    with pytest.raises(httpx2.ConnectError):
        ask(demo.url, b"")


def test_what_is_no_request_is_refused() -> None:
    with tsa.loopback() as demo:
        refusal = ask(demo.url, b"no request")
        assert refusal.status_code == 200
        with pytest.raises(VerificationError) as caught:
            timestamps.read(refusal.content)
        assert caught.value.code == "timestamp.encoding_unsupported"
        assert ask(demo.url, b"", "text/plain").status_code == 415
        assert ask(demo.url, bytes(tsa.MAX_QUERY + 1)).status_code == 413


def test_who_hangs_up_before_its_answer_is_not_shouted_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with tsa.loopback() as demo:
        place = urlsplit(demo.url)
        assert place.port
        caller = socket.create_connection(("127.0.0.1", place.port))
        caller.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
        # No time to linger: the other end is told that the connection is gone.
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()
        request = timestamps.make_request(b"a signature")
        assert timestamps.read(ask(demo.url, request).content)
        threads = [one for one in threading.enumerate() if "process_request" in one.name]
        for thread in threads:
            thread.join(10)
    assert capsys.readouterr().err == ""


def test_a_request_without_nonce_is_answered_without() -> None:
    request = nonceless(b"text")
    answer = tsa.DemoAuthority.fresh().answer(request)
    assert timestamps.read(answer).nonce is None
    assert timestamps.token_of(answer, request) == answer


def nonceless(message: bytes) -> bytes:

    builder = TimestampRequestBuilder(message, HashAlgorithm.SHA256, nonce=False)
    return builder.build().as_bytes()
