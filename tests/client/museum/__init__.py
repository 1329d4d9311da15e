"""The museum of bad evidence: what each exhibit shows, and how it is judged.

An exhibit is a function that builds a miniature deployment, bends one thing, and returns what a
reader would be handed. `python -m tests.client.museum` writes them all to `contracts/vectors`;
keys, salts and ids come from the exhibit's name, so that the same bytes are written every time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from rensho import archive, jcs, replay, strict_base64, strict_json, times
from rensho.errors import VerificationError
from rensho.trust import Trust
from rensho.verify import ANY, Expectations, ExpectedQuestionnaire, ExpectedRequest, Material
from rensho.verify import verify as run

from tests.client.museum.seeded import seeded

VECTORS: Final = Path(__file__).parents[3] / "contracts" / "vectors"
HALLS: Final = (
    "reading",
    "bundles",
    "statements",
    "logs",
    "successions",
    "clocks",
    "stamping",
    "signers",
    "readers",
    "targets",
    "responses",
    "standing",
    "contents",
    "below",
    "trusting",
)
Content = bytes | dict[str, bytes] | tuple[bytes | tuple[bytes, int], ...]
"""A file; the entries of an archive; or pieces of a file, some of them repeated so many times."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a verifier is handed. `judge` is verify, trust, update or replay."""

    main: Content
    beside: tuple[tuple[str, Content], ...] = ()
    trust: Trust | None = None
    expect: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 2, tzinfo=UTC)
    judge: str = "verify"


@dataclass(frozen=True)
class Exhibit:
    """One vector: its name is its fault; `code` is the one that must be among those found."""

    name: str
    says: str
    step: int
    code: str | None
    twin: str | None
    build: Callable[[], Shown]

    @property
    def folder(self) -> str:
        return "good" if self.code is None else "bad"

    def made(self) -> dict[str, Any]:
        """The vector, as its file holds it."""
        with seeded(self.name):
            shown = self.build()
        vector: dict[str, Any] = {
            "name": self.name,
            "says": self.says,
            "step": self.step,
            "judge": shown.judge,
            "now": times.write(shown.now),
            "expect": dict(shown.expect),
            "material": {
                "main": _written(shown.main),
                "beside": [[name, _written(data)] for name, data in shown.beside],
            },
        }
        if self.twin is not None:
            vector["twin"] = self.twin
        if shown.trust is not None:
            vector["trust"] = strict_json.loads(shown.trust.to_bytes())
        vector["expected"] = judged(vector)
        if self.code is None:
            assert vector["expected"]["codes"] == [], (self.name, vector["expected"])
        else:
            assert self.code in vector["expected"]["codes"], (self.name, vector["expected"])
        return vector

    def file(self) -> bytes:
        return json.dumps(self.made(), ensure_ascii=False, indent=0).encode() + b"\n"


_DONE: Final[dict[str, Any]] = {"status": "DONE", "codes": []}
_EXHIBITS: Final[dict[str, Exhibit]] = {}


def bad(
    name: str, step: int, code: str, says: str, twin: str | None = None
) -> Callable[[Callable[[], Shown]], Callable[[], Shown]]:
    """Put a fault on show."""

    def put(build: Callable[[], Shown]) -> Callable[[], Shown]:
        assert name not in _EXHIBITS, name
        _EXHIBITS[name] = Exhibit(name, says, step, code, twin, build)
        return build

    return put


def good(name: str, step: int, says: str) -> Callable[[Callable[[], Shown]], Callable[[], Shown]]:
    """Put a twin beside the faults: what the same thing looks like where nothing is wrong."""

    def put(build: Callable[[], Shown]) -> Callable[[], Shown]:
        assert name not in _EXHIBITS, name
        _EXHIBITS[name] = Exhibit(name, says, step, None, None, build)
        return build

    return put


def exhibits() -> Mapping[str, Exhibit]:
    """All of them, by name."""
    for hall in HALLS:
        import_module(f"tests.client.museum.{hall}")
    return _EXHIBITS


def _text(data: bytes) -> Any:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": strict_base64.encode(data)}


def _written(content: Content) -> Any:
    if isinstance(content, bytes):
        return _text(content)
    if isinstance(content, dict):
        return {"zip": {name: _text(data) for name, data in sorted(content.items())}}
    return {
        "pieces": [
            _text(piece) if isinstance(piece, bytes) else [_text(piece[0]), piece[1]]
            for piece in content
        ]
    }


def _read(content: Any) -> bytes:
    match content:
        case str():
            return content.encode()
        case {"base64": data}:
            return strict_base64.decode(data)
        case {"zip": entries}:
            return archive.write({name: _read(data) for name, data in entries.items()})
        case {"pieces": pieces}:
            return b"".join(
                _read(one[0]) * one[1] if isinstance(one, list) else _read(one) for one in pieces
            )
        case _:
            raise TypeError(content)


def judged(vector: Mapping[str, Any]) -> dict[str, Any]:
    """What this package says of a vector: status, parts and codes, or the one code it raised."""
    main = _read(vector["material"]["main"])
    try:
        match vector["judge"]:
            case "trust":
                Trust.load(main, production=True)
                return _DONE
            case "update":
                _trust(vector).updated(main, production=True)
                return _DONE
            case "replay":
                replay.replay(strict_json.loads(main))
                return _DONE
        beside = tuple((name, _read(data)) for name, data in vector["material"]["beside"])
        found = run(
            Material(main, beside),
            _trust(vector),
            _expectations(vector["expect"]),
            times.read(vector["now"]),
        )
    except VerificationError as why:
        return {"status": "REFUSED", "codes": [why.code]}
    return {"status": found.status, "parts": dict(found.parts), "codes": list(found.codes)}


def _trust(vector: Mapping[str, Any]) -> Trust:
    return Trust.load(jcs.dumps(vector["trust"]))


def _expectations(told: Mapping[str, Any]) -> Expectations:
    """Read the expectations; what is not named is ANY."""
    fields: dict[str, Any] = {"audience": ANY, "request": ANY, **told}
    if "request" in told:
        fields["request"] = ExpectedRequest(**told["request"])
    if "questionnaire" in told:
        asked = told["questionnaire"]
        packs = frozenset((pack[0], pack[1]) for pack in asked["packs"])
        fields["questionnaire"] = ExpectedQuestionnaire(frozenset(asked["questions"]), packs)
    if "freshness" in told:
        fields["freshness"] = timedelta(seconds=told["freshness"])
    return Expectations(**fields)
