"""RM-1 again, in plain Python: recompute a snapshot's results from its facts document, offline.

The second implementation of the method: the risk service computes with other code and never
imports this. Input and output are fixed by `contracts/facts/README.md`; both programs agree within
2e-9 and use the same keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from rensho import jcs
from rensho.errors import VerificationError
from rensho.rm1_links import Json
from rensho.rm1_results import View

TOLERANCE = 2e-9
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]{9}")


def replay(facts: Json) -> Json:
    """Return the results document of a facts document.

    Args:
        facts: as `strict_json.loads` gives it.

    Raises:
        VerificationError: `facts.malformed`, `facts.policy_digest` or `facts.unstable`.
    """
    try:
        _check_kind(facts)
        _check_digest(facts)
        _check_references(facts)
        return View(facts).results()
    except VerificationError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as why:
        raise VerificationError("facts.malformed", repr(why)[:200]) from why
    except RecursionError as why:
        raise VerificationError("facts.malformed", "nested too deep") from why


def compare(results: Json, snapshot: Json) -> list[str]:
    """Return where two results documents differ, as paths; empty if they agree within 2e-9."""
    return list(_differences("", results, snapshot))


def _differences(path: str, mine: Any, theirs: Any) -> Iterable[str]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted(mine.keys() | theirs.keys()):
            if key not in mine or key not in theirs:
                yield f"{path}/{key}: only in {'the snapshot' if key in theirs else 'the replay'}"
            else:
                yield from _differences(f"{path}/{key}", mine[key], theirs[key])
    elif isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            yield f"{path}: {len(mine)} against {len(theirs)} entries"
        for n, (one, other) in enumerate(zip(mine, theirs, strict=False)):
            yield from _differences(f"{path}/{n}", one, other)
    elif not _same(mine, theirs):
        yield f"{path}: {mine!r} against {theirs!r}"


def _same(mine: Any, theirs: Any) -> bool:
    if all(isinstance(v, str) and _DECIMAL.fullmatch(v) for v in (mine, theirs)):
        return abs(float(mine) - float(theirs)) <= TOLERANCE
    return type(mine) is type(theirs) and bool(mine == theirs)


def _check_kind(facts: Json) -> None:
    if facts["contract"] != "rensho/facts/v1" or facts["model"] != "rm-1":
        raise VerificationError("facts.malformed", "not a facts document of RM-1")


def _check_digest(facts: Json) -> None:
    if hashlib.sha256(jcs.dumps(facts["policy"])).hexdigest() != facts["policy_digest"]:
        raise VerificationError("facts.policy_digest", "the policy is not the one digested")


def _check_references(facts: Json) -> None:
    links = _ids(facts["direct"]) | _ids(facts["deeper"])
    lists = _ids(facts["lists"]) | {"silent", "none"}
    below = lists | {"closed"}
    questions = _ids(facts["questions"])
    dangling = [
        *({link["list"] for link in facts["direct"]} - lists),
        *({link["list"] for link in facts["deeper"]} - below),
        *({entry["link"] for signed in facts["lists"] for entry in signed["entries"]} - links),
        *(set(facts["starter"]) - questions),
        *({asked for link in facts["direct"] for asked in link["asked"]} - questions),
        *({a["question"] for link in facts["direct"] for a in _answers(link)} - questions),
    ]
    if dangling or _ids(facts["direct"]) & _ids(facts["deeper"]):
        raise VerificationError("facts.malformed", f"these point nowhere: {sorted(dangling)[:5]}")


def _ids(table: list[Json]) -> set[str]:
    found = {row["id"] for row in table}
    if len(found) != len(table):
        raise VerificationError("facts.malformed", "an id is used twice in its table")
    return found


def _answers(link: Json) -> list[Json]:
    return [*link["organization"], *(a for c in link["components"] for a in c["answers"])]
