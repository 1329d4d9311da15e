"""Each finding stands at its step: the museum's vectors once more, for what `judged` leaves out."""

from __future__ import annotations

from typing import Any

import pytest
from rensho import times
from rensho.verify import Material, Verdict, verify

from tests.client import museum
from tests.client.test_museum import FILES, vector

BAD = [
    path
    for path in FILES
    if path.parent.name == "bad"
    and (told := vector(path))["judge"] == "verify"
    and told["expected"]["status"] != "REFUSED"  # before any step
]
GOOD = [path for path in FILES if path.parent.name == "good" and vector(path)["judge"] == "verify"]

# That the names of a key differ is a matter of step 5; these two show where the envelope is opened
# and where the statement is read.
_SHOWS_LATER = {"keyid-names-another-key": 6, "signed-by-a-stranger": 7}


def _verdict(told: dict[str, Any]) -> Verdict:
    material = told["material"]
    return verify(
        Material(
            museum._read(material["main"]),
            tuple((name, museum._read(data)) for name, data in material["beside"]),
        ),
        museum._trust(told),
        museum._expectations(told["expect"]),
        times.read(told["now"]),
    )


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_fault_is_found_at_the_step_it_is_filed_under(path: Any) -> None:
    told = vector(path)
    found = _verdict(told)
    wanted = set(told["expected"]["codes"])
    assert {one.code for one in found.findings} == wanted
    step = _SHOWS_LATER.get(path.stem, told["step"])
    assert step in {one.step for one in found.findings}


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_nothing_is_found_in_good_evidence(path: Any) -> None:
    assert _verdict(vector(path)).findings == ()
