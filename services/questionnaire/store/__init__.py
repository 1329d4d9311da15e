"""Tables and named queries of the asking."""

from services.questionnaire.store import answering as _answering
from services.questionnaire.store import approval_rows as _approval
from services.questionnaire.store import asking_rows as _asking
from services.questionnaire.store import evidence as _evidence
from services.questionnaire.store import firm_rows as _firms
from services.questionnaire.store import reviewing as _reviewing
from services.questionnaire.store.tables import PLUMBING, metadata

__all__ = ["PLUMBING", "metadata"]

# Their tables are part of the schema.
assert _evidence.Evidence.metadata is _firms.Contact.metadata is metadata
assert _asking.Mail.metadata is _approval.CampaignStep.metadata is metadata
assert _answering.Message.metadata is _reviewing.Granted.metadata is metadata
