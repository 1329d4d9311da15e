"""The demo at size: enrol and publish over HTTP, feed made-up events, then judge, explain, export.

What the small demo plays in full over HTTP (asking, signing, logging) is left out here, and every
output says that the facts are synthetic.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from rensho import archive, bundle
from rich.console import Console
from sqlalchemy import text

from services.demo import judging, report
from services.demo.cast import REQUESTER
from services.demo.http import Api, Json, StoryBroken, Where, until
from services.demo.judging import Judged
from services.demo.story import PACKS, Story
from services.demo.world import World
from services.kit.db import Actor, Database
from services.kit.outbox import Event, event_contract
from services.kit.settings import Settings
from services.risk.app import PLUMBING, feed, handlers
from services.synthetic.chain import Chain, build
from services.synthetic.events import Asked, Teller

ABOVE = 5_000
"""From more suppliers on than this the demo feeds synthetic facts."""
_BATCH = 5_000
_ONE_IN = 20
_UNDECIDED = 3
_JUDGING_SECONDS = 3_600.0
_FITS_AN_ARCHIVE = 40 * 1024**2


@dataclass(frozen=True)
class Options:
    """What is told, how large, and where the files go."""

    link: str
    code: str
    suppliers: int
    tiers: int
    seed: int
    out: Path
    json: bool


class _Said:
    """What the console says, each part with the seconds it took; `took` keeps them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.took: dict[str, float] = {}
        self.at = time.monotonic()

    def __call__(self, what: str, line: str) -> None:
        now = time.monotonic()
        self.took[what] = round(now - self.at, 1)
        self.at = now
        self.console.print(f"  {self.took[what]:7.1f} s  {line}", markup=False)


def run(settings: Settings, options: Options) -> int:
    """Play it; returns the exit code, 0 only if everything was as told."""
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False)
    console.print("[bold]Synthetic facts: made up, unsigned. Only the snapshot is signed.[/bold]")
    began = time.monotonic()
    try:
        summary = _play(settings, options, console)
    except StoryBroken as why:
        console.print(f"[bold]The story broke:[/bold] {why}", markup=True)
        return 1
    summary["seconds"] = round(time.monotonic() - began, 1)
    told = json.dumps(summary, ensure_ascii=False, indent=1)
    (options.out / "summary.json").write_text(told + "\n", encoding="utf-8")
    if options.json:
        sys.stdout.write(told + "\n")
    else:
        console.print(f"\nDone in {summary['seconds']} s. Files: {options.out}")
    return 0


def _play(settings: Settings, options: Options, console: Console) -> Json:
    said = _Said(console)
    chain = build(options.suppliers, options.tiers, options.seed)
    where = Where(f"http://127.0.0.1:{settings.port}")
    story = Story(where, World(REQUESTER, (), {}), lambda _: None, lambda *_: None)
    story.requester_enrols(options.link, options.code)
    asked = [_publish(story, selection) for selection in ("all", "starter")]
    said("made", f"{len(chain.makers):,} firms, {len(list(chain.links())):,} links made up")
    events = _feed(settings, story, chain, asked, options.seed)
    said(
        "fed",
        f"{events:,} events through the inbox of risk, one in {_ONE_IN} held to its schema",
    )
    judged = _judge(story.requester.api)
    results = judged.said
    said("judged", f"{len(results['firms']):,} firms judged; the snapshot is signed and logged")
    scores, _ = _pull(story)
    said("exported", f"{len(scores):,} scores pulled with a key that reads scores and nothing else")
    options.out.mkdir(parents=True, exist_ok=True)
    _write(story, judged, scores, options.out)
    advice = story.requester.api.get("/risk/v1/advice", limit=5)["items"]
    farthest = max(scores, key=lambda score: (score["tier"], score["score"] or 0.0))
    way = _explain(story.requester.api, farthest["id"])
    said("explained", f"a firm of tier {farthest['tier']} reaches the requester by {way}")
    _check(options.out, said)
    report.tiers(console, results)
    console.print("\n[bold]What to do next[/bold] (the supplier's index, from … to …)")
    for one in advice:
        console.print(f"  {_action(one)}", markup=False)
    memory = _memory()
    console.print("\n[bold]Memory at most[/bold] " + ", ".join(f"{k} {v}" for k, v in memory))
    return {
        "synthetic": True,
        "firms": len(chain.makers) + 1,
        "links": len(list(chain.links())),
        "events": events,
        "snapshot": judged.snapshot["id"],
        "total": results["total"],
        "portfolio_index": results["portfolio_index"],
        "tiers": results["tiers"],
        "took": said.took,
        "memory": dict(memory),
    }


def _publish(story: Story, selection: str) -> Json:
    api = story.requester.api
    versions = {p["id"]: p["version"] for p in api.every("/questionnaire/v1/packs")}
    return api.post(
        "/questionnaire/v1/questionnaires",
        {
            "title": "AIの利用状況調査 / AI governance survey (synthetic)",
            "packs": [{"id": name, "version": versions[name]} for name in PACKS],
            "selection": selection,
        },
    )


def _feed(
    settings: Settings, story: Story, chain: Chain, published: Sequence[Json], seed: int
) -> int:
    db = Database(
        PLUMBING, settings.service_url("risk", "worker"), statement_timeout_ms=120_000, pool_size=2
    )
    try:
        first, further = (_heard(db, one["id"]) for one in published)
        now = datetime.now(UTC).replace(microsecond=0)
        chance = random.Random(seed)
        teller = Teller(chain, story.requester.org_id, first, further, now, chance)
        handling = handlers(settings)
        many = 0
        for batch in _batches(teller.events()):
            # To hold all against their schemas would take longer than all the rest; a test holds
            # every event of a smaller chain.
            for event in batch[::_ONE_IN]:
                event_contract(event["type"]).validator.validate(event)
            many += feed(db, batch, handling)
        _analyze(settings)
        return many
    finally:
        db.close()


def _analyze(settings: Settings) -> None:
    """Let the planner know of what was poured in; only the tables' owner may."""
    owner = Database(
        PLUMBING, settings.service_url("risk", "owner"), statement_timeout_ms=120_000, pool_size=1
    )
    try:
        with owner.engine.begin() as connection:
            connection.execute(text("ANALYZE risk.link, risk.response, risk.recorded"))
            connection.execute(text("ANALYZE risk.request, risk.key_change, risk.review"))
    finally:
        owner.close()


def _batches(events: Iterator[Event]) -> Iterator[list[Event]]:
    while batch := list(islice(events, _BATCH)):
        yield batch


def _heard(db: Database, questionnaire: str) -> Asked:
    """Wait until risk has heard of a questionnaire; return it as risk has it."""

    def look() -> Asked | None:
        with db.begin(Actor("urn:rensho:demo"), read_only=True) as tx:
            row = tx.execute(
                text("SELECT questions FROM risk.questionnaire WHERE questionnaire_id = :id"),
                {"id": questionnaire},
            ).first()
        return None if row is None else Asked(questionnaire, "0" * 64, row.questions)

    return until(look, "the questionnaire at risk")


def _judge(api: Api) -> Judged:
    made = api.post("/risk/v1/snapshots")
    path = f"/risk/v1/snapshots/{made['id']}"

    def look() -> Json | None:
        snapshot = api.get(path)
        return snapshot if snapshot["state"] == "logged" else None

    snapshot = until(look, "the snapshot in the log", _JUDGING_SECONDS)
    api.client.timeout = 600.0
    facts, results = (api.call("GET", f"{path}/{name}").content for name in ("facts", "results"))
    return Judged(snapshot, facts, results)


def _pull(story: Story) -> tuple[list[Json], Json]:
    return judging.erp_pulls(story)


def _write(story: Story, judged: Judged, scores: list[Json], out: Path) -> None:
    api = story.requester.api
    for name in ("trust.json", "trusted_root.json"):
        content = api.raw("GET", f"/attestation/v1/{name}").raise_for_status().content
        (out / name).write_bytes(content)
    (out / "facts.json").write_bytes(judged.facts)
    (out / "results.json").write_bytes(judged.results)
    # An archive is read by whoever gets it and may hold 50 MiB; a great snapshot's documents lie
    # beside its evidence.
    small = len(judged.facts) + len(judged.results) < _FITS_AN_ARCHIVE
    kept = judging.snapshot_zip(api, judged) if small else judging.evidence(api, judged)
    (out / "snapshot.rensho.zip").write_bytes(kept)
    marked = [score | {"synthetic": "yes"} for score in scores]
    judging.write_csv(marked, out / "risk.csv", (*judging.CSV_COLUMNS, "synthetic"))


def _explain(api: Api, firm: str) -> str:
    told = api.get(f"/risk/v1/suppliers/{firm}/explanation")
    if not told["ways"]:
        raise StoryBroken(f"no way leads to {firm}")
    best = told["ways"][0]
    return f"{len(told['ways'])} ways, the heaviest over {len(best['steps'])} links"


def _check(out: Path, said: _Said) -> None:
    """Verify the snapshot and judge its facts once more in processes that know no server."""
    snapshot = str(out / "snapshot.rensho.zip")
    trust = str(out / "trust.json")
    _digests(out)
    for name, beside, arguments, told in (
        (
            "verified",
            # Of evidence alone everything is VALID but the content, which is not in hand (3).
            _UNDECIDED,
            ["verify", snapshot, "--trust", trust, "--any", "audience,request"],
            "the snapshot verifies offline, and these documents are those it signs",
        ),
        (
            "replayed",
            0,
            ["replay", str(out / "facts.json"), "--expect", str(out / "results.json")],
            "a second program recomputes the same numbers from its facts",
        ),
    ):
        done = subprocess.run(  # noqa: S603 (our own interpreter, our own arguments)
            [sys.executable, "-m", "rensho.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, beside):
            raise StoryBroken(f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        said(name, told)


def _digests(out: Path) -> None:
    """The documents are those that were signed."""
    entries = archive.read((out / "snapshot.rensho.zip").read_bytes())
    signed = [data for name, data in entries.items() if name.endswith(".sigstore.json")]
    payloads = b"".join(bundle.parse(data).envelope.payload for data in signed)
    for name in ("facts.json", "results.json"):
        if hashlib.sha256((out / name).read_bytes()).hexdigest().encode() not in payloads:
            raise StoryBroken(f"{name} is not what was signed")


def _action(of: Json) -> str:
    what = of["action"] + (f" {of['question']}" if of["question"] else "")
    index = of["index"]
    return f"{what} at {of['supplier']}: {index['before']} → {index['after']}"


def _memory() -> list[tuple[str, str]]:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    database = sum(_private(child) for child in psutil.Process().children(recursive=True))
    return [
        ("server", f"{own:.1f} GiB"),
        ("replay", f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2:.1f} GiB"),
        ("children now", f"{database / 1024**3:.1f} GiB"),
    ]


def _private(process: Any) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0
