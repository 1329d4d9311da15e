"""A file on its way in: received piece by piece, hashed while it comes, kept nowhere until whole.

No transaction is open meanwhile: a slow sender holds a nameless temporary file and nothing else,
and whatever ends the upload early leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import IO, Annotated, Final, Literal

from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from services.kit.log import log
from services.kit.problems import Refused, Unavailable
from services.kit.web import Model
from services.questionnaire.actions.evidence import Upload
from services.questionnaire.api.edge import Line
from services.questionnaire.rules import media
from services.questionnaire.store.objects import Objects

LONGEST_SECONDS: Final = 600


class TooSlow(Refused):
    """The upload did not end in time; nothing was kept."""

    urn = "evidence/too-slow"
    status = HTTPStatus.REQUEST_TIMEOUT


class Aborted(Refused):
    """The sender went away before the end; nothing was kept."""

    urn = "evidence/aborted"
    status = HTTPStatus.BAD_REQUEST


class Described(Model):
    """What the sender says of a file; `effective_on` is the document's own date."""

    title: Line
    effective_on: date
    confidentiality: Literal["public", "confidential", "strictly-confidential"] = "confidential"


@dataclass(frozen=True)
class Received:
    """A described file, whole, its type told by its content."""

    described: Described
    upload: Upload


def evidence_objects(request: Request) -> Objects:
    """Return where evidence is kept."""
    found: Objects = request.app.state.evidence
    return found


Kept = Annotated[Objects, Depends(evidence_objects)]


async def _received(
    request: Request, described: Annotated[Described, Query()]
) -> AsyncIterator[Received]:
    upload = await _taken(request, request.app.state.incoming)
    with upload.content:
        yield Received(described, upload)


Whole = Annotated[Received, Depends(_received, scope="function")]
"""Put before the transaction among a route's parameters: dependencies run in that order."""


async def _taken(request: Request, folder: Path) -> Upload:
    try:
        file = await run_in_threadpool(_nameless, folder)
    except OSError as why:
        raise _cannot(why) from why
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            sha256, size = await _spool(request, file)
        return await run_in_threadpool(_recognized, file, sha256, size)
    except BaseException as why:
        file.close()
        match why:
            case TimeoutError():
                raise TooSlow("the upload took too long; nothing was kept") from why
            case ClientDisconnect():
                raise Aborted("the upload broke off; nothing was kept") from why
            case OSError():
                raise _cannot(why) from why
        raise


def _nameless(folder: Path) -> IO[bytes]:
    """Without a name from the start: even a killed process leaves nothing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


def _cannot(why: OSError) -> Unavailable:
    log.error("upload not held", error=repr(why))
    return Unavailable("the file cannot be taken now; try again", retry_after=30)


async def _spool(request: Request, file: IO[bytes]) -> tuple[str, int]:
    hashed, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        hashed.update(chunk)
        size += len(chunk)
        await run_in_threadpool(file.write, chunk)
    return hashed.hexdigest(), size


def _recognized(file: IO[bytes], sha256: str, size: int) -> Upload:
    file.flush()
    if size == 0:
        media_type = media.detect(b"")
    else:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            media_type = media.detect(content)
    file.seek(0)
    return Upload(file, sha256, size, media_type)
