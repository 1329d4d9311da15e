"""Putting together the part of the world one requester can reach, level by level.

The state of the world is the database: nothing is kept between two snapshots.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.risk.actions import policies
from services.risk.actions.between import Asked, Between, Opened, Revision, firm_of
from services.risk.actions.deployment import Deployment
from services.risk.actions.pseudonyms import Pseudonyms
from services.risk.actions.questions import questions
from services.risk.rules.facts import Facts, LinkFacts, LogPosition
from services.risk.rules.policy import Policy
from services.risk.rules.world import SubTier, World, WorldLink, view
from services.risk.store import KeyChange, Link, Recorded, Response, granted, world
from services.risk.store.world import Position

Pair = tuple[UUID, UUID]


def facts(tx: Session, deployment: Deployment, requester: UUID, as_of: datetime) -> Facts:
    """Freeze one requester's own view of the world at `as_of` (aware, whole seconds).

    Raises:
        FactsRefused: a published question does not hold together.
    """
    reached = _Reached(tx, requester, as_of)
    policy = policies.of(tx, deployment.policy, requester)
    seen = _world(reached, policy, as_of)
    own = [link for link in reached.own if not link.ended]
    alias = Pseudonyms(
        deployment.pseudonym_secret, requester, _openly_known(seen, requester, reached)
    )
    frozen = view(seen, str(requester), alias)
    supplier = {str(link.link_id): str(link.supplier_id) for link in own}
    return replace(
        frozen,
        direct=tuple(replace(link, supplier=supplier[link.id]) for link in frozen.direct),
    )


def _openly_known(seen: World, requester: UUID, reached: _Reached) -> dict[str, str]:
    """Return the firms a requester may recognize as its own supplier when it meets them deeper.

    Not those that any list in its view names only under a mask: recognizing one would lift it.
    """
    masked = {
        entry.supplier
        for link in seen.links.values()
        if isinstance(link.sub_tier, SubTier)
        for entry in link.sub_tier.entries
        if entry.visibility == "masked"
    }
    known: dict[str, str] = {}
    for between in reached.pairs.values():
        own = [link for link in between.links if not link.ended]
        if between.customer == requester and own and str(between.firm) not in masked:
            known[str(between.firm)] = str(own[0].supplier_id)
    return known


def _world(reached: _Reached, policy: Policy, as_of: datetime) -> World:
    asked = {request.questionnaire_id for b in reached.pairs.values() for request in b.standing()}
    table = questions(world.questionnaires(reached.tx, asked, reached.requester))
    links: dict[tuple[str, str], WorldLink] = {}
    for between in reached.pairs.values():
        links |= _links(between, reached, between.facts(table, policy, as_of))
    place = reached.place
    return World(
        as_of=as_of,
        synthetic=world.is_synthetic(reached.tx),
        log=None if place is None else LogPosition(place.origin, place.size),
        policy=policy,
        packs=table.packs,
        questions=table.table,
        starter=table.starter,
        links=links,
    )


def _links(
    between: Between, reached: _Reached, known: LinkFacts
) -> dict[tuple[str, str], WorldLink]:
    """Return the links between two firms as the world has them.

    All of the requester's own that go on; of anybody else one, met if a list leads to it.
    """
    customer, firm = str(between.customer), str(between.firm)
    met = WorldLink(
        id=f"{customer} {firm}",
        customer=customer,
        supplier=firm,
        dependency="unstated",
        pass_through=False,
        facts=known,
        sub_tier=between.sub_tier(reached.firms[between.firm]),
    )
    if between.customer != reached.requester:
        return {(customer, firm): met}
    own = [link for link in between.links if not link.ended]
    # One firm behind two records is two direct links with the same facts; a list finds the first.
    return {
        (customer, f"{firm} {number}" if number else firm): replace(
            met,
            id=str(link.link_id),
            dependency=link.dependency,
            pass_through=link.pass_through,
            # What it buys is the requester's own word; what others say they buy lowers nothing.
            facts=replace(known, classification=reached.bought[link.link_id]),
        )
        for number, link in enumerate(own)
    }


@dataclass
class _Reached:
    """Every customer and firm that lists lead to, from the requester's own links down."""

    tx: Session
    requester: UUID
    as_of: datetime
    place: Position | None = field(init=False)
    own: list[Link] = field(init=False)
    pairs: dict[Pair, Between] = field(init=False, default_factory=dict)
    firms: dict[UUID, dict[UUID, UUID]] = field(init=False, default_factory=dict)
    """Customer → its own supplier ids → the firm each is."""
    bought: dict[UUID, dict[str, tuple[str, str]]] = field(init=False, default_factory=dict)
    """Link → the range of each attribute its customer says it buys."""
    _links: dict[Pair, list[Link]] = field(init=False)

    def __post_init__(self) -> None:
        self.place = world.position(self.tx)
        self._links = defaultdict(list)
        self._learn_links({self.requester})
        self.own = [
            link
            for (customer, _), links in self._links.items()
            for link in links
            if customer == self.requester
        ]
        level = {
            pair for pair, links in self._links.items() if not all(link.ended for link in links)
        }
        while level:
            level = self._descend(level)

    def _learn_links(self, customers: set[UUID]) -> None:
        new = customers - self.firms.keys()
        self.firms.update({customer: {} for customer in new})
        for ends in world.links_of(self.tx, new, self.requester):
            self.firms[ends.link.org_id][ends.link.supplier_id] = ends.firm
            self._links[ends.link.org_id, ends.firm].append(ends.link)
            self.bought[ends.link.link_id] = {
                name: (least, most) for name, (least, most) in ends.classification.items()
            }

    def _descend(self, level: set[Pair]) -> set[Pair]:
        """Learn everything about these pairs; return the pairs their lists lead to."""
        firms = {firm for _, firm in level}
        self._learn_links(firms)
        made = {
            pair: Between(customer=pair[0], firm=pair[1], links=self._links.get(pair, []))
            for pair in sorted(level)
        }
        self.pairs.update(made)
        self._hear(made, firms)
        return {
            (between.firm, firm_of(entry, self.firms[between.firm]))
            for between in made.values()
            if between.revision is not None
            for entry in between.revision.response.said["sub_tier"]["entries"]
        } - self.pairs.keys()

    def _hear(self, made: dict[Pair, Between], firms: set[UUID]) -> None:
        by_link = {link.link_id: b for b in made.values() for link in b.links}
        for request, changes in world.requests_on(self.tx, by_link.keys()):
            by_link[request.link_id].requests.append(Asked.of(request, changes))
        keys: defaultdict[UUID, list[KeyChange]] = defaultdict(list)
        for change in world.key_changes_of(self.tx, firms):
            keys[change.org_id].append(change)
        for between in made.values():
            between.keys = keys[between.firm]
        if self.place is None:
            return
        self._choose_revisions(made, self.place)
        self._take_what_was_typed(made, self.place)
        self._open_what_was_granted(made, self.place)
        self._look_at_reviews(made, self.place)

    def _choose_revisions(self, made: dict[Pair, Between], place: Position) -> None:
        declared = [
            (response, recorded)
            for response, recorded in world.declared(
                self.tx, {firm for _, firm in made}, {customer for customer, _ in made}, place
            )
            if (response.requester_org_id, response.respondent_org_id) in made
        ]
        ids = {each["statement_id"] for r, _ in declared for each in r.said["components"]}
        recorded_ = world.recorded_by_id(self.tx, ids, place)
        all_ids = ids | {declaration.statement_id for _, declaration in declared}
        later = _Later.of(self.tx, all_ids, place)
        for response, declaration in declared:
            components = _agreeing(response, recorded_)
            if components is None:
                # Wait for the rest of the response, or count nothing of it for ever.
                continue
            between = made[response.requester_org_id, response.respondent_org_id]
            between.answered |= {response.request_id}
            if between.revision is None:
                named = [declaration.statement_id, *components]
                between.revision = Revision(
                    response=response,
                    declaration=declaration,
                    components=components,
                    superseded={n: later.since[n] for n in named if n in later.since},
                    retracted=later.retracted.intersection(named),
                )

    def _take_what_was_typed(self, made: dict[Pair, Between], place: Position) -> None:
        """Where a firm signed nothing itself, what its customer typed in from paper stands in."""
        by_request = {
            request.request_id: between
            for between in made.values()
            if between.revision is None
            for request in between.requests
        }
        typed = granted.typed(self.tx, by_request.keys(), place)
        ids = {each["statement_id"] for r, _ in typed for each in r.said["components"]}
        signed = world.recorded_by_id(self.tx, ids, place)
        later = _Later.of(self.tx, ids | {one.statement_id for _, one in typed}, place)
        known = granted.confirmed(self.tx, [one.statement_id for _, one in typed])
        keys = world.key_changes_of(self.tx, {one.org_id for _, one in typed})
        for response, declaration in typed:
            between, components = by_request[response.request_id], _agreeing(response, signed)
            if components is None or between.customer != response.requester_org_id:
                continue
            between.answered |= {response.request_id}
            if between.revision is None:
                named = [declaration.statement_id, *components]
                between.revision = Revision(
                    response=response,
                    declaration=declaration,
                    components=components,
                    superseded={n: later.since[n] for n in named if n in later.since},
                    retracted=later.retracted.intersection(named),
                    typist=tuple(key for key in keys if key.org_id == declaration.org_id),
                    confirmed=declaration.statement_id in known,
                )

    def _open_what_was_granted(self, made: dict[Pair, Between], place: Position) -> None:
        found = granted.grants_between(
            self.tx,
            {firm for _, firm in made},
            {customer for customer, _ in made},
            place,
            self.as_of,
        )
        later = _Later.of(self.tx, {statement.statement_id for _, statement in found}, place)
        for grant, statement in found:
            between = made.get((grant.requester_org_id, grant.respondent_org_id))
            if between is not None:
                name = statement.statement_id
                opened = Opened(grant, statement, later.since.get(name), name in later.retracted)
                between.granted.append(opened)

    def _look_at_reviews(self, made: dict[Pair, Between], place: Position) -> None:
        of: dict[str, Between] = {}
        for between in made.values():
            if between.revision is not None:
                of[between.revision.declaration.statement_id] = between
                of.update(dict.fromkeys(between.revision.components, between))
                of.update({each.statement.statement_id: between for each in between.granted})
        for review, recorded in world.reviews_of(self.tx, of.keys(), place):
            between = of[review.statement_id]
            if review.requester_org_id == between.customer:
                between.reviews.setdefault(review.statement_id, []).append((review, recorded))


@dataclass(frozen=True)
class _Later:
    """What was said of statements afterwards: superseded since when, or taken back."""

    since: dict[str, datetime]
    retracted: frozenset[str]

    @classmethod
    def of(cls, tx: Session, ids: set[str], place: Position) -> _Later:
        since = {
            name: one.received_at for name, one in world.superseders_of(tx, ids, place).items()
        }
        retracted = set()
        for withdrawn, recorded in world.withdrawals_of(tx, ids, place):
            name = withdrawn.statement_id
            if withdrawn.effect == "retracted":
                retracted.add(name)
            else:
                since[name] = min(recorded.received_at, since.get(name, recorded.received_at))
        return cls(since, frozenset(retracted))


def _agreeing(response: Response, recorded: dict[str, Recorded]) -> dict[str, Recorded] | None:
    """Return the recorded statements of a response's components; None unless all are as told."""
    found: dict[str, Recorded] = {}
    for told in response.said["components"]:
        statement = recorded.get(told["statement_id"])
        if statement is None or not (
            statement.type == "ai-governance"
            and statement.org_id == response.respondent_org_id
            and statement.subject_sha256 == told["descriptor_sha256"]
            and statement.answers_sha256 == told["answers_sha256"]
            and statement.response_id == response.response_id
            and statement.revision == response.revision
            and response.requester_org_id in statement.audience
        ):
            return None
        found[statement.statement_id] = statement
    return found
