"""The words of the pages: Japanese in the source, other languages as gettext catalogues.

Catalogues are kept as `.po` files and compiled in memory at start, so that no binary file lies in
the tree. A language that lacks a message shows it in English.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup

LOCALES: Final = Path(__file__).parent / "locales"
LANGUAGES: Final = {
    "ja": "日本語",
    "en": "English",
    "zh-Hans": "简体中文",
    "th": "ไทย",
    "vi": "Tiếng Việt",
    "de": "Deutsch",
}
COMPLETE: Final = ("ja", "en")
"""The others are reference translations of the first page and the starter set."""

# Deadlines are the requester's, so their days are Japanese days wherever they are read.
_ZONE: Final = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True)
class Words:
    """One language: its messages, and how it writes days and numbers."""

    language: str
    messages: gettext.NullTranslations

    @property
    def locale(self) -> Locale:
        """The language as CLDR knows it."""
        return Locale.parse(self.language.replace("-", "_"))

    def text(self, message: str, **values: Any) -> Markup:
        """Return a message; values are escaped as they are put in."""
        found = Markup(self.messages.gettext(message))  # noqa: S704 (messages are ours)
        return found % values if values else found

    def plain(self, message: str, **values: Any) -> str:
        """Return a message as plain text, for whoever escapes it later or needs no markup."""
        found = self.messages.gettext(message)
        return found % values if values else found

    def count(self, message: str, n: int, **values: Any) -> Markup:
        """Return a message whose form depends on `n`, which is put in for `%(n)s`."""
        found = Markup(self.messages.ngettext(message, message, n))  # noqa: S704 (as above)
        return found % {"n": self.number(n), **values}

    def pick(self, text: dict[str, str] | str | None) -> str:
        """Return the side of a bilingual text this reader reads."""
        if text is None or isinstance(text, str):
            return text or ""
        return text["ja"] if self.language == "ja" else text["en"]

    def day(self, value: str | date | datetime) -> str:
        """Write a day in full, with its day of the week."""
        pattern = "y年M月d日(E)" if self.language == "ja" else "full"
        return format_date(_moment(value), pattern, locale=self.locale)

    def short_day(self, value: str | date | datetime) -> str:
        """Write a day for a table."""
        pattern = "y/MM/dd" if self.language == "ja" else "medium"
        return format_date(_moment(value), pattern, locale=self.locale)

    def time(self, value: str | datetime) -> str:
        """Write a moment, in Japanese time."""
        if self.language == "ja":
            return format_datetime(_moment(value), "y/MM/dd HH:mm", locale=self.locale)
        return f"{format_datetime(_moment(value), 'medium', locale=self.locale)} JST"

    def number(self, value: float) -> str:
        """Write a number with the separators of the language."""
        return format_decimal(value, locale=self.locale)


def _moment(value: str | date | datetime) -> date | datetime:
    if isinstance(value, str):
        long = len(value) > len("2026-01-01")
        value = datetime.fromisoformat(value) if long else date.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(_ZONE)
    return value


def _compiled(language: str) -> gettext.GNUTranslations:
    with (LOCALES / f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=language.replace("-", "_"))
    made = io.BytesIO()
    write_mo(made, catalog)
    made.seek(0)
    return gettext.GNUTranslations(made)


@cache
def words(language: str) -> Words:
    """Return the words of one of `LANGUAGES`."""
    if language == "ja":
        return Words(language, gettext.NullTranslations())
    messages = _compiled(language)
    if language != "en":
        messages.add_fallback(words("en").messages)
    return Words(language, messages)


def best(wanted: str, known: Iterable[str] = LANGUAGES) -> str:
    """Return the language for an `Accept-Language` header; Japanese for whoever names none."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(wanted.split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), place, tag.strip()))
        except ValueError:
            continue
    for _, _, tag in sorted(ranked):
        if found := _match(tag, known):
            return found
    return "en" if any(tag for _, _, tag in ranked) else "ja"


def _match(tag: str, known: Iterable[str]) -> str | None:
    lower = tag.lower()
    if lower in ("zh", "zh-cn", "zh-sg", "zh-hans", "zh-hans-cn"):
        return "zh-Hans"
    base = lower.partition("-")[0]
    return next((each for each in known if each.lower() in (lower, base)), None)


Gettext = Callable[..., Markup]
