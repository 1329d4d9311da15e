"""RM-1's results document: contributions, tiers and standings of one requester's view.

Section 11 of the facts contract.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from rensho.rm1_flow import (
    Maker,
    Network,
    Node,
    Spread,
    dependence,
    own_bundle,
    read_lists,
    spread,
)
from rensho.rm1_links import (
    BOUNDS,
    CLAIMED,
    EVIDENCED,
    Json,
    Model,
    OwnRisk,
    Pair,
    Part,
    Standing,
    moment,
    own_risk,
)


def _text(number: float) -> str:
    return f"{number:.9f}".replace("-0.000000000", "0.000000000")


def _maybe(number: float | None) -> str | None:
    return None if number is None else _text(number)


def _interval(pair: Pair | tuple[float | None, float | None]) -> Json:
    return {"claimed": _maybe(pair[CLAIMED]), "evidenced": _maybe(pair[EVIDENCED])}


def _standing(standing: Standing) -> Json:
    gap = None if standing.gap is None else _interval(standing.gap)
    return {"gap": gap, "coverage": _maybe(standing.coverage)}


class View:
    """One requester's view: every judged link, and where its total and its weight go."""

    def __init__(self, facts: Json) -> None:
        self.facts, self.policy = facts, facts["policy"]
        model = Model(
            self.policy,
            {question["id"]: question for question in facts["questions"]},
            frozenset(facts["starter"]),
            moment(facts["as_of"]),
        )
        self.direct = {link["id"]: link for link in facts["direct"]}
        self.own = {id_: own_risk(model, link) for id_, link in self.direct.items()}
        self.deeper = {link["id"]: link for link in facts["deeper"]}
        self.network = self._network()
        self.top = sorted(self.direct)
        self.spreads: tuple[Spread, Spread] = (
            spread(self.network, facts["requester"], CLAIMED),
            spread(self.network, facts["requester"], EVIDENCED),
        )
        self.weights = dependence(self.network)
        self.total: Pair = (
            self.network.total_of(self.network.total, CLAIMED),
            self.network.total_of(self.network.total, EVIDENCED),
        )

    def _network(self) -> Network:
        d = {name: float(value) for name, value in self.policy["dependency"].items()}
        nodes = {
            id_: Node(id_, self.direct[id_]["supplier"], own.nats, own.list_ref)
            for id_, own in self.own.items()
        }
        for id_, link in self.deeper.items():
            own = (float(link["own"]["claimed"]), float(link["own"]["evidenced"]))
            nodes[id_] = Node(id_, link["supplier"], own, link["list"])
        total = tuple(
            own_bundle(link, self._house_list(id_), self.facts, d)
            if link["pass_through"]
            else Maker(id_, d[link["dependency"]])
            for id_, link in sorted(self.direct.items())
        )
        return Network(self.policy, nodes, read_lists(self.facts, d), total)

    def _house_list(self, id_: str) -> str:
        """The list of the requester's own trading house; "no AI" closes nothing here."""
        return "silent" if self.own[id_].list_ref == "silent" else str(self.direct[id_]["list"])

    def results(self) -> Json:
        """Return the whole results document."""
        return {
            "contract": "rensho/results/v1",
            **{
                k: self.facts[k]
                for k in ("model", "requester", "as_of", "synthetic", "policy_digest")
            },
            "total": _interval(self.total),
            "portfolio_index": self._portfolio(),
            "deeper": _interval((self.spreads[CLAIMED].deeper, self.spreads[EVIDENCED].deeper)),
            "suppliers": [self._supplier(n, id_) for n, id_ in enumerate(self.top)],
            "firms": self._firms(),
            "tiers": [self._tier(tier) for tier in self._tiers()],
        }

    def _tiers(self) -> list[int]:
        limit = self.policy["tiers"]["depth_limit"]
        return [t for t in range(1, limit + 1) if self.weights.links[t] or self.weights.unseen[t]]

    def _portfolio(self) -> Json | None:
        everywhere = range(1, self.policy["tiers"]["depth_limit"] + 1)
        return self._index(everywhere) if self.direct else None

    def _index(self, tiers: Iterable[int]) -> Json:
        unseen = math.fsum(self.weights.unseen[t] for t in tiers)
        links = [(w, self.network.risk(k)) for t in tiers for k, w in self.weights.links[t].items()]
        whole = math.fsum(self._whole(t) for t in tiers)
        sums = [math.fsum(w * risk[b] for w, risk in links) for b in BOUNDS]
        return _interval((sums[CLAIMED] / whole, (sums[EVIDENCED] + unseen) / whole))

    def _whole(self, tier: int) -> float:
        """All weight that arrives in a tier, what "no AI" closed included."""
        ended = self.weights.unseen[tier] + self.weights.closed[tier]
        return ended + math.fsum(self.weights.links[tier].values())

    def _arrived(self, n: int) -> Pair:
        return (self.spreads[CLAIMED].arrived[n], self.spreads[EVIDENCED].arrived[n])

    def _share(self, nats: Pair) -> Json:
        claimed, evidenced = (nats[b] / self.total[b] if self.total[b] else None for b in BOUNDS)
        return _interval((claimed, evidenced))

    def _supplier(self, n: int, id_: str) -> Json:
        link, own, arrived = self.direct[id_], self.own[id_], self._arrived(n)
        common = {
            "id": id_,
            "supplier": link["supplier"],
            "pass_through": link["pass_through"],
            "dependency": link["dependency"],
            "contribution": _interval(arrived),
            "share": self._share(arrived),
        }
        if link["pass_through"]:
            empty = ("own", "sub_tier", "risk", "band", "coverage", "retained")
            return {
                **common,
                **dict.fromkeys(empty),
                "principles": {},
                "topics": {},
                "components": [],
            }
        retained = self._retained_direct(id_, arrived)
        return {
            **common,
            "own": _interval(own.nats),
            "sub_tier": _interval(self.network.below(own.list_ref)),
            "risk": _interval(self.network.risk(id_)),
            "band": self._band(id_),
            "coverage": _maybe(own.coverage),
            "retained": _interval(retained),
            "principles": {name: _standing(s) for name, s in own.principles.items()},
            "topics": {name: _standing(s) for name, s in own.topics.items()},
            "components": _components(own, retained, self.network.norm),
        }

    def _retained_direct(self, id_: str, arrived: Pair) -> Pair:
        below = self.network.below(self.own[id_].list_ref)
        nats = self.own[id_].nats
        claimed, evidenced = (
            arrived[b] * nats[b] / (nats[b] + below[b]) if nats[b] + below[b] > 0 else 0.0
            for b in BOUNDS
        )
        return (claimed, evidenced)

    def _band(self, id_: str) -> str:
        coverage, awaiting = self._coverage(id_), self._awaiting(id_)
        needed = float(self.policy["unseen"]["coverage_needed"])
        if awaiting or (coverage is not None and float(_text(coverage)) < needed):
            return "unseen"
        risk = float(_text(self.network.risk(id_)[EVIDENCED]))
        edges = self.policy["bands"]
        return max((name for name in edges if risk >= float(edges[name])), default="A")

    def _coverage(self, id_: str) -> float | None:
        if id_ in self.own:
            return self.own[id_].coverage
        return _number(self.deeper[id_]["coverage"])

    def _awaiting(self, id_: str) -> bool:
        return self.own[id_].awaiting if id_ in self.own else bool(self.deeper[id_]["awaiting"])

    def _worst(self, links: Iterable[str]) -> str:
        return min(links, key=lambda k: (-self.network.risk(k)[EVIDENCED], k))

    def _by_firm(self, links: Iterable[str]) -> dict[str, list[str]]:
        firms: dict[str, list[str]] = {}
        for link in links:
            firms.setdefault(self.network.nodes[link].supplier, []).append(link)
        return dict(sorted(firms.items()))

    def _firms(self) -> list[Json]:
        weighed = {link for tier in self._tiers() for link in self.weights.links[tier]}
        return [self._firm(id_, links) for id_, links in self._by_firm(sorted(weighed)).items()]

    def _firm(self, id_: str, links: list[str]) -> Json:
        evidenced = self.spreads[EVIDENCED].retained
        floor = float(self.policy["tiers"]["share_floor"]) * self.total[EVIDENCED]
        tiers = [t for t in self._tiers() if math.fsum(evidenced[t][k] for k in links) > floor]
        worst = self._worst(links)
        risks = [self.network.risk(link)[EVIDENCED] for link in links]
        return {
            "id": id_,
            "tier_min": min(t for t in self._tiers() for k in links if k in self.weights.links[t]),
            "tiers": tiers,
            "risk": _interval(self.network.risk(worst)),
            "lowest": _text(min(risks)),
            "highest": _text(max(risks)),
            "band": self._band(worst),
        }

    def _tier(self, tier: int) -> Json:
        links, unseen = self.weights.links[tier], self.weights.unseen[tier]
        kept = [math.fsum(s.kept[tier].values()) for s in self.spreads]
        stays = [math.fsum(s.retained[tier].values()) for s in self.spreads]
        contribution = (stays[CLAIMED] + kept[CLAIMED], stays[EVIDENCED] + kept[EVIDENCED])
        index = self._index([tier])
        width = self._width(tier)
        bands = dict.fromkeys((*"ABCDE", "unseen"), 0)
        for of_firm in self._by_firm(links).values():
            bands[self._band(self._worst(of_firm))] += 1
        return {
            "tier": tier,
            "index": index,
            "unseen_width": _text(width),
            "unseen_weight": _text(unseen / self._whole(tier)),
            "contribution": _interval(contribution),
            "share": self._share(contribution),
            "undisclosed": _text(kept[EVIDENCED]),
            "firms": bands,
            "coverage": self._mean(tier, self._coverage, 0.0),
            **self._contributors(tier),
            "principles": self._standings(tier, "principle", "principles"),
            "topics": self._standings(tier, "topic", "topics"),
        }

    def _width(self, tier: int) -> float:
        links, unseen = self.weights.links[tier], self.weights.unseen[tier]
        risks = [(w, self.network.risk(k)) for k, w in links.items()]
        width = unseen + math.fsum(w * (r[EVIDENCED] - r[CLAIMED]) for w, r in risks)
        return width / self._whole(tier)

    def _contributors(self, tier: int) -> Json:
        evidenced = self.spreads[EVIDENCED]
        nats: dict[str, float] = dict(evidenced.kept[tier])
        for link, stays in evidenced.retained[tier].items():
            firm = self.network.nodes[link].supplier
            nats[firm] = nats.get(firm, 0.0) + stays
        whole = math.fsum(nats.values())
        ranked = sorted((-float(_text(c)), id_) for id_, c in nats.items() if c > 0)
        return {
            "herfindahl": _text(math.fsum((c / whole) ** 2 for c in nats.values()))
            if whole
            else None,
            "largest": [
                {
                    "id": id_,
                    "contribution": _text(nats[id_]),
                    "undisclosed": _text(evidenced.kept[tier].get(id_, 0.0)),
                }
                for _, id_ in ranked[: self.policy["tiers"]["largest"]]
            ],
        }

    def _mean(self, tier: int, of: Callable[[str], float | None], unseen: float) -> str | None:
        hidden = self.weights.unseen[tier]
        seen = [(w, v) for k, w in self.weights.links[tier].items() if (v := of(k)) is not None]
        whole = hidden + math.fsum(w for w, _ in seen)
        if not whole:
            return None
        return _text((hidden * unseen + math.fsum(w * v for w, v in seen)) / whole)

    def _standings(self, tier: int, of_question: str, key: str) -> Json:
        names = {question[of_question] for question in self.facts["questions"]} - {None}
        return {name: self._standing(tier, key, name) for name in sorted(names)}

    def _seen(self, link: str, key: str, name: str) -> Standing:
        """What the requester sees of one link's standing against one principle or topic."""
        if link in self.own:
            own = self.own[link]
            profile = own.principles if key == "principles" else own.topics
            return profile.get(name, Standing(None, None))
        told = self.deeper[link][key].get(name)
        if told is None or told["gap"] is None:
            return Standing(None, None if told is None else _number(told["coverage"]))
        gap = (float(told["gap"]["claimed"]), float(told["gap"]["evidenced"]))
        return Standing(gap, _number(told["coverage"]))

    def _standing(self, tier: int, key: str, name: str) -> Json:
        def gap_on(bound: int) -> Callable[[str], float | None]:
            def read(link: str) -> float | None:
                gap = self._seen(link, key, name).gap
                return None if gap is None else gap[bound]

            return read

        claimed, evidenced = (self._mean(tier, gap_on(b), float(b)) for b in BOUNDS)
        gap = None if claimed is None else {"claimed": claimed, "evidenced": evidenced}
        coverage = self._mean(tier, lambda link: self._seen(link, key, name).coverage, 0.0)
        return {"gap": gap, "coverage": coverage}


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _components(own: OwnRisk, retained: Pair, norm: float) -> list[Json]:
    whole = [math.fsum(part.nats[b] ** norm for part in own.parts) for b in BOUNDS]
    return [
        _component(part, _portion(part, retained, whole, norm))
        for part in sorted(own.parts, key=lambda part: part.id)
    ]


def _portion(part: Part, retained: Pair, whole: list[float], norm: float) -> Pair:
    claimed, evidenced = (
        retained[b] * part.nats[b] ** norm / whole[b] if whole[b] else 0.0 for b in BOUNDS
    )
    return (claimed, evidenced)


def _component(part: Part, contribution: Pair) -> Json:
    weighed = [math.fsum(q.weight * (q.gap[b] or 0.0) for q in part.asked) for b in BOUNDS]
    required = sum(q.weight for q in part.asked if q.gap[EVIDENCED] is not None)
    answered = sum(q.weight for q in part.asked if q.answered)
    questions = [
        {
            "id": q.id,
            "row": q.row,
            "gap": _interval(q.gap),
            "contribution": _interval(
                tuple(
                    contribution[b] * q.weight * (q.gap[b] or 0.0) / weighed[b]
                    if weighed[b]
                    else 0.0
                    for b in BOUNDS
                )  # type: ignore[arg-type]
            ),
        }
        for q in (part.asked if part.shown else ())
    ]
    return {
        "id": part.id,
        "kind": part.kind,
        "exposure": _interval(part.exposure),
        "gap": _interval(part.gap),
        "weight": _interval(part.nats),
        "coverage": _maybe(answered / required if required else None),
        "contribution": _interval(contribution),
        "questions": sorted(questions, key=lambda q: str(q["id"])),
    }
