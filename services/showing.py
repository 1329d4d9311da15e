"""A small story to look at: what `renshod up --example` tells before it prints where to go.

It is told once per data folder, by the demo's own firms over the public APIs; the links are kept
beside it, so that the next start shows the same place again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import quote

from services import invite as inviting
from services.demo.cast import REQUESTER
from services.demo.http import Where
from services.demo.judging import take_snapshot
from services.demo.story import Story
from services.demo.world import build
from services.kit.settings import Settings

# The named cast alone: eight firms asked directly, seven below them.
_FIRMS: Final = 15
_TIERS: Final = 3
_SEED: Final = 7
_INVITED: Final = "mugon-kako"


@dataclass(frozen=True)
class Places:
    """Where a newcomer looks first: the console of the requester, a supplier's invitation."""

    console: str
    supplier: str


def example(settings: Settings, say: Callable[[str], None]) -> Places:
    """Tell the story unless this data folder holds it already; return where to look.

    Raises:
        services.demo.http.StoryBroken: something did not go as told.
    """
    kept = settings.data_dir / "example.json"
    if kept.exists():
        told = json.loads(kept.read_text(encoding="utf-8"))
        if told["base"] == settings.base_url:
            return Places(told["console"], told["supplier"])
    say("telling the example: fictional firms ask, answer and sign")
    link, code = inviting.first(settings, REQUESTER.name, REQUESTER.mailbox)
    where = Where(f"http://127.0.0.1:{settings.port}")
    story = Story(where, build(_FIRMS, _TIERS, _SEED), lambda _: None, lambda *_: None)
    story.requester_enrols(link, code)
    story.requester_imports()
    story.ask_down_the_chain()
    story.everybody_answers()
    story.requester_reviews()
    take_snapshot(story)
    invited = story.campaigns[REQUESTER.slug].requests[_INVITED]["invitation_link"]
    console = f"{settings.base_url}/login?mailbox={quote(REQUESTER.mailbox)}"
    places = Places(console, str(invited))
    text = json.dumps({"base": settings.base_url, **asdict(places)}, indent=1)
    kept.write_text(text + "\n", encoding="utf-8")
    return places
