"""What the rules refuse, and why, in words that are safe to show."""

from __future__ import annotations


class RuleError(ValueError):
    """A rule said no. `urn` is stable; the message names the place, never a firm."""

    urn = "risk/refused"


class PolicyRefused(RuleError):
    """A policy file with a number outside its range, missing or of the wrong kind."""

    urn = "risk/policy-refused"


class FactsRefused(RuleError):
    """A facts document that does not hold together."""

    urn = "risk/facts-refused"


class NotSettled(RuleError):
    """The fixed point of one group of mutual suppliers was not reached in the allowed sweeps."""

    urn = "risk/not-settled"
