"""Answering: a draft is opened, saved under a version, copied, and filled from an ML-BOM."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from rensho.bundle import MEDIA_TYPE as SIGSTORE
from rensho.salted import sha256
from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound, Refused, Stale
from services.questionnaire.actions import endings, evidence, questionnaires
from services.questionnaire.actions.bom_reading import ReadBom
from services.questionnaire.actions.evidence import Upload
from services.questionnaire.rules import drafts, merging
from services.questionnaire.rules.merging import Clash
from services.questionnaire.rules.ml_bom import ComponentDraft, ModelCard
from services.questionnaire.store import answering, requests, responses, suppliers
from services.questionnaire.store.answering import ResponseSave
from services.questionnaire.store.objects import Objects
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
    """Somebody changed the same places since you read it; nothing of yours was saved.

    `version` is the newest; `conflicts` has for each place your value and theirs (`[]` for taken
    out), who wrote it and when. Merge, and send again over that version.
    """

    urn = "responses/changed-meanwhile"


class UnknownSupplier(Refused):
    """A sub-tier entry names a supplier that is not in your own list."""

    urn = "sub-tier/unknown-supplier"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class UnknownComponent(Refused):
    """The draft has no component of this id."""

    urn = "components/unknown"
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


def open_typed(tx: Session, who: Principal, request_id: UUID) -> Response:
    """Return the response a requester types in itself from paper (代行入力), begun now if need be.

    The typist signs in their own name; what the supplier signs itself goes before it at once.

    Raises:
        NotFound: no issued request of yours.
    """
    request = requests.asked_by(tx, who.org, request_id)
    if request is None or request.issued_at is None:
        raise NotFound("no such request")
    found = responses.of_request(tx, who.org, request_id)
    return found or responses.create(tx, request, who.org, {**EMPTY, "origin": "transcribed"})


def save(
    tx: Session,
    who: Principal,
    response_id: UUID,
    version: int | None,
    document: Mapping[str, Any],
    now: datetime,
) -> tuple[Response, Sequence[str]]:
    """Save the whole document over the version that was read.

    Where a colleague saved since, both changes are laid together as long as they touch different
    places (`rules.merging`).

    Returns:
        The response, and the places taken over from colleagues.

    Raises:
        NotFound: no such response of yours.
        IfMatchMissing, ChangedMeanwhile: the version is missing, or both changed the same place.
        UnknownSupplier: a sub-tier entry names a supplier that is not yours.
        UnknownEvidence: an answer names evidence that you do not keep.
        Refusal: what does not fit the questionnaire, all of it (`answers/…`, `components/…`).
    """
    found = own_for_change(tx, who, response_id, version)
    assert version is not None
    return settle(tx, who, found, version, document, now)


def settle(
    tx: Session,
    who: Principal,
    found: Response,
    version: int,
    document: Mapping[str, Any],
    now: datetime,
) -> tuple[Response, Sequence[str]]:
    """Keep a document that began as `version` of a locked response; as `save` in all else."""
    taken: Sequence[str] = ()
    if version != found.version:
        document, taken = _together(tx, found, version, document)
    refuse_unfit(tx, who, found, document)
    return keep(tx, who, found, document, now), taken


def refuse_unfit(tx: Session, who: Principal, found: Response, document: Mapping[str, Any]) -> None:
    """Refuse a document that does not fit its questionnaire or names what is not the firm's.

    Raises:
        Refusal, UnknownSupplier, UnknownEvidence: as for `save`.
    """
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    drafts.read(document, questions)
    _refuse_strangers(tx, who, document)
    evidence.refuse_unknown(tx, who.org, document)


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
    found = own_for_change(tx, who, response_id, version)
    refuse_older(found, version)
    source = responses.own(tx, who.org, source_id)
    if source is None:
        raise NotFound("no such response to copy from")
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    document, left = drafts.without_unknown(source.document, questions)
    drafts.read(document, questions)
    tx.info["details"]["copied_from"] = str(source_id)
    return keep(tx, who, found, document, now), left


def add_ml_bom(
    tx: Session, who: Principal, objects: Objects, response_id: UUID, bom: ReadBom, now: datetime
) -> tuple[Response, list[str]]:
    """Add the AI components of a CycloneDX ML-BOM to the draft; known ones are left alone.

    The file itself is kept: the descriptors name it by its digest.

    Returns:
        The response, and the ids of the components added.

    Raises:
        NotFound: no such response of yours.
        Refusal: `components/too-many`.
        Unavailable: the file cannot be kept now.
    """
    found = responses.own_for_update(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    known = {one["supplier_component_id"] for one in found.document["components"]}
    drawn: dict[str, dict[str, Any]] = {}
    upload = bom.upload()
    for each in bom.bom.components:
        component = _component(each, upload.sha256)
        drawn.setdefault(component["supplier_component_id"], component)
    added = [ref for ref in drawn if ref not in known]
    components = [*found.document["components"], *(drawn[ref] for ref in added)]
    document = {**found.document, "components": components}
    _, questions = questionnaires.shown(tx, found.questionnaire_id)
    drafts.read(document, questions)
    evidence.keep_document(tx, who, objects, upload, "ml-bom", "CycloneDX ML-BOM")
    tx.info["details"]["components"] = added
    return keep(tx, who, found, document, now), added


def add_model_signing(
    tx: Session,
    who: Principal,
    objects: Objects,
    response_id: UUID,
    component: str,
    content: bytes,
    now: datetime,
) -> Response:
    """Bind a recognised model-signing bundle to one component of the draft, and keep it.

    Raises:
        NotFound: no such response of yours.
        UnknownComponent: the draft has no such component.
        Unavailable: the file cannot be kept now.
    """
    found = responses.own_for_update(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    upload = Upload(io.BytesIO(content), sha256(content), len(content), SIGSTORE)
    known = found.document["components"]
    if component not in {one["supplier_component_id"] for one in known}:
        raise UnknownComponent("the draft has no such component", component=component)
    bound = {"model_signing_sha256": upload.sha256}
    components = [
        {**one, **(bound if one["supplier_component_id"] == component else {})} for one in known
    ]
    evidence.keep_document(tx, who, objects, upload, "model-signing", f"Model signing: {component}")
    return keep(tx, who, found, {**found.document, "components": components}, now)


def own_for_change(tx: Session, who: Principal, response_id: UUID, version: int | None) -> Response:
    """Return a response of one's own, locked, given a version of it that was read.

    Raises:
        NotFound: no such response of yours.
        IfMatchMissing: no version came along.
        ChangedMeanwhile: there never was such a version.
    """
    found = responses.own_for_update(tx, who.org, response_id)
    if found is None:
        raise NotFound("no such response")
    if version is None:
        raise IfMatchMissing("send If-Match with the ETag of the version you read")
    if not 1 <= version <= found.version:
        raise ChangedMeanwhile("no such version", version=found.version, conflicts=[])
    return found


def keep(
    tx: Session, who: Principal, found: Response, document: Mapping[str, Any], now: datetime
) -> Response:
    """Make a document the newest version of a response that is locked, and note who changed what.

    A document that changes nothing makes no version: autosave comes often.
    """
    changed = merging.changes(found.document, document)
    if not changed and found.state != "opened":
        return found
    found.document = dict(document)
    found.version += 1
    found.state = "started"
    found.saved_at = now
    tx.add(
        ResponseSave(
            response_id=found.id,
            version=found.version,
            respondent_org_id=who.org,
            saved_by=who.subject,
            name=who.name,
            changes=changed,
            saved_at=now,
        )
    )
    request = requests.written_by(tx, found.respondent_org_id, found.request_id)
    assert request is not None
    # A signed answer stays the answer while its correction is being written; and what is typed in
    # moves nothing once the supplier answers itself.
    if not found.signed_revision and request.respondent_org_id in (None, who.org):
        if request.state == "declined":
            endings.take_back(tx, who, request, now)
        request.state = "started"
    tx.flush()
    return found


def base_of(tx: Session, found: Response, version: int) -> merging.Places:
    """Return the places of a response as they were in a version.

    Raises:
        ChangedMeanwhile: it was saved before saves were noted, and can no longer be told.
    """
    saves = answering.saves_after(tx, found.id, version)
    if len(saves) != found.version - version:
        refuse_older(found, version)
    return merging.rewound(found.document, [save.changes for save in saves])


def _together(
    tx: Session, found: Response, version: int, document: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Sequence[str]]:
    merged = merging.merge(base_of(tx, found, version), document, found.document)
    if isinstance(merged, merging.Merged):
        return merged.document, merged.taken
    saves = answering.saves_after(tx, found.id, version)
    raise ChangedMeanwhile(
        "a colleague changed the same places since you read it",
        version=found.version,
        conflicts=[_shown(clash, saves) for clash in merged],
    )


def _shown(clash: Clash, saves: Sequence[ResponseSave]) -> dict[str, Any]:
    last = next((save for save in saves if clash.where in save.changes), saves[0])
    return {
        "where": clash.where,
        "yours": list(clash.yours),
        "theirs": list(clash.theirs),
        "by": last.name,
        "at": last.saved_at.isoformat(),
    }


def refuse_older(found: Response, version: int | None) -> None:
    """Refuse any version but the newest. Raises `ChangedMeanwhile`."""
    if version != found.version:
        msg = "somebody saved since you read it"
        raise ChangedMeanwhile(msg, version=found.version, conflicts=[])


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
        "artifacts": [{"sha256": digest, "media_type": "application/octet-stream"}]
        if (digest := draft.hashes.get("SHA-256"))
        else [],
        "model_card": _card(draft.model_card) if draft.model_card else None,
        "answers": {},
    }


def _card(card: ModelCard) -> dict[str, Any]:
    return {
        "approach": card.approach,
        "task": card.task,
        "architecture": card.architecture,
        "datasets": list(card.datasets),
        "limitations": list(card.limitations),
    }
