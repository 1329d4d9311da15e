"""The evidence: keys, statements, the log, receipts."""
