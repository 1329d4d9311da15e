"""The salted documents that travel beside statements, which hold only their digests.

Each is canonical JSON with its own salt (profile sections 1 and 2). `parse` refuses bytes that are
not their own JCS with `statement.not_canonical`, and a wrong shape with `statement.schema`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from rensho import disclosure, salted
from rensho.blocks import SUB_TIER, SubTier
from rensho.descriptor import ATTRIBUTES, Artifact, ComponentDescriptor
from rensho.disclosure import SD_ALG, fresh_salt
from rensho.entries import Answer
from rensho.errors import VerificationError
from rensho.salted import sha256
from rensho.shapes import (
    DIGEST,
    NONCE,
    PACKS,
    RESPONSE,
    SHA256,
    SHA256_URL,
    array,
    either,
    exactly,
    integer,
    one_of,
    padded_digests,
    record,
    refuse,
    sorted_digests,
    text,
)
from rensho.status import StatusDocument

__all__ = [
    "ATTRIBUTES",
    "AnswersDocument",
    "Artifact",
    "ComponentDescriptor",
    "ComponentLine",
    "DeclarationDocument",
    "Pack",
    "QuestionnaireDocument",
    "Response",
    "Scope",
    "ScopeMember",
    "StatusDocument",
    "SubTier",
    "sha256",
]

_ANSWERS: Final = record(
    {"salt": NONCE, "_sd_alg": exactly(SD_ALG), "_sd": array(SHA256_URL, unique=True)}
)
_QUESTIONNAIRE: Final = record(
    {"salt": NONCE, "packs": PACKS, "questions": array(text, least=1, unique=True)}
)
_DECLARATION: Final = record(
    {
        "salt": NONCE,
        "response": RESPONSE,
        "scope": record(
            {
                "kind": one_of("company", "sites", "products", "group"),
                "goods": either(exactly("all"), array(text, least=1, unique=True)),
            },
            {
                "sites": array(text, least=1, unique=True),
                "products": array(text, least=1, unique=True),
                "members": array(record({"name": text, "basis": text}), least=1),
            },
        ),
        "components": array(record({"descriptor": SHA256, "statement": SHA256})),
        "withheldComponents": integer(0),
        "preScreen": record(
            dict.fromkeys(
                ("embedded", "process", "customerData"), one_of("yes", "none", "checking")
            ),
            {"suppliers": one_of("none", "unknown")},
        ),
        "answers": DIGEST,
    },
    {"subTier": SUB_TIER},
)


@dataclass(frozen=True, slots=True)
class Pack:
    """A guidance pack by digest: `sha256` is of the JCS of the parsed pack."""

    id: str
    version: str
    sha256: str

    def to_json(self) -> dict[str, str]:
        """Return it as questionnaires and predicates carry it."""
        return {"id": self.id, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class QuestionnaireDocument:
    """Which questions of which packs are asked; its digest is the questionnaire's name."""

    packs: tuple[Pack, ...]
    questions: tuple[str, ...]
    salt: str = field(default_factory=fresh_salt)

    def to_bytes(self) -> bytes:
        """Return the document. Raises `statement.schema`."""
        found = {
            "salt": self.salt,
            "packs": [pack.to_json() for pack in self.packs],
            "questions": list(self.questions),
        }
        return salted.write(_QUESTIONNAIRE, found, "questionnaire")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the document."""
        found = salted.read(_QUESTIONNAIRE, data, "questionnaire")
        packs = tuple(Pack(p["id"], p["version"], p["sha256"]) for p in found["packs"])
        return cls(packs, tuple(found["questions"]), found["salt"])


@dataclass(frozen=True, slots=True)
class AnswersDocument:
    """Digests of all answers of one component or organization; a reader opens its own share."""

    sd: tuple[str, ...]
    salt: str = field(default_factory=fresh_salt)

    @classmethod
    def make(
        cls, answers: Iterable[Answer], salt: str | None = None
    ) -> tuple[Self, tuple[str, ...]]:
        """Hide `answers`; return the document and the disclosure texts in their order.

        Raises `statement.schema` for a contradictory answer, `disclosure.duplicate` for a question
        answered twice.
        """
        listed = list(answers)
        _refuse_twice(listed)
        made = [disclosure.make(answer.to_json()) for answer in listed]
        sd = tuple(disclosure.sorted_array(digest for _, digest in made))
        return cls(sd, salt or fresh_salt()), tuple(text for text, _ in made)

    def to_bytes(self) -> bytes:
        """Return the document. Raises `statement.schema`."""
        found = {"salt": self.salt, "_sd_alg": SD_ALG, "_sd": list(self.sd)}
        return salted.write(_ANSWERS, found, "answers")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the document."""
        found = salted.read(_ANSWERS, data, "answers")
        sorted_digests(found["_sd"], "answers")
        return cls(tuple(found["_sd"]), found["salt"])

    def open(self, texts: Iterable[str]) -> tuple[Answer, ...]:
        """Read the answers disclosed by `texts`.

        Raises `disclosure.unknown`, `disclosure.duplicate` (also where two opened answers are to
        one question) and what reading a disclosure raises.
        """
        opened = disclosure.open(self.sd, texts)
        answers = tuple(Answer.from_json(found.value) for found in opened.values())
        _refuse_twice(answers)
        return answers


@dataclass(frozen=True, slots=True)
class Response:
    """One revision of one response; revisions count from 1."""

    id: str
    revision: int

    def to_json(self) -> dict[str, Any]:
        """Return it as predicates and declarations carry it."""
        return {"id": self.id, "revision": self.revision}


@dataclass(frozen=True, slots=True)
class ScopeMember:
    """A firm a group answer also speaks for, and the basis of that mandate."""

    name: str
    basis: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a declaration covers: all goods, or the named lines."""

    kind: Literal["company", "sites", "products", "group"] = "company"
    goods: Literal["all"] | tuple[str, ...] = "all"
    sites: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    members: tuple[ScopeMember, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a declaration carries it."""
        found: dict[str, Any] = {
            "kind": self.kind,
            "goods": self.goods if self.goods == "all" else list(self.goods),
        }
        if self.sites:
            found["sites"] = list(self.sites)
        if self.products:
            found["products"] = list(self.products)
        if self.members:
            found["members"] = [{"name": m.name, "basis": m.basis} for m in self.members]
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the scope of a checked declaration."""
        return cls(
            value["kind"],
            "all" if value["goods"] == "all" else tuple(value["goods"]),
            tuple(value.get("sites", ())),
            tuple(value.get("products", ())),
            tuple(ScopeMember(m["name"], m["basis"]) for m in value.get("members", ())),
        )


@dataclass(frozen=True, slots=True)
class ComponentLine:
    """One component a declaration lists: digest of its descriptor, id of its statement."""

    descriptor: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationDocument:
    """One whole response: what it covers, its components, and what lies below.

    `pre_screen` says yes, none or checking for embedded, process and customerData, and perhaps
    none or unknown for suppliers. Without `sub_tier` the list of suppliers is silent.
    """

    response: Response
    pre_screen: Mapping[str, str]
    answers_sha256: str
    scope: Scope = field(default_factory=Scope)
    components: tuple[ComponentLine, ...] = ()
    withheld_components: int = 0
    sub_tier: SubTier | None = None
    salt: str = field(default_factory=fresh_salt)

    def to_bytes(self) -> bytes:
        """Return the document. Raises `statement.schema`."""
        found: dict[str, Any] = {
            "salt": self.salt,
            "response": self.response.to_json(),
            "scope": self.scope.to_json(),
            "components": [
                {"descriptor": line.descriptor, "statement": line.statement}
                for line in self.components
            ],
            "withheldComponents": self.withheld_components,
            "preScreen": dict(self.pre_screen),
            "answers": {"sha256": self.answers_sha256},
        }
        if self.sub_tier is not None:
            found["subTier"] = self.sub_tier.to_json()
        return salted.write(_check_declaration, found, "declaration")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the document."""
        found = salted.read(_check_declaration, data, "declaration")
        return cls(
            response=Response(found["response"]["id"], found["response"]["revision"]),
            pre_screen=found["preScreen"],
            answers_sha256=found["answers"]["sha256"],
            scope=Scope.from_json(found["scope"]),
            components=tuple(
                ComponentLine(line["descriptor"], line["statement"]) for line in found["components"]
            ),
            withheld_components=found["withheldComponents"],
            sub_tier=SubTier.from_json(found["subTier"]) if "subTier" in found else None,
            salt=found["salt"],
        )


def _check_declaration(value: Any, path: str) -> None:
    _DECLARATION(value, path)
    statements = [line["statement"] for line in value["components"]]
    if len(set(statements)) != len(statements):
        raise refuse(f"{path}.components", "a statement is listed twice")
    if "subTier" in value:
        padded_digests(value["subTier"]["_sd"], f"{path}.subTier")


def _refuse_twice(answers: Sequence[Answer]) -> None:
    if len({answer.question for answer in answers}) != len(answers):
        raise VerificationError("disclosure.duplicate", "a question is answered twice")
