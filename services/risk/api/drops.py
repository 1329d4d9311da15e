"""The nightly folder, for systems that can do no more than read files."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from services.kit.auth import Who, needs
from services.kit.web import Model, Now, Tx
from services.risk.actions import drops as actions
from services.risk.rules.serving import Charset

router = APIRouter(prefix="/folder-drop", tags=["exports"])


class DropIn(Model):
    """In which encoding the files shall be: utf-8 (with BOM) or cp932."""

    encoding: Charset = "utf-8"


class DropOut(Model):
    """Files that are put into a folder at night: `drop/<organization>/` under the data folder.

    `scores-<date>.csv`, `scores-<date>.totals.json`, and last `scores-<date>.done`.
    """

    encoding: Charset
    asked_at: datetime


@router.get("", dependencies=[needs("deliveries.read")])
def get_folder_drop(tx: Tx, who: Who) -> DropOut:
    """Get what you asked for."""
    return DropOut.model_validate(actions.asked(tx, who))


@router.put("", dependencies=[needs("deliveries.write")])
def ask_for_folder_drop(tx: Tx, who: Who, now: Now, body: DropIn) -> DropOut:
    """Have your scores put into a folder as files every night, from the next one on."""
    return DropOut.model_validate(actions.ask(tx, who, body.encoding, now))


@router.delete("", status_code=204, dependencies=[needs("deliveries.write")])
def stop_folder_drop(tx: Tx, who: Who, now: Now) -> None:
    """Have no more files; those that are there stay for a month."""
    actions.stop(tx, who, now)
