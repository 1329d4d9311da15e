"""The parts of the fault suite with small counts; `make faults` plays them in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import forks, fuzz, kills, scarcity
from tests.faults.tally import Book, Part, Tally

pytestmark = [pytest.mark.slow, pytest.mark.system]


def held(
    part: Part, rounds: int, folder: Path, admin_url: str, beside: frozenset[str] = frozenset()
) -> Tally:
    """Play some rounds; every count that must be 0 is (but for `beside`), and all were played."""
    book = Book(folder / "state.json")
    tally = book.tally(part, rounds, float("inf"), folder, admin_url)
    part.run(tally)
    assert set(book.broken(part)) <= beside, (tally.counts, tally.notes)
    assert tally.rounds == rounds
    return tally


@pytest.mark.needs("rabbitmq")
def test_receipts_survive_a_kill_of_each_process(tmp_path: Path, admin_url: str) -> None:
    tally = held(kills.PART, 6, tmp_path, admin_url)
    assert tally.counts["acknowledged"] == 18
    assert tally.counts["receipts_verified"] == 6 * (2 + 3 + 3)
    assert {name for name in tally.counts if name.startswith("kills_of_")} == {
        f"kills_of_{victim}"
        for victim in ("web", "worker", "relay", "sequencer", "postgresql", "rabbitmq")
    }


def test_scarcity_is_answered_honestly_and_gets_over_itself(tmp_path: Path, admin_url: str) -> None:
    # How fast the others are served is for the full run to say: here other tests run beside it.
    tally = held(scarcity.PART, 1, tmp_path, admin_url, frozenset({"others_too_slow"}))
    assert tally.counts["refused_with_503"] >= 1


def test_no_fork_reaches_quorum(tmp_path: Path, admin_url: str) -> None:
    tally = held(forks.PART, 20, tmp_path, admin_url)
    assert tally.counts["one_reached_quorum"] + tally.counts["neither"] == 20


def test_flipped_bytes_are_refused(tmp_path: Path, admin_url: str) -> None:
    tally = held(fuzz.PART, 200, tmp_path, admin_url)
    assert tally.counts["refused"] >= 190


def test_a_run_that_was_stopped_goes_on_and_keeps_its_counts(
    tmp_path: Path, admin_url: str
) -> None:
    first = held(fuzz.PART, 200, tmp_path, admin_url)
    book = Book.open(tmp_path / "state.json")
    second = book.tally(fuzz.PART, 400, float("inf"), tmp_path, admin_url)
    assert second.rounds == 200
    fuzz.PART.run(second)
    assert second.rounds == 400
    assert second.counts["refused"] > first.counts["refused"]
    page = book.page([fuzz.PART, kills.PART])
    assert "400 flipped bytes of 100,000" in page
    assert "| kills | " in page
    assert "not run" in page


def test_a_broken_promise_is_told(tmp_path: Path) -> None:
    def breaks(tally: Tally) -> None:
        tally.add(rounds=1, lost=1)
        tally.note("lost: one")

    part = Part("breaks", "nothing is lost", "rounds", 1, ("lost",), breaks)
    book = Book(tmp_path / "state.json")
    part.run(book.tally(part, 1, float("inf"), tmp_path, ""))
    assert book.broken(part) == ["lost"]
    assert "BROKEN" in book.page([part])
    assert "- breaks: lost: one" in book.page([part])
