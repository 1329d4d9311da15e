"""Runs the story, says what happens in plain words, and leaves the files."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.demo import judging, report
from services.demo.http import Answered, Json, StoryBroken, Where
from services.demo.story import Story
from services.demo.world import build


@dataclass(frozen=True)
class Options:
    """What the demo is told.

    Attributes:
        where: the running system.
        link: the operator's invitation of the first organization, and its one-use code.
        suppliers: how many firms besides the manufacturer.
        tiers: how deep the chain goes.
        out: where the files go.
        json: print `summary.json` instead of words.
    """

    where: Where
    link: str
    code: str
    suppliers: int
    tiers: int
    seed: int
    out: Path
    json: bool


def run(options: Options) -> int:
    """Play the main job; returns the exit code, 0 only if everything was as told."""
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False)
    started = time.monotonic()
    try:
        with _progress(console) as progress:
            summary = _play(options, progress)
    except (StoryBroken, Answered) as why:
        console.print(f"[bold]The story broke:[/bold] {why}", markup=True)
        return 1
    summary["seconds"] = round(time.monotonic() - started, 1)
    text = json.dumps(summary, ensure_ascii=False, indent=1)
    (options.out / "summary.json").write_text(text + "\n", encoding="utf-8")
    if options.json:
        sys.stdout.write(text + "\n")
    else:
        console.print(f"\nDone in {summary['seconds']} s. Files: {options.out}")
    return 0


def _play(options: Options, progress: Progress) -> Json:
    world = build(options.suppliers, options.tiers, options.seed)
    bars: dict[str, object] = {}

    def advance(what: str, done: int, total: int) -> None:
        if what not in bars:
            bars[what] = progress.add_task(what, total=total)
        progress.update(bars[what], completed=done)  # type: ignore[arg-type]

    def tell(line: str) -> None:
        progress.console.print(f"  {line}", markup=False)

    def chapter(number: int, title: str) -> None:
        progress.console.print(f"\n[bold]{number} {title}[/bold]")

    story = Story(options.where, world, tell, advance)
    chapter(1, "The manufacturer enrols and imports its suppliers")
    story.requester_enrols(options.link, options.code)
    story.requester_imports()
    chapter(2, "It asks, and those it asks ask theirs")
    story.ask_down_the_chain()
    chapter(3, "Suppliers answer once and sign with their own keys")
    story.everybody_answers()
    story.requester_reviews()
    chapter(4, "A forgery is refused")
    story.a_forgery_is_refused()
    chapter(5, "The risk per tier is judged")
    judged = judging.take_snapshot(story)
    scores, tiers = judging.erp_pulls(story)
    tell(f"the ERP pulled {len(scores)} scores with a key that reads scores and nothing else")
    chapter(6, "An auditor checks, with files and no server")
    options.out.mkdir(parents=True, exist_ok=True)
    zips = judging.write_files(story, judged, scores, options.out)
    for line in judging.verify_offline(story, zips, options.out):
        tell(line)
    tell(judging.replay_offline(options.out))
    report.show(progress.console, story, judged)
    return report.summary(story, judged, tiers)


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)
