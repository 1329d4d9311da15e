"""The cells of a supplier list: what each column may hold, in Japanese and English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from services.questionnaire.rules import identifiers
from services.questionnaire.rules.countries import ALPHA_2
from services.questionnaire.rules.refusals import Text

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "vendor_code": ("取引先コード", "仕入先コード", "業者コード", "vendorcode", "suppliercode"),
    "name": ("会社名", "取引先名", "仕入先名", "名称", "name", "company", "companyname"),
    "country": ("国", "国コード", "country", "countrycode"),
    "corporate_number": ("法人番号", "インボイス番号", "corporatenumber", "invoicenumber"),
    "contact_name": ("担当者", "担当者名", "ご担当者", "contact", "contactname"),
    "mailbox": ("メール", "メールアドレス", "mail", "email", "mailbox"),
    "language": ("言語", "language"),
    "dependency": ("取引区分", "依存度", "dependency", "dependencyclass"),
    "pass_through": ("商流のみ", "passthrough"),
    "site": ("拠点", "拠点名", "site"),
    "tags": ("タグ", "tags"),
    "system": ("システム", "システム名", "system"),
    "company_code": ("会社コード", "companycode"),
    "plant": ("購買組織", "プラント", "工場コード", "purchasingorganization", "plant"),
    "valid_from": ("有効開始日", "適用開始日", "validfrom"),
    "valid_to": ("有効終了日", "適用終了日", "validto"),
    "lei": ("lei", "leiコード"),
    "duns": ("duns番号", "duns", "dunsnumber"),
    "gln": ("gln", "glnコード"),
    "product_lines": ("製品ライン", "製品群", "productline", "productlines"),
    "kana": ("フリガナ", "ふりがな", "カナ", "kana"),
    "department": ("部署", "部署名", "department"),
}
"""Column → headings it is known by, as `heading_key` gives them; the first is the Japanese one."""

REQUIRED: Final = ("vendor_code", "name", "country")

DEPENDENCIES: Final[Mapping[str, tuple[str, ...]]] = {
    "negligible": ("negligible", "軽微", "ごく小", "ほぼなし"),
    "minor": ("minor", "小", "低"),
    "moderate": ("moderate", "中", "中程度"),
    "major": ("major", "大", "高"),
    "critical": ("critical", "最重要", "極めて大", "代替不可"),
}
LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "ja": ("ja", "日本語", "japanese"),
    "en": ("en", "英語", "english"),
    "zh-Hans": ("zh-hans", "zh", "zh-cn", "中国語", "中国語(簡体)", "chinese"),
    "th": ("th", "タイ語", "thai"),
    "vi": ("vi", "ベトナム語", "vietnamese"),
    "de": ("de", "ドイツ語", "german"),
}
_YES: Final = ("はい", "yes", "y", "true", "1", "○", "〇", "有")
_NO: Final = ("", "いいえ", "no", "n", "false", "0", "×", "無", "-")

_LONGEST: Final = 200
_VENDOR_CODE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,39}")
_MAILBOX: Final = re.compile(r"[^\s@<>\",;:]{1,64}@(?:[0-9A-Za-z-]{1,63}\.)+[0-9A-Za-z-]{2,63}")
_TAG_BREAK: Final = re.compile(r"[;；、|]")


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """One supplier as the list tells it, not yet confirmed by anybody.

    `name`, `contact_name`, `site` and `tags` are as received; codes and numbers in narrow form.
    `vendor_code` is text (leading zeros count), `country` ISO 3166-1 alpha-2. `dependency` is None
    where the list does not state it (RM-1 takes that as critical). `language` is the stated one,
    else ja for Japan and en elsewhere. `stated`: the columns whose cells are not blank.
    """

    line: int
    vendor_code: str
    name: str
    country: str
    corporate_number: str | None
    contact_name: str | None
    mailbox: str | None
    language: str
    dependency: str | None
    pass_through: bool
    site: str | None
    tags: tuple[str, ...]
    system: str | None = None
    company_code: str | None = None
    plant: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    lei: str | None = None
    duns: str | None = None
    gln: str | None = None
    product_lines: tuple[str, ...] = ()
    kana: str | None = None
    department: str | None = None
    stated: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def code_key(self) -> tuple[str | None, ...]:
        """What must differ from row to row: the code within its system and unit."""
        return self.system, self.company_code, self.plant, self.vendor_code

    @property
    def identifiers(self) -> dict[str, str]:
        """Scheme → value, as records keep them."""
        number = self.corporate_number or ""
        scheme = "invoice-number" if number.startswith("T") else "corporate-number"
        told = {scheme: number, "lei": self.lei, "duns": self.duns, "gln": self.gln}
        return {name: value for name, value in told.items() if value}


class Unreadable(Exception):
    """A cell cannot be taken as it is; `kind` is stable, `reason` safe to show."""

    def __init__(self, kind: str, ja: str, en: str) -> None:
        super().__init__(en)
        self.kind = kind
        self.reason = Text(ja, en)


def heading_key(heading: str) -> str:
    """Return a heading without width, case, spaces, marks and what stands in brackets."""
    text = re.sub(r"\(.*?\)", "", unicodedata.normalize("NFKC", heading).casefold())
    return re.sub(r"[\s_\-*※]", "", text)


def row(line: int, cells: Mapping[str, str]) -> tuple[SupplierRow | None, dict[str, Unreadable]]:
    """Read one row's cells by column; what cannot be read comes back by column, and no row."""
    found: dict[str, object] = {}
    wrong: dict[str, Unreadable] = {}
    for column, read in _READERS.items():
        text = _bare(cells.get(column, "").strip())
        try:
            found[column] = read(_plain(text, required=column in REQUIRED))
        except Unreadable as why:
            wrong[column] = why
    if not wrong and _backwards(found["valid_from"], found["valid_to"]):
        wrong["valid_to"] = Unreadable(
            "validity", "有効終了日が有効開始日より前です", "is before the first day"
        )
    if wrong:
        return None, wrong
    found["language"] = found["language"] or ("ja" if found["country"] == "JP" else "en")
    # The readers' types are those of the fields, column by column.
    stated = frozenset(column for column in _READERS if cells.get(column, "").strip())
    return SupplierRow(line=line, **found, stated=stated), {}  # type: ignore[arg-type]


def _bare(text: str) -> str:
    """Take off the apostrophe that keeps a spreadsheet from reading a cell as a formula."""
    return text[1:] if text.startswith("'") and text[1:2] in ("=", "+", "-", "@") else text


def _plain(text: str, *, required: bool) -> str:
    if required and not text:
        raise Unreadable("missing", "必須項目が空欄です", "must not be blank")
    if any("\ud800" <= char <= "\udfff" or char == "\ufffd" for char in text):
        raise Unreadable(
            "encoding", "読み取れない文字が含まれています", "has unreadable characters"
        )
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise Unreadable("control", "制御文字が含まれています", "has control characters")
    if len(text) > _LONGEST:
        raise Unreadable(
            "too-long",
            f"{_LONGEST}文字以内で入力してください",
            f"longer than {_LONGEST} characters",
        )
    return text


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _as_received(text: str) -> str:
    return text


def _if_any(text: str) -> str | None:
    return text or None


def _vendor_code(text: str) -> str:
    code = _narrow(text)
    if re.fullmatch(r"[0-9](?:\.[0-9]+)?E\+[0-9]+", code):
        raise Unreadable(
            "spreadsheet-number",
            "表計算ソフトにより数値に変換されています。文字列として入力してください",
            "was turned into a number by a spreadsheet; enter it as text",
        )
    if not _VENDOR_CODE.fullmatch(code):
        raise Unreadable(
            "vendor-code", "取引先コードの書式が正しくありません", "is not a vendor code"
        )
    return code


def _country(text: str) -> str:
    code = _narrow(text).upper()
    if code not in ALPHA_2:
        raise Unreadable(
            "country",
            "国はISO 3166の2文字コード(例: JP)で入力してください",
            "must be a two-letter ISO 3166 code such as JP",
        )
    return code


def _corporate_number(text: str) -> str | None:
    number = _narrow(text)
    scheme = "invoice-number" if number.upper().startswith("T") else "corporate-number"
    try:
        return identifiers.read(scheme, number) if number else None
    except identifiers.NotAnIdentifier as why:
        raise Unreadable(
            "corporate-number",
            "法人番号(13桁)またはT+13桁の登録番号として正しくありません",
            "is neither a valid 13-digit corporate number nor T and 13 digits",
        ) from why


def _identifier(scheme: str) -> Callable[[str], str | None]:
    def read(text: str) -> str | None:
        try:
            return identifiers.read(scheme, text) if text else None
        except identifiers.NotAnIdentifier as why:
            raise Unreadable(scheme, why.reason.ja, why.reason.en) from why

    return read


def _day(text: str) -> date | None:
    day = re.sub(r"[./年月]", "-", _narrow(text)).removesuffix("日")
    if not day:
        return None
    found = re.fullmatch(
        r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})|([0-9]{4})([0-9]{2})([0-9]{2})", day
    )
    try:
        year, month, number = (int(part) for part in (found.groups() if found else ()) if part)
        return date(year, month, number)
    except ValueError as why:
        raise Unreadable(
            "date", "日付は2026-04-01の形で入力してください", "must be a day such as 2026-04-01"
        ) from why


def _backwards(first: object, last: object) -> bool:
    return isinstance(first, date) and isinstance(last, date) and last < first


def _mailbox(text: str) -> str | None:
    mailbox = _narrow(text)
    if mailbox and not _MAILBOX.fullmatch(mailbox):
        raise Unreadable(
            "mailbox", "メールアドレスの書式が正しくありません", "is not a mail address"
        )
    return mailbox or None


def _language(text: str) -> str | None:
    return _word(text, LANGUAGES, "language", "言語")


def _dependency(text: str) -> str | None:
    return _word(text, DEPENDENCIES, "dependency", "取引区分")


def _word(text: str, words: Mapping[str, tuple[str, ...]], kind: str, label: str) -> str | None:
    sought = _narrow(text).casefold()
    if not sought:
        return None
    for code, spellings in words.items():
        if sought in spellings:
            return code
    raise Unreadable(
        kind,
        f"{label}は次のいずれかです: {', '.join(words)}",
        f"must be one of: {', '.join(words)}",
    )


def _pass_through(text: str) -> bool:
    sought = _narrow(text).casefold()
    if sought not in (*_YES, *_NO):
        raise Unreadable(
            "pass-through", "「はい」または「いいえ」で入力してください", "must be yes or no"
        )
    return sought in _YES


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.strip() for tag in _TAG_BREAK.split(text) if tag.strip()))


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "vendor_code": _vendor_code,
    "name": _as_received,
    "country": _country,
    "corporate_number": _corporate_number,
    "contact_name": _if_any,
    "mailbox": _mailbox,
    "language": _language,
    "dependency": _dependency,
    "pass_through": _pass_through,
    "site": _if_any,
    "tags": _tags,
    "system": _if_any,
    "company_code": _if_any,
    "plant": _if_any,
    "valid_from": _day,
    "valid_to": _day,
    "lei": _identifier("lei"),
    "duns": _identifier("duns"),
    "gln": _identifier("gln"),
    "product_lines": _tags,
    "kana": _if_any,
    "department": _if_any,
}
