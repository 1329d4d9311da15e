"""What the signing page computes, held against the client that servers and auditors run."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from rensho import dsse, jcs
from rensho.keys import PublicKey

from tests.portal.conftest import Place
from tests.portal.screen import Screen, open_screen

pytestmark = pytest.mark.needs("chromium")

VALUES = [
    {"b": 1, "a": [True, None, "x"], "é": "\u20ac", "\ufb33": 1, "\U0001f600": 2, "\u0080": 3},
    {"text": 'quote " slash / back \\ line\n tab\t bell\u0007 del\u007f 株式会社 𠮷'},
    {"n": [0, -1, 9007199254740991, -9007199254740991], "deep": {"z": {}, "A": [], "a": [[]]}},
]


def module(screen: Screen, name: str, script: str, argument: Any) -> Any:
    """Run a function over one of the page's own modules."""
    run = f"async (given) => {{ const m = await import('/static/sign/{name}.js'); {script} }}"
    return screen.page.evaluate(run, argument)


@pytest.fixture(scope="module")
def workshop(chromium: Any, place: Place) -> Screen:
    # The pages' policy would keep a test's own script out; the modules are what is tested here.
    return open_screen(chromium, place, bypass_csp=True).go("/login")


@pytest.mark.parametrize("value", VALUES, ids=["names", "text", "numbers"])
def test_it_writes_canonical_json_as_the_client_does(workshop: Screen, value: Any) -> None:
    made = module(workshop, "encoding", "return m.canonical(JSON.parse(given))", json.dumps(value))
    assert made.encode() == jcs.dumps(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":1}', "statement.not_canonical"),
        ('{"b":1,"a":1}', "statement.not_canonical"),
        ('{"a": 1}', "statement.not_canonical"),
        ('{"a":1.5}', "json.bad_number"),
        ('{"a":9007199254740993}', "json.bad_number"),
        ('{"a":"\\ud800"}', "json.not_utf8"),
    ],
)
def test_it_signs_no_bytes_that_two_readers_could_read_differently(
    workshop: Screen, text: str, code: str
) -> None:
    script = "try { m.readCanonical(m.utf8(given)); return 'read' } catch (e) { return e.message }"
    assert module(workshop, "encoding", script, text) == code


def test_it_encodes_before_signing_as_the_client_does(workshop: Screen) -> None:
    payload = "株式会社 𠮷".encode()
    script = (
        "const e = await import('/static/sign/encoding.js');"
        "return e.toBase64(m.pae(given[0], e.fromBase64(given[1])))"
    )
    given = ["application/vnd.in-toto+json", base64.b64encode(payload).decode()]
    made = module(workshop, "dsse", script, given)
    assert base64.b64decode(made) == dsse.pae("application/vnd.in-toto+json", payload)


def test_fifty_signatures_of_the_browser_are_strict_der_and_verify(workshop: Screen) -> None:
    payload = b'{"a":1}'
    script = """
        const e = await import('/static/sign/encoding.js');
        const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
        const pair = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
        const der = await crypto.subtle.exportKey("spki", pair.publicKey);
        const spki = e.toBase64(new Uint8Array(der));
        const made = [];
        const bytes = e.fromBase64(given);
        for (let n = 0; n < 50; n += 1) made.push(await m.signed(pair, m.INTOTO, bytes));
        return { spki, made };
    """
    found = module(workshop, "dsse", script, base64.b64encode(payload).decode())
    key = PublicKey.from_der(base64.b64decode(found["spki"]))
    for envelope in found["made"]:
        opened = dsse.Envelope.from_json(envelope)
        key.verify(opened.signature, opened.pae)
    signatures = {each["signatures"][0]["sig"] for each in found["made"]}
    assert len(signatures) == 50


@pytest.mark.parametrize(
    ("r", "s"), [(1, 1), (0x80, 0x7F), (2**255, 2**255 - 1), (2**8, 2**248), (2**256 - 1, 128)]
)
def test_der_of_awkward_numbers_is_what_the_library_writes(
    workshop: Screen, r: int, s: int
) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415 (one test's)
        encode_dss_signature,
    )

    raw = list(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    made = module(workshop, "dsse", "return [...m.der(Uint8Array.from(given))]", raw)
    assert bytes(made) == encode_dss_signature(r, s)


def test_the_private_key_cannot_be_taken_out_and_stays_after_a_reload(workshop: Screen) -> None:
    script = "const k = await m.make(given); return [k.keyId, k.spki, k.privateKey.extractable]"
    key_id, spki, extractable = module(workshop, "vault", script, "firm-1")
    assert extractable is False
    digest = hashlib.sha256(base64.b64decode(spki)).digest()
    assert key_id == base64.b64encode(digest).decode()
    workshop.page.reload()
    assert module(workshop, "vault", "return (await m.find(given)).keyId", "firm-1") == key_id
    refused = (
        "const k = await m.find(given);"
        "try { await crypto.subtle.exportKey('pkcs8', k.privateKey); return 'out' }"
        "catch (e) { return e.name }"
    )
    assert module(workshop, "vault", refused, "firm-1") == "InvalidAccessError"


def test_what_is_read_before_signing_stops_at_anything_that_differs(workshop: Screen) -> None:
    prepared, key, facts = _prepared()
    script = """
        try { await m.read(given.prepared, given.key, given.facts); return 'read' }
        catch (e) { return e.message }
    """

    def told(**changes: Any) -> str:
        given = {"prepared": prepared, "key": key, "facts": facts} | changes
        return str(module(workshop, "reading", script, given))

    assert told() == "read"
    assert told(key={"keyId": "another"}) == "signer.key_mismatch"
    assert told(facts=facts | {"org": "another"}) == "signer.org_mismatch"
    assert told(facts=facts | {"requester_org": "another"}) == "context.audience"
    assert told(facts=facts | {"response_id": "another"}) == "response.mixed"
    name = next(n for n in prepared["documents"] if n.endswith(".answers.json"))
    other = prepared | {"documents": prepared["documents"] | {name: "e30="}}
    assert told(prepared=other) == "answers.digest"
    first = {**prepared["statements"][0], "statement_id": "0" * 64}
    assert told(prepared=prepared | {"statements": [first]}) == "statement.id"
    stranger = {prepared["statements"][0]["statement_id"]: {"answers": ["WyJhIiwiYiIsMV0"]}}
    assert told(prepared=prepared | {"disclosures": stranger}) == "disclosure.unknown"


def _prepared() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a declaration as small as the page reads it, its key and what the page was asked."""
    answers = jcs.dumps({"_sd": [], "_sd_alg": "sha-256", "salt": "x"})
    answers_digest = hashlib.sha256(answers).hexdigest()
    entry = base64.urlsafe_b64encode(jcs.dumps(["s", "n", {"org": "urn:rensho:org:asks"}]))
    text = entry.rstrip(b"=").decode()
    hidden = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    declaration = jcs.dumps({"answers": {"sha256": answers_digest}, "components": []})
    digest = hashlib.sha256(declaration).hexdigest()
    statement = jcs.dumps(
        {
            "predicate": {
                "audience": {"_sd": [hidden], "_sd_alg": "sha-256"},
                "response": {"id": "r", "revision": 1},
                "signer": {"keyId": "k", "org": "urn:rensho:org:me", "role": "delegate"},
            },
            "subject": [{"digest": {"sha256": digest}}],
        }
    )
    id_ = hashlib.sha256(dsse.pae("application/vnd.in-toto+json", statement)).hexdigest()
    prepared = {
        "statements": [
            {
                "statement_id": id_,
                "type": "declaration",
                "payload": base64.b64encode(statement).decode(),
            }
        ],
        "documents": {
            f"{answers_digest}.answers.json": base64.b64encode(answers).decode(),
            f"{digest}.declaration.json": base64.b64encode(declaration).decode(),
        },
        "disclosures": {id_: {"audience": [text]}},
    }
    facts = {"org": "me", "requester_org": "asks", "response_id": "r"}
    return prepared, {"keyId": "k"}, facts
