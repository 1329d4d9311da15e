"""RM-1 on one direct link: from answers to gaps, from gaps and exposure to the supplier's own risk.

Sections 4 to 6 of the facts contract (`contracts/facts/README.md`), risk model sections 2 and 3.
A bound is an index: 0 is *claimed*, 1 is *evidenced*; a pair is (claimed, evidenced). Risks are in
nats before, probabilities 0..1 after the exponential. Written apart from the risk service, which
never imports this package's replay: two programs must agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]
Pair = tuple[float, float]
CLAIMED, EVIDENCED = 0, 1
BOUNDS = (CLAIMED, EVIDENCED)
ROLES = ("developer", "provider", "user")


def moment(text: str) -> datetime:
    """Read `YYYY-MM-DDTHH:MM:SSZ`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


def days(later: datetime, earlier: datetime) -> float:
    """Return the time between in days, a real number."""
    return (later - earlier).total_seconds() / 86400


@dataclass(frozen=True)
class Asked:
    """One question of a component: its row of the gap table, and a gap per bound (None: left)."""

    id: str
    row: int
    weight: int
    gap: tuple[float | None, float | None]
    principle: str
    topic: str | None

    @property
    def answered(self) -> bool:
        """Whether it counts towards coverage."""
        return self.row in (3, 5)


@dataclass(frozen=True)
class Part:
    """One component as it enters its link. `shown` are the questions the results list."""

    id: str
    kind: str
    exposure: Pair
    gap: Pair
    nats: Pair
    asked: tuple[Asked, ...]
    shown: bool


@dataclass(frozen=True)
class Standing:
    """Gap and coverage over some questions; None where nothing was required."""

    gap: tuple[float, float] | None
    coverage: float | None


@dataclass(frozen=True)
class OwnRisk:
    """A direct link before anything below it is looked at."""

    parts: tuple[Part, ...]
    nats: Pair
    coverage: float | None
    principles: dict[str, Standing]
    topics: dict[str, Standing]
    list_ref: str
    awaiting: bool


@dataclass
class Model:
    """The frozen inputs every link shares."""

    policy: Json
    questions: dict[str, Json]
    starter: frozenset[str]
    as_of: datetime
    norm: float = field(init=False)
    scales: dict[str, list[tuple[str, float]]] = field(init=False)

    def __post_init__(self) -> None:
        """Read the scales, each from its least x to its greatest."""
        self.norm = float(self.policy["own"]["norm"])
        self.scales = {
            name: sorted(((v, float(x)) for v, x in scale.items()), key=lambda pair: pair[1])
            for name, scale in self.policy["exposure"]["attributes"].items()
        }

    def assurance(self, level: str) -> float:
        """Return s of an assurance level."""
        return float(self.policy["assurance"][level])

    def freshness(self, time: str, window: int) -> float:
        """Return f for a log-proved time T; both in days against the half-life."""
        age = days(self.as_of, moment(time))
        late = max(0.0, age - window)
        return float(0.5 ** (late / self.policy["freshness"]["half_life_days"]))

    def alignment(self, question: Json, value: str | None) -> float | None:
        """Return a of an option code, or None if the table does not know it."""
        table = question["alignment"]
        found = (self.policy["alignment"] if table is None else table).get(value)
        return None if found is None else float(found)

    def live(self, superseded_at: str | None) -> bool:
        """Whether a statement still counts: not superseded, or within the grace."""
        if superseded_at is None:
            return True
        grace = float(self.policy["freshness"]["superseded_grace_days"])
        return days(self.as_of, moment(superseded_at)) <= grace

    def norm_of(self, values: list[float]) -> float:
        """Return the p-norm."""
        return float(math.fsum(v**self.norm for v in values) ** (1 / self.norm))


def own_risk(model: Model, link: Json) -> OwnRisk:
    """Judge one direct link by itself."""
    ranges = {
        name: _range(scale, link["classification"].get(name))
        for name, scale in model.scales.items()
    }
    survives = math.prod(1 - scale[-1][1] for scale in ranges.values())
    ceiling = -math.log((1 - float(model.policy["exposure"]["uses_ai"])) * survives)
    applicable = [model.questions[id_] for id_ in sorted(model.starter.union(link["asked"]))]
    declaration = link["declaration"]
    declared = (
        declaration is not None
        and declaration["covered"]
        and model.live(declaration["superseded_at"])
    )
    list_ref = link["list"] if declared else "silent"
    parts: list[Part] = []
    if declared:
        organization = {a["question"]: a for a in link["organization"]}
        parts = [
            _declared(model, component, organization, applicable, ranges)
            for component in link["components"]
        ]
        hidden = [f"withheld-{n + 1}" for n in range(declaration["withheld_components"])]
        parts += [_unknown(id_, "withheld", model, applicable, ceiling) for id_ in hidden]
        if not parts and set(declaration["pre_screen"].values()) == {"none"}:
            parts, list_ref = [_no_ai(model, declaration, applicable)], "closed"
    if not parts:
        parts = [_unknown("undeclared", "undeclared", model, applicable, ceiling)]
    nats = tuple(min(model.norm_of([p.nats[b] for p in parts]), ceiling) for b in BOUNDS)
    every = [q for part in parts for q in part.asked]
    due = link["due_at"]
    return OwnRisk(
        parts=tuple(parts),
        nats=(nats[0], nats[1]),
        coverage=_standing(every).coverage,
        principles=_profile(every, applicable, "principle"),
        topics=_profile(every, applicable, "topic"),
        list_ref=list_ref,
        awaiting=due is not None and model.as_of <= moment(due) and not link["submitted"],
    )


def _range(scale: list[tuple[str, float]], classified: list[str] | None) -> list[tuple[str, float]]:
    if classified is None:
        return scale
    names = [value for value, _ in scale]
    return scale[names.index(classified[0]) : names.index(classified[1]) + 1]


def _unknown(id_: str, kind: str, model: Model, applicable: list[Json], ceiling: float) -> Part:
    exposure = 1 - math.exp(-ceiling)
    asked = tuple(_question(model, q, 9, (0.0, 1.0)) for q in applicable)
    return Part(id_, kind, (exposure, exposure), (0.0, 1.0), (0.0, ceiling), asked, shown=False)


def _no_ai(model: Model, declaration: Json, applicable: list[Json]) -> Part:
    exposure = float(model.policy["exposure"]["uses_ai"])
    window = model.policy["freshness"]["declaration_window_days"]
    trusted = model.assurance(declaration["assurance"]) * model.freshness(
        declaration["time"], window
    )
    gap = 1 - trusted
    # Row 3: every applicable question counts as answered by the signed "none".
    asked = tuple(_question(model, q, 3, (0.0, gap)) for q in applicable)
    floor = float(model.policy["own"]["floor"])
    nats = max(-math.log(1 - exposure * gap), floor)
    return Part("no-ai", "no_ai", (exposure, exposure), (0.0, gap), (0.0, nats), asked, shown=False)


def _declared(
    model: Model,
    component: Json,
    organization: dict[str, Json],
    applicable: list[Json],
    ranges: dict[str, list[tuple[str, float]]],
) -> Part:
    live = model.live(component["superseded_at"])
    bound = live and component["covered"]
    own = {a["question"]: a for a in component["answers"]} if live else {}
    answers = {**organization, **own}
    roles = component["roles"] if bound else dict.fromkeys(ROLES, "undecided")
    possible = {
        name: _possible(model, component, scale, name) if bound else scale
        for name, scale in ranges.items()
    }
    asked: list[Asked] = []
    for question in applicable:
        applies = _applies(question, answers, roles, possible)
        if applies is False:
            continue
        row, gap = _gap(model, question, answers.get(question["id"]), decided=applies is True)
        asked.append(_question(model, question, row, gap))
    uses = 1 - float(model.policy["exposure"]["uses_ai"])
    exposure = (
        1 - uses * math.prod(1 - scale[0][1] for scale in possible.values()),
        1 - uses * math.prod(1 - scale[-1][1] for scale in possible.values()),
    )
    gap_of = _weighted_gap(asked, CLAIMED), _weighted_gap(asked, EVIDENCED)
    claimed, evidenced = (-math.log(1 - exposure[b] * gap_of[b]) for b in BOUNDS)
    nats = claimed, max(evidenced, float(model.policy["own"]["floor"]))
    return Part(component["id"], "declared", exposure, gap_of, nats, tuple(asked), shown=True)


def _possible(
    model: Model, component: Json, scale: list[tuple[str, float]], name: str
) -> list[tuple[str, float]]:
    needed = model.assurance(model.policy["exposure"]["attribute_assurance"])
    stated = dict(model.scales[name]).get(component["attributes"].get(name))
    if stated is None or model.assurance(component["assurance"]) < needed:
        return scale
    clipped = min(max(stated, scale[0][1]), scale[-1][1])
    value = component["attributes"][name]
    inside = [pair for pair in scale if pair[0] == value]
    return inside or [pair for pair in scale if pair[1] == clipped][:1]


Truth = bool | None


def _applies(
    question: Json,
    answers: dict[str, Json],
    roles: Json,
    possible: dict[str, list[tuple[str, float]]],
) -> Truth:
    facts: dict[str, Truth] = {"yes": True, "no": False, "undecided": None}
    by_role = _any([facts[roles[role]] for role in question["roles"]])
    return _all([by_role, _holds(question["condition"], answers, possible)])


def _holds(  # noqa: PLR0911 (one return per form of condition)
    condition: Json | None, answers: dict[str, Json], possible: dict[str, list[tuple[str, float]]]
) -> Truth:
    if condition is None:
        return True
    if "all" in condition:
        return _all([_holds(c, answers, possible) for c in condition["all"]])
    if "any" in condition:
        return _any([_holds(c, answers, possible) for c in condition["any"]])
    if "not" in condition:
        inner = _holds(condition["not"], answers, possible)
        return None if inner is None else not inner
    if "attribute" in condition:
        inside = {value in condition["in"] for value, _ in possible[condition["attribute"]]}
        return inside.pop() if len(inside) == 1 else None
    answer = answers.get(condition["question"])
    if answer is None or answer["state"] != "answered" or not answer["covered"]:
        return None
    return bool(answer["value"] in condition["in"])


def _all(parts: list[Truth]) -> Truth:
    return False if False in parts else None if None in parts else True


def _any(parts: list[Truth]) -> Truth:
    return True if True in parts else None if None in parts else False


def _gap(  # noqa: PLR0911 (one return per row of the table)
    model: Model, question: Json, answer: Json | None, *, decided: bool
) -> tuple[int, tuple[float | None, float | None]]:
    if not decided:
        return 2, (0.0, 1.0)
    if answer is None:
        return 9, (0.0, 1.0)
    state, covered, seen = answer["state"], answer["covered"], answer["seen"]
    told = model.alignment(question, answer["value"]) if state == "answered" else None
    if told is not None:
        if not covered:
            return 4, (1 - told, 1.0)
        return 3, (1 - told, 1 - told * _trust(model, question, answer))
    if state == "withheld" and seen is not None and covered:
        shown = model.alignment(question, seen["value"])
        if shown is not None:
            return 5, (1 - shown, 1 - shown * _trust(model, question, seen))
    absent = state == "not_applicable"
    if absent and answer["accepted"] and covered:
        return 6, (None, None)
    if answer["waived"]:
        return 7, (0.0, 1.0)
    return (8, (None, 1.0)) if absent else (9, (0.0, 1.0))


def _trust(model: Model, question: Json, answer: Json) -> float:
    return model.assurance(answer["assurance"]) * model.freshness(
        answer["time"], question["freshness_days"]
    )


def _question(
    model: Model, question: Json, row: int, gap: tuple[float | None, float | None]
) -> Asked:
    weight = model.policy["weights"][question["criticality"] - 1]
    return Asked(question["id"], row, weight, gap, question["principle"], question["topic"])


def _weighted_gap(asked: list[Asked], bound: int) -> float:
    stays = [(q.weight, gap) for q in asked if (gap := q.gap[bound]) is not None]
    total = sum(weight for weight, _ in stays)
    return math.fsum(weight * gap for weight, gap in stays) / total if total else 0.0


def _standing(asked: list[Asked]) -> Standing:
    required = sum(q.weight for q in asked if q.gap[EVIDENCED] is not None)
    if not required:
        return Standing(None, None)
    gap = (_weighted_gap(asked, CLAIMED), _weighted_gap(asked, EVIDENCED))
    return Standing(gap, sum(q.weight for q in asked if q.answered) / required)


def _profile(every: list[Asked], applicable: list[Json], key: str) -> dict[str, Standing]:
    names = {question[key] for question in applicable} - {None}
    return {
        name: _standing([q for q in every if getattr(q, key) == name]) for name in sorted(names)
    }
