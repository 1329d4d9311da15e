"""The whole world of links as risk holds it, and one requester's own view of it.

Facts travel along links: what stands in a link is what its customer may see. A view takes the
requester's own links as they are, judges every link behind them by its own customer's eyes, and
hands on nothing of those but pseudonyms, classes and intervals rounded outward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.risk.rules.facts import (
    CLOSED,
    NONE,
    SILENT,
    DeeperLink,
    DirectLink,
    Entry,
    Facts,
    LinkFacts,
    LogPosition,
    Pack,
    Question,
    Standing,
    SubTierList,
    Visibility,
    entry_order,
)
from services.risk.rules.number import Interval, outward
from services.risk.rules.policy import Policy
from services.risk.rules.standing import Judge, Judgement

# A firm that never said anything on a link is judged like any other: by its silence.
UNHEARD = LinkFacts(
    classification={},
    asked=frozenset(),
    due_at=None,
    submitted=False,
    declaration=None,
    organization=(),
    components=(),
)

Alias = Callable[[Literal["firm", "link", "list"], str], str]


@dataclass(frozen=True, slots=True)
class Listed:
    """One opened entry of a sub-tier list: a firm known to the service, whatever viewers see."""

    supplier: str
    dependency: str
    visibility: Visibility
    pass_through: bool


@dataclass(frozen=True, slots=True)
class SubTier:
    """A list signed as complete: its opened entries, and how many entries it has per class."""

    entries: tuple[Listed, ...]
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WorldLink:
    """`sub_tier` is the supplier's list as opened to the customer; "silent" and "none" are words.

    `dependency` and `pass_through` are the customer's own classing; they count on its own view
    alone, a list carries the classes its owner signed.
    """

    id: str
    customer: str
    supplier: str
    dependency: str
    pass_through: bool
    facts: LinkFacts
    sub_tier: SubTier | Literal["silent", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything risk knows at one moment; `links` by (customer, supplier)."""

    as_of: datetime
    synthetic: bool
    log: LogPosition | None
    policy: Policy
    packs: tuple[Pack, ...]
    questions: Mapping[str, Question]
    starter: frozenset[str]
    links: Mapping[tuple[str, str], WorldLink]

    def link(self, customer: str, supplier: str) -> WorldLink:
        """What a customer sees of a supplier; silence where nothing was ever said."""
        unheard = WorldLink(
            id=f"{customer} {supplier}",
            customer=customer,
            supplier=supplier,
            dependency="unstated",
            pass_through=False,
            facts=UNHEARD,
            sub_tier="silent",
        )
        return self.links.get((customer, supplier), unheard)


def view(world: World, requester: str, alias: Alias) -> Facts:
    """One requester's facts. `alias` gives this viewer's pseudonyms, one per kind and subject."""
    return _View(world, requester, alias).facts()


class _View:
    def __init__(self, world: World, requester: str, alias: Alias) -> None:
        self.world = world
        self.requester = requester
        self.alias = alias
        self.judge = Judge(world.questions, world.starter, world.policy, world.as_of)
        self.deeper: dict[str, DeeperLink] = {}
        self.lists: dict[str, SubTierList] = {}
        self.met: list[tuple[WorldLink, bool]] = []

    def facts(self) -> Facts:
        world = self.world
        own = [link for link in world.links.values() if link.customer == self.requester]
        direct = [
            DirectLink(
                id=link.id,
                supplier=link.supplier,
                dependency=link.dependency,
                pass_through=link.pass_through,
                facts=link.facts,
                list=self._list(link),
            )
            for link in sorted(own, key=lambda link: link.id)
        ]
        while self.met:
            link, through = self.met.pop()
            name = self._link_alias(link, through=through)
            if name not in self.deeper:
                self.deeper[name] = self._deeper(name, link, through=through)
        return Facts(
            requester=self.requester,
            as_of=world.as_of,
            synthetic=world.synthetic,
            log=world.log,
            policy=world.policy,
            packs=world.packs,
            questions=dict(sorted(world.questions.items())),
            starter=world.starter,
            direct=tuple(direct),
            deeper=dict(sorted(self.deeper.items())),
            lists=dict(sorted(self.lists.items())),
        )

    def _link_alias(self, link: WorldLink, *, through: bool) -> str:
        """One name per way of meeting a link: passed through, its list is another than judged."""
        subject = f"{link.customer} {link.supplier}"
        return self.alias("link", f"{subject} through" if through else subject)

    def _list(self, link: WorldLink) -> str:
        """The list behind a link, by its content: equal lists of one firm are one."""
        if isinstance(link.sub_tier, str):
            return SILENT if link.sub_tier == "silent" else NONE
        name = self.alias("list", f"{link.supplier} {_content(link.sub_tier)}")
        if name not in self.lists:
            signed = link.sub_tier.entries
            behind = [
                (self.world.link(link.supplier, entry.supplier), entry.pass_through)
                for entry in signed
            ]
            self.met += behind
            entries = [
                Entry(
                    self._link_alias(to, through=through),
                    entry.dependency,
                    entry.visibility,
                    entry.pass_through,
                )
                for entry, (to, through) in zip(signed, behind, strict=True)
            ]
            self.lists[name] = SubTierList(
                id=name,
                entries=tuple(sorted(entries, key=entry_order)),
                totals=dict(sorted(link.sub_tier.totals.items())),
            )
        return name

    def _deeper(self, name: str, link: WorldLink, *, through: bool) -> DeeperLink:
        judgement = self.judge.judge(link.facts)
        return DeeperLink(
            id=name,
            supplier=self.alias("firm", link.supplier),
            own=_widened(judgement.own, self.world.policy),
            coverage=_lowered(judgement.coverage, self.world.policy),
            awaiting=judgement.awaiting,
            principles=_profile(judgement.principles, self.world.policy),
            topics=_profile(judgement.topics, self.world.policy),
            list=self._list_if_it_counts(link, judgement, through=through),
        )

    def _list_if_it_counts(self, link: WorldLink, judgement: Judgement, *, through: bool) -> str:
        """The list, or the word for it. A trading house's "no AI" does not speak for its makers."""
        if judgement.is_closed and not through:
            return CLOSED
        return self._list(link) if judgement.is_declared else SILENT


def _content(sub_tier: SubTier) -> str:
    entries = sorted(
        f"{e.supplier}:{e.dependency}:{e.visibility}:{e.pass_through}" for e in sub_tier.entries
    )
    return " ".join([*entries, *(f"{name}={n}" for name, n in sorted(sub_tier.totals.items()))])


def _widened(own: Interval, policy: Policy) -> Interval:
    return Interval(
        claimed=outward(own.claimed, policy.own_step, "claimed"),
        evidenced=outward(own.evidenced, policy.own_step, "evidenced"),
    )


def _lowered(coverage: float | None, policy: Policy) -> float | None:
    return None if coverage is None else outward(coverage, policy.profile_step, "claimed")


def _profile(met: Mapping[str, Standing], policy: Policy) -> Mapping[str, Standing]:
    return {
        name: Standing(
            gap=None
            if standing.gap is None
            else Interval(
                claimed=outward(standing.gap.claimed, policy.profile_step, "claimed"),
                evidenced=outward(standing.gap.evidenced, policy.profile_step, "evidenced"),
            ),
            coverage=_lowered(standing.coverage, policy),
        )
        for name, standing in met.items()
    }
