"""Answering: a draft is opened, saved under a version, copied, and filled from an ML-BOM."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound, Refused, Stale
from services.questionnaire.actions import questionnaires
from services.questionnaire.rules import drafts, ml_bom
from services.questionnaire.rules.ml_bom import ComponentDraft
from services.questionnaire.store import requests, responses, suppliers
from services.questionnaire.store.tables import Response

EMPTY: Final[Mapping[str, Any]] = {
    "pre_screen": None,
    "scope": {"kind": "company", "goods": "all", "sites": [], "products": [], "members": []},
    "origin": "self",
    "source_document": None,
    "answers": {},
    "components": [],
    "sub_tier": None,
}
"""A response nobody has written in yet."""


class IfMatchMissing(Refused):
    """Say which version you read, so that nobody's work is overwritten."""

    urn = "responses/if-match-required"
    status = HTTPStatus.PRECONDITION_REQUIRED


class ChangedMeanwhile(Stale):
    """Somebody saved since you read it; your version is still yours, merge and send again."""

    urn = "responses/changed-meanwhile"


class UnknownSupplier(Refused):
    """A sub-tier entry names a supplier that is not in your own list."""

    urn = "sub-tier/unknown-supplier"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


def open_one(tx: Session, who: Principal, request_id: UUID) -> Response:
    """Return the one response to a request, begun now if nobody did before.

    Raises:
        NotFound: no request that you are asked to answer.
    """
    request = requests.answered_by(tx, who.org, request_id)
    if request is None:
        raise NotFound("no such request")
    found = responses.of_request(tx, who.org, request_id)
    if found is not None:
        return found
    if request.state == "issued":
        request.state = "opened"
    return responses.create(tx, request, who.org, dict(EMPTY))


def save(
    tx: Session,
    who: Principal,
    response_id: UUID,
    version: int | None,
    document: Mapping[str, Any],
    now: datetime,
) -> Response:
    """Save the whole document over the version that was read.

    Raises:
        NotFound: no such response of yours.
        IfMatchMissing, ChangedMeanwhile: the version is missing or no longer the newest.
        UnknownSupplier: a sub-tier entry names a supplier that is not yours.
        Refusal: what does not fit the questionnaire, all of it (`answers/…`, `components/…`).
    """
    found = _mine(tx, who, response_id, version)
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    drafts.read(document, questions)
    _refuse_strangers(tx, who, document)
    return _saved(tx, found, document, now)


def copy(
    tx: Session,
    who: Principal,
    response_id: UUID,
    version: int | None,
    source_id: UUID,
    now: datetime,
) -> tuple[Response, list[str]]:
    """Take over the answers of another response of yours, as far as the questions are the same.

    Returns:
        The response, and the ids of the questions whose answers did not fit.

    Raises:
        NotFound: one of the two is not there or not yours.
        IfMatchMissing, ChangedMeanwhile: as for `save`.
    """
    found = _mine(tx, who, response_id, version)
    source = responses.own(tx, who.org, source_id)
    if source is None:
        raise NotFound("no such response to copy from")
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    document, left = drafts.without_unknown(source.document, questions)
    drafts.read(document, questions)
    tx.info["details"]["copied_from"] = str(source_id)
    return _saved(tx, found, document, now), left


def add_ml_bom(
    tx: Session, who: Principal, response_id: UUID, bom: object, bom_sha256: str, now: datetime
) -> tuple[Response, list[str]]:
    """Add the AI components of a CycloneDX ML-BOM to the draft; known ones are left alone.

    Args:
        bom: the parsed file.
        bom_sha256: lowercase hex sha256 of its bytes.

    Returns:
        The response, and the ids of the components added.

    Raises:
        NotFound: no such response of yours.
        Refusal: `ml-bom/malformed`.
    """
    found = responses.own_for_update(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    known = {one["supplier_component_id"] for one in found.document["components"]}
    drawn: dict[str, dict[str, Any]] = {}
    for each in ml_bom.read(bom).components:
        component = _component(each, bom_sha256)
        drawn.setdefault(component["supplier_component_id"], component)
    added = [ref for ref in drawn if ref not in known]
    components = [*found.document["components"], *(drawn[ref] for ref in added)]
    document = {**found.document, "components": components}
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    drafts.read(document, questions)
    tx.info["details"]["components"] = added
    return _saved(tx, found, document, now), added


def _mine(tx: Session, who: Principal, response_id: UUID, version: int | None) -> Response:
    found = responses.own_for_update(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    if version is None:
        raise IfMatchMissing("send If-Match with the ETag of the version you read")
    if version != found.version:
        raise ChangedMeanwhile("somebody saved since you read it", version=found.version)
    return found


def _saved(tx: Session, found: Response, document: Mapping[str, Any], now: datetime) -> Response:
    found.document = dict(document)
    found.version += 1
    found.state = "started"
    found.saved_at = now
    request = requests.answered_by(tx, found.respondent_org_id, found.request_id)
    assert request is not None
    # A signed answer stays the answer while its correction is being written.
    if request.state != "signed":
        request.state = "started"
    tx.flush()
    return found


def _refuse_strangers(tx: Session, who: Principal, document: Mapping[str, Any]) -> None:
    sub_tier = document["sub_tier"]
    entries = sub_tier["entries"] if sub_tier else []
    named = {UUID(entry["supplier_id"]) for entry in entries}
    strange = named - set(suppliers.known_ids(tx, who.org, named))
    if strange:
        raise UnknownSupplier(
            "add the supplier to your own list first",
            supplier_ids=sorted(str(each) for each in strange),
        )


def _component(draft: ComponentDraft, bom_sha256: str) -> dict[str, Any]:
    return {
        "supplier_component_id": draft.bom_ref or draft.purl or draft.name,
        "name": draft.name,
        "version": draft.version or "-",
        "kind": draft.kind,
        # A file cannot know what it is used for; "embedded" is the use asked about most strictly.
        "use": "embedded",
        "roles": {},
        "attributes": {},
        "purl": draft.purl,
        "ml_bom_sha256": bom_sha256,
        "answers": {},
    }
