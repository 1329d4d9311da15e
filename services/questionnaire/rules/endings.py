"""Why a request has no answer, in codes with words: silence is not a reason, these are.

`no-reply` alone never stops orders (domain.md, Asking fairly); no code says that anybody refused
to be good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from services.questionnaire.rules.refusals import Text

Declined = Literal[
    "no-longer-supplying",
    "not-in-charge",
    "out-of-scope",
    "no-capacity",
    "confidential",
    "answered-elsewhere",
    "other",
]
Unanswered = Literal[
    "no-reply",
    "unreachable",
    "declined-by-telephone",
    "no-longer-supplying",
    "asked-twice",
    "other",
]

REASONS: Final[Mapping[str, Text]] = {
    "no-longer-supplying": Text("現在お取引がない", "no longer supplying"),
    "not-in-charge": Text("担当の会社・部署が異なる", "another company or department is in charge"),
    "out-of-scope": Text("調査の対象に該当しない", "outside the scope"),
    "no-capacity": Text("人員・時間の都合がつかない", "no capacity at present"),
    "confidential": Text("秘密保持の都合により回答できない", "confidentiality forbids it"),
    "answered-elsewhere": Text("別の調査で回答済み", "answered in another survey"),
    "no-reply": Text("ご返信がない", "no reply"),
    "unreachable": Text("連絡先が不明", "nobody can be reached"),
    "declined-by-telephone": Text("お電話で辞退のご連絡があった", "declined by telephone"),
    "asked-twice": Text("重複した依頼", "asked twice"),
    "other": Text("その他", "other"),
}
NEEDS_WORDS: Final = ("other",)
"""Reasons that say nothing without a note."""
