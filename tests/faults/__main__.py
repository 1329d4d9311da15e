"""`python -m tests.faults`: play the parts of the fault suite in full, and write docs/faults.md."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.kit import embedded, log
from services.migrate import ROOT
from tests.faults import bits, forks, fuzz, kills, outbox, scarcity, statements
from tests.faults.grounds import open_folder
from tests.faults.tally import Book, Part

PARTS: tuple[Part, ...] = (
    kills.PART,
    statements.PART,
    bits.PART,
    forks.PART,
    outbox.PART,
    scarcity.PART,
    fuzz.PART,
)
PAGE = ROOT / "docs" / "faults.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    names = [part.name for part in PARTS]
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(names)}; default: all")
    parser.add_argument("--rounds", type=int, help="rounds of each part; default: its goal")
    parser.add_argument("--minutes", type=float, help="stop each part after so long; resumable")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(tempfile.gettempdir()) / "rensho-faults.json",
        help="where the counts are kept between runs (default: %(default)s)",
    )
    parser.add_argument("--anew", action="store_true", help="forget what was counted before")
    parser.add_argument("--page", type=Path, default=PAGE, help="default: docs/faults.md")
    given = parser.parse_args()
    if strange := set(given.parts) - set(names):
        parser.error(f"no such part: {', '.join(sorted(strange))}")
    return given


@contextmanager
def _server() -> Iterator[str]:
    """The server of RENSHO_TEST_DATABASE_URL, else one of our own."""
    if given := os.environ.get("RENSHO_TEST_DATABASE_URL"):
        yield given
        return
    with open_folder() as folder, embedded.postgres(folder / "postgres") as url:
        yield url


def main() -> int:
    """Run the parts asked for; returns 1 if a promise was broken."""
    given = _arguments()
    log.configure(level=logging.CRITICAL)
    book = Book.open(given.state)
    broken = False
    with _server() as admin_url, open_folder() as folder:
        for part in PARTS:
            if given.parts and part.name not in given.parts:
                continue
            if given.anew:
                book.forget(part)
            until = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
            tally = book.tally(part, given.rounds or part.full, until, folder, admin_url)
            part.run(tally)
            tally.save()
            sys.stdout.write(f"{part.name}: {dict(tally.counts)} {tally.notes or ''}\n")
            sys.stdout.flush()
            if failed := book.broken(part):
                broken = True
                sys.stdout.write(f"{part.name}: BROKEN: {', '.join(failed)}\n")
            given.page.write_text(book.page(PARTS), encoding="utf-8")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
