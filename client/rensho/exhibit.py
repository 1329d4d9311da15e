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

    `key`, `statement`, `checkpoint`, `position` and `moment` (T) are None until a step has
    verified them: nothing in here is a mere claim. `fixed_role` is set for a key Trust itself
    names.
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
