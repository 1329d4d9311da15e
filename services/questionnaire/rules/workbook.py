"""The Excel form of a response: which rows it has, and what its reader changed.

A row has a key into the response document (`answers/Q-CORE-001`, `components/0/name`) and up to
four cells to fill. The document as it was when the workbook was made travels inside: what a cell
says otherwise is the reader's change, so that two colleagues never overwrite each other unseen.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.questionnaire.rules.conditions import ATTRIBUTES
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.refusals import Problem, Text

Cells = tuple[str, str, str, str]
"""Answer, state, reason, note; blank is not said."""

BLANK: Final[Cells] = ("", "", "", "")
SPARE_COMPONENTS: Final = 3
"""Empty sheets for AI components nobody has declared yet."""

_STATED: Final = {"yes": Text("あり", "Yes"), "none": Text("なし", "None")}
_TICKS: Final = {**_STATED, "checking": Text("確認中", "Still checking")}
_YES_NO: Final = {"yes": Text("はい", "Yes"), "no": Text("いいえ", "No")}
_SUPPLIERS: Final = {
    "none": Text("把握している限り使っていない", "As far as we know they use none"),
    "unknown": Text("把握していない", "Not known"),
}
_PRE_SCREEN: Final = {
    "embedded": Text(
        "納入いただく製品・サービスへのAIの組込み", "AI in the products or services delivered"
    ),
    "process": Text("設計・製造・検査でのAIの利用", "AI in design, making or inspection"),
    "customer_data": Text(
        "弊社の図面や情報の社外AIサービスへの入力", "Our information put into outside AI services"
    ),
}
_KINDS: Final = {
    "model": Text("AIモデル", "AI model"),
    "dataset": Text("データセット", "Data set"),
    "ai-system": Text("AIシステム", "AI system"),
    "ai-service": Text("AIサービス", "AI service"),
    "embedded-ai": Text("組込みAI", "Embedded AI"),
}
_USES: Final = {
    "embedded": Text("製品・サービスに組込み", "In the products or services"),
    "process": Text("設計・製造・検査で利用", "In design, making or inspection"),
    "customer-data": Text("弊社の情報を入力", "Our information goes into it"),
}
_ROLES: Final = {
    "developer": Text("開発者に当たりますか", "Are you its developer?"),
    "provider": Text("提供者に当たりますか", "Are you its provider?"),
    "user": Text("利用者に当たりますか", "Are you its user?"),
}
_ATTRIBUTE_NAMES: Final = {
    "safetyFunction": Text("安全に関わる働き", "Bearing on safety"),
    "relianceType": Text("人の判断を助けるか、結果をそのまま使うか", "Assists, or is relied on"),
    "agentOrPhysical": Text("自ら動く・物を動かすAIですか", "Acts by itself or moves things?"),
    "personalData": Text("個人情報を扱いますか", "Handles personal data?"),
    "customerData": Text("弊社の情報を扱いますか", "Handles our information?"),
    "learnsAfterDelivery": Text("納入後も学習しますか", "Goes on learning after delivery?"),
    "userFacing": Text("使う人に直接応答しますか", "Answers people directly?"),
    "thirdPartyBaseModel": Text("他社の基盤モデルを使いますか", "Uses others' base models?"),
}
_ATTRIBUTE_VALUES: Final = {
    **_YES_NO,
    "none": Text("なし", "None"),
    "monitored": Text("あり(監視下)", "Yes, monitored"),
    "critical": Text("あり(重要)", "Yes, critical"),
    "assist": Text("判断を助ける", "Assists"),
    "reliance": Text("結果をそのまま使う", "Relied on"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its key, the words shown, what it holds, and the labels to choose from.

    `choices` (code → label) is empty for free text; `states` is empty where only the first cell
    may be filled.
    """

    key: str
    number: str
    text: Text
    help: Text
    cells: Cells
    choices: Mapping[str, Text]
    states: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; `name` is stable, so that a workbook is read back by it."""

    name: str
    title: Text
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What the reader changed in one row; `conflict` where somebody else changed it as well."""

    where: str
    text: Text
    before: Cells
    after: Cells
    conflict: bool


def layout(
    document: Mapping[str, Any], questions: Sequence[Question], states: Mapping[str, Text]
) -> tuple[Sheet, ...]:
    """Return the sheets of a response: the company's, and one per component, spare ones last.

    Args:
        states: labels of checking, withheld and not_applicable.
    """
    asked = [question for question in questions if question.derived_from is None]
    own = [question for question in asked if question.about == "organization"]
    each = [question for question in asked if question.about == "component"]
    company = (*_pre_screen(document["pre_screen"]), *_answers("", document, own, states))
    sheets = [Sheet("Company", Text("会社の設問", "Questions on the company"), company)]
    components = [*document["components"], *({} for _ in range(SPARE_COMPONENTS))]
    for index, component in enumerate(components):
        path = f"components/{index}/"
        rows = (*_described(path, component), *_answers(path, component, each, states))
        name = component.get("name") or "-"
        title = Text(f"AIコンポーネント {index + 1}: {name}", f"AI component {index + 1}: {name}")
        sheets.append(Sheet(f"AI-{index + 1}", title, rows))
    return tuple(sheets)


def _pre_screen(stated: Mapping[str, str] | None) -> Iterator[Row]:
    given = stated or {}
    for name, text in _PRE_SCREEN.items():
        yield _choice(f"pre_screen/{name}", text, given.get(name), _TICKS)
    text = Text(
        "(すべて「なし」の場合・任意)仕入先での利用", "(If all are none, optional) Suppliers"
    )
    yield _choice("pre_screen/suppliers", text, given.get("suppliers"), _SUPPLIERS)


def _described(path: str, component: Mapping[str, Any]) -> Iterator[Row]:
    yield _free(f"{path}name", Text("名称", "Name"), component.get("name"))
    yield _free(f"{path}version", Text("版", "Version"), component.get("version"))
    yield _choice(f"{path}kind", Text("種類", "Kind"), component.get("kind"), _KINDS)
    yield _choice(f"{path}use", Text("用途", "Use"), component.get("use"), _USES)
    for role, text in _ROLES.items():
        said = component.get("roles", {}).get(role)
        yield _choice(f"{path}roles/{role}", text, said, _YES_NO)
    for name, values in ATTRIBUTES.items():
        labels = {value: _ATTRIBUTE_VALUES[value] for value in values}
        said = component.get("attributes", {}).get(name)
        yield _choice(f"{path}attributes/{name}", _ATTRIBUTE_NAMES[name], said, labels)


def _answers(
    path: str,
    part: Mapping[str, Any],
    questions: Iterable[Question],
    states: Mapping[str, Text],
) -> Iterator[Row]:
    given: Mapping[str, Any] = part.get("answers", {})
    for question in questions:
        answer = given.get(question.id, {})
        labels = {option.code: option.label for option in question.options}
        allowed = {name: label for name, label in states.items() if name in question.states}
        said = answer.get("value") or ""
        state = answer.get("state", "")
        cells = (said, "" if state == "answered" else state, _of(answer, "reason"))
        key = f"{path}answers/{question.id}"
        yield Row(
            key,
            question.id,
            question.text,
            question.help,
            (*cells, _of(answer, "note")),
            labels,
            allowed,
        )
        for detail in question.details:
            told = answer.get("details", {}).get(detail.name, "")
            place = f"{key}/details/{detail.name}"
            yield Row(place, "", detail.label, Text("", ""), (told, "", "", ""), detail.options, {})


def _of(answer: Mapping[str, Any], name: str) -> str:
    return str(answer.get(name) or "")


def _choice(key: str, text: Text, said: str | None, labels: Mapping[str, Text]) -> Row:
    return Row(key, "", text, Text("", ""), (said or "", "", "", ""), labels, {})


def _free(key: str, text: Text, said: str | None) -> Row:
    return Row(key, "", text, Text("", ""), (said or "", "", "", ""), {}, {})


def coded(
    row: Row, shown: Sequence[str | None], where: str, label: str
) -> tuple[Cells, list[Problem]]:
    """Turn what a row's cells show (labels of the language `ja` or `en`) into codes.

    Returns:
        The cells as codes, and a `workbook/unknown-choice` for each label nobody offered.
    """
    filled = [(cell or "").strip() for cell in (*shown, "", "", "", "")[:4]]
    problems: list[Problem] = []
    for place, labels in ((0, row.choices), (1, row.states)):
        text = filled[place]
        if not text or (place == 0 and not labels):
            continue
        codes = {getattr(shown_as, label): code for code, shown_as in labels.items()}
        code = codes.get(text) or (text if text in labels else None)
        if code is None:
            reason = Text(f"一覧から選択してください:「{text}」", f'choose from the list: "{text}"')
            problems.append(Problem("workbook/unknown-choice", where, reason))
        filled[place] = code or ""
    return (filled[0], filled[1], filled[2], filled[3]), problems


def merge(
    base: Sequence[Sheet],
    filled: Mapping[str, Cells],
    current: Mapping[str, Any],
    now: Sequence[Sheet],
) -> tuple[dict[str, Any], list[Change]]:
    """Lay what the reader changed over the document as it is now.

    Args:
        base: the layout of the document the workbook was made from.
        filled: the cells as they came back, by key; a key that is missing was not changed.
        now: the layout of `current`.

    Returns:
        The document as it would be saved, and every change; a row that already says so is none.
    """
    today = {row.key: row.cells for sheet in now for row in sheet.rows}
    document = copy.deepcopy(dict(current))
    changes = []
    for row in (row for sheet in base for row in sheet.rows):
        after = filled.get(row.key, row.cells)
        here = today.get(row.key, BLANK)
        if after in (row.cells, here):
            continue
        changes.append(Change(row.key, row.text, here, after, conflict=here != row.cells))
        _put(document, row.key.split("/"), after)
    document["components"] = [
        _whole(one, index) for index, one in enumerate(document["components"]) if one.get("name")
    ]
    if changes and document["origin"] == "self":
        document["origin"] = "excel"
    return document, changes


def _put(document: dict[str, Any], path: list[str], cells: Cells) -> None:
    match path:
        case ["pre_screen", name]:
            document["pre_screen"] = _with(document["pre_screen"] or {}, name, cells[0])
        case ["components", number, *rest]:
            components = document["components"]
            while len(components) <= int(number):
                components.append({"answers": {}})
            _put_component(components[int(number)], rest, cells)
        case _:
            _put_answer(document, path, cells)


def _put_component(component: dict[str, Any], path: list[str], cells: Cells) -> None:
    match path:
        case ["roles" | "attributes" as part, name]:
            component[part] = _with(component.get(part, {}), name, cells[0])
        case [name]:
            component[name] = cells[0]
        case _:
            _put_answer(component, path, cells)


def _put_answer(part: dict[str, Any], path: list[str], cells: Cells) -> None:
    question = path[1]
    answer = dict(part["answers"].get(question, {}))
    if len(path) > 2:  # noqa: PLR2004 (answers/<question>/details/<name>)
        answer["details"] = _with(answer.get("details", {}), path[3], cells[0])
    else:
        value, state, reason, note = cells
        answer |= {"reason": reason, "note": note}
        answer["state"] = state or ("answered" if value else "")
        answer["value"] = value if answer["state"] == "answered" else ""
    answer = {name: said for name, said in answer.items() if said}
    if answer.get("state"):
        part["answers"][question] = answer
    else:
        # Without a state there is no answer, and a detail beside nothing is nothing.
        part["answers"].pop(question, None)


def _with(part: Mapping[str, str], name: str, said: str) -> dict[str, str]:
    found = {**part, name: said}
    return {key: value for key, value in found.items() if value}


def _whole(component: dict[str, Any], index: int) -> dict[str, Any]:
    """Fill in what a component of a spare sheet does not say."""
    defaults = {
        "supplier_component_id": f"excel-{index + 1}",
        "version": "-",
        "kind": "ai-system",
        "use": "process",
        "roles": {},
        "attributes": {},
    }
    return {**defaults, **{name: said for name, said in component.items() if said != ""}}
