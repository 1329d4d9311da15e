"""The Excel round trip over HTTP, with workbooks as Excel users bend them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from services.questionnaire.actions.excel import MEDIA_TYPE
from tests.questionnaire.world import World

Bend = Callable[[openpyxl.Workbook], None]


class Desk:
    """A respondent with a response, and Excel."""

    def __init__(self, world: World) -> None:
        self.pair = world.pair()
        self.world = world
        self.response = self.pair.response()
        self.path = f"/responses/{self.response['id']}"

    def download(self, language: str = "ja") -> bytes:
        answer = self.world.client.get(
            f"{self.path}/workbook?language={language}", headers=self.pair.respondent.headers
        )
        assert answer.status_code == 200
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.headers["content-disposition"].startswith("attachment")
        return answer.content

    def upload(self, content: bytes, status: int = 200) -> Any:
        return self.pair.respondent.call(
            "POST",
            f"{self.path}/workbook",
            status,
            content=content,
            headers={"Content-Type": MEDIA_TYPE},
        )

    def bent(self, bend: Bend, language: str = "ja") -> bytes:
        book = openpyxl.load_workbook(io.BytesIO(self.download(language)))
        bend(book)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def row_of(sheet: Worksheet, key: str) -> int:
    return next(row[0].row for row in sheet.iter_rows(max_col=1) if row[0].value == key)


def _texts(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value]


def fill(sheet: str, key: str, **cells: str) -> Bend:
    columns = {"value": "E", "state": "F", "reason": "G", "note": "H"}

    def bend(book: openpyxl.Workbook) -> None:
        number = row_of(book[sheet], key)
        for name, text in cells.items():
            book[sheet][f"{columns[name]}{number}"] = text

    return bend


def test_a_workbook_that_comes_back_untouched_changes_nothing(desk: Desk) -> None:
    for language in ("ja", "en"):
        told = desk.upload(desk.download(language))
        assert (told["changes"], told["conflicts"]) == ([], 0)
        assert told["problems"] == []
        version = told["version"]
        saved = desk.pair.respondent.put(desk.path, told["document"], version)
        assert saved["document"] == desk.response["document"]


def test_a_filled_cell_is_told_as_a_change_and_saved_only_when_the_user_says_so(
    desk: Desk,
) -> None:
    told = desk.upload(
        desk.bent(fill("Company", "answers/Q-CORE-004", value="決めていない", note="来期に検討"))
    )
    (change,) = told["changes"]
    assert change["where"] == "answers/Q-CORE-004"
    assert change["after"]["value"] == "undecided"
    assert change["after"]["note"] == "来期に検討"
    assert told["document"]["origin"] == "excel"
    assert told["problems"] == []
    assert desk.pair.respondent.get(desk.path)["document"] == desk.response["document"]
    saved = desk.pair.respondent.put(desk.path, told["document"], told["version"])
    assert saved["document"]["answers"]["Q-CORE-004"]["value"] == "undecided"
    assert desk.upload(desk.download())["changes"] == []


def test_english_labels_are_read_from_an_english_workbook(desk: Desk) -> None:
    bend = fill("Company", "answers/Q-CORE-004", value="Not settled")
    (change,) = desk.upload(desk.bent(bend, "en"))["changes"]
    assert change["after"]["value"] == "undecided"


def test_a_spare_sheet_declares_a_further_component(desk: Desk) -> None:
    sheet = f"AI-{len(desk.response['document']['components']) + 1}"
    path = f"components/{len(desk.response['document']['components'])}"

    def bend(book: openpyxl.Workbook) -> None:
        fill(sheet, f"{path}/name", value="外観検査AI")(book)
        fill(sheet, f"{path}/roles/user", value="はい")(book)
        fill(sheet, f"{path}/answers/Q-CORE-009", state="確認中")(book)

    told = desk.upload(desk.bent(bend))
    added = told["document"]["components"][-1]
    assert (added["name"], added["roles"]) == ("外観検査AI", {"user": "yes"})
    assert added["answers"]["Q-CORE-009"] == {"state": "checking"}
    assert told["problems"] == []
    desk.pair.respondent.put(desk.path, told["document"], told["version"])


def test_what_a_colleague_saved_meanwhile_is_kept_and_a_clash_is_shown(desk: Desk) -> None:
    content = desk.bent(fill("Company", "answers/Q-CORE-004", value="決めていない"))
    document = desk.response["document"]
    other = {"state": "checking"}
    answers = {**document["answers"], "Q-CORE-001": other, "Q-CORE-004": other}
    desk.pair.respondent.put(desk.path, {**document, "answers": answers}, 2)
    told = desk.upload(content)
    (change,) = told["changes"]
    assert (change["where"], change["conflict"], told["conflicts"]) == (
        *("answers/Q-CORE-004", True, 1),
    )
    assert change["before"]["state"] == "checking"
    assert told["document"]["answers"]["Q-CORE-001"] == other
    assert told["version"] == 3


def test_a_label_nobody_offered_is_told_by_sheet_and_cell(desk: Desk) -> None:
    problem = desk.upload(desk.bent(fill("Company", "answers/Q-CORE-004", value="たぶん")), 422)
    assert problem["type"] == "urn:rensho:problem:workbook/unknown-choice"
    assert problem["problems"][0]["where"].startswith("Company!E")


def test_a_detail_without_an_answer_is_refused(desk: Desk) -> None:
    key = "answers/Q-CORE-020/details/retention_months"
    sheet, path = "AI-1", "components/0/"
    problem = desk.upload(desk.bent(fill(sheet, path + key, value="12")), 422)
    assert problem["type"] == "urn:rensho:problem:workbook/detail-without-answer"


def test_a_workbook_of_another_response_is_refused(world: World, desk: Desk) -> None:
    problem = desk.upload(Desk(world).download(), 422)
    assert problem["type"] == "urn:rensho:problem:workbook/foreign"


def test_a_formula_is_refused_by_cell(desk: Desk) -> None:
    def bend(book: openpyxl.Workbook) -> None:
        book["Company"]["H5"] = "=1+1"

    problem = desk.upload(desk.bent(bend), 422)
    assert problem["type"] == "urn:rensho:problem:workbook/formula"
    assert problem["problems"][0]["where"] == "Company!H5"


def with_part(content: bytes, name: str, data: bytes) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return out.getvalue()


def test_macros_are_refused(desk: Desk) -> None:
    content = with_part(desk.download(), "xl/vbaProject.bin", b"x")
    assert desk.upload(content, 422)["type"].endswith("workbook/active-content")


def test_a_zip_that_swells_is_refused(desk: Desk) -> None:
    content = with_part(desk.download(), "xl/media/x.bin", bytes(40 * 1024 * 1024))
    assert len(content) < 200_000
    assert desk.upload(content, 422)["type"].endswith("workbook/too-large")


def test_xml_entities_do_not_swell_either(desk: Desk) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 10}">' for n in range(9))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [{levels}]><worksheet>&e8;</worksheet>'
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(desk.download())) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            new.writestr(
                part,
                bomb if part.filename.endswith("worksheets/sheet2.xml") else old.read(part),
            )
    assert desk.upload(out.getvalue(), 422)["type"].partition("problem:")[2] in {
        "workbook/malformed",
        "files/too-costly",
    }


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 nothing", "workbook/malformed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook/encrypted"),
        (b"a,b,c\n1,2,3\n", "workbook/malformed"),
        (b"", "workbook/malformed"),
    ],
)
def test_what_is_no_workbook_is_refused(desk: Desk, content: bytes, code: str) -> None:
    assert desk.upload(content, 422)["type"] == f"urn:rensho:problem:{code}"


def test_the_requester_gets_no_workbook_of_a_draft(desk: Desk) -> None:
    desk.pair.requester.get(f"{desk.path}/workbook", 404)


def test_no_cell_we_write_is_a_formula_and_only_answer_cells_can_be_changed(desk: Desk) -> None:
    document = desk.response["document"]
    hostile = {"state": "checking", "note": '=HYPERLINK("http://x.example","x")'}
    answers = {**document["answers"], "Q-CORE-001": hostile}
    desk.pair.respondent.put(desk.path, {**document, "answers": answers}, 2)
    book = openpyxl.load_workbook(io.BytesIO(desk.download()))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    assert any(str(cell.value).startswith("=HYPERLINK") for cell in cells)
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(sheet.protection.sheet for sheet in book if sheet.sheet_state == "visible")
    open_columns = {cell.column_letter for cell in cells if not cell.protection.locked}
    assert open_columns <= {"E", "F", "G", "H"}
    assert book["_rensho"].sheet_state == book["_lists"].sheet_state == "veryHidden"
    assert desk.upload(desk.download())["changes"] == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_first_page_says_scope_day_format_and_whom_to_ask(desk: Desk, language: str) -> None:
    document = desk.response["document"]
    scope = {**document["scope"], "kind": "sites", "sites": ["浜松工場", "豊橋工場"]}
    desk.pair.respondent.put(desk.path, {**document, "scope": scope}, 2)
    book = openpyxl.load_workbook(io.BytesIO(desk.download(language)))
    guide = book["はじめに Guide"]
    facts = {
        str(row[0].value): str(row[1].value) for row in guide.iter_rows(max_col=2) if row[1].value
    }
    japanese = language == "ja"
    assert facts["ご回答の範囲" if japanese else "Scope"].endswith(
        "浜松工場、豊橋工場" if japanese else "浜松工場, 豊橋工場"
    )
    assert facts["お問い合わせ" if japanese else "Whom to ask"]
    assert ("年" if japanese else "20") in facts["回答期限" if japanese else "Please answer by"]
    words = ("該当なし", "確認中", "非開示") if japanese else ("Not applicable", "withheld")
    assert [word for word in words if word not in "\n".join(_texts(guide))] == []
    lists = book["Company"].data_validations.dataValidation
    assert lists
    assert all(each.showErrorMessage and each.formula1.startswith("_lists!") for each in lists)


def test_a_response_from_excel_says_so_in_its_origin(desk: Desk) -> None:
    assert desk.response["document"]["origin"] == "self"
    bend = fill("Company", "pre_screen/process", value="確認中")
    told = desk.upload(desk.bent(bend))
    assert told["document"]["origin"] == "excel"
