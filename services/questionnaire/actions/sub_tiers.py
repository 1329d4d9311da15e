"""The respondent's own suppliers as its declaration lists them: named, masked or only counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from rensho.blocks import SubTier
from rensho.entries import Dependency, SubTierEntry, Visibility
from sqlalchemy.orm import Session

from services.kit.problems import Refused
from services.questionnaire.actions.signing import making
from services.questionnaire.rules.drafts import SubTierDraft, SubTierLine
from services.questionnaire.rules.refusals import Text
from services.questionnaire.store import suppliers
from services.questionnaire.store.tables import Supplier

SILENT: Final[dict[str, Any]] = {"declared": None, "totals": None, "entries": []}
"""What risk is told where nothing is declared of the tier below."""

_NOT_ENROLLED: Final = Text(
    "この仕入先は未登録のため、今回は匿名開示として記載しました",
    "this supplier has not enrolled, so it is listed as masked this time",
)


class UnknownSupplier(Refused):
    """An entry names a supplier that is no longer in your own list."""

    urn = "sub-tier/unknown-supplier"


@dataclass(frozen=True)
class SubTierToSign:
    """A sub-tier block, the texts that open it, and what risk is told.

    `kept_back` has the totals where they are not opened. `notes`: what went in otherwise than it
    was asked for, as `[{"supplier_id", "asked", "went_as", "reason": {"ja", "en"}}]`.
    """

    block: SubTier
    opened: tuple[str, ...]
    kept_back: tuple[str, ...]
    told: dict[str, Any]
    notes: list[dict[str, Any]]


def resolve(tx: Session, org: UUID, draft: SubTierDraft | None) -> SubTierToSign | None:
    """Lay out the tier below for signing; None where the respondent is silent about it.

    A named entry needs an enrolled organization; without one it goes as masked, with a note.

    Raises:
        UnknownSupplier: an entry's supplier is not in the respondent's list.
    """
    if draft is None:
        return None
    known = suppliers.known_ids(tx, org, {line.supplier_id for line in draft.entries})
    if missing := {line.supplier_id for line in draft.entries} - set(known):
        raise UnknownSupplier(
            "a listed supplier is not in your own list",
            supplier_ids=sorted(str(each) for each in missing),
        )
    told = [_told(line, known[line.supplier_id]) for line in draft.entries]
    entries = [_entry(each) for each in told]
    undisclosed = cast("dict[Dependency, int]", dict(draft.undisclosed))
    with making():
        block, texts = SubTier.make(entries, undisclosed)
    totals = Counter(draft.undisclosed)
    totals.update(each["dependency"] for each in told)
    opened = (*texts.entries, *((texts.totals,) if draft.open_totals else ()))
    return SubTierToSign(
        block=block,
        opened=opened,
        kept_back=() if draft.open_totals else (texts.totals,),
        told={
            "declared": block.declared,
            "totals": dict(totals) if draft.open_totals else None,
            "entries": told,
        },
        notes=_notes(draft, told),
    )


def _notes(draft: SubTierDraft, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "supplier_id": each["supplier_id"],
            "asked": line.visibility,
            "went_as": each["visibility"],
            "reason": _NOT_ENROLLED.document(),
        }
        for line, each in zip(draft.entries, told, strict=True)
        if line.visibility != each["visibility"]
    ]


def _told(line: SubTierLine, supplier: Supplier) -> dict[str, Any]:
    link = supplier.link
    named = line.visibility == "named" and link.supplier_org_id is not None
    pass_through = link.pass_through if line.pass_through is None else line.pass_through
    return {
        "dependency": line.dependency or link.dependency,
        "visibility": "named" if named else "masked",
        # A masked firm is known to the service so that its own statements count; its name and id
        # are in nothing the audience reads.
        "org_id": link.supplier_org_id and str(link.supplier_org_id),
        "supplier_id": str(supplier.id),
        "pass_through": pass_through,
    }


def _entry(told: dict[str, Any]) -> SubTierEntry:
    return SubTierEntry(
        dependency=cast("Dependency", told["dependency"]),
        visibility=cast("Visibility", told["visibility"]),
        org=f"urn:rensho:org:{told['org_id']}" if told["visibility"] == "named" else None,
        pass_through=told["pass_through"],
    )
