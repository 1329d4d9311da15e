"""Plumbing without a business noun: a bicycle shop could use it unchanged."""
