"""The mail templates this build ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from services.questionnaire.rules.key_letters import KeyTemplate
from services.questionnaire.rules.letters import Template
from services.questionnaire.rules.notices import NoticeTemplate

FOLDER: Final = Path(__file__).resolve().parent.parent / "mails"


@cache
def template(language: str, occasion: str) -> Template:
    """Return a template: those to suppliers are in `letters.LANGUAGES`, others in ja and en."""
    found = _load(FOLDER / language / f"{occasion}.yaml")
    return Template(
        language=language,
        subject=found["subject"],
        body=found["body"],
        pledge=found.get("pledge", ""),
        words=_load(FOLDER / language / "words.yaml"),
        leads=found.get("leads", {}),
    )


@cache
def key_template(language: str) -> KeyTemplate:
    """Return the template of the news that a supplier's key changed, in ja or en."""
    found = _load(FOLDER / language / "key-change.yaml")
    return KeyTemplate(language, found["subject"], found["body"], found["changes"])


def words(language: str) -> dict[str, str]:
    """Return what pledges are called in a language."""
    found: dict[str, str] = _load(FOLDER / language / "words.yaml")
    return found


@cache
def notice(language: str, kind: str) -> NoticeTemplate:
    """Return the template of a short notice between the ends of a request, in ja or en."""
    found = _load(FOLDER / language / "notices.yaml")
    words = found["notices"][kind]
    return NoticeTemplate(language, words["subject"], words["body"], found["frame"])


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_bytes())
