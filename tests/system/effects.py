"""Events with an effect that can be counted: access withdrawn, told to three services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from services.kit import clock, outbox
from services.kit.db import Actor
from services.kit.settings import Settings
from services.parts import databases

EVENT = "access.revoked.v1"
CONSUMERS = outbox.event_contract(EVENT).consumers

# The effect itself cannot tell once from twice: the handler keeps one row per subject. A trigger
# notes each time it ran to the end of a committed transaction.
_COUNTER = """
CREATE SCHEMA counted;
CREATE TABLE counted.effect (service text, subject text);
CREATE FUNCTION counted.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN INSERT INTO counted.effect VALUES (TG_TABLE_SCHEMA, NEW.subject); RETURN NULL; END $$;
"""


class Effects:
    """Says events in identity's transactions and counts what came of them."""

    def __init__(self, settings: Settings, admin: psycopg.Connection[tuple[object, ...]]) -> None:
        self._settings, self._admin = settings, admin
        self.said = 0
        admin.execute(_COUNTER)
        for service in CONSUMERS:
            admin.execute(
                f"CREATE TRIGGER counted AFTER INSERT OR UPDATE ON {service}.access_revoked"
                " FOR EACH ROW EXECUTE FUNCTION counted.note()"
            )

    def say(self, events: int) -> None:
        """Say that many events, each in a transaction of its own."""
        with databases(self._settings, "worker", ("identity",), pool_size=1) as opened:
            for _ in range(events):
                self.said += 1
                with opened["identity"].begin(Actor(subject="urn:rensho:operator")) as tx:
                    outbox.say(
                        tx,
                        EVENT,
                        subject=f"urn:rensho:member:{self.said}",
                        not_before=clock.rfc3339(clock.now()),
                    )

    def counts(self) -> dict[str, tuple[int, int]]:
        """Per consumer: how often the handler had its effect, and for how many subjects."""
        rows = self._admin.execute(
            "SELECT service, count(*), count(DISTINCT subject) FROM counted.effect GROUP BY service"
        ).fetchall()
        return {str(service): (_int(times), _int(subjects)) for service, times, subjects in rows}

    def all_there(self) -> bool:
        """Whether each event had at least one effect at each consumer."""
        counts = self.counts()
        return all(counts.get(name, (0, 0))[1] == self.said for name in CONSUMERS)

    def exactly_once(self) -> dict[str, tuple[int, int]]:
        """What `counts` says when nothing was lost and nothing done twice."""
        return dict.fromkeys(CONSUMERS, (self.said, self.said))

    def in_inboxes(self) -> dict[str, int]:
        """Per consumer: how many of the events its inbox holds."""
        return {
            name: self._one(
                f"SELECT count(*) FROM {name}.inbox i JOIN identity.outbox o ON o.id = i.event_id"
            )
            for name in CONSUMERS
        }

    def unfinished(self) -> int:
        """How many deliveries have no noted effect."""
        return self._one("SELECT count(*) FROM identity.delivery WHERE effect_at IS NULL")

    def _one(self, query: str) -> int:
        row = self._admin.execute(query.encode()).fetchone()
        assert row is not None
        return _int(row[0])


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


@contextmanager
def effects_of(settings: Settings) -> Iterator[Effects]:
    """Watch the effects in one deployment's database."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as admin:
        yield Effects(settings, admin)
