"""An outside observer of logs that a customer can run: it cosigns what grows, and nothing else.

Protocol: C2SP tlog-witness and tlog-cosignature v1. It needs a folder and no database, and knows
of Rensho only the client package's checks.
"""

from __future__ import annotations

from services.witness.command import command
from services.witness.logs import Unnamed
from services.witness.logs import read as read_logs
from services.witness.memory import Refused, Unusable, Witness
from services.witness.process import Running, beside, run, running

__all__ = [
    "Refused",
    "Running",
    "Unnamed",
    "Unusable",
    "Witness",
    "beside",
    "command",
    "read_logs",
    "run",
    "running",
]
