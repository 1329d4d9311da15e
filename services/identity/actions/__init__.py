"""What identity does: one function, one transaction, one sentence."""

from services.identity.actions.codes import tell_code
from services.identity.actions.deployment import Deployment
from services.identity.actions.enrolment import invite_first

__all__ = ["Deployment", "invite_first", "tell_code"]
