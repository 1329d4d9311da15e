"""A response as an Excel workbook and back: written here, read in a process of its own.

No cell we write is a formula: whatever was typed into an answer comes out as text. What ties the
workbook to its response lies on a sheet the application does not show (`_rensho`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound
from services.questionnaire.actions import limited, questionnaires
from services.questionnaire.rules import letters, workbook, workbook_words
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.refusals import Problem, Refusal, Text
from services.questionnaire.rules.workbook import Cells, Change, Row, Sheet
from services.questionnaire.store import packs, responses
from services.questionnaire.store.tables import Campaign, Request, Response

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMAT: Final = "rensho-response-1"
_META: Final = "_rensho"
_LISTS: Final = "_lists"
_CHUNK: Final = 30_000
"""Characters of one cell; Excel takes 32,767."""
_FIRST_ROW: Final = 4
_WIDTHS: Final = {"A": 2, "B": 13, "C": 60, "D": 48, "E": 42, "F": 16, "G": 28, "H": 36}
_FILLED: Final = ("E", "F", "G", "H")
_PALE: Final = PatternFill("solid", start_color="FFF9DB")
_GREY: Final = PatternFill("solid", start_color="E8EAED")
_PLAIN: Final = Font(name="Yu Gothic", size=10)
_BOLD: Final = Font(name="Yu Gothic", size=10, bold=True)
_TOP: Final = Alignment(wrap_text=True, vertical="top")
_OPEN: Final = Protection(locked=False)
_LINE: Final = Side(style="thin", color="B0B4BA")
_THIN: Final = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)


class ForeignWorkbook(Refusal):
    """The workbook was not made for this response."""


@dataclass(frozen=True)
class Proposal:
    """What a workbook that came back would change; nothing was saved."""

    version: int
    document: dict[str, Any]
    changes: list[Change]


def write(tx: Session, who: Principal, response_id: UUID, language: str) -> bytes:
    """Return the workbook of a response, its words in `ja` or `en`.

    Raises:
        NotFound: no such response of yours.
    """
    found, sheets = _laid_out(tx, who, response_id)
    request = tx.get_one(Request, found.request_id)
    campaign = tx.get_one(Campaign, request.campaign_id)
    book = Workbook()
    guide = book.worksheets[0]
    guide.title = "はじめに Guide"
    _guide(guide, campaign, found, language)
    lists = book.create_sheet(_LISTS)
    columns: dict[tuple[str, ...], str] = {}
    for sheet in sheets:
        _sheet(book.create_sheet(sheet.name), sheet, language, lists, columns)
    lists.sheet_state = "veryHidden"
    meta = {"format": FORMAT, "response": str(found.id), "language": language}
    _hide(book.create_sheet(_META), meta, found)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


Sheets = Mapping[str, Sequence[Sequence[str | None]]]
"""The cells of every sheet as text, by its name."""


def sheets_of(content: bytes) -> Sheets:
    """Read the cells of a workbook.

    Raises:
        Refusal: `workbook/malformed`, `workbook/encrypted`, `workbook/too-large`,
            `workbook/active-content`, `workbook/formula`.
        TooCostly, Unavailable: as for `limited.ask`.
    """
    found: Sheets = limited.ask("services.questionnaire.actions.excel_child", content)["sheets"]
    return found


def compare(tx: Session, who: Principal, response_id: UUID, sheets: Sheets) -> Proposal:
    """Hold a workbook that came back against the response; tell what would change, save nothing.

    Raises:
        NotFound: no such response of yours.
        Refusal: `workbook/foreign`, `workbook/unknown-choice`, `workbook/detail-without-answer`.
    """
    found, now = _laid_out(tx, who, response_id)
    language, base = _tied(sheets.get(_META), found)
    base_sheets = workbook.layout(base, *_words(tx, found))
    filled = _filled(sheets, base_sheets, language)
    document, changes = workbook.merge(base_sheets, filled, found.document, now)
    _refuse_lone_details(document, changes)
    return Proposal(found.version, document, changes)


def _laid_out(tx: Session, who: Principal, response_id: UUID) -> tuple[Response, tuple[Sheet, ...]]:
    found = responses.own(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    return found, workbook.layout(found.document, *_words(tx, found))


def _words(tx: Session, found: Response) -> tuple[list[Question], Mapping[str, Text]]:
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    # Every pack says the same of the states; the starter set's pack is always among them.
    states = next(iter(packs.load_all().values())).states
    return list(questions.values()), states


def _tied(meta: Sequence[Sequence[str | None]] | None, found: Response) -> tuple[str, Any]:
    told = {row[0]: row[1] for row in meta or [] if len(row) > 1 and row[0]}
    if told.get("format") != FORMAT or told.get("response") != str(found.id):
        reason = Text(
            "この回答用に出力されたブックではありません",
            "this workbook was not made for this response",
        )
        raise ForeignWorkbook(Problem("workbook/foreign", "", reason))
    chunks = [told.get(f"document-{number}") or "" for number in range(len(told))]
    try:
        document = json.loads("".join(chunks))
        language = "ja" if told.get("language") == "ja" else "en"
    except ValueError as why:
        reason = Text("ブックの管理情報が壊れています", "its hidden sheet is damaged")
        raise ForeignWorkbook(Problem("workbook/foreign", "", reason)) from why
    return language, document


def _filled(sheets: Mapping[str, Any], base: Sequence[Sheet], language: str) -> dict[str, Cells]:
    problems: list[Problem] = []
    filled: dict[str, Cells] = {}
    for sheet in base:
        known = {row.key: row for row in sheet.rows}
        for number, cells in enumerate(sheets.get(sheet.name, ()), start=1):
            row = known.get(cells[0] or "") if cells else None
            if row is None:
                continue
            place = f"{sheet.name}!E{number}"
            filled[row.key], wrong = workbook.coded(row, cells[4:8], place, language)
            problems.extend(wrong)
    if problems:
        raise Refusal(*problems)
    return filled


def _refuse_lone_details(document: Mapping[str, Any], changes: Sequence[Change]) -> None:
    lone = []
    for change in changes:
        parent, _, detail = change.where.partition("/details/")
        if detail and change.after[0] and not _answered(document, parent.split("/")):
            reason = Text("設問への回答または状況も選択してください", "answer the question too")
            lone.append(Problem("workbook/detail-without-answer", change.where, reason))
    if lone:
        raise Refusal(*lone)


def _answered(document: Mapping[str, Any], path: Sequence[str]) -> bool:
    part: Any = document
    for step in path:
        part = part[int(step)] if isinstance(part, list) else part.get(step)
        if part is None:
            return False
    return True


def _guide(sheet: Worksheet, campaign: Campaign, found: Response, language: str) -> None:
    ja = language == "ja"
    title, *lines = workbook_words.GUIDE[language]
    due, contact = letters.due(campaign.due_on), campaign.contact
    asked = " ".join(each for each in (contact["name"], contact["mailbox"]) if each)
    facts = [
        ("調査" if ja else "Campaign", campaign.title),
        ("依頼元" if ja else "Asked by", campaign.requester_name),
        ("目的" if ja else "Purpose", campaign.terms["purpose"]),
        (
            "ご回答の範囲" if ja else "Scope",
            workbook_words.scope(found.document["scope"], language),
        ),
        ("回答期限" if ja else "Please answer by", due.ja if ja else due.en),
        ("閲覧者" if ja else "Who will read it", "、".join(campaign.terms["viewers"])),
        ("お問い合わせ" if ja else "Whom to ask", asked),
    ]
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 20, 100
    _write(sheet, "A1", title, bold=True)
    for number, (name, said) in enumerate(facts, start=3):
        _write(sheet, f"A{number}", name, bold=True)
        _write(sheet, f"B{number}", said)
    for number, line in enumerate(lines, start=len(facts) + 4):
        _write(sheet, f"B{number}", f"・{line}" if ja else f"- {line}")
    sheet.protection.sheet = True


def _sheet(
    page: Worksheet,
    sheet: Sheet,
    language: str,
    lists: Worksheet,
    columns: dict[tuple[str, ...], str],
) -> None:
    _write(page, "B1", getattr(sheet.title, language), bold=True)
    for column, text in zip("ABCDEFGH", workbook_words.HEAD[language], strict=True):
        head = _write(page, f"{column}{_FIRST_ROW - 1}", text, bold=True)
        head.fill = _GREY
        page.column_dimensions[column].width = _WIDTHS[column]
    page.column_dimensions["A"].hidden = True
    for number, row in enumerate(sheet.rows, start=_FIRST_ROW):
        _row(page, number, row, language)
        for column, labels in (("E", row.choices), ("F", row.states)):
            if labels:
                shown = tuple(getattr(label, language) for label in labels.values())
                _choose(page, f"{column}{number}", shown, lists, columns)
    page.freeze_panes = f"E{_FIRST_ROW}"
    page.protection.sheet = True
    page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _row(page: Worksheet, number: int, row: Row, language: str) -> None:
    shown = list(row.cells)
    for place, labels in ((0, row.choices), (1, row.states)):
        if shown[place] in labels:
            shown[place] = getattr(labels[shown[place]], language)
    lead = "  └ " if "/details/" in row.key else ""
    words = (row.key, row.number, lead + getattr(row.text, language), getattr(row.help, language))
    for column, text in zip("ABCDEFGH", (*words, *shown), strict=True):
        cell = _write(page, f"{column}{number}", text)
        cell.border = _THIN
        fillable = "E" if not row.states else "EFGH"
        if column in fillable:
            cell.fill, cell.protection = _PALE, _OPEN


def _choose(
    page: Worksheet,
    place: str,
    shown: tuple[str, ...],
    lists: Worksheet,
    columns: dict[tuple[str, ...], str],
) -> None:
    if shown not in columns:
        column = get_column_letter(len(columns) + 1)
        for number, label in enumerate(shown, start=1):
            _write(lists, f"{column}{number}", label)
        columns[shown] = f"{_LISTS}!${column}$1:${column}${len(shown)}"
    for validation in page.data_validations.dataValidation:
        if validation.formula1 == columns[shown]:
            validation.add(place)
            return
    validation = DataValidation(type="list", formula1=columns[shown], allow_blank=True)
    validation.showErrorMessage = True
    page.add_data_validation(validation)
    validation.add(place)


def _hide(page: Worksheet, meta: Mapping[str, str], found: Response) -> None:
    document = json.dumps(found.document, ensure_ascii=False, separators=(",", ":"))
    chunks = {f"document-{n}": text for n, text in enumerate(_chunks(document))}
    for number, (name, text) in enumerate({**meta, **chunks}.items(), start=1):
        _write(page, f"A{number}", name)
        _write(page, f"B{number}", text)
    page.sheet_state = "veryHidden"
    page.protection.sheet = True


def _chunks(text: str) -> Iterator[str]:
    for start in range(0, len(text), _CHUNK):
        yield text[start : start + _CHUNK]


def _write(page: Worksheet, place: str, text: str, *, bold: bool = False) -> Any:
    cell = page[place]
    cell.value = ILLEGAL_CHARACTERS_RE.sub(" ", text) or None
    if cell.value is not None:
        # A text that begins with = stays a text, in openpyxl and in whatever opens the file.
        cell.data_type, cell.quotePrefix = "s", True
    cell.font, cell.alignment = _BOLD if bold else _PLAIN, _TOP
    return cell
