"""Every SQL statement and every commit of the sequencer fails once, in both ways.

`lost`: it never reached the database. `told`: it was executed, and reported as failed. For a commit
the second is the dangerous one: what was thought lost is there. After each fault a new sequencer,
which remembers nothing, must finish the work, and every head that was ever signed, also one whose
commit failed, must be a head of one and the same tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from rensho import checkpoint, merkle

from services.attestation.actions import guard_file
from services.attestation.tasks.sequencer import Sequencer
from services.kit.damage import Damage
from tests.attestation.site import Site, relation
from tests.deployments import deployed
from tests.factories.attestation import Firm, Made, OrganizationEnrolled
from tests.factories.attestation import event as an_event
from tests.faults.grounds import database, open_folder
from tests.faults.sites import sites
from tests.faults.tally import Part, Tally

Mode = Literal["lost", "told"]
MODES: tuple[Mode, ...] = ("lost", "told")


class Broken(Exception):
    """The connection is gone: nobody can say what became of the statement."""


@dataclass
class Faults:
    """Counts what a sequencer asks of database and guard file, and breaks one of it."""

    at: int | None = None
    mode: Mode = "lost"
    seen: list[str] = field(default_factory=list)

    def around(self, what: str, work: Callable[[], Any]) -> Any:
        """Do the work, or break before or after it."""
        number = len(self.seen)
        self.seen.append(what)
        if number == self.at and self.mode == "lost":
            raise Broken(what)
        done = work()
        if number == self.at:
            raise Broken(what)
        return done


@contextmanager
def injected(sequencer: Sequencer, faults: Faults) -> Iterator[None]:
    """Have every statement, commit and guard write of a sequencer counted, and one of them fail."""
    engine = sequencer.db.engine
    dialect, write = engine.dialect, guard_file.write
    execute, commit = dialect.do_execute, dialect.do_commit

    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        faults.around(statement, lambda: execute(cursor, statement, parameters, context))

    def do_commit(connection: Any) -> None:
        faults.around("COMMIT", lambda: commit(connection))

    dialect.do_execute, dialect.do_commit = do_execute, do_commit
    many = dialect.do_executemany

    def do_executemany(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        faults.around(statement, lambda: many(cursor, statement, parameters, context))

    dialect.do_executemany = do_executemany
    guard_file.write = lambda path, head: faults.around("GUARD", lambda: write(path, head))
    try:
        yield
    finally:
        del dialect.do_execute, dialect.do_commit, dialect.do_executemany
        guard_file.write = write


@dataclass
class Signed:
    """Every head the operator's log key ever signed, whatever became of it."""

    heads: dict[tuple[str, int], set[bytes]] = field(default_factory=dict)

    def forks(self, roots: Callable[[str, int], bytes]) -> int:
        """Return how many signed heads are of another tree than the one there is now."""
        return sum(
            root != roots(origin, size)
            for (origin, size), some in self.heads.items()
            for root in some
        )


@contextmanager
def watching_signatures() -> Iterator[Signed]:
    """See every note at the moment it is signed."""
    signed, sign = Signed(), checkpoint.sign

    def watched(origin: str, size: int, root_hash: bytes, key: Any) -> bytes:
        signed.heads.setdefault((origin, size), set()).add(root_hash)
        return sign(origin, size, root_hash, key)

    checkpoint.sign = watched
    try:
        yield signed
    finally:
        checkpoint.sign = sign


@dataclass
class Waiting:
    """What was acknowledged before the fault: a response and a key."""

    made: Made
    respondent: Firm
    newcomer: Firm


def acknowledged(site: Site) -> Waiting:
    """Have a response and a key wait for the sequencer."""
    here = relation(site)
    made = here.maker().make()
    assert site.submit(here.respondent, made).status_code == 202
    newcomer = Firm()
    site.hear(an_event(OrganizationEnrolled, org_id=str(newcomer.org)))
    site.enrol_key(newcomer)
    return Waiting(made, here.respondent, newcomer)


def finish(sequencer: Sequencer) -> None:
    """Run a sequencer until it has nothing left to do."""
    sequencer.start()
    while sequencer.round():
        pass


def steps(site: Site) -> list[str]:
    """Return, in order, every statement, commit and guard write that recording something takes."""
    acknowledged(site)
    sequencer, faults = site.new_sequencer(), Faults()
    with injected(sequencer, faults):
        finish(sequencer)
    return faults.seen


@dataclass(frozen=True)
class Outcome:
    """What one fault left behind."""

    broke: bool
    lost: int
    gaps: int
    forks: int
    damage: tuple[Damage, ...]


def broken_at(site: Site, number: int, mode: Mode) -> Outcome:
    """Break one step of recording what waits, finish with a new sequencer, and look."""
    with watching_signatures() as signed:
        waiting = acknowledged(site)
        sequencer, broke = site.new_sequencer(), False
        with injected(sequencer, Faults(number, mode)):
            try:
                finish(sequencer)
            except Broken:
                broke = True
        finish(site.new_sequencer())
        return Outcome(broke, *_left(site, waiting, signed))


def _left(site: Site, waiting: Waiting, signed: Signed) -> tuple[int, int, int, tuple[Damage, ...]]:
    lost = sum(
        site.get(f"/statements/{one}/bundle", waiting.respondent.org).status_code != 200
        for one in waiting.made.ids
    )
    keys = site.get("/keys", waiting.newcomer.org).json()["items"]
    lost += [key["state"] for key in keys] != ["enrolled"]
    rows = site.sql('SELECT "index", data FROM attestation.leaf ORDER BY epoch, "index"')
    gaps = sum(index != place for place, (index, _) in enumerate(rows))
    said = [one["statement_id"] for one in site.said("statement.recorded.v1")]
    gaps += len(said) - len(set(said))
    hashes = [merkle.leaf_hash(bytes(data)) for _, data in rows]
    forks = signed.forks(lambda _, size: merkle.root(hashes[:size]))
    return lost, gaps, forks, tuple(site.damage())


def run(tally: Tally) -> None:
    """Try every step in both ways, one deployment each; goes on where it stopped."""
    if not tally.more():
        return
    with (
        open_folder() as folder,
        database(tally.admin_url) as url,
        sites(deployed(url, folder), folder) as made,
    ):
        with made.fresh() as site:
            everything = steps(site)
        cases = [(number, mode) for number in range(len(everything)) for mode in MODES]
        tally.counts["of"] = len(cases)
        tally.wanted = min(tally.wanted, len(cases))
        while tally.more():
            number, mode = cases[tally.rounds]
            with made.fresh() as site:
                outcome = broken_at(site, number, mode)
            if (outcome.lost, outcome.gaps, outcome.forks, outcome.damage) != (0, 0, 0, ()):
                tally.note(f"step {number} {mode} ({everything[number][:60]}): {outcome}"[:400])
            tally.add(
                rounds=1,
                not_reached=not outcome.broke,
                lost=outcome.lost,
                gaps=outcome.gaps,
                forks=outcome.forks,
                damage=len(outcome.damage),
            )


PART = Part(
    "statements",
    "each statement, commit and guard write of promise, append, sign and publish may fail, before"
    " it was done or after: nothing is lost, no head of another tree is ever signed",
    "faults",
    400,
    ("lost", "gaps", "forks", "damage"),
    run,
)
