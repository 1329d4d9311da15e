"""One running system for all tests of the pages, and Debian's Chromium to look at it with."""

from __future__ import annotations

import email
import email.policy
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.demo.cast import REQUESTER
from services.demo.http import Where, until
from services.demo.story import Campaign, Story, _campaign
from services.demo.world import build
from services.migrate import ROOT

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_DIGITS = re.compile(r"\d{4} \d{4}")


@dataclass
class Place:
    """A running system in which a manufacturer has asked eight suppliers.

    Attributes:
        links: the suppliers' invitations by slug; each test takes a firm of its own.
        campaigns: the same firms' requests, of all questions and of the starter set alone.
    """

    base: str
    mail_dir: Path
    story: Story
    environment: dict[str, str]
    links: dict[str, str] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)

    def code_for(self, mailbox: str) -> str:
        """Return the newest code mailed to a mailbox, as its reader would."""

        def look() -> str | None:
            for path in sorted(self.mail_dir.glob("*.eml"), reverse=True):
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                found = _DIGITS.search(str(mail["Subject"]))
                if mailbox in str(mail["To"]) and found:
                    return found[0]
            return None

        return until(look, f"a code for {mailbox}", 20)

    def invite(self, name: str, mailbox: str) -> tuple[str, str]:
        """Have the operator invite an organization; return its link and code."""
        done = subprocess.run(
            [sys.executable, "-m", "services", "invite", name, mailbox],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        _, link, _, code = done.stdout.split()
        return link, code

    def asked(self, slug: str, what: str = "all") -> dict[str, Any]:
        """Return the request of a firm."""
        return self.campaigns[what].requests[slug]

    def is_enrolled(self, slug: str) -> bool:
        """Tell whether a firm accepted its invitation over the APIs."""
        party = self.story.parties.get(slug)
        return party is not None and party.enrolled

    def session_of(self, slug: str) -> str:
        """Enrol a firm over the APIs and return its session, for tests of what comes later."""
        story = self.story
        if not self.is_enrolled(slug):
            supply = next(one for one in story.world.first_tier if one.supplier == slug)
            story._join(self.campaigns["all"], supply)
        party = story.parties[slug]
        assert party.api.session_token is not None
        return party.api.session_token

    def browser_of(self, slug: str | None = None) -> httpx2.Client:
        """Return an HTTP client that behaves as a browser of a firm does; None is nobody."""
        cookies = {"rensho-session": self.session_of(slug)} if slug else {}
        headers = {"Origin": self.base, "Accept-Language": "ja"}
        return httpx2.Client(
            base_url=self.base, cookies=cookies, headers=headers, trust_env=False, timeout=30
        )


# One system per module: what one module has its firms answer must not be news to another.
@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The system, up on a port of its own until the last test of the module is done."""
    with running() as found:
        yield found


@contextmanager
def running() -> Iterator[Place]:
    """Bring the system up on a free port with the story's firms asked, and down again."""
    with tempfile.TemporaryDirectory(prefix="rensho-pages-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RENSHO_")}
        ours = {"RENSHO_DATA_DIR": str(folder / "data"), "RENSHO_PORT": str(port)}
        environment = inherited | ours | {"PYTHONPATH": str(ROOT)}
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services", "up"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            base = f"http://127.0.0.1:{port}"
            _wait(lambda: _is_ready(base), process, folder / "log")
            mails = folder / "data" / "mail"
            yield _with_a_story(Place(base, mails, _story(base), environment))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _is_ready(base: str) -> bool:
    try:
        return httpx2.get(f"{base}/readyz", trust_env=False, timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def _story(base: str) -> Story:
    return Story(Where(base), build(15, 3, 7), lambda _: None, lambda *_: None)


def _with_a_story(place: Place) -> Place:
    story = place.story
    story.requester_enrols(*place.invite(REQUESTER.name, REQUESTER.mailbox))
    story.requester_imports()
    story._ask(story.world.requester, story.world.first_tier)
    place.campaigns["all"] = story.campaigns[REQUESTER.slug]
    place.links = {
        slug: str(each["invitation_link"]) for slug, each in place.campaigns["all"].requests.items()
    }
    place.campaigns["starter"] = _ask_starter(story)
    return place


def _ask_starter(story: Story) -> Campaign:
    """Ask the same firms the starter set alone, too."""
    party = story.requester
    packs = {p["id"]: p["version"] for p in party.api.every("/questionnaire/v1/packs")}
    names = ("jp-aigb-core", "jp-flow-down", "jp-industrial")
    made = party.api.post(
        "/questionnaire/v1/questionnaires",
        {
            "title": "基本12問",
            "packs": [{"id": name, "version": packs[name]} for name in names],
            "selection": "starter",
        },
    )
    body = {**_campaign(party, made["id"]), "title": "基本12問の調査"}
    asked = issue(story, body)
    slugs = {id_: slug for slug, id_ in party.supplier_ids.items()}
    return Campaign(party, {slugs[each["supplier_id"]]: each for each in asked})


def issue(story: Story, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Draft, sign and send out a campaign of the manufacturer; return its requests."""
    party = story.requester
    campaign = party.api.post("/questionnaire/v1/campaigns", body)
    prepared = party.api.post(
        f"/questionnaire/v1/campaigns/{campaign['id']}/prepare", party.signing("requester")
    )
    party.wait_logged(party.submit("request", [party.sign(prepared["payload"])], prepared))
    return until(lambda: story._issued(party.api, campaign["id"]), "the campaign going out")


# While playwright is up, its event loop runs in this thread, and no other test could run one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium; for tests marked `needs("chromium")`."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only where a browser is)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()
