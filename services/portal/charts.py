"""Small pictures as SVG, made here: an index is always an interval, never a lone number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

_WIDTH: Final = 640
_LABEL: Final = 150
_VALUE: Final = 140
_ROW: Final = 40
_BAR: Final = 18
_TOP: Final = 26
_HATCH: Final = (
    '<defs><pattern id="unseen" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7" '
    'stroke-width="3"/></pattern></defs>'
)


@dataclass(frozen=True)
class Interval:
    """One row: `claimed` and `evidenced` in 0..100, 100 worst; None where nothing is judged."""

    label: str
    claimed: float | None
    evidenced: float | None
    href: str | None = None

    @property
    def told(self) -> str:
        """The interval as text."""
        if self.claimed is None or self.evidenced is None:
            return "–"
        return f"{self.claimed:.1f}–{self.evidenced:.1f}"


def interval(label: str, exact: dict[str, str] | None, href: str | None = None) -> Interval:
    """Make a row of bounds as the API gives them: decimal strings in 0..1, or null."""
    if exact is None:
        return Interval(label, None, None, href)
    return Interval(label, float(exact["claimed"]) * 100, float(exact["evidenced"]) * 100, href)


def intervals(rows: Sequence[Interval], title: str) -> Markup:
    """Draw intervals on one scale: solid up to the claimed bound, hatched up to the evidenced.

    The hatched part is what nobody has seen yet. The table beside it says the same in text.
    """
    height = _TOP + len(rows) * _ROW + 8
    scale = (_WIDTH - _LABEL - _VALUE) / 100
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"',
        f' role="img" aria-label="{escape(title)}">',
        _HATCH,
    ]
    for tick in (0, 25, 50, 75, 100):
        x = _LABEL + tick * scale
        parts.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 6}"/>'
            f'<text class="soft" x="{x:.1f}" y="14" text-anchor="middle">{tick}</text>'
        )
    for number, row in enumerate(rows):
        parts.append(_row(row, _TOP + number * _ROW, scale))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 (text is escaped, the rest is numbers)


def _row(row: Interval, y: float, scale: float) -> str:
    middle = y + _ROW / 2 + 5
    short = row.label if len(row.label) <= 12 else row.label[:11] + "…"  # noqa: PLR2004
    made = f'<text x="0" y="{middle:.1f}">{escape(short)}</text>'
    if row.claimed is not None and row.evidenced is not None:
        top = y + (_ROW - _BAR) / 2
        seen, unseen = row.claimed * scale, (row.evidenced - row.claimed) * scale
        made += (
            f'<rect class="seen" x="{_LABEL}" y="{top:.1f}" width="{max(seen, 1):.1f}" '
            f'height="{_BAR}"/>'
            f'<rect class="unseen" x="{_LABEL + seen:.1f}" y="{top:.1f}" width="{unseen:.1f}" '
            f'height="{_BAR}"/>'
        )
    right = _WIDTH - _VALUE + 14
    return f'{made}<text x="{right}" y="{middle:.1f}">{escape(row.told)}</text>'
