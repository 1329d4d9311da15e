"""Whom a link alone may put in whose place."""

from __future__ import annotations

import pytest

from services.questionnaire.rules import contact_change


@pytest.mark.parametrize(
    ("invited", "named", "worth"),
    [
        ("a@firm.example", "b@firm.example", "changed"),
        ("a@firm.example", "b@FIRM.example", "changed"),
        ("a@firm.example", "b@sub.firm.example", "asked"),
        ("a@gmail.com", "b@gmail.com", "asked"),
        ("a@firm.example", "b@gmail.com", "asked"),
    ],
)
def test_only_the_firms_own_domain_speaks_for_the_firm(
    invited: str, named: str, worth: str
) -> None:
    assert contact_change.worth(invited, named) == worth
