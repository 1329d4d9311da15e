"""Time-stamps come beside the log and never hold it up; what is kept is what readers believe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rensho import archive, timestamps
from rensho import bundle as bundles
from rensho.documents import Response
from rensho.verify import ANY, Expectations, Material, verify

from services import tsa
from services.attestation.actions.time_stamps import PATIENCE, body
from services.attestation.app import SequencerRefused, run_sequencer
from services.attestation.tasks.sequencer import make
from services.attestation.tasks.stamper import Stamper, roots
from services.kit import clock
from services.kit.db import new_id
from services.tsa import DemoTsa
from tests.attestation.site import Relation, Site, relation
from tests.client.openssl import OpensslTsa
from tests.factories.attestation import Made

ANYBODY = Expectations(audience=ANY, request=ANY)
Answer = Callable[[bytes], bytes]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """An authority over HTTP that answers a request as it is told to; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if found else 503)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/stamp"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def authority() -> Iterator[DemoTsa]:
    with tsa.loopback() as running:
        yield running


def asks(site: Site, *urls: str, pinned: bytes) -> None:
    """Set the deployment's authorities, as a restart with other settings would."""
    file = site.settings.keys / "roots.der"
    file.write_bytes(pinned)
    site.settings = site.settings.model_copy(
        update={"tsa_urls": ", ".join(urls), "tsa_roots": file}
    )
    site.sequencer = site.new_sequencer()
    site.sequencer.start()


def stamper(site: Site) -> Stamper:
    """A stamper as a new process would make it."""
    return Stamper(site.sequencer.db, site.settings.tsa, site.sequencer.terms.tsa)


def submitted(here: Relation, response: Response | None = None) -> Made:
    made = here.maker(response=response or Response(str(new_id()), 1)).make()
    assert here.site.submit(here.respondent, made).status_code == 202
    return made


def all_stamped(site: Site) -> None:
    """Let log and stamper work in turn until both have nothing to do."""
    stamps = stamper(site)
    while site.sequencer.round() or stamps.round():
        pass


def tokens_in(here: Relation, statement_id: str) -> tuple[bytes, ...]:
    answer = here.site.get(f"/statements/{statement_id}/bundle", here.respondent.org)
    assert answer.status_code == 200, answer.text
    return bundles.parse(answer.content).tokens


def is_published(here: Relation, made: Made) -> bool:
    path = f"/statements/{made.ids[-1]}/bundle"
    return bool(here.site.get(path, here.respondent.org).status_code == 200)


def test_every_statement_gets_a_token_and_trust_asks_for_it(site: Site, authority: DemoTsa) -> None:
    asks(site, authority.url, pinned=authority.root_der)
    here = relation_stamped(site)
    response = Response(str(new_id()), 1)
    submitted(here, response)
    all_stamped(site)
    assert site.trust.deployments[0].tsa == (authority.root_der,)
    content = site.get(f"/responses/{response.id}.rensho.zip", here.requester.org).content
    verdict = verify(Material(content), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert not [note for note in verdict.notes if "T source: operator" in note]
    assert site.sql(
        "SELECT count(*) FROM attestation.statement LEFT JOIN attestation.time_stamp"
        " USING (statement_id) WHERE token IS NULL"
    ) == [(0,)]
    assert site.damage() == []


def relation_stamped(site: Site) -> Relation:
    """As `relation`, where nothing is published before it has its token."""
    stop = threading.Event()
    thread = threading.Thread(target=stamper(site).run, args=(stop,))
    thread.start()
    try:
        here = _patiently(site)
    finally:
        stop.set()
        thread.join()
    return here


def _patiently(site: Site) -> Relation:
    unstamped = replace(site.sequencer, stamped=False)
    kept, site.sequencer = site.sequencer, unstamped
    try:
        return relation(site)
    finally:
        site.sequencer = kept


def test_a_bundle_waits_for_its_token_and_the_log_does_not(site: Site, authority: DemoTsa) -> None:
    asks(site, authority.url, pinned=authority.root_der)
    here = _patiently(site)
    made = submitted(here)
    size = site.anchor.size
    site.sequencer.round()
    assert site.anchor.size > size
    assert not is_published(here, made)
    assert site.get("/keys", here.respondent.org).status_code == 200
    assert stamper(site).round() > 0
    site.sequencer.round()
    assert len(tokens_in(here, made.ids[-1])) == 1


def test_without_an_authority_a_bundle_is_published_after_a_while_without(
    site: Site, authority: DemoTsa
) -> None:
    """And the token that came late is in it whenever it is read from then on."""
    with ExitStack() as held:
        silent = held.enter_context(answering(lambda _: b""))
        asks(site, silent, pinned=authority.root_der)
        here = _patiently(site)
        made = submitted(here)
        site.sequencer.round()
        assert stamper(site).round() == 0
        clock.configure(f"+{int(PATIENCE.total_seconds()) + 1}")
        try:
            site.sequencer.round()
        finally:
            clock.configure(None)
    assert tokens_in(here, made.ids[-1]) == ()
    stored = site.sql("SELECT content FROM attestation.bundle WHERE statement_id = %s", made.ids[0])
    asks(site, authority.url, pinned=authority.root_der)
    assert stamper(site).round() > 0
    assert len(tokens_in(here, made.ids[0])) == 1
    again = site.sql("SELECT content FROM attestation.bundle WHERE statement_id = %s", made.ids[0])
    assert stored == again
    assert site.damage() == []


def test_a_statement_of_yesterday_gets_no_token_any_more(site: Site, authority: DemoTsa) -> None:
    """It would say that the statement came more than a day after it was signed."""
    here = relation(site)
    made = submitted(here)
    site.sequencer.round()
    asks(site, authority.url, pinned=authority.root_der)
    clock.configure(f"+{23 * 3600 + 60}")
    try:
        stamper(site).round()
    finally:
        clock.configure(None)
    assert tokens_in(here, made.ids[0]) == ()
    stamper(site).round()
    assert len(tokens_in(here, made.ids[0])) == 1


@pytest.mark.parametrize("what", ["garbage", "another's token", "not pinned", "too long", "503"])
def test_what_no_reader_would_believe_is_not_kept(
    site: Site, authority: DemoTsa, what: str
) -> None:
    stranger = tsa.DemoAuthority.fresh()
    other = timestamps.make_request(b"something else")
    answers: dict[str, Answer] = {
        "garbage": lambda _: b"no token",
        "another's token": lambda _: stranger.answer(other),
        "not pinned": stranger.answer,
        "too long": lambda _: b"\x30" * (timestamps.MAX_TOKEN + 1),
        "503": lambda _: b"",
    }
    with answering(answers[what]) as url:
        asks(site, url, pinned=authority.root_der)
        here = _patiently(site)
        submitted(here)
        site.sequencer.round()
        assert stamper(site).round() == 0
    assert site.sql("SELECT count(*) FROM attestation.time_stamp") == [(0,)]
    assert site.sql("SELECT count(*) FROM attestation.checkpoint_time_stamp") == [(0,)]


def test_a_source_that_fails_is_left_alone_for_a_while(site: Site, authority: DemoTsa) -> None:
    calls: list[bytes] = []

    def fail(request: bytes) -> bytes:
        calls.append(request)
        return b""

    with answering(fail) as url:
        asks(site, url, authority.url, pinned=authority.root_der)
        here = _patiently(site)
        made = submitted(here)
        site.sequencer.round()
        stamps = stamper(site)
        assert stamps.round() > 0
        first = len(calls)
        assert first > 0
        submitted(here)
        site.sequencer.round()
        stamps.round()
        assert len(calls) == first
    site.sequencer.round()
    assert len(tokens_in(here, made.ids[-1])) == 1


def test_two_addresses_of_one_authority_give_one_token(site: Site) -> None:
    """Two tokens of one authority in one bundle are refused by every reader."""
    one = tsa.DemoAuthority.fresh()
    with answering(one.answer) as first, answering(one.answer) as second:
        asks(site, first, second, pinned=one.root_der)
        here = _patiently(site)
        made = submitted(here)
        site.sequencer.round()
        stamper(site).round()
        site.sequencer.round()
    assert len(tokens_in(here, made.ids[-1])) == 1


def test_two_authorities_give_two_tokens(site: Site, authority: DemoTsa) -> None:
    with tsa.loopback() as second:
        both = authority.root_der, second.root_der
        asks(site, authority.url, second.url, pinned=_pem(*both))
        here = _patiently(site)
        response = Response(str(new_id()), 1)
        made = submitted(here, response)
        all_stamped(site)
    assert site.trust.deployments[0].tsa == both
    assert len(tokens_in(here, made.ids[-1])) == 2
    content = site.get(f"/responses/{response.id}.rensho.zip", here.requester.org).content
    verdict = verify(Material(content), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())


def test_once_a_day_a_head_is_stamped_and_goes_into_archives(
    site: Site, authority: DemoTsa
) -> None:
    asks(site, authority.url, pinned=authority.root_der)
    here = _patiently(site)
    response = Response(str(new_id()), 1)
    submitted(here, response)
    all_stamped(site)
    assert site.sql("SELECT count(*) FROM attestation.checkpoint_time_stamp") == [(1,)]
    path = f"/responses/{response.id}.rensho.zip"
    content = site.get(path, here.requester.org).content
    entries = archive.read(content)
    notes = [entries["checkpoint.txt"]] + [
        link.checkpoint for link in archive.read_consistency(entries["consistency.json"])
    ]
    ((seq, note),) = site.sql(
        "SELECT seq, note FROM attestation.checkpoint JOIN attestation.checkpoint_time_stamp"
        " USING (seq)"
    )
    assert body(note) in {body(one) for one in notes}
    timestamps.verify(entries["archive.tsr"], body(note), [authority.root_der])
    verdict = verify(Material(content), site.trust, ANYBODY, site.now)
    assert [one for one in verdict.notes if one.startswith("archive.tsr:") and "existed at" in one]
    clock.configure("+90000")
    try:
        site.sequencer.round()
        stamper(site).round()
    finally:
        clock.configure(None)
    rows = site.sql("SELECT seq FROM attestation.checkpoint_time_stamp ORDER BY 1")
    assert len(rows) == 2
    assert rows[0] == (seq,)


@pytest.mark.needs("openssl")
def test_openssl_is_an_authority_like_any_other(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "openssl"
    folder.mkdir()
    foreign = OpensslTsa.make(folder)
    lock = threading.Lock()

    def answer(request: bytes) -> bytes:
        with lock:
            return foreign.answer(request)

    with answering(answer) as url:
        asks(site, url, pinned=foreign.root_der)
        here = _patiently(site)
        response = Response(str(new_id()), 1)
        made = submitted(here, response)
        all_stamped(site)
    bundle = site.get(f"/statements/{made.ids[0]}/bundle", here.respondent.org).content
    (token,) = bundles.parse(bundle).tokens
    assert foreign.holds(token, bundles.parse(bundle).envelope.signature)
    content = site.get(f"/responses/{response.id}.rensho.zip", here.requester.org).content
    verdict = verify(Material(content), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())


def test_authorities_without_a_pinned_root_are_refused_at_start(site: Site) -> None:
    own = site.settings.model_copy(update={"tsa_urls": "http://127.0.0.1:1/"})
    with pytest.raises(SequencerRefused, match=r"tsa\.settings"):
        make(own)
    missing = own.model_copy(update={"tsa_roots": site.settings.keys / "nothing.pem"})
    with pytest.raises(SequencerRefused, match=r"tsa\.settings"):
        make(missing)
    assert roots(site.settings) == ()


def test_the_process_stamps_what_it_logs(site: Site, authority: DemoTsa) -> None:
    asks(site, authority.url, pinned=authority.root_der)
    here = _patiently(site)
    made = submitted(here)
    stop, waited = threading.Event(), threading.Event()
    thread = threading.Thread(target=run_sequencer, args=(site.settings, stop))
    thread.start()
    try:
        for _ in range(200):
            if is_published(here, made):
                break
            waited.wait(0.05)
    finally:
        stop.set()
        thread.join(15)
    assert len(tokens_in(here, made.ids[-1])) == 1
    assert not thread.is_alive()


def test_terms_that_change_make_a_new_version_of_trust(site: Site, authority: DemoTsa) -> None:
    before = site.trust
    assert before.deployments[0].tsa == ()
    asks(site, authority.url, pinned=authority.root_der)
    after = site.trust
    assert after.version == before.version + 1
    site.sequencer.start()
    assert site.trust.version == after.version
    assert after.deployments[0].status_max_age == timedelta(seconds=site.settings.status_max_age)


def _pem(*ders: bytes) -> bytes:
    found = [x509.load_der_x509_certificate(der) for der in ders]
    return b"".join(one.public_bytes(Encoding.PEM) for one in found)
