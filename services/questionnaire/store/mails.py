"""The mail templates this build ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from services.questionnaire.rules.letters import Template

FOLDER: Final = Path(__file__).resolve().parent.parent / "mails"


@cache
def template(language: str, occasion: Literal["invitation", "request"]) -> Template:
    """Return the template of an occasion in ja or en."""
    found = _load(FOLDER / language / f"{occasion}.yaml")
    words = _load(FOLDER / language / "words.yaml")
    return Template(language, found["subject"], found["body"], found["pledge"], words)


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_bytes())
