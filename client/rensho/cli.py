"""The command `rensho`: sign, verify and replay without any server.

Exit codes: 0 VALID or done, 1 INVALID or refused, 2 wrong usage or unreadable input,
3 INDETERMINATE.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rensho import (
    archive,
    bundle,
    cli_monitor,
    cli_trust,
    disclosure,
    dsse,
    jcs,
    salted,
    sign,
    statement,
    strict_json,
    times,
    verify,
)
from rensho.cli_io import DONE, REFUSED, UNDECIDED, USAGE
from rensho.cli_io import Usage as _Usage
from rensho.cli_io import load_trust as _load_trust
from rensho.cli_io import read as _read
from rensho.cli_io import say as _say
from rensho.cli_io import write_new as _write_new
from rensho.entries import Respondent
from rensho.errors import VerificationError
from rensho.expectations import ANY, Expectations, ExpectedRequest
from rensho.keys import PrivateKey
from rensho.material import Material, is_archive
from rensho.promises import ENROL_CHALLENGE, KEY_VETO
from rensho.verdict import PARTS, Verdict

_EXIT: Final = {"VALID": DONE, "INVALID": REFUSED, "INDETERMINATE": UNDECIDED}
# A requester's own facts, however large its chain: a hundred thousand firms are 250 MiB.
_MAX_FACTS: Final = 1024 * 1024 * 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except _Usage as why:
        print(f"rensho: {why}", file=sys.stderr)
        return USAGE
    except VerificationError as why:
        print(f"rensho: {why}", file=sys.stderr)
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rensho", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    keygen = commands.add_parser("keygen", help="make a signing key (PEM, mode 0600)")
    keygen.add_argument("file", type=Path)
    keygen.add_argument("--algorithm", choices=("ecdsa-p256", "ed25519"), default="ecdsa-p256")
    keygen.set_defaults(run=_keygen)

    signing = commands.add_parser("sign", help="sign a prepared statement or enrolment challenge")
    signing.add_argument("file", type=Path)
    signing.add_argument("--key", type=Path, required=True)
    kind = signing.add_mutually_exclusive_group()
    kind.add_argument("--challenge", action="store_true", help="FILE is an enrolment challenge")
    kind.add_argument("--veto", action="store_true", help="FILE stops a change of this key")
    signing.add_argument("--out", type=Path, help="where to write; standard output if left out")
    signing.set_defaults(run=_sign)

    _add_verify(commands.add_parser("verify", help="verify a response archive or a bundle"))

    inspect = commands.add_parser("inspect", help="show what a file says, WITHOUT verifying it")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(run=_inspect)

    cli_trust.add(commands.add_parser("trust", help="look after a Trust file"))

    replay = commands.add_parser("replay", help="recompute a risk snapshot from its facts")
    replay.add_argument("facts", type=Path)
    replay.add_argument("--expect", type=Path, help="results document or snapshot archive")
    replay.add_argument("--json", action="store_true")
    replay.set_defaults(run=_replay)

    cli_monitor.add(commands.add_parser("monitor", help="watch a log from outside"))
    return parser


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path)
    parser.add_argument("--trust", type=Path, required=True)
    parser.add_argument("--with", dest="beside", type=Path, nargs="+", default=[], metavar="FILE")
    parser.add_argument("--audience", metavar="ORG", help="urn:rensho:org:… who reads")
    parser.add_argument("--request", type=Path, help="JSON {requestId, nonce}, or the disclosure")
    parser.add_argument("--any", default="", help="audience,request: compare with nothing")
    parser.add_argument("--component", help="supplierComponentId the answer must be about")
    parser.add_argument("--line", help="goods, product or site the declared scope must cover")
    parser.add_argument("--signer-role")
    parser.add_argument("--max-age-days", type=int, help="greatest age of the signature")
    parser.add_argument("--at", help="judge as of YYYY-MM-DDTHH:MM:SSZ instead of now")
    parser.add_argument("--production", action="store_true", help="refuse a demo Trust file")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_verify)


def _keygen(options: argparse.Namespace) -> int:
    key = PrivateKey.generate(options.algorithm)
    _write_new(options.file, key.to_pem(), 0o600)
    _write_new(Path(f"{options.file}.pub"), key.public.to_pem(), 0o644)
    print(f"key id {key.public.key_id}")
    return DONE


def _sign(options: argparse.Namespace) -> int:
    payload = _read(options.file)
    key = PrivateKey.from_pem(_read(options.key))
    if options.challenge or options.veto:
        challenge = sign.EnrolChallenge.parse(payload)
        if challenge.key_id != key.public.key_id:
            raise VerificationError("key.hint_mismatch", "the challenge is for another key")
        does, kind = ("stops at", KEY_VETO) if options.veto else ("proves to", ENROL_CHALLENGE)
        _say(f"{does} {challenge.origin}: {challenge.purpose}, for {challenge.org}")
        signed = jcs.dumps(dsse.sign(key, payload, kind).to_json())
    else:
        told = statement.parse(payload, [_base_of(payload)])
        if told.signer_key_id != key.public.key_id:
            raise VerificationError("key.hint_mismatch", "the statement is for another key")
        _say(f"signs {told.name} {told.id} as {told.signer_role} of {told.signer_org}")
        signed = bundle.make(dsse.sign(key, payload), key.public)
    if options.out is None:
        sys.stdout.buffer.write(signed + b"\n")
    else:
        _write_new(options.out, signed, 0o644)
    return DONE


def _base_of(payload: bytes) -> str:
    value = strict_json.loads(payload)
    uri = value.get("predicateType") if isinstance(value, dict) else None
    return str(uri).rsplit("/", 2)[0]


def _verify(options: argparse.Namespace) -> int:
    expect = _expectations(options)
    trust = _load_trust(options.trust, production=options.production)
    now = _time(options.at) if options.at else datetime.now(UTC)
    beside = tuple((path.name, _read(path)) for path in options.beside)
    try:
        answer = verify.verify(Material(_read(options.file), beside), trust, expect, now)
    except VerificationError as why:
        raise _Usage(str(why)) from why
    if options.json:
        print(json.dumps(_as_json(answer), ensure_ascii=False, indent=1))
    else:
        _print(answer)
    return _EXIT[answer.status]


def _expectations(options: argparse.Namespace) -> Expectations:
    left_open = {name for name in options.any.split(",") if name}
    if not left_open <= {"audience", "request"}:
        raise _Usage("--any takes audience and request")
    if (options.audience is None) != ("audience" in left_open):
        raise _Usage("give either --audience ORG or --any audience")
    if (options.request is None) != ("request" in left_open):
        raise _Usage("give either --request FILE or --any request")
    age = options.max_age_days
    return Expectations(
        audience=options.audience or ANY,
        request=_request(options.request) if options.request else ANY,
        component=options.component or ANY,
        line=options.line or ANY,
        signer_role=options.signer_role or ANY,
        freshness=timedelta(days=age) if age is not None else ANY,
    )


def _request(path: Path) -> ExpectedRequest:
    data = _read(path)
    try:
        if data.lstrip().startswith(b"{"):
            value = strict_json.loads(data)
            return ExpectedRequest(str(value["requestId"]), str(value["nonce"]))
        opened = Respondent.from_json(disclosure.parse(data.decode("ascii").strip()).value)
    except (KeyError, UnicodeDecodeError, VerificationError) as why:
        raise _Usage(f"{path} is neither {{requestId, nonce}} nor a request disclosure") from why
    return ExpectedRequest(opened.request_id, opened.nonce)


def _as_json(answer: Verdict) -> dict[str, Any]:
    return {
        "status": answer.status,
        "parts": dict(answer.parts),
        "codes": list(answer.codes),
        "findings": [
            {"step": one.step, "code": one.code, "detail": one.detail} for one in answer.findings
        ],
        "notes": list(answer.notes),
        "statements": {name: _as_json(one) for name, one in answer.statements.items()},
    }


def _print(answer: Verdict) -> None:
    print(answer.status)
    for part in PARTS:
        print(f"  {part:<10} {answer.parts[part]}")
    for finding in answer.findings:
        print(f"  step {finding.step:>2}  {finding.code}  {finding.detail}".rstrip())
    for note in answer.notes:
        print(f"  note: {note}")


def _inspect(options: argparse.Namespace) -> int:
    data = _read(options.file)
    print("NOT VERIFIED: this only shows what the file claims.")
    if is_archive(data):
        for name, content in archive.read(data).items():
            print(f"{name}  {len(content)} bytes")
            if name.endswith(".sigstore.json"):
                _print_claims(bundle.parse(content))
    else:
        found = bundle.parse(data)
        _print_claims(found)
        print(_pretty(found.envelope.payload))
    return DONE


def _print_claims(found: bundle.Bundle) -> None:
    claimed = strict_json.loads(found.envelope.payload)
    kind = claimed.get("predicateType") if isinstance(claimed, dict) else None
    place = f"log index {found.entry.index}" if found.entry else "not logged"
    print(f"  statement {found.statement_id}")
    print(f"  claims to be {kind}, key {found.hint or 'in a certificate'}, {place}")


def _pretty(payload: bytes) -> str:
    return json.dumps(strict_json.loads(payload), ensure_ascii=False, indent=1)


def _replay(options: argparse.Namespace) -> int:
    from rensho import replay  # noqa: PLC0415 - the model is of no use to the other commands

    data = _read(options.facts, _MAX_FACTS)
    results = replay.replay(strict_json.loads(data))
    if options.json or options.expect is None:
        print(json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True))
    if options.expect is None:
        return DONE
    expected = expected_results(_read(options.expect, _MAX_FACTS), data)
    differences = replay.compare(results, strict_json.loads(expected))
    for difference in differences:
        print(f"differs: {difference}", file=sys.stderr)
    _say("the snapshot differs" if differences else "the snapshot says the same")
    return REFUSED if differences else DONE


def expected_results(data: bytes, facts: bytes) -> bytes:
    """Return the results document: given itself, or out of a snapshot's archive on these facts."""
    if not is_archive(data):
        return data
    entries = archive.read(data)
    if f"{salted.sha256(facts)}.facts.json" not in entries:
        raise VerificationError("descriptor.digest", "the snapshot is of other facts")
    results = [entries[name] for name in entries if name.endswith(".results.json")]
    if len(results) != 1:
        raise VerificationError("content.missing", "the archive holds no one results document")
    return results[0]


def _time(text: str) -> datetime:
    try:
        return times.read(text)
    except VerificationError as why:
        raise _Usage("--at takes YYYY-MM-DDTHH:MM:SSZ") from why


if __name__ == "__main__":
    sys.exit(main())
