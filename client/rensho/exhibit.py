"""One signed statement under examination."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rensho.bundle import Bundle
from rensho.checkpoint import Checkpoint
from rensho.keyring import Position
from rensho.keys import PublicKey
from rensho.statement import Statement
from rensho.trust import Deployment
from rensho.verdict import Docket


@dataclass
class Exhibit:
    """A bundle and what the steps have established about it so far.

    `key`, `statement`, `checkpoint`, `position`, `moment` (T) and `revocation_moment` are None
    until a step has verified them: nothing in here is a mere claim. T is the earliest time, for
    questions of expiry; the other is the T of questions of revocation (section 5). `fixed_role`
    is set for a key Trust itself names. `handed_on_by` are the firms above whose sub-tier list an
    answer of somebody below stands, where it is not addressed to the reader itself; `granted`
    says that a grant opens it to the reader.
    """

    bundle: Bundle
    deployment: Deployment
    statement_id: str
    docket: Docket = field(default_factory=Docket)
    key: PublicKey | None = None
    fixed_role: str | None = None
    statement: Statement | None = None
    checkpoint: Checkpoint | None = None
    position: Position | None = None
    promised_at: datetime | None = None
    moment: datetime | None = None
    revocation_moment: datetime | None = None
    handed_on_by: frozenset[str] = frozenset()
    granted: bool = False
