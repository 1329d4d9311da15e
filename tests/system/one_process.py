"""The whole system in this process on a clock of the test's: real HTTP, real log, real mails.

Web, relay and sequencer are threads that all read `services.kit.clock`, so that a month passes when
a test says so. What beat would do, the test does by `Here.beat`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage

from pydantic import SecretStr

from services.demo.cast import Firm
from services.demo.http import Api, Json, Where
from services.demo.party import Party
from services.front import Metrics, make_front, web_mounts
from services.invite import first
from services.kit import clock
from services.kit.db import Actor, Database
from services.kit.outbox import Relay, receive
from services.kit.settings import Settings
from services.parts import databases, part, ticks
from services.processes import bind, in_thread, served
from tests.questionnaire.mails import text_of
from tests.questionnaire.posting import Desk, mail_server

_DIGITS = re.compile(r"\b(\d{4}) (\d{4})\b")


class Member(Party):
    """A firm's party that lives by the test's clock and reads its codes from its mailbox."""

    here: Here

    def signing(self, role: str = "responsible-officer") -> Json:
        """As of the test's clock."""
        return {**super().signing(role), "attested_at": clock.rfc3339(clock.now())}

    def log_in(self) -> None:
        """Log in anew: sessions last twelve hours, a campaign lasts weeks."""
        mailbox = {"mailbox": self.firm.mailbox}
        self.api.session_token, self.api._tokens = None, {}
        self.api.raw("POST", "/identity/v1/sessions", json=mailbox)
        answer = self.api.raw(
            "POST",
            "/identity/v1/sessions/confirm",
            json={**mailbox, "code": self.here.code(self.firm.mailbox)},
            headers={"X-Rensho-Client": "api"},
        )
        assert answer.status_code == 201, answer.text
        self.api.session_token = answer.json()["session_token"]

    def accept_invitation(self, link: str) -> None:
        """Ask for the code, read it in the mailbox, enrol."""
        self.open_invitation(link)
        handle = link.rsplit("/", 1)[-1]
        self.api.raw("POST", f"/identity/v1/invitations/{handle}/code")
        self.accept(link, self.here.code(self.firm.mailbox))


@dataclass
class Here:
    """The running system."""

    settings: Settings
    desk: Desk
    opened: dict[str, Database]
    relay: Relay
    base_url: str = ""
    parties: list[Member] = field(default_factory=list)

    def member(self, firm: Firm) -> Member:
        """Return a new party of a firm."""
        made = Member(firm, Api(Where(self.base_url)))
        made.here = self
        self.parties.append(made)
        return made

    def first(self, firm: Firm) -> Member:
        """Return the first organization's party, invited by the operator and enrolled."""
        made = self.member(firm)
        made.accept(*first(self.settings, firm.name, firm.mailbox))
        made.enrol_key()
        return made

    def code(self, mailbox: str) -> str:
        """Return the newest one-use code in a mailbox."""
        self.quiet()
        for mail in reversed(self.desk.to(mailbox)):
            if found := _DIGITS.search(str(mail["Subject"])):
                return "".join(found.groups())
        msg = f"no code came to {mailbox}"
        raise AssertionError(msg)

    def quiet(self, seconds: float = 240) -> None:
        """Wait until everything that was said has had its effect."""
        deadline = time.monotonic() + seconds
        while self.relay.backlog():
            assert time.monotonic() < deadline, "events are still on their way"
            time.sleep(0.02)

    def beat(self, moment: datetime) -> None:
        """Let the questionnaire's work by the clock be due at a moment."""
        set_clock(moment)
        for party in self.parties:
            # Access tokens live for five minutes of this clock.
            party.api._tokens = {}
        due = ticks("questionnaire", self.settings)
        for name in ("reminders", "mail-retries", "renewals"):
            with self.opened["questionnaire"].begin(Actor("urn:rensho:beat")) as tx:
                due[name][1](tx, clock.now())
        self.quiet()

    def mails(self, mailbox: str) -> list[EmailMessage]:
        """Return the mails in a mailbox, but for those with a code."""
        return [mail for mail in self.desk.to(mailbox) if not _DIGITS.search(str(mail["Subject"]))]

    def texts(self, mailbox: str) -> list[tuple[str, str]]:
        """Return subject and text of the mails in a mailbox, but for those with a code."""
        return [(str(mail["Subject"]), text_of(mail)) for mail in self.mails(mailbox)]


def set_clock(moment: datetime) -> None:
    """Let it be a moment now, and time go on from there: a log signs no two heads at one time."""
    clock.configure(f"{int((moment - datetime.now(UTC)).total_seconds()):+d}")


@contextmanager
def here(settings: Settings, moment: datetime) -> Iterator[Here]:
    """Bring the system up at a moment, and take it down."""
    set_clock(moment)
    with ExitStack() as up:
        up.callback(clock.configure, None)
        desk, url = up.enter_context(mail_server())
        sock = bind("127.0.0.1", 0)
        port = sock.getsockname()[1]
        settings = settings.model_copy(update={"smtp_url": SecretStr(url), "port": port})
        opened = up.enter_context(databases(settings, "worker", pool_size=8))
        handlers = {name: part(name).handlers(settings) for name in opened}

        def deliver(subscriber: str, event: Json) -> None:
            receive(opened[subscriber], event, handlers[subscriber])

        relay = Relay(opened, deliver)
        made = Here(settings, desk, opened, relay, f"http://127.0.0.1:{port}")
        up.enter_context(in_thread("relay", relay.run, threading.Event()))
        sequencer = part("attestation").run_sequencer  # type: ignore[attr-defined]
        run = lambda stop: sequencer(settings, stop)  # noqa: E731
        up.enter_context(in_thread("sequencer", run, threading.Event()))
        mounts, checks, refresh = web_mounts(settings)
        up.enter_context(served(make_front(mounts, checks, Metrics()), sock))
        refresh()
        api = Api(Where(made.base_url))
        deadline = time.monotonic() + 60
        while not api.raw("GET", "/log/checkpoint").is_success:
            assert time.monotonic() < deadline, "the log did not open"
            time.sleep(0.05)
        yield made
