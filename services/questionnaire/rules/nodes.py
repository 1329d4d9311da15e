"""Reading plain data whose shape is not known yet, with the place of every complaint."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from services.questionnaire.rules.refusals import Problem, Refusal, Text

NOT_BLANK: Final = r"(?s).*\S.*"
_LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class Node:
    """A value from JSON or YAML, the path that leads to it and the urn of a complaint about it.

    Every reading method raises `Refusal` with that urn where the value is not as asked for.
    """

    value: object
    where: str
    urn: str

    def refuse(self, ja: str, en: str) -> NoReturn:
        """Raise the refusal of this very value."""
        raise Refusal(Problem(self.urn, self.where, Text(ja, en)))

    def mapping(self) -> dict[str, object]:
        """Return the value as an object whose names are all text."""
        if not isinstance(self.value, dict) or not all(isinstance(k, str) for k in self.value):
            self.refuse("項目名と値の組で指定してください", "must be an object")
        return self.value

    def only(self, *names: str) -> None:
        """Refuse members that nobody knows."""
        unknown = sorted(set(self.mapping()) - set(names))
        if unknown:
            self.refuse(f"不明な項目です: {unknown[0]}", f"unknown member: {unknown[0]}")

    def member(self, name: str) -> Node:
        """Return the named member; it must be there, and may be null."""
        if name not in self.mapping():
            self.refuse(f"項目がありません: {name}", f"member missing: {name}")
        return self._child(name)

    def optional(self, name: str) -> Node | None:
        """Return the named member, or None where it is missing or null."""
        return None if self.mapping().get(name) is None else self._child(name)

    def optional_text(self, name: str, pattern: str = NOT_BLANK) -> str | None:
        """Return the named member as text, or None where it is missing or null."""
        found = self.optional(name)
        return None if found is None else found.text(pattern)

    def members(self) -> Iterator[tuple[str, Node]]:
        """Go through the members in their own order."""
        for name in self.mapping():
            yield name, self._child(name)

    def elements(self, least: int = 0) -> list[Node]:
        """Return the elements of a list with at least `least` of them."""
        if not isinstance(self.value, list):
            self.refuse("一覧で指定してください", "must be a list")
        if len(self.value) < least:
            self.refuse(f"{least}件以上必要です", f"needs at least {least}")
        return [
            Node(element, f"{self.where}/{index}", self.urn)
            for index, element in enumerate(self.value)
        ]

    def text(self, pattern: str = NOT_BLANK, longest: int = _LONGEST) -> str:
        """Return text that matches `pattern` as a whole (default: not blank)."""
        if not isinstance(self.value, str):
            self.refuse("文字列で指定してください", "must be text")
        if len(self.value) > longest:
            self.refuse(f"{longest}文字以内で入力してください", f"longer than {longest} characters")
        if re.fullmatch(pattern, self.value) is None:
            self.refuse("書式が正しくありません", "does not have the required form")
        return self.value

    def integer(self, lowest: int, highest: int) -> int:
        """Return a whole number within both bounds."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.refuse("整数で指定してください", "must be a whole number")
        if not lowest <= self.value <= highest:
            self.refuse(
                f"{lowest}から{highest}の範囲で指定してください", f"outside {lowest}..{highest}"
            )
        return self.value

    def one_of(self, choices: Collection[str]) -> str:
        """Return one of the given words."""
        if not isinstance(self.value, str) or self.value not in choices:
            words = ", ".join(sorted(choices))
            self.refuse(f"次のいずれかを指定してください: {words}", f"must be one of: {words}")
        return self.value

    def several_of(self, choices: Collection[str], least: int = 0) -> tuple[str, ...]:
        """Return a list of given words without repetition."""
        found = tuple(element.one_of(choices) for element in self.elements(least))
        if len(set(found)) < len(found):
            self.refuse("同じ値が重複しています", "the same value twice")
        return found

    def in_both_languages(self) -> Text:
        """Return `{ja, en}` with both filled in."""
        self.only("ja", "en")
        return Text(self.member("ja").text(), self.member("en").text())

    def _child(self, name: str) -> Node:
        # RFC 6901: a name may hold the separator itself.
        step = name.replace("~", "~0").replace("/", "~1")
        return Node(self.mapping()[name], f"{self.where}/{step}", self.urn)
