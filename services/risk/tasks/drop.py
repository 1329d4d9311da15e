"""The nightly folder: scores as files for systems that can do no more than read files.

Per requester `<data folder>/drop/<organization>/`: `scores-<date>.csv`, then its control totals
`scores-<date>.totals.json`, and last `scores-<date>.done`. Whoever waits for the last one never
reads half a file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.clock import rfc3339
from services.kit.db import Actor
from services.kit.log import log
from services.kit.problems import Unavailable
from services.kit.settings import Settings
from services.risk.rules.serving import Charset
from services.risk.store import PLUMBING, exports
from services.risk.store.direct import Direct
from services.risk.store.exports import Totals
from services.risk.store.hooks import drops
from services.risk.store.served import Wanted

KEPT = timedelta(days=31)


def folder(settings: Settings, org: UUID) -> Path:
    """Return where a requester's files are put."""
    return settings.data_dir / "drop" / str(org)


def drop_all(tx: Session, settings: Settings, now: datetime) -> None:
    """Write today's files for everybody who asked for them; those of last month go."""
    wanted = [(one.org_id, one.encoding) for one in drops(tx)]
    direct = Direct(PLUMBING, settings.service_url("risk", "worker"), size=1)
    try:
        for org, encoding in wanted:
            charset: Charset = "cp932" if encoding == "cp932" else "utf-8"
            try:
                place = folder(settings, org)
                place.mkdir(parents=True, exist_ok=True, mode=0o750)
                asyncio.run(_drop(direct, org, charset, place / f"scores-{now:%Y%m%d}.csv"))
                _forget(place, now)
            except (OSError, Unavailable) as why:
                # A full disk, or somebody else's folder: without a done file nobody reads half of
                # it, and the others get theirs.
                log.error("no files for this night", org=str(org), error=repr(why))
    finally:
        direct.close()


async def _drop(direct: Direct, org: UUID, charset: Charset, path: Path) -> None:
    done = path.with_suffix(".done")
    # Written anew on the same day: nobody may take the old end for the new one.
    done.unlink(missing_ok=True)
    export = exports.export(direct, Actor("urn:rensho:drop", org), Wanted(), "csv", charset)
    try:
        totals = await anext(export)
    except exports.NothingServed:
        return
    assert isinstance(totals, Totals)
    digest, size, draft = hashlib.sha256(), 0, path.with_suffix(".part")
    with draft.open("wb") as file:
        async for part in export:
            assert isinstance(part, bytes)
            file.write(part)
            digest.update(part)
            size += len(part)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    told = {
        "file": path.name,
        "bytes": size,
        "sha256": digest.hexdigest(),
        "encoding": charset,
        "snapshot": str(totals.snapshot),
        "as_of": rfc3339(totals.as_of),
        "rows": totals.rows,
        "score_total": f"{totals.score_total:.1f}",
        "rows_left_out": sum(one.rows for one in totals.left_out),
        "left_out": [
            {"id": one.id, "vendor_codes": one.vendor_codes, "characters": one.characters}
            for one in totals.left_out
        ],
    }
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    _write(path.with_suffix(".totals.json"), text)
    # Last of all: a crash before this line leaves a night without a file that counts.
    _write(done, "")


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _forget(place: Path, now: datetime) -> None:
    oldest = f"scores-{now - KEPT:%Y%m%d}"
    for path in place.glob("scores-*"):
        if path.name.partition(".")[0] < oldest:
            path.unlink()
