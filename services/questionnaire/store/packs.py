"""The packs this build ships, read from the YAML files beside this service."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from services.questionnaire.rules import (
    crosswalks,
    pack_changes,
    packs,
    prescreen,
    questionnaires,
    translations,
)
from services.questionnaire.rules.packs import Pack

FOLDER: Final = Path(__file__).resolve().parent.parent / "packs"


class _Loader(yaml.SafeLoader):
    """Plain YAML that refuses a name given twice: the later one would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- as PyYAML calls it
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "a name is given twice", node.start_mark
            )
        return found


def read(folder: Path) -> dict[str, Any]:
    """Return one pack's files merged into the data its digest covers.

    `pack.yaml` is the header; `clauses*.yaml` and `questions*.yaml` are lists that are joined and
    put in order of id, so that splitting a file never changes the digest.
    """
    return {
        **_load(folder / "pack.yaml"),
        "clauses": _joined(folder, "clauses*.yaml"),
        "questions": _joined(folder, "questions*.yaml"),
    }


@cache
def load_all(folder: Path = FOLDER) -> dict[tuple[str, str], Pack]:
    """Return every pack in the folder, by default every shipped one, by (id, version).

    Raises `rules.refusals.Refusal` where a pack is not sound, ValueError where a pack lies in a
    folder of another name. Read once; the files do not change while a process runs.
    """
    found: dict[tuple[str, str], Pack] = {}
    for header in sorted(folder.glob("*/*/pack.yaml")):
        place = header.parent
        pack = packs.parse(read(place))
        if (pack.id, pack.version) != (place.parent.name, place.name):
            raise ValueError(
                f"pack {pack.id} {pack.version} lies in {place.parent.name}/{place.name}"
            )
        found[pack.id, pack.version] = pack
    return found


def living() -> list[Pack]:
    """Return the packs whose place no other version of this build has taken."""
    return [each for each in load_all().values() if status(each) != "superseded"]


@cache
def load_starter() -> questionnaires.Starter:
    """Return the starter set of twelve questions."""
    return questionnaires.parse_starter(_load(FOLDER / "starter.yaml"))


@cache
def load_prescreen() -> prescreen.Form:
    """Return the words of the pre-screen."""
    return prescreen.parse_form(_load(FOLDER / "prescreen.yaml"))


@cache
def load_translations() -> dict[str, translations.Translation]:
    """Return the reference translations by language."""
    found = (translations.parse(_load(path)) for path in FOLDER.glob("translations/*.yaml"))
    return {each.language: each for each in found}


@cache
def load_crosswalks() -> tuple[crosswalks.Crosswalk, ...]:
    """Return the crosswalks to other frameworks, in order of id."""
    found = (crosswalks.parse(_load(path)) for path in FOLDER.glob("crosswalks/*.yaml"))
    return tuple(sorted(found, key=lambda each: each.id))


@cache
def load_changes() -> dict[tuple[str, str], pack_changes.PackChange]:
    """Return how each version of a pack came from the one before, by (id, version)."""
    found = (pack_changes.parse(_load(path), load_all()) for path in FOLDER.glob("changes/*.yaml"))
    return {(each.pack, each.after): each for each in found}


@cache
def load_scales() -> dict[str, Any]:
    """Return the answer scales of the core pack, as data: a requester's own questions use them."""
    newest = max(version for name, version in load_all() if name == "jp-aigb-core")
    found: dict[str, Any] = read(FOLDER / "jp-aigb-core" / newest)["scales"]
    return found


def status(pack: Pack) -> str:
    """Return a pack's status; superseded once another version of this build takes its place."""
    newer = {(each.id, each.supersedes) for each in load_all().values()}
    return "superseded" if (pack.id, pack.version) in newer else pack.status


def _joined(folder: Path, pattern: str) -> list[dict[str, Any]]:
    found = [each for path in folder.glob(pattern) for each in _load(path)]
    return sorted(found, key=lambda each: str(each["id"]))


def _load(path: Path) -> Any:
    return yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 -- a SafeLoader underneath
