"""`rensho monitor`: watch a log from outside, once or for ever.

Exit codes: 0 nothing to shout about, 1 an alarm, 2 wrong usage or the log could not be read.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rensho import archive, bundle, log_access, promises, strict_json
from rensho.cli_io import DONE, REFUSED, USAGE, Usage, load_trust, read, say
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PrivateKey
from rensho.log_reader import LogReader, Unreachable
from rensho.material import is_archive
from rensho.monitor import Report, Watch, look
from rensho.monitor_state import State
from rensho.promises import PROMISE, Promise
from rensho.trust import Trust

_ID: Final = re.compile(r"[0-9a-f]{64}")
_BUNDLE: Final = ".sigstore.json"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("url", help="the deployment's address; the log is at URL/log")
    parser.add_argument("--trust", type=Path, required=True)
    parser.add_argument("--state", type=Path, default=Path("rensho-monitor.json"))
    parser.add_argument("--once", action="store_true", help="look once and exit")
    parser.add_argument("--interval", type=float, default=300.0, metavar="SECONDS")
    parser.add_argument("--stalled-after", type=float, default=3.0, metavar="HOURS")
    parser.add_argument("--token", help="access token for entry tiles; or RENSHO_TOKEN")
    parser.add_argument("--token-file", type=Path, help="read anew at every look")
    parser.add_argument("--witness-key", type=Path, help="read entry tiles as this witness (PEM)")
    parser.add_argument("--witness-name")
    parser.add_argument("--key-id", action="append", default=[], help="mine; repeatable")
    parser.add_argument(
        "--known", nargs="+", default=[], metavar="FILE|ID", help="statements I made"
    )
    parser.add_argument("--promise", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("--production", action="store_true", help="refuse a demo Trust file")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each look")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look once, or until interrupted; return the exit code."""
    trust = load_trust(options.trust, production=options.production)
    watch = Watch(
        key_ids=frozenset(options.key_id),
        known=frozenset(one for name in options.known for one in _ids(name)),
        promises=tuple(_promise(path, trust) for path in options.promise),
        stalled_after=timedelta(hours=options.stalled_after),
        entries=_has_access(options),
    )
    if watch.key_ids and not watch.entries:
        raise Usage("--key-id needs entry tiles: give --token, --token-file or --witness-key")
    reader = _reader(options)
    state = _load(options.state)
    code = DONE
    try:
        while True:
            report, state = look(reader, trust, watch, state, datetime.now(UTC))
            _save(options.state, state)
            _tell(report, as_json=options.json)
            code = _code(report) if options.once else max(code, REFUSED if report.alarms else DONE)
            if options.once:
                return code
            time.sleep(options.interval)
    except KeyboardInterrupt:
        return code


def _code(report: Report) -> int:
    if report.alarms:
        return REFUSED
    return USAGE if report.failure else DONE


def _has_access(options: argparse.Namespace) -> bool:
    if (options.witness_key is None) != (options.witness_name is None):
        raise Usage("give --witness-key and --witness-name together")
    given = (options.token, options.token_file, options.witness_key, os.environ.get("RENSHO_TOKEN"))
    return any(given)


def _reader(options: argparse.Namespace) -> LogReader:
    key = PrivateKey.from_pem(read(options.witness_key)) if options.witness_key else None

    def authorize(origin: str) -> str | None:
        if key is not None:
            return log_access.header(options.witness_name, key, origin, datetime.now(UTC))
        if options.token_file is not None:
            # Access tokens live for minutes: whoever fetches them puts the newest one here.
            try:
                return f"Bearer {read(options.token_file).decode('ascii').strip()}"
            except (Usage, UnicodeDecodeError) as why:
                raise Unreachable(f"no access token: {why}") from why
        token = options.token or os.environ.get("RENSHO_TOKEN")
        return f"Bearer {token}" if token else None

    try:
        return LogReader(options.url, authorize)
    except ValueError as why:
        raise Usage(str(why)) from why


def _ids(name: str) -> Iterator[str]:
    """Yield the statement ids a file is about: a bundle, a zip of them, or ids in lines."""
    if _ID.fullmatch(name):
        yield name
        return
    data = read(Path(name))
    try:
        if is_archive(data):
            for entry, content in archive.read(data).items():
                if entry.endswith(_BUNDLE):
                    yield bundle.parse(content).statement_id
        elif data.lstrip().startswith(b"{"):
            yield bundle.parse(data).statement_id
        else:
            yield from _lines(name, data)
    except VerificationError as why:
        raise Usage(f"{name}: {why}") from why


def _lines(name: str, data: bytes) -> Iterator[str]:
    for line in data.decode("utf-8", "replace").split():
        if not _ID.fullmatch(line):
            raise Usage(f"{name} is no bundle, no archive, and no list of statement ids")
        yield line


def _promise(path: Path, trust: Trust) -> Promise:
    """Read a promise that an operator key of Trust signed; another one is no evidence."""
    try:
        envelope = Envelope.from_json(strict_json.loads(read(path)), PROMISE)
        for deployment in trust.deployments:
            signer = deployment.fixed_key(envelope.keyid)
            if signer is not None and signer[1] == "operator":
                return promises.Promise.parse(envelope.open(signer[0]))
    except VerificationError as why:
        raise Usage(f"{path}: {why}") from why
    raise Usage(f"{path}: signed by no operator key of the Trust file")


def _load(path: Path) -> State:
    if not path.exists():
        return State()
    try:
        return State.load(read(path))
    except VerificationError as why:
        raise Usage(f"{path}: {why}") from why


def _save(path: Path, state: State) -> None:
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(state.to_bytes())
        beside.replace(path)
    except OSError as why:
        raise Usage(f"{path}: {why.strerror}") from why


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False), flush=True)
        return
    if report.head is not None:
        print(f"{report.head.origin}  size {report.head.size}  {report.head.root_hash.hex()}")
    for note in report.notes:
        print(f"  note: {note}")
    for alarm in report.alarms:
        say(f"ALARM {alarm.code}: {alarm.detail}")
        for evidence in alarm.evidence:
            say(evidence)
    if report.failure:
        say(f"the log could not be read: {report.failure}")
    sys.stdout.flush()
