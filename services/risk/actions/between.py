"""What one customer may count of one supplier, put together from what was heard of the two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self, cast
from uuid import UUID

from services.risk.actions import assurance
from services.risk.actions.assurance import Support
from services.risk.actions.questions import Questions
from services.risk.rules.facts import ROLES, Component, Declaration, LinkFacts, PreScreen
from services.risk.rules.policy import Policy
from services.risk.rules.world import Listed, SubTier
from services.risk.store import (
    Granted,
    KeyChange,
    Link,
    Recorded,
    Request,
    RequestChange,
    Response,
    Review,
)

_LONGEST_ID = 200
_STATED = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Revision:
    """A response whose declaration and component statements are all recorded as submitted.

    `superseded` has the time from which a statement counts as superseded, `retracted` the ids of
    those that their firm took back at once. `typist` are the key events of a customer that typed
    it in itself, None where the firm signed; `confirmed`: the firm confirmed the returned sheet.
    """

    response: Response
    declaration: Recorded
    components: Mapping[str, Recorded]
    superseded: Mapping[str, datetime]
    retracted: frozenset[str] = frozenset()
    typist: tuple[KeyChange, ...] | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A component that a grant opens, with the statement it was signed in for another customer."""

    granted: Granted
    statement: Recorded
    superseded_at: datetime | None
    retracted: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it stands: until when an answer is waited for, and whether its asker took it
    back. `is_over` once it was declined or closed, by either end: nothing is waited for any more.
    """

    request_id: UUID
    questionnaire_id: UUID
    due_at: datetime
    is_over: bool
    is_cancelled: bool

    @classmethod
    def of(cls, request: Request, changes: Sequence[RequestChange]) -> Self:
        """Put a request together with what was said of it since, the newest last."""
        given = [change.due_at for change in changes if change.due_at is not None]
        due_at = given[-1] if given else request.due_at
        endings = [change for change in changes if change.effect != "extended"]
        over = endings[-1] if endings and endings[-1].effect != "reopened" else None
        if over is not None:
            # The last moment an answer was waited for is the one before the end was said.
            due_at = min(due_at, over.said_at - timedelta(seconds=1))
        is_cancelled = over is not None and over.effect == "cancelled"
        named = (request.request_id, request.questionnaire_id)
        return cls(*named, due_at, over is not None, is_cancelled)


@dataclass(slots=True)
class Between:
    """Everything heard of a customer and a firm that supplies it; `revision` is the newest that
    counts, `answered` the requests that have one.
    """

    customer: UUID
    firm: UUID
    links: list[Link]
    requests: list[Asked] = field(default_factory=list)
    answered: frozenset[UUID] = frozenset()
    revision: Revision | None = None
    keys: list[KeyChange] = field(default_factory=list)
    reviews: dict[str, list[tuple[Review, Recorded]]] = field(default_factory=dict)
    granted: list[Opened] = field(default_factory=list)

    def facts(self, questions: Questions, policy: Policy, as_of: datetime) -> LinkFacts:
        """Return what the customer knows of the firm itself."""
        due_at, submitted = self._deadline()
        plain = LinkFacts(
            classification={},
            asked=frozenset().union(
                *(questions.asked.get(r.questionnaire_id, frozenset()) for r in self.standing())
            ),
            due_at=due_at,
            submitted=submitted,
            declaration=None,
            organization=(),
            components=(),
        )
        if self.revision is None:
            return plain
        return _Counted(self, self.revision, questions, policy, as_of).on(plain)

    def standing(self) -> list[Asked]:
        """Return what is asked of the firm. A request called off asks nothing; one that was
        declined or closed for want of a reply does, or it would pay to be silent.
        """
        return [r for r in self.requests if r.request_id in self.answered or not r.is_cancelled]

    def sub_tier(self, firms: Mapping[UUID, UUID]) -> SubTier | Literal["silent", "none"]:
        """Return the firm's list as opened to the customer.

        Args:
            firms: the firm's own supplier ids, and the firm each of them is.
        """
        if self.revision is None or (
            self.revision.declaration.statement_id in self.revision.retracted
        ):
            return "silent"
        told = self.revision.response.said["sub_tier"]
        if told["declared"] is None or told["totals"] is None:
            # Unless the totals are opened nobody can tell what is missing (profile section 2).
            return "silent"
        entries = tuple(
            Listed(
                supplier=str(firm_of(entry, firms)),
                dependency=entry["dependency"],
                visibility=entry["visibility"],
                pass_through=entry["pass_through"],
            )
            for entry in told["entries"]
        )
        if told["declared"] == "none" and not entries and not any(told["totals"].values()):
            return "none"
        return SubTier(entries=entries, totals=told["totals"])

    def _deadline(self) -> tuple[datetime | None, bool]:
        standing = self.standing()
        unanswered = [asked for asked in standing if asked.request_id not in self.answered]
        open_ = [asked.due_at for asked in unanswered if not asked.is_over]
        if open_:
            return max(open_), False
        answered = [asked.due_at for asked in standing if asked.request_id in self.answered]
        if answered:
            return answered[-1], True
        return (unanswered[-1].due_at, False) if unanswered else (None, False)


def firm_of(entry: Mapping[str, Any], firms: Mapping[UUID, UUID]) -> UUID:
    """Return the firm behind an entry of a list: it may have enrolled since the list was signed."""
    supplier = UUID(entry["supplier_id"])
    named = entry["org_id"]
    return UUID(named) if named is not None else firms.get(supplier, supplier)


def _name(told: Mapping[str, Any], names: Counter[str]) -> str:
    """Return what a component is called in facts: its firm's name for it, if that is one alone."""
    name: str = told["supplier_component_id"]
    fits = names[name] == 1 and len(name) <= _LONGEST_ID
    return name if fits else str(told["statement_id"])


@dataclass(frozen=True, slots=True)
class _Counted:
    """One revision as one customer may count it."""

    between: Between
    revision: Revision
    questions: Questions
    policy: Policy
    as_of: datetime

    def on(self, plain: LinkFacts) -> LinkFacts:
        said = self.revision.response.said
        declaration = self.revision.declaration
        by = self._support(declaration)
        looked_at = self._looked_at(declaration.statement_id)
        organization = assurance.answers(said["answers"], by, looked_at, self.questions.table)
        about = {answer.question for answer in organization}
        waived = assurance.waivers(self._known(looked_at), about)
        return LinkFacts(
            classification=plain.classification,
            asked=plain.asked,
            due_at=plain.due_at,
            submitted=plain.submitted,
            declaration=Declaration(
                statement=declaration.statement_id,
                assurance=by.assurance,
                covered=by.covered,
                time=by.time,
                superseded_at=self.revision.superseded.get(declaration.statement_id),
                pre_screen={
                    use: cast("PreScreen", said["pre_screen"][use])
                    for use in ("embedded", "process", "customer_data")
                },
                withheld_components=max(
                    0, said.get("withheld_components", 0) - len(self._granted())
                ),
            ),
            organization=tuple(
                sorted((*organization, *waived), key=lambda answer: answer.question)
            ),
            components=self._components(about),
        )

    def _components(self, about_organization: set[str]) -> tuple[Component, ...]:
        told = self.revision.response.said["components"]
        granted = self._granted()
        names = Counter(each["supplier_component_id"] for each in told)
        names.update(granted.keys())
        found = [
            self._component(
                _name(each, names),
                each,
                self.revision.components[each["statement_id"]],
                self._support(self.revision.components[each["statement_id"]]),
                about_organization,
            )
            for each in told
        ]
        for each in granted.values():
            part = each.granted.component
            made = self._component(
                _name(part, names), part, each.statement, self._lent(each), about_organization
            )
            found.append(replace(made, superseded_at=each.superseded_at))
        return tuple(sorted(found, key=lambda component: component.id))

    def _granted(self) -> dict[str, Opened]:
        """What grants open besides, by the firm's name for it; its own revision goes before."""
        own = {each["supplier_component_id"] for each in self.revision.response.said["components"]}
        return {
            name: each
            for each in self.between.granted
            if (name := each.granted.component["supplier_component_id"]) not in own
        }

    def _lent(self, each: Opened) -> Support:
        links = {link.link_id for link in self.between.links}
        keys, customer = self.between.keys, self.between.customer
        state = assurance.key_state(keys, each.statement, customer, links)
        found = assurance.support(each.statement, each.granted.origin, state, self.as_of)
        return replace(found, covered=False) if each.retracted else found

    def _component(
        self,
        name: str,
        told: Mapping[str, Any],
        statement: Recorded,
        by: Support,
        about_organization: set[str],
    ) -> Component:
        looked_at = self._looked_at(statement.statement_id)
        given = assurance.answers(told["answers"], by, looked_at, self.questions.table)
        answered = about_organization | {answer.question for answer in given}
        waived = assurance.waivers(self._known(looked_at), answered)
        return Component(
            id=name,
            statement=statement.statement_id,
            assurance=by.assurance,
            covered=by.covered,
            time=by.time,
            superseded_at=self.revision.superseded.get(statement.statement_id),
            roles={role: _STATED.get(told["roles"].get(role, "")) for role in ROLES},
            attributes={
                attribute: value
                for attribute, value in sorted(told["attributes"].items())
                if attribute in self.policy.attributes
            },
            answers=tuple(sorted((*given, *waived), key=lambda answer: answer.question)),
        )

    def _support(self, statement: Recorded) -> Support:
        links = {link.link_id for link in self.between.links}
        typist = self.revision.typist
        if typist is None:
            state = assurance.key_state(self.between.keys, statement, self.between.customer, links)
        else:
            state = assurance.typist_state(typist, statement)
        origin = self.revision.response.said["origin"]
        known = self.revision.confirmed
        found = assurance.support(statement, origin, state, self.as_of, confirmed=known)
        if statement.statement_id in self.revision.retracted:
            return replace(found, covered=False)
        return found

    def _looked_at(self, statement_id: str) -> dict[str, assurance.Found]:
        return assurance.found(self.between.reviews.get(statement_id, []), self.as_of)

    def _known(self, looked_at: Mapping[str, assurance.Found]) -> dict[str, assurance.Found]:
        return {q: found for q, found in looked_at.items() if q in self.questions.table}
