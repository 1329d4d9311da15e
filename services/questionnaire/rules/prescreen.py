"""The pre-screen: five ticks before any question (domain.md, Asking fairly)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.refusals import Text

USES: Final = ("embedded", "process", "customer_data")
TICKS: Final = (*USES, "none", "checking")
SUPPLIERS: Final = ("none", "unknown")
_STATED: Final = ("yes", "none", "checking")
_ANSWER: Final = "answers/pre-screen"


@dataclass(frozen=True, slots=True)
class Form:
    """The words of the pre-screen: what each tick says, and the extra tick under "none"."""

    text: Text
    help: Text
    ticks: Mapping[str, Text]
    suppliers_text: Text
    suppliers: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class PreScreen:
    """What was stated; `uses` has yes, none or checking for each of `USES`.

    `suppliers` is the extra tick under "none": recorded and shown, it changes no number.
    """

    uses: Mapping[str, str]
    suppliers: str | None

    @property
    def is_none(self) -> bool:
        """Whether all three are "none": signed, RM-1's no-AI component applies."""
        return set(self.uses.values()) == {"none"}

    def document(self) -> dict[str, str]:
        """Return the declaration's `preScreen`; `suppliers` only where it was ticked."""
        extra = {} if self.suppliers is None else {"suppliers": self.suppliers}
        return {
            "embedded": self.uses["embedded"],
            "process": self.uses["process"],
            "customerData": self.uses["customer_data"],
            **extra,
        }


def parse_form(data: Mapping[str, Any]) -> Form:
    """Read the words of the pre-screen; raises `Refusal` (`packs/malformed`)."""
    node = Node(dict(data), "", "packs/malformed")
    node.only("text", "help", "ticks", "suppliers")
    suppliers = node.member("suppliers")
    suppliers.only("text", "choices")
    return Form(
        text=node.member("text").in_both_languages(),
        help=node.member("help").in_both_languages(),
        ticks=_labels(node.member("ticks"), TICKS),
        suppliers_text=suppliers.member("text").in_both_languages(),
        suppliers=_labels(suppliers.member("choices"), SUPPLIERS),
    )


def read(data: object) -> PreScreen:
    """Read `{embedded, process, customer_data, suppliers?}` as a response holds it.

    Each of the three is yes, none or checking. Raises `Refusal` (`answers/pre-screen`): another
    shape, or `suppliers` where not all three are none.
    """
    node = Node(data, "", _ANSWER)
    node.only(*USES, "suppliers")
    uses = {use: node.member(use).one_of(_STATED) for use in USES}
    extra = node.optional("suppliers")
    found = PreScreen(uses, extra.one_of(SUPPLIERS) if extra else None)
    if extra is not None and not found.is_none:
        extra.refuse(
            "仕入先の状況は「いずれにもあてはまらない」を選ばれた場合のみお答えください",
            "the tick about suppliers belongs to none of these",
        )
    return found


def from_ticks(ticks: object, suppliers: object = None) -> PreScreen:
    """Read what a form sends: a list of `TICKS`, and the extra tick under "none of these".

    What is not ticked is none, or checking where "still checking" is ticked beside it. Raises
    `Refusal` (`answers/pre-screen`): nothing ticked, an unknown tick, "none of these" together
    with another, `suppliers` without it.
    """
    node = Node(ticks, "/ticks", _ANSWER)
    ticked = node.several_of(TICKS, 1)
    if "none" in ticked and len(ticked) > 1:
        node.refuse(
            "「いずれにもあてはまらない」は、ほかの項目と同時に選べません",
            "none of these cannot be ticked together with another",
        )
    rest = "checking" if "checking" in ticked else "none"
    uses = {use: "yes" if use in ticked else rest for use in USES}
    return read({**uses, "suppliers": suppliers})


def _labels(node: Node, codes: tuple[str, ...]) -> dict[str, Text]:
    found: dict[str, Text] = {}
    for each in node.elements():
        each.only("code", "label")
        found[each.member("code").one_of(codes)] = each.member("label").in_both_languages()
    if tuple(found) != codes:
        node.refuse(
            "選択肢が決められた順に揃っていません", f"needs {', '.join(codes)} in this order"
        )
    return found
