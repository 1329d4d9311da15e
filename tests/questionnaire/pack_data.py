"""A small sound pack as plain data, to be bent by the tests."""

from __future__ import annotations

from typing import Any


def words(text: str) -> dict[str, str]:
    return {"ja": f"{text}(日本語)", "en": text}


def option(code: str, alignment: str = "0.500000000") -> dict[str, Any]:
    return {"code": code, "alignment": alignment, "label": words(code)}


def question(id: str, **changes: Any) -> dict[str, Any]:  # noqa: A002 -- the data's own name
    return {
        "id": id,
        "rev": 1,
        "about": "component",
        "clauses": ["C-7.1"],
        "roles": ["developer", "provider", "user"],
        "principle": "C-7",
        "topic": None,
        "criticality": 3,
        "text": words("Is it so?"),
        "help": words("Say so."),
        "answer": {"type": "yes_no"},
        "states": ["checking", "withheld", "not_applicable"],
        "evidence": ["policy"],
        "freshness_days": 365,
    } | changes


def pack(*questions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": "test-pack",
        "version": "0.1.0",
        "status": "draft",
        "supersedes": None,
        "title": words("Test pack"),
        "note": words("draft"),
        "instruments": [
            {
                "id": "guide",
                "title": words("Guide"),
                "edition": "1",
                "date": "2026-03-31",
                "binding": "voluntary",
                "language_of_authority": "ja",
            }
        ],
        "scales": {
            "maturity": [option("not_started", "0.000000000"), option("verified", "1.000000000")],
            "yes_no": [option("no", "0.000000000"), option("yes", "1.000000000")],
            "record": [option("none", "0.000000000"), option("reviewed", "1.000000000")],
        },
        "states": {state: words(state) for state in ("checking", "withheld", "not_applicable")},
        "evidence_kinds": {"policy": words("policy")},
        "clauses": [
            {
                "id": "C-7.1",
                "instrument": "guide",
                "confidence": "V",
                "subject": words("traceability"),
            }
        ],
        "questions": list(questions) or [question("Q-TEST-001")],
    } | changes
