"""Whatever statement, commit or guard write fails, and however: nothing lost, nothing forked."""

from __future__ import annotations

import pytest

from tests.attestation.site import Site
from tests.faults.statements import MODES, Mode, Outcome, broken_at, steps

HELD = Outcome(broke=True, lost=0, gaps=0, forks=0, damage=())


def test_recording_takes_statements_commits_and_guard_writes(site: Site) -> None:
    seen = steps(site)
    assert seen.count("GUARD") >= 1
    assert seen.count("COMMIT") >= 6
    assert any("INSERT INTO attestation.leaf" in one for one in seen)
    assert any("INSERT INTO attestation.checkpoint" in one for one in seen)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", ["guard", "head", "commit"])
def test_a_step_that_fails_is_taken_up_again(site: Site, what: str, mode: Mode) -> None:
    """The steps by which a head is signed: the guard, the head, and the commit of it."""
    steps(site)  # opens the log as well; what follows takes the steps of every other run
    seen = steps(site)
    head = next(
        place for place, one in enumerate(seen) if "INSERT INTO attestation.checkpoint" in one
    )
    guard, commit = head - seen[head::-1].index("GUARD"), seen.index("COMMIT", head)
    number = {"guard": guard, "head": head, "commit": commit}[what]
    assert broken_at(site, number, mode) == HELD
