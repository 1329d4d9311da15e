"""Every message of the pages, as the source has it: what catalogues are held against.

`python -m tests.portal.messages` prints the messages that English lacks, ready to be pasted.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, nodes

from services.portal.words import LOCALES

ROOT = LOCALES.parent
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")


def messages() -> set[str]:
    """Return every message: arguments of `_` and `n_` in templates, Japanese words in modules."""
    return set(_in_templates()) | set(_in_modules())


def _in_templates() -> Iterator[str]:
    environment = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True)
    for path in sorted((ROOT / "templates").rglob("*.html")):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            named = isinstance(call.node, nodes.Name) and call.node.name in ("_", "n_")
            if named and isinstance(call.args[0], nodes.Const):
                yield call.args[0].value
            elif named:
                yield from (c.value for c in call.args[0].find_all(nodes.Const) if _told(c.value))


def _told(value: object) -> bool:
    return isinstance(value, str) and bool(JAPANESE.search(value))


def _in_modules() -> Iterator[str]:
    for path in sorted(ROOT.rglob("*.py")):
        if path.name in ("words.py", "paper.py", "refusals.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and _told(node.value):
                yield str(node.value)


def catalogue(language: str) -> dict[str, tuple[str, ...]]:
    """Return a catalogue: message → its translations, one per plural form."""
    with (LOCALES / f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language.replace("-", "_"))
    made = {}
    for entry in found:
        if entry.id:
            id_ = str(entry.id) if isinstance(entry.id, str) else str(entry.id[0])
            said = entry.string if isinstance(entry.string, tuple) else (entry.string,)
            made[id_] = tuple(str(each) for each in said)
    return made


if __name__ == "__main__":
    for message in sorted(messages() - set(catalogue("en"))):
        print(message)  # noqa: T201 (a tool for whoever writes the catalogue)
