"""What a requester says it buys on a link: a range on each attribute's scale (risk model, 3)."""

from __future__ import annotations

from services.questionnaire.rules.conditions import ATTRIBUTES
from services.questionnaire.rules.nodes import Node

_URN = "suppliers/classification"


def read(document: object) -> dict[str, list[str]]:
    """Read `{attribute: [least, most]}`; an attribute left out is unknown.

    Raises `Refusal` with `suppliers/classification`: no such attribute, a value outside its scale,
    or a range that runs backwards.
    """
    found = Node(document, "/classification", _URN)
    found.only(*ATTRIBUTES)
    return {name: _range(node, ATTRIBUTES[name]) for name, node in found.members()}


def _range(node: Node, scale: tuple[str, ...]) -> list[str]:
    ends = [each.one_of(scale) for each in node.elements(2)]
    if len(ends) > len(("least", "most")) or scale.index(ends[0]) > scale.index(ends[1]):
        node.refuse(
            "下限と上限をこの順に指定してください", "give the least and the most, in this order"
        )
    return ends
