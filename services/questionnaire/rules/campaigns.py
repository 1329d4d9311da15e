"""The life of a campaign: what may be done in which state.

draft → (in-approval → agreed) → prepared → issued → closed; cancelled from anywhere before
that. What was handed out for signing is withdrawn on purpose before the draft can be changed.
"""

from __future__ import annotations

from typing import Final, Literal

State = Literal["draft", "in-approval", "agreed", "prepared", "issued", "closed", "cancelled"]
Deed = Literal[
    "change",
    "submit",
    "agree",
    "return",
    "prepare",
    "withdraw",
    "issue",
    "close",
    "reopen",
    "cancel",
]

_MAY: Final[dict[Deed, dict[State, State]]] = {
    "change": {"draft": "draft"},
    "submit": {"draft": "in-approval"},
    "agree": {"in-approval": "agreed"},
    "return": {"in-approval": "draft"},
    "prepare": {"draft": "prepared", "agreed": "prepared", "prepared": "prepared"},
    "withdraw": {"in-approval": "draft", "agreed": "draft", "prepared": "draft"},
    "issue": {"prepared": "issued"},
    "close": {"issued": "closed"},
    "reopen": {"closed": "issued"},
    "cancel": {
        "draft": "cancelled",
        "in-approval": "cancelled",
        "agreed": "cancelled",
        "prepared": "cancelled",
        "issued": "cancelled",
    },
}


def after(deed: Deed, state: State) -> State | None:
    """Return the state after a deed; None where it cannot be done in this state."""
    return _MAY[deed].get(state)


def may(state: State) -> list[Deed]:
    """Return what a person can do in a state: what a page offers. Issuing is the log's word."""
    return [deed for deed, steps in _MAY.items() if state in steps and deed != "issue"]
