"""kill -9 of every process in turn, under load, and then: is every receipt still good?"""

from __future__ import annotations

import base64
import random
import threading
import time
from dataclasses import dataclass, field

from rensho.trust import Trust

from services import fsck
from services.parts import databases
from tests.attestation.site import Relation, relation
from tests.factories.attestation import Made
from tests.faults.cluster import Client, Cluster, FarSite, cluster
from tests.faults.grounds import open_folder
from tests.faults.receipts import Receipt, wrong_with
from tests.faults.tally import Part, Tally
from tests.system.processes import wait_until

_COMPONENTS = (("one",), ("one", "two"), ("one", "two"))
_FSCK_EVERY = 20


@dataclass
class _Story:
    """One deployment under load: what was acknowledged, and with which keys it can be checked."""

    running: Cluster
    here: Relation
    trust: Trust
    chance: random.Random
    acknowledged: list[tuple[str, Made]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def site(self) -> FarSite:
        return self.running.site


def run(tally: Tally) -> None:
    """Play as many rounds as are left; each folder of processes is new, each count goes on."""
    if not tally.more():
        return
    with open_folder() as folder, cluster(folder) as running:
        site = running.site
        here = relation(site)
        story = _Story(running, here, site.trust, random.Random(tally.rounds))
        while tally.more():
            _round(story, tally)
            if tally.rounds % _FSCK_EVERY == 0:
                _look(story, tally)
        _look(story, tally)


def _round(story: _Story, tally: Tally) -> None:
    running, chance = story.running, story.chance
    victim = running.victims[tally.rounds % len(running.victims)]
    client = Client(story.site)
    # Signed before anything breaks: what is put to the test is what was handed in.
    signed = [story.here.maker(components=some).make() for some in _COMPONENTS]
    submitting = threading.Thread(target=_submit, args=(story, client, signed, tally), daemon=True)
    began = time.monotonic()
    submitting.start()
    time.sleep(chance.uniform(0.0, 1.5))
    running.kill(victim)
    time.sleep(chance.uniform(0.0, 0.5))
    running.mend(victim)
    tally.worst("seconds_until_all_worked_again", time.monotonic() - began)
    submitting.join(client.seconds + 10)
    for status, times in client.answers.items():
        # 0 is a connection that broke: nobody was told anything.
        if status not in (0, 202, 503):
            tally.add(wrong_answers=times)
            tally.note(f"{times} answers {status} when {victim} was killed")
    _collect(story, tally)
    tally.add(rounds=1, **{f"kills_of_{victim}": 1})


def _submit(story: _Story, client: Client, signed: list[Made], tally: Tally) -> None:
    for number, made in enumerate(signed):
        key = f"round-{tally.rounds}-{number}-{story.chance.random()}"
        found = client.submit(story.here.respondent, made, key)
        if found is None:
            tally.add(never_acknowledged=1)
        else:
            story.acknowledged.append((found, made))


def _collect(story: _Story, tally: Tally) -> None:
    """Wait until what was acknowledged is logged, and take the receipts home."""
    firm = story.here.respondent
    for submission, made in story.acknowledged:

        def logged(submission: str = submission) -> bool:
            answer = story.site.get(f"/submissions/{submission}", firm.org)
            return bool(answer.status_code == 200 and answer.json()["state"] == "logged")

        try:
            wait_until(logged, f"submission {submission} to be logged", 60)
        except AssertionError as why:
            tally.add(lost=1)
            tally.note(str(why))
            continue
        answer = story.site.get(f"/submissions/{submission}", firm.org).json()
        promises = {one["statement_id"]: one["promise"] for one in answer["statements"]}
        for statement_id in made.ids:
            bundle = story.site.get(f"/statements/{statement_id}/bundle", firm.org).content
            promise = base64.b64decode(promises[statement_id])
            story.receipts.append(Receipt(statement_id, firm.key.public, promise, bundle))
    tally.add(acknowledged=len(story.acknowledged))
    story.acknowledged.clear()


def _look(story: _Story, tally: Tally) -> None:
    """Check all receipts without the database, and the database without the receipts."""
    bad = [what for one in story.receipts if (what := wrong_with(one, story.trust))]
    tally.add(receipts_verified=len(story.receipts) - len(bad), bad_receipts=len(bad))
    for what in bad[:3]:
        tally.note(what)
    story.receipts.clear()
    rows = story.site.sql('SELECT "index" FROM attestation.leaf ORDER BY epoch, "index"')
    tally.add(gaps=sum(index != place for place, (index,) in enumerate(rows)))
    said = [one["statement_id"] for one in story.site.said("statement.recorded.v1")]
    tally.add(said_twice=len(said) - len(set(said)))
    with databases(story.running.settings, "worker") as opened:
        report = fsck.check(story.running.settings, opened, lambda _: None)
    tally.add(fsck_runs=1, damage=len(report.damage))
    for found in report.damage[:3]:
        tally.note(str(found))


PART = Part(
    "kills",
    "an acknowledged submission survives kill -9 of web, worker, relay, sequencer, PostgreSQL and"
    " RabbitMQ at random moments; every receipt verifies offline, fsck finds nothing",
    "rounds",
    200,
    (
        "lost",
        "gaps",
        "bad_receipts",
        "said_twice",
        "damage",
        "wrong_answers",
        "never_acknowledged",
    ),
    run,
)
