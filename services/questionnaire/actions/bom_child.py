"""The process that reads one ML-BOM, see `limited`.

A stranger's JSON is parsed and held against a large schema full of patterns here and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonValidator
from jsonschema import Draft7Validator, ValidationError
from rensho import jcs, strict_json
from rensho.errors import VerificationError

from services.questionnaire.actions import limited
from services.questionnaire.rules import ml_bom
from services.questionnaire.rules.refusals import Problem, Refusal, Text

_LONGEST_REASON: Final = 300
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
_IRI_REFERENCE: Final = re.compile(r"[^\s<>\"{}|\\^`]*")


def read(data: bytes) -> dict[str, Any]:
    """Return `{"bom": …}`, or `{"code": …, "detail": …}` for what is no strict JSON.

    Raises:
        Refusal: `ml-bom/malformed`.
    """
    try:
        document = strict_json.loads(data)
    except VerificationError as why:
        return {"code": why.code, "detail": why.detail}
    found = ml_bom.read(document)
    _refuse_against_schema(document, found.spec_version)
    return {"bom": asdict(found)}


def _refuse_against_schema(document: object, spec_version: str) -> None:
    _mend_validator()
    validator = JsonValidator(SchemaVersion.from_version(spec_version))
    # As JSON again: the library takes text, and one with the same meaning to every reader.
    error = validator.validate_str(json.dumps(document))
    if error is None:
        return
    path = "".join(f"/{part}" for part in error.data.absolute_path)
    reason = str(error.data.message)[:_LONGEST_REASON]
    text = Text(f"CycloneDX {spec_version}の仕様に合いません: {reason}", reason)
    raise Refusal(Problem("ml-bom/malformed", path, text))


def _mend_validator() -> None:
    """Change the library for this process, which reads one file and ends."""
    # It leaves these formats unchecked unless it finds further packages; unchecked, a JSF signature
    # matches two branches of a `oneOf` and every signed file is refused.
    Draft7Validator.FORMAT_CHECKER.checks("uri")(_is_uri)
    Draft7Validator.FORMAT_CHECKER.checks("iri-reference")(_is_iri_reference)
    # It compares every element with every other: a thousand honest components took three seconds.
    Draft7Validator.VALIDATORS["uniqueItems"] = _unique_items


def _unique_items(
    _validator: object, wanted: object, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    # Canonical JSON is equal exactly where JSON Schema calls two values equal (1 and 1.0 too).
    if len({jcs.dumps(each) for each in instance}) < len(instance):
        yield ValidationError("the same element twice")


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


def _is_iri_reference(value: object) -> bool:
    return not isinstance(value, str) or _IRI_REFERENCE.fullmatch(value) is not None


if __name__ == "__main__":
    limited.answer(read)
