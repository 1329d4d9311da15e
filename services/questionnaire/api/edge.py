"""What several routes share at the edge: cursors, ETags, raw bodies, and who is about to sign."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from fastapi import Depends, Header, Request
from pydantic import AwareDatetime, Field, StringConstraints
from rensho import strict_base64, strict_json
from rensho.errors import VerificationError
from rensho.predicates import Role
from rensho.statement import Anchor

from services.kit.problems import Invalid, TooLarge
from services.kit.web import Model
from services.questionnaire.actions import bom_reading
from services.questionnaire.actions.bom_reading import ReadBom
from services.questionnaire.actions.signing import Deployment, Hand, ToSign
from services.questionnaire.rules.refusals import Text

MAX_FILE_BYTES = 5 * 1024 * 1024
MAX_JSON_BYTES = 1024 * 1024

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Dependency = Literal["negligible", "minor", "moderate", "major", "critical"]

_ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')


class Bilingual(Model):
    """The same words in Japanese and English."""

    ja: str
    en: str


def bilingual(text: Text) -> Bilingual:
    """Show a text in both languages."""
    return Bilingual(ja=text.ja, en=text.en)


class NotStrictJson(Exception):
    """A body that is to be signed is not JSON everybody reads alike (profile section 1)."""

    def __init__(self, why: VerificationError) -> None:
        super().__init__(why.detail or why.code)
        self.urn = why.code


async def _bytes(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_bytes)]
"""The body as it came."""


async def _strict(request: Request) -> None:
    content = await request.body()
    if len(content) > MAX_JSON_BYTES:
        raise TooLarge(f"this body may have {MAX_JSON_BYTES} bytes")
    read_strictly(content)


strict_body: Any = Depends(_strict)
"""Refuses what two readers could read differently, before anybody signs it: a route dependency."""


def read_strictly(content: bytes) -> Any:
    """Parse JSON the strict way.

    Raises:
        NotStrictJson: with the profile's code, such as `json.duplicate_key`.
    """
    try:
        return strict_json.loads(content)
    except VerificationError as why:
        raise NotStrictJson(why) from why


def base64_of(text: str) -> bytes:
    """Decode canonical base64.

    Raises:
        NotStrictJson: `base64.not_canonical`.
    """
    try:
        return strict_base64.decode(text)
    except VerificationError as why:
        raise NotStrictJson(why) from why


def _bom(content: Body) -> ReadBom:
    try:
        return bom_reading.read(content)
    except VerificationError as why:
        raise NotStrictJson(why) from why


Bom = Annotated[ReadBom, Depends(_bom, scope="function")]
"""An ML-BOM as the body, read before any transaction begins."""


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...


def after(cursor: str | None) -> UUID | None:
    """Read a cursor of ours; None starts at the beginning."""
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except (ValueError, binascii.Error) as why:
        raise Invalid("this cursor is none of ours") from why


def cursor_of(row_id: UUID) -> str:
    """Return the cursor behind a row."""
    return base64.urlsafe_b64encode(row_id.bytes).rstrip(b"=").decode()


def cursor_after(rows: Sequence[_HasId], limit: int) -> str | None:
    """Return where the next page begins, given up to `limit` + 1 rows; None at the end."""
    if len(rows) <= limit:
        return None
    return cursor_of(rows[limit - 1].id)


def _version(if_match: Annotated[str | None, Header(max_length=100)] = None) -> int | None:
    if if_match is None:
        return None
    found = _ETAG.fullmatch(if_match.strip())
    # An ETag that is none of ours matches no version.
    return int(found[1]) if found else -1


Version = Annotated[int | None, Depends(_version)]
"""The version of `If-Match`; None where the header is missing."""


def etag(version: int) -> dict[str, str]:
    """Return the header that names a version."""
    return {"ETag": f'"{version}"'}


def _deployment(request: Request) -> Deployment:
    found: Deployment = request.app.state.deployment
    return found


Deployed = Annotated[Deployment, Depends(_deployment)]


class AnchorIn(Model):
    """The checkpoint the signer has seen; `root_hash` as in statements: lowercase hex sha256."""

    origin: Line
    size: int = Field(ge=0)
    root_hash: Sha256


class HandIn(Model):
    """Who is about to sign: the key's id (base64 sha256 of its SPKI), role, time, checkpoint."""

    key_id: str = Field(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")
    role: Role
    attested_at: AwareDatetime
    anchor: AnchorIn

    def hand(self) -> Hand:
        """Return it as the actions know it, in whole seconds."""
        return Hand(
            self.key_id,
            self.role,
            self.attested_at.replace(microsecond=0),
            Anchor(self.anchor.origin, self.anchor.size, bytes.fromhex(self.anchor.root_hash)),
        )


class StatementOut(Model):
    """One statement to sign: DSSE over `payload` (base64) as it is."""

    statement_id: str
    type: str
    payload: str


def statement_out(statement: ToSign) -> StatementOut:
    """Show a statement."""
    return StatementOut(
        statement_id=statement.statement_id,
        type=statement.type,
        payload=base64.b64encode(statement.payload).decode("ascii"),
    )
