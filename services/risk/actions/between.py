"""What one customer may count of one supplier, put together from what was heard of the two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from services.risk.actions import assurance
from services.risk.actions.assurance import Support
from services.risk.actions.questions import Questions
from services.risk.rules.facts import ROLES, Component, Declaration, LinkFacts, PreScreen
from services.risk.rules.policy import Policy
from services.risk.rules.world import Listed, SubTier
from services.risk.store import KeyChange, Link, Recorded, Request, Response, Review

_LONGEST_ID = 200
_STATED = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Revision:
    """A response whose declaration and component statements are all recorded as submitted.

    `superseded` has the time of the statement that took a statement's place.
    """

    response: Response
    declaration: Recorded
    components: Mapping[str, Recorded]
    superseded: Mapping[str, datetime]


@dataclass(slots=True)
class Between:
    """Everything heard of a customer and a firm that supplies it; `revision` is the newest that
    counts, `answered` the requests that have one.
    """

    customer: UUID
    firm: UUID
    links: list[Link]
    requests: list[Request] = field(default_factory=list)
    answered: frozenset[UUID] = frozenset()
    revision: Revision | None = None
    keys: list[KeyChange] = field(default_factory=list)
    reviews: dict[str, list[tuple[Review, Recorded]]] = field(default_factory=dict)

    def facts(self, questions: Questions, policy: Policy, as_of: datetime) -> LinkFacts:
        """Return what the customer knows of the firm itself."""
        due_at, submitted = self._deadline()
        plain = LinkFacts(
            classification={},
            asked=frozenset().union(
                *(questions.asked.get(r.questionnaire_id, frozenset()) for r in self.requests)
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

    def sub_tier(self, firms: Mapping[UUID, UUID]) -> SubTier | Literal["silent", "none"]:
        """Return the firm's list as opened to the customer.

        Args:
            firms: the firm's own supplier ids, and the firm each of them is.
        """
        if self.revision is None:
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
        open_ = [asked.due_at for asked in self.requests if asked.request_id not in self.answered]
        if open_:
            return max(open_), False
        return (self.requests[-1].due_at, True) if self.requests else (None, False)


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
                withheld_components=0,
            ),
            organization=tuple(
                sorted((*organization, *waived), key=lambda answer: answer.question)
            ),
            components=self._components(about),
        )

    def _components(self, about_organization: set[str]) -> tuple[Component, ...]:
        told = self.revision.response.said["components"]
        names = Counter(each["supplier_component_id"] for each in told)
        found = [self._component(_name(each, names), each, about_organization) for each in told]
        return tuple(sorted(found, key=lambda component: component.id))

    def _component(
        self, name: str, told: Mapping[str, Any], about_organization: set[str]
    ) -> Component:
        statement = self.revision.components[told["statement_id"]]
        by = self._support(statement)
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
        state = assurance.key_state(
            self.between.keys, statement.key_id, self.between.customer, links
        )
        origin = self.revision.response.said["origin"]
        return assurance.support(statement, origin, state, self.as_of)

    def _looked_at(self, statement_id: str) -> dict[str, assurance.Found]:
        return assurance.found(self.between.reviews.get(statement_id, []), self.as_of)

    def _known(self, looked_at: Mapping[str, assurance.Found]) -> dict[str, assurance.Found]:
        return {q: found for q, found in looked_at.items() if q in self.questions.table}
