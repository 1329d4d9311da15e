"""How a rule says no: every reason at once, in Japanese and English, safe to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages that are always complete."""

    ja: str
    en: str

    def document(self) -> dict[str, str]:
        """Return `{"ja": …, "en": …}`."""
        return {"ja": self.ja, "en": self.en}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable `urn`, the place (`/questions/3/answer`), the reason."""

    urn: str
    where: str
    reason: Text

    def document(self) -> dict[str, Any]:
        """Return `{"urn": …, "where": …, "reason": {"ja": …, "en": …}}`."""
        return {"urn": self.urn, "where": self.where, "reason": self.reason.document()}


class Refusal(Exception):
    """Some input does not hold; `problems` has at least one entry and names all that was found.

    The edge shows `urn` (the first problem's), the text and `extensions`.
    """

    def __init__(self, first: Problem, *further: Problem) -> None:
        super().__init__(f"{first.where or '/'}: {first.reason.en}")
        self.problems = (first, *further)

    @property
    def urn(self) -> str:
        """The stable name of the first problem, such as `answers/unknown-question`."""
        return self.problems[0].urn

    @property
    def extensions(self) -> dict[str, Any]:
        """All problems, as members of a problem document."""
        return {"problems": [problem.document() for problem in self.problems]}
