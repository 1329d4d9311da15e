"""The policy: every number of RM-1, read from one file, checked, and named by its digest."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from rensho import jcs

from services.risk.rules.refusal import PolicyRefused

ATTRIBUTES = (
    "safetyFunction",
    "relianceType",
    "agentOrPhysical",
    "personalData",
    "customerData",
    "learnsAfterDelivery",
    "userFacing",
    "thirdPartyBaseModel",
)
ASSURANCE_LEVELS = ("proxy", "proxy_confirmed", "L1", "L2", "L3", "L4")
DEPENDENCY_CLASSES = ("negligible", "minor", "moderate", "major", "critical", "unstated")
BAND_EDGES = ("B", "C", "D", "E")
NINE_PLACES = Decimal("0.000000001")


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """One checked policy. `document` is its JSON form, `digest` the sha256 of that form's JCS.

    Scales in `attributes` run from the least x to the greatest. Times are days, ℓ and steps nats.
    """

    document: Mapping[str, Any]
    digest: str
    weights: tuple[int, ...]
    alignment: Mapping[str, float]
    assurance: Mapping[str, float]
    half_life_days: int
    declaration_window_days: int
    superseded_grace: timedelta
    attribute_assurance: str
    uses_ai: float
    attributes: Mapping[str, Mapping[str, float]]
    norm: float
    floor: float
    dependency: Mapping[str, float]
    attenuation: float
    stop: float
    max_sweeps: int
    own_step: Decimal
    profile_step: Decimal
    depth_limit: int
    largest: int
    share_floor: float
    bands: tuple[tuple[str, float], ...]
    coverage_needed: float

    @property
    def sigma_max(self) -> float:
        """Nats of a sub-tier about which nothing is known."""
        return -math.log1p(-self.attenuation)

    def believes_attributes_at(self, level: str) -> bool:
        """Whether an attribute stated at this assurance counts."""
        return self.assurance[level] >= self.assurance[self.attribute_assurance]


def read(text: str) -> Policy:
    """A policy from its TOML file.

    Raises PolicyRefused for anything missing, of the wrong kind or outside its range.
    """
    try:
        parsed = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as why:
        raise PolicyRefused("the policy file is not TOML") from why
    return policy(_exact(parsed))


def policy(document: Mapping[str, Any]) -> Policy:
    """A policy from its JSON form (fractions as nine-place strings), as embedded in facts."""
    try:
        checked = _typed(document)
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as why:
        if isinstance(why, PolicyRefused):
            raise
        raise PolicyRefused(f"the policy lacks or misstates {why}") from why
    _check_ranges(checked)
    return checked


def _exact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, Decimal):
        if not value.is_finite() or value != value.quantize(NINE_PLACES):
            raise PolicyRefused(f"{value} has more than nine decimal places")
        return format(value.quantize(NINE_PLACES), "f")
    return value


def _fractions(table: Mapping[str, str]) -> dict[str, float]:
    return {key: _fraction(value) for key, value in table.items()}


def _fraction(value: str) -> float:
    return float(_decimal(value))


def _decimal(value: str) -> Decimal:
    if not isinstance(value, str):
        raise PolicyRefused(f"{value!r} must be a fraction with nine places")
    number = Decimal(value)
    if not number.is_finite() or format(number, ".9f") != value:
        raise PolicyRefused(f"{value!r} must be a fraction with nine places")
    return number


def _whole(value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PolicyRefused(f"{value!r} must be a whole number")
    return value


def _typed(document: Mapping[str, Any]) -> Policy:
    freshness, exposure = document["freshness"], document["exposure"]
    propagation, above, tiers = (
        document["propagation"],
        document["above_first_link"],
        document["tiers"],
    )
    scales = {name: _fractions(exposure["attributes"][name]) for name in ATTRIBUTES}
    if document["model"] != "rm-1" or set(exposure["attributes"]) != set(ATTRIBUTES):
        raise PolicyRefused("the policy is not one of rm-1 with its eight attributes")
    return Policy(
        document=document,
        digest=hashlib.sha256(jcs.dumps(document)).hexdigest(),
        weights=tuple(_whole(weight) for weight in document["weights"]),
        alignment=_fractions(document["alignment"]),
        assurance={level: _fraction(document["assurance"][level]) for level in ASSURANCE_LEVELS},
        half_life_days=_whole(freshness["half_life_days"]),
        declaration_window_days=_whole(freshness["declaration_window_days"]),
        superseded_grace=timedelta(days=_whole(freshness["superseded_grace_days"])),
        attribute_assurance=exposure["attribute_assurance"],
        uses_ai=_fraction(exposure["uses_ai"]),
        attributes={
            name: dict(sorted(scale.items(), key=lambda item: (item[1], item[0])))
            for name, scale in scales.items()
        },
        norm=_fraction(document["own"]["norm"]),
        floor=_fraction(document["own"]["floor"]),
        dependency={name: _fraction(document["dependency"][name]) for name in DEPENDENCY_CLASSES},
        attenuation=_fraction(propagation["attenuation"]),
        stop=10.0 ** _whole(propagation["stop_exponent"]),
        max_sweeps=_whole(propagation["max_sweeps"]),
        own_step=_decimal(above["own_step"]),
        profile_step=_decimal(above["profile_step"]),
        depth_limit=_whole(tiers["depth_limit"]),
        largest=_whole(tiers["largest"]),
        share_floor=_fraction(tiers["share_floor"]),
        bands=tuple((edge, _fraction(document["bands"][edge])) for edge in BAND_EDGES),
        coverage_needed=_fraction(document["unseen"]["coverage_needed"]),
    )


def _check_ranges(checked: Policy) -> None:
    edges = [edge for _, edge in checked.bands]
    exposures = [checked.uses_ai, *(x for s in checked.attributes.values() for x in s.values())]
    bounds = {
        "attenuation must lie between 0 and 1": 0 < checked.attenuation < 1,
        "every dependency must be above 0 and at most 1": all(
            0 < d <= 1 for d in checked.dependency.values()
        ),
        "every exposure must be at least 0 and below 1": all(0 <= x < 1 for x in exposures),
        "an attribute's values must differ in exposure": all(
            len(set(scale.values())) == len(scale) > 0 for scale in checked.attributes.values()
        ),
        "uses_ai must be above 0": checked.uses_ai > 0,
        "norm must be at least 1": checked.norm >= 1,
        "floor must be above 0": checked.floor > 0,
        "weights must be five whole numbers above 0": len(checked.weights) == len("12345")
        and min(checked.weights) > 0,
        "alignments must lie in 0..1": all(0 <= a <= 1 for a in checked.alignment.values()),
        "assurances must lie in 0..1": all(0 <= s <= 1 for s in checked.assurance.values()),
        "attribute_assurance must be a level": checked.attribute_assurance in checked.assurance,
        "half life must be above 0 and windows at least 0": checked.half_life_days > 0
        and checked.declaration_window_days >= 0
        and checked.superseded_grace >= timedelta(0),
        "stop exponent must be below 0": checked.stop < 1,
        "sweeps, depth and largest must be at least 1": min(
            checked.max_sweeps, checked.depth_limit, checked.largest
        )
        >= 1,
        "steps must be above 0": min(checked.own_step, checked.profile_step) > 0,
        "bands must rise within 0..1": edges[0] > 0 and edges[-1] < 1 and edges == sorted(edges),
        "coverage needed and share floor must lie in 0..1": 0 <= checked.coverage_needed <= 1
        and 0 <= checked.share_floor <= 1,
    }
    for sentence, holds in bounds.items():
        if not holds:
            raise PolicyRefused(sentence)
