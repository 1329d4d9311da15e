"""Tables and named queries of the asking."""

from services.questionnaire.store.tables import PLUMBING, metadata

__all__ = ["PLUMBING", "metadata"]
