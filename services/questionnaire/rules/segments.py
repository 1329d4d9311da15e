"""A choice of suppliers by what their records say; a segment is one that was given a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Filter:
    """Who is chosen: whoever fits every field that is not empty or None.

    A list fits where one of its values does, `tags_all` where every one does, `tags_none` where
    none does. `enrolled`: an organization accepted the link.
    """

    tags_any: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    tags_none: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    product_lines: tuple[str, ...] = ()
    pass_through: bool | None = None
    enrolled: bool | None = None

    def document(self) -> dict[str, Any]:
        """Return what is stated, as JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None and value != ()
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Filter:
        """Read what `document` returned."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
        }
        return cls(**given)
