"""What the tests of evidence share: a file handed in, and a look at where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.kit.settings import Settings
from services.questionnaire.store.objects import Folder
from tests.factories import files
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm

DESCRIBED = {"title": "外観検査モデルの試験成績書", "effective_on": "2026-04-01"}
SEEN = {
    "title": "AI管理規程",
    "document_number": "QA-112",
    "revision": "4",
    "seen_on": "2026-10-05",
    "viewer": "品質保証部 監査担当",
}


def upload(firm: Firm, content: bytes = files.PDF, status: int = 201, **options: Any) -> Any:
    params = {**DESCRIBED, **options.pop("params", {})}
    return firm.call("POST", "/evidence", status, content=content, params=params, **options)


def urn(problem: dict[str, Any]) -> str:
    return str(problem["type"]).removeprefix("urn:rensho:problem:")


def kept(folder: Folder, firm: Firm) -> list[str]:
    return sorted(name.sha256 for name in folder.names() if name.org == firm.id)


def incoming(settings: Settings) -> list[Path]:
    return list(settings.incoming_dir.iterdir()) if settings.incoming_dir.exists() else []


def answering(*ids: str, question: str = "Q-CORE-001") -> dict[str, Any]:
    given = made.ResponseBody()["answers"]
    given[question] = {**given[question], "evidence": list(ids)}
    return dict(given)


def audit(firm: Firm) -> Any:
    return firm.get("/audit")["items"][0]
